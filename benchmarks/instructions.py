"""Instructions for one fixed picture, counted by valgrind: the one number that a busy machine does not change.

It refuses to count the start of Python: what one picture costs is the difference between many and few.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyvips

from benchmarks.report import Goal, Section, Table

FEW, MANY = 2, 6
RECORD = Path(__file__).with_name("instructions.json")
"""What it cost when somebody last looked, by Python, libvips and numpy."""
MOST_GROWTH = 1.05
_PROGRAM = """
import sys
from gradientd.imaging import generate_gradient
data = open(sys.argv[1], "rb").read()
for _ in range(int(sys.argv[2])):
    generate_gradient(data)
"""


def measure(*, record: bool = False) -> Section | None:
    """Count, and compare with the record of the same versions; None where there is no valgrind."""
    if shutil.which("valgrind") is None:
        print("  valgrind is not on this machine: no instructions are counted", flush=True)
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fixed.jpg"
        path.write_bytes(fixed_picture())
        _run(path, 1, [])  # what Python compiles now would be counted as the first picture's
        each = (_count(path, MANY) - _count(path, FEW)) / (MANY - FEW)
    known: dict[str, float] = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    before = known.get(_versions())
    if record:
        RECORD.write_text(json.dumps({**known, _versions(): round(each)}, indent=2) + "\n")
    about = "Instructions for the fixed picture ÷ those on record"
    goals = (Goal(about, each / before, MOST_GROWTH),) if before else ()
    return Section(
        "Instructions",
        "One JPEG of 1600 x 1200 painted pixels, by valgrind --tool=callgrind.",
        (
            Table(
                (_versions(), "million instructions"),
                (("now", f"{each / 1e6:.2f}"), ("on record", f"{before / 1e6:.2f}" if before else "none")),
            ),
        ),
        goals,
    )


def fixed_picture() -> bytes:
    """The same pixels on every machine: waves of colour, and grain from a fixed seed."""
    y, x = np.mgrid[0:1200, 0:1600].astype(np.float64)
    waves = [np.sin(x / 211), np.cos(y / 173), np.sin((x + y) / 307)]
    grain = np.random.default_rng(4).integers(-6, 7, (1200, 1600, 1))
    pixels = np.clip(128 + 100 * np.stack(waves, axis=-1) + grain, 0, 255).astype(np.uint8)
    return bytes(pyvips.Image.new_from_array(pixels, interpretation="srgb").jpegsave_buffer(Q=85))


def _count(path: Path, pictures: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        told = _run(path, pictures, ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out"])
    found = re.search(r"Collected : (\d+)", told)
    if found is None:
        raise SystemExit(f"valgrind did not count:\n{told[-2000:]}")
    return int(found[1])


def _run(path: Path, pictures: int, under: list[str]) -> str:
    """Work on the picture so many times; returns what was said on stderr."""
    command = [*under, sys.executable, "-c", _PROGRAM, str(path), str(pictures)]
    env = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stderr


def _versions() -> str:
    vips = ".".join(str(pyvips.version(part)) for part in range(3))
    return f"Python {platform.python_version()}, libvips {vips}, numpy {np.__version__}, {platform.machine()}"
