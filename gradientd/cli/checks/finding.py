"""One finding of a check.

It refuses to blame without a remedy: a fault says what would set it right.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Grade(enum.StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"
    """Works, and is worth knowing."""
    UNKNOWN = "unknown"
    """Could not be looked at from here."""
    FAULT = "fault"
    """Does not work, or will not."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What `check` found, in a sentence; `remedy` says what to do about it.

    `is_outage`: Redis or the bucket does not serve, which may also pass by itself.
    """

    check: str
    grade: Grade
    text: str
    remedy: str | None = None
    is_outage: bool = False
