"""`--once` as a person sees it: on a terminal, and in a pipe."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios

from tests.real.conftest import Bench, bench
from tests.real.console import SCRIPT
from tests.real.pictures import jpeg

__all__ = ["bench"]  # the fixture


def run_on_terminal(env: dict[str, str]) -> tuple[int, str]:
    """The exit code and everything that a terminal 100 columns wide was sent."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    process = subprocess.Popen(
        [str(SCRIPT), "--once"],
        env={"PATH": os.environ["PATH"], **env},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    while process.poll() is None or select.select([master], [], [], 0)[0]:
        if select.select([master], [], [], 0.1)[0]:
            try:
                shown += os.read(master, 4096)
            except OSError:  # the other end is closed
                break
    os.close(master)
    return process.wait(timeout=10), shown.decode()


def test_terminal_shows_a_bar_below_readable_lines(bench: Bench) -> None:
    for number in range(8):
        bench.storage.put(f"{number}.jpg", jpeg(seed=number), "image/jpeg")
        bench.push_id_job(f"{number}.jpg")
    code, shown = run_on_terminal(bench.env)
    assert code == 0
    assert "8/8" in shown
    assert "100%" in shown
    lines = [line for line in re.split(r"[\r\n]+", shown) if "Job completed successfully" in line]
    assert len(lines) == 8
    assert not any("pictures/s" in line for line in lines)
