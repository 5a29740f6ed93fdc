"""GradientWorker: puts the rooms together, and starts, stops and drains them.

It refuses to decide anything about a single job: attempts do.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import gevent
from gevent import monkey
from gevent.event import Event
from gevent.pool import Pool

import gradientd
from gradientd.errors import NotPatched
from gradientd.imaging import Limits
from gradientd.jobqueue import Audit, Connector, Lengths, Queue, RedisClient, Taken
from gradientd.logs import create_logger
from gradientd.metrics import Metrics
from gradientd.settings import Settings, parse_env
from gradientd.storage import Storage
from gradientd.worker.attempt import Workshop
from gradientd.worker.breaker import Breaker, Outage, problem_of
from gradientd.worker.crew import Crew
from gradientd.worker.decoder import Decoder
from gradientd.worker.drain import Drain, Drained
from gradientd.worker.farewell import Farewell
from gradientd.worker.heartbeat import Heartbeat
from gradientd.worker.instruments import Instruments
from gradientd.worker.intake import Intake
from gradientd.worker.leases import LeaseKeeper
from gradientd.worker.stats import Tally, WorkerStats
from gradientd.worker.upkeep import Upkeep

COMMAND_TIMEOUT_S = 5.0
"""How long one Redis command may take before Redis counts as unavailable."""
CALLERS = 8
"""How many callers of the public methods use Redis at once; the others wait, or they would use up the pool."""
NOT_PATCHED = (
    "gevent has not patched this process, so the worker's greenlets would block each other. Call "
    "`from gevent import monkey; monkey.patch_all()` before any other import, or run the `gradientd` command."
)


class GradientWorker:
    """Takes jobs from Redis, pictures from the bucket, and stores gradients in Redis.

    `redis` is a template: the worker makes clients of its own from its connection arguments (None: from
    `settings.redis_url`). `logger` defaults to `create_logger` as the settings say, `settings` to `parse_env()`.
    The constructor does no I/O. One instance is started once.
    """

    def __init__(
        self,
        redis: RedisClient | None = None,
        logger: logging.Logger | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._settings = settings = settings or parse_env()
        self._logger = logger or create_logger(settings.log_level, settings.log_format)
        self._connector = Connector.from_client(redis) if redis is not None else Connector.from_settings(settings)
        self._heartbeat = Heartbeat.of_this_process(settings.concurrency)
        self.worker_id = self._heartbeat.worker_id
        self._stopping, self._hurry, self._ended = Event(), Event(), Event()
        self._is_running = False
        self.failure: str | None = None
        """Why the worker ended by itself, a sentence for its supervisor's log; None when it was told to stop."""
        self._tally = Tally()
        metrics = Metrics(gradientd.__version__)
        self._pool = Pool(settings.concurrency)
        self._queue = self.open_queue(connections=settings.concurrency + 8 + CALLERS)
        self._callers = threading.BoundedSemaphore(CALLERS)
        self._storage = Storage(settings)
        self._decoder = Decoder(
            settings.decode_thread_count,
            Limits.from_settings(settings),
            settings.decode_timeout_ms / 1000,
            settings.extras,
        )
        self._keeper = LeaseKeeper(
            self._open_renewal_queue, self.worker_id, settings.lease_ms, self._heartbeat_json, self._logger
        )
        self._redis_outage = Outage("Redis", self._logger)
        self._storage_breaker = Breaker("Storage", self._storage.probe, self._logger)
        workshop = Workshop(
            queue=self._queue,
            storage=self._storage,
            decoder=self._decoder,
            keeper=self._keeper,
            storage_breaker=self._storage_breaker,
            redis_outage=self._redis_outage,
            tally=self._tally,
            metrics=metrics,
            settings=settings,
            logger=self._logger,
            closing=Event(),
            on_retry=self._remember_retry,
        )
        self._crew = Crew(self._pool, workshop, self._end_if_exhausted, self._logger)
        poll_s = settings.poll_interval_ms / 1000
        self._waiter = self.open_queue(connections=1, timeout_s=poll_s + COMMAND_TIMEOUT_S)
        self._intake = Intake(
            queue=self._queue,
            waiter=self._waiter,
            pool=self._pool,
            work=partial(self._work_on, waits=False),
            redis_outage=self._redis_outage,
            storage_breaker=self._storage_breaker,
            poll_interval_s=poll_s,
            heartbeat_file=Path(settings.heartbeat_file) if settings.heartbeat_file else None,
            logger=self._logger,
        )
        self.instruments = Instruments(
            metrics, self._tally, self._pool, self._intake, self._redis_outage, self._storage_breaker, self._stopping
        )
        self._drain = Drain(
            queue=self._queue,
            intake=self._intake,
            pool=self._pool,
            tally=self._tally,
            redis_outage=self._redis_outage,
            storage_breaker=self._storage_breaker,
            stopping=self._stopping,
            max_wait_s=settings.once_max_wait_s,
            poll_interval_s=poll_s,
        )
        self._upkeep = Upkeep(
            queue=self._queue,
            audit=Audit(
                self._queue, worker_id=self.worker_id, interval_ms=settings.audit_interval_ms, sleep=gevent.sleep
            ),
            keeper=self._keeper,
            worker_id=self.worker_id,
            work=partial(self._work_on, waits=True),
            tally=self._tally,
            logger=self._logger,
            reap_interval_s=settings.reap_interval_ms / 1000,
            audit_interval_s=settings.audit_interval_ms / 1000,
        )
        self._farewell = Farewell(
            intake=self._intake,
            upkeep=self._upkeep,
            crew=self._crew,
            storage_breaker=self._storage_breaker,
            keeper=self._keeper,
            redis_outage=self._redis_outage,
            worker_id=self.worker_id,
            decoder=self._decoder,
            storage=self._storage,
            queue=self._queue,
            waiter=self._waiter,
        )

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to take jobs; returns at once. Raises NotPatched in a process that gevent has not patched."""
        if not (monkey.is_module_patched("socket") and monkey.is_module_patched("threading")):
            raise NotPatched(NOT_PATCHED)
        settings = self._settings
        self._logger.info(
            "Initializing gradient generator worker",
            extra={
                "version": gradientd.__version__,
                "workerId": self.worker_id,
                "concurrency": settings.concurrency,
                "decodeThreads": settings.decode_thread_count,
                "bucket": settings.master_bucket_name,
                "endpoint": settings.s3_endpoint,
            },
        )
        self._is_running = True
        self._keeper.start()
        self._intake.start()
        self._upkeep.start()
        gevent.spawn(self._look_at_storage)
        self._logger.info("Worker started", extra={"workerId": self.worker_id})

    def stop(self, grace_s: float | None = None) -> None:
        """Take no more jobs, let the running ones finish for `grace_s` (as set), hand back the rest, close everything.

        A second call, from a signal, ends the grace time at once.
        """
        if self._stopping.is_set():
            self._hurry.set()
            self._ended.wait()
            return
        self._stopping.set()
        if not self._is_running:
            self._ended.set()
            return
        grace_s = self._settings.shutdown_grace_ms / 1000 if grace_s is None else grace_s
        self._logger.info(
            "Stopping: taking no more jobs", extra={"activeJobs": len(self._pool), "graceSeconds": grace_s}
        )
        try:
            self._farewell.take(grace_s, self._hurry)
        finally:  # whatever went wrong, whoever waits for the end must not wait for ever
            self._is_running = False
            self._logger.info("Worker stopped", extra={"workerId": self.worker_id, **self.get_stats().as_dict()})
            self._ended.set()

    def wait(self) -> None:
        """Wait until the worker has ended, by `stop` or by itself; then see `failure`."""
        self._ended.wait()

    def drain(self) -> Drained:
        """Wait until the queue is empty and every retry that this worker scheduled has ended; see Drained."""
        return self._drain.wait()

    @property
    def lost_threads(self) -> int:
        """Threads that are busy with abandoned pictures or with a silent Redis: the interpreter would wait for them."""
        return self._decoder.lost_threads + self._keeper.is_left_behind

    # -- questions -----------------------------------------------------------------------------------------------

    def check_dependencies(self) -> None:
        """Raise the DependencyError of the first of Redis and storage that does not serve."""
        with self._callers:
            self._queue.ping()
        self._storage.probe()

    def enqueue_job(self, job: Mapping[str, Any]) -> str:
        """Put a job into the queue (guildId, galleryName, storageKey, itemId); returns its jobId.

        Raises InvalidJob, or RedisUnavailable. A job that is already queued, delayed or running is left as it is. It
        may be called from many greenlets, or in an unpatched process from many threads.
        """
        with self._callers:
            return self._queue.enqueue(job)

    def get_stats(self) -> WorkerStats:
        """What this process has done since it began."""
        return self._tally.snapshot(active=len(self._pool), running=self._is_running and not self._stopping.is_set())

    def probe_storage(self) -> None:
        """Ask the storage whether it serves. Raises the StorageError that says why not."""
        self._storage.probe()

    def open_queue(self, *, connections: int = 2, timeout_s: float = COMMAND_TIMEOUT_S) -> Queue:
        """A Queue on a client of its own, which the caller closes; `timeout_s` bounds each command."""
        client = self._connector.client(socket_timeout_s=timeout_s, max_connections=connections)
        return Queue(
            client,
            lease_ms=self._settings.lease_ms,
            max_retries=self._settings.max_retries,
            dead_letters_max=self._settings.dead_letters_max,
            orphan_grace_ms=self._settings.orphan_grace_ms,
        )

    def get_queue_length(self) -> int:
        """Jobs that wait in `gradient:queue`. Raises RedisUnavailable."""
        return self._lengths().queue

    def get_processing_count(self) -> int:
        """Jobs that any worker of any generation has taken. Raises RedisUnavailable."""
        return self._lengths().processing

    def get_delayed_count(self) -> int:
        """Jobs that wait for a retry. Raises RedisUnavailable."""
        return self._lengths().delayed

    # -- inside --------------------------------------------------------------------------------------------------

    def _lengths(self) -> Lengths:
        with self._callers:
            return self._queue.lengths()

    def _open_renewal_queue(self) -> Queue:
        """A renewal that hangs must leave time for others before the leases end."""
        return self.open_queue(timeout_s=min(COMMAND_TIMEOUT_S, self._settings.lease_ms / 4000))

    def _work_on(self, taken: Taken, *, waits: bool) -> bool:
        self._drain.forget_retry(taken.identity)
        return self._crew.work_on(taken, waits=waits)

    def _end_if_exhausted(self) -> None:
        """A worker without a thread to decode in can only be restarted."""
        if self._decoder.is_exhausted and not self._stopping.is_set():
            self.failure = (
                f"{self._decoder.lost_threads} of {self._settings.decode_thread_count} decode threads are lost to "
                "pictures that do not end, and others find no room beside them: "
                "handing back the jobs and exiting, to be restarted."
            )
            self._logger.critical(self.failure, extra={"lostThreads": self._decoder.lost_threads})
            gevent.spawn(self.stop, 0.0)

    def _look_at_storage(self) -> None:
        """Say at the start, in one line, when the bucket cannot be used."""
        problem = problem_of(self._storage.probe, self._logger)
        if problem is not None and not self._stopping.is_set():
            self._storage_breaker.trip(problem)

    def _remember_retry(self, identity: str, delay_ms: int) -> None:
        self._drain.remember_retry(identity, delay_ms)
        self._intake.promote_soon(delay_ms / 1000)

    def _heartbeat_json(self) -> str:
        """Called in the renewal thread: it only reads."""
        state = "stopping" if self._stopping.is_set() else "waiting" if self._storage_breaker.is_open else "running"
        return self._heartbeat.to_json(state, self._tally, self._keeper.held())
