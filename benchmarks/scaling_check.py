"""The simulation held against real workers: `python -m benchmarks.scaling_check`, some minutes on a quiet machine.

It refuses to fit: what a job costs is measured alone, one job after the other; then pictures arrive at random, and the
simulation gets the very same arrivals.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import redis

from benchmarks.pictures import collect
from benchmarks.queueing import Arrival, Outcome, Place, Shape, Simulation, Stage, percentile
from benchmarks.scaling import Picture, Surroundings, look_at
from benchmarks.slow_storage import far_away
from gradientd.embedded import S3, Valkey, open_bucket
from gradientd.settings import Settings
from gradientd.storage import Storage

DONE = "Job completed successfully"
PATIENCE_S = 120.0
LONE_LOOKS = 4


@dataclass(frozen=True, slots=True)
class Row:
    """One fleet under one load: what was measured, and what was foretold."""

    workers: int
    load: float
    rate: float
    measured: tuple[Outcome, ...]
    foretold: tuple[Outcome, ...]

    def cells(self) -> tuple[str, ...]:
        """For the table of docs/scaling.md: measured, simulated and their ratio of each."""
        cells = [f"{self.workers}", f"{self.load:.0%}", f"{self.rate:.1f}", f"{len(self.measured)}"]
        for number in (_mean_wait_ms, _mean_latency_ms, _p95_latency_ms):
            measured, foretold = number(self.measured), number(self.foretold)
            cells.append(f"{measured:.0f} / {foretold:.0f} = {measured / foretold:.2f}")
        return tuple(cells)


class Fleet:
    """Real workers on real servers; what became of each job is read from their logs."""

    def __init__(self, settings: Settings, workers: int, shape: Shape, stack: ExitStack) -> None:
        self._redis: Any = stack.enter_context(redis.Redis.from_url(settings.redis_url, decode_responses=True))
        self._redis.flushall()
        self._logs = [stack.enter_context(tempfile.TemporaryFile("a+")) for _ in range(workers)]  # noqa: SIM115
        self._read = [0] * workers
        self._ended: dict[str, tuple[float, float]] = {}
        self._pushed = 0
        env = {
            **os.environ,
            "REDIS_URL": settings.redis_url,
            "S3_ENDPOINT": settings.s3_endpoint,
            "S3_ACCESS_KEY": settings.s3_access_key,
            "S3_SECRET_KEY": settings.s3_secret_key,
            "MASTER_BUCKET_NAME": settings.master_bucket_name,
            "GRADIENT_WORKER_CONCURRENCY": str(shape.concurrency),
            "GRADIENT_DECODE_THREADS": str(shape.threads),
            "LOG_FORMAT": "json",
        }
        self.pids = []
        for log in self._logs:
            process = subprocess.Popen([sys.executable, "-m", "gradientd"], env=env, stdout=log, stderr=log)
            stack.callback(_end, process)
            self.pids.append(process.pid)
        while len(self._redis.keys("gradientd:worker:*")) < workers:
            time.sleep(0.05)

    def push(self, key: str) -> str:
        """As the documented protocol has it; returns the job's ID."""
        self._pushed += 1
        job_id = f"scaling-{self._pushed}"
        fields = {"guildId": "g", "galleryName": "g", "storageKey": key, "itemId": job_id, "jobId": job_id}
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(f"gradient:job:{job_id}", json.dumps(fields), ex=86_400)
            pipe.rpush("gradient:queue", job_id)
            pipe.execute()
        return job_id

    def ended(self) -> dict[str, tuple[float, float]]:
        """Each completed job's end (Unix time) and its seconds since a worker took it."""
        for number, log in enumerate(self._logs):
            text = os.pread(log.fileno(), os.fstat(log.fileno()).st_size, self._read[number])
            whole = text[: text.rfind(b"\n") + 1]
            self._read[number] += len(whole)
            for line in whole.decode().splitlines():
                if DONE in line and (entry := json.loads(line))["msg"] == DONE:
                    at = datetime.fromisoformat(entry["time"]).timestamp()
                    self._ended[entry["jobId"]] = (at, entry["processingTimeMs"] / 1000)
        return self._ended

    def is_done(self) -> bool:
        """Whether everything that was pushed is done."""
        return len(self.ended()) >= self._pushed

    def wait(self) -> None:
        """Until everything that was pushed is done. Raises SystemExit when it isn't."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.is_done():
            if time.monotonic() > deadline:
                raise SystemExit(f"{self._pushed - len(self.ended())} jobs were not done")
            time.sleep(0.2)

    def lone(self, key: str) -> Outcome:
        """A lone job, the mean of a few: its way to a worker, and its latency."""
        found = []
        for _ in range(LONE_LOOKS):
            at = time.time()
            job_id = self.push(key)
            while job_id not in (ended := self.ended()):
                time.sleep(0.01)
            found.append(_outcome(at, *ended[job_id]))
        return Outcome(*(statistics.fmean(times) for times in zip(*map(dataclasses.astuple, found), strict=True)))


@dataclass(frozen=True, slots=True)
class Cost:
    """What a picture's job takes alone: `pickup_s` on its way to a worker, then the stages."""

    pickup_s: float
    stages: tuple[Stage, ...]


