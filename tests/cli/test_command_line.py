"""The console script's edges: help, version, wrong usage, wrong settings, health."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import time
from pathlib import Path

import pytest

import gradientd
from tests.real.conftest import Bench, bench
from tests.real.console import SCRIPT, Console
from tests.real.pictures import jpeg
from tests.real.test_told_commands import PARSERS

__all__ = ["bench"]  # the fixture

SETTINGS = {
    "REDIS_URL": "redis://:hunter2@127.0.0.1:1/0",
    "S3_ENDPOINT": "http://127.0.0.1:1",
    "S3_ACCESS_KEY": "AKIDSECRET",
    "S3_SECRET_KEY": "verysecret",
    "MASTER_BUCKET_NAME": "photos",
}

INTERRUPTED_AT_AN_IMPORT = """
import os, signal, sys

class Interrupter:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["INTERRUPTED_AT"]:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupter())
"""


def run(*arguments: str, **env: str) -> tuple[int, str, str]:
    with Console(*arguments, env=env) as console:
        return console.wait(), console.stdout, console.stderr


def test_version() -> None:
    assert run("--version") == (0, f"gradientd {gradientd.__version__}\n", "")


def test_help_goes_to_stdout() -> None:
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    assert "examples:" in out


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.prog)
def test_help_fits_a_terminal_of_80_columns(parser: argparse.ArgumentParser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = parser.format_help().splitlines()
    assert [line for line in lines if len(line) > 80 and "/bash-completion/" not in line] == []


@pytest.mark.parametrize(
    "arguments", [["--twice"], ["paint"], ["enqueue"], ["--once", "info"], ["failed", "list", "--limit", "-5"]]
)
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "usage: gradientd" in err


@pytest.mark.parametrize("arguments", [[], ["--once"], ["enqueue", "a.jpg"]])
def test_wrong_settings_exit_78_with_every_mistake_and_no_secret(arguments: list[str]) -> None:
    env = {**SETTINGS, "MASTER_BUCKET_NAME": "", "GRADIENT_WORKER_CONCURRENCY": "0"}
    code, out, err = run(*arguments, **env)
    assert (code, out) == (78, "")
    assert err.splitlines() == [
        "gradientd: the settings are wrong:",
        "  MASTER_BUCKET_NAME is not set",
        "  GRADIENT_WORKER_CONCURRENCY must be at least 1, not 0",
    ]


@pytest.mark.parametrize(
    ("command", "module"),
    [
        pytest.param("info", "gradientd.cli.main", id="before the command line is there"),
        pytest.param("doctor", "gradientd.cli.checks.queue", id="in the middle of a check"),
    ],
)
def test_ctrl_c_ends_a_command_without_a_traceback(command: str, module: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTED_AT_AN_IMPORT)
    assert run(command, **SETTINGS, PYTHONPATH=str(tmp_path), INTERRUPTED_AT=module) == (130, "", "")


@pytest.mark.parametrize("command", ["enqueue a.jpg", "doctor", "--once"])
def test_closed_stdout_is_no_reason_to_fail(command: str, bench: Bench) -> None:
    bench.storage.put("a.jpg", jpeg(), "image/jpeg")
    env = {"PATH": os.environ["PATH"], **bench.env}
    shell = ["sh", "-c", f"exec {SCRIPT} {command} >&-"]
    told = subprocess.run(shell, env=env, stderr=subprocess.PIPE, check=False)
    assert (told.returncode, told.stderr) == (0, b"")


def test_letters_that_the_locale_lacks_are_escaped(bench: Bench) -> None:
    code, out, err = run("enqueue", "büro/☃.jpg", **bench.env, PYTHONIOENCODING="ascii")
    assert (code, out, err) == (0, "gradient-b\\xfcro-\\u2603.jpg\n", "")


def test_key_on_stdin_that_is_no_text_is_refused_by_itself(bench: Bench) -> None:
    told = subprocess.run(
        [SCRIPT, "enqueue", "-"],
        input=b"a.jpg\nb\xff.jpg\nc.jpg\n",
        env={"PATH": os.environ["PATH"], **bench.env, "PYTHONIOENCODING": "utf-8:strict"},
        capture_output=True,
        check=False,
    )
    assert (told.returncode, told.stdout) == (1, b"gradient-a.jpg\ngradient-c.jpg\n")
    assert told.stderr.startswith(b'gradientd: "b\\udcff.jpg" was refused: ')


@pytest.mark.parametrize("arguments", [["--once"], ["enqueue", "a.jpg"]])
def test_unreachable_redis_exits_69_in_one_sentence(arguments: list[str]) -> None:
    code, _, err = run(*arguments, **SETTINGS)
    assert code == 69
    assert err.count("\n") == 1
    assert "Redis" in err
    assert "hunter2" not in err


def test_health_follows_the_heartbeat_file(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    env = {"GRADIENT_HEARTBEAT_FILE": str(file)}
    code, out, _ = run("health", **env)
    assert code == 1
    assert out.startswith("unhealthy: no heartbeat")
    file.touch()
    assert run("health", **env)[0] == 0
    long_ago = time.time() - 100
    os.utime(file, (long_ago, long_ago))
    code, out, _ = run("health", **env)
    assert code == 1
    assert re.search(r" 1\d\d s ago ", out)  # the command itself may take a while to start
