"""A queue's backlog: jobs by the million, each with an ID of its own, all in Redis.

It refuses to send them one by one: a script writes them where they lie.
"""

from __future__ import annotations

import redis

BATCH = 10_000
_FILL = """
for number = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  local id = 'fill-' .. string.format('%.0f', number)  -- `..` rounds what is longer than 14 digits
  redis.call('SET', KEYS[2] .. id, (string.gsub(ARGV[3], 'JOBID', id)), 'EX', 86400)
  redis.call('RPUSH', KEYS[1], id)
end
"""


def fill(client: redis.Redis, job: str, length: int, first: int = 0) -> None:
    """Queue `length` ID jobs, numbered from `first`: `job` as JSON, with JOBID where each one's ID belongs."""
    script = client.register_script(_FILL)
    for start in range(first, first + length, BATCH):
        end = min(start + BATCH, first + length) - 1
        script(keys=["gradient:queue", "gradient:job:"], args=[start, end, job])
