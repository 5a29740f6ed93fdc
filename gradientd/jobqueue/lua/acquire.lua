-- acquire: take the next job from the queue's left and lease it, in one step.
--
-- KEYS
--   1 gradient:queue
--   2 gradient:processing
--   3 gradientd:leases
--   4 gradientd:owners
--   5 gradientd:attempts
--   6 gradientd:paused
--   7 gradientd:fingerprints
--   8 gradient:job:          prefix of the taken element's data
-- ARGV
--   1 token                  the lease token, chosen by the caller, a new one for each job
--   2 lease_ms               how long the lease lasts, ms
--   3 is_repeat              1 when an earlier reply to this token was lost, else 0
-- RETURNS
--   0 EMPTY                  nothing to take
--   1 TAKEN                  and: element, identity, data or nil, attempts noted or nil, now_ms
--   2 PAUSED                 the fleet takes no jobs
--   3 CROWDED                16 elements in a row were in work already: call again
-- INVARIANT
--   The same token gets the same job however often it asks. An element with a live lease is leased to nobody else: a
--   second copy of it is dropped, its only copy (moved into the queue by a v1 peer's stop) goes back to processing.

-- include: _taken
-- include: _lease

local queue, processing, leases, owners = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local attempts, paused, fingerprints, job_prefix = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local token, lease_ms, is_repeat = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local MAX_TRIES = 16

local now_ms = clock_ms()

local function take(element, identity)
  begin_lease(leases, owners, identity, token, now_ms + lease_ms)
  local data = data_of(element, job_prefix)
  remember_data(fingerprints, identity, not is_inline(element) and data)
  return { 1, taken_record(element, identity, data, attempts, now_ms) }
end

local function identity_leased_to_token()
  local entries = redis.call('HGETALL', owners)
  for i = 1, #entries, 2 do
    if entries[i + 1] == token then return entries[i] end
  end
  return nil
end

local function element_in_processing(identity)
  for _, element in ipairs(redis.call('LRANGE', processing, 0, -1)) do
    if identity_of(element) == identity then return element end
  end
  return nil
end

local function has_live_lease(identity)
  local deadline_ms = redis.call('ZSCORE', leases, identity)
  return deadline_ms and tonumber(deadline_ms) > now_ms
end

local function drop_if_second_copy(element)
  if #redis.call('LPOS', processing, element, 'COUNT', 2) == 2 then
    redis.call('LREM', processing, -1, element)
  end
end

if is_repeat then
  local identity = identity_leased_to_token()
  local element = identity and element_in_processing(identity)
  if element then return take(element, identity) end
  if identity then end_lease(leases, owners, fingerprints, identity) end
end

if redis.call('EXISTS', paused) == 1 then return { 2 } end

for _ = 1, MAX_TRIES do
  local element = redis.call('LMOVE', queue, processing, 'LEFT', 'RIGHT')
  if not element then return { 0 } end
  local identity = identity_of(element)
  if not has_live_lease(identity) then return take(element, identity) end
  drop_if_second_copy(element)
end
return { 3 }
