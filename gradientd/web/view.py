"""Everything that page and API show, looked up together at most once a second, however many ask.

It refuses to change anything, and to fail while Redis is away: then it says so instead.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import gevent
from gevent.lock import RLock

from gradientd.errors import RedisUnavailable
from gradientd.jobqueue import DeadLetter, DeadLetters, Fleet, LeaseCount, Lengths, Queue, Recent, WorkerSeen
from gradientd.metrics import QueueReadings, WorkerReadings
from gradientd.model import Result
from gradientd.web.health import Health
from gradientd.web.history import INTERVAL_S, History
from gradientd.worker import GradientWorker
from gradientd.worker.instruments import Condition
from gradientd.worker.stats import Outcome

T = TypeVar("T")
FRESH_S = 1.0
NEWEST_RESULTS = 12
NEWEST_LETTERS = 200
SMALL_FLEET = 32
WATCHED_S = 600.0
"""A large fleet's heartbeats are read for the plots only while somebody looked within this time."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """The queue at one moment; `oldest_job_ms` is None when no job at its head carries a time."""

    lengths: Lengths
    leases: LeaseCount
    oldest_job_ms: int | None
    is_paused: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """One of the newest results."""

    recent: Recent
    result: Result


@dataclass(frozen=True, slots=True)
class View:
    """What there is to see; `queue` is None, and the lists are empty, when Redis does not answer."""

    at_ms: int
    worker_id: str
    condition: Condition
    readings: WorkerReadings
    history: History
    storage_problem: str | None = None
    """What the last look at the storage found; the worker's own breaker may not have noticed yet."""
    redis_problem: str | None = None
    queue: QueueState | None = None
    workers: tuple[WorkerSeen, ...] = ()
    results: tuple[Shown, ...] = ()
    letters: tuple[DeadLetter, ...] = ()
    """The newest only."""


class _Shared(Generic[T]):
    """What `look` found, at most a second old: one who asks looks, the others wait for what it finds."""

    def __init__(self, look: Callable[[], T]) -> None:
        self._look = look
        self._looking = RLock()
        self._found: tuple[float, T] | None = None

    def get(self) -> T:
        with self._looking:
            if self._found is None or time.monotonic() - self._found[0] > FRESH_S:
                found = self._look()
                self._found = time.monotonic(), found
            return self._found[1]

    def forget(self) -> None:
        self._found = None


class Observer:
    """Looks at one worker and, through `queue`, at its fleet; `start` begins the history."""

    def __init__(self, worker: GradientWorker, queue: Queue, health: Health) -> None:
        self._worker = worker
        self._queue = queue
        self._health = health
        self._fleet = Fleet(queue.client)
        self._letters = DeadLetters(queue.client)
        self._history = History()
        self._view = _Shared(self._look)
        self._readings = _Shared(self._read)
        self._asked_at = float("-inf")
        self._sampler: gevent.Greenlet[..., None] | None = None

    def start(self) -> None:
        """Begin to sample."""
        self._sampler = gevent.spawn(self._sample_now_and_then)

    def stop(self) -> None:
        """Sample no more."""
        if self._sampler is not None:
            self._sampler.kill()

    def view(self) -> View:
        """What there is to see, at most a second old."""
        self._asked_at = time.monotonic()
        return self._view.get()

    def forget(self) -> None:
        """Something was changed: look again when next asked."""
        self._view.forget()
        self._readings.forget()

    def results(self, limit: int) -> list[Shown]:
        """The newest results that still are what they were. Raises RedisUnavailable."""
        recent = self._queue.recent(limit)
        results = self._fleet.results([entry.storage_key for entry in recent])
        return [Shown(entry, result) for entry, result in zip(recent, results, strict=True) if result is not None]

    def queue_readings(self) -> QueueReadings | None:
        """The queue's metrics, at most a second old, None when Redis does not answer."""
        return self._readings.get()

    def _read(self) -> QueueReadings | None:
        try:
            lengths, oldest_ms = self._queue.lengths(), self._fleet.oldest_job_ms()
        except RedisUnavailable:
            return None
        depths: Mapping[str, int] = {
            "queue": lengths.queue,
            "processing": lengths.processing,
            "delayed": lengths.delayed,
        }
        return QueueReadings(depths, lengths.dead, None if oldest_ms is None else oldest_ms / 1000)

    def _look(self) -> View:
        view = View(
            at_ms=round(time.time() * 1000),
            worker_id=self._worker.worker_id,
            condition=self._worker.instruments.condition(),
            readings=self._worker.instruments.readings(),
            history=self._history,
            storage_problem=self._health.storage_problem,
        )
        try:
            return dataclasses.replace(
                view,
                queue=QueueState(
                    lengths=self._queue.lengths(),
                    leases=self._queue.count_leases(),
                    oldest_job_ms=self._fleet.oldest_job_ms(),
                    is_paused=self._queue.is_paused(),
                ),
                workers=tuple(self._workers()),
                results=tuple(self.results(NEWEST_RESULTS)),
                letters=tuple(self._letters.list(limit=NEWEST_LETTERS)),
            )
        except RedisUnavailable as exc:
            return dataclasses.replace(view, redis_problem=str(exc))

    def _workers(self) -> list[WorkerSeen]:
        """The fleet; of this worker it is known better what it has done than its last heartbeat says."""
        outcomes = self._worker.instruments.readings().outcomes
        done, failed = outcomes[Outcome.COMPLETED], outcomes[Outcome.FAILED]
        seen = {worker.worker_id: worker for worker in self._fleet.workers()}
        this = seen.get(self._worker.worker_id)
        if this is not None:
            seen[this.worker_id] = dataclasses.replace(this, processed=done, failed=failed)
        return list(seen.values())

    def _sample_now_and_then(self) -> None:
        while True:
            lengths: Lengths | None = None
            workers: list[WorkerSeen] | None = None
            try:
                lengths = self._queue.lengths()
                is_watched = time.monotonic() - self._asked_at < WATCHED_S
                if is_watched or self._fleet.size() <= SMALL_FLEET:
                    workers = self._workers()
            except RedisUnavailable:
                pass  # a gap in the plot
            self._history.add(time.monotonic(), lengths, workers)
            gevent.sleep(INTERVAL_S)
