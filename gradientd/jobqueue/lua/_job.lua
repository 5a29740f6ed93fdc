-- include: _json
-- include: _sha1

-- What is longer is no job: gradientd refuses it (see model.py).
local MAX_JOB_BYTES = 65536

local function decoded_job(data)
  if type(data) == 'string' and #data > MAX_JOB_BYTES then return nil end
  return decoded(data)
end

-- The element of an inline job is its JSON, that of an ID job its ID.
local function is_inline(element)
  return string.sub(element, 1, 1) == '{'
end

-- What leases are held on: the ID, or an inline job's jobId.
local function identity_of(element)
  if not is_inline(element) then return element end
  local job = decoded_job(element)
  if job and type(job.jobId) == 'string' and job.jobId ~= '' then return job.jobId end
  return 'sha1:' .. sha1hex(element)
end

-- A job's JSON: the element itself, or the ID's data; nil when that has expired or is no string.
local function data_of(element, job_prefix)
  if is_inline(element) then return element end
  local data = redis.pcall('GET', job_prefix .. element)
  if type(data) == 'string' then return data end
  return nil
end
