"""The simulation held against real workers: `python -m benchmarks.scaling_check`, some minutes on a quiet machine.

It refuses to fit: what a job costs worker and servers is measured alone, one job after the other, and so is what the
machine's cores are worth together; then pictures arrive at random, and the simulation gets the very same arrivals. What
others had of the cores meanwhile is measured and printed, and the simulation lets as many others share them.
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

from benchmarks.cores import machine_s, process_s, worth
from benchmarks.pictures import collect
from benchmarks.queueing import Arrival, Machine, Outcome, Place, Shape, Simulation, Stage, percentile
from benchmarks.scaling import Picture, look_at
from benchmarks.slow_storage import far_away
from gradientd.embedded import S3, Valkey, open_bucket
from gradientd.settings import Settings
from gradientd.storage import Storage

DONE = "Job completed successfully"
PATIENCE_S = 120.0
LONE_LOOKS = 4
HEAD = """\
| workers | load | jobs/s | jobs | others' cores | mean wait in the queue, ms | mean latency, ms | p95 latency, ms |
|---|---:|---:|---:|---:|---:|---:|---:|"""
SHORTEST_S = 1e-6


@dataclass(frozen=True, slots=True)
class Row:
    """One fleet under one load: what was measured, and what was foretold."""

    workers: int
    load: float
    rate: float
    others: float
    """Cores that programs which have nothing to do with it had meanwhile."""
    measured: tuple[Outcome, ...]
    foretold: tuple[Outcome, ...]

    def cells(self) -> tuple[str, ...]:
        """For the table of docs/scaling.md: measured, simulated and their ratio of each."""
        cells = [f"{self.workers}", f"{self.load:.0%}", f"{self.rate:.1f}", f"{len(self.measured)}"]
        cells.append(f"{self.others:.2f}")
        for number in (_mean_wait_ms, _mean_latency_ms, _p95_latency_ms):
            measured, foretold = number(self.measured), number(self.foretold)
            cells.append(f"{measured:.0f} / {foretold:.0f} = {measured / foretold:.2f}")
        return tuple(cells)


@dataclass(frozen=True, slots=True)
class Lone:
    """A job with nobody beside it: its way to a worker, its latency, and the seconds of a core that it cost."""

    pickup_s: float
    latency_s: float
    worker_s: float
    servers_s: float


@dataclass(frozen=True, slots=True)
class Servers:
    """What workers are told of the servers, and the servers' processes."""

    settings: Settings
    pids: tuple[int, ...]

    def cores_s(self) -> float:
        """Seconds of a core so far: the processes', and the proxy's, which are this process's other threads."""
        return process_s(self.pids) + time.process_time() - time.thread_time()


class Fleet:
    """Real workers on real servers; what became of each job is read from their logs."""

    def __init__(self, servers: Servers, workers: int, shape: Shape, stack: ExitStack) -> None:
        self._servers, settings = servers, servers.settings
        self._redis: Any = stack.enter_context(redis.Redis.from_url(settings.redis_url, decode_responses=True))
        self._redis.flushall()
        self._logs = [stack.enter_context(tempfile.TemporaryFile("a+")) for _ in range(workers)]  # noqa: SIM115 - see enter_context
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

    def lone(self, key: str) -> Lone:
        """A lone job, the mean of a few."""
        found = []
        for _ in range(LONE_LOOKS):
            worker_s, servers_s, at = process_s(self.pids), self._servers.cores_s(), time.time()
            job_id = self.push(key)
            while job_id not in (ended := self.ended()):
                time.sleep(0.01)
            outcome = _outcome(at, *ended[job_id])
            worker_s, servers_s = process_s(self.pids) - worker_s, self._servers.cores_s() - servers_s
            found.append(Lone(outcome.wait_s, outcome.latency_s, worker_s, servers_s))
        return Lone(*(statistics.fmean(times) for times in zip(*map(dataclasses.astuple, found), strict=True)))

    def others_s(self) -> float:
        """Seconds of a core that everybody else on this machine has had."""
        return machine_s() - process_s((*self.pids, *self._servers.pids)) - time.process_time()


@dataclass(frozen=True, slots=True)
class Cost:
    """What a picture's job takes alone: `pickup_s` on its way to a worker, then the stages."""

    pickup_s: float
    stages: tuple[Stage, ...]


