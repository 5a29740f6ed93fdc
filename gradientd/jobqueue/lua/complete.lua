-- complete: store a gradient and end its job.
--
-- KEYS
--   1 gradient:processing
--   2 gradient:queue
--   3 gradientd:leases
--   4 gradientd:owners
--   5 gradientd:attempts
--   6 gradient:job:{jobId}   an inline job has none
--   7 gradient:{storageKey}
--   8 gradientd:dead
--   9 gradientd:dead:index
--  10 gradientd:recent
--  11 gradientd:recent:ms
--  12 gradientd:reasons
--  13 gradientd:fingerprints
-- ARGV
--   1 element
--   2 identity
--   3 token
--   4 job_json               the job as begin wrote it
--   5 storage_key
--   6 result_head            the result's JSON up to its times
--   7 result_ttl_s           seconds
--   8 processing_ms          ms
--   9 recent_max             how many of the newest results are remembered
-- RETURNS
--   0 STORED
--   1 STALE                  the lease is another's: the result was stored, its job is left to it
-- INVARIANT
--   The result is always written, in one SET with its TTL. The first write is ZREM, so it is let through out of memory.
--   A job key that somebody has written since stays: the picture was enqueued again.

-- include: _result
-- include: _lease

local processing, queue, leases, owners, attempts = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local job_key, result_key, dead, dead_index = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local recent, recent_ms, reasons, fingerprints = KEYS[10], KEYS[11], KEYS[12], KEYS[13]
local element, identity, token, job_json, storage_key = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local result_head, result_ttl_s, processing_ms, recent_max = ARGV[6], ARGV[7], ARGV[8], tonumber(ARGV[9])

redis.call('ZREM', recent, storage_key)

local now_ms = clock_ms()
local owner = redis.call('HGET', owners, identity)
local is_stale = owner and owner ~= token

if owner == token then
  take_out(processing, queue, element)
elseif not owner then
  redis.call('LREM', processing, 1, element)
end
if not is_stale then
  end_lease(leases, owners, fingerprints, identity)
  redis.call('HDEL', attempts, identity)
  redis.call('HDEL', reasons, identity)
  if redis.pcall('GET', job_key) == job_json then redis.call('DEL', job_key) end
end

write_result(result_key, result_head, result_ttl_s, now_ms)

redis.call('HDEL', dead, storage_key)
redis.call('ZREM', dead_index, storage_key)

redis.call('ZADD', recent, digits(now_ms), storage_key)
redis.call('HSET', recent_ms, storage_key, processing_ms)
for _, oldest in ipairs(redis.call('ZRANGE', recent, 0, -recent_max - 1)) do
  redis.call('ZREM', recent, oldest)
  redis.call('HDEL', recent_ms, oldest)
end

return is_stale and 1 or 0
