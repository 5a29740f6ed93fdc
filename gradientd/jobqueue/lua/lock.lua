-- lock: take a lock, or keep it.
--
-- KEYS
--   1 gradientd:lock:audit
-- ARGV
--   1 holder
--   2 ttl_ms                 for how long from now, ms
-- RETURNS
--   0 HELD                   by somebody else
--   1 OURS
-- INVARIANT
--   One holder at a time; a lock ends by itself.

local lock = KEYS[1]
local holder, ttl_ms = ARGV[1], ARGV[2]

local present = redis.call('GET', lock)
if present and present ~= holder then return 0 end
redis.call('SET', lock, holder, 'PX', ttl_ms)
return 1
