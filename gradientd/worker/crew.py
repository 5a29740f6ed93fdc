"""The attempts in work, each in a greenlet of its own: begun, and at the end of the worker finished or handed back.

It refuses to choose a job and to settle one: the intake and the attempts do.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import gevent
from gevent.event import Event
from gevent.pool import Pool

from gradientd.jobqueue import Taken
from gradientd.worker.attempt import Attempt, HandBack, Workshop
from gradientd.worker.leases import WORKING_PHASES
from gradientd.worker.stats import Outcome

LOOK_INTERVAL_S = 0.02


class Crew:
    """Runs attempts in `pool`; `on_end` is called after each."""

    def __init__(self, pool: Pool, workshop: Workshop, on_end: Callable[[], None], logger: logging.Logger) -> None:
        self._pool = pool
        self._workshop = workshop
        self._tell_of_end = on_end
        self._logger = logger
        self._attempts: dict[gevent.Greenlet[[], Outcome], Attempt] = {}

    def work_on(self, taken: Taken, *, waits: bool) -> bool:
        """Begin an attempt. Without a free slot it `waits` for one, or begins nothing and returns False."""
        if not waits and self._pool.full():
            return False
        attempt = Attempt(self._workshop, taken)
        greenlet = self._pool.spawn(attempt.run)
        self._attempts[greenlet] = attempt
        greenlet.rawlink(self._on_end)
        return True

    def finish(self, grace_s: float, hurry: Event, *, last_words_s: float) -> None:
        """Let attempts end; when the grace time is over hand back what still works and write what is done.

        `hurry` ends the grace time at once; the hand-backs may take `last_words_s` altogether.
        """
        deadline = time.monotonic() + grace_s
        while self._pool and time.monotonic() < deadline and not hurry.wait(LOOK_INTERVAL_S):
            pass
        self._workshop.closing.set()
        for greenlet, attempt in list(self._attempts.items()):
            if attempt.lease.phase in WORKING_PHASES:
                greenlet.kill(HandBack, block=False)
        self._pool.join(timeout=last_words_s)
        for attempt in list(self._attempts.values()):
            self._logger.error(
                "Job left behind: its lease will expire and another worker will take it",
                extra={"jobId": attempt.lease.taken.identity, "storageKey": attempt.lease.storage_key},
            )

    def _on_end(self, greenlet: gevent.Greenlet[[], Outcome]) -> None:
        del self._attempts[greenlet]
        self._tell_of_end()
