from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gradientd.cli import doctor
from tests.cli.doctor.consulting import Machine
from tests.real.conftest import Bench, bench

__all__ = ["bench"]  # the fixture


@pytest.fixture
def admin(bench: Bench) -> Iterator[Any]:
    """The server's own user, to plant things; everything is as it was afterwards."""
    yield bench.redis
    bench.redis.config_set("maxmemory-policy", "noeviction")
    bench.redis.config_set("maxmemory", 0)
    bench.redis.execute_command("ACL", "DELUSER", "gradientd")


@pytest.fixture
def machine(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Machine:
    for name, value in bench.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    return Machine(tmp_path, capsys)
