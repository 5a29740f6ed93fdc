"""One job from its lease to its outcome.

It refuses to choose jobs, for the worker hands it one that is already leased, and to say what a failure means.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import gevent
from gevent.event import Event

from gradientd.errors import (
    AttemptsExhausted,
    DependencyError,
    GradientdError,
    InternalError,
    InvalidJob,
    JobTimeout,
    RedisUnavailable,
)
from gradientd.jobqueue import Begun, Completion, Queue, Taken
from gradientd.metrics import Metrics, Stage
from gradientd.model import Job
from gradientd.settings import Settings
from gradientd.storage import Storage
from gradientd.worker.breaker import Breaker, Outage, growing_pauses
from gradientd.worker.decoder import Decoded, Decoder
from gradientd.worker.judge import Verdict, judge, retry_delay_ms
from gradientd.worker.leases import Lease, LeaseKeeper
from gradientd.worker.stats import Outcome, Tally

T = TypeVar("T")


class HandBack(gevent.GreenletExit):
    """Thrown into a running attempt when the grace time is over: give the job back, uncharged."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What an attempt works with."""

    queue: Queue
    storage: Storage
    decoder: Decoder
    keeper: LeaseKeeper
    storage_breaker: Breaker
    redis_outage: Outage
    tally: Tally
    metrics: Metrics
    settings: Settings
    logger: logging.Logger
    closing: Event
    """Set when the grace time is over: what Redis does not take now is reported and left to the lease's end."""
    on_retry: Callable[[str, int], None]
    """Told the identity and the delay (ms) of every retry that this worker schedules."""


