"""How many cores there are for us: what the machine's are worth together, who else uses them, what a process took.

It refuses to believe the count of processors: two that share a core, a cache or a memory are worth less than two.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PACE_S = 2.0
_TICKS_A_S = os.sysconf("SC_CLK_TCK")
_IDLE = (3, 4)
"""Where /proc/stat has what nobody used: idle, and idle that waited for a disk."""


def process_s(pids: Iterable[int]) -> float:
    """Seconds of a core that these processes have had, to the nanosecond (clock_getcpuclockid(3))."""
    return sum(time.clock_gettime(~pid << 3 | 2) for pid in pids)


def machine_s() -> float:
    """Seconds of a core that anybody has had on this machine since it started, a hypervisor's part included."""
    ticks = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    return sum(int(count) for place, count in enumerate(ticks) if place not in _IDLE) / _TICKS_A_S


def worth(picture: Path, pace_s: float = PACE_S) -> float:
    """How many times as many pictures all processors decode together as one does alone.

    By the processes' own time: what others take of a processor does not count, what they take of its caches does.
    """
    count = os.cpu_count() or 1
    return min(count, sum(_paces(picture, count, pace_s)) / sum(_paces(picture, 1, pace_s)))


def _paces(picture: Path, processes: int, pace_s: float) -> list[float]:
    """Pictures a second of a processor, of each of so many processes at the same time."""
    context = multiprocessing.get_context("spawn")  # libvips outlives no fork
    barrier, found = context.Barrier(processes), context.SimpleQueue()
    started = [context.Process(target=_decode, args=(picture, pace_s, barrier, found)) for _ in range(processes)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    if any(process.exitcode for process in started):
        raise SystemExit(f"{picture} could not be decoded over and over")
    return [found.get() for _ in started]


def _decode(picture: Path, pace_s: float, barrier: Any, found: Any) -> None:
    from gradientd.imaging import generate_gradient

    data, done = picture.read_bytes(), 0
    generate_gradient(data)
    barrier.wait(60)
    until, began_s = time.monotonic() + pace_s, time.process_time()
    while time.monotonic() < until:
        generate_gradient(data)
        done += 1
    found.put(done / (time.process_time() - began_s))
