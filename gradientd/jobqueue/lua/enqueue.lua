-- enqueue: put an ID job into the queue, unless the picture has one there already.
--
-- KEYS
--   1 gradient:queue
--   2 gradient:processing
--   3 gradient:delayed
--   4 gradientd:leases
--   5 gradientd:dead
--   6 gradientd:dead:index
--   7 gradient:{storageKey}
--   8 gradient:job:{jobId}   the usual ID
--   9 gradient:job:{jobId}   the ID to use when the usual one is another picture's
-- ARGV
--   1 storage_key
--   2 usual_id
--   3 usual_head             the job's JSON up to createdAt, under the usual ID
--   4 distinct_id
--   5 distinct_head          the same under the distinct ID
--   6 result_head            the pending result's JSON up to its times
--   7 job_ttl_s              seconds
--   8 result_ttl_s           seconds
-- RETURNS
--   0 REFUSED                both IDs are other pictures' or hold what cannot be read: nothing was changed
--   1 PUSHED                 and: the ID
--   2 LIVE                   and: the ID; the job is queued, delayed or running, nothing was changed
-- INVARIANT
--   pending, processing      with a job key: LIVE
--   failed                   pending again, attempts 0, its dead letter removed
--   completed                the job runs again, the old result stays until the new one replaces it
--   any, no job key          as the status says, and pushed
--   Another picture's job is never overwritten, nor what cannot be read: it may be one. Repeating it after a lost reply
--   finds its own job LIVE.

-- include: _job
-- include: _result

local queue, processing, delayed, leases = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local dead, dead_index, result_key = KEYS[5], KEYS[6], KEYS[7]
local storage_key, result_head, job_ttl_s, result_ttl_s = ARGV[1], ARGV[6], ARGV[7], ARGV[8]
local candidates = {
  { key = KEYS[8], id = ARGV[2], head = ARGV[3] },
  { key = KEYS[9], id = ARGV[4], head = ARGV[5] },
}

local status = stored_result(result_key)

local function is_somewhere(id)
  return redis.call('ZSCORE', leases, id) or redis.call('ZSCORE', delayed, id)
    or redis.call('LPOS', processing, id) or redis.call('LPOS', queue, id)
end

local function push(candidate)
  local now_ms = clock_ms()
  redis.call('SET', candidate.key, candidate.head .. ',"createdAt":' .. digits(now_ms) .. '}', 'EX', job_ttl_s)
  write_unfinished_result(result_key, result_head, result_ttl_s, now_ms)
  redis.call('HDEL', dead, storage_key)
  redis.call('ZREM', dead_index, storage_key)
  redis.call('RPUSH', queue, candidate.id)
  return { 1, candidate.id }
end

local free = nil
for _, candidate in ipairs(candidates) do
  local data = redis.pcall('GET', candidate.key)
  local job = decoded_job(data)
  local is_ours = job and job.storageKey == storage_key
  if is_ours and (status == 'pending' or status == 'processing' or is_somewhere(candidate.id)) then
    return { 2, candidate.id }
  end
  if not free and (is_ours or not data) then free = candidate end
end
if not free then return { 0 } end
return push(free)
