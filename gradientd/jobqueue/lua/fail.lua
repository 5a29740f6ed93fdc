-- fail: end a job for good and keep it as a dead letter.
--
-- KEYS
--   1 gradient:processing
--   2 gradient:queue
--   3 gradientd:leases
--   4 gradientd:owners
--   5 gradientd:attempts
--   6 gradient:job:{jobId}   an inline job has none
--   7 gradient:{storageKey}  unused when result_head is empty
--   8 gradientd:dead
--   9 gradientd:dead:index
--  10 gradientd:reasons
--  11 gradientd:fingerprints
-- ARGV
--   1 element
--   2 identity
--   3 token
--   4 job_json               the job as begin wrote it, empty when it never began
--   5 data                   the job as it was taken
--   6 result_head            the result's JSON up to its times, empty when no result may be written
--   7 result_ttl_s           seconds
--   8 letter_field           the storage key, or "!" and the identity
--   9 letter_head            the dead letter's JSON up to its time; it holds the token
--  10 dead_max               how many dead letters are kept
-- RETURNS
--   0 LEASE_LOST             nothing was changed
--   1 DONE
--   2 DONE_BEFORE            an earlier call did it and its reply was lost
-- INVARIANT
--   Acts only while the lease is ours. The first write is LREM, so it is let through out of memory. `failed` never
--   overwrites `completed`. One dead letter a picture, the newest; the oldest pictures' go when there are too many.

-- include: _result
-- include: _lease

local processing, queue, leases, owners, attempts = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local job_key, result_key, dead, dead_index = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local reasons, fingerprints = KEYS[10], KEYS[11]
local element, identity, token, job_json, data = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local result_head, result_ttl_s = ARGV[6], ARGV[7]
local letter_field, letter_head, dead_max = ARGV[8], ARGV[9], tonumber(ARGV[10])

local owner = redis.call('HGET', owners, identity)
if owner ~= token then
  local letter = redis.call('HGET', dead, letter_field)
  return letter and string.find(letter, token, 1, true) and 2 or 0
end

take_out(processing, queue, element)
end_lease(leases, owners, fingerprints, identity)
redis.call('HDEL', attempts, identity)
redis.call('HDEL', reasons, identity)
local stored = redis.pcall('GET', job_key)
if stored == job_json or stored == data then redis.call('DEL', job_key) end

local now_ms = clock_ms()
if result_head ~= '' then
  write_unfinished_result(result_key, result_head, result_ttl_s, now_ms)
end

redis.call('HSET', dead, letter_field, letter_head .. ',"failedAt":' .. digits(now_ms) .. '}')
redis.call('ZADD', dead_index, digits(now_ms), letter_field)
for _, oldest in ipairs(redis.call('ZRANGE', dead_index, 0, -dead_max - 1)) do
  redis.call('HDEL', dead, oldest)
  redis.call('ZREM', dead_index, oldest)
end
return 1
