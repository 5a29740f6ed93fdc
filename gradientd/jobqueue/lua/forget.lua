-- forget: drop what was kept beside jobs that stand nowhere any more.
--
-- KEYS
--   1 gradientd:leases
--   2 gradientd:attempts
--   3 gradientd:reasons
-- ARGV
--   1 identity               and so on
-- RETURNS
--   how many identities were forgotten
-- INVARIANT
--   What belongs to a leased job stays.

local leases, attempts, reasons = KEYS[1], KEYS[2], KEYS[3]

local forgotten = 0
for _, identity in ipairs(ARGV) do
  if not redis.call('ZSCORE', leases, identity) then
    redis.call('HDEL', attempts, identity)
    redis.call('HDEL', reasons, identity)
    forgotten = forgotten + 1
  end
end
return forgotten
