"""Estimates of memory against the peak that a process of its own really reaches."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import pyvips

from tests.imaging import paint

pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux to measure the peak")

MEASURE = """
import ctypes, json, pathlib, re, sys
from gradientd.imaging import generate_gradient, read_header
from tests.imaging import paint

def status(name):
    return int(re.search(name + r":\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1]) * 1024

path = pathlib.Path(sys.argv[1])
generate_gradient(paint.by_vips(paint.quarters(), path.suffix))  # what a process pays once is not a picture's
data = path.read_bytes()
# What the warm-up freed and malloc kept would be there for the picture to use, and its peak would seem smaller.
getattr(ctypes.CDLL(None), "malloc_trim", lambda _: None)(0)
pathlib.Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
generate_gradient(data)
print(json.dumps([read_header(data).memory_bytes, status("VmHWM") - before]))
"""


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".jpg", {}),
        (".jpg", {"interlace": True}),
        (".jpg", {"interlace": True, "subsample_mode": "off"}),
        (".png", {"compression": 1}),
        (".png", {"compression": 1, "interlace": True}),
        (".gif", {"effort": 1}),
        (".webp", {"effort": 0}),
        (".webp", {"effort": 0, "lossless": True}),
        (".tif", {"compression": "lzw"}),
        (".avif", {"effort": 0}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value) or "plain",
)
def test_estimate_is_above_the_peak_and_within_reason(suffix: str, options: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / f"picture{suffix}"
    path.write_bytes(paint.by_vips(paint.large(10), suffix, **options))
    expect_estimate(path)


@pytest.mark.parametrize(
    ("width", "height", "bands", "interpretation"), [(9900, 9900, 4, "cmyk"), (65_000, 1500, 3, "srgb")]
)
def test_estimate_holds_for_a_jpeg_as_large_as_may_be(
    width: int, height: int, bands: int, interpretation: str, tmp_path: Path
) -> None:
    path = tmp_path / "picture.jpg"
    pyvips.Image.black(width, height, bands=bands).copy(interpretation=interpretation).jpegsave(str(path))
    expect_estimate(path)


def expect_estimate(path: Path) -> None:
    """A process of its own needs at most what was estimated for the picture, and not much less."""
    command = [sys.executable, "-c", MEASURE, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"MALLOC_ARENA_MAX": "2"})
    estimate, peak = json.loads(done.stdout)
    assert peak <= estimate <= 4 * peak + 32 * 2**20
