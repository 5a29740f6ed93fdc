-- begin: count an attempt before its work begins, where a crash cannot undo it.
--
-- KEYS
--   1 gradient:processing
--   2 gradientd:leases
--   3 gradientd:owners
--   4 gradientd:attempts
--   5 gradient:job:{jobId}   unused for an inline job
--   6 gradient:{storageKey}
--   7 gradientd:fingerprints
-- ARGV
--   1 element
--   2 identity
--   3 token
--   4 form                   id or inline
--   5 job_json               the job with this attempt counted
--   6 attempts               attempts begun, this one included
--   7 result_head            the result's JSON up to its times
--   8 job_ttl_s              seconds
--   9 result_ttl_s           seconds
-- RETURNS
--   0 OK
--   1 LEASE_LOST             nothing was changed
--   2 GONE                   the ID's data has expired: the element was removed
-- INVARIANT
--   The job key keeps the TTL that it has. `processing` never overwrites `completed`.

-- include: _result
-- include: _lease

local processing, leases, owners, attempts = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local job_key, result_key, fingerprints = KEYS[5], KEYS[6], KEYS[7]
local element, identity, token, form = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local job_json, attempts_begun, result_head = ARGV[5], ARGV[6], ARGV[7]
local job_ttl_s, result_ttl_s = ARGV[8], ARGV[9]

if redis.call('HGET', owners, identity) ~= token then return 1 end

if form == 'inline' then
  redis.call('HSET', attempts, identity, attempts_begun)
elseif redis.call('SET', job_key, job_json, 'XX', 'KEEPTTL') then
  remember_data(fingerprints, identity, job_json)
  if redis.call('TTL', job_key) < 0 then redis.call('EXPIRE', job_key, job_ttl_s) end
else
  redis.call('LREM', processing, 1, element)
  end_lease(leases, owners, fingerprints, identity)
  return 2
end
write_unfinished_result(result_key, result_head, result_ttl_s, clock_ms())
return 0
