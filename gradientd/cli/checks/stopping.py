"""Whether whoever supervises the worker waits until it has stopped, or kills it in the middle of its hand-backs.

It refuses to guess: a wait that cannot be seen from here is asked for (`--wait`).
"""

from __future__ import annotations

import configparser
import glob
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gradientd.cli.checks.finding import Finding, Grade
from gradientd.settings import LAST_WORDS_S, Settings

CHECK = "stop"
SUPERVISORD_PLACES = ("supervisord.conf", "etc/supervisord.conf")
SUPERVISORD_ROOT_PLACES = ("etc/supervisord.conf", "etc/supervisor/supervisord.conf")
SUPERVISORD_WAIT_S = 10.0
"""supervisord's own default of stopwaitsecs."""
SYSTEMCTL_TIMEOUT_S = 3.0
_GRACEFUL = ("TERM", "SIGTERM", "15", "INT", "SIGINT", "2")
_GRACE_IN_PROGRAM = re.compile(r"GRADIENT_SHUTDOWN_GRACE_MS=[\"']?(\d+)")
_SPANS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|min|h|d|w)\b")


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Who stops the worker, after how many seconds it kills, and which setting of its says so.

    `grace_s` is the worker's, where its configuration sets one; `signal` what it sends first.
    """

    name: str
    wait_s: float
    setting: str
    grace_s: float | None = None
    signal: str = "TERM"


def check_stop(settings: Settings, root: Path, *, wait_s: float | None, supervisord: str | None) -> Iterator[Finding]:
    """Compare the grace time with every supervisor's wait that can be found."""
    found: list[Supervisor] = []
    if wait_s is not None:
        found.append(Supervisor("the supervisor (--wait)", wait_s, "its wait before SIGKILL"))
    is_unreadable = False
    try:
        found += _read_supervisord(_supervisord_files(root, supervisord))
    except (OSError, ValueError, configparser.Error) as exc:
        is_unreadable = True
        remedy = "Correct the file, or name another: --supervisord FILE"
        yield Finding(CHECK, Grade.FAULT, f"supervisord's configuration cannot be read ({type(exc).__name__})", remedy)
    found += _ask_systemd(root)
    for supervisor in found:
        yield _judge(supervisor, settings)
    if not found and not is_unreadable:
        yield _unseen(settings, root)


def _judge(supervisor: Supervisor, settings: Settings) -> Finding:
    grace_s = settings.shutdown_grace_ms / 1000 if supervisor.grace_s is None else supervisor.grace_s
    needed_s = grace_s + LAST_WORDS_S
    if supervisor.signal.upper() not in _GRACEFUL:
        return Finding(
            CHECK,
            Grade.FAULT,
            f"{supervisor.name} stops the worker by {supervisor.signal}, not by a signal that it drains on",
            "Let it send TERM.",
        )
    compared = f"{supervisor.name} kills after {supervisor.wait_s:g} s, the grace time is {grace_s:g} s"
    remedy = f"Set {supervisor.setting} to {needed_s:g} or more, or lower GRADIENT_SHUTDOWN_GRACE_MS."
    if supervisor.wait_s <= grace_s:
        text = f"{compared}: jobs in work are killed with the worker, and late by a lease"
        return Finding(CHECK, Grade.FAULT, text, remedy)
    if supervisor.wait_s < needed_s:
        text = f"{compared}: handing back may take {LAST_WORDS_S:g} s more when Redis is slow"
        return Finding(CHECK, Grade.NOTE, text, remedy)
    return Finding(CHECK, Grade.OK, compared)


def _unseen(settings: Settings, root: Path) -> Finding:
    needed_s = settings.longest_stop_s
    check = f"then see: gradientd doctor --wait {needed_s:g}"
    if (root / "var/run/secrets/kubernetes.io").exists():
        return Finding(
            CHECK,
            Grade.UNKNOWN,
            "a pod cannot see its own grace period, and Kubernetes' default is 30 s",
            f"Set terminationGracePeriodSeconds to {needed_s:g} or more; {check}",
        )
    if (root / ".dockerenv").exists() or (root / "run/.containerenv").exists():
        return Finding(
            CHECK,
            Grade.UNKNOWN,
            "a container cannot see its own stop time-out, and Docker's default is 10 s",
            f"Start it with --stop-timeout {needed_s:g} (compose: stop_grace_period); {check}",
        )
    return Finding(
        CHECK,
        Grade.UNKNOWN,
        f"no supervisor was found here; a stop takes up to {needed_s:g} s",
        f"Give its wait: gradientd doctor --wait {needed_s:g}, or --supervisord FILE",
    )


def _supervisord_files(root: Path, named: str | None) -> list[Path]:
    """The configuration that was named, else the first that supervisord itself would find, and what it includes."""
    if named is not None:
        return _with_included(Path(named))
    places = [Path(place) for place in SUPERVISORD_PLACES] + [root / place for place in SUPERVISORD_ROOT_PLACES]
    return next((_with_included(place) for place in places if place.is_file()), [])


def _with_included(path: Path) -> list[Path]:
    parser = _parse(path)
    patterns = parser.get("include", "files", fallback="").split()
    included = [name for pattern in patterns for name in sorted(glob.glob(os.path.join(path.parent, pattern)))]
    return [path, *map(Path, included)]


def _parse(path: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, inline_comment_prefixes=(";",))
    with path.open(encoding="utf-8") as file:
        parser.read_file(file)
    return parser


def _read_supervisord(paths: list[Path]) -> Iterator[Supervisor]:
    """Every program that runs `gradientd`."""
    for path in paths:
        parser = _parse(path)
        for section in parser.sections():
            command = parser.get(section, "command", fallback="")
            if not section.startswith("program:") or "gradientd" not in command:
                continue
            grace = _GRACE_IN_PROGRAM.search(parser.get(section, "environment", fallback=""))
            yield Supervisor(
                f"supervisord ({section} in {path})",
                parser.getfloat(section, "stopwaitsecs", fallback=SUPERVISORD_WAIT_S),
                "stopwaitsecs",
                grace_s=int(grace[1]) / 1000 if grace else None,
                signal=parser.get(section, "stopsignal", fallback="TERM"),
            )


def _ask_systemd(root: Path) -> Iterator[Supervisor]:
    """The units that are named as etc/systemd names them, where systemd runs this machine and has them."""
    systemctl = shutil.which("systemctl")
    if systemctl is None or not (root / "run/systemd/system").exists():
        return
    try:
        shown = subprocess.run(  # noqa: S603 - systemd's own tool, and nothing of anybody's
            [systemctl, "show", "gradientd.service", "gradientd@*.service", "--property=Id,LoadState,TimeoutStopUSec"],
            capture_output=True,
            text=True,
            timeout=SYSTEMCTL_TIMEOUT_S,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return
    for block in shown.strip().split("\n\n"):
        unit = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if unit.get("LoadState") == "loaded":
            wait_s = _seconds(unit.get("TimeoutStopUSec", ""))
            yield Supervisor(f"systemd ({unit.get('Id')})", wait_s, "TimeoutStopSec")


def _seconds(span: str) -> float:
    """systemd's 1min 30s as seconds; `infinity` is that."""
    parts = _SPAN.findall(span)
    return sum(float(count) * _SPANS_S[unit] for count, unit in parts) if parts else float("inf")
