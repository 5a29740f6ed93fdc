"""The workers that compete: each a set of real processes on a database of its own, told to do a batch and timed.

It refuses to count a batch that was not done to the last job.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil
import redis
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker
from rq import Queue

from benchmarks.peer_worker import QUEUE
from benchmarks.stage import ONE_PIXEL, Stage, cpu_s, environment, machine_cpu_s, open_redis

ROOT = Path(__file__).parents[1]
DONE = "bench:done"
LOOK_INTERVAL_S = 0.005
PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Batch:
    """What one batch took: `cpu_s` is the worker's, `elsewhere_cpu_s` what the producer and both servers used.

    `strangers_cpu_s` is what processes took that have no part in this.
    """

    jobs: int
    wall_s: float
    cpu_s: float
    elsewhere_cpu_s: float
    strangers_cpu_s: float

    @property
    def rate(self) -> float:
        """Jobs a second."""
        return self.jobs / self.wall_s

    @property
    def cpu_ms(self) -> float:
        """The worker's CPU for one job."""
        return self.cpu_s * 1000 / self.jobs


class Contender(ABC):
    """One set of workers. Use it as a context; `settings` name its database."""

    def __init__(self, name: str, stage: Stage, concurrency: int) -> None:
        self.name = name
        self.concurrency = concurrency
        self.settings = stage.own_settings()
        self.redis = open_redis(self.settings)
        self._warm = True
        self._stage = stage
        self._exit = ExitStack()
        self.processes: list[psutil.Popen] = []

    def __enter__(self) -> Self:
        self._log = self._exit.enter_context(tempfile.TemporaryFile("a+"))
        for command, env in self._commands():
            self.processes.append(self._start(command, env))
        if self._warm:
            self.run([ONE_PIXEL] * 4 * self.concurrency)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(timeout=20)
            except psutil.TimeoutExpired:
                process.kill()
        self.redis.flushdb()
        self.redis.close()
        self._exit.close()

    def run(self, keys: Sequence[str]) -> Batch:
        """Push one job a key at once and wait for the last; workers that had dozed off are woken before."""
        self._work_off([ONE_PIXEL] * 2 * self.concurrency)
        return self._work_off(keys)

    def _work_off(self, keys: Sequence[str]) -> Batch:
        self._prepare(len(keys))
        before = self._used()
        began = time.perf_counter()
        self._push(keys)
        deadline = time.monotonic() + PATIENCE_S
        while not self._is_done(len(keys)):
            if time.monotonic() > deadline or any(process.poll() is not None for process in self.processes):
                raise SystemExit(f"{self.name} did not do its batch:\n{self._last_words()}")
            time.sleep(LOOK_INTERVAL_S)
        wall_s = time.perf_counter() - began
        workers, elsewhere, machine = (now - then for now, then in zip(self._used(), before, strict=True))
        return Batch(len(keys), wall_s, workers, elsewhere, max(machine - workers - elsewhere, 0.0))

    def _used(self) -> tuple[float, float, float]:
        own = psutil.Process().cpu_times()
        elsewhere = self._stage.servers_cpu_s() + own.user + own.system
        return sum(map(cpu_s, self.processes)), elsewhere, machine_cpu_s()

    @abstractmethod
    def _commands(self) -> list[tuple[list[str], dict[str, str]]]:
        """What to start, with which variables on top of the servers'."""

    def _prepare(self, jobs: int) -> None:
        self.redis.set(DONE, 0)

    @abstractmethod
    def _push(self, keys: Sequence[str]) -> None:
        """Put one job a key into the queue."""

    def _is_done(self, jobs: int) -> bool:
        return int(self.redis.get(DONE) or 0) >= jobs

    def _start(self, command: list[str], env: dict[str, str]) -> psutil.Popen:
        return psutil.Popen(
            [sys.executable, *command],
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment(self.settings), **env},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )

    def _last_words(self) -> str:
        return _tail(self._log)


