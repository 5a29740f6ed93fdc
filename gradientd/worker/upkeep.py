"""The fleet's housekeeping that any worker does: abandoned jobs are reaped, jobs in limbo are found.

It refuses to judge while this worker's own renewals fail: after an outage everyone looks dead.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable

import gevent
from gevent.event import Event

from gradientd.errors import RedisUnavailable
from gradientd.jobqueue import Audit, Queue, Taken
from gradientd.worker.leases import LeaseKeeper
from gradientd.worker.stats import Tally

RECOVERY_CAUSES = ("lease_expired", "orphan", "limbo")
"""What had become of a job that is put back: its worker died, nobody ever held a lease, it stood in no list."""


class Upkeep:
    """Two loops; `work` gets a job whose attempts are used up, already leased to us, to end it by the ordinary way."""

    def __init__(
        self,
        *,
        queue: Queue,
        audit: Audit,
        keeper: LeaseKeeper,
        worker_id: str,
        work: Callable[[Taken], None],
        tally: Tally,
        logger: logging.Logger,
        reap_interval_s: float,
        audit_interval_s: float,
    ) -> None:
        self._queue = queue
        self._audit = audit
        self._keeper = keeper
        self._worker_id = worker_id
        self._work = work
        self._tally = tally
        self._logger = logger
        self._reap_interval_s = reap_interval_s
        self._audit_interval_s = audit_interval_s
        self._stopping = Event()
        self._loops: list[gevent.Greenlet[[], None]] = []

    def start(self) -> None:
        """Begin both loops."""
        self._loops = [gevent.spawn(self._reap_now_and_then), gevent.spawn(self._audit_now_and_then)]

    def stop(self) -> None:
        """End both loops, an audit in the middle of its way."""
        self._stopping.set()
        gevent.killall(self._loops)

    def _reap_now_and_then(self) -> None:
        while not self._stopping.wait(_jittered(self._reap_interval_s)):
            if self._keeper.may_reap:
                try:
                    self._reap()
                except RedisUnavailable:
                    continue  # the intake tells of it

    def _reap(self) -> None:
        reaped = self._queue.reap(worker_id=self._worker_id)
        self._tally.recovered["lease_expired"] += len(reaped.requeued)
        self._tally.recovered["orphan"] += len(reaped.orphans_requeued)
        for identity in reaped.requeued:
            self._logger.warning(
                "Job recovered: its worker's lease expired; back at the head of the queue", extra={"jobId": identity}
            )
        for identity in reaped.orphans_requeued:
            self._logger.warning(
                "Job recovered: nobody held a lease and nothing changed during the orphan grace; back in the queue",
                extra={"jobId": identity},
            )
        for taken in reaped.exhausted:
            self._work(taken)

    def _audit_now_and_then(self) -> None:
        while True:
            try:
                restored = self._audit.run()
            except RedisUnavailable:
                restored = []
            self._tally.recovered["limbo"] += len(restored)
            for identity in restored:
                self._logger.warning(
                    "Job recovered: its data stood in no list; pushed to the queue again", extra={"jobId": identity}
                )
            if self._stopping.wait(_jittered(self._audit_interval_s)):
                return


def _jittered(interval_s: float) -> float:
    """The interval less up to a tenth, so that a fleet does not march in step."""
    return interval_s * (1 - random.random() / 10)  # noqa: S311 - jitter needs no cryptography
