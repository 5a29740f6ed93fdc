"""How the tests ask `gradientd doctor`: the real script, or this process on a machine that says what a test wants."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gradientd.cli.main import main
from tests.jobqueue.conftest import ACL_FILE
from tests.real.conftest import Bench
from tests.real.console import Console

PASSWORD = "a-password-of-the-tests"
LONG_ENOUGH_S = 40
ARGUMENTS = ["doctor", "--json", f"--wait={LONG_ENOUGH_S}"]
Finding = tuple[str, str, str]


def run(env: dict[str, str], *arguments: str) -> tuple[int, list[Finding]]:
    """The exit code, and each finding's grade, check and text; a fault or a note without a remedy is refused."""
    with Console(*ARGUMENTS, *arguments, env=env) as console:
        code = console.wait()
        assert console.stderr == ""
        return code, read(console.stdout)


def read(text: str) -> list[Finding]:
    told = json.loads(text)
    assert told["faults"] == sum(finding["grade"] == "fault" for finding in told["findings"])
    for finding in told["findings"]:
        assert finding["grade"] == "ok" or finding["remedy"], finding
    return [(finding["grade"], finding["check"], finding["finding"]) for finding in told["findings"]]


def faults(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(check, text) for grade, check, text in findings if grade == "fault"]


def only_fault(env: dict[str, str], code: int, check: str, *arguments: str) -> str:
    """The text of the one fault that there is, after looking that it is of this check and exits with this code."""
    got, findings = run(env, *arguments)
    assert [name for name, _ in faults(findings)] == [check], findings
    assert got == code
    return faults(findings)[0][1]


def as_documented_user(bench: Bench, *changes: str) -> dict[str, str]:
    """The environment of the user of etc/redis-acl.conf, with `changes` to its rights."""
    rules = next(line for line in ACL_FILE.read_text().splitlines() if line.startswith("user ")).split()[2:]
    known = [rule.replace(">change-me", f">{PASSWORD}") for rule in rules]
    bench.redis.execute_command("ACL", "SETUSER", "gradientd", "reset", *known, *changes)
    url = bench.env["REDIS_URL"].replace("unix://", f"unix://gradientd:{PASSWORD}@")
    return {**bench.env, "REDIS_URL": url}


def run_in_python(before: str, env: dict[str, str]) -> tuple[int, list[Finding]]:
    """The doctor in an interpreter that something was done to first."""
    script = f"{before}\nimport sys\nfrom gradientd.cli.main import main\nsys.exit(main({ARGUMENTS}))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return done.returncode, read(done.stdout)


class Machine:
    """A file system whose /proc, /sys and /run say what a test wants; the doctor runs in this process."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._root = root
        self._capsys = capsys

    def write(self, path: str, text: str = "") -> None:
        (self._root / path).parent.mkdir(parents=True, exist_ok=True)
        (self._root / path).write_text(text)

    def doctor(self, *arguments: str) -> tuple[int, list[Finding]]:
        code = main(["doctor", "--json", *arguments])
        return code, read(self._capsys.readouterr().out)
