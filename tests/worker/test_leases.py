from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import cast

import gevent
import pytest
from gevent.monkey import get_original

from gradientd.errors import RedisUnavailable
from gradientd.jobqueue import Queue, Taken
from gradientd.logs import create_logger
from gradientd.worker.leases import Lease, LeaseKeeper
from tests.worker.conftest import lines, wait_for

LEASE_MS = 200
TAKEN = Taken("id", "id", "token", "{}", False, 0, 0)


class RenewedQueue:
    """Remembers what was renewed; `lost` says what is no longer ours, `error` is raised while it is set."""

    def __init__(self) -> None:
        self.renewed: list[Sequence[tuple[str, str]]] = []
        self.lost: frozenset[str] = frozenset()
        self.error: Exception | None = None

    def renew(self, leases: Sequence[tuple[str, str]], *, worker_id: str, heartbeat_json: str) -> frozenset[str]:
        self.renewed.append(leases)
        if self.error is not None:
            raise self.error
        return self.lost

    def close(self) -> None:
        pass


class SilentQueue(RenewedQueue):
    """Renews without an end until `is_silent` is released; held while it is made."""

    def __init__(self) -> None:
        super().__init__()
        self.is_silent = get_original("_thread", "allocate_lock")()
        self.is_silent.acquire()
        self.is_asked = False

    def renew(self, leases: Sequence[tuple[str, str]], *, worker_id: str, heartbeat_json: str) -> frozenset[str]:
        self.is_asked = True
        with self.is_silent:
            return super().renew(leases, worker_id=worker_id, heartbeat_json=heartbeat_json)


@pytest.fixture
def queue() -> RenewedQueue:
    return RenewedQueue()


@pytest.fixture
def keeper(queue: RenewedQueue, out: io.StringIO) -> Iterator[LeaseKeeper]:
    logger = create_logger("info", "json", out)
    keeper = LeaseKeeper(lambda: cast(Queue, queue), "me", LEASE_MS, lambda: "{}", logger)
    keeper.start()
    yield keeper
    keeper.stop(5)


def lease(phase: str = "download") -> Lease:
    return Lease(TAKEN, "a.jpg", 0.0, float("inf"), phase)


def test_held_leases_are_renewed_in_one_call_until_they_are_let_go(keeper: LeaseKeeper, queue: RenewedQueue) -> None:
    held = lease()
    keeper.hold(held)
    wait_for(lambda: [("id", "token")] in queue.renewed)
    keeper.let_go(held)
    queue.renewed.clear()
    wait_for(lambda: len(queue.renewed) > 1)
    assert queue.renewed[-1] == []


def test_lease_that_is_lost_during_the_work_is_told_once(
    keeper: LeaseKeeper, queue: RenewedQueue, out: io.StringIO
) -> None:
    queue.lost = frozenset({"id"})
    keeper.hold(lease())
    wait_for(lambda: lines(out))
    told = len(queue.renewed)
    wait_for(lambda: len(queue.renewed) > told + 2)
    (line,) = lines(out)
    assert (line["level"], line["jobId"], line["phase"]) == ("warn", "id", "download")


def test_lease_that_its_own_outcome_has_ended_is_not_called_lost(
    keeper: LeaseKeeper, queue: RenewedQueue, out: io.StringIO
) -> None:
    queue.lost = frozenset({"id"})
    keeper.hold(lease("store"))
    wait_for(lambda: len(queue.renewed) > 3)
    assert lines(out) == []


def test_unforeseen_error_does_not_end_the_renewals(
    keeper: LeaseKeeper, queue: RenewedQueue, out: io.StringIO
) -> None:
    queue.error = ValueError("nobody foresaw it")
    wait_for(lambda: lines(out))
    assert "nobody foresaw it" in str(lines(out)[0]["exception"])
    queue.error = None
    queue.renewed.clear()
    wait_for(lambda: len(queue.renewed) > 1)


def test_nothing_may_be_reaped_before_renewals_were_unbroken_for_one_and_a_half_lease_times(
    keeper: LeaseKeeper, queue: RenewedQueue
) -> None:
    wait_for(lambda: len(queue.renewed) > 1)
    assert not keeper.may_reap
    wait_for(lambda: keeper.may_reap)
    queue.error = RedisUnavailable("away")
    wait_for(lambda: not keeper.may_reap)
    healed_at = time.monotonic()
    queue.error = None
    wait_for(lambda: keeper.may_reap)
    assert time.monotonic() - healed_at >= 1.5 * LEASE_MS / 1000


