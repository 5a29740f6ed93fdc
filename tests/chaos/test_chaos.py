"""One seed and all negative controls, about three minutes: what CI can afford. `make chaos` runs more and longer."""

from __future__ import annotations

import subprocess
import sys

from gradientd.embedded import Valkey
from tests.chaos.controls import CONTROLS
from tests.chaos.member import REPOSITORY

SECONDS = "50"
TIMEOUT_S = 300.0


def chaos(*arguments: str) -> str:
    """Run it in a process of its own, which gevent has not patched; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    print(done.stdout)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_nothing_is_lost_stuck_or_stolen_by_random_faults(valkey_server: Valkey) -> None:
    assert "seed 1: clean" in chaos("--seed", "1", "--seconds", SECONDS, "--no-controls")


def test_every_rule_that_is_switched_off_is_found_out(valkey_server: Valkey) -> None:
    out = chaos("--seed", "--controls")
    for control in CONTROLS:
        assert f"control {control.rule}: found out" in out
