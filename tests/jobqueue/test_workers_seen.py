"""What people see of the fleet, on every server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gradientd.jobqueue import Fleet, InWork, Queue, keys
from gradientd.model import Status
from tests.jobqueue.conftest import GRADIENT, Bench, begin, fields_of

HEARTBEAT = {
    "workerId": "h-1-aa",
    "host": "h",
    "pid": 1,
    "version": "1.2.3",
    "concurrency": 4,
    "startedAt": 1_700_000_000_000,
    "state": "running",
    "jobsProcessed": 7,
    "jobsFailed": 2,
    "jobs": [{"jobId": "gradient-a", "storageKey": "a", "phase": "decode", "forMs": 12}],
}


@pytest.fixture
def fleet(bench: Bench) -> Iterator[Fleet]:
    client = bench.connector.client(socket_timeout_s=5.0, max_connections=2)
    yield Fleet(client)
    client.close()


def beat(queue: Queue, worker_id: str, **changes: Any) -> None:
    queue.renew([], worker_id=worker_id, heartbeat_json=json.dumps({**HEARTBEAT, **changes}))


def inline(job_id: str, **more: Any) -> str:
    return json.dumps({**fields_of(), "jobId": job_id, **more})


def now_ms(bench: Bench) -> int:
    seconds, micros = bench.admin.time()
    return int(seconds) * 1000 + int(micros) // 1000


def test_worker_is_seen_with_what_it_works_on(queue: Queue, fleet: Fleet) -> None:
    beat(queue, "h-1-aa")
    (worker,) = fleet.workers()
    assert (worker.worker_id, worker.state, worker.version, worker.concurrency) == ("h-1-aa", "running", "1.2.3", 4)
    assert (worker.processed, worker.failed) == (7, 2)
    assert worker.jobs == (InWork("gradient-a", "a", "decode", 12),)
    assert worker.beat_ago_ms < 5_000
    assert fleet.size() == 1


def test_workers_stand_in_the_order_of_their_ids_and_the_quietest_are_left_out(
    bench: Bench, queue: Queue, fleet: Fleet
) -> None:
    for worker_id in ("c", "a", "b"):
        beat(queue, worker_id)
    bench.admin.zadd(keys.WORKERS, {"b": 5})
    assert [worker.worker_id for worker in fleet.workers()] == ["a", "b", "c"]
    assert [worker.worker_id for worker in fleet.workers(limit=2)] == ["a", "c"]


def test_worker_whose_heartbeat_expired_is_shown_as_lost_and_later_forgotten(
    bench: Bench, queue: Queue, fleet: Fleet
) -> None:
    beat(queue, "h-1-aa")
    bench.admin.delete(keys.worker_key("h-1-aa"))
    bench.admin.zadd(keys.WORKERS, {"h-1-aa": now_ms(bench) - 60_000})
    (worker,) = fleet.workers()
    assert worker.state == "lost"
    assert 60_000 <= worker.beat_ago_ms < 70_000
    bench.admin.zadd(keys.WORKERS, {"h-1-aa": now_ms(bench) - 601_000})
    assert fleet.workers() == []
    assert fleet.size() == 0


def test_worker_that_ended_in_good_order_is_gone_at_once(bench: Bench, queue: Queue, fleet: Fleet) -> None:
    beat(queue, "h-1-aa")
    fleet.strike("h-1-aa")
    assert fleet.workers() == []
    assert bench.snapshot() == {}


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"state":"running"}', '{"state":1e999}'])
def test_heartbeat_that_cannot_be_read_hides_no_other(bench: Bench, queue: Queue, fleet: Fleet, text: str) -> None:
    beat(queue, "b")
    fleet.enlist("a")
    bench.admin.set(keys.worker_key("a"), text)
    assert [(worker.worker_id, worker.state) for worker in fleet.workers()] == [("a", "lost"), ("b", "running")]


def test_oldest_job_is_looked_for_among_those_that_carry_a_time(bench: Bench, queue: Queue, fleet: Fleet) -> None:
    assert fleet.oldest_job_ms() == 0
    bench.admin.rpush(keys.QUEUE, inline("no-time"), "{garbage", "an-id-without-data")
    assert fleet.oldest_job_ms() is None
    queue.enqueue(fields_of("g/a.jpg"))
    age_ms = fleet.oldest_job_ms()
    assert age_ms is not None
    assert 0 <= age_ms < 5_000
    bench.admin.rpush(keys.QUEUE, inline("old", createdAt=now_ms(bench) - 90_000))
    age_ms = fleet.oldest_job_ms()
    assert age_ms is not None
    assert 90_000 <= age_ms < 95_000


def test_age_of_a_job_from_a_clock_that_is_ahead_is_0(bench: Bench, fleet: Fleet) -> None:
    bench.admin.rpush(keys.QUEUE, inline("early", createdAt=now_ms(bench) + 90_000))
    assert fleet.oldest_job_ms() == 0


def test_results_come_in_the_order_asked_for(bench: Bench, queue: Queue, fleet: Fleet) -> None:
    queue.enqueue(fields_of("g/a.jpg"))
    queue.complete(*begin(queue), GRADIENT, 5)
    bench.admin.set("gradient:broken", "no result")
    bench.admin.rpush("gradient:a-list", "x")
    results = fleet.results(["broken", "g/a.jpg", "none", "a-list"])
    assert [result and result.status for result in results] == [None, Status.COMPLETED, None, None]
    assert fleet.results([]) == []
