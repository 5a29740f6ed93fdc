"""Jobs a second through a real Valkey and a real S3 server: gradientd, RQ and dramatiq on the same photographs.

It refuses to compare runs: in each round every contender does the same batch, one after the other, while the rest idle.
"""

from __future__ import annotations

import os
import random
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from benchmarks.contenders import Batch, Dramatiq, Gradientd, Rq
from benchmarks.report import Curves, Goal, Section, Table, ratios, spread
from benchmarks.stage import Stage
from benchmarks.yardstick import Yardstick

CONCURRENCIES = (1, 2, 4, 8)
JUDGED_AT = 4
LEAST_JOBS = 360
"""With fewer, the end of a batch, when one core has no more to do, would count for much."""
FEWER_JOBS = 120
"""Where nothing is judged."""
FORKING_SHARE = 8
"""A fork for each job is so slow that only one job in so many is given to those who do that."""
OURS = "gradientd"
RIVALS = {
    "RQ forking, Pillow": "RQ's own worker with Pillow's, 4 processes of it",
    "RQ simple, Pillow, one process": "one RQ SimpleWorker with Pillow's, process against process",
    "RQ simple, Pillow": "4 RQ SimpleWorkers with Pillow's",
}
"""`RQ + Pillow` can mean each of these: RQ's worker forks for every job, a SimpleWorker does one at a time."""

Run = Callable[[Sequence[str]], Batch]


def measure(stage: Stage, rounds: int) -> Section:
    """Every concurrency in turn; the efficiency is judged at JUDGED_AT."""
    keys = _shuffled(list(stage.photographs))
    found: dict[int, dict[str, list[Batch]]] = {}
    needs_s: list[float] = []
    for concurrency in CONCURRENCIES:
        with ExitStack() as stack:
            runs = dict(_contenders(stage, concurrency, stack))
            yardstick = stack.enter_context(Yardstick(stage))
            found[concurrency] = {name: [] for name in runs}
            is_judged = concurrency == JUDGED_AT
            for turn in range(rounds if is_judged else 1):
                for name, run in runs.items():
                    batch = run(keys if is_judged else keys[:FEWER_JOBS])
                    found[concurrency][name].append(batch)
                    print(f"  {concurrency} at once, round {turn + 1}: {name} {batch.rate:.1f} jobs/s", flush=True)
                if is_judged:
                    needs_s.append((yardstick.kernel(keys).cpu_s + yardstick.get(keys).cpu_s) / len(keys))
    return _section(found, needs_s, len(keys))


def _shuffled(keys: list[str]) -> list[str]:
    """At least LEAST_JOBS keys in an order that mixes sizes, the same in every run."""
    keys = keys * -(-LEAST_JOBS // len(keys))
    random.Random(1).shuffle(keys)
    return keys


def _contenders(stage: Stage, concurrency: int, stack: ExitStack) -> Iterator[tuple[str, Run]]:
    yield OURS, stack.enter_context(Gradientd(stage, concurrency)).run
    rqs = Rq(stage, concurrency, "simple"), Rq(stage, concurrency, "forking")
    dramatiq = Dramatiq(stage, concurrency)
    for peer in (*rqs, dramatiq):
        stack.enter_context(peer)
        for function, label in (("with_pillow", "Pillow"), ("with_gradientd", "our function")):
            yield f"{peer.name}, {label}", _told(peer, function, FORKING_SHARE if peer is rqs[1] else 1)
    if concurrency == JUDGED_AT:
        yield "RQ simple, Pillow, one process", stack.enter_context(Rq(stage, 1, "simple")).run


def _told(peer: Rq | Dramatiq, function: str, share: int) -> Run:
    def run(keys: Sequence[str]) -> Batch:
        peer.work = function
        return peer.run(keys[::share])

    return run


def _left_s(batch: Batch) -> float:
    """The time of all cores that servers and producer left to the worker."""
    return len(os.sched_getaffinity(0)) * batch.wall_s - batch.elsewhere_cpu_s


def _section(found: dict[int, dict[str, list[Batch]]], needs_s: Sequence[float], jobs: int) -> Section:
    """`needs_s` is the CPU that kernel and GET took for one job, beside each batch that is judged."""
    judged = list(zip(found[JUDGED_AT][OURS], needs_s, strict=True))
    share = spread([batch.jobs * need_s / _left_s(batch) for batch, need_s in judged])
    clean = spread([batch.jobs * need_s / (_left_s(batch) - batch.strangers_cpu_s) for batch, need_s in judged])
    need_ms = statistics.median(needs_s) * 1000
    idle = statistics.median((_left_s(b) - b.strangers_cpu_s - b.cpu_s) / b.wall_s for b, _ in judged)
    names = list(found[JUDGED_AT])
    rates = {(name, n): [batch.rate for batch in turns] for n in found for name, turns in found[n].items()}
    cpu_ms = {(name, n): [batch.cpu_ms for batch in turns] for n in found for name, turns in found[n].items()}

    def table_of(what: str, rows: Sequence[str], cell: Callable[[str, int], str]) -> Table:
        cells = {name: [cell(name, n) if name in found[n] else "" for n in found] for name in rows}
        return Table((what, *(f"{n} at once" for n in found)), tuple((name, *row) for name, row in cells.items()))

    table = table_of("jobs/s", names, lambda name, n: f"{spread(rates[name, n]):.1f}")
    against = table_of(
        f"{OURS}'s jobs/s ÷ theirs", names[1:], lambda name, n: f"{ratios(rates[OURS, n], rates[name, n]):.2f}"
    )
    cpu = table_of("worker's CPU ms a job", names, lambda name, n: f"{spread(cpu_ms[name, n]):.1f}")
    efficiency = Table(
        ("of what the cores could have done, 4 at once", "share"),
        (("as the goal has it", f"{share:.2f}"), ("less the CPU that strangers took", f"{clean:.2f}")),
    )
    cheaper = ratios(cpu_ms["RQ simple, Pillow", JUDGED_AT], cpu_ms[OURS, JUDGED_AT]).median
    strangers = statistics.median(b.strangers_cpu_s / b.wall_s for b in found[JUDGED_AT][OURS])
    return Section(
        "End to end",
        f"{jobs} jobs a batch at {JUDGED_AT} at once, {FEWER_JOBS} elsewhere, over photographs of 2 to 25 megapixels; "
        f"forking RQ is given one in {FORKING_SHARE} of them. RQ has as many processes as jobs at once, "
        "dramatiq as many threads, gradientd is one process. "
        f"Strangers on this machine took {strangers:.2f} cores meanwhile.",
        (table, against, cpu, efficiency),
        (
            Goal(
                "Share of what two cores could have done, 4 at once", share.median, 0.85, at_least=True,
                why=f"less the CPU that strangers took it is {clean.median:.2f}. A job takes "
                f"{spread(cpu_ms[OURS, JUDGED_AT]).median:.1f} ms of the worker's CPU where kernel and GET alone take "
                f"{need_ms:.1f}, and {idle:.2f} of a core had nothing to do",
            ),
            *(
                Goal(
                    f"Jobs/s, 4 at once, ÷ {told}",
                    ratios(rates[OURS, JUDGED_AT], rates[rival, JUDGED_AT]).median, 3.0, at_least=True,
                    why=f"Pillow's job takes no more than {cheaper:.2f} times the CPU of ours on these pictures",
                )
                for rival, told in RIVALS.items()
            ),
        ),
        curves=(
            Curves(
                "jobs at once", "jobs/s",
                {name: [(n, spread(rates[name, n]).median) for n in found if name in found[n]] for name in names},
            ),
        ),
    )  # fmt: skip