class Gradientd(Contender):
    """The console script, `processes` of it; `warm` lets it do a few jobs before anything is measured."""

    def __init__(self, stage: Stage, concurrency: int, *, processes: int = 1, warm: bool = True) -> None:
        super().__init__("gradientd", stage, concurrency)
        self._count = processes
        self._warm = warm
        self._pushed = 0

    def _commands(self) -> list[tuple[list[str], dict[str, str]]]:
        env = {"GRADIENT_WORKER_CONCURRENCY": str(self.concurrency), "LOG_FORMAT": "json"}
        return [(["-m", "gradientd"], env)] * self._count

    @property
    def process(self) -> psutil.Popen:
        """The one process, or the first."""
        return self.processes[0]

    def wait_until_idle(self) -> None:
        """Wait for its heartbeat, and a little longer."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.redis.keys("gradientd:worker:*") and time.monotonic() < deadline:
            time.sleep(LOOK_INTERVAL_S)
        time.sleep(2.0)

    def _prepare(self, jobs: int) -> None:
        pass

    def _push(self, keys: Sequence[str]) -> None:
        """As the documented protocol has it, in one pipeline."""
        with self.redis.pipeline(transaction=False) as pipe:
            for key in keys:
                self._pushed += 1
                job_id = f"bench-{self._pushed}"
                pipe.set(f"gradient:job:{job_id}", job_json(job_id, key), ex=86_400)
                pipe.rpush("gradient:queue", job_id)
            pipe.execute()

    def _is_done(self, jobs: int) -> bool:
        with self.redis.pipeline(transaction=False) as pipe:
            pipe.llen("gradient:queue")
            pipe.llen("gradient:processing")
            pipe.hlen("gradientd:dead")
            pipe.zcard("gradient:delayed")
            queued, processing, dead, delayed = pipe.execute()
        if dead or delayed:
            raise SystemExit(f"{self.name} failed a job:\n{self._last_words()}")
        return not queued and not processing


class Rq(Contender):
    """`concurrency` processes of RQ's, each of which does one job at a time; `work` is a function of peer_jobs."""

    def __init__(self, stage: Stage, concurrency: int, kind: str) -> None:
        super().__init__(f"RQ {kind}", stage, concurrency)
        self._kind = kind
        self.work = "with_pillow"

    def _commands(self) -> list[tuple[list[str], dict[str, str]]]:
        return [(["-m", "benchmarks.peer_worker", self._kind], {})] * self.concurrency

    def _push(self, keys: Sequence[str]) -> None:
        with redis.Redis.from_url(self.settings.redis_url) as connection:
            function = f"benchmarks.peer_jobs.{self.work}"
            Queue(QUEUE, connection=connection).enqueue_many(
                [Queue.prepare_data(function, (key,), result_ttl=0) for key in keys]
            )


class Dramatiq(Contender):
    """dramatiq with `concurrency` threads, in two processes where they can be shared out; `work` is an actor."""

    def __init__(self, stage: Stage, concurrency: int) -> None:
        super().__init__("dramatiq", stage, concurrency)
        self.work = "with_pillow"
        self._broker = RedisBroker(url=self.settings.redis_url)

    def _commands(self) -> list[tuple[list[str], dict[str, str]]]:
        processes = min(2, self.concurrency)
        shares = ["--processes", str(processes), "--threads", str(self.concurrency // processes)]
        return [(["-m", "dramatiq", "benchmarks.actors", *shares, "--skip-logging"], {})]

    def _push(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._broker.enqueue(
                Message(queue_name="default", actor_name=self.work, args=(key,), kwargs={}, options={})
            )


def job_json(job_id: str, storage_key: str) -> str:
    """A job as the documented producers write it."""
    fields = {
        "guildId": "bench", "galleryName": "bench", "storageKey": storage_key, "itemId": job_id, "jobId": job_id,
        "attempts": 0, "createdAt": round(time.time() * 1000),
    }  # fmt: skip
    return json.dumps(fields, separators=(",", ":"))


def _tail(file: IO[str]) -> str:
    size = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), 2000, max(0, size - 2000)).decode(errors="replace")
