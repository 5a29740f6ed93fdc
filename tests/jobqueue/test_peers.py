"""Beside peers without leases: where one dies its job is done in the end; while one lives its job is left to it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from gradientd.errors import NotAnImage
from gradientd.jobqueue import Audit, Completion, Queue, keys
from gradientd.model import Status
from tests.jobqueue.conftest import GRADIENT, Bench, begin, fields_of, identities, take
from tests.jobqueue.test_reap import MINUTE_MS, age_leases, age_notes
from tests.peers import Steps, V1Peer, V2Peer, break_down, commands_of, finish, stop_after, stop_before

KEY = "g/album/a.jpg"
V1_ID = "gradient-g-album-a.jpg"
BEGUN = ["SET result", "EXPIRE result", "work"]
STORED = ["SET result", "EXPIRE result"]
V1_GOOD = ["LMOVE", "GET job", "SET job", *BEGUN, *STORED, "LREM", "DEL job"]
V1_BAD = ["LMOVE", "GET job", "SET job", *BEGUN, "SET job", "EXPIRE job", *STORED, "LREM", "ZADD"]
V2_GOOD = ["BLMOVE", *BEGUN, *STORED, "LREM"]
V2_BAD = ["BLMOVE", *BEGUN, *STORED, "ZADD", "LREM"]


@pytest.fixture
def v1(bench: Bench) -> V1Peer:
    return V1Peer(bench.admin)


@pytest.fixture
def v2(bench: Bench) -> V2Peer:
    return V2Peer(bench.admin, block_s=0.1)


def heal(bench: Bench, queue: Queue) -> None:
    """What gradientd does by and by: note, wait for the grace, reap; audit; promote."""
    queue.reap(worker_id="w")
    age_notes(bench, 15 * MINUTE_MS)
    queue.reap(worker_id="w")
    Audit(queue, worker_id="w", interval_ms=3_600_000, sleep=lambda _: None).run()
    for element in bench.admin.zrange(keys.DELAYED, 0, -1):
        bench.admin.zadd(keys.DELAYED, {element: 1})
    queue.promote()


def work_off(queue: Queue) -> int:
    """Do all that waits, as an ordinary worker does; returns how many jobs were completed."""
    done = 0
    while True:
        taken = queue.acquire(f"token-{done}").taken
        if taken is None:
            return done
        if taken.payload is None:
            queue.drop(taken)
            continue
        job = taken.parse().with_attempts(taken.attempts + 1, created_at=taken.now_ms)
        queue.begin(taken, job)
        assert queue.complete(taken, job, GRADIENT, 1) is Completion.STORED
        done += 1


def assert_all_done(bench: Bench, queue: Queue) -> None:
    result = queue.result(KEY)
    assert result is not None
    assert result.status is Status.COMPLETED
    lengths = queue.lengths()
    assert (lengths.queue, lengths.processing, lengths.delayed) == (0, 0, 0)
    assert not list(bench.admin.scan_iter(match="gradient:job:*"))
    assert not bench.admin.exists(keys.LEASES, keys.OWNERS, keys.ATTEMPTS)
    assert bench.admin.ttl(keys.result_key(KEY)) > 0


def test_peers_run_the_commands_that_the_contract_names(v1: V1Peer, v2: V2Peer) -> None:
    finish(v1.enqueue(V1_ID, fields_of()))
    assert commands_of(v1.run_one()) == V1_GOOD
    finish(v1.enqueue(V1_ID, fields_of()))
    assert commands_of(v1.run_one(break_down)) == V1_BAD
    finish(v2.enqueue("3f0c-uuid", fields_of()))
    assert commands_of(v2.run_one()) == V2_GOOD
    finish(v2.enqueue("3f0c-uuid", fields_of()))
    assert commands_of(v2.run_one(break_down)) == V2_BAD
    assert not finish(v1.run_one())
    assert not finish(v2.run_one())


@pytest.mark.parametrize(
    ("work_is_good", "count"),
    [*((True, count) for count in range(1, len(V1_GOOD))), *((False, count) for count in range(1, len(V1_BAD)))],
)
def test_job_of_a_v1_peer_that_dies_is_done_in_the_end(
    bench: Bench, queue: Queue, v1: V1Peer, work_is_good: bool, count: int
) -> None:
    finish(v1.enqueue(V1_ID, fields_of()))
    stop_after(v1.run_one() if work_is_good else v1.run_one(break_down), count)
    heal(bench, queue)
    work_off(queue)
    assert_all_done(bench, queue)


@pytest.mark.parametrize(
    ("work_is_good", "count"),
    [*((True, count) for count in range(1, len(V2_GOOD))), *((False, count) for count in range(1, len(V2_BAD)))],
)
def test_job_of_a_v2_peer_that_dies_is_done_in_the_end(
    bench: Bench, queue: Queue, v2: V2Peer, work_is_good: bool, count: int
) -> None:
    finish(v2.enqueue("3f0c-uuid", fields_of()))
    stop_after(v2.run_one() if work_is_good else v2.run_one(break_down), count)
    heal(bench, queue)
    work_off(queue)
    assert_all_done(bench, queue)


@pytest.mark.parametrize("command", ["EXPIRE job", "SET result", "EXPIRE result", "RPUSH"])
def test_job_of_a_v1_producer_that_dies_is_done_in_the_end(
    bench: Bench, queue: Queue, v1: V1Peer, command: str
) -> None:
    stop_before(v1.enqueue(V1_ID, fields_of()), command)
    heal(bench, queue)
    assert work_off(queue) == 1
    assert_all_done(bench, queue)


@pytest.mark.parametrize("command", ["ZREM", "RPUSH"])
def test_retry_of_a_v1_peer_that_dies_promoting_is_done_in_the_end(
    bench: Bench, queue: Queue, v1: V1Peer, command: str
) -> None:
    finish(v1.enqueue(V1_ID, fields_of()))
    finish(v1.run_one(break_down))
    bench.admin.zadd(keys.DELAYED, {V1_ID: 1})
    stop_before(v1.promote(), command)
    heal(bench, queue)
    assert work_off(queue) == 1
    assert_all_done(bench, queue)


@pytest.mark.parametrize("peer", ["v1", "v2"])
def test_living_peer_s_job_is_left_to_it(
    bench: Bench, queue: Queue, v1: V1Peer, v2: V2Peer, peer: str
) -> None:
    runs: dict[str, Callable[[], Steps]] = {"v1": v1.run_one, "v2": v2.run_one}
    finish(v1.enqueue(V1_ID, fields_of()) if peer == "v1" else v2.enqueue("3f0c-uuid", fields_of()))
    steps = runs[peer]()
    stop_before(steps, "work")
    queue.reap(worker_id="w")
    age_notes(bench, 14 * MINUTE_MS)
    reaped = queue.reap(worker_id="w")
    restored = Audit(queue, worker_id="w", interval_ms=3_600_000, sleep=lambda _: None).run()
    assert (reaped.requeued, reaped.orphans_requeued, restored) == ([], [], [])
    assert queue.lengths().processing == 1
    finish(steps)
    assert queue.lengths().processing == 0
    assert queue.reap(worker_id="w").noted == 0


@pytest.mark.parametrize("end", ["complete", "retry", "fail", "release", "crash"])
def test_our_jobs_survive_that_a_v1_peer_moves_them_all(
    bench: Bench, queue: Queue, v1: V1Peer, job_id: str, end: str
) -> None:
    taken, job = begin(queue, "ours")
    finish(v1.stop())
    assert queue.acquire("another worker of ours").taken is None
    if end == "complete":
        queue.complete(taken, job, GRADIENT, 1)
    elif end == "retry":
        queue.retry(taken, job, "why", 0)
    elif end == "fail":
        queue.fail(taken, job, KEY, NotAnImage("no"))
        assert queue.lengths() == type(queue.lengths())(0, 0, 0, 1)
        return
    elif end == "release":
        queue.release(taken, job)
    else:
        age_leases(bench, MINUTE_MS)
    heal(bench, queue)
    assert work_off(queue) == (0 if end == "complete" else 1)
    assert_all_done(bench, queue)


def test_job_that_a_v1_peer_takes_from_us_by_its_stop_is_stored_by_both(
    bench: Bench, queue: Queue, v1: V1Peer
) -> None:
    queue.enqueue(fields_of())
    taken, job = begin(queue)
    finish(v1.stop())
    steps = v1.run_one()
    stop_before(steps, "work")
    assert queue.complete(taken, job, GRADIENT, 1) is Completion.STORED
    finish(steps)
    assert work_off(queue) == 0
    assert_all_done(bench, queue)


@pytest.mark.parametrize("step", [take, begin])
def test_job_that_a_v1_peer_got_by_a_stop_is_not_taken_from_it_when_our_lease_runs_out(
    bench: Bench, queue: Queue, v1: V1Peer, step: Callable[[Queue, str], object]
) -> None:
    job_id = queue.enqueue(fields_of())
    step(queue, "a worker's that was killed")
    finish(v1.stop())
    steps = v1.run_one()
    stop_before(steps, "work")
    age_leases(bench, MINUTE_MS)
    reaped = queue.reap(worker_id="w")
    assert (reaped.requeued, reaped.orphans_requeued, reaped.noted) == ([], [], 1)
    assert bench.admin.lrange(keys.PROCESSING, 0, -1) == [job_id]
    finish(steps)
    assert queue.reap(worker_id="w").noted == 0
    assert_all_done(bench, queue)


def test_retry_that_two_v2_peers_doubled_is_worked_on_once_at_a_time(
    bench: Bench, queue: Queue, v2: V2Peer
) -> None:
    finish(v2.enqueue("3f0c-uuid", fields_of()))
    finish(v2.run_one(break_down))
    (element,) = bench.admin.zrange(keys.DELAYED, 0, -1)
    bench.admin.zadd(keys.DELAYED, {element: 1})
    one, other = v2.promote(), v2.promote()
    stop_before(one, "MULTI")
    stop_before(other, "MULTI")
    finish(one)
    finish(other)
    assert bench.admin.lrange(keys.QUEUE, 0, -1) == [element, element]
    taken, job = begin(queue, "ours")
    assert queue.acquire("another worker of ours").taken is None
    queue.complete(taken, job, GRADIENT, 1)
    assert_all_done(bench, queue)


def test_id_that_a_v2_peer_dropped_comes_back(bench: Bench, queue: Queue, v2: V2Peer) -> None:
    job_id = queue.enqueue(fields_of())
    finish(v2.run_one())
    assert queue.lengths().queue == queue.lengths().processing == 0
    audit = Audit(queue, worker_id="w", interval_ms=3_600_000, sleep=lambda _: None)
    assert identities(audit.run()) == [job_id]
    assert work_off(queue) == 1
    assert_all_done(bench, queue)


def test_inline_job_that_a_v1_peer_discards_is_that_peer_s_loss(
    bench: Bench, queue: Queue, v2: V2Peer
) -> None:
    said: list[tuple[str, str, str]] = []
    finish(v2.enqueue("3f0c-uuid", fields_of()))
    finish(V1Peer(bench.admin, say=lambda *words: said.append(words)).run_one())
    assert [(event, job_id) for event, job_id, _ in said][1:] == [("discards", "3f0c-uuid")]
    heal(bench, queue)
    assert work_off(queue) == 0


def test_v1_peer_goes_on_with_an_id_job_that_we_released(bench: Bench, queue: Queue, v1: V1Peer) -> None:
    queue.enqueue(fields_of())
    taken, job = begin(queue)
    queue.release(taken, job)
    finish(v1.run_one())
    result = queue.result(KEY)
    assert result is not None
    assert (result.status, result.attempts) == (Status.COMPLETED, 1)
    assert_all_done(bench, queue)


def test_v2_peer_goes_on_with_an_inline_job_that_we_retried(bench: Bench, queue: Queue, v2: V2Peer) -> None:
    finish(v2.enqueue("3f0c-uuid", fields_of(tags=[])))
    taken, job = begin(queue)
    queue.retry(taken, job, "why", 0)
    finish(v2.promote())
    finish(v2.run_one())
    assert json.loads(bench.admin.get(keys.result_key(KEY)))["attempts"] == 2
    Audit(queue, worker_id="w", interval_ms=3_600_000, sleep=lambda _: None).run()
    assert_all_done(bench, queue)
