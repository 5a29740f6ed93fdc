"""What health checks, metrics and the status page may read of a worker.

It refuses to let anybody change the worker through it.
"""

from __future__ import annotations

import time
from collections.abc import Sized
from dataclasses import dataclass

from gevent.event import Event

from gradientd.metrics import Metrics, WorkerReadings
from gradientd.worker.breaker import Breaker, Outage, Trouble
from gradientd.worker.intake import Intake
from gradientd.worker.stats import Outcome, Tally
from gradientd.worker.upkeep import RECOVERY_CAUSES


@dataclass(frozen=True, slots=True)
class Condition:
    """How a worker is at this moment; `silence_s` is how long ago its loop came round, 0 before it begins."""

    is_stopping: bool
    silence_s: float
    redis_trouble: Trouble | None
    storage_trouble: Trouble | None


@dataclass(frozen=True, slots=True)
class Instruments:
    """One worker's; `jobs` is what it has in work."""

    metrics: Metrics
    tally: Tally
    jobs: Sized
    intake: Intake
    redis_outage: Outage
    storage_breaker: Breaker
    stopping: Event

    def condition(self) -> Condition:
        """How the worker is now."""
        last_tick = self.intake.last_tick
        return Condition(
            is_stopping=self.stopping.is_set(),
            silence_s=time.monotonic() - last_tick if last_tick else 0.0,
            redis_trouble=self.redis_outage.trouble,
            storage_trouble=self.storage_breaker.outage.trouble,
        )

    def readings(self) -> WorkerReadings:
        """The numbers that its metrics show."""
        return WorkerReadings(
            outcomes={outcome: self.tally.outcomes[outcome] for outcome in Outcome},
            recovered={cause: self.tally.recovered[cause] for cause in RECOVERY_CAUSES},
            stale_results=self.tally.stale_results,
            poison=self.tally.poison,
            redis_reconnects=self.redis_outage.ended,
            picture_bytes=self.tally.picture_bytes,
            inflight=len(self.jobs),
            breaker_open=self.storage_breaker.is_open,
        )
