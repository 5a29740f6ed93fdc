-- extend: keep the data of waiting jobs from expiring under them.
--
-- KEYS
--   1 gradient:job:{jobId}   and so on
-- ARGV
--   1 least_ttl_s            a job key with less left than this, or with no TTL at all, gets
--   2 ttl_s                  this many seconds
-- RETURNS
--   how many were extended
-- INVARIANT
--   No TTL is ever shortened (but one that would never have ended is given an end).

local least_ttl_s, ttl_s = tonumber(ARGV[1]), ARGV[2]

local extended = 0
for _, job_key in ipairs(KEYS) do
  local left_s = redis.call('TTL', job_key)
  if left_s ~= -2 and left_s < least_ttl_s then
    redis.call('EXPIRE', job_key, ttl_s)
    extended = extended + 1
  end
end
return extended
