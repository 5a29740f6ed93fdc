-- reap: give back what is provably abandoned, a page of processing at a time.
--
-- KEYS
--   1 gradient:processing
--   2 gradient:queue
--   3 gradientd:leases
--   4 gradientd:owners
--   5 gradientd:attempts
--   6 gradientd:seen
--   7 gradientd:lock:reap
--   8 gradientd:fingerprints
--   9 gradient:job:          prefix of the elements' data
-- ARGV
--   1 worker_id              who reaps
--   2 token                  the lease token for jobs whose attempts are used up
--   3 lease_ms               ms
--   4 max_retries            a job with more attempts begun than this is used up
--   5 orphan_grace_ms        how long an element without a lease must stay unchanged, ms
--   6 lock_ms                for how long nobody else reaps, ms
--   7 offset                 where in processing to go on, 0 first
--   8 notes_cursor           where in the notes to go on, 0 first
--   9 batch                  how many elements at most in this call
--  10 not_after_ms           by this server's clock, Unix ms: carried out later, it does nothing
-- RETURNS
--   0 BUSY                   somebody else reaps or has just reaped
--   1 PAGE                   and: next offset, next notes_cursor (each -1 at its end), the requeued (identity, data or nil),
--                            records of jobs leased to the caller, orphans requeued (as the requeued), how many are noted
--   2 LATE                   the call hung somewhere: nothing was looked at
-- INVARIANT
--   An element with a live lease is not touched. One with an expired lease is moved only when its data is still what the
--   lease's holder left: else a v1 peer got hold of it (by another's stop) and may be at work, and it counts as one
--   without a lease. Such a one is moved only when it stood there, with the same data, for the whole grace. The first
--   write is ZREM, so it is let through out of memory; it removes nothing, since no identity is the name of a key of ours.

-- include: _taken
-- include: _lease

local processing, queue, leases, owners = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local attempts, seen, lock, fingerprints, job_prefix = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local worker_id, token, lease_ms, max_retries = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local orphan_grace_ms, lock_ms = tonumber(ARGV[5]), ARGV[6]
local offset, notes_cursor, batch = tonumber(ARGV[7]), ARGV[8], tonumber(ARGV[9])
local not_after_ms = tonumber(ARGV[10])

-- A network delivers what hung in it when it heals, and by then everybody's leases look expired.
if clock_ms() > not_after_ms then return { 2 } end

local holder = redis.call('GET', lock)
if holder and holder ~= worker_id then return { 0 } end
redis.call('ZREM', leases, lock)
redis.call('SET', lock, worker_id, 'PX', lock_ms)

local now_ms = clock_ms()
local requeued, used_up, orphans = {}, {}, {}

local function push_to_head(element)
  redis.call('LREM', processing, 1, element)
  redis.call('LPUSH', queue, element)
end

local function attempts_begun(element, identity, data)
  local begun = count_in(decoded_job(data), 'attempts') or 0
  if not is_inline(element) then return begun end
  return math.max(begun, tonumber(redis.call('HGET', attempts, identity)) or 0)
end

local function take_back(element, identity, data)
  if attempts_begun(element, identity, data) > max_retries then
    begin_lease(leases, owners, identity, token, now_ms + lease_ms)
    used_up[#used_up + 1] = taken_record(element, identity, data, attempts, now_ms)
  else
    push_to_head(element)
    end_lease(leases, owners, fingerprints, identity)
    requeued[#requeued + 1] = { identity, data or false }
  end
end

-- A note is "first seen in ms, space, fingerprint". An inline element cannot change, so it proves presence only.
local function note_or_requeue(element, identity, data)
  local fingerprint = sha1hex(data or '')
  local note = redis.call('HGET', seen, element)
  local first_seen_ms = note and string.match(note, '^(%d+) ')
  if not first_seen_ms or note ~= first_seen_ms .. ' ' .. fingerprint then
    redis.call('HSET', seen, element, digits(now_ms) .. ' ' .. fingerprint)
  elseif now_ms - tonumber(first_seen_ms) >= orphan_grace_ms then
    push_to_head(element)
    redis.call('HDEL', seen, element)
    orphans[#orphans + 1] = { identity, data or false }
  end
end

local function was_written_since(identity, data)
  local fingerprint = redis.call('HGET', fingerprints, identity)
  return fingerprint and fingerprint ~= sha1hex(data or '')
end

local function look_at(element)
  local identity = identity_of(element)
  local deadline_ms = tonumber(redis.call('ZSCORE', leases, identity) or nil)
  if deadline_ms and deadline_ms > now_ms then
    redis.call('HDEL', seen, element)
    return
  end
  local data = data_of(element, job_prefix)
  if deadline_ms and not was_written_since(identity, data) then
    redis.call('HDEL', seen, element)
    take_back(element, identity, data)
  else
    if deadline_ms then end_lease(leases, owners, fingerprints, identity) end
    note_or_requeue(element, identity, data)
  end
end

-- A lease that expired a whole lease time ago and still was not met in processing: its element has left it.
local function drop_leases_without_elements()
  local bound = digits(now_ms - lease_ms)
  for _, identity in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', bound, 'LIMIT', 0, batch)) do
    end_lease(leases, owners, fingerprints, identity)
  end
end

local function drop_notes_whose_element_left(cursor)
  local reply = redis.call('HSCAN', seen, cursor, 'COUNT', batch)
  for i = 1, #reply[2], 2 do
    if not redis.call('LPOS', processing, reply[2][i]) then redis.call('HDEL', seen, reply[2][i]) end
  end
  return tostring(reply[1])
end

local next_offset = -1
if offset >= 0 then
  local page = redis.call('LRANGE', processing, offset, offset + batch - 1)
  for _, element in ipairs(page) do look_at(element) end
  if #page == batch then
    next_offset = offset + batch - #requeued - #orphans
  else
    drop_leases_without_elements()
  end
end
if notes_cursor ~= '-1' then
  notes_cursor = drop_notes_whose_element_left(notes_cursor)
  if notes_cursor == '0' then notes_cursor = '-1' end
end

return { 1, next_offset, notes_cursor, requeued, used_up, orphans, redis.call('HLEN', seen) }
