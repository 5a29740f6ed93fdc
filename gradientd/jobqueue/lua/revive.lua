-- revive: put a dead letter's job into the queue again, in the form in which it arrived.
--
-- KEYS
--   1 gradient:queue
--   2 gradientd:dead
--   3 gradientd:dead:index
--   4 gradientd:attempts
--   5 gradient:{storageKey}  unused when result_head is empty
--   6 gradient:job:{jobId}   unused for an inline job
-- ARGV
--   1 letter_field
--   2 letter                 the letter as the caller read it
--   3 identity
--   4 element                what goes into the queue
--   5 data                   an ID's data, empty for an inline job
--   6 result_head            the pending result's JSON up to its times, empty when none may be written
--   7 job_ttl_s              seconds
--   8 result_ttl_s           seconds
-- RETURNS
--   0 GONE                   the letter is not there any more, or is another: nothing was changed
--   1 DONE
-- INVARIANT
--   A letter is revived once. Its attempts begin at 0. Data that an ID has got meanwhile stays.

-- include: _result

local queue, dead, dead_index, attempts, result_key, job_key = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local letter_field, letter, identity, element, data = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local result_head, job_ttl_s, result_ttl_s = ARGV[6], ARGV[7], ARGV[8]

if redis.call('HGET', dead, letter_field) ~= letter then return 0 end

redis.call('HDEL', dead, letter_field)
redis.call('ZREM', dead_index, letter_field)
redis.call('HDEL', attempts, identity)
if data ~= '' then redis.call('SET', job_key, data, 'NX', 'EX', job_ttl_s) end
if result_head ~= '' then write_unfinished_result(result_key, result_head, result_ttl_s, clock_ms()) end
redis.call('RPUSH', queue, element)
return 1
