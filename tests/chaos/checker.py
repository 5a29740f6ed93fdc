"""Finds what a chaos run lost, stuck or stole: one function a rule, over nothing but the evidence.

It refuses to touch a server: it can be tried on made-up evidence, and is.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.evidence import (
    ALL,
    Evidence,
    Fault,
    FaultKind,
    Order,
    PeerEventKind,
    WorkerEvent,
    WorkerEventKind,
)
from tests.chaos.history import (
    Attempt,
    attempts_of,
    discarded_by_peers,
    holds_of_peers,
    is_disturbed,
    results_left_without_ttl,
)

RESULT_TTL_MS = 2_592_000_000
UNBROKEN_LEASE_TIMES = 1.5
LATE_LOG_MS = 1_000
"""How long after its script a line may come into the log."""
PEERS_WORDS = "peer: "
"""How the `lastError` of an emulated peer begins."""
STORAGE_CODES = frozenset({"storage_fault", "truncated_body", "download_timeout", "job_timeout"})
"""What a job may be charged with while its storage link is disturbed; an outage itself (unavailable) charges nobody."""
TOTAL_MODES = ("", "refuse", "reset", "blackhole")
"""Faults that let nothing through at all; the server's own has no mode."""
REDIS_FAULTS = (FaultKind.REDIS_LINK, FaultKind.SERVER)


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken promise."""

    rule: str
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.subject}: {self.text}"


def check(evidence: Evidence) -> list[Finding]:
    """Every finding of every rule."""
    rules: list[Callable[[Evidence], Iterator[Finding]]] = [
        jobs_without_their_end,
        leftovers,
        wrong_ttls,
        charged_without_cause,
        stolen_from_peers,
        stolen_from_workers,
        reaped_after_an_outage,
        outages_told_twice,
        surprises,
    ]
    return [finding for rule in rules for finding in rule(evidence)]


# -- what must stand in Redis ------------------------------------------------------------------------------------------


def jobs_without_their_end(evidence: Evidence) -> Iterator[Finding]:
    """Every job completed, or failed for a reason that was injected, or thrown away by a peer who says so."""
    discarded = discarded_by_peers(evidence)
    attempts = attempts_of(evidence)
    for order in evidence.orders:
        problem = _problem(order, evidence, attempts.get(order.job_id, []))
        if problem is not None and order.job_id not in discarded:
            yield Finding("lost", order.job_id, problem)


def _problem(order: Order, evidence: Evidence, attempts: Sequence[Attempt]) -> str | None:
    result = _result(order, evidence)
    status = result.get("status")
    letter = _letter(order, evidence)
    if order.is_ghost:
        return None if not result else f"had no data, and yet a result: {result}"
    if order.codes:
        told_by_peer = str(result.get("lastError", "")).startswith(PEERS_WORDS)
        failed_by_us = letter.get("code") in order.codes or _is_explained(letter.get("code"), attempts, evidence, order)
        if status != "completed" and (failed_by_us or (status == "failed" and told_by_peer)):
            return None
        return f"should have failed with {sorted(order.codes)}: {status}, dead letter {letter.get('code')}"
    if status == "completed":
        return None if _is_whole(result) else f"its result is not whole: {result}"
    if status == "failed" and _is_explained(letter.get("code"), attempts, evidence, order):
        return None
    return f"{status or 'no result'}, {result.get('lastError')}, dead letter {letter.get('code')}"


def _is_explained(code: str | None, attempts: Sequence[Attempt], evidence: Evidence, order: Order) -> bool:
    """Whether a failure was injected: by its storage link, or by deaths that spent its attempts."""
    if code in STORAGE_CODES:
        return True  # `charged_without_cause` looks at each attempt
    peers = sum(event.job_id == order.job_id and event.kind is PeerEventKind.TOOK for event in evidence.peer_events)
    spent = [a for a in attempts if is_disturbed(a, evidence, evidence.faults) or _ended_as_ordered(a, order)]
    return code == "attempts_exhausted" and len(spent) + peers > evidence.periods.max_retries


def _ended_as_ordered(attempt: Attempt, order: Order) -> bool:
    """Whether a broken picture was what ended it: such attempts are spent too, before the one that a death ended."""
    return attempt.end is not None and attempt.end.kind is WorkerEventKind.RETRIED and attempt.end.code in order.codes


def leftovers(evidence: Evidence) -> Iterator[Finding]:
    """Lists, leases and notes are empty; no data without a job."""
    snapshot = evidence.snapshot
    shared = {"queue": snapshot.queue, "processing": snapshot.processing, "delayed": snapshot.delayed}
    for name, elements in {**shared, **snapshot.own}.items():
        for element in elements:
            yield Finding("left over", element, f"still in {name}")
    for job_id in snapshot.jobs:
        yield Finding("left over", job_id, "a job key without a job")


def wrong_ttls(evidence: Evidence) -> Iterator[Finding]:
    """Every result ends after 30 days, but for one that a peer had no time to end."""
    unfinished = results_left_without_ttl(evidence)
    for storage_key, stored in evidence.snapshot.results.items():
        if stored.ttl_ms < 0 and storage_key in unfinished:
            continue
        if not 0 < stored.ttl_ms <= RESULT_TTL_MS:
            yield Finding("wrong ttl", storage_key, f"its result has a TTL of {stored.ttl_ms} ms")


# -- what must not stand in the logs -----------------------------------------------------------------------------------


def charged_without_cause(evidence: Evidence) -> Iterator[Finding]:
    """A sound job is charged only for what was done to its storage link."""
    sound = {order.job_id for order in evidence.orders if not order.codes and not order.is_ghost}
    faults = [fault for fault in evidence.faults if fault.kind in (FaultKind.S3_LINK, FaultKind.STOP)]
    for job_id, attempts in attempts_of(evidence).items():
        for attempt in attempts:
            end = attempt.end
            if job_id not in sound or end is None or end.kind not in (WorkerEventKind.RETRIED, WorkerEventKind.FAILED):
                continue
            if end.code == "attempts_exhausted":
                continue  # `jobs_without_their_end` counts what spent them
            if end.code not in STORAGE_CODES or not is_disturbed(attempt, evidence, faults):
                yield Finding("charged", job_id, f"{end.process} charged it with {end.code} although nothing was done")


def stolen_from_peers(evidence: Evidence) -> Iterator[Finding]:
    """Nobody requeues an element that a living peer took less than the orphan grace ago.

    Not even one whose lease has expired, where a v1 peer got it by another's stop() and says so in the job's data.
    """
    holds = holds_of_peers(evidence)
    for event in evidence.worker_events:
        if event.kind not in (WorkerEventKind.ORPHAN, WorkerEventKind.LEASE_EXPIRED):
            continue
        for took_ms, end_ms, process in holds[event.job_id]:
            if event.kind is WorkerEventKind.LEASE_EXPIRED and not process.startswith("v1"):
                continue
            age_ms = event.at_ms - took_ms
            if LATE_LOG_MS <= age_ms < evidence.periods.orphan_grace_ms and event.at_ms < end_ms:
                text = f"{event.process} requeued it {age_ms} ms after {process} took it"
                yield Finding("stolen", event.job_id, text)


def stolen_from_workers(evidence: Evidence) -> Iterator[Finding]:
    """A worker that nothing was done to keeps its lease to the end of its work.

    An outage that all felt is no excuse for a lease that ends in mid-work: everybody gets the time to renew. (Before a
    transition is repeated it is one: a retry may have been carried out, and promoted, before its worker hears of it.)
    """
    for job_id, attempts in attempts_of(evidence, lost_too=True).items():
        for attempt in attempts:
            end = attempt.end
            if end is None or not _says_lease_lost(end):
                continue
            faults = [f for f in evidence.faults if f.kind in (FaultKind.STOP, FaultKind.STALL, *REDIS_FAULTS)]
            if end.kind is WorkerEventKind.LEASE_LOST:
                faults = [fault for fault in faults if not _is_total(fault)]
            if not is_disturbed(attempt, evidence, faults) and _lasted_ms(attempt) < evidence.periods.job_timeout_ms:
                yield Finding("stolen", job_id, f"{end.process} lost its lease although it lived and renewed it")


def reaped_after_an_outage(evidence: Evidence) -> Iterator[Finding]:
    """After an outage that all felt, nothing is reaped until everybody has had 1.5 lease times to renew."""
    lease_ms = evidence.periods.lease_ms
    outages = [f for f in evidence.faults if _is_total(f) and f.ended_ms - f.began_ms >= lease_ms / 2]
    for event in evidence.worker_events:
        if event.kind not in (WorkerEventKind.LEASE_EXPIRED, WorkerEventKind.ORPHAN):
            continue
        for outage in outages:
            since_ms = event.at_ms - outage.ended_ms
            if 0 <= since_ms < UNBROKEN_LEASE_TIMES * lease_ms:
                yield Finding("stolen", event.job_id, f"{event.process} reaped it {since_ms} ms after an outage")


def outages_told_twice(evidence: Evidence) -> Iterator[Finding]:
    """One line when a dependency goes and one when it comes."""
    pairs = {
        WorkerEventKind.REDIS_DOWN: WorkerEventKind.REDIS_UP,
        WorkerEventKind.STORAGE_DOWN: WorkerEventKind.STORAGE_UP,
    }
    for down, up in pairs.items():
        is_down: dict[str, bool] = defaultdict(bool)
        for event in evidence.worker_events:
            if event.kind in (down, up):
                if is_down[event.process] == (event.kind is down):
                    yield Finding("told twice", event.process, event.kind)
                is_down[event.process] = event.kind is down


def surprises(evidence: Evidence) -> Iterator[Finding]:
    """No traceback in any log, and every process ends as it was told to."""
    for process, text in evidence.surprises:
        yield Finding("surprise", process, text)
    for end in evidence.exits:
        if end.code not in end.expected:
            yield Finding("surprise", end.process, f"exit code {end.code}, not {end.expected}: {end.stderr[-300:]}")
        elif "Traceback" in end.stderr:
            yield Finding("surprise", end.process, end.stderr[-300:])


def _is_total(fault: Fault) -> bool:
    """Whether nobody reached Redis while it lasted."""
    return fault.kind in REDIS_FAULTS and fault.target == ALL and fault.mode in TOTAL_MODES


def _lasted_ms(attempt: Attempt) -> float:
    return attempt.end.at_ms - attempt.begin.at_ms if attempt.end is not None else float("inf")


def _says_lease_lost(end: WorkerEvent) -> bool:
    if end.kind is WorkerEventKind.LEFT_ALONE:
        return end.reason != "gone"  # a job that somebody else has finished meanwhile
    return end.kind is WorkerEventKind.LEASE_LOST or end.lease_lost


def _result(order: Order, evidence: Evidence) -> dict[str, Any]:
    stored = evidence.snapshot.results.get(order.storage_key) if order.storage_key is not None else None
    result: dict[str, Any] = json.loads(stored.text) if stored is not None else {}
    return result


def _letter(order: Order, evidence: Evidence) -> dict[str, Any]:
    field = order.storage_key if order.storage_key is not None else f"!{order.job_id}"
    letter: dict[str, Any] = json.loads(evidence.snapshot.dead.get(field, "{}"))
    return letter


def _is_whole(result: dict[str, Any]) -> bool:
    gradient = result.get("gradient") or {}
    return set(gradient) >= {"palette", "primary", "secondary", "foreground", "css", "blurDataUrl"}
