-- cjson refuses an escaped half of a surrogate pair, which JavaScript and Python write and read: it becomes U+FFFD, as
-- in a text that JavaScript writes as UTF-8. Escaped backslashes go first: what follows one is no escape.
local function without_lone_surrogates(text)
  text = string.gsub(text, '\\\\', '\\u005c')
  text = string.gsub(text, '\\u[dD][89abAB]%x%x\\u[dD][c-fC-F]%x%x', function(pair)
    return cjson.decode('["' .. pair .. '"]')[1]
  end)
  return (string.gsub(text, '\\u[dD][89a-fA-F]%x%x', '\\ufffd'))
end

-- A JSON object as a table, or nil: what cannot be read is never an error of the script. It is only ever read;
-- nothing is encoded again, since cjson turns [] into {} and loses digits.
local function decoded(text)
  if type(text) ~= 'string' then return nil end
  local ok, value = pcall(cjson.decode, text)
  if not ok then ok, value = pcall(cjson.decode, without_lone_surrogates(text)) end
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
