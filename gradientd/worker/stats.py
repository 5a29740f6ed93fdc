"""What this process has done so far.

It refuses to look outside the process: queue depths are asked of jobqueue.
"""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass
from typing import Any


class Outcome(enum.StrEnum):
    """How an attempt ended."""

    COMPLETED = "completed"
    RETRIED = "retried"
    """Charged; the job waits in the delayed set for its next attempt."""
    FAILED = "failed"
    """For good: a dead letter."""
    RELEASED = "released"
    """Handed back uncharged."""
    DROPPED = "dropped"
    """Its data had expired while its ID was queued."""
    LOST = "lost"
    """Its lease went to another worker before the work began."""
    UNSETTLED = "unsettled"
    """Redis stayed away until the end: the lease will expire and the job will be taken again."""


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """A snapshot; times are milliseconds and count completed jobs only, from lease to stored result."""

    jobs_processed: int
    jobs_failed: int
    active_jobs: int
    is_running: bool
    avg_processing_time_ms: float
    total_processing_time_ms: float

    def as_dict(self) -> dict[str, Any]:
        """The names that the older worker used."""
        return {
            "jobsProcessed": self.jobs_processed,
            "jobsFailed": self.jobs_failed,
            "activeJobs": self.active_jobs,
            "isRunning": self.is_running,
            "avgProcessingTimeMs": self.avg_processing_time_ms,
            "totalProcessingTimeMs": self.total_processing_time_ms,
        }


class Tally:
    """Counts outcomes; touched only by greenlets of one hub, so it needs no lock."""

    def __init__(self) -> None:
        self.outcomes: Counter[Outcome] = Counter()
        self.total_processing_ms = 0.0
        self.stale_results = 0
        self.poison = 0
        """Jobs whose attempts were all begun and never ended."""
        self.picture_bytes = 0
        self.recovered: Counter[str] = Counter()

    def count(self, outcome: Outcome) -> None:
        """One attempt has ended."""
        self.outcomes[outcome] += 1

    def count_completed(self, processing_ms: float) -> None:
        """One job is done, `processing_ms` after its lease."""
        self.count(Outcome.COMPLETED)
        self.total_processing_ms += processing_ms

    def snapshot(self, *, active: int, running: bool) -> WorkerStats:
        """The counts as WorkerStats."""
        done = self.outcomes[Outcome.COMPLETED]
        return WorkerStats(
            jobs_processed=done,
            jobs_failed=self.outcomes[Outcome.FAILED],
            active_jobs=active,
            is_running=running,
            avg_processing_time_ms=round(self.total_processing_ms / done, 3) if done else 0.0,
            total_processing_time_ms=round(self.total_processing_ms, 3),
        )
