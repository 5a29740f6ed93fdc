"""How a worker ends: the order in which its parts stop, and how much of the time each may take.

It refuses to wait without a limit: what does not end in its time is left behind, and told.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

import gevent
from gevent.event import Event

from gradientd.errors import RedisUnavailable
from gradientd.jobqueue import Fleet, Queue
from gradientd.settings import LAST_WORDS_S
from gradientd.storage import Storage
from gradientd.worker.breaker import Breaker, Outage
from gradientd.worker.crew import Crew
from gradientd.worker.decoder import Decoder
from gradientd.worker.intake import Intake
from gradientd.worker.leases import LeaseKeeper
from gradientd.worker.upkeep import Upkeep

INTAKE_S = 4.0
"""How long replies that could carry a job are waited for. Redis answers in less, or the name service is silent too."""
RENEWALS_S = 1.0
FLEET_S = 1.0


@dataclass(frozen=True, slots=True)
class Farewell:
    """One worker's parts, in the order in which they stop."""

    intake: Intake
    upkeep: Upkeep
    crew: Crew
    storage_breaker: Breaker
    keeper: LeaseKeeper
    redis_outage: Outage
    worker_id: str
    decoder: Decoder
    storage: Storage
    queue: Queue
    waiter: Queue

    def take(self, grace_s: float, hurry: Event) -> None:
        """End everything within `grace_s` and LAST_WORDS_S; `hurry` ends the grace time at once."""
        began = time.monotonic()
        self.intake.stop(INTAKE_S)
        self.upkeep.stop()
        left_s = grace_s - (time.monotonic() - began)
        last_words_s = LAST_WORDS_S - RENEWALS_S - FLEET_S + min(left_s, 0.0)
        self.crew.finish(max(left_s, 0.0), hurry, last_words_s=last_words_s)
        self.storage_breaker.close()
        self.keeper.stop(RENEWALS_S)
        self._leave_the_fleet()
        self.decoder.close()
        self.storage.close()
        self.queue.close()
        self.waiter.close()

    def _leave_the_fleet(self) -> None:
        if not self.redis_outage.is_on:
            with contextlib.suppress(RedisUnavailable):
                gevent.with_timeout(FLEET_S, Fleet(self.queue.client).strike, self.worker_id, timeout_value=None)
