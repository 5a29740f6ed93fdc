"""etc/systemd as systemd itself reads it; only the path of gradientd is this checkout's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.deployment import SYSTEMD, UNITS

EXPOSURE_MAX = 15
"""Tenths, out of 100, of what `systemd-analyze security` calls the exposure: below 2.0 is its best grade."""


@pytest.fixture
def analyze() -> str:
    program = shutil.which("systemd-analyze")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("systemd-analyze is not on this machine (CI=true)", pytrace=False)
        pytest.skip("systemd-analyze is not on this machine")
    return program


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """A folder with the units as they are shipped, which start this checkout's gradientd."""
    for path in UNITS:
        text = path.read_text(encoding="utf-8")
        ours = text.replace("/opt/gradientd/bin/gradientd\n", f"{Path(sys.executable).with_name('gradientd')}\n")
        assert ours != text
        (tmp_path / path.name).write_text(ours)
    return tmp_path


def ask(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("unit", ["gradientd.service", "gradientd@.service", "gradientd@1.service"])
def test_unit_is_understood_to_the_last_word(analyze: str, units: Path, unit: str) -> None:
    verified = ask(analyze, "verify", f"./{unit}", folder=units)
    ours = [line for line in (verified.stdout + verified.stderr).splitlines() if "gradientd" in line]
    assert not ours
    assert verified.returncode == 0, verified.stderr


def test_a_word_that_systemd_does_not_know_would_be_found(analyze: str, units: Path) -> None:
    unit = units / "gradientd.service"
    unit.write_text(unit.read_text().replace("ProtectHome=yes", "ProtectHouse=yes"))
    verified = ask(analyze, "verify", "./gradientd.service", folder=units)
    assert "ProtectHouse" in verified.stdout + verified.stderr


@pytest.mark.parametrize("unit", [path.name for path in UNITS])
def test_unit_is_hardened(analyze: str, units: Path, unit: str) -> None:
    rated = ask(analyze, "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", f"./{unit}", folder=units)
    assert rated.returncode == 0, rated.stdout[-2000:] + rated.stderr


def test_the_environment_file_is_where_the_unit_looks_for_it() -> None:
    assert (SYSTEMD / "gradientd.env").is_file()
    for unit in UNITS:
        assert "EnvironmentFile=/etc/gradientd/gradientd.env\n" in unit.read_text(encoding="utf-8")
