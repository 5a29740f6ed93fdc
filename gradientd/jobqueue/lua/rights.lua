-- rights: which of these commands this user may not run.
--
-- KEYS
--   none: it opens no key, and a key that is forbidden would forbid the script
-- ARGV
--   1 command                its words, parted by spaces; and so on
-- RETURNS
--   nil before Redis 7.0, which cannot be asked; else the places, from 1, of the commands that are forbidden
-- INVARIANT
--   Runs none of them.

if not redis.acl_check_cmd then return false end
local forbidden = {}
for place, command in ipairs(ARGV) do
  local words = {}
  for word in string.gmatch(command, '%S+') do words[#words + 1] = word end
  local is_known, is_allowed = pcall(redis.acl_check_cmd, unpack(words))
  if not (is_known and is_allowed) then forbidden[#forbidden + 1] = place end
end
return forbidden
