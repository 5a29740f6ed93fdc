"""The exit codes, as sysexits.h names them where it has a name.

It refuses to invent: supervisors, scripts and the README know these numbers.
"""

from __future__ import annotations

import enum


class Exit(enum.IntEnum):
    """What the process says to whoever started it."""

    DONE = 0
    SOME_FAILED = 1
    """At least one job failed for good, or the check did not pass."""
    USAGE = 2
    UNAVAILABLE = 69
    """Redis or the bucket cannot be reached."""
    SOFTWARE = 70
    """The worker cannot go on in this process and wants to be restarted."""
    TRY_LATER = 75
    """Paused, or an outage that lasted too long."""
    WRONG_SETTINGS = 78
