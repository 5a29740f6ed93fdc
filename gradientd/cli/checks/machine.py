"""The machine under the worker: memory and cores that it may use, and folders that it must be able to write.

It refuses to measure: it compares the settings with the limits that the kernel tells.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gradientd.cli.checks.finding import Finding, Grade
from gradientd.cli.health import default_heartbeat_file
from gradientd.settings import Settings

BESIDE_THE_DECODES_MB = 128
"""What a worker takes beside its decodes: Python, the libraries, connections, bodies on their way."""
JOBS_A_CORE = 16
"""Downloads only wait, but what they wait for must be decoded in the end."""
_UNLIMITED = 2**60


def check_memory(settings: Settings, root: Path) -> Iterator[Finding]:
    """The memory budget against the container's limit, or the machine's memory."""
    limit, whose = _memory_limit(root)
    if limit is None:
        remedy = "Keep GRADIENT_MEMORY_BUDGET_MB below what there is."
        yield Finding("memory budget", Grade.UNKNOWN, "neither a limit nor the machine's memory is told here", remedy)
        return
    limit_mb = limit // 2**20
    room_mb = limit_mb - BESIDE_THE_DECODES_MB
    if settings.memory_budget_mb > room_mb:
        fitting = f"Set GRADIENT_MEMORY_BUDGET_MB to {room_mb} or less, or raise the limit"
        yield Finding(
            "memory budget",
            Grade.FAULT,
            f"GRADIENT_MEMORY_BUDGET_MB is {settings.memory_budget_mb}, and {whose} is {limit_mb:,} MB:"
            " a few large pictures at once would get the worker killed",
            (fitting if room_mb >= 16 else "Raise the limit")
            + f" (a worker takes some {BESIDE_THE_DECODES_MB} MB beside its decodes).",
        )
    else:
        yield Finding("memory budget", Grade.OK, f"{settings.memory_budget_mb} MB fit: {whose} is {limit_mb:,} MB")


def check_cores(settings: Settings, root: Path) -> Iterator[Finding]:
    """Threads and concurrency against the cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cpu_quota(root)
    usable = min(cores, quota or cores)
    threads = settings.decode_thread_count
    told = f"{usable:g} of {cores} by quota" if usable < cores else f"{cores}"
    if threads > max(usable, 1) + 1.5:
        yield Finding(
            "cores",
            Grade.NOTE,
            f"{threads} pictures are decoded at once on {told} cores: each takes longer, and none is done sooner",
            f"Set GRADIENT_DECODE_THREADS to {max(1, round(usable)) + 1} or less.",
        )
    if settings.concurrency > JOBS_A_CORE * max(usable, 1):
        yield Finding(
            "cores",
            Grade.NOTE,
            f"{settings.concurrency} jobs at once on {told} cores: most would only wait for a decode",
            f"Set GRADIENT_WORKER_CONCURRENCY to {round(JOBS_A_CORE * max(usable, 1))} or less.",
        )
    yield Finding("cores", Grade.OK, f"{told}: {settings.concurrency} jobs at once, {threads} decoded at once")


def check_folders(settings: Settings) -> Iterator[Finding]:
    """Where large downloads and the heartbeat go."""
    try:
        folder = tempfile.gettempdir()
        beat = settings.heartbeat_file or default_heartbeat_file()
    except FileNotFoundError:
        yield Finding(
            "folders",
            Grade.FAULT,
            "no temporary folder can be written: large pictures cannot be downloaded",
            "Mount one (docker run --tmpfs /tmp), or set TMPDIR.",
        )
        return
    place = Path(beat)
    if not os.access(place if place.exists() else place.parent, os.W_OK):
        yield Finding(
            "folders",
            Grade.FAULT,
            f"the heartbeat file {beat} cannot be written: `gradientd health` would say that the worker is dead",
            "Set GRADIENT_HEARTBEAT_FILE to a file in a folder that this user may write.",
        )
    else:
        yield Finding("folders", Grade.OK, f"{folder} and the heartbeat file {beat} can be written")


def _memory_limit(root: Path) -> tuple[int | None, str]:
    """The smallest limit that holds for this process, in bytes, and what sets it."""
    limits = [(_number(path), "the cgroup's limit") for path in _cgroup_files(root, "memory")]
    limits.append((_total_memory(root), "this machine's memory"))
    known = [(limit, whose) for limit, whose in limits if limit is not None and limit < _UNLIMITED]
    return min(known) if known else (None, "")


def _cgroup_files(root: Path, controller: str) -> Iterator[Path]:
    """The limit's files of this process' cgroup and all above it, in both versions of the hierarchy."""
    top = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            base, name = top, f"{controller}.max"
        elif controller in controllers.split(",") and controller == "memory":
            base, name = top / controller, "memory.limit_in_bytes"
        else:
            continue
        place = base / path.lstrip("/")
        yield base / name  # in a container the path may be the host's
        while place != base and base in place.parents:
            yield place / name
            place = place.parent


def _cpu_quota(root: Path) -> float | None:
    """Cores' worth of time, where a quota is set."""
    quotas = []
    for path in _cgroup_files(root, "cpu"):
        words = _text(path).split()
        if len(words) == 2 and words[0].isdecimal() and words[1].isdecimal():
            quotas.append(int(words[0]) / int(words[1]))
    return min(quotas, default=None)


def _total_memory(root: Path) -> int | None:
    for line in _text(root / "proc/meminfo").splitlines():
        words = line.split()
        if words[0] == "MemTotal:":
            return int(words[1]) * 1024
    return None


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdecimal() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
