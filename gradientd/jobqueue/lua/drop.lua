-- drop: forget an ID whose data expired while it was queued.
--
-- KEYS
--   1 gradient:processing
--   2 gradient:queue
--   3 gradientd:leases
--   4 gradientd:owners
--   5 gradientd:reasons
--   6 gradientd:fingerprints
-- ARGV
--   1 element
--   2 identity
--   3 token
-- RETURNS
--   0 LEASE_LOST             nothing was changed
--   1 DONE
-- INVARIANT
--   Acts only while the lease is ours. The first write is LREM, so it is let through out of memory.

-- include: _lease

local processing, queue, leases, owners = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local reasons, fingerprints = KEYS[5], KEYS[6]
local element, identity, token = ARGV[1], ARGV[2], ARGV[3]

if redis.call('HGET', owners, identity) ~= token then return 0 end
take_out(processing, queue, element)
end_lease(leases, owners, fingerprints, identity)
redis.call('HDEL', reasons, identity)
return 1
