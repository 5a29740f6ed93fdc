"""What the daemon did lately, in one log line now and then.

It refuses to repeat itself: while nothing happens it writes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from logging import Logger
from typing import Any

import gevent

from gradientd.errors import RedisUnavailable
from gradientd.worker import GradientWorker
from gradientd.worker.stats import Outcome


@contextmanager
def show_summaries(worker: GradientWorker, logger: Logger, interval_s: int) -> Iterator[None]:
    """Write a summary every `interval_s` until the block ends; 0 writes none."""
    teller = gevent.spawn(_tell_now_and_then, worker, logger, interval_s) if interval_s else None
    try:
        yield
    finally:
        if teller is not None:
            teller.kill()


@dataclass(frozen=True, slots=True)
class _Counts:
    at_s: float
    outcomes: Mapping[str, int]
    completed_ms: float

    @classmethod
    def of(cls, worker: GradientWorker) -> _Counts:
        outcomes = worker.instruments.readings().outcomes
        return cls(time.monotonic(), outcomes, worker.get_stats().total_processing_time_ms)


def _tell_now_and_then(worker: GradientWorker, logger: Logger, interval_s: int) -> None:
    before = _Counts.of(worker)
    while True:
        gevent.sleep(interval_s)
        now = _Counts.of(worker)
        if now.outcomes != before.outcomes or worker.get_stats().active_jobs:
            logger.info("Summary", extra=_summary(before, now, worker))
        before = now


def _summary(before: _Counts, now: _Counts, worker: GradientWorker) -> dict[str, Any]:
    """Every outcome that there was since the last line, the speed, and what is left to do."""
    ended = {str(outcome): now.outcomes[outcome] - before.outcomes[outcome] for outcome in Outcome}
    completed, seconds = ended[Outcome.COMPLETED], now.at_s - before.at_s
    return {
        "seconds": round(seconds),
        **{outcome: count for outcome, count in ended.items() if count},
        "perSecond": round(completed / seconds, 2),
        **({"avgProcessingTimeMs": round((now.completed_ms - before.completed_ms) / completed)} if completed else {}),
        "activeJobs": worker.get_stats().active_jobs,
        **_lengths(worker),
    }


def _lengths(worker: GradientWorker) -> dict[str, int]:
    try:
        return {"queued": worker.get_queue_length(), "delayed": worker.get_delayed_count()}
    except RedisUnavailable:
        return {}
