"""`make bench`: runs the sections one after the other, and says of each goal whether it was met.

It refuses to end well when a goal was missed.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
SECTIONS = ("kernel", "quality", "overhead", "latency", "memory", "growth", "end-to-end", "instructions")
MISSED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and, when everything was measured, write the page; returns the exit code."""
    asked = _parser().parse_args(arguments)
    from benchmarks import page, run  # they import what only the extra `bench` installs

    end_in_order()
    began = time.monotonic()
    plan = run.Plan(tuple(asked.sections or SECTIONS), asked.rounds, asked.pictures, asked.record)
    path = asked.page or (PAGE if not asked.sections and not asked.pictures else None)
    runs: list[run.Run] = []
    for number in range(asked.runs):
        runs.append(run.once(plan, number + 1, asked.runs))
        if path is not None:  # after each run: whoever stops the next one keeps this one
            page.write(path, runs, "make bench" + _told(arguments))
            print(f"\nWritten: {path} and its plot", flush=True)
    missed = [goal for sections in runs for section in sections for goal in section.goals if not goal.is_met]
    judged = sum(len(section.goals) for sections in runs for section in sections)
    print(f"\n{judged - len(missed)} of {judged} goals met, in {(time.monotonic() - began) / 60:.0f} minutes")
    return MISSED if missed else 0


def end_in_order() -> None:
    """Let SIGTERM end what was started, as Ctrl-C does: workers would outlive their servers and look for them."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure gradientd beside its peers, in the same run, on the same pictures. "
        f"Exit code {MISSED} when a goal was missed.",
    )
    parser.add_argument(
        "sections", nargs="*", type=_section, metavar="SECTION", help=f"any of: {', '.join(SECTIONS)} (default: all)"
    )
    parser.add_argument("--pictures", type=_folder, metavar="FOLDER", help="pictures of your own (default: packages')")
    parser.add_argument("--rounds", type=_positive, default=3, help="times that each contender takes its turn (3)")
    parser.add_argument("--runs", type=_positive, default=1, help="whole runs, one after the other (1)")
    parser.add_argument(
        "--page", type=Path, metavar="FILE", help=f"where to write the page (default: {PAGE.name} after a whole run)"
    )
    parser.add_argument("--record", action="store_true", help="keep this run's count of instructions as the known one")
    return parser


def _section(text: str) -> str:
    if text not in SECTIONS:
        raise argparse.ArgumentTypeError(f"there is no section {text!r}")
    return text


def _folder(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is not a folder")
    return path


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of 1 or more")
    return int(text)


def _told(arguments: Sequence[str] | None) -> str:
    words = list(sys.argv[1:] if arguments is None else arguments)
    return f" ARGS='{' '.join(words)}'" if words else ""


if __name__ == "__main__":
    sys.exit(main())
