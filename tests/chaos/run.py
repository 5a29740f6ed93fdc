"""One chaos run: the loud part by its plan, then quiet until everything has settled, then the check.

It refuses to be clever about time: one loop does what is due.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.chaos.checker import Finding, check
from tests.chaos.evidence import ALL, Evidence, Fault, FaultKind, WorkerEventKind
from tests.chaos.fleet import Fleet, now_ms
from tests.chaos.history import discarded_by_peers, runs
from tests.chaos.plan import PEERS, WORKERS, Injection, Placed, Plan, make_plan

LOOK_S = 0.02
STORAGE_DELAY_S = 0.3
STALL_S = 0.75
"""The harness's own loop came so late that the machine, and with it every lease, must have stood still."""
SETTLE_S = 150.0
"""The longest pause of a breaker, the retries of the last broken job, an orphan grace and an audit."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found, and its figures by name."""

    findings: list[Finding]
    figures: dict[str, int]
    evidence: Evidence


def run(seed: int, seconds: float, log_folder: Path | None = None) -> Report:
    """Run the plan of a seed, whose loud part lasts `seconds`; logs stay in `log_folder`, where one is given."""
    plan = make_plan(seed, seconds)
    workers = dict.fromkeys(WORKERS)
    with Fleet(workers, PEERS, seed=seed, storage_delay_s=STORAGE_DELAY_S, log_folder=log_folder) as fleet:
        for member in fleet.members.values():
            member.start()
        print(f"seed {seed}: {len(plan.jobs)} jobs and {len(plan.injections)} faults in {seconds:g} s", flush=True)
        _Loop(fleet, plan).run()
        loud_ended = time.monotonic()
        for peer in PEERS:
            fleet.members[peer].term()
        print(f"seed {seed}: quiet; waiting until everything has settled", flush=True)
        snapshot = fleet.settle(SETTLE_S)
        settled_s = time.monotonic() - loud_ended
        counts = fleet.link_counts()
        evidence = fleet.evidence(snapshot)
    figures = {**figures_of(evidence, counts), "seconds until settled": round(settled_s)}
    return Report(check(evidence), figures, evidence)


class _Loop:
    """Does what is due: enqueues, begins and ends faults; what Redis did not acknowledge is enqueued again."""

    def __init__(self, fleet: Fleet, plan: Plan) -> None:
        self._fleet = fleet
        self._unacknowledged: list[Placed] = []
        self._order = itertools.count()
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        for job in plan.jobs:
            self._at(job.at_s, partial(self._place, job))
        for injection in plan.injections:
            self._at(injection.at_s, partial(self._begin, injection))

    def run(self) -> None:
        """Until nothing is due any more and every job is enqueued."""
        began = time.monotonic()
        while self._due or self._unacknowledged:
            looked = time.monotonic()
            while self._due and self._due[0][0] <= looked - began:
                heapq.heappop(self._due)[2]()
            self._enqueue()
            slept = time.monotonic()
            time.sleep(LOOK_S)
            self._notice_stall(time.monotonic() - slept)

    def _at(self, at_s: float, action: Callable[[], object]) -> None:
        heapq.heappush(self._due, (at_s, next(self._order), action))

    def _place(self, job: Placed) -> None:
        self._fleet.upload([job])
        self._unacknowledged.append(job)

    def _begin(self, injection: Injection) -> None:
        self._fleet.begin(injection)
        self._at(injection.at_s + injection.lasts_s, partial(self._fleet.end, injection))

    def _enqueue(self) -> None:
        while self._unacknowledged and self._fleet.enqueue(self._unacknowledged[0]):
            self._unacknowledged.pop(0)

    def _notice_stall(self, slept_s: float) -> None:
        if slept_s > STALL_S:
            ended_ms = now_ms()
            self._fleet.faults.append(Fault(FaultKind.STALL, ALL, ended_ms - round(slept_s * 1000), ended_ms))


def figures_of(evidence: Evidence, link_counts: dict[str, dict[str, int]]) -> dict[str, int]:
    """What happened, counted."""
    events = Counter(event.kind for event in evidence.worker_events)
    faults = Counter(fault.kind for fault in evidence.faults)
    links = sum((Counter(counts) for counts in link_counts.values()), Counter())
    ran = [count for count in runs(evidence).values() if count > 1]
    return {
        "jobs": len(evidence.orders),
        "completed by gradientd": events[WorkerEventKind.COMPLETED],
        "completed by peers": sum(event.kind == "completed" for event in evidence.peer_events),
        "failed for good": events[WorkerEventKind.FAILED],
        "inline jobs that a v1 peer threw away": len(discarded_by_peers(evidence)),
        "jobs that ran more than once": len(ran),
        "runs beyond the first": sum(ran) - len(ran),
        "SIGKILL": faults[FaultKind.KILL],
        "SIGTERM": faults[FaultKind.TERM],
        "SIGSTOP": faults[FaultKind.STOP],
        "kill -9 of Valkey": faults[FaultKind.SERVER],
        "faults of a Redis link": faults[FaultKind.REDIS_LINK],
        "faults of an S3 link": faults[FaultKind.S3_LINK],
        "stalls of the machine": faults[FaultKind.STALL],
        "connections reset": links["connections_reset"],
        "replies lost after execution": links["lost_replies"],
        "answers cut in the middle": links["cut"],
        "retries": events[WorkerEventKind.RETRIED],
        "handed back uncharged": events[WorkerEventKind.RELEASED],
        "recovered from expired leases": events[WorkerEventKind.LEASE_EXPIRED],
        "recovered from dead peers": events[WorkerEventKind.ORPHAN],
        "recovered from limbo by audit": events[WorkerEventKind.LIMBO],
    }
