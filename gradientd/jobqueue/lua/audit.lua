-- audit: push jobs again whose data stands in no list, each after a last look.
--
-- KEYS
--   1 gradient:queue
--   2 gradient:processing
--   3 gradient:delayed
--   4 gradientd:leases
--   5 gradient:job:{jobId}   and so on, one for each pair of arguments
-- ARGV
--   1 window                 how many elements at each end of the queue are searched
--   2 job_id, data           and so on, in pairs: the data as both looks saw it
-- RETURNS
--   the IDs that were pushed
-- INVARIANT
--   Nothing is pushed that has a lease, waits, is in work, stands near an end of the queue, or was written since the
--   looks. The middle of a long queue is left to the two looks: a search of all of it for each job would be quadratic.

local queue, processing, delayed, leases = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local window = ARGV[1]

local function stands_near_an_end(job_id)
  return redis.call('LPOS', queue, job_id, 'RANK', -1, 'MAXLEN', window)
    or redis.call('LPOS', queue, job_id, 'RANK', 1, 'MAXLEN', window)
end

local function is_in_limbo(job_key, job_id, data)
  return redis.pcall('GET', job_key) == data
    and not redis.call('ZSCORE', leases, job_id)
    and not redis.call('ZSCORE', delayed, job_id)
    and not redis.call('LPOS', processing, job_id)
    and not stands_near_an_end(job_id)
end

local pushed = {}
for i = 2, #ARGV, 2 do
  local job_key, job_id, data = KEYS[4 + i / 2], ARGV[i], ARGV[i + 1]
  if is_in_limbo(job_key, job_id, data) then
    redis.call('RPUSH', queue, job_id)
    pushed[#pushed + 1] = job_id
  end
end
return pushed
