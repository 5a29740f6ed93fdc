"""What a process holds, as its kernel says: resident memory, open files, threads (Linux: proc(5)).

It refuses to ask the process itself.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

PROC = Path("/proc")
POOLED = "libvips worker"
"""Threads of libvips' pool, which come with a decode and go when they have been idle for 15 s."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Resident memory in kB, open descriptors that are no sockets and those that are, threads but for POOLED ones."""

    resident_kb: int
    files: int
    sockets: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> Holding:
        """What a process holds now."""
        fields = dict(line.split(":", 1) for line in (PROC / str(pid) / "status").read_text().splitlines())
        opened, threads = list(_opened(PROC / str(pid) / "fd")), _lasting_threads(PROC / str(pid) / "task")
        sockets = sum(name.startswith("socket:") for name in opened)
        return cls(int(fields["VmRSS"].split()[0]), len(opened) - sockets, sockets, threads)


def at_rest(pid: int, looks: int, pause: Callable[[], None]) -> Holding:
    """The least that it held in several looks: a renewal or a probe may be under way in any one of them."""
    seen: list[Holding] = []
    for _ in range(looks):
        pause()
        seen.append(Holding.of(pid))
    return least(seen)


def least(seen: Sequence[Holding]) -> Holding:
    """Each figure's smallest."""
    return _each(min, seen)


def most(seen: Sequence[Holding]) -> Holding:
    """Each figure's largest."""
    return _each(max, seen)


def _each(choose: Callable[[Iterable[int]], int], seen: Sequence[Holding]) -> Holding:
    return Holding(*(choose(figures) for figures in zip(*map(astuple, seen), strict=True)))


def _opened(folder: Path) -> Iterator[str]:
    for descriptor in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            yield os.readlink(descriptor)


def _lasting_threads(folder: Path) -> int:
    names = []
    for task in folder.iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # ended meanwhile
            names.append((task / "comm").read_text().strip())
    return sum(name != POOLED for name in names)
