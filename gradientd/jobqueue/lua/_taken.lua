-- include: _clock
-- include: _job

-- What the caller gets of a job that the script has leased to it:
-- element, identity, data (nil when expired), attempts noted for an inline job (nil when none), now in ms.
local function taken_record(element, identity, data, attempts, now_ms)
  local noted = is_inline(element) and redis.call('HGET', attempts, identity)
  return { element, identity, data or false, noted or false, digits(now_ms) }
end
