"""The loop that takes jobs: only with a free slot, and only while Redis and the storage serve.

It refuses to work on a job: each goes to an attempt in a greenlet of its own.
"""

from __future__ import annotations

import contextlib
import logging
import random
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import gevent
from gevent.event import Event
from gevent.pool import Pool

from gradientd.errors import RedisUnavailable
from gradientd.jobqueue import Queue, Taken
from gradientd.worker.breaker import Breaker, Outage, growing_pauses

VAIN_WAKES = 3
"""Every waiting worker wakes on a push; after so many wakes without a job a worker lets the others go first."""
HEARTBEAT_FILE_S = 1.0
LONGEST_REDIS_PAUSE_S = 5.0
"""How late, at most, a worker notices that Redis is back."""


class Intake:
    """Takes jobs and hands them to `work`, which returns False, without waiting, when it has no room for one.

    `waiter` is a Queue whose client may block for a poll interval.
    """

    def __init__(
        self,
        *,
        queue: Queue,
        waiter: Queue,
        pool: Pool,
        work: Callable[[Taken], bool],
        redis_outage: Outage,
        storage_breaker: Breaker,
        poll_interval_s: float,
        heartbeat_file: Path | None,
        logger: logging.Logger,
    ) -> None:
        self._queue = queue
        self._waiter = waiter
        self._pool = pool
        self._work = work
        self._redis_outage = redis_outage
        self._storage_breaker = storage_breaker
        self._poll_s = poll_interval_s
        self._heartbeat_file = heartbeat_file
        self._logger = logger
        self._stopping = Event()
        self._token = secrets.token_hex(16)
        self._may_owe_a_job = False
        self._pauses = growing_pauses(longest_s=LONGEST_REDIS_PAUSE_S)
        self._peek_pauses = growing_pauses(longest_s=LONGEST_REDIS_PAUSE_S)
        self._failed_peeks = 0
        self._vain_wakes = 0
        self._next_promote = 0.0
        self._loop: gevent.Greenlet[[], None] | None = None
        self._is_peeking = False
        self.is_idle = False
        """Whether the last look found the queue empty, and no other is under way."""
        self.is_paused = False
        """Whether the last look found the fleet paused."""
        self.last_tick = 0.0
        """When the loop last came round, in monotonic seconds."""

    def start(self) -> None:
        """Begin to take jobs."""
        self._loop = gevent.spawn(self._run)

    def stop(self, timeout_s: float) -> None:
        """Take no more; a job whose reply is still due is handed back, unless Redis keeps silent for `timeout_s`."""
        self._stopping.set()
        if self._loop is None:
            return
        if not self._is_peeking:
            self._loop.join(timeout_s / 2)
        self._loop.kill()
        if self._may_owe_a_job:
            gevent.with_timeout(timeout_s / 2, self._ask, self._hand_back_unheard, timeout_value=None)

    def promote_soon(self, delay_s: float) -> None:
        """A retry falls due in `delay_s`: look then."""
        self._next_promote = min(self._next_promote, time.monotonic() + delay_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._tick()
            if self._storage_breaker.is_open:
                self.is_idle = False
                self._ask(self._look_at_redis)
                self._storage_breaker.outage.wait(min(self._poll_s, HEARTBEAT_FILE_S))
            elif self._wait_for_slot():
                self._ask(self._look)

    def _ask(self, question: Callable[[], None]) -> None:
        """Ask Redis; what goes wrong is told, and ends no intake of a worker that lives."""
        try:
            question()
        except RedisUnavailable as exc:
            self._redis_outage.begin(exc)
        except Exception:
            self._logger.exception("An unforeseen error in the intake: going on after a pause")
        else:
            return
        self.is_idle = False
        self._stopping.wait(next(self._pauses))

    def _look(self) -> None:
        taken = self._take()
        if taken is not None:
            if not self._work(taken):
                self._hand_back(taken, "no free slot")  # the reaper's job took it while the reply was on its way
            self._forget_token()
        elif self.is_paused:
            self._stopping.wait(self._poll_s)
        else:
            self._wait_for_push()

    def _take(self) -> Taken | None:
        """Promote what is due, then acquire; while a job may be owed, its token asks for the same job again."""
        self._promote_if_due()
        self.is_idle = False  # until the reply is here
        is_repeat, self._may_owe_a_job = self._may_owe_a_job, True
        acquired = self._queue.acquire(self._token, repeat=is_repeat)
        self._may_owe_a_job = acquired.taken is not None
        self._redis_served()
        self.is_paused = acquired.paused
        self.is_idle = acquired.taken is None and not acquired.paused
        if acquired.taken is not None:
            self._vain_wakes = 0
        return acquired.taken

    def _forget_token(self) -> None:
        """The job is an attempt's now, or the queue's again."""
        self._token = secrets.token_hex(16)
        self._may_owe_a_job = False

    def _hand_back_unheard(self) -> None:
        """A reply is due: hear it, and hand back the job, be it that one or, when it was none, the next."""
        taken = self._queue.acquire(self._token, repeat=True).taken
        if taken is not None:
            self._hand_back(taken, "stopping")

    def _hand_back(self, taken: Taken, reason: str) -> None:
        if self._queue.release(taken, None):
            self._logger.info(
                "Job handed back before its attempt began", extra={"jobId": taken.identity, "reason": reason}
            )

    def _look_at_redis(self) -> None:
        """The storage is away: promote for those who can work, and notice when Redis goes too or comes back."""
        if self._promote_if_due():
            self._redis_served()

    def _promote_if_due(self) -> bool:
        """Returns whether Redis was asked. That says little of other scripts: it is let through out of memory."""
        if time.monotonic() < self._next_promote:
            return False
        promoted = self._queue.promote()
        wait_s = self._poll_s
        if promoted.next_due_in_ms is not None:
            wait_s = min(wait_s, promoted.next_due_in_ms / 1000)
        self._next_promote = time.monotonic() + wait_s
        return True

    def _redis_served(self) -> None:
        if self._redis_outage.is_on:
            self._redis_outage.end()
            self._pauses = growing_pauses(longest_s=LONGEST_REDIS_PAUSE_S)

    def _wait_for_push(self) -> None:
        """The blocking peek; it ends with a push, with the next due retry, or after the poll interval."""
        pause_s = random.random() * self._poll_s  # noqa: S311 - jitter needs no cryptography
        if self._vain_wakes >= VAIN_WAKES and self._stopping.wait(pause_s):
            return
        timeout_s = min(self._poll_s, self._next_promote - time.monotonic())
        if timeout_s < 0.001:
            return
        self._is_peeking = True
        try:
            woken = self._waiter.wait(timeout_s)
        except RedisUnavailable as exc:
            self._rest_after_failed_peek(exc)
            return
        finally:
            self._is_peeking = False
        self._vain_wakes = self._vain_wakes + 1 if woken else 0
        if self._failed_peeks:
            self._failed_peeks = 0
            self._peek_pauses = growing_pauses(longest_s=LONGEST_REDIS_PAUSE_S)

    def _rest_after_failed_peek(self, error: RedisUnavailable) -> None:
        """The first failure tells of Redis; the next, after an acquire that Redis answered, of the blocking call alone.

        An ACL or a proxy may refuse just that one. Each acquire would end the outage and each peek begin it again: so
        it is told once, and the pauses grow until a peek succeeds.
        """
        self._failed_peeks += 1
        if self._failed_peeks == 1:
            self._redis_outage.begin(error)
        elif self._failed_peeks == 2:
            self._logger.warning(
                "Waiting for a push fails while Redis serves: looking for jobs every few seconds instead",
                extra={"code": error.code, "error": str(error)},
            )
        self._stopping.wait(next(self._peek_pauses))

    def _wait_for_slot(self) -> bool:
        if self._pool.free_count() > 0:
            return True
        self._pool.wait_available(timeout=min(self._poll_s, HEARTBEAT_FILE_S))
        return bool(self._pool.free_count() > 0)

    def _tick(self) -> None:
        """The loop is alive: tell those who watch the heartbeat file."""
        now = time.monotonic()
        if self._heartbeat_file is not None and now - self.last_tick >= HEARTBEAT_FILE_S / 2:
            with contextlib.suppress(OSError):  # a full disk is the health check's to tell, not the end of taking
                self._heartbeat_file.touch()
        self.last_tick = now
