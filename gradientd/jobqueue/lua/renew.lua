-- renew: keep a worker's leases alive, all in one call, and say that the worker lives.
--
-- KEYS
--   1 gradientd:leases
--   2 gradientd:owners
--   3 gradientd:worker:{id}
-- ARGV
--   1 lease_ms               how long each lease lasts from now, ms
--   2 heartbeat              the worker's JSON
--   3 heartbeat_ttl_ms       ms
--   4 identity, token        and so on, in pairs
-- RETURNS
--   the identities whose lease is no longer ours
-- INVARIANT
--   Only a lease that still bears its token is renewed. The first write is ZREM, so it is let through out of memory;
--   it removes nothing, since no identity is the name of a key of ours.

-- include: _clock

local leases, owners, worker_key = KEYS[1], KEYS[2], KEYS[3]
local lease_ms, heartbeat, heartbeat_ttl_ms = tonumber(ARGV[1]), ARGV[2], ARGV[3]

redis.call('ZREM', leases, worker_key)

local deadline_ms = digits(clock_ms() + lease_ms)
local lost = {}
for i = 4, #ARGV, 2 do
  local identity, token = ARGV[i], ARGV[i + 1]
  if redis.call('HGET', owners, identity) == token then
    redis.call('ZADD', leases, deadline_ms, identity)
  else
    lost[#lost + 1] = identity
  end
end
redis.call('SET', worker_key, heartbeat, 'PX', heartbeat_ttl_ms)
return lost
