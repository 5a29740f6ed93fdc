"""`--once` as a person sees it on a terminal, and who gets colours there."""

from __future__ import annotations

import re

import pytest

from tests.real.conftest import Bench, bench
from tests.real.console import run_on_terminal
from tests.real.pictures import jpeg

__all__ = ["bench"]  # the fixture


def test_terminal_shows_a_bar_below_readable_lines(bench: Bench) -> None:
    for number in range(8):
        bench.storage.put(f"{number}.jpg", jpeg(seed=number), "image/jpeg")
        bench.push_id_job(f"{number}.jpg")
    code, shown = run_on_terminal("--once", env=bench.env)
    assert code == 0
    assert "8/8" in shown
    assert "100%" in shown
    lines = [line for line in re.split(r"[\r\n]+", shown) if "Job completed successfully" in line]
    assert len(lines) == 8
    assert not any("pictures/s" in line for line in lines)


@pytest.mark.parametrize(("env", "has_colours"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
@pytest.mark.parametrize("command", ["--once", "doctor"])
def test_colours_are_for_who_wants_them(bench: Bench, command: str, env: dict[str, str], has_colours: bool) -> None:
    _, shown = run_on_terminal(command, env={**bench.env, "TERM": "xterm", **env})
    assert bool(re.search(r"\x1b\[[\d;]+m", shown)) == has_colours
