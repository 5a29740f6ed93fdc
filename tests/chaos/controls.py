"""Negative controls: a scenario for each rule that goes well while the rule holds, and is found out when it is off.

It refuses chance: every scenario brings about the one fault that its rule is there for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from gradientd.jobqueue import Queue
from tests.chaos.checker import Finding, check
from tests.chaos.evidence import ALL, FaultKind, PeerEventKind, Snapshot, WorkerEvent, WorkerEventKind
from tests.chaos.fleet import PEER_WORK_S, PERIODS, Fleet
from tests.chaos.keyspace import take_snapshot
from tests.chaos.plan import Injection, Placed, sound_job
from tests.chaos.proxy import Mode

A, B = "gradientd-1", "gradientd-2"
SETTLE_S = 25.0
PATIENCE_S = 30.0
MAY_REAP_S = 1.7 * PERIODS.lease_ms / 1000
"""After so long a worker's renewals have been unbroken for long enough to reap."""
DAMAGE = frozenset({"lost", "left over", "stolen"})
Scenario = Callable[[Fleet], None]


@dataclass(frozen=True, slots=True)
class Control:
    """A scenario, the rule it needs (a sabotage's name), and the settings that make it sharp."""

    rule: str
    scenario: Scenario
    peers: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    peer_work_s: tuple[float, float] = PEER_WORK_S


@dataclass(frozen=True, slots=True)
class ControlReport:
    """What the checker found with the rule and without it."""

    rule: str
    honest: list[Finding]
    sabotaged: list[Finding]

    @property
    def holds(self) -> bool:
        """Whether the checker was silent with the rule and found the damage without it."""
        return not self.honest and any(finding.rule in DAMAGE for finding in self.sabotaged)


def run_controls() -> list[ControlReport]:
    """All controls, each with its rule and without it; those of one kind side by side."""
    with ThreadPoolExecutor(len(CONTROLS)) as pool:
        honest = list(pool.map(lambda control: _run(control, None), CONTROLS))
        sabotaged = list(pool.map(lambda control: _run(control, control.rule), CONTROLS))
    return [
        ControlReport(control.rule, *findings)
        for control, *findings in zip(CONTROLS, honest, sabotaged, strict=True)
    ]


def _run(control: Control, sabotage: str | None) -> list[Finding]:
    workers = {A: sabotage, B: sabotage}
    with Fleet(workers, control.peers, settings=control.settings, peer_work_s=control.peer_work_s) as fleet:
        control.scenario(fleet)
        return check(fleet.evidence(_settled(fleet)))


def _settled(fleet: Fleet) -> Snapshot:
    return fleet.settle(SETTLE_S)


# -- scenarios ---------------------------------------------------------------------------------------------------------


def worker_dies_at_work(fleet: Fleet) -> None:
    """Killed with jobs in its hands; another one is there to take them over."""
    slow = _slow_storage(fleet, A, 1.5)
    jobs = _enqueue(fleet, 3)
    fleet.members[A].start()
    _wait_for(fleet, A, WorkerEventKind.TAKEN, jobs)
    fleet.members[B].start()
    _do(fleet, Injection(0, 0, FaultKind.KILL, A))
    fleet.end(slow)


def peer_drops_ids(fleet: Fleet) -> None:
    """A v2 peer throws away every ID that it takes; only the data remains."""
    jobs = _enqueue(fleet, 3)
    fleet.members["v2"].start()
    _wait_until(lambda: _said(fleet, "v2", PeerEventKind.DISCARDS) >= jobs)
    fleet.members["v2"].term()
    fleet.members["v2"].current.process.wait()
    fleet.members[A].start()


def sleeper_wakes_and_fails(fleet: Fleet) -> None:
    """Frozen in its download until another worker has taken its job over; on waking, its download fails."""
    slow = _slow_storage(fleet, B, 3.0)
    hole = Injection(0, 0, FaultKind.S3_LINK, A, Mode.BLACKHOLE)
    fleet.begin(hole)
    jobs = _enqueue(fleet, 1)
    fleet.members[A].start()
    _wait_until(lambda: all('"processing"' in stored.text for stored in take_snapshot(fleet.redis).results.values()))
    frozen = Injection(0, 0, FaultKind.STOP, A)
    fleet.begin(frozen)
    reset = Injection(0, 0, FaultKind.S3_LINK, A, Mode.RESET)
    fleet.begin(reset)
    fleet.end(hole)
    fleet.end(reset)
    fleet.members[B].start()
    _wait_for(fleet, B, WorkerEventKind.TAKEN, jobs)
    fleet.end(frozen)
    _wait_for(fleet, B, WorkerEventKind.COMPLETED, jobs)
    fleet.end(slow)


