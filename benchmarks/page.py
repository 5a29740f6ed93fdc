"""docs/performance.md: what the runs printed, as a page with a plot.

It refuses to leave out a miss, or a run.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pyvips

from benchmarks import goals, plot
from benchmarks.goals import Runs

_PACKAGES = ("gevent", "boto3", "redis", "numpy", "pyvips", "pillow", "colorthief", "rq", "dramatiq")


def write(path: Path, runs: Runs, command: str) -> None:
    """Write the page, and its plot beside it."""
    picture = path.with_suffix(".svg")
    plot.draw(picture, runs[-1])
    path.write_text("\n\n".join(_parts(runs, command, picture.name)) + "\n")


def _parts(runs: Runs, command: str, picture: str) -> Iterator[str]:
    yield "# Performance"
    yield (
        f"What `{command}` measured on {datetime.now(UTC):%d %B %Y}: every contender on the same pictures in the same "
        "run, in turn. Ratios carry over to other machines, absolute times do not."
    )
    yield _machine()
    yield f"## The goals\n\n{goals.table(runs).markdown()}"
    yield from _misses(runs)
    yield f"![The numbers below as curves]({picture})"
    if len(runs) > 1:
        yield f"The tables are those of the last run of {len(runs)}; the others stand at the end of the page."
    yield from (section.markdown() for section in runs[-1])
    for number, run in enumerate(runs[:-1], start=1):
        text = "\n\n".join(section.text() for section in run)
        yield f"<details>\n<summary>What run {number} printed</summary>\n\n```text\n{text}\n```\n\n</details>"


def _misses(runs: Runs) -> Iterator[str]:
    missed = goals.missed(runs)
    if missed:
        lines = "\n".join(f"- {goal.text}: {goal.why or 'the reason is not known'}." for goal in missed)
        yield f"Missed in at least one run:\n\n{lines}"


def _machine() -> str:
    vips = ".".join(str(pyvips.version(part)) for part in range(3))
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        f"The machine: {len(os.sched_getaffinity(0))} cores ({_processor()}), {platform.system()}, "
        f"Python {platform.python_version()}, libvips {vips}, {packages}{_node()}."
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _node() -> str:
    try:
        told = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f", node {told.strip().removeprefix('v')}"
