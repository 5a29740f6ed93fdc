import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import goals
from benchmarks.report import Goal, Section

ROOT = Path(__file__).parents[2]


def run(**reached: float) -> list[Section]:
    return [Section("One", "two", goals=tuple(Goal(text, value, 1.0) for text, value in reached.items()))]


def test_every_run_has_its_column_and_a_goal_that_was_not_judged_shows() -> None:
    table = goals.table([run(cost=0.5), run(cost=1.5, time=0.9)])
    assert table.head == ("", "wanted", "run 1", "run 2")
    assert table.rows == (
        ("cost", "at most 1", "0.50", "1.50 (missed)"),
        ("time", "at most 1", "not judged", "0.90"),
    )


def test_miss_of_any_run_stands_on_the_page_once() -> None:
    missed = goals.missed([run(cost=1.5), run(cost=0.5, time=2.0), run(cost=1.4)])
    assert [goal.text for goal in missed] == ["cost", "time"]


def test_help_needs_none_of_the_peers() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for section in command.SECTIONS:
        assert section in told


def test_sigterm_ends_the_contenders_too() -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        command.end_in_order()
        with pytest.raises(SystemExit) as ended:
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 143


@pytest.mark.parametrize("arguments", [["nonsense"], ["--rounds", "0"], ["--pictures", "/does/not/exist"]])
def test_wrong_usage_is_refused_before_anything_is_measured(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        command.main(arguments)
    assert refused.value.code == 2


def test_page_in_the_repository_is_one_of_a_whole_run() -> None:
    page = (ROOT / "docs" / "performance.md").read_text()
    goals_told = re.findall(r"^\| ([^|]+) \| at (?:most|least) ", page, re.MULTILINE)
    assert len(goals_told) == len(set(goals_told)) >= 20
    assert "(performance.svg)" in page
    assert "</svg>" in (ROOT / "docs" / "performance.svg").read_text()
