-- promote: move the retries that are due to the queue's right.
--
-- KEYS
--   1 gradient:delayed
--   2 gradient:queue
-- ARGV
--   1 max_count              how many at most in this call
-- RETURNS
--   how many were moved, and the ms until the next is due (at most a day), or nil when none waits
-- INVARIANT
--   A job is pushed only if its ZREM removed it, so that two who promote never make two of one. The first write is
--   ZREM, so it is let through out of memory.

-- include: _clock

local delayed, queue = KEYS[1], KEYS[2]
local max_count = ARGV[1]
local DAY_MS = 86400000

local now_ms = clock_ms()
local moved = 0
for _, element in ipairs(redis.call('ZRANGEBYSCORE', delayed, '-inf', digits(now_ms), 'LIMIT', 0, max_count)) do
  if redis.call('ZREM', delayed, element) == 1 then
    redis.call('RPUSH', queue, element)
    moved = moved + 1
  end
end

local next_one = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
if #next_one == 0 then return { moved, false } end
return { moved, math.max(0, math.min(DAY_MS, math.ceil(tonumber(next_one[2]) - now_ms))) }
