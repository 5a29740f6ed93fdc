"""How many workers a rate of pictures needs, for a latency to be kept: `python -m benchmarks.scaling --help`.

It refuses to plan for the mean: the answer is a percentile, found by simulating the fleet (queueing.py).
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.queueing import Outcome, Place, Shape, Simulation, Stage, percentile, poisson

WARM_UP_SHARE = 0.1
LEAST_JOBS = 20_000
JOBS_A_WORKER = 60
MOST_WORKERS = 100_000
LOOKS = 3
MOST_BUSY = 0.9
"""What is left over is for retries, slower pictures and a node that is drained; closer to 1 no run is long enough."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture costs: seconds in a decode thread (palette and placeholder included), and bytes to download."""

    name: str
    decode_s: float
    bytes: int


BUILT_IN = {
    picture.name: picture
    for picture in (
        Picture("jpeg-2.5mp", 0.012, 230_000),
        Picture("jpeg-6mp", 0.018, 670_000),
        Picture("jpeg-12mp", 0.027, 990_000),
        Picture("jpeg-24mp", 0.047, 1_680_000),
        Picture("progressive-12mp", 0.028, 765_000),
        Picture("progressive-24mp", 0.086, 1_620_000),
        Picture("png-2.5mp", 0.044, 5_710_000),
        Picture("png-6mp", 0.086, 14_960_000),
    )
}
"""The medians of the photographs of pictures.py on one core; a camera's files are larger for the same pixels."""
DEFAULT_MIX = "jpeg-12mp=50,jpeg-24mp=15,jpeg-2.5mp=15,progressive-24mp=10,png-2.5mp=10"


@dataclass(frozen=True, slots=True)
class Demand:
    """What comes in: pictures a second, in albums of so many on average, drawn from `pictures` by their weights."""

    rate: float
    pictures: tuple[Picture, ...]
    weights: tuple[float, ...]
    album: float = 1.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a job costs apart from its picture: the interpreter's seconds, and the way to the storage and back."""

    overhead_s: float = 0.004
    storage_latency_s: float = 0.020
    storage_bytes_a_s: float = 50e6

    def stages(self, picture: Picture) -> tuple[Stage, ...]:
        """The stages of a job for this picture."""
        download_s = self.storage_latency_s + picture.bytes / self.storage_bytes_a_s
        half = (Place.INTERPRETER, self.overhead_s / 2)
        return half, (Place.NETWORK, download_s), (Place.THREAD, picture.decode_s), half


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a fleet of so many workers would do; `busy` is the share of its threads' time that decodes take."""

    workers: int
    busy: float
    outcomes: tuple[Outcome, ...]

    def latency_s(self, share: float) -> float:
        """From the push to the result, for `share` of the jobs at most."""
        return percentile([outcome.latency_s for outcome in self.outcomes], share)

    @property
    def mean_wait_s(self) -> float:
        """In the queue."""
        return statistics.fmean(outcome.wait_s for outcome in self.outcomes)


class Planner:
    """Tries fleets of one shape against one demand, with `jobs` arrivals at least."""

    def __init__(
        self, demand: Demand, shape: Shape, around: Surroundings, seed: int = 1, jobs: int = LEAST_JOBS
    ) -> None:
        self._demand, self._shape, self._around, self._seed, self._jobs = demand, shape, around, seed, jobs
        self._stages = [around.stages(picture) for picture in demand.pictures]

    @property
    def decode_s(self) -> float:
        """Of the average picture."""
        return self._mean([picture.decode_s for picture in self._demand.pictures])

    @property
    def bytes(self) -> float:
        """Of the average picture."""
        return self._mean([float(picture.bytes) for picture in self._demand.pictures])

    @property
    def worker_rate(self) -> float:
        """Jobs a second of one worker that always has work: what is scarcest bounds it."""
        alone_s = self._mean([sum(seconds for _, seconds in stages) for stages in self._stages])
        return min(
            self._shape.threads / self.decode_s, 1 / self._around.overhead_s, self._shape.concurrency / alone_s
        )

    @property
    def least_workers(self) -> int:
        """With fewer they would be busier than MOST_BUSY, or the queue would grow without end."""
        return math.ceil(self._demand.rate / (self.worker_rate * MOST_BUSY))

    def try_out(self, workers: int) -> Prospect:
        """Simulate a fleet; what came while it was still empty is left out."""
        jobs = max(self._jobs, JOBS_A_WORKER * workers)
        arrivals = poisson(self._demand.rate, jobs, self._draw, album=self._demand.album, seed=self._seed)
        outcomes = Simulation(workers, self._shape, self._seed).run(arrivals)
        busy = self._demand.rate * self.decode_s / (workers * self._shape.threads)
        return Prospect(workers, busy, tuple(outcomes[int(jobs * WARM_UP_SHARE) :]))

    def find(self, target_s: float, share: float) -> Prospect | None:
        """The smallest fleet that keeps the target and is not too busy; None where not even MOST_WORKERS would."""
        alone_s = sorted(
            (sum(seconds for _, seconds in stages), weight)
            for stages, weight in zip(self._stages, self._demand.weights, strict=True)
        )
        slower = sum(weight for seconds, weight in alone_s if seconds > target_s) / sum(self._demand.weights)
        if slower > 1 - share or self.least_workers > MOST_WORKERS:
            return None
        too_few, step, tried = self.least_workers - 1, 1, self.try_out(self.least_workers)
        while tried.latency_s(share) > target_s:
            too_few, step = tried.workers, step * 2
            tried = self.try_out(tried.workers + step)
            if tried.workers > MOST_WORKERS:
                return None
        while tried.workers - too_few > 1:
            middle = self.try_out((tried.workers + too_few) // 2)
            if middle.latency_s(share) > target_s:
                too_few = middle.workers
            else:
                tried = middle
        return tried

    def list_length(self, target_s: float, share: float) -> int:
        """KEDA's listLength: the jobs that one worker does in the time that the target leaves for waiting."""
        alone_s = Simulation(1, Shape(1, 1)).run(poisson(1e-6, 500, self._draw, seed=self._seed))
        slack_s = target_s - percentile([outcome.latency_s for outcome in alone_s], share)
        return max(1, int(self.worker_rate * slack_s))

    def _draw(self, chance: random.Random) -> tuple[Stage, ...]:
        (stages,) = chance.choices(self._stages, self._demand.weights)
        return stages

    def _mean(self, values: Sequence[float]) -> float:
        weights = self._demand.weights
        return sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)


