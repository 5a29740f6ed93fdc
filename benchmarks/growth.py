"""How a job's cost grows with the length of the queue.

It refuses to extrapolate: each point was measured.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.backlog import fill
from benchmarks.contenders import Gradientd, job_json
from benchmarks.report import Curves, Goal, Section, Table, ratios, spread
from benchmarks.stage import ONE_PIXEL, Stage, cpu_s

LENGTHS = (1_000, 10_000, 100_000, 1_000_000)
WINDOW_S = 1.0
TURNS = 4
"""Windows a round: one part in twenty is little beside what a shared machine does from one second to the next."""


@dataclass(frozen=True, slots=True)
class Window:
    """What a worker did in a while: jobs, and CPU of its own and of both servers."""

    jobs: int
    wall_s: float
    worker_s: float
    servers_s: float

    @property
    def cpu_ms(self) -> float:
        """All CPU for one job."""
        return (self.worker_s + self.servers_s) * 1000 / self.jobs


def measure(stage: Stage, rounds: int) -> Section:
    """Workers on queues of different lengths take turns: all are paused but one."""
    with ExitStack() as stack:
        workers = {length: stack.enter_context(Gradientd(stage, 4)) for length in LENGTHS}
        for length, worker in workers.items():
            worker.redis.set("gradientd:paused", "1")
            fill(worker.redis, job_json("JOBID", ONE_PIXEL), length)
        found: dict[int, list[Window]] = {length: [] for length in LENGTHS}
        for _ in range(rounds * TURNS):
            for length, worker in workers.items():
                _top_up(worker, length)
                found[length].append(_let_work(worker, stage))
    cost = {length: [window.cpu_ms for window in windows] for length, windows in found.items()}
    rates = {length: [window.jobs / window.wall_s for window in windows] for length, windows in found.items()}
    shortest, longest = LENGTHS[0], LENGTHS[-1]
    return Section(
        "Growth with the queue",
        f"One-pixel jobs for {WINDOW_S:g} s at a time, the IDs and their jobs all in Redis; CPU of worker and servers.",
        (
            Table(
                ("IDs in the queue", "CPU ms a job", f"÷ at {shortest:,}", "jobs/s"),
                tuple(
                    (f"{n:,}", f"{spread(cost[n]):.2f}", f"{ratios(cost[n], cost[shortest]):.2f}", f"{rate:.0f}")
                    for n, rate in ((length, spread(rates[length])) for length in LENGTHS)
                ),
            ),
        ),
        (Goal("A job's CPU with a million IDs ÷ with a thousand", ratios(cost[longest], cost[shortest]).median, 1.05),),
        curves=(
            Curves(
                "IDs in the queue", "CPU ms a one-pixel job",
                {"gradientd and both servers": [(n, spread(cost[n]).median) for n in LENGTHS]}, is_log=True,
            ),
        ),
    )


def _top_up(worker: Gradientd, length: int) -> None:
    missing = length - int(worker.redis.llen("gradient:queue"))
    if missing > 0:
        fill(worker.redis, job_json("JOBID", ONE_PIXEL), missing, first=time.time_ns() // 1000)


def _let_work(worker: Gradientd, stage: Stage) -> Window:
    time.sleep(0.2)
    queued, servers, own = int(worker.redis.llen("gradient:queue")), stage.servers_cpu_s(), cpu_s(worker.process)
    worker.redis.delete("gradientd:paused")
    began = time.perf_counter()
    while worker.redis.llen("gradient:queue") == queued and time.perf_counter() - began < 10 * WINDOW_S:
        time.sleep(0.01)  # a paused worker looks once a poll interval
    began = time.perf_counter()
    time.sleep(min(WINDOW_S, queued / 1000))
    worker.redis.set("gradientd:paused", "1")
    while worker.redis.llen("gradient:processing"):
        time.sleep(0.005)
    wall_s = time.perf_counter() - began
    done = queued - int(worker.redis.llen("gradient:queue"))
    return Window(done, wall_s, cpu_s(worker.process) - own, stage.servers_cpu_s() - servers)
