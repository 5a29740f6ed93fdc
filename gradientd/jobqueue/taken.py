"""A job that is leased to us, and the other answers that Queue gives: frozen values.

It refuses to talk to Redis: Queue does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from gradientd.errors import InvalidJob
from gradientd.jobqueue.identities import is_inline
from gradientd.model import Job, is_too_long


@dataclass(frozen=True, slots=True)
class Taken:
    """A job leased to us under `token`.

    `element` is the list's element exactly as it stands there, `identity` what the lease is held on. `payload` is the
    job's JSON, or None when an ID's has expired. `attempts` counts the attempts begun before; `now_ms` is the server's
    clock (Unix ms) when it was taken.
    """

    element: str
    identity: str
    token: str = field(repr=False)
    payload: str | None
    inline: bool
    attempts: int
    now_ms: int

    @classmethod
    def from_record(cls, record: Sequence[str | None], token: str) -> Taken:
        """Read what a script says of a job that it leased (see `_taken.lua`)."""
        element, identity, payload, noted, now_ms = record
        if element is None or identity is None or now_ms is None:
            raise ValueError("a record names its element, its identity and the time")
        return cls(
            element=element,
            identity=identity,
            token=token,
            payload=payload,
            inline=is_inline(element),
            attempts=max(_attempts_in(payload), _count(noted)),
            now_ms=int(now_ms),
        )

    def parse(self) -> Job:
        """The job, validated. Raises InvalidJob."""
        if self.payload is None:
            raise InvalidJob("The job's data has expired.")
        return Job.parse(self.payload, job_id=None if self.inline else self.element)


@dataclass(frozen=True, slots=True)
class Recovered:
    """A job that was put back into the queue, and its picture where its data says which."""

    identity: str
    storage_key: str | None

    @classmethod
    def of(cls, identity: str, data: str | None) -> Recovered:
        """Read the storage key from the job's JSON as it stands (None: it has expired)."""
        storage_key = _field_of(data, "storageKey")
        return cls(identity, storage_key if isinstance(storage_key, str) else None)


@dataclass(frozen=True, slots=True)
class Acquired:
    """What acquire found: a job, or why there is none."""

    taken: Taken | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Promoted:
    """How many retries were moved to the queue, and the ms until the next is due (None: none waits)."""

    count: int
    next_due_in_ms: int | None


@dataclass(frozen=True, slots=True)
class Lengths:
    """How many jobs stand in each list, and how many dead letters are kept."""

    queue: int
    processing: int
    delayed: int
    dead: int


@dataclass(frozen=True, slots=True)
class LeaseCount:
    """How many leases are live, and how many have expired and wait for a reaper."""

    live: int
    expired: int


@dataclass(frozen=True, slots=True)
class Recent:
    """One of the newest results: when it was stored (Unix ms) and how long its job took (ms, None when unknown)."""

    storage_key: str
    stored_at_ms: int
    processing_ms: int | None


def _attempts_in(payload: str | None) -> int:
    """The attempts that a job's JSON counts, 0 where it cannot be read: `parse` says what is wrong with it."""
    attempts = _field_of(payload, "attempts")
    return int(attempts) if isinstance(attempts, (int, float)) and 0 <= attempts < 2**53 else 0


def _field_of(payload: str | None, name: str) -> object:
    """One field of a job's JSON, None where it is absent or the JSON cannot be read."""
    if payload is None or is_too_long(payload):
        return None
    try:
        return json.loads(payload)[name]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _count(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() else 0