def look_at(path: Path) -> Picture:
    """What this picture costs: seconds of a core of this machine, whatever else it has to do."""
    from gradientd.imaging import generate_gradient

    data = path.read_bytes()
    took = []
    for _ in range(LOOKS):
        began = time.process_time()
        generate_gradient(data)
        took.append(time.process_time() - began)
    return Picture(path.name, statistics.median(took), len(data))


def report(planner: Planner, demand: Demand, shape: Shape, target_s: float, share: float) -> str:
    """The answer, with the fleets around it."""
    found = planner.find(target_s, share)
    lines = [
        f"{demand.rate:g} pictures a second in albums of {demand.album:g}; the average one takes "
        f"{planner.decode_s * 1000:.0f} ms of a core and {planner.bytes / 1e6:.1f} MB",
        f"each worker: jobs at once {shape.concurrency}, decode threads {shape.threads}, "
        f"at most {planner.worker_rate:.1f} pictures a second",
    ]
    if found is None:
        return "\n".join([*lines, f"no fleet does it: too many pictures take {target_s * 1000:g} ms by themselves"])
    around = sorted({planner.least_workers, found.workers - 1, found.workers, found.workers + 1, found.workers * 2})
    lines += ["", " workers   busy   wait, mean   latency p50        p95        p99"]
    for workers in around:
        if workers < planner.least_workers:
            continue
        tried = found if workers == found.workers else planner.try_out(workers)
        latencies = "  ".join(f"{tried.latency_s(at) * 1000:6.0f} ms" for at in (0.5, 0.95, 0.99))
        mark = " <-" if workers == found.workers else ""
        lines.append(f"{workers:8d}  {tried.busy:4.0%}  {tried.mean_wait_s * 1000:8.0f} ms     {latencies}{mark}")
    lines += [
        "",
        f"workers needed: {found.workers}, for {share * 100:g} of 100 pictures within {target_s * 1000:g} ms",
        f"KEDA: listLength {planner.list_length(target_s, share)}",
        f"S3: {demand.rate * planner.bytes / 1e6:.0f} MB/s",
    ]
    return "\n".join(lines)


def demand_of(arguments: argparse.Namespace) -> Demand:
    """From the command line. Raises SystemExit for a mix that names what there is not."""
    if arguments.pictures:
        files = sorted(path for path in arguments.pictures.rglob("*") if path.is_file())
        if not files:
            raise SystemExit(f"{arguments.pictures} holds no file")
        pictures = tuple(map(look_at, files))
        return Demand(arguments.rate, pictures, (1.0,) * len(pictures), arguments.album)
    shares: dict[str, float] = {}
    for part in arguments.mix.split(","):
        name, _, share = part.partition("=")
        if name not in BUILT_IN or not share.replace(".", "", 1).isdecimal():
            raise SystemExit(f"--mix: {part!r} is not NAME=SHARE with a NAME of {', '.join(BUILT_IN)}")
        shares[name] = float(share)
    return Demand(arguments.rate, tuple(BUILT_IN[name] for name in shares), tuple(shares.values()), arguments.album)


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scaling",
        description="How many workers a rate of pictures needs, for a latency to be kept.",
        epilog="example: python -m benchmarks.scaling --rate 50 --album 20 --target-ms 2000 --pictures ~/Pictures",
    )
    parser.add_argument("--rate", type=float, required=True, help="pictures a second at the busiest time")
    parser.add_argument("--album", type=float, default=1.0, help="pictures that are pushed at once, on average (1)")
    parser.add_argument("--target-ms", type=float, default=2000.0, help="from the push to the result (2000)")
    parser.add_argument("--percentile", type=float, default=95.0, help="of the pictures that must keep it (95)")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="a sample of your own, measured here")
    parser.add_argument("--mix", default=DEFAULT_MIX, help=f"where you have none: NAME=SHARE,… ({DEFAULT_MIX})")
    parser.add_argument("--concurrency", type=int, default=3, help="GRADIENT_WORKER_CONCURRENCY (3)")
    parser.add_argument("--threads", type=int, default=1, help="GRADIENT_DECODE_THREADS, each with a core (1)")
    parser.add_argument("--overhead-ms", type=float, default=4.0, help="the interpreter's time for a job (4)")
    parser.add_argument("--storage-ms", type=float, default=20.0, help="to the first byte of an object (20)")
    parser.add_argument("--storage-mb-s", type=float, default=50.0, help="of one download (50)")
    parser.add_argument("--seed", type=int, default=1, help="of the arrivals (1)")
    return parser


def main() -> None:
    """Answer."""
    arguments = make_parser().parse_args()
    demand = demand_of(arguments)
    shape = Shape(arguments.concurrency, arguments.threads)
    around = Surroundings(arguments.overhead_ms / 1000, arguments.storage_ms / 1000, arguments.storage_mb_s * 1e6)
    planner = Planner(demand, shape, around, arguments.seed)
    print(report(planner, demand, shape, arguments.target_ms / 1000, arguments.percentile / 100))


if __name__ == "__main__":
    main()
