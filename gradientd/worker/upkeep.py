"""The fleet's housekeeping that any worker does: abandoned jobs are reaped, jobs in limbo are found.

It refuses to judge while this worker's own renewals fail: after an outage everyone looks dead.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence

import gevent
from gevent.event import Event

from gradientd.errors import RedisUnavailable
from gradientd.jobqueue import Audit, Queue, Recovered, Taken
from gradientd.worker.leases import LeaseKeeper
from gradientd.worker.stats import Tally

RECOVERY_CAUSES = ("lease_expired", "orphan", "limbo")
"""What had become of a job that is put back: its worker died, nobody ever held a lease, it stood in no list."""
AUDIT_TRIES_PER_INTERVAL = 60
"""How much sooner an audit comes again that Redis did not let happen."""


class Upkeep:
    """Two loops; `work` gets a job whose attempts are used up, already leased to us, to end it by the ordinary way."""

    def __init__(
        self,
        *,
        queue: Queue,
        audit: Audit,
        keeper: LeaseKeeper,
        worker_id: str,
        work: Callable[[Taken], object],
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
                self._try(self._reap)

    def _reap(self) -> None:
        reaped = self._queue.reap(worker_id=self._worker_id)
        self._tell("lease_expired", reaped.requeued, "its worker's lease expired; back at the head of the queue")
        self._tell(
            "orphan",
            reaped.orphans_requeued,
            "nobody held a lease and nothing changed during the orphan grace; back in the queue",
        )
        for taken in reaped.exhausted:
            self._work(taken)

    def _audit_now_and_then(self) -> None:
        """At the start and then by the interval; one that Redis did not let happen is tried again much sooner."""
        pause_s = 0.0
        while not self._stopping.wait(pause_s):
            is_done = self._try(self._audit_once)
            pause_s = _jittered(self._audit_interval_s / (1 if is_done else AUDIT_TRIES_PER_INTERVAL))

    def _audit_once(self) -> None:
        self._tell("limbo", self._audit.run(), "its data stood in no list; pushed to the queue again")

    def _tell(self, cause: str, recovered: Sequence[Recovered], what_happened: str) -> None:
        """Count the recovered and say of each which job and which picture."""
        self._tally.recovered[cause] += len(recovered)
        for job in recovered:
            self._logger.warning(
                f"Job recovered: {what_happened}", extra={"jobId": job.identity, "storageKey": job.storage_key}
            )

    def _try(self, duty: Callable[[], None]) -> bool:
        """Do a duty; False when it failed: a loop must not end with it."""
        try:
            duty()
        except RedisUnavailable:
            return False  # the intake tells of it
        except Exception:
            self._logger.exception("An unforeseen error in the upkeep of the queue: going on")
            return False
        return True


def _jittered(interval_s: float) -> float:
    """The interval less up to a tenth, so that a fleet does not march in step."""
    return interval_s * (1 - random.random() / 10)  # noqa: S311 - jitter needs no cryptography
