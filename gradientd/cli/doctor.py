"""`gradientd doctor`: is everything as gradientd needs it, and if not, what sets it right?

It refuses to change anything, and to wait: what does not answer in time is a finding too.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import gevent

from gradientd.cli.checks.configuration import check_settings
from gradientd.cli.checks.finding import Finding, Grade
from gradientd.cli.checks.machine import check_cores, check_folders, check_memory
from gradientd.cli.checks.process import check_codecs, check_patches
from gradientd.cli.checks.stopping import check_stop
from gradientd.cli.exits import Exit
from gradientd.cli.wording import plural, printable
from gradientd.errors import SettingsError
from gradientd.jsontext import to_json
from gradientd.settings import Inspected, inspect_env, terminal_colours

BOUND_S = 12.0
"""Whatever does not answer: no check takes longer."""
ROOT = Path("/")
_REDIS_VARIABLES = ("REDIS_", "GRADIENT_REDIS_")
_BUCKET_VARIABLES = ("S3_", "MASTER_", "GRADIENT_S3_")
_COLOURS = {Grade.OK: "32", Grade.NOTE: "33", Grade.UNKNOWN: "36", Grade.FAULT: "1;31"}

_Check = Callable[[], Iterable[Finding]]


def run(arguments: argparse.Namespace) -> int:
    """Check everything at once, then tell it in order."""
    # By the loop, since Python's own handler may strike inside a check, which would take it for the check's end.
    gevent.signal_handler(signal.SIGINT, gevent.kill, gevent.getcurrent(), KeyboardInterrupt)
    inspected = inspect_env()
    checks = list(_checks(inspected, arguments))
    greenlets = [gevent.spawn(_guarded, name, check) for name, check in checks]
    gevent.joinall(greenlets, timeout=BOUND_S)
    findings: list[Finding] = []
    for greenlet, (name, _) in zip(greenlets, checks, strict=True):
        findings += [_overdue(name)] if greenlet.value is None else greenlet.value
    if arguments.json:
        print(to_json(_as_dict(findings)))
    else:
        print(*_table(findings, colour=sys.stdout.isatty() and terminal_colours() > 0), sep="\n")
    code = _exit_code(inspected, findings)
    if not all(greenlet.ready() for greenlet in greenlets):
        sys.stdout.flush()
        os._exit(code)  # a thread that is lost in a decode would keep the interpreter from ending
    return code


def _checks(inspected: Inspected, arguments: argparse.Namespace) -> Iterator[tuple[str, _Check]]:
    settings = inspected.settings
    yield "settings", lambda: check_settings(inspected)
    yield "gevent", check_patches
    yield "redis", lambda: _check_redis(inspected)
    yield "bucket", lambda: _check_bucket(inspected, arguments.read)
    yield "codecs", _check_codecs
    yield "memory budget", lambda: check_memory(settings, ROOT)
    yield "cores", lambda: check_cores(settings, ROOT)
    yield "folders", lambda: check_folders(settings)
    yield "stop", lambda: check_stop(settings, ROOT, wait_s=arguments.wait, supervisord=arguments.supervisord)


def _check_redis(inspected: Inspected) -> Iterable[Finding]:
    if _is_wrong(inspected, _REDIS_VARIABLES):
        return [_unasked("redis")]
    from gradientd.cli.checks.queue import check_redis

    return check_redis(inspected.settings)


def _check_bucket(inspected: Inspected, key: str | None) -> Iterable[Finding]:
    if _is_wrong(inspected, _BUCKET_VARIABLES):
        return [_unasked("bucket")]
    from gradientd.cli.checks.bucket import check_bucket  # boto3 is slow to import

    return check_bucket(inspected.settings, key)


def _check_codecs() -> Iterable[Finding]:
    """In a thread: a decode that hangs must not keep the others from being told."""
    found: list[Finding] = gevent.get_hub().threadpool.apply(lambda: list(check_codecs()))
    return found


def _is_wrong(inspected: Inspected, prefixes: tuple[str, ...]) -> bool:
    return any(problem.startswith(prefixes) for problem in inspected.problems)


def _guarded(name: str, check: _Check) -> list[Finding]:
    """What the check finds; whatever ends it is a finding too."""
    found: list[Finding] = []
    try:
        found.extend(check())
    except SettingsError as exc:
        found += [Finding(name, Grade.FAULT, problem, "Correct it.", is_outage=True) for problem in exc.problems]
    except Exception as exc:  # an operator who looks for a fault must not be handed another
        text = f"the check itself ended in an unforeseen {type(exc).__name__}: {exc}"
        found.append(Finding(name, Grade.FAULT, text, "Please report it, with the output of `gradientd --version`."))
    return found


def _overdue(name: str) -> Finding:
    is_outage = name in ("redis", "bucket")
    remedy = "Look at the network and the address: something takes the connection and does not answer."
    return Finding(name, Grade.FAULT, f"no answer within {BOUND_S:g} s", remedy, is_outage)


def _unasked(name: str) -> Finding:
    return Finding(name, Grade.UNKNOWN, "not asked: its settings are missing or wrong", "Correct the settings first.")


def _exit_code(inspected: Inspected, findings: Sequence[Finding]) -> Exit:
    faults = [finding for finding in findings if finding.grade is Grade.FAULT]
    if inspected.problems:
        return Exit.WRONG_SETTINGS
    if any(fault.is_outage for fault in faults):
        return Exit.UNAVAILABLE
    return Exit.SOME_FAILED if faults else Exit.DONE


def _table(findings: Sequence[Finding], *, colour: bool) -> Iterator[str]:
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        grade = f"{finding.grade:<7}"
        shown = f"\x1b[{_COLOURS[finding.grade]}m{grade}\x1b[0m" if colour else grade
        yield f"{shown}  {finding.check:<{width}}  {printable(finding.text)}"
        if finding.remedy is not None:
            yield f"{'':7}  {'':{width}}  -> {printable(finding.remedy)}"
    counts = Counter(finding.grade for finding in findings)
    faults = plural(counts[Grade.FAULT], "fault") if counts[Grade.FAULT] else "no fault"
    notes = f", {plural(counts[Grade.NOTE], 'note')}" if counts[Grade.NOTE] else ""
    unknown = f", {counts[Grade.UNKNOWN]} could not be looked at" if counts[Grade.UNKNOWN] else ""
    yield f"\n{faults}{notes}{unknown}"


def _as_dict(findings: Sequence[Finding]) -> dict[str, object]:
    shown = [
        {
            "check": finding.check,
            "grade": str(finding.grade),
            "finding": finding.text,
            **({"remedy": finding.remedy} if finding.remedy is not None else {}),
        }
        for finding in findings
    ]
    return {"faults": sum(finding.grade is Grade.FAULT for finding in findings), "findings": shown}
