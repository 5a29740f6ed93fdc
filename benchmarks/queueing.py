"""A fleet of workers on one queue, as a discrete-event simulation: who waits how long for whom.

It refuses to guess what a picture costs: stages and their seconds come from whoever asks.

A worker has slots (GRADIENT_WORKER_CONCURRENCY), decode threads, and one interpreter. A job waits in the queue until a
worker has a free slot, then goes through its stages: on the interpreter and in the threads it waits for its turn, on
the network it does not. Each worker has its cores to itself, unless all of them share a machine's: then the more there
is to do at once, on workers and servers, the longer everything takes.
"""

from __future__ import annotations

import enum
import heapq
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field


class Place(enum.Enum):
    """Where a stage of a job happens."""

    NETWORK = enum.auto()
    INTERPRETER = enum.auto()
    THREAD = enum.auto()
    SERVER = enum.auto()
    """A server's processor: nobody stands in line, and it takes from the cores where they are shared."""


Stage = tuple[Place, float]
"""A place, and the seconds that the stage takes there, waiting not counted."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A job that is pushed `at` so many seconds after the beginning."""

    at: float
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """What one worker is made of."""

    concurrency: int
    threads: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """A job that was done: `wait_s` in the queue until a worker took it, `latency_s` from the push to the result."""

    wait_s: float
    latency_s: float


@dataclass(slots=True)
class _Station:
    """Servers with one waiting line, first come, first served."""

    free: int
    line: deque[_Job] = field(default_factory=deque)


@dataclass(frozen=True, slots=True)
class Machine:
    """What all workers and servers run on: so many cores, of which so many others (on average) want one each."""

    cores: float
    others: float = 0.0


class _Cores:
    """Cores that all who compute share fairly (processor sharing), a core at most for each."""

    def __init__(self, machine: Machine, after: Callable[[float, Callable[[], None]], None]) -> None:
        self._machine = machine
        self._after = after
        self._running: list[tuple[float, int, Callable[[], None]]] = []
        self._done_s = 0.0
        """How much has been done since the beginning for someone who was always there."""
        self._looked_at = 0.0
        self._plan = 0

    def compute(self, now: float, seconds: float, happen: Callable[[], None]) -> None:
        """Let this happen when so many seconds of a core have been had."""
        self._catch_up(now)
        heapq.heappush(self._running, (self._done_s + seconds, self._plan, happen))
        self._look_again_when_one_is_ready()

    def _end(self, now: float, plan: int) -> None:
        if plan != self._plan:
            return  # somebody came or went since
        self._catch_up(now)
        _, _, happen = heapq.heappop(self._running)
        self._look_again_when_one_is_ready()
        happen()

    @property
    def _speed(self) -> float:
        return min(1.0, self._machine.cores / (max(len(self._running), 1) + self._machine.others))

    def _catch_up(self, now: float) -> None:
        self._done_s += (now - self._looked_at) * self._speed
        self._looked_at = now

    def _look_again_when_one_is_ready(self) -> None:
        self._plan += 1
        if self._running:
            plan = self._plan
            left_s = max(0.0, self._running[0][0] - self._done_s) / self._speed
            ready_at = self._looked_at + left_s
            self._after(left_s, lambda: self._end(ready_at, plan))


@dataclass(slots=True)
class _Worker:
    free_slots: int
    stations: dict[Place, _Station]


@dataclass(slots=True)
class _Job:
    number: int
    arrival: Arrival
    worker: _Worker | None = None
    taken_at: float = 0.0
    stage: int = 0


class Simulation:
    """One run of workers of one shape; lots are drawn among those with a free slot, since a push wakes all.

    `machine` is what all of them and their servers share; None: nobody ever waits for a core.
    """

    def __init__(self, workers: int, shape: Shape, seed: int = 1, machine: Machine | None = None) -> None:
        self._random = random.Random(seed)
        self._now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._sequence = 0
        self._queue: deque[_Job] = deque()
        self._outcomes: dict[int, Outcome] = {}
        self._able = [
            _Worker(shape.concurrency, {Place.INTERPRETER: _Station(1), Place.THREAD: _Station(shape.threads)})
            for _ in range(workers)
        ]
        self._cores = None if machine is None else _Cores(machine, self._in)

    def run(self, arrivals: Iterable[Arrival]) -> list[Outcome]:
        """What became of each job, in the order of their arrival."""
        pushed = 0
        for number, arrival in enumerate(arrivals):
            self._until(arrival.at)
            self._now = arrival.at
            self._queue.append(_Job(number, arrival))
            self._hand_out()
            pushed += 1
        self._until(float("inf"))
        return [self._outcomes[number] for number in range(pushed)]

    def _until(self, end: float) -> None:
        while self._events and self._events[0][0] <= end:
            self._now, _, happen = heapq.heappop(self._events)
            happen()

    def _in(self, seconds: float, happen: Callable[[], None]) -> None:
        self._sequence += 1
        heapq.heappush(self._events, (self._now + seconds, self._sequence, happen))

    def _hand_out(self) -> None:
        while self._queue and self._able:
            job = self._queue.popleft()
            chosen = self._random.randrange(len(self._able))
            job.worker, job.taken_at = self._able[chosen], self._now
            job.worker.free_slots -= 1
            if not job.worker.free_slots:
                self._able[chosen] = self._able[-1]
                self._able.pop()
            self._go_on(job)

    def _go_on(self, job: _Job) -> None:
        """Begin the job's next stage, or end the job."""
        worker = job.worker
        assert worker is not None
        if job.stage == len(job.arrival.stages):
            worker.free_slots += 1
            if worker.free_slots == 1:
                self._able.append(worker)
            self._outcomes[job.number] = Outcome(job.taken_at - job.arrival.at, self._now - job.arrival.at)
            self._hand_out()
            return
        place, seconds = job.arrival.stages[job.stage]
        station = worker.stations.get(place)
        if station is None:
            self._spend(place, seconds, lambda: self._pass(job))
        elif station.free:
            self._serve(station, job)
        else:
            station.line.append(job)

    def _serve(self, station: _Station, job: _Job) -> None:
        station.free -= 1
        place, seconds = job.arrival.stages[job.stage]
        self._spend(place, seconds, lambda: self._leave(station, job))

    def _spend(self, place: Place, seconds: float, happen: Callable[[], None]) -> None:
        if self._cores is None or place is Place.NETWORK:
            self._in(seconds, happen)
        else:
            self._cores.compute(self._now, seconds, happen)

    def _leave(self, station: _Station, job: _Job) -> None:
        station.free += 1
        if station.line:
            self._serve(station, station.line.popleft())
        self._pass(job)

    def _pass(self, job: _Job) -> None:
        job.stage += 1
        self._go_on(job)


def poisson(
    rate: float,
    jobs: int,
    stages_of: Callable[[random.Random], tuple[Stage, ...]],
    *,
    album: float = 1.0,
    seed: int = 1,
) -> Iterator[Arrival]:
    """`jobs` arrivals, `rate` a second on average, in albums of `album` on average (geometric), at once each."""
    chance = random.Random(seed)
    at, left = 0.0, 0
    for _ in range(jobs):
        if not left:
            at += chance.expovariate(rate / album)
            left = 1
            while chance.random() > 1 / album:
                left += 1
        left -= 1
        yield Arrival(at, stages_of(chance))


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
