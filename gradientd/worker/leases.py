"""Holds this worker's leases: renews them all in one call, from a thread that no busy greenlet can starve.

It refuses to take or end a lease: attempts do.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gevent
from gevent.monkey import get_original
from gevent.threadpool import ThreadPool

from gradientd.errors import RedisUnavailable
from gradientd.jobqueue import Queue, Taken

UNBROKEN_LEASE_TIMES = 1.5
"""For how long renewals must have succeeded before this worker may judge that somebody else's lease is abandoned."""
WORKING_PHASES = ("download", "decode")
"""While a job is in one of these, nobody but a thief ends its lease, and it may be handed back."""


@dataclass(slots=True)
class Lease:
    """One job of ours; `began` and `renew_until` are monotonic seconds, `phase` is what it is doing."""

    taken: Taken
    storage_key: str
    began: float
    renew_until: float
    phase: str = "begin"

    def go_on_for(self, seconds: float) -> None:
        """Allow the job `seconds` more from now."""
        self.renew_until = max(self.renew_until, time.monotonic() + seconds)


class LeaseKeeper:
    """The renewal thread and the leases that it keeps alive.

    `open_queue` makes a Queue with a client of its own, called inside the thread: clients are never shared with it.
    `heartbeat` gives the JSON that tells the fleet about this worker.
    """

    def __init__(
        self,
        open_queue: Callable[[], Queue],
        worker_id: str,
        lease_ms: int,
        heartbeat: Callable[[], str],
        logger: logging.Logger,
    ) -> None:
        self._open_queue = open_queue
        self._worker_id = worker_id
        self._lease_s = lease_ms / 1000
        self._heartbeat = heartbeat
        self._logger = logger
        self._leases: dict[str, Lease] = {}
        self._thread = ThreadPool(1)
        # A lock that no patch has touched: its wait must not run this thread's own hub.
        self._ended = get_original("_thread", "allocate_lock")()
        self._streak_began: float | None = None
        self._last_success = 0.0
        self._lost: set[str] = set()
        self.is_left_behind = False
        """Whether the thread did not end when it was told to."""

    def start(self) -> None:
        """Begin to renew, every quarter of the lease time."""
        self._ended.acquire()
        self._thread.spawn(self._renew_until_stopped)

    def stop(self, timeout_s: float) -> None:
        """End the thread, or leave it behind after `timeout_s`; leases that are left run out by themselves."""
        if self._ended.locked():
            self._ended.release()
        self.is_left_behind = not gevent.with_timeout(timeout_s, self._join, timeout_value=False)
        if self.is_left_behind:
            self._logger.warning("The renewal thread still waits for Redis or a name server: leaving it behind")

    def _join(self) -> bool:
        self._thread.join()
        self._thread.kill()
        return True

    def hold(self, lease: Lease) -> None:
        """Keep this lease alive from now on."""
        self._leases[lease.taken.identity] = lease

    def let_go(self, lease: Lease) -> None:
        """The job has ended."""
        if self._leases.get(lease.taken.identity) is lease:
            del self._leases[lease.taken.identity]
        self._lost.discard(lease.taken.token)

    def held(self) -> list[Lease]:
        """The leases of the jobs in work."""
        return list(self._leases.values())

    @property
    def may_reap(self) -> bool:
        """Whether our own renewals have succeeded unbroken for so long that expired leases must be somebody's loss.

        After an outage everyone's leases look expired, until everyone has had the time to renew.
        """
        began = self._streak_began
        if began is None or self._is_late(time.monotonic()):
            return False
        return time.monotonic() - began >= UNBROKEN_LEASE_TIMES * self._lease_s

    def _renew_until_stopped(self) -> None:
        queue = self._open_queue()
        pause_s = 0.0
        while not self._ended.acquire(timeout=pause_s):
            pause_s = self._lease_s / (4 if self._renew_once(queue) else 16)
        self._ended.release()
        queue.close()
        # The client's sockets gave this thread a hub. Left to the pool's end, its destruction races with the
        # interpreter's and crashes every other exit (gevent 26.9).
        gevent.get_hub().destroy(destroy_loop=True)

    def _renew_once(self, queue: Queue) -> bool:
        now = time.monotonic()
        mine = [lease for lease in self.held() if now < lease.renew_until]
        pairs = [(lease.taken.identity, lease.taken.token) for lease in mine]
        try:
            lost = queue.renew(pairs, worker_id=self._worker_id, heartbeat_json=self._heartbeat())
        except RedisUnavailable:
            self._streak_began = None
            return False
        except Exception as exc:  # the boundary that keeps one surprise from ending all renewals
            self._log(logging.ERROR, "An unforeseen error in the renewal of leases: going on", exc_info=exc)
            self._streak_began = None
            return False
        now = time.monotonic()
        if self._streak_began is None or self._is_late(now):
            self._streak_began = now
        self._last_success = now
        self._tell_of_lost([lease for lease in mine if lease.taken.identity in lost])
        return True

    def _tell_of_lost(self, lost: list[Lease]) -> None:
        """Say once a lease that it is lost; while its outcome is being written its absence says nothing."""
        for lease in lost:
            if lease.phase in WORKING_PHASES and lease.taken.token not in self._lost:
                self._lost.add(lease.taken.token)
                self._log(
                    logging.WARNING,
                    "Lease lost while its job is in work: another worker may do it too",
                    extra={"jobId": lease.taken.identity, "storageKey": lease.storage_key, "phase": lease.phase},
                )

    def _log(self, level: int, message: str, **details: Any) -> None:
        """Log in the hub's thread: gevent's locks, and logging's among them, are not for this one."""
        log = partial(gevent.spawn, self._logger.log, level, message, **details)
        self._thread.hub.loop.run_callback_threadsafe(log)

    def _is_late(self, now: float) -> bool:
        """Whether the last success is so long ago that the process must have stood still (SIGSTOP, a frozen host)."""
        return now - self._last_success > self._lease_s / 2
