"""The completion scripts in the real shells; a shell that is missing is a skip on a laptop and a failure in CI."""

from __future__ import annotations

import os
import pty
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gradientd.cli import completion
from gradientd.cli.arguments import make_parser
from tests.real.console import Console

COMMANDS = set(next(action.choices for action in make_parser()._actions if isinstance(action.choices, dict)))
ENV = {"PATH": os.environ["PATH"], "TERM": "dumb", "LC_ALL": "C.UTF-8"}
BASH = """
source {script}
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
COMP_LINE="${{COMP_WORDS[*]}}" COMP_POINT=${{#COMP_LINE}}
$(complete -p gradientd | sed 's/.*-F \\([^ ]*\\).*/\\1/') gradientd "${{COMP_WORDS[COMP_CWORD]}}" ""
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The script for a shell, by the console script."""
    folder = tmp_path_factory.mktemp("completion")

    def script(shell: str) -> Path:
        if shutil.which(shell) is None:
            if os.environ.get("CI") == "true":
                pytest.fail(f"{shell} is not installed, and CI must not skip")
            pytest.skip(f"{shell} is not installed")
        path = folder / ("_gradientd" if shell == "zsh" else shell)
        if not path.exists():
            with Console("completion", shell, env={}) as console:
                assert console.wait() == 0, console.report()
                path.write_text(console.stdout)
        return path

    return script


def by_bash(script: Path, line: str, folder: Path) -> set[str]:
    words = " ".join(shlex.quote(word) for word in line.split(" "))
    command = BASH.format(script=script, words=words)
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=ENV, capture_output=True, text=True, timeout=20)
    assert done.stderr == ""
    return {word.strip() for word in done.stdout.splitlines()}


def by_fish(script: Path, line: str, folder: Path) -> set[str]:
    command = f"source {script}; complete -C {shlex.quote(line)}"
    env = {**ENV, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    done = subprocess.run(["fish", "-c", command], cwd=folder, env=env, capture_output=True, text=True, timeout=20)
    return {word.partition("\t")[0] for word in done.stdout.splitlines()}


@pytest.mark.parametrize(("shell", "complete"), [("bash", by_bash), ("fish", by_fish)])
def test_shell_completes_commands_options_and_files(
    shell: str, complete: Callable[[Path, str, Path], set[str]], scripts: Callable[[str], Path], tmp_path: Path
) -> None:
    script = scripts(shell)
    (tmp_path / "como.jpg").touch()
    assert complete(script, "gradientd ", tmp_path) >= COMMANDS
    assert complete(script, "gradientd exp", tmp_path) == {"explain"}
    assert complete(script, "gradientd show --j", tmp_path) == {"--json"}
    assert complete(script, "gradientd show co", tmp_path) == {"como.jpg"}
    assert complete(script, "gradientd failed re", tmp_path) == {"retry"}
    assert complete(script, "gradientd failed retry --pre", tmp_path) == {"--prefix"}
    assert complete(script, "gradientd completion z", tmp_path) == {"zsh"}


@pytest.mark.parametrize(
    ("typed", "completed"),
    [("gradientd exp", "gradientd explain "), ("gradientd show --js", "gradientd show --json ")],
)
def test_zsh_completes_commands_and_options(
    typed: str, completed: str, scripts: Callable[[str], Path], tmp_path: Path
) -> None:
    script = scripts("zsh")
    master, slave = pty.openpty()
    env = {**ENV, "HOME": str(tmp_path), "PS1": "> "}
    process = subprocess.Popen(["zsh", "-f", "-i"], env=env, cwd=tmp_path, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    try:
        load = f"fpath=({script.parent} $fpath); autoload -Uz compinit; compinit -u -D; echo ready''.\n"
        os.write(master, load.encode())
        assert "ready." in read_until(master, "ready.")
        os.write(master, f"{typed}\t".encode())
        assert completed in read_until(master, completed)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def read_until(descriptor: int, expected: str, timeout_s: float = 20.0) -> str:
    """What a terminal is sent until it holds the text, or until time is over."""
    shown, deadline = "", time.monotonic() + timeout_s
    while expected not in shown and time.monotonic() < deadline:
        if select.select([descriptor], [], [], 0.1)[0]:
            shown += os.read(descriptor, 4096).decode(errors="replace")
    return shown


def test_missing_package_is_told_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    arguments = make_parser().parse_args(["completion", "bash"])
    assert completion.run(arguments) == 69
    assert capsys.readouterr().err == (
        "gradientd: completion needs the package shtab: pip install 'gradientd[completion]'\n"
    )
