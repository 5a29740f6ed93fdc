-- The one clock: the server's own, in Unix milliseconds.
local function clock_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A number as digits: Lua's own conversion gives up after 14 of them.
local function digits(number)
  return string.format('%.0f', number)
end
