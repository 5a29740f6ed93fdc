"""The README's Python, run just as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from gradientd.model import Status
from tests.real.conftest import Bench
from tests.real.pictures import jpeg

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
ALONE, WORKER = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def run(snippet: str, folder: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-c", snippet],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_gradient_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "lake.jpg").write_bytes(jpeg(600, 400))
    css, extras = run(ALONE, tmp_path).splitlines()
    assert re.fullmatch(r"linear-gradient\(135deg, #\w{6} 0%, #\w{6} 100%\) #(FFFFFF|000000)", css)
    assert "'width': 600, 'height': 400" in extras


def test_worker_as_a_library(bench: Bench, tmp_path: Path) -> None:
    bench.storage.put("lakes/como.jpg", jpeg(), "image/jpeg")
    assert "'jobsProcessed': 1, 'jobsFailed': 0" in run(WORKER, tmp_path, bench.env)
    assert bench.status("lakes/como.jpg") is Status.COMPLETED
    assert bench.leftovers() == {}
