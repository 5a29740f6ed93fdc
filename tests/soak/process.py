"""What a process holds, as its kernel says: resident memory, open files, threads (Linux: proc(5)).

It refuses to ask the process itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Holding:
    """Resident memory in kB, open file descriptors, threads."""

    resident_kb: int
    files: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> Holding:
        """What a process holds now."""
        fields = dict(line.split(":", 1) for line in (PROC / str(pid) / "status").read_text().splitlines())
        files = len(os.listdir(PROC / str(pid) / "fd"))
        return cls(int(fields["VmRSS"].split()[0]), files, int(fields["Threads"]))


def at_rest(pid: int, looks: int, pause: Callable[[], None]) -> Holding:
    """The least that it held in several looks: a renewal or a probe may be under way in any one of them."""
    seen: list[Holding] = []
    for _ in range(looks):
        pause()
        seen.append(Holding.of(pid))
    return least(seen)


def least(seen: Sequence[Holding]) -> Holding:
    """Each figure's smallest."""
    return Holding(
        min(one.resident_kb for one in seen), min(one.files for one in seen), min(one.threads for one in seen)
    )
