"""The settings: what is wrong with them, what is misspelt, and which times contradict each other.

It refuses to guess at secrets: whether they fit, Redis and the bucket will say.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradientd.cli.checks.finding import Finding, Grade
from gradientd.settings import Inspected, Settings

CHECK = "settings"


def check_settings(inspected: Inspected) -> Iterator[Finding]:
    """A finding for each mistake, or one that says that there is none."""
    for problem in inspected.problems:
        yield Finding(CHECK, Grade.FAULT, problem, "Set it in the environment of every process; the README says how.")
    for name, meant in inspected.unknown.items():
        if meant is not None:
            yield Finding(CHECK, Grade.FAULT, f"{name} is set, and nobody reads it", f"Was {meant} meant?")
        else:
            yield Finding(CHECK, Grade.NOTE, f"{name} is set, and nobody reads it", "Remove it, or see the README.")
    if not inspected.problems:
        if not any(inspected.unknown.values()):
            yield Finding(CHECK, Grade.OK, "complete and valid")
        yield from _check_times(inspected.settings)


def _check_times(settings: Settings) -> Iterator[Finding]:
    if settings.decode_timeout_ms >= settings.job_timeout_ms:
        yield Finding(
            CHECK,
            Grade.NOTE,
            f"GRADIENT_DECODE_TIMEOUT_MS ({settings.decode_timeout_ms}) is not below GRADIENT_JOB_TIMEOUT_MS"
            f" ({settings.job_timeout_ms}): a picture that does not end is given a whole job's time",
            "Lower the first, or raise the second.",
        )
