"""What a job costs apart from its picture: one-pixel pictures, beside bare GETs of the same object.

It refuses to flatter: the bare GETs are made by a boto3 client that is told to do no more than it must, which is faster
than one as it comes.
"""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks.contenders import Batch, Gradientd, Rq
from benchmarks.report import Goal, Section, Table, ratios, spread
from benchmarks.stage import ONE_PIXEL, Stage
from benchmarks.yardstick import Spent, Yardstick

CONCURRENCY = 4
JOBS = 600
_LOCK = (
    "one interpreter lock for all, and each change of hands over it takes 40 us between two cores here (kept to one "
    "core, where it takes 5, a worker does 1.36 times as many of these jobs). Of a job's time under it the GET has "
    "40 %, three scripts in Redis 22 %, the one pixel 14 %, the log line 6 %, the hand-over to a thread 2 % (py-spy, "
    "2500 jobs)"
)


def measure(stage: Stage, rounds: int) -> Section:
    """Jobs and bare GETs, in turn."""
    keys = [ONE_PIXEL] * JOBS
    with ExitStack() as stack:
        ours = stack.enter_context(Gradientd(stage, CONCURRENCY))
        rq = stack.enter_context(Rq(stage, 1, "simple"))
        rq.work = "with_gradientd"
        bare = stack.enter_context(Yardstick(stage))
        side_by_side = stack.enter_context(Yardstick(stage, CONCURRENCY))
        jobs: dict[str, list[Batch]] = {"gradientd": [], "RQ simple, our function": []}
        spent: dict[str, list[Spent]] = {"GETs, one by one": [], "GETs, 4 greenlets": [], "kernel": []}
        for _ in range(rounds):
            jobs["gradientd"].append(ours.run(keys))
            spent["GETs, one by one"].append(bare.get(keys))
            jobs["RQ simple, our function"].append(rq.run(keys))
            spent["GETs, 4 greenlets"].append(side_by_side.get(keys))
            spent["kernel"].append(bare.kernel(keys))
            got = spent["GETs, one by one"][-1].rate
            print(f"  {jobs['gradientd'][-1].rate:.0f} jobs/s, {got:.0f} GETs/s", flush=True)
    return _section({**jobs, **spent})


def _section(found: dict[str, list[Batch] | list[Spent]]) -> Section:
    rates = {name: [turn.rate for turn in turns] for name, turns in found.items()}
    cpu = {name: [turn.cpu_ms for turn in turns] for name, turns in found.items()}
    one_by_one, ours = rates["GETs, one by one"], rates["gradientd"]
    python = [job - kernel for job, kernel in zip(cpu["gradientd"], cpu["kernel"], strict=True)]
    return Section(
        "Overhead: one-pixel pictures",
        f"{JOBS} jobs a batch, one process of each; gradientd does {CONCURRENCY} at once.",
        (
            Table(
                ("", "a second", "÷ bare GETs", "CPU ms each"),
                tuple(
                    (name, f"{spread(rate):.0f}", f"{ratios(rate, one_by_one):.2f}", f"{spread(cpu[name]):.2f}")
                    for name, rate in rates.items()
                ),
            ),
        ),
        (
            Goal(
                "One-pixel jobs/s ÷ bare GETs/s", ratios(ours, one_by_one).median, 0.5, at_least=True,
                why=_LOCK,
            ),
            Goal(
                "CPU of a job apart from its pixels, ms", spread(python).median, 4.0,
                why=_LOCK,
            ),
        ),
    )
