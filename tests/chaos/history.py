"""What the logs of a chaos run tell about jobs: attempts, holds, runs, and what disturbed them.

It refuses to call anything right or wrong: `checker` does.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.evidence import (
    ENDS,
    PEER_ENDS,
    Evidence,
    Fault,
    FaultKind,
    PeerEvent,
    PeerEventKind,
    WorkerEvent,
    WorkerEventKind,
)

DEATHS = (FaultKind.KILL, FaultKind.TERM)


@dataclass(frozen=True, slots=True)
class Attempt:
    """From a worker's `Job taken` to the line that ended it; `end` is None when its process was killed."""

    begin: WorkerEvent
    end: WorkerEvent | None


def discarded_by_peers(evidence: Evidence) -> set[str]:
    """Inline jobs that a peer of the first generation threw away, by two of its habits.

    It takes one for an unknown ID; or it takes one out of the delayed set and dies before it pushes it.
    """
    discarded: set[str] = set()
    promoting: set[tuple[str, str]] = set()
    for event in evidence.peer_events:
        match event.kind:
            case PeerEventKind.DISCARDS:
                discarded.add(event.job_id)
            case PeerEventKind.PROMOTES:
                promoting.add((event.process, event.job_id))
            case PeerEventKind.PROMOTED:
                promoting.discard((event.process, event.job_id))
    discarded.update(job_id for _, job_id in promoting)
    return discarded.intersection(order.job_id for order in evidence.orders if order.is_inline)


def runs(evidence: Evidence) -> Counter[str]:
    """How often each job was completed, by whomever."""
    done = [e.job_id for e in evidence.worker_events if e.kind is WorkerEventKind.COMPLETED]
    return Counter(done + [e.job_id for e in evidence.peer_events if e.kind is PeerEventKind.COMPLETED])


def attempts_of(evidence: Evidence, *, lost_too: bool = False) -> dict[str, list[Attempt]]:
    """Every attempt of every job in the order of its begin; with `lost_too` a lost lease ends an attempt too."""
    ends = ENDS | {WorkerEventKind.LEASE_LOST} if lost_too else ENDS
    by_process: dict[tuple[str, str], WorkerEvent] = {}
    attempts: dict[str, list[Attempt]] = defaultdict(list)
    for event in evidence.worker_events:
        key = (event.process, event.job_id)
        if event.kind is WorkerEventKind.TAKEN:
            by_process[key] = event
        elif event.kind in ends and key in by_process:
            attempts[event.job_id].append(Attempt(by_process.pop(key), event))
    for begin in by_process.values():
        attempts[begin.job_id].append(Attempt(begin, None))
    return attempts


def is_disturbed(attempt: Attempt, evidence: Evidence, faults: Sequence[Fault]) -> bool:
    """Whether one of these faults touched the attempt, or the lease time before it began."""
    from_ms = attempt.begin.at_ms - evidence.periods.lease_ms
    to_ms = attempt.end.at_ms if attempt.end is not None else float("inf")
    return any(fault.hits(attempt.begin.process, from_ms, to_ms) for fault in faults)


def holds_of_peers(evidence: Evidence) -> dict[str, list[tuple[int, float, str]]]:
    """For each job: when a peer took it, when it ended it (or died), and which peer."""
    deaths = {f.target: f.began_ms for f in evidence.faults if f.kind in DEATHS}
    open_holds: dict[tuple[str, str], PeerEvent] = {}
    holds: dict[str, list[tuple[int, float, str]]] = defaultdict(list)
    for event in evidence.peer_events:
        key = (event.process, event.job_id)
        if event.kind is PeerEventKind.TOOK:
            open_holds[key] = event
        elif event.kind in (*PEER_ENDS, PeerEventKind.DISCARDS) and key in open_holds:
            holds[event.job_id].append((open_holds.pop(key).at_ms, event.at_ms, event.process))
    for event in open_holds.values():
        holds[event.job_id].append((event.at_ms, deaths.get(event.process, float("inf")), event.process))
    return holds


def results_left_without_ttl(evidence: Evidence) -> set[str]:
    """Storage keys whose result a peer set and did not come to the end of: its next command would have set the TTL."""
    begun: dict[tuple[str, str], str] = {}
    for event in evidence.peer_events:
        if event.kind is PeerEventKind.WRITES_RESULT:
            begun[event.process, event.job_id] = event.storage_key
        elif event.kind in PEER_ENDS - {PeerEventKind.LOST}:
            begun.pop((event.process, event.job_id), None)
    return set(begun.values())
