-- release: hand a job back to the head of the queue as if it had never been taken.
--
-- KEYS
--   1 gradient:processing
--   2 gradient:queue
--   3 gradientd:leases
--   4 gradientd:owners
--   5 gradientd:attempts
--   6 gradient:job:{jobId}   unused for an inline job
--   7 gradient:{storageKey}  unused when result_head is empty
--   8 gradientd:fingerprints
-- ARGV
--   1 element
--   2 identity
--   3 token
--   4 form                   id or inline
--   5 job_json               the job as begin wrote it, empty when it never began
--   6 data                   the job as it was taken
--   7 attempts               attempts begun before this one
--   8 result_head            the result's JSON up to its times, empty when begin wrote none
--   9 result_ttl_s           seconds
-- RETURNS
--   0 LEASE_LOST             nothing was changed
--   1 DONE
-- INVARIANT
--   Acts only while the lease is ours. The first write is LREM, so it is let through out of memory. The attempt is
--   given back: the job key, or the count of an inline job, is again what it was.

-- include: _result
-- include: _lease

local processing, queue, leases, owners, attempts = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local job_key, result_key, fingerprints = KEYS[6], KEYS[7], KEYS[8]
local element, identity, token, form, job_json = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local data, attempts_before, result_head, result_ttl_s = ARGV[6], tonumber(ARGV[7]), ARGV[8], ARGV[9]

if redis.call('HGET', owners, identity) ~= token then return 0 end

take_out(processing, queue, element)
end_lease(leases, owners, fingerprints, identity)
redis.call('LPUSH', queue, element)

if form == 'inline' then
  if attempts_before > 0 then
    redis.call('HSET', attempts, identity, attempts_before)
  else
    redis.call('HDEL', attempts, identity)
  end
elseif job_json ~= '' and redis.pcall('GET', job_key) == job_json then
  redis.call('SET', job_key, data, 'KEEPTTL')
end

if result_head ~= '' then
  write_unfinished_result(result_key, result_head, result_ttl_s, clock_ms())
end
return 1
