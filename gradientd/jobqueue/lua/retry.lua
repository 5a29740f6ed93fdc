-- retry: end a failed attempt and let its job wait for the next one.
--
-- KEYS
--   1 gradient:processing
--   2 gradient:queue
--   3 gradient:delayed
--   4 gradientd:leases
--   5 gradientd:owners
--   6 gradient:{storageKey}
--   7 gradientd:reasons
--   8 gradientd:fingerprints
-- ARGV
--   1 element
--   2 identity
--   3 token
--   4 waiting                what waits: the ID, or the inline job's JSON with attempts and createdAt
--   5 delay_ms               ms from now
--   6 result_head            the result's JSON up to its times
--   7 result_ttl_s           seconds
--   8 reason                 why the attempt failed, a sentence
-- RETURNS
--   0 LEASE_LOST             nothing was changed
--   1 DONE
--   2 DONE_BEFORE            an earlier call did it and its reply was lost
-- INVARIANT
--   Acts only while the lease is ours. The first write is LREM, so it is let through out of memory.

-- include: _result
-- include: _lease

local processing, queue, delayed = KEYS[1], KEYS[2], KEYS[3]
local leases, owners, result_key = KEYS[4], KEYS[5], KEYS[6]
local reasons, fingerprints = KEYS[7], KEYS[8]
local element, identity, token, waiting = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local delay_ms, result_head, result_ttl_s, reason = tonumber(ARGV[5]), ARGV[6], ARGV[7], ARGV[8]

local owner = redis.call('HGET', owners, identity)
if owner ~= token then
  local is_done = not owner and redis.call('ZSCORE', delayed, waiting)
  return is_done and 2 or 0
end

take_out(processing, queue, element)
end_lease(leases, owners, fingerprints, identity)
local now_ms = clock_ms()
redis.call('ZADD', delayed, digits(now_ms + delay_ms), waiting)
redis.call('HSET', reasons, identity, reason)
write_unfinished_result(result_key, result_head, result_ttl_s, now_ms)
return 1
