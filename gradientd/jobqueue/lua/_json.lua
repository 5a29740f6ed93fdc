-- A JSON object as a table, or nil: what cannot be read is never an error of the script. It is only ever read;
-- nothing is encoded again, since cjson turns [] into {} and loses digits.
local function decoded(text)
  if type(text) ~= 'string' then return nil end
  local ok, value = pcall(cjson.decode, text)
  if ok and type(value) == 'table' then return value end
  return nil
end

-- A field that is a whole number of 0 or more which a double holds exactly, or nil.
local function count_in(object, name)
  local value = object and object[name]
  if type(value) == 'number' and value >= 0 and value < 9007199254740992 and value == math.floor(value) then
    return value
  end
  return nil
end