def cost(picture: Picture, lone: Outcome, around: Surroundings) -> Cost:
    """From a lone job: its decode as measured in this process, the interpreter's part, and all the rest as download."""
    half = (Place.INTERPRETER, around.overhead_s / 2)
    rest_s = max(0.0, lone.latency_s - lone.wait_s - picture.decode_s - around.overhead_s)
    return Cost(lone.wait_s, (half, (Place.NETWORK, rest_s), (Place.THREAD, picture.decode_s), half))


def run(fleet: Fleet, workers: int, shape: Shape, load: float, costs: dict[str, Cost], seconds: float) -> Row:
    """Let pictures arrive for so long, then foretell the same arrivals."""
    rate = load * workers * most_jobs_a_s(shape, costs)
    chance = random.Random(round(load * 1000) + workers)
    began, due = time.time(), 0.0
    pushed: dict[str, tuple[float, str]] = {}
    while (due := due + chance.expovariate(rate)) < seconds:
        time.sleep(max(0.0, began + due - time.time()))
        key = chance.choice(sorted(costs))
        at = time.time()
        pushed[fleet.push(key)] = (at, key)
    fleet.wait()
    ended = fleet.ended()
    measured = tuple(_outcome(at, *ended[job_id]) for job_id, (at, _) in pushed.items())
    simulated = Simulation(workers, shape).run(Arrival(at - began, costs[key].stages) for at, key in pushed.values())
    pickups = [costs[key].pickup_s for _, key in pushed.values()]
    foretold = tuple(
        Outcome(each.wait_s + pickup_s, each.latency_s + pickup_s)
        for each, pickup_s in zip(simulated, pickups, strict=True)
    )
    return Row(workers, load, rate, measured, foretold)


def most_jobs_a_s(shape: Shape, costs: dict[str, Cost]) -> float:
    """Of one worker: its threads or its slots bound it, whichever are scarcer."""
    decodes = [took for each in costs.values() for place, took in each.stages if place is Place.THREAD]
    whole = [each.pickup_s + sum(took for _, took in each.stages) for each in costs.values()]
    return min(shape.threads / statistics.fmean(decodes), shape.concurrency / statistics.fmean(whole))


def _outcome(pushed_at: float, ended_at: float, in_hand_s: float) -> Outcome:
    latency_s = ended_at - pushed_at
    return Outcome(max(0.0, latency_s - in_hand_s), latency_s)


def _mean_wait_ms(outcomes: Sequence[Outcome]) -> float:
    return statistics.fmean(outcome.wait_s for outcome in outcomes) * 1000


def _mean_latency_ms(outcomes: Sequence[Outcome]) -> float:
    return statistics.fmean(outcome.latency_s for outcome in outcomes) * 1000


def _p95_latency_ms(outcomes: Sequence[Outcome]) -> float:
    return percentile([outcome.latency_s for outcome in outcomes], 0.95) * 1000


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(timeout=60)


@contextmanager
def open_stage(paths: Sequence[Path]) -> Iterator[Settings]:
    """Real servers, with these pictures in the bucket."""
    with Valkey(tcp=True) as valkey, S3() as s3:
        settings = open_bucket(valkey, s3)
        storage = Storage(settings)
        for path in paths:
            storage.put(path.name, path.read_bytes(), "application/octet-stream")
        storage.close()
        yield settings


@contextmanager
def _at_distance(settings: Settings, mean_s: float) -> Iterator[Settings]:
    if not mean_s:
        yield settings
        return
    with far_away(settings.s3_endpoint, mean_s) as endpoint:
        yield dataclasses.replace(settings, s3_endpoint=endpoint)


def main() -> None:
    """Measure, foretell, and print both."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling_check", description=__doc__)
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="in place of the enlarged photographs")
    parser.add_argument("--most-megapixels", type=float, default=25.0, help="of a picture (25)")
    parser.add_argument("--storage-ms", type=float, default=0.0, help="how far away the storage is made (0)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="processes (1 2)")
    parser.add_argument("--loads", type=float, nargs="+", default=[0.3, 0.5, 0.7], help="of the most (0.3 0.5 0.7)")
    parser.add_argument("--concurrency", type=int, default=3, help="jobs at once in each (3)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each run (20)")
    arguments = parser.parse_args()
    shape, around = Shape(arguments.concurrency, 1), Surroundings()
    found = [picture for picture in collect(arguments.pictures) if picture.kind != "png"]
    paths = [picture.path for picture in found if picture.megapixels <= arguments.most_megapixels]
    decodes = {path.name: look_at(path) for path in paths}
    print("| workers | load | jobs/s | jobs | mean wait in the queue, ms | mean latency, ms | p95 latency, ms |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    with open_stage(paths) as near, _at_distance(near, arguments.storage_ms / 1000) as settings:
        for workers in arguments.workers:
            with ExitStack() as stack:
                fleet = Fleet(settings, workers, shape, stack)
                costs = {name: cost(picture, fleet.lone(name), around) for name, picture in decodes.items()}
                for load in arguments.loads:
                    row = run(fleet, workers, shape, load, costs, arguments.seconds)
                    print(f"| {' | '.join(row.cells())} |", flush=True)


if __name__ == "__main__":
    main()
