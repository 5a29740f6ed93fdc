-- purge: forget dead letters for good.
--
-- KEYS
--   1 gradientd:dead
--   2 gradientd:dead:index
-- ARGV
--   1 letter_field           and so on
-- RETURNS
--   how many letters there were
-- INVARIANT
--   A letter and its place in the index go together, so that none is left behind that no list shows.

local dead, dead_index = KEYS[1], KEYS[2]

local purged = 0
for _, letter_field in ipairs(ARGV) do
  redis.call('ZREM', dead_index, letter_field)
  purged = purged + redis.call('HDEL', dead, letter_field)
end
return purged
