"""The Makefile on a machine that is not yet set up; nothing is installed here, `make` only says what it would do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As little of a checkout as the Makefile looks at."""
    for name in ("Makefile", "setup.cfg", "setup.py"):
        shutil.copy2(ROOT / name, tmp_path / name)
    return tmp_path


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    outer = ("MAKEFLAGS", "MAKELEVEL", "PYTHON", "ARGS")  # what the make that runs these tests hands down
    env = {name: value for name, value in os.environ.items() if name not in outer}
    return subprocess.run(["make", *arguments], cwd=checkout, env=env, capture_output=True, text=True, timeout=30)


def stand_in(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def set_up(checkout: Path, extras: str) -> None:
    """Leave the stamps of a finished .venv, newer than everything else."""
    (checkout / ".venv").mkdir()
    for stamp in ("created", f"with-{extras}"):
        (checkout / ".venv" / stamp).touch()


def test_make_alone_explains_every_goal(checkout: Path) -> None:
    goals = re.search(r"^\.PHONY: (.+)$", (checkout / "Makefile").read_text(), re.MULTILINE)
    assert goals
    explained = re.findall(r"^  make ([a-z-]+) +\S", make(checkout).stdout, re.MULTILINE)
    assert sorted(explained) == sorted(goals[1].split())


def test_python_that_is_too_old_is_refused_in_a_sentence(checkout: Path) -> None:
    too_old = stand_in(checkout / "python3.10", "exit 1")
    tried = make(checkout, "test", f"PYTHON={too_old}")
    assert tried.returncode != 0
    assert "gradientd needs Python 3.11 or newer" in tried.stderr
    assert not (checkout / ".venv").exists()


def test_python_without_venv_is_named_with_its_remedy(checkout: Path) -> None:
    bare = stand_in(checkout / "python3.13", 'case "$2" in *ensurepip*) exit 1;; esac')
    tried = make(checkout, "demo", f"PYTHON={bare}")
    assert tried.returncode != 0
    assert f"{bare} has no venv module" in tried.stderr
    assert "python3-venv" in tried.stderr


def test_next_python_is_taken_where_the_first_is_a_shim_without_a_version(checkout: Path) -> None:
    shim = stand_in(checkout / "python3.14", "exit 127")
    good = stand_in(checkout / "python3.12", f'[ "$1" = -c ] || {{ echo "$0 $*" >> {checkout}/calls; exit 1; }}')
    make(checkout, "test", f"PYTHON={shim} {good}")
    assert (checkout / "calls").read_text() == f"{good} -m venv --clear .venv\n"


def test_what_is_set_up_is_not_set_up_again(checkout: Path) -> None:
    set_up(checkout, "binary,completion,demo,hashes,test")
    plan = make(checkout, "--dry-run", "test", "ARGS=-k lease").stdout
    assert plan == ".venv/bin/python -m pytest -k lease\n"


def test_changed_dependencies_are_installed_anew_into_the_same_venv(checkout: Path) -> None:
    set_up(checkout, "binary,demo")
    later = (checkout / ".venv" / "with-binary,demo").stat().st_mtime + 10
    os.utime(checkout / "setup.cfg", (later, later))
    plan = make(checkout, "--dry-run", "demo").stdout
    assert "install --quiet --editable '.[binary,demo]'" in plan
    assert "venv --clear" not in plan


def test_ci_script_can_be_run_as_it_is() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
