"""What a benchmark hands back: a goal that was missed must show, in print and in the exit code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.report import Goal, Section, Table, ratios, spread

ROOT = Path(__file__).parents[2]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("value", "limit", "at_least", "is_met"),
    [(1.2, 1.2, False, True), (1.21, 1.2, False, False), (0.85, 0.85, True, True), (0.84, 0.85, True, False)],
)
def test_goal_is_met_up_to_its_limit(value: float, limit: float, at_least: bool, is_met: bool) -> None:
    goal = Goal("a number", value, limit, at_least)
    assert goal.is_met is is_met
    assert goal.reached.endswith("(missed)") is not is_met


def test_a_miss_is_printed_as_one() -> None:
    text = Section("Speed", "of something", goals=(Goal("CPU", 2.0, 1.2), Goal("jobs/s", 3.5, 3.0, True))).text()
    assert "MISSED  CPU: 2.00 (missed), at most 1.2 wanted" in text
    assert "met     jobs/s: 3.50, at least 3 wanted" in text


def test_ratios_are_of_neighbours_in_time() -> None:
    found = ratios([1.0, 4.0, 9.0], [1.0, 2.0, 3.0])
    assert found.values == (1.0, 2.0, 3.0)
    assert f"{found:.1f}" == "2.0 [1.0 to 3.0]"
    assert f"{spread([2.0]):.1f}" == "2.0"


def test_table_is_markdown_and_columns() -> None:
    table = Table(("", "ms"), (("ours", "1.5"), ("theirs", "22.0")))
    assert table.markdown().splitlines() == ["|  | ms |", "| --- | ---: |", "| ours | 1.5 |", "| theirs | 22.0 |"]
    assert table.text().splitlines()[1:] == ["  ours     1.5", "  theirs  22.0"]


def test_help_names_every_section_and_needs_nothing_installed() -> None:
    told = bench("--help")
    assert told.returncode == 0
    sections = "kernel, quality, overhead, latency, memory, growth, end-to-end, instructions"
    assert sections in " ".join(told.stdout.split())


@pytest.mark.parametrize("wrong", [["speed"], ["--rounds", "0"], ["--pictures", "/nowhere"]])
def test_wrong_option_is_told_in_a_sentence(wrong: list[str]) -> None:
    told = bench(*wrong)
    assert told.returncode == 2
    assert "error:" in told.stderr
    assert "Traceback" not in told.stderr
