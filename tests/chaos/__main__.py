"""`python -m tests.chaos --seed 1 2 3 --seconds 150`: runs seeds and negative controls, prints figures and findings.

It refuses to pass when a run has a finding, or when a control has none.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.chaos.checker import Finding
from tests.chaos.controls import run_controls
from tests.chaos.run import run

SHOWN = 40


def main() -> int:
    """Returns the exit code: 0 when every run is clean and every control was found out."""
    arguments = _parser().parse_args()
    verdicts = [_run(seed, arguments.seconds, arguments.logs) for seed in arguments.seed]
    if arguments.controls:
        verdicts += _control()
    return 0 if all(verdicts) else 1


def _run(seed: int, seconds: float, logs: Path | None) -> bool:
    report = run(seed, seconds, logs / f"seed-{seed}" if logs else None)
    for name, count in report.figures.items():
        print(f"  {count:>6}  {name}")
    _print(report.findings)
    print(f"seed {seed}: {'NOT CLEAN' if report.findings else 'clean'}, {len(report.findings)} findings", flush=True)
    return not report.findings


def _control() -> list[bool]:
    reports = run_controls()
    for report in reports:
        found = f"{len(report.honest)} findings with the rule, {len(report.sabotaged)} without it"
        print(f"control {report.rule}: {'found out' if report.holds else 'NOT FOUND OUT'}, {found}", flush=True)
        if not report.holds:
            _print([*report.honest, *report.sabotaged])
    return [report.holds for report in reports]


def _print(findings: list[Finding]) -> None:
    for finding in findings[:SHOWN]:
        print(f"  FOUND   {finding}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description="Random faults on real servers, then the check."
    )
    parser.add_argument("--seed", type=int, nargs="*", default=[1], help="one run each (1); none for controls only")
    parser.add_argument("--seconds", type=float, default=150, help="how long each run is loud (150)")
    parser.add_argument("--controls", action=argparse.BooleanOptionalAction, default=True, help="the negative controls")
    parser.add_argument("--logs", type=Path, metavar="FOLDER", help="keep every process's log there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
