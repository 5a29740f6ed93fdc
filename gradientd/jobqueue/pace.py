"""How fast the fleet has been lately, from what it leaves in Redis anyway: two bounded reads, no waiting.

It refuses to be a history: it knows the last minute, or as much of it as the newest results cover.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

import redis

from gradientd.jobqueue import keys
from gradientd.jobqueue.clock import server_now_ms
from gradientd.jobqueue.translate import translated

WINDOW_MS = 60_000


@dataclass(frozen=True, slots=True)
class Pace:
    """Pictures a second that were completed and that failed for good; `processing_ms` is the completed ones' median.

    A picture that was done twice in the window counts once.
    """

    completed_per_s: float
    failed_per_s: float
    processing_ms: float | None


def measure_pace(client: redis.Redis) -> Pace:
    """The pace of the last minute. Raises RedisUnavailable."""
    reader: Any = client
    with translated():
        now_ms = server_now_ms(reader)
        with reader.pipeline(transaction=False) as pipe:
            pipe.zrevrange(keys.RECENT, 0, keys.RECENT_MAX - 1, withscores=True)
            pipe.zcount(keys.DEAD_INDEX, now_ms - WINDOW_MS, "+inf")
            recent, failed = pipe.execute()
        newest = [(key, at_ms) for key, at_ms in recent if at_ms >= now_ms - WINDOW_MS]
        times = reader.hmget(keys.RECENT_MS, [key for key, _ in newest]) if newest else []
    # A fast fleet fills the list of the newest in less than the window: then the list's own span counts.
    is_cut_off = len(newest) == keys.RECENT_MAX
    window_ms = max(now_ms - newest[-1][1], 1.0) if is_cut_off else WINDOW_MS
    known_ms = [int(ms) for ms in times if ms is not None]
    return Pace(
        completed_per_s=len(newest) * 1000 / window_ms,
        failed_per_s=failed * 1000 / WINDOW_MS,
        processing_ms=median(known_ms) if known_ms else None,
    )
