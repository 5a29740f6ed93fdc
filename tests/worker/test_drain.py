"""When a batch is over: not while something stands in the queue that nobody has looked at yet."""

from __future__ import annotations

import time
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
        self.expired = 0

    def lengths(self) -> Lengths:
        self.looks += 1
        return Lengths(self.queued.pop(0) if len(self.queued) > 1 else self.queued[0], 0, 0, 0)

    def count_leases(self) -> LeaseCount:
        return LeaseCount(0, self.expired)


class ReapedQueue:
    """One job, whose lease has expired: it goes back into the queue after the first question, and is done at last."""

    def __init__(self) -> None:
        self.questions = 0

    def lengths(self) -> Lengths:
        return Lengths(int(2 <= self._asked() < 6), 0, 0, 0)

    def count_leases(self) -> LeaseCount:
        return LeaseCount(live=0, expired=int(self._asked() < 2))

    def _asked(self) -> int:
        self.questions += 1
        return self.questions


def drain(
    queue: FakeQueue | ReapedQueue, *, is_paused: bool = False, is_out: bool = False, pool: Pool | None = None
) -> Drain:
    dependency: Any = SimpleNamespace(is_on=is_out, is_open=is_out)
    intake: Any = SimpleNamespace(is_idle=True, is_paused=is_paused)
    return Drain(
        queue=cast(Any, queue), intake=intake, pool=pool or Pool(1), tally=Tally(), redis_outage=dependency,
        storage_breaker=dependency, stopping=Event(), max_wait_s=0.2, poll_interval_s=0.1,
    )  # fmt: skip


def lasts(drain: Drain) -> float:
    """How many seconds it waits."""
    began = time.monotonic()
    with gevent.Timeout(5):
        drain.wait()
    return time.monotonic() - began


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


def test_retry_of_ours_is_waited_for_until_another_worker_must_have_it() -> None:
    waiting = drain(FakeQueue(0))
    waiting.remember_retry("id", 100)
    assert lasts(waiting) >= 1.1, "a poll interval and a second after it was due"
    waiting.remember_retry("id", 60_000)
    waiting.forget_retry("id")
    assert lasts(waiting) < 1


def test_leases_that_have_expired_are_stayed_for() -> None:
    queue = FakeQueue(0)
    queue.expired = 1
    waiting = gevent.spawn(drain(queue).wait)
    gevent.sleep(0.1)
    assert not waiting.ready()
    queue.expired = 0
    assert waiting.get(timeout=5).stopped_by is None


def test_paused_queue_ends_the_drain_when_the_jobs_in_hand_are_done() -> None:
    pool = Pool(1)
    pool.spawn(gevent.sleep, 0.2)
    waiting = gevent.spawn(drain(FakeQueue(1), is_paused=True, pool=pool).wait)
    gevent.sleep(0.1)
    assert not waiting.ready()
    assert waiting.get(timeout=5).stopped_by == "paused"


def test_outage_ends_the_drain_only_when_it_lasts() -> None:
    waiting = drain(FakeQueue(0), is_out=True)
    assert lasts(waiting) >= 0.2
    assert waiting.wait().stopped_by == "outage"


def test_job_that_is_reaped_between_two_looks_is_waited_for() -> None:
    queue = ReapedQueue()
    with gevent.Timeout(5):
        assert drain(queue).wait().stopped_by is None
    assert queue.questions >= 6
