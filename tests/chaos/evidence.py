"""What a chaos run leaves behind, as values: what was ordered, injected, logged, and what stands in Redis at the end.

It refuses to judge: `checker` does. All times are Unix milliseconds of one machine.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

ALL = "*"
"""The target of a fault that hits every process at once."""


@dataclass(frozen=True, slots=True)
class Periods:
    """The settings that a run shortened."""

    lease_ms: int
    orphan_grace_ms: int
    job_timeout_ms: int
    max_retries: int


@dataclass(frozen=True, slots=True)
class Order:
    """A job whose enqueueing Redis acknowledged.

    `codes` are the errors it may fail with, empty when it must be completed. `storage_key` is None where its data
    names none; `is_ghost` when there was no data at all, so that the job can only be dropped.
    """

    job_id: str
    storage_key: str | None
    is_inline: bool
    codes: frozenset[str] = frozenset()
    is_ghost: bool = False


class FaultKind(enum.StrEnum):
    """What was injected."""

    TERM = "term"
    KILL = "kill"
    STOP = "stop"
    """SIGSTOP until SIGCONT."""
    REDIS_LINK = "redis link"
    S3_LINK = "s3 link"
    SERVER = "server"
    """Valkey killed, until it served again."""
    STALL = "stall"
    """Not injected: this machine stood still, the harness noticed."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `target` is a member of the fleet, one incarnation of it, or ALL. `mode` is the link's."""

    kind: FaultKind
    target: str
    began_ms: int
    ended_ms: int
    mode: str = ""

    def hits(self, process: str, from_ms: float, to_ms: float) -> bool:
        """Whether it touched this process between two moments."""
        return self.target in (process, member_of(process), ALL) and self.began_ms <= to_ms and self.ended_ms >= from_ms


class WorkerEventKind(enum.StrEnum):
    """The lines of gradientd's log that the checker reads; each value is how its message begins."""

    TAKEN = "Job taken"
    COMPLETED = "Job completed successfully"
    RETRIED = "Job failed and will be tried again"
    FAILED = "Job failed for good"
    RELEASED = "Job handed back"
    LEFT_ALONE = "Job left alone"
    DROPPED = "Job dropped"
    UNSETTLED = "Redis did not take the job's outcome"
    LEFT_BEHIND = "Job left behind"
    LEASE_LOST = "Lease lost while its job is in work"
    LEASE_EXPIRED = "Job recovered: its worker's lease expired"
    ORPHAN = "Job recovered: nobody held a lease"
    LIMBO = "Job recovered: its data stood in no list"
    REDIS_DOWN = "Redis is unavailable"
    REDIS_UP = "Redis is back"
    STORAGE_DOWN = "Storage is unavailable"
    STORAGE_UP = "Storage is back"


ENDS = frozenset(
    {
        WorkerEventKind.COMPLETED,
        WorkerEventKind.RETRIED,
        WorkerEventKind.FAILED,
        WorkerEventKind.RELEASED,
        WorkerEventKind.LEFT_ALONE,
        WorkerEventKind.DROPPED,
        WorkerEventKind.UNSETTLED,
    }
)
"""How an attempt ends in the log; one whose process was killed has no end."""


@dataclass(frozen=True, slots=True)
class WorkerEvent:
    """One line of a gradientd's log; `process` names the member and its incarnation, `member.3`."""

    at_ms: int
    process: str
    kind: WorkerEventKind
    job_id: str = ""
    code: str = ""
    reason: str = ""
    lease_lost: bool = False


class PeerEventKind(enum.StrEnum):
    """What a peer says in its log; in the present tense before it acts, else after."""

    TOOK = "took"
    COMPLETED = "completed"
    RETRIED = "retried"
    FAILED = "failed"
    LOST = "lost"
    """Its connection failed in the middle of the job, and it thinks no more of it."""
    DISCARDS = "discards"
    MOVES_ALL = "moves all"
    WRITES_RESULT = "writes result"
    PROMOTES = "promotes"
    PROMOTED = "promoted"


PEER_ENDS = frozenset({PeerEventKind.COMPLETED, PeerEventKind.RETRIED, PeerEventKind.FAILED, PeerEventKind.LOST})


@dataclass(frozen=True, slots=True)
class PeerEvent:
    """One line of a peer's log."""

    at_ms: int
    process: str
    kind: PeerEventKind
    job_id: str = ""
    storage_key: str = ""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended; `expected` are the exit codes that what was done to it allows."""

    process: str
    code: int
    expected: tuple[int, ...]
    stderr: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """A string in Redis; `ttl_ms` is -1 when it never ends."""

    text: str
    ttl_ms: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The keyspace at the end. `own` holds the elements of gradientd's own bookkeeping, by key."""

    queue: Sequence[str] = ()
    processing: Sequence[str] = ()
    delayed: Sequence[str] = ()
    jobs: Mapping[str, Stored] = field(default_factory=dict)
    results: Mapping[str, Stored] = field(default_factory=dict)
    dead: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits, runs or is remembered."""
        return not (self.queue or self.processing or self.delayed or self.jobs or any(self.own.values()))


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that the checker is told."""

    periods: Periods
    orders: Sequence[Order]
    snapshot: Snapshot
    worker_events: Sequence[WorkerEvent] = ()
    peer_events: Sequence[PeerEvent] = ()
    faults: Sequence[Fault] = ()
    exits: Sequence[Exit] = ()
    surprises: Sequence[tuple[str, str]] = ()
    """Process and text of every logged exception."""


def read_worker_log(process: str, text: str) -> Iterator[WorkerEvent | tuple[str, str]]:
    """The events of one incarnation's log, and as (process, text) its exceptions; the last line may be cut."""
    for line in _whole_lines(text):
        record = json.loads(line)
        if "exception" in record:
            yield process, f"{record['msg']}: {record['exception'].strip().splitlines()[-1]}"
        kind = next((kind for kind in WorkerEventKind if record["msg"].startswith(kind)), None)
        if kind is not None:
            yield WorkerEvent(
                at_ms=round(datetime.fromisoformat(record["time"]).timestamp() * 1000),
                process=process,
                kind=kind,
                job_id=record.get("jobId") or "",
                code=record.get("code", ""),
                reason=record.get("reason", ""),
                lease_lost=bool(record.get("leaseLost")),
            )


def read_peer_log(process: str, text: str) -> Iterator[PeerEvent]:
    """The events of one incarnation of a peer."""
    for line in _whole_lines(text):
        record = json.loads(line)
        yield PeerEvent(
            record["at"], process, PeerEventKind(record["event"]), record.get("id", ""), record.get("storageKey", "")
        )


def member_of(process: str) -> str:
    """The member of the fleet that an incarnation is one of."""
    return process.rpartition(".")[0]


def _whole_lines(text: str) -> list[str]:
    return [line for line in text.splitlines(keepends=True) if line.endswith("\n") and line.startswith("{")]
