-- include: _clock
-- include: _sha1

-- A lease is up to three entries that come and go together: a deadline, a token, and an ID's data by its fingerprint.
local function begin_lease(leases, owners, identity, token, deadline_ms)
  redis.call('ZADD', leases, digits(deadline_ms), identity)
  redis.call('HSET', owners, identity, token)
end

local function end_lease(leases, owners, fingerprints, identity)
  redis.call('ZREM', leases, identity)
  redis.call('HDEL', owners, identity)
  redis.call('HDEL', fingerprints, identity)
end

-- Remember an ID's data as its holder leaves it: a v1 peer that gets hold of the job writes it anew. An inline job has
-- none apart from its element.
local function remember_data(fingerprints, identity, data)
  if data then
    redis.call('HSET', fingerprints, identity, sha1hex(data))
  else
    redis.call('HDEL', fingerprints, identity)
  end
end

-- Take an element that is ours out of processing, or out of the queue's right end, where a v1 peer's stop() moved it.
-- LREM frees memory, so that a script that begins with this is let through when the server has none left.
local function take_out(processing, queue, element)
  if redis.call('LREM', processing, 1, element) == 0 then
    redis.call('LREM', queue, -1, element)
  end
end
