"""`python -m tests.hostile --minutes 10 --seed 1`: the whole corpus, then seeded mutations for so long; prints figures.

It refuses to pass when any picture has a fault.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator

from tests.hostile import corpus, damage
from tests.hostile.case import Case
from tests.hostile.examiner import Answer, Examiner


def main() -> int:
    """Returns the exit code: 0 when no picture has a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__.partition(":")[2])
    parser.add_argument("--minutes", type=float, default=5.0, help="how long to mutate after the corpus (5)")
    parser.add_argument("--seed", type=int, default=1, help="the first mutation (1)")
    parser.add_argument("--budget-mb", type=int, default=512, help="GRADIENT_MEMORY_BUDGET_MB (512)")
    parser.add_argument("--only", default="", help="pictures whose name has this in it, and no mutations")
    parser.add_argument("--verbose", action="store_true", help="a line for each picture of the corpus")
    arguments = parser.parse_args()
    cases = [case for case in corpus.everything() if arguments.only in case.name]
    began = time.monotonic()
    with Examiner(arguments.budget_mb) as examiner:
        bad = _run(examiner, "corpus", iter(cases), verbose=arguments.verbose or bool(arguments.only))
        if not arguments.only:
            bad += _run(examiner, "mutations", _mutations(arguments.seed, 60 * arguments.minutes))
    print(f"{time.monotonic() - began:.0f} s, {bad} pictures with faults")
    return 1 if bad else 0


def _mutations(seed: int, seconds: float) -> Iterator[Case]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield damage.mutation(seed)
        seed += 1


def _run(examiner: Examiner, title: str, cases: Iterator[Case], *, verbose: bool = False) -> int:
    """Examine, print faults as they come and figures at the end; returns how many pictures have faults."""
    codes: Counter[str] = Counter()
    bad = 0
    slowest = largest = Answer("none", "", "", 0.0, 0, None, True)
    for case in cases:
        answer = examiner.ask(case)
        faults = examiner.faults(case, answer)
        codes[answer.code] += 1
        bad += bool(faults)
        slowest = max(slowest, answer, key=lambda one: one.seconds)
        largest = max(largest, answer, key=lambda one: one.peak_kb)
        if verbose:
            print(_line(answer))
        for fault in faults:
            print(f"  FAULT   {case.name}: {fault}", flush=True)
    print(f"{title}: {codes.total()} pictures, {bad} with faults")
    for code, count in codes.most_common():
        print(f"  {count:>7}  {code}")
    print(f"  slowest  {slowest.seconds:.1f} s  {slowest.name}")
    print(f"  largest  {largest.peak_kb / 1024:.0f} MB  {largest.name}")
    return bad


def _line(answer: Answer) -> str:
    admitted = "" if answer.estimate is None else f" of {answer.estimate >> 20}"
    return f"{answer.name:62} {answer.seconds:5.2f} s {answer.peak_kb / 1024:4.0f}{admitted} MB  {answer.code}"


if __name__ == "__main__":
    sys.exit(main())
