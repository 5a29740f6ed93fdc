"""`python -m tests.soak --jobs 20000`: small jobs through one process; prints what it held when warm and at the end.

It refuses to pass when memory, files or threads have grown, or when a job is missing.
"""

from __future__ import annotations

import argparse
import sys

from tests.soak.process import Holding
from tests.soak.run import Report, run


def main() -> int:
    """Returns the exit code: 0 when nothing grew."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.partition(":")[2])
    parser.add_argument("--jobs", type=int, default=20_000, help="all jobs (20000)")
    parser.add_argument("--warm-up", type=int, default=5_000, help="how many of them before the first look (5000)")
    arguments = parser.parse_args()
    if not 0 < arguments.warm_up < arguments.jobs:
        parser.error("--warm-up must be below --jobs")
    report = run(arguments.jobs, arguments.warm_up, lambda line: print(line, flush=True))
    _print(report)
    return 1 if report.findings() else 0


def _print(report: Report) -> None:
    print(f"{report.jobs} jobs in {report.seconds:.0f} s: {report.completed} completed, {report.failed} failed")
    for title, holding in (("warm", report.warm), ("at the end", report.end), ("at most", report.most)):
        print(f"  {title:<11} {_line(holding)}")
    print(f"  growth of resident memory: {report.growth_kb / 1024:+.1f} MB")
    for finding in report.findings():
        print(f"  FOUND   {finding}")


def _line(holding: Holding) -> str:
    open_ones = f"{holding.files} open files and {holding.sockets} sockets"
    return f"{holding.resident_kb / 1024:6.1f} MB resident, {open_ones}, {holding.threads} threads"


if __name__ == "__main__":
    sys.exit(main())
