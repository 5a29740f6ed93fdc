"""The checker on made-up evidence: it must find what is broken and leave alone what is not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.checker import check
from tests.chaos.evidence import (
    ALL,
    Evidence,
    Exit,
    Fault,
    FaultKind,
    Order,
    PeerEvent,
    PeerEventKind,
    Periods,
    Snapshot,
    Stored,
    WorkerEvent,
    WorkerEventKind,
    read_peer_log,
    read_worker_log,
)
from tests.chaos.history import runs

PERIODS = Periods(lease_ms=2_000, orphan_grace_ms=8_000, job_timeout_ms=6_000, max_retries=3)
GRADIENT = dict.fromkeys(["palette", "primary", "secondary", "foreground", "css", "blurDataUrl"], "x")
MONTH_MS = 2_592_000_000
A, B = "gradientd-1.1", "gradientd-2.1"
SOUND = Order("j", "a.jpg", is_inline=False)
BROKEN = Order("j", "a.jpg", is_inline=False, codes=frozenset({"object_missing"}))


def result(status: str = "completed", ttl_ms: int = MONTH_MS, **more: Any) -> dict[str, Stored]:
    gradient = {"gradient": GRADIENT} if status == "completed" else {}
    return {"a.jpg": Stored(json.dumps({"status": status, **gradient, **more}), ttl_ms)}


def letter(code: str, field: str = "a.jpg") -> dict[str, str]:
    return {field: json.dumps({"code": code})}


def worker(kind: WorkerEventKind, at_ms: int, process: str = A, **more: Any) -> WorkerEvent:
    return WorkerEvent(at_ms, process, kind, "j", **more)


def peer(kind: PeerEventKind, at_ms: int, process: str = "v1.1") -> PeerEvent:
    return PeerEvent(at_ms, process, kind, "j", "a.jpg")


def run(order: Order = SOUND, snapshot: Snapshot | None = None, **more: Any) -> Evidence:
    return Evidence(PERIODS, [order], snapshot or Snapshot(results=result()), **more)


def rules(evidence: Evidence) -> list[str]:
    return [finding.rule for finding in check(evidence)]


TAKEN, COMPLETED = worker(WorkerEventKind.TAKEN, 10_000), worker(WorkerEventKind.COMPLETED, 10_500)


def test_completed_job_is_no_finding() -> None:
    assert check(run(worker_events=[TAKEN, COMPLETED])) == []


@pytest.mark.parametrize(
    "results",
    [{}, result("pending"), result("processing"), result("failed", lastError="x"), result(gradient={"css": "x"})],
)
def test_job_without_a_whole_result_is_lost(results: dict[str, Stored]) -> None:
    assert rules(run(snapshot=Snapshot(results=results))) == ["lost"]


def test_inline_job_that_a_v1_peer_discarded_is_that_peers_loss() -> None:
    order = replace(SOUND, is_inline=True)
    discards = [peer(PeerEventKind.DISCARDS, 5)]
    assert rules(run(order, Snapshot())) == ["lost"]
    assert check(run(order, Snapshot(), peer_events=discards)) == []


def test_inline_job_that_a_v1_peer_died_over_while_it_promoted_it_is_that_peers_loss() -> None:
    order = replace(SOUND, is_inline=True)
    promotes, promoted = peer(PeerEventKind.PROMOTES, 5), peer(PeerEventKind.PROMOTED, 6)
    assert check(run(order, Snapshot(), peer_events=[promotes])) == []
    assert rules(run(order, Snapshot(), peer_events=[promotes, promoted])) == ["lost"]


def test_id_job_that_a_v2_peer_discarded_must_come_back() -> None:
    assert rules(run(SOUND, Snapshot(), peer_events=[peer(PeerEventKind.DISCARDS, 5, "v2.1")])) == ["lost"]


def test_broken_job_must_fail_with_its_own_reason() -> None:
    failed = result("failed", lastError="no such object")
    assert check(run(BROKEN, Snapshot(results=failed, dead=letter("object_missing")))) == []
    assert rules(run(BROKEN, Snapshot(results=failed, dead=letter("invalid_job")))) == ["lost"]
    assert rules(run(BROKEN, Snapshot(results=result(), dead=letter("object_missing")))) == ["lost"]
    assert check(run(BROKEN, Snapshot(results=result("failed", lastError="peer: broken")))) == []


def test_broken_job_may_spend_its_last_attempt_on_a_death_but_on_nothing_less() -> None:
    retried = [
        event
        for at_ms in (10_000, 20_000, 30_000)
        for event in (
            worker(WorkerEventKind.TAKEN, at_ms),
            worker(WorkerEventKind.RETRIED, at_ms + 500, code="object_missing"),
        )
    ]
    last = [*retried, worker(WorkerEventKind.TAKEN, 40_000)]
    killed = [Fault(FaultKind.KILL, A, 40_200, 40_200)]
    snapshot = Snapshot(results=result("failed", lastError="x"), dead=letter("attempts_exhausted"))
    assert check(run(BROKEN, snapshot, worker_events=last, faults=killed)) == []
    assert rules(run(BROKEN, snapshot, worker_events=last)) == ["lost"]
    assert rules(run(BROKEN, snapshot, worker_events=retried, faults=killed)) == ["lost"]


def test_job_without_a_storage_key_is_found_by_its_dead_letter() -> None:
    garbage = Order("j", None, is_inline=False, codes=frozenset({"invalid_job"}))
    assert check(run(garbage, Snapshot(dead=letter("invalid_job", "!j")))) == []
    assert rules(run(garbage, Snapshot())) == ["lost"]


def test_ghost_leaves_nothing() -> None:
    ghost = replace(SOUND, is_ghost=True)
    assert check(run(ghost, Snapshot())) == []
    assert rules(run(ghost)) == ["lost"]


def test_sound_job_may_fail_only_for_what_was_done_to_its_storage_link() -> None:
    failed = Snapshot(results=result("failed"), dead=letter("truncated_body"))
    attempt = [TAKEN, worker(WorkerEventKind.FAILED, 10_500, code="truncated_body")]
    cut = Fault(FaultKind.S3_LINK, "gradientd-1", 10_100, 10_200, "cut")
    assert rules(run(snapshot=failed, worker_events=attempt)) == ["charged"]
    assert check(run(snapshot=failed, worker_events=attempt, faults=[cut])) == []
    elsewhere = replace(cut, target="gradientd-2")
    assert rules(run(snapshot=failed, worker_events=attempt, faults=[elsewhere])) == ["charged"]


def test_outage_of_the_storage_may_not_fail_a_job() -> None:
    failed = Snapshot(results=result("failed"), dead=letter("storage_unavailable"))
    outage = Fault(FaultKind.S3_LINK, ALL, 0, 20_000, "refuse")
    assert rules(run(snapshot=failed, faults=[outage])) == ["lost"]


def test_used_up_attempts_need_as_many_deaths() -> None:
    failed = Snapshot(results=result("failed"), dead=letter("attempts_exhausted"))
    deaths = [worker(WorkerEventKind.TAKEN, 10_000 + n, f"gradientd-1.{n}") for n in range(4)]
    kills = [Fault(FaultKind.KILL, f"gradientd-1.{n}", 11_000, 11_000) for n in range(4)]
    assert check(run(snapshot=failed, worker_events=deaths, faults=kills)) == []
    assert rules(run(snapshot=failed, worker_events=deaths, faults=kills[:2])) == ["lost"]


@pytest.mark.parametrize(
    "left",
    [
        Snapshot(queue=["j"]),
        Snapshot(processing=["j"]),
        Snapshot(delayed=["j"]),
        Snapshot(own={"leases": ["j"]}),
        Snapshot(jobs={"j": Stored("{}", 5)}),
    ],
)
def test_whatever_is_left_over_is_found(left: Snapshot) -> None:
    assert rules(run(snapshot=replace(left, results=result()))) == ["left over"]


def test_result_without_ttl_is_found_unless_a_peer_had_no_time_to_set_it() -> None:
    endless = Snapshot(results=result(ttl_ms=-1))
    writes, ended = peer(PeerEventKind.WRITES_RESULT, 5), peer(PeerEventKind.COMPLETED, 6)
    assert rules(run(snapshot=endless)) == ["wrong ttl"]
    assert check(run(snapshot=endless, peer_events=[writes])) == []
    assert rules(run(snapshot=endless, peer_events=[writes, ended])) == ["wrong ttl"]


def test_orphan_that_a_living_peer_holds_is_stolen() -> None:
    took, ended = peer(PeerEventKind.TOOK, 10_000), peer(PeerEventKind.COMPLETED, 13_000)
    orphan = worker(WorkerEventKind.ORPHAN, 12_000)
    assert rules(run(worker_events=[orphan], peer_events=[took, ended])) == ["stolen"]
    assert check(run(worker_events=[replace(orphan, at_ms=14_000)], peer_events=[took, ended])) == []
    kill = Fault(FaultKind.KILL, "v1.1", 11_000, 11_000)
    assert check(run(worker_events=[orphan], peer_events=[took], faults=[kill])) == []
    assert check(run(worker_events=[replace(orphan, at_ms=18_001)], peer_events=[took])) == []


def test_expired_lease_of_a_job_that_a_living_v1_peer_holds_is_stolen() -> None:
    took, ended = peer(PeerEventKind.TOOK, 10_000), peer(PeerEventKind.COMPLETED, 13_000)
    expired = worker(WorkerEventKind.LEASE_EXPIRED, 12_000)
    assert rules(run(worker_events=[expired], peer_events=[took, ended])) == ["stolen"]
    by_v2 = [replace(event, process="v2.1") for event in (took, ended)]
    assert check(run(worker_events=[expired], peer_events=by_v2)) == []


@pytest.mark.parametrize(
    "end",
    [
        worker(WorkerEventKind.LEASE_LOST, 10_400),
        worker(WorkerEventKind.LEFT_ALONE, 10_400),
        worker(WorkerEventKind.COMPLETED, 10_400, lease_lost=True),
    ],
)
def test_lease_that_a_healthy_worker_loses_is_stolen(end: WorkerEvent) -> None:
    assert rules(run(worker_events=[TAKEN, end])) == ["stolen"]
    for excuse in (
        Fault(FaultKind.STOP, A, 9_000, 10_200),
        Fault(FaultKind.REDIS_LINK, "gradientd-1", 9_000, 10_200, "blackhole"),
    ):
        assert check(run(worker_events=[TAKEN, end], faults=[excuse])) == []
    elsewhere = Fault(FaultKind.STOP, B, 9_000, 10_200)
    assert rules(run(worker_events=[TAKEN, end], faults=[elsewhere])) == ["stolen"]


def test_outage_of_all_is_no_excuse_for_a_lease_that_ends_in_mid_work() -> None:
    lost = worker(WorkerEventKind.LEASE_LOST, 10_400)
    outage = Fault(FaultKind.REDIS_LINK, ALL, 9_000, 10_200, "blackhole")
    assert rules(run(worker_events=[TAKEN, lost], faults=[outage])) == ["stolen"]
    assert check(run(worker_events=[TAKEN, lost], faults=[replace(outage, mode="lose_reply")])) == []
    late = replace(lost, at_ms=TAKEN.at_ms + PERIODS.job_timeout_ms)
    assert check(run(worker_events=[TAKEN, late], faults=[outage])) == []


def test_job_that_somebody_finished_first_is_not_stolen() -> None:
    assert check(run(worker_events=[TAKEN, worker(WorkerEventKind.LEFT_ALONE, 10_400, reason="gone")])) == []


def test_reaping_soon_after_an_outage_of_all_is_theft() -> None:
    outage = Fault(FaultKind.REDIS_LINK, ALL, 1_000, 5_000, "refuse")
    expired = worker(WorkerEventKind.LEASE_EXPIRED, 5_500)
    assert rules(run(worker_events=[expired], faults=[outage])) == ["stolen"]
    assert check(run(worker_events=[replace(expired, at_ms=8_001)], faults=[outage])) == []
    assert check(run(worker_events=[expired], faults=[replace(outage, target="gradientd-1")])) == []


def test_change_of_state_is_told_once() -> None:
    down, up = worker(WorkerEventKind.REDIS_DOWN, 1), worker(WorkerEventKind.REDIS_UP, 2)
    assert check(run(worker_events=[down, up, down, up])) == []
    assert rules(run(worker_events=[down, down, up])) == ["told twice"]


def test_traceback_and_wrong_exit_are_found() -> None:
    assert rules(run(surprises=[(A, "ValueError: x")])) == ["surprise"]
    assert check(run(exits=[Exit(A, -9, (-9,))])) == []
    assert rules(run(exits=[Exit(A, 1, (0,))])) == ["surprise"]
    assert rules(run(exits=[Exit(A, 0, (0,), "Traceback (most recent call last)")])) == ["surprise"]


def test_runs_of_all_generations_are_counted() -> None:
    assert runs(run(worker_events=[TAKEN, COMPLETED], peer_events=[peer(PeerEventKind.COMPLETED, 5)]))["j"] == 2


def test_logs_are_read_to_their_last_whole_line() -> None:
    line = {"level": "info", "time": "2026-01-02T03:04:05.678Z", "jobId": "j", "leaseLost": True}
    lines = [{**line, "msg": "Job completed successfully"}, {**line, "msg": "Whatever", "exception": "Trace\nX: y"}]
    text = "\n".join(map(json.dumps, lines)) + '\n{"level":"in'
    assert list(read_worker_log(A, text)) == [
        WorkerEvent(1_767_323_045_678, A, WorkerEventKind.COMPLETED, "j", lease_lost=True),
        (A, "Whatever: X: y"),
    ]
    assert list(read_peer_log("v1.1", '{"at":5,"event":"took","id":"j"}\n{"at":')) == [
        PeerEvent(5, "v1.1", PeerEventKind.TOOK, "j")
    ]
