"""When a batch is over: not while something stands in the queue that nobody has looked at yet."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import gevent
from gevent.event import Event
from gevent.pool import Pool

from gradientd.jobqueue import LeaseCount, Lengths
from gradientd.worker.drain import Drain
from gradientd.worker.stats import Tally


class FakeQueue:
    """So many jobs stand in it at each look, the last number for ever."""

    def __init__(self, *queued: int) -> None:
        self.queued = list(queued)
        self.looks = 0

    def lengths(self) -> Lengths:
        self.looks += 1
        return Lengths(self.queued.pop(0) if len(self.queued) > 1 else self.queued[0], 0, 0, 0)

    def count_leases(self) -> LeaseCount:
        return LeaseCount(0, 0)


def drain(queue: FakeQueue) -> Drain:
    up: Any = SimpleNamespace(is_on=False, is_open=False)
    intake: Any = SimpleNamespace(is_idle=True, is_paused=False)
    return Drain(
        queue=cast(Any, queue), intake=intake, pool=Pool(1), tally=Tally(), redis_outage=up, storage_breaker=up,
        stopping=Event(), max_wait_s=1.0, poll_interval_s=0.1,
    )  # fmt: skip


def test_job_that_was_pushed_after_the_last_look_is_waited_for() -> None:
    queue = FakeQueue(1, 1, 0)
    with gevent.Timeout(5):
        assert drain(queue).wait().stopped_by is None
    assert queue.looks == 3


def test_empty_queue_ends_at_the_first_look() -> None:
    queue = FakeQueue(0)
    with gevent.Timeout(5):
        assert drain(queue).wait().live_elsewhere == 0
    assert queue.looks == 1
