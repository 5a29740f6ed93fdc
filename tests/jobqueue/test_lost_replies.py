"""Every script may have run although its reply never came: running it again leaves the same keyspace."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from gradientd.errors import NotAnImage, RedisUnavailable
from gradientd.jobqueue import Audit, DeadLetters, Queue, Reaped, Recovered, keys
from gradientd.jobqueue.scripts import Scripts
from tests.jobqueue.conftest import GRADIENT, Bench, begin, fields_of, take

KEY = "g/album/a.jpg"
ERROR = NotAnImage("This is a web page.")


def without_times(snapshot: dict[str, Any]) -> str:
    """The keyspace with every time of today replaced: the second call is later than the first."""
    return re.sub(r"\b1[0-9]{12}(\.0)?\b", "TIME", json.dumps(snapshot, sort_keys=True))


def assert_repeatable(bench: Bench, step: Callable[[], object]) -> tuple[object, object]:
    """Run a step twice; the second time must change nothing. Returns both answers."""
    first = step()
    after_once = without_times(bench.snapshot())
    second = step()
    assert without_times(bench.snapshot()) == after_once
    return first, second


def test_begin_may_be_repeated(bench: Bench, queue: Queue, job_id: str) -> None:
    taken = take(queue)
    job = taken.parse().with_attempts(1, created_at=taken.now_ms)
    assert assert_repeatable(bench, lambda: queue.begin(taken, job)) == (0, 0)


def test_begin_of_expired_data_may_be_repeated(bench: Bench, queue: Queue) -> None:
    queue.enqueue(fields_of())
    taken = take(queue)
    job = taken.parse().with_attempts(1, created_at=taken.now_ms)
    bench.admin.delete(keys.job_key(taken.identity))
    assert assert_repeatable(bench, lambda: queue.begin(taken, job)) == (2, 1)


def test_complete_may_be_repeated(bench: Bench, queue: Queue, job_id: str) -> None:
    taken, job = begin(queue)
    assert assert_repeatable(bench, lambda: queue.complete(taken, job, GRADIENT, 3)) == (0, 0)


def test_repeated_complete_leaves_a_newer_job_of_the_picture_alone(bench: Bench, queue: Queue) -> None:
    queue.enqueue(fields_of())
    taken, job = begin(queue)
    queue.complete(taken, job, GRADIENT, 3)
    queue.enqueue(fields_of())
    assert_repeatable(bench, lambda: queue.complete(taken, job, GRADIENT, 3))
    assert take(queue, "next").payload is not None


def test_retry_may_be_repeated_and_says_that_it_was_done(bench: Bench, queue: Queue, job_id: str) -> None:
    taken, job = begin(queue)
    assert assert_repeatable(bench, lambda: queue.retry(taken, job, "why", 60_000)) == (True, True)


def test_fail_may_be_repeated_and_says_that_it_was_done(bench: Bench, queue: Queue, job_id: str) -> None:
    taken, job = begin(queue)
    assert assert_repeatable(bench, lambda: queue.fail(taken, job, KEY, ERROR)) == (True, True)


def test_release_may_be_repeated(bench: Bench, queue: Queue, job_id: str) -> None:
    taken, job = begin(queue)
    assert assert_repeatable(bench, lambda: queue.release(taken, job)) == (True, False)


def test_drop_may_be_repeated(bench: Bench, queue: Queue) -> None:
    bench.admin.rpush(keys.QUEUE, "expired")
    taken = take(queue)
    assert assert_repeatable(bench, lambda: queue.drop(taken)) == (True, False)


def test_acquire_may_be_repeated(bench: Bench, queue: Queue, job_id: str) -> None:
    take(queue, "token")
    assert_repeatable(bench, lambda: queue.acquire("token", repeat=True))
    assert queue.count_leases().live == 1


def test_renew_may_be_repeated(bench: Bench, queue: Queue, job_id: str) -> None:
    taken = take(queue)
    renewals = [(taken.identity, taken.token)]
    assert_repeatable(bench, lambda: queue.renew(renewals, worker_id="w", heartbeat_json="{}"))


def test_promote_may_be_repeated(bench: Bench, queue: Queue) -> None:
    bench.admin.zadd(keys.DELAYED, {"due": 1, "later": 9e12})
    assert_repeatable(bench, queue.promote)


@pytest.mark.parametrize("status", [None, "failed", "completed"])
def test_enqueue_may_be_repeated(bench: Bench, queue: Queue, status: str | None) -> None:
    if status is not None:
        bench.admin.set(f"gradient:{KEY}", json.dumps({"status": status, "attempts": 1}))
    first, second = assert_repeatable(bench, lambda: queue.enqueue(fields_of()))
    assert first == second


def test_reap_may_be_repeated(bench: Bench) -> None:
    queue = bench.queue(max_retries=0)
    queue.enqueue(fields_of("a"))
    queue.enqueue(fields_of("b"))
    begin(queue, "1")
    take(queue, "2")
    bench.admin.rpush(keys.PROCESSING, "a peer's")
    for identity in bench.admin.zrange(keys.LEASES, 0, -1):
        bench.admin.zadd(keys.LEASES, {identity: 1})
    first, second = assert_repeatable(bench, lambda: queue.reap(worker_id="w"))
    assert isinstance(first, Reaped)
    assert isinstance(second, Reaped)
    assert (len(first.requeued), len(first.exhausted)) == (1, 1)
    assert (len(second.requeued), len(second.exhausted)) == (0, 0)


def test_audit_may_be_repeated(bench: Bench, queue: Queue) -> None:
    bench.admin.set(keys.job_key("limbo"), "{}", ex=1_000)
    audit = Audit(queue, worker_id="w", interval_ms=3_600_000, sleep=lambda _: None)
    assert assert_repeatable(bench, audit.run) == ([Recovered("limbo", None)], [])


@pytest.mark.parametrize("inline", [False, True])
def test_retry_of_a_letter_may_be_repeated(bench: Bench, queue: Queue, inline: bool) -> None:
    if inline:
        bench.admin.lpush(keys.QUEUE, json.dumps({**fields_of(), "jobId": "3f0c-uuid"}))
    else:
        queue.enqueue(fields_of())
    taken, job = begin(queue)
    queue.fail(taken, job, KEY, ERROR)
    letters = DeadLetters(queue.client)
    assert assert_repeatable(bench, lambda: letters.retry(KEY)) == (taken.identity, None)


class LosingScripts(Scripts):
    """Runs the script and loses the reply, once for each name."""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self._lost: set[str] = set()

    def run(self, name: str, keys: Any, args: Any) -> Any:
        reply = super().run(name, keys, args)
        if name not in self._lost:
            self._lost.add(name)
            raise RedisUnavailable("Redis did not answer in time.")
        return reply


def test_job_is_done_once_although_every_first_reply_is_lost(bench: Bench, queue: Queue) -> None:
    queue.scripts = LosingScripts(queue.client)

    def insist(step: Callable[[], Any]) -> Any:
        try:
            return step()
        except RedisUnavailable:
            return step()

    assert insist(lambda: queue.enqueue(fields_of())) == insist(lambda: queue.enqueue(fields_of()))
    with pytest.raises(RedisUnavailable):
        queue.acquire("token")
    taken = queue.acquire("token", repeat=True).taken
    assert taken is not None
    job = taken.parse().with_attempts(taken.attempts + 1, created_at=taken.now_ms)
    insist(lambda: queue.begin(taken, job))
    insist(lambda: queue.complete(taken, job, GRADIENT, 3))
    assert set(bench.snapshot()) == {f"gradient:{KEY}", keys.RECENT, keys.RECENT_MS}
    result = queue.result(KEY)
    assert result is not None
    assert result.attempts == 1
