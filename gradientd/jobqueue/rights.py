"""What a Redis user must be allowed for all that gradientd does, and what of it this one is not.

It refuses to try anything out: Redis is asked what it would let this user do.
"""

from __future__ import annotations

import redis

from gradientd.jobqueue import keys
from gradientd.jobqueue.scripts import Scripts

_STRINGS = (keys.job_key("1"), keys.result_key("1"), keys.worker_key("1"), keys.PAUSED, keys.REAP_LOCK)
_LISTS = (keys.QUEUE, keys.PROCESSING)
_HASHES = (keys.OWNERS, keys.ATTEMPTS, keys.DEAD)
_ZSETS = (keys.DELAYED, keys.LEASES, keys.DEAD_INDEX)
_USED = {
    _STRINGS: ("del %", "exists %", "expire % 1", "get %", "mget %", "set % 1", "ttl %"),
    _LISTS: (
        "blmove % % LEFT LEFT 1", "llen %", "lmove % % LEFT RIGHT", "lpos % 1", "lpush % 1", "lrange % 0 0",
        "lrem % 1 1", "rpush % 1",
    ),
    _HASHES: ("hdel % 1", "hget % 1", "hgetall %", "hkeys %", "hlen %", "hmget % 1", "hscan % 0", "hset % 1 1"),
    _ZSETS: (
        "zadd % 1 1", "zcard %", "zcount % 0 1", "zrange % 0 0", "zrangebyscore % 0 1", "zrem % 1", "zrevrange % 0 0",
        "zscore % 1",
    ),
    ("",): ("info", "ping", "scan 0", "script load 1", "select 0", "time"),
}  # fmt: skip
"""For each kind of key, and for none: the commands that are used on it, with % for the key."""
COMMANDS = tuple(
    command.replace("%", key) for places, commands in _USED.items() for key in places for command in commands
)
OPTIONAL = frozenset({"info", "select 0"})
"""INFO is only for people, SELECT only for who uses another database."""


def forbidden_commands(client: redis.Redis) -> tuple[str, ...] | None:
    """Those of COMMANDS that this user may not run; None where Redis is too old to be asked.

    Raises RedisUnavailable, also when the user may not run scripts.
    """
    places = Scripts(client).run("rights", [], COMMANDS)
    return None if places is None else tuple(COMMANDS[place - 1] for place in places)
