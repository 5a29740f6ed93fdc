"""When a batch run is over: the queue is empty, and so is everything that this worker still owes it.

It refuses to wait for others: a live lease elsewhere is reported and left to its owner.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import gevent
from gevent.event import Event
from gevent.pool import Pool

from gradientd.errors import RedisUnavailable
from gradientd.jobqueue import Queue
from gradientd.worker.breaker import Breaker, Outage
from gradientd.worker.intake import Intake
from gradientd.worker.stats import Outcome, Tally

LOOK_INTERVAL_S = 0.02
SLOW_LOOK_INTERVAL_S = 1.0


@dataclass(frozen=True, slots=True)
class Drained:
    """What a drain did; `stopped_by` is None when the queue is empty, else `paused`, `outage` or `stopped`."""

    completed: int
    failed: int
    live_elsewhere: int
    """Jobs that others hold live leases on."""
    stopped_by: str | None


class Drain:
    """Knows the retries that this worker scheduled, and waits for them and for the queue."""

    def __init__(
        self,
        *,
        queue: Queue,
        intake: Intake,
        pool: Pool,
        tally: Tally,
        redis_outage: Outage,
        storage_breaker: Breaker,
        stopping: Event,
        max_wait_s: float,
        poll_interval_s: float,
    ) -> None:
        self._queue = queue
        self._intake = intake
        self._pool = pool
        self._tally = tally
        self._redis_outage = redis_outage
        self._storage_breaker = storage_breaker
        self._stopping = stopping
        self._max_wait_s = max_wait_s
        self._overdue_s = poll_interval_s + 1.0
        self._due: dict[str, float] = {}
        self._outage_began: float | None = None

    def remember_retry(self, identity: str, delay_ms: int) -> None:
        """A retry of ours falls due after `delay_ms`."""
        self._due[identity] = time.monotonic() + delay_ms / 1000

    def forget_retry(self, identity: str) -> None:
        """The job is in work again."""
        self._due.pop(identity, None)

    def wait(self) -> Drained:
        """Wait for the end of the batch, or for what keeps it from ending."""
        completed, failed = self._counts()
        live, stopped_by = 0, None
        while stopped_by is None:
            stopped_by = self._obstacle()
            if stopped_by is None and self._is_settled():
                found = self._others_leases()
                if found is not None and self._is_settled():
                    live = found
                    break
            gevent.sleep(LOOK_INTERVAL_S)
        now_completed, now_failed = self._counts()
        return Drained(now_completed - completed, now_failed - failed, live, stopped_by)

    def _others_leases(self) -> int | None:
        """Live leases of others; None while there is something to stay for.

        That is a job which was pushed since the last look, and leases that have expired: they can soon be reaped. The
        leases come first, since a job whose lease ends between the two looks is in the queue by the second.
        """
        try:
            leases = self._queue.count_leases()
            if self._queue.lengths().queue:
                return None
        except RedisUnavailable as exc:
            self._redis_outage.begin(exc)
            return None
        if leases.expired:
            gevent.sleep(SLOW_LOOK_INTERVAL_S)
            return None
        return leases.live

    def _counts(self) -> tuple[int, int]:
        return self._tally.outcomes[Outcome.COMPLETED], self._tally.outcomes[Outcome.FAILED]

    def _obstacle(self) -> str | None:
        if self._stopping.is_set():
            return "stopped"
        if self._intake.is_paused and not self._pool:
            return "paused"
        if not (self._redis_outage.is_on or self._storage_breaker.is_open):
            self._outage_began = None
            return None
        now = time.monotonic()
        self._outage_began = self._outage_began or now
        return "outage" if now - self._outage_began >= self._max_wait_s else None

    def _is_settled(self) -> bool:
        """Nothing in work, nothing queued, no retry of ours to come.

        A retry that is overdue although the queue is empty was taken by another worker.
        """
        if self._pool or not self._intake.is_idle or self._redis_outage.is_on or self._storage_breaker.is_open:
            return False
        now = time.monotonic()
        self._due = {identity: due for identity, due in self._due.items() if now < due + self._overdue_s}
        return not self._due
