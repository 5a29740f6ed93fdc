-- include: _clock
-- include: _json

-- The status and createdAt of a stored result; nil where there is none or it cannot be read.
local function stored_result(key)
  local result = decoded(redis.pcall('GET', key))
  if not result then return nil, nil end
  return result.status, count_in(result, 'createdAt')
end

-- Write a result from its JSON up to the times; createdAt survives from the first write.
local function write_result(key, head, ttl_s, now_ms)
  local _, created_ms = stored_result(key)
  local times = ',"createdAt":' .. digits(created_ms or now_ms) .. ',"updatedAt":' .. digits(now_ms) .. '}'
  redis.call('SET', key, head .. times, 'EX', ttl_s)
end

-- The same for pending, processing and failed, which never overwrite completed.
local function write_unfinished_result(key, head, ttl_s, now_ms)
  if stored_result(key) ~= 'completed' then
    write_result(key, head, ttl_s, now_ms)
  end
end