@pytest.mark.parametrize("error", [RedisUnavailable("away"), ValueError("nobody foresaw it")])
def test_single_failed_renewal_begins_the_streak_anew(
    queue: RenewedQueue, out: io.StringIO, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """However short an outage was, others may have missed the renewal that would have kept their lease."""
    logger = create_logger("info", "json", out)
    keeper = LeaseKeeper(lambda: cast(Queue, queue), "me", 4_000, lambda: "{}", logger)
    may_reap = []
    for second in range(16):
        monkeypatch.setattr("gradientd.worker.leases.time.monotonic", lambda now=float(second): now)
        queue.error = error if second == 8 else None
        keeper._renew_once(cast(Queue, queue))
        may_reap.append(keeper.may_reap)
    assert may_reap == [False] * 6 + [True] * 2 + [False] * 7 + [True]


def test_failed_renewal_is_tried_again_four_times_as_soon(keeper: LeaseKeeper, queue: RenewedQueue) -> None:
    queue.error = RedisUnavailable("away")
    wait_for(lambda: queue.renewed)
    began, before = time.monotonic(), len(queue.renewed)
    wait_for(lambda: len(queue.renewed) >= before + 12)
    assert time.monotonic() - began < 12 * LEASE_MS / 4000


def test_end_of_a_lost_attempt_leaves_the_lease_of_the_next_on_the_same_job(keeper: LeaseKeeper) -> None:
    lost, ours = lease(), lease()
    keeper.hold(lost)
    keeper.hold(ours)
    keeper.let_go(lost)
    (held,) = keeper.held()
    assert held is ours


EXIT = """
from gevent import monkey; monkey.patch_all()
import logging, socket, gevent
from gradientd.worker.leases import LeaseKeeper

listener = socket.create_server(("127.0.0.1", 0))

class Queue:
    def __init__(self):
        self.socket = socket.create_connection(listener.getsockname())
    def renew(self, leases, **_):
        self.socket.sendall(b"x")
        gevent.sleep(0)
        return frozenset()
    def close(self):
        self.socket.close()

keeper = LeaseKeeper(Queue, "w", 100, lambda: "{}", logging.getLogger())
keeper.start()
gevent.sleep(0.02)
keeper.stop(5)
"""


def test_process_with_a_renewal_thread_ends_without_a_crash() -> None:
    codes = [subprocess.run([sys.executable, "-c", EXIT], check=False).returncode for _ in range(8)]
    assert codes == [0] * 8


def test_renewal_goes_on_while_python_burns_the_hub(keeper: LeaseKeeper, queue: RenewedQueue) -> None:
    wait_for(lambda: queue.renewed)
    before, end = len(queue.renewed), time.monotonic() + 0.5
    while time.monotonic() < end:  # no greenlet gets a turn
        sum(range(1000))
    assert len(queue.renewed) - before >= 5


def test_job_past_its_time_is_not_renewed(keeper: LeaseKeeper, queue: RenewedQueue) -> None:
    past = lease()
    past.renew_until = time.monotonic() + 0.5
    keeper.hold(past)
    wait_for(lambda: any(queue.renewed))
    wait_for(lambda: queue.renewed[-1] == [])
    assert keeper.held() == [past]


def test_process_that_stood_still_must_begin_its_streak_anew(
    keeper: LeaseKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After SIGSTOP no renewal has failed, but none was made either."""
    wait_for(lambda: keeper.may_reap)
    clock = time.monotonic
    monkeypatch.setattr("gradientd.worker.leases.time.monotonic", lambda: clock() + 5)
    assert not keeper.may_reap, "also before the first renewal after it"
    gevent.sleep(0.1)
    assert not keeper.may_reap


def test_thread_that_hears_nothing_is_left_behind_and_told(out: io.StringIO) -> None:
    queue = SilentQueue()
    keeper = LeaseKeeper(
        lambda: cast(Queue, queue), "me", LEASE_MS, lambda: "{}", create_logger("info", "json", out)
    )
    keeper.start()
    wait_for(lambda: queue.is_asked)
    with gevent.Timeout(5):
        keeper.stop(0.1)
    queue.is_silent.release()
    assert keeper.is_left_behind
    (line,) = lines(out)
    assert (line["level"], "renewal thread" in str(line["msg"])) == ("warn", True)
