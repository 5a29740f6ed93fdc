"""The program that measures housekeeping, on a queue that is small enough for a test."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import upkeep

ROOT = Path(__file__).parents[2]
SMALL = ("--waiting", "300", "--in-work", "150", "--calls", "40")


def test_every_cost_that_the_guide_names_is_printed_and_is_more_than_nothing() -> None:
    command = [sys.executable, "-m", "benchmarks.upkeep", *SMALL]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert asked.returncode == 0, asked.stderr
    said = dict(line.rsplit(": ", 1) for line in asked.stdout.splitlines())
    assert [name.split(" ")[1] for name in said] == ["job", "renewal", "reaper's", "reaping", "audit"]
    assert all(int(re.findall(r"\d+", cost)[0]) > 0 for name, cost in said.items() if not name.startswith("an audit"))


def test_jobs_in_hand_are_leased_and_what_is_done_leaves_nothing() -> None:
    with upkeep.open_queue() as (queue, client):
        upkeep.push(client, 12)
        upkeep.do(queue, 5)
        held = upkeep.take(queue, 4)
        assert len(held) == 4
        assert (queue.lengths().queue, queue.lengths().processing, queue.count_leases().live) == (3, 4, 4)
        with pytest.raises(SystemExit, match="empty too soon"):
            upkeep.do(queue, 4)