def redis_refuses_longer_than_a_lease(fleet: Fleet) -> None:
    """Both workers live and work on; when Redis is back, all leases look expired to whoever looks first."""
    _take_redis_away(fleet, Mode.REFUSE)


def redis_is_silent_longer_than_a_lease(fleet: Fleet) -> None:
    """A reaping that was sent when the silence began is carried out when it ends, although its sender gave up."""
    _take_redis_away(fleet, Mode.BLACKHOLE)


def _take_redis_away(fleet: Fleet, mode: Mode) -> None:
    slow = [_slow_storage(fleet, worker, 3.5) for worker in (A, B)]
    for worker in (A, B):
        fleet.members[worker].start()
    _wait_until(lambda: all(fleet.members[worker].current.is_ready for worker in (A, B)))
    time.sleep(MAY_REAP_S)  # so that reapings are on their way when the outage begins
    jobs = _enqueue(fleet, 8)
    _wait_until(lambda: _seen(fleet, A, WorkerEventKind.TAKEN) | _seen(fleet, B, WorkerEventKind.TAKEN) >= jobs)
    outage = Injection(0, 0, FaultKind.REDIS_LINK, ALL, mode)
    fleet.begin(outage)
    time.sleep(1.2 * PERIODS.lease_ms / 1000)
    fleet.end(outage)
    time.sleep(0.5 * PERIODS.lease_ms / 1000)
    for injection in slow:
        fleet.end(injection)


def peer_is_slow(fleet: Fleet) -> None:
    """A v1 peer works on, without any lease, while a worker looks at its element again and again."""
    Queue(fleet.redis).pause()
    fleet.members[A].start()
    _wait_until(lambda: fleet.members[A].current.is_ready)
    time.sleep(MAY_REAP_S)
    jobs = _enqueue(fleet, 1)
    fleet.members["v1"].start()
    _wait_until(lambda: _said(fleet, "v1", PeerEventKind.COMPLETED) >= jobs)
    fleet.members["v1"].term()
    fleet.members["v1"].current.process.wait()
    Queue(fleet.redis).resume()


EAGER = {"GRADIENT_REAP_INTERVAL_MS": "50", "GRADIENT_JOB_TIMEOUT_MS": "24000"}
CONTROLS = (
    Control("reaper-off", worker_dies_at_work),
    Control("audit-off", peer_drops_ids, peers=("v2",)),
    Control("tokens-ignored", sleeper_wakes_and_fails, settings={"GRADIENT_JOB_TIMEOUT_MS": "24000"}),
    Control("renewals-unchecked", redis_refuses_longer_than_a_lease, settings=EAGER),
    Control("late-reaping", redis_is_silent_longer_than_a_lease, settings=EAGER),
    Control(
        "grace-ignored",
        peer_is_slow,
        peers=("v1",),
        settings={"GRADIENT_REAP_INTERVAL_MS": "1600"},
        peer_work_s=(6.0, 6.0),
    ),
)


# -- steps of scenarios ------------------------------------------------------------------------------------------------


def _enqueue(fleet: Fleet, count: int) -> set[str]:
    jobs: list[Placed] = [sound_job(number, 0.0, "protocol") for number in range(count)]
    fleet.upload(jobs)
    for job in jobs:
        if not fleet.enqueue(job):
            raise RuntimeError("the server did not take a job")
    return {job.order.job_id for job in jobs}


def _slow_storage(fleet: Fleet, worker: str, seconds: float) -> Injection:
    """Every chunk of a worker's storage link comes this much later: its jobs stay in its hands."""
    injection = Injection(0, 0, FaultKind.S3_LINK, worker, Mode.DELAY, {"seconds": seconds})
    fleet.begin(injection)
    return injection


def _do(fleet: Fleet, injection: Injection) -> None:
    fleet.begin(injection)
    if injection.kind is FaultKind.KILL:
        fleet.members[injection.target].current.process.wait()
    fleet.end(injection)


def _wait_for(fleet: Fleet, worker: str, kind: WorkerEventKind, jobs: set[str]) -> None:
    _wait_until(lambda: _seen(fleet, worker, kind) >= jobs)


def _seen(fleet: Fleet, worker: str, kind: WorkerEventKind) -> set[str]:
    log = fleet.log_of(worker)
    return {event.job_id for event in log if isinstance(event, WorkerEvent) and event.kind is kind}


def _said(fleet: Fleet, peer: str, kind: PeerEventKind) -> set[str]:
    return {event.job_id for event in fleet.log_of_peer(peer) if event.kind is kind}


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("a scenario did not come to its point")
        time.sleep(0.02)
