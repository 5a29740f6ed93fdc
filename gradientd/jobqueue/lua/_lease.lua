-- A lease is two entries that come and go together: a deadline and a token.
local function begin_lease(leases, owners, identity, token, deadline_ms)
  redis.call('ZADD', leases, digits(deadline_ms), identity)
  redis.call('HSET', owners, identity, token)
end

local function end_lease(leases, owners, identity)
  redis.call('ZREM', leases, identity)
  redis.call('HDEL', owners, identity)
end

-- Take an element that is ours out of processing, or out of the queue's right end, where a v1 peer's stop() moved it.
-- LREM frees memory, so that a script that begins with this is let through when the server has none left.
local function take_out(processing, queue, element)
  if redis.call('LREM', processing, 1, element) == 0 then
    redis.call('LREM', queue, -1, element)
  end
end
