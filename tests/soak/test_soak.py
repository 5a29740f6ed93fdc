"""A short soak, and that one with a leak would be found out. `make soak` runs the long one."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from gradientd.embedded import S3, Valkey
from tests.soak.process import PROC, Holding, least
from tests.soak.run import Report

pytestmark = pytest.mark.skipif(not (PROC / "self" / "fd").exists(), reason="needs Linux to see what a process holds")

TOP = Path(__file__).parents[2]
WARM = Holding(resident_kb=100_000, files=10, sockets=10, threads=6)
GOOD = Report(
    jobs=100, completed=98, failed=2, seconds=1, warm=WARM, end=dataclasses.replace(WARM, resident_kb=103_000),
    most=WARM, exit_code=0,
)  # fmt: skip


def test_hundreds_of_jobs_leave_nothing_behind_in_the_process(valkey_server: Valkey, s3_server: S3) -> None:
    soak = [sys.executable, "-m", "tests.soak", "--jobs", "900", "--warm-up", "400"]
    done = subprocess.run(soak, cwd=TOP, capture_output=True, text=True, timeout=300)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "900 jobs in" in done.stdout


def test_sound_report_has_no_finding() -> None:
    assert GOOD.findings() == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"end": dataclasses.replace(WARM, resident_kb=106_000)}, "5.9 MB"),
        ({"end": dataclasses.replace(WARM, files=11)}, "11 files"),
        ({"end": dataclasses.replace(WARM, sockets=13)}, "13 sockets"),
        ({"end": dataclasses.replace(WARM, threads=7)}, "7 threads"),
        ({"completed": 97}, "97 completed"),
        ({"exit_code": 1}, "exit code 1"),
    ],
)
def test_what_grew_or_is_missing_is_found(change: dict[str, object], word: str) -> None:
    (finding,) = dataclasses.replace(GOOD, **change).findings()  # type: ignore[arg-type]
    assert word in finding


def test_rest_is_the_least_of_several_looks() -> None:
    assert least([Holding(10, 5, 2, 3), Holding(9, 6, 1, 4)]) == Holding(9, 5, 1, 3)