class Attempt:
    """One attempt at one leased job; `run` never raises."""

    def __init__(self, workshop: Workshop, taken: Taken) -> None:
        self._shop = workshop
        self._taken = taken
        self._job: Job | None = None
        self._attempts = taken.attempts
        self._limit_s = workshop.settings.job_timeout_ms / 1000
        now = time.monotonic()
        self.lease = Lease(taken, taken.identity, now, now + self._limit_s)

    def run(self) -> Outcome:
        """Do the work and settle it with Redis."""
        self._shop.keeper.hold(self.lease)
        self._log(logging.DEBUG, "Job taken", attemptsBefore=self._taken.attempts)
        try:
            outcome = self._run()
        except RedisUnavailable as exc:
            outcome = Outcome.UNSETTLED
            self._log(
                logging.ERROR,
                "Redis did not take the job's outcome: the job will be taken again when its lease has expired",
                error=str(exc),
            )
        except Exception:  # the same boundary for the outcome: a surprise here must not end in a greenlet's traceback
            outcome = Outcome.UNSETTLED
            self._shop.logger.exception(
                "An unforeseen error kept the job's outcome from Redis: it will be taken again",
                extra=self._fields(),
            )
        finally:
            self._shop.keeper.let_go(self.lease)
        if outcome is not Outcome.COMPLETED:
            self._shop.tally.count(outcome)
        return outcome

    def _run(self) -> Outcome:
        try:
            return self._work_and_settle()
        except HandBack:  # no transition was under way: `_insist` brings those to their end
            return self._release("stopping")

    def _work_and_settle(self) -> Outcome:
        try:
            early = self._begin()
            if early is not None:
                return early
            decoded = self._work(self._begun_job)
        except GradientdError as exc:
            return self._settle(exc)
        except Exception as exc:  # the boundary that keeps one job's surprise from stopping the worker
            self._shop.logger.exception("An unforeseen error ended the attempt", extra=self._fields())
            error = InternalError(f"An unforeseen error ended the attempt: {type(exc).__name__}.")
            error.__cause__ = exc
            return self._settle(error)
        return self._complete(decoded)

    @property
    def _begun_job(self) -> Job:
        if self._job is None:
            raise InternalError("The attempt has not begun.")
        return self._job

    def _begin(self) -> Outcome | None:
        """Count the attempt before its work begins; an outcome when there is nothing to work on."""
        if self._taken.payload is None:
            self._insist(lambda: self._shop.queue.drop(self._taken))
            self._log(logging.WARNING, "Job dropped: its data expired while its ID was queued")
            return Outcome.DROPPED
        job = self._taken.parse()
        self.lease.storage_key = job.storage_key
        if self._taken.attempts > self._shop.settings.max_retries:
            self._job = job
            raise AttemptsExhausted(
                f"All {self._taken.attempts} attempts are used up, and the last did not come to its end: "
                "the picture may have killed its worker."
            )
        if self._taken.attempts == 0 and job.created_at is not None:
            self._shop.metrics.observe(Stage.QUEUE_WAIT, max(0, self._taken.now_ms - job.created_at) / 1000)
        self._attempts = self._taken.attempts + 1
        self._job = job = job.with_attempts(self._attempts, created_at=self._taken.now_ms)
        begun = self._insist(lambda: self._shop.queue.begin(self._taken, job))
        if self._shop.closing.is_set():
            raise HandBack
        if begun is Begun.OK:
            return None
        self._log(logging.WARNING, "Job left alone: it is no longer ours", reason=begun.name.lower())
        return Outcome.LOST if begun is Begun.LEASE_LOST else Outcome.DROPPED

    def _work(self, job: Job) -> Decoded:
        """Bytes, then pixels, then the gradient; download and decode are charged to the job's limit, waiting is not."""
        self.lease.phase = "download"
        began = time.monotonic()
        with self._shop.storage.get(
            job.storage_key, max_bytes=self._shop.settings.max_image_bytes, deadline_s=self._limit_s
        ) as body:
            downloaded_s = time.monotonic() - began
            self._shop.metrics.observe(Stage.DOWNLOAD, downloaded_s)
            self._shop.tally.picture_bytes += body.size
            remaining_s = self._limit_s - downloaded_s
            if remaining_s <= 0:
                raise JobTimeout("The job overran its time limit while its picture was downloaded.")
            self.lease.phase = "decode"
            self.lease.renew_until = float("inf")  # waiting for a thread is not charged; the decode has a deadline
            return self._shop.decoder.gradient(body.data, remaining_s=remaining_s)

    def _complete(self, decoded: Decoded) -> Outcome:
        self.lease.phase = "store"
        job, gradient = self._begun_job, decoded.gradient
        self._shop.metrics.observe(Stage.DECODE, decoded.decode_s)
        self._shop.metrics.observe(Stage.PALETTE, decoded.palette_s)
        worked = time.monotonic()
        elapsed_ms = (worked - self.lease.began) * 1000
        stored = self._insist(lambda: self._shop.queue.complete(self._taken, job, gradient, round(elapsed_ms)))
        ended = time.monotonic()
        self._shop.metrics.observe(Stage.STORE, ended - worked)
        self._shop.tally.count_completed((ended - self.lease.began) * 1000)
        if stored is Completion.STALE:
            self._shop.tally.stale_results += 1
        self._log(
            logging.INFO,
            "Job completed successfully",
            attempts=self._attempts,
            processingTimeMs=round(elapsed_ms),
            primary=gradient.primary,
            secondary=gradient.secondary,
            **({"leaseLost": True} if stored is Completion.STALE else {}),
        )
        return Outcome.COMPLETED

    def _settle(self, error: GradientdError) -> Outcome:
        """Retried, failed for good, or handed back uncharged; while the probe is asked the job is still in work."""
        verdict = judge(
            error,
            attempts=self._attempts,
            max_retries=self._shop.settings.max_retries,
            is_healthy=self._shop.storage_breaker.is_healthy,
        )
        self.lease.phase = "settle"
        if verdict is Verdict.RELEASE:
            if isinstance(error, DependencyError) and not isinstance(error, RedisUnavailable):
                self._shop.storage_breaker.trip(error)
            return self._release(error.code, error=str(error))
        if verdict is Verdict.RETRY:
            return self._retry(error)
        return self._fail(error)

    def _retry(self, error: GradientdError) -> Outcome:
        job, delay_ms = self._begun_job, retry_delay_ms(self._attempts)
        if not self._insist(lambda: self._shop.queue.retry(self._taken, job, str(error), delay_ms)):
            return self._lost()
        self._shop.on_retry(self._taken.identity, delay_ms)
        self._log(
            logging.WARNING,
            "Job failed and will be tried again",
            code=error.code,
            error=str(error),
            attempts=self._attempts,
            retriesLeft=self._shop.settings.max_retries - self._attempts + 1,
            retryInMs=delay_ms,
        )
        return Outcome.RETRIED

    def _fail(self, error: GradientdError) -> Outcome:
        job = self._job
        storage_key = error.storage_key if isinstance(error, InvalidJob) else job.storage_key if job else None
        if not self._insist(lambda: self._shop.queue.fail(self._taken, job, storage_key, error)):
            return self._lost()
        self._shop.tally.poison += isinstance(error, AttemptsExhausted)
        self._log(
            logging.ERROR,
            "Job failed for good: kept as a dead letter",
            storageKey=storage_key,
            code=error.code,
            error=str(error),
            attempts=self._attempts,
        )
        return Outcome.FAILED

    def _release(self, reason: str, **details: Any) -> Outcome:
        self.lease.phase = "settle"
        job = self._job
        if not self._insist(lambda: self._shop.queue.release(self._taken, job)):
            return self._lost()
        self._log(logging.INFO, "Job handed back to the head of the queue, uncharged", reason=reason, **details)
        return Outcome.RELEASED

    def _lost(self) -> Outcome:
        self._log(logging.WARNING, "Job left alone: its lease went to another worker")
        return Outcome.LOST

    def _insist(self, transition: Callable[[], T]) -> T:
        """Repeat a transition until Redis takes it: each is safe to repeat. Once closing, it gets one last try."""
        pauses = growing_pauses(first_s=0.5, longest_s=10.0)
        while True:
            try:
                return transition()
            except HandBack:
                continue  # it hit a job that is being settled already: settle it
            except RedisUnavailable as exc:
                self._shop.redis_outage.begin(exc)
                if self._shop.closing.is_set():
                    raise
            pause_s = next(pauses)
            self.lease.go_on_for(pause_s + self._limit_s)
            with contextlib.suppress(HandBack):
                self._shop.closing.wait(pause_s)

    def _fields(self) -> dict[str, Any]:
        return {"jobId": self._taken.identity, "storageKey": self._job.storage_key if self._job else None}

    def _log(self, level: int, message: str, **details: Any) -> None:
        self._shop.logger.log(level, message, extra={**self._fields(), **details})