def cost(picture: Picture, lone: Lone) -> Cost:
    """From a lone job: its decode as measured in this process; what more the worker computed is the interpreter's part,
    and what was neither computed nor spent on the way to a worker is the network's.
    """
    half = (Place.INTERPRETER, max(0.0, lone.worker_s - picture.decode_s) / 2)
    server = (Place.SERVER, lone.servers_s)
    rest_s = max(0.0, lone.latency_s - lone.pickup_s - max(picture.decode_s, lone.worker_s) - lone.servers_s)
    return Cost(lone.pickup_s, (half, server, (Place.NETWORK, rest_s), (Place.THREAD, picture.decode_s), half))


def run(
    fleet: Fleet, workers: int, shape: Shape, load: float, costs: dict[str, Cost], cores: float, seconds: float
) -> Row:
    """Let pictures arrive for so long, then foretell the same arrivals on the same cores, with the same others."""
    rate = load * most_jobs_a_s(workers, shape, costs, cores)
    others_s, since = fleet.others_s(), time.monotonic()
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
    others = max(0.0, (fleet.others_s() - others_s) / (time.monotonic() - since))
    simulated = Simulation(workers, shape, machine=Machine(cores, others)).run(
        Arrival(at - began, costs[key].stages) for at, key in pushed.values()
    )
    pickups = [costs[key].pickup_s for _, key in pushed.values()]
    foretold = tuple(
        Outcome(each.wait_s + pickup_s, each.latency_s + pickup_s)
        for each, pickup_s in zip(simulated, pickups, strict=True)
    )
    return Row(workers, load, rate, others, measured, foretold)


def most_jobs_a_s(workers: int, shape: Shape, costs: dict[str, Cost], cores: float) -> float:
    """Of the fleet: threads, slots, interpreters or the machine's cores bound it, whichever are scarcest."""

    def mean_s(*places: Place) -> float:
        return statistics.fmean(sum(took for at, took in each.stages if at in places) for each in costs.values())

    whole_s = mean_s(*Place) + statistics.fmean(each.pickup_s for each in costs.values())
    computed_s = mean_s(Place.INTERPRETER, Place.THREAD, Place.SERVER)
    return min(
        workers * shape.threads / mean_s(Place.THREAD),
        workers * shape.concurrency / whole_s,
        workers / max(mean_s(Place.INTERPRETER), SHORTEST_S),
        cores / computed_s,
    )


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
def open_stage(paths: Sequence[Path]) -> Iterator[Servers]:
    """Real servers, with these pictures in the bucket."""
    with Valkey(tcp=True) as valkey, S3() as s3:
        settings = open_bucket(valkey, s3)
        storage = Storage(settings)
        for path in paths:
            storage.put(path.name, path.read_bytes(), "application/octet-stream")
        storage.close()
        yield Servers(settings, (valkey.pid, s3.pid))


@contextmanager
def _at_distance(servers: Servers, mean_s: float) -> Iterator[Servers]:
    if not mean_s:
        yield servers
        return
    with far_away(servers.settings.s3_endpoint, mean_s) as endpoint:
        settings = dataclasses.replace(servers.settings, s3_endpoint=endpoint)
        yield dataclasses.replace(servers, settings=settings)


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
    shape = Shape(arguments.concurrency, 1)
    found = [picture for picture in collect(arguments.pictures) if picture.kind != "png"]
    paths = [picture.path for picture in found if picture.megapixels <= arguments.most_megapixels]
    decodes = {path.name: look_at(path) for path in paths}
    cores = worth(max(found, key=lambda picture: picture.megapixels).path)
    print(f"{os.cpu_count()} processors are worth {cores:.2f}\n")
    print(HEAD)
    with open_stage(paths) as near, _at_distance(near, arguments.storage_ms / 1000) as servers:
        for workers in arguments.workers:
            with ExitStack() as stack:
                fleet = Fleet(servers, workers, shape, stack)
                costs = {name: cost(picture, fleet.lone(name)) for name, picture in decodes.items()}
                for load in arguments.loads:
                    row = run(fleet, workers, shape, load, costs, cores, arguments.seconds)
                    print(f"| {' | '.join(row.cells())} |", flush=True)


if __name__ == "__main__":
    main()
