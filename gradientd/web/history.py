"""The last half hour, sampled every few seconds: how long the lists were, and how fast the fleet worked.

It refuses to remember more than that: for more there is Prometheus.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from gradientd.jobqueue import Lengths, WorkerSeen

INTERVAL_S = 5.0
SAMPLES = 360
RATE_WINDOW_S = 30.0
"""A worker tells its counts with each heartbeat, by default every 15 s: a rate over less would jump."""
SHORTEST_WINDOW_S = 9.0


@dataclass(frozen=True, slots=True)
class Rates:
    """Jobs a second of the whole fleet over the last half minute."""

    completed: float
    failed: float


@dataclass(frozen=True, slots=True)
class Sample:
    """One moment, in monotonic seconds. None: Redis did not answer, or there is too little to tell a rate from."""

    at_s: float
    lengths: Lengths | None
    rates: Rates | None


@dataclass(frozen=True, slots=True)
class _Totals:
    """What the fleet has done since this process began to look."""

    at_s: float
    completed: int
    failed: int


class History:
    """The samples, oldest first."""

    def __init__(self) -> None:
        self.samples: deque[Sample] = deque(maxlen=SAMPLES)
        self._totals: deque[_Totals] = deque([_Totals(float("-inf"), 0, 0)])
        self._counted: dict[str, tuple[int, int]] = {}

    def add(self, at_s: float, lengths: Lengths | None, workers: Iterable[WorkerSeen] | None) -> None:
        """Remember a moment; `workers` is None when nobody asked the fleet."""
        rates = None if workers is None else self._count(at_s, workers)
        self.samples.append(Sample(at_s, lengths, rates))

    def latest_rates(self) -> Rates | None:
        """The rates now."""
        return self.samples[-1].rates if self.samples else None

    def _count(self, at_s: float, workers: Iterable[WorkerSeen]) -> Rates | None:
        """Add what each worker did since it was last heard of; what it did before it was known counts nothing."""
        completed, failed = self._totals[-1].completed, self._totals[-1].failed
        counted = {}
        for worker in workers:
            before = self._counted.get(worker.worker_id)
            now = (worker.processed, worker.failed) if worker.state != "lost" else before
            if now is None:
                continue
            counted[worker.worker_id] = now
            if before is not None:
                completed += max(0, now[0] - before[0])
                failed += max(0, now[1] - before[1])
        self._counted = counted
        self._totals.append(_Totals(at_s, completed, failed))
        while self._totals[0].at_s < at_s - RATE_WINDOW_S:
            self._totals.popleft()
        return _rates_between(self._totals[0], self._totals[-1])


def _rates_between(first: _Totals, last: _Totals) -> Rates | None:
    seconds = last.at_s - first.at_s
    if seconds < SHORTEST_WINDOW_S:
        return None
    return Rates((last.completed - first.completed) / seconds, (last.failed - first.failed) / seconds)
