"""libvips spools large pictures to TMPDIR when a loader cannot read them in order; none of ours may."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TRAP = {"TMPDIR": "/nonexistent", "VIPS_DISC_THRESHOLD": "1"}
"""A libvips that would spool every picture, and has nowhere to."""
DECODE = """
from gradientd.imaging import decode
from tests.hostile.damage import honest
print(*(name for name, data in honest().items() if decode(data).rgb.any()), sep=",")
"""
SPOOL = """
import pyvips
from tests.hostile.damage import honest
data = honest()["png"]
pyvips.Image.new_from_buffer(data, "", access="random").avg()
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **TRAP}, capture_output=True, text=True, timeout=60)


def test_no_format_needs_a_temporary_file() -> None:
    decoded = run(DECODE).stdout.strip().split(",")
    assert len(decoded) >= 16


def test_a_picture_read_at_random_would_need_one_and_fail_here() -> None:
    tried = run(SPOOL)
    assert tried.returncode != 0
    assert "/nonexistent" in tried.stderr
