"""Memory of a worker's process: at rest, and at its peak on pictures of each kind.

It refuses to measure anything but what the kernel says of the process (VmRSS and VmHWM).
"""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.contenders import Gradientd, Rq
from benchmarks.report import Goal, Section, Table
from benchmarks.stage import Stage

CONCURRENCY = 4
LARGE_MEGAPIXELS = 20.0
JOBS = 24


def measure(stage: Stage) -> Section:
    """A fresh process for each kind, since a peak never falls."""
    with Gradientd(stage, CONCURRENCY, warm=False) as worker:
        worker.wait_until_idle()
        rest_mb = _megabytes(worker.process.pid, "VmRSS")
    rows = [("at rest", "", f"{rest_mb:.0f}")]
    peaks: dict[str, float] = {}
    for kind, keys in _large_by_kind(stage).items():
        with Gradientd(stage, CONCURRENCY) as worker:
            worker.run(keys * -(-JOBS // len(keys)))
            peaks[kind] = _megabytes(worker.process.pid, "VmHWM")
        largest = max(stage.photographs[key].megapixels for key in keys)
        rows.append((kind, f"{largest:.0f} MP", f"{peaks[kind]:.0f}"))
    with Rq(stage, CONCURRENCY, "simple") as rq:
        keys = _large_by_kind(stage)["baseline"]
        rq.run(keys * -(-JOBS // len(keys)))
        peak = sum(_megabytes(process.pid, "VmHWM") for process in rq.processes)
    rows.append((f"RQ simple, Pillow, {CONCURRENCY} processes together, baseline", "24 MP", f"{peak:.0f}"))
    return Section(
        "Memory",
        f"MB of 2^20 bytes, {CONCURRENCY} jobs at once; the peak since the process began.",
        (Table(("", "pictures", "MB"), tuple(rows)),),
        (
            Goal("Memory at rest, MB", rest_mb, 110.0, form=".0f"),
            Goal("Peak on 24-megapixel baseline JPEGs at concurrency 4, MB", peaks["baseline"], 220.0, form=".0f"),
        ),
    )


def _large_by_kind(stage: Stage) -> dict[str, list[str]]:
    """The keys of the largest photographs of each kind."""
    by_kind: dict[str, list[str]] = {}
    for key, picture in stage.photographs.items():
        by_kind.setdefault(picture.kind, []).append(key)
    return {
        kind: [key for key in keys if stage.photographs[key].megapixels > LARGE_MEGAPIXELS] or keys
        for kind, keys in sorted(by_kind.items())
    }


def _megabytes(pid: int, what: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{what}:\s+(\d+) kB", status, re.MULTILINE)
    if found is None:
        raise SystemExit(f"This machine does not tell a process's {what}.")
    return int(found[1]) / 1024
