"""What the scripts answer, one enum a script, as each script's header says.

It refuses to interpret the codes: Queue does.
"""

from __future__ import annotations

from enum import IntEnum


class AcquireCode(IntEnum):
    """acquire.lua."""

    EMPTY = 0
    TAKEN = 1
    PAUSED = 2
    CROWDED = 3


class Begun(IntEnum):
    """begin.lua: whether the attempt was counted and may go on."""

    OK = 0
    LEASE_LOST = 1
    """The job went to another worker; nothing was changed."""
    GONE = 2
    """The ID's data has expired; the element was removed."""


class Completion(IntEnum):
    """complete.lua: the result was stored either way."""

    STORED = 0
    STALE = 1
    """The lease is another's by now; its job was not touched."""


class RetryCode(IntEnum):
    """retry.lua."""

    LEASE_LOST = 0
    DONE = 1
    DONE_BEFORE = 2


class FailCode(IntEnum):
    """fail.lua."""

    LEASE_LOST = 0
    DONE = 1
    DONE_BEFORE = 2


class ReleaseCode(IntEnum):
    """release.lua."""

    LEASE_LOST = 0
    DONE = 1


class DropCode(IntEnum):
    """drop.lua."""

    LEASE_LOST = 0
    DONE = 1


class EnqueueCode(IntEnum):
    """enqueue.lua."""

    REFUSED = 0
    PUSHED = 1
    LIVE = 2


class ReapCode(IntEnum):
    """reap.lua."""

    BUSY = 0
    PAGE = 1
    LATE = 2


class LockCode(IntEnum):
    """lock.lua."""

    HELD = 0
    OURS = 1


class ReviveCode(IntEnum):
    """revive.lua."""

    GONE = 0
    DONE = 1
