"""`python -m tests.chaos --seed 1 2 3 --seconds 150`: runs seeds and negative controls, prints figures and findings.

It refuses to pass when a run has a finding, or a control has none.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.chaos.run import Report, run

SHOWN = 40


def main() -> int:
    """Returns the exit code: 0 when every run is clean."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Random faults on real servers, then the check.")
    parser.add_argument("--seed", type=int, nargs="+", default=[1], help="one run each (1)")
    parser.add_argument("--seconds", type=float, default=150, help="how long each run is loud (150)")
    parser.add_argument("--logs", type=Path, metavar="FOLDER", help="keep every process's log there")
    arguments = parser.parse_args()
    clean = True
    for seed in arguments.seed:
        folder = arguments.logs / f"seed-{seed}" if arguments.logs else None
        report = run(seed, arguments.seconds, folder)
        _print(seed, report)
        clean = clean and not report.findings
    return 0 if clean else 1


def _print(seed: int, report: Report) -> None:
    for name, count in report.figures.items():
        print(f"  {count:>6}  {name}")
    for finding in report.findings[:SHOWN]:
        print(f"  FOUND   {finding}")
    print(f"seed {seed}: {len(report.findings)} findings", flush=True)


if __name__ == "__main__":
    sys.exit(main())
