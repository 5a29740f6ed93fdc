"""Renewals, due retries, and the plain questions that anybody may ask."""

from __future__ import annotations

import time

import pytest

from gradientd.jobqueue import Queue, keys
from gradientd.model import Status
from tests.jobqueue.conftest import GRADIENT, Bench, begin, take

KEY = "g/album/a.jpg"


def test_renew_moves_the_deadline_and_shows_that_the_worker_lives(bench: Bench, queue: Queue, job_id: str) -> None:
    taken = take(queue)
    bench.admin.zadd(keys.LEASES, {job_id: taken.now_ms + 100})
    assert queue.renew([(job_id, taken.token)], worker_id="host-1-abcd", heartbeat_json='{"v":1}') == frozenset()
    assert bench.admin.zscore(keys.LEASES, job_id) >= taken.now_ms + 60_000
    assert bench.admin.get("gradientd:worker:host-1-abcd") == '{"v":1}'
    assert 0 < bench.admin.pttl("gradientd:worker:host-1-abcd") <= 60_000


def test_renew_reports_what_is_no_longer_ours(bench: Bench, queue: Queue, job_id: str) -> None:
    taken = take(queue)
    deadline_ms = bench.admin.zscore(keys.LEASES, job_id)
    lost = queue.renew([(job_id, "another token"), ("never", "was")], worker_id="w", heartbeat_json="{}")
    assert lost == {job_id, "never"}
    assert bench.admin.zscore(keys.LEASES, job_id) == deadline_ms
    assert bench.admin.hget(keys.OWNERS, job_id) == taken.token
    assert bench.admin.zcard(keys.LEASES) == 1


def test_idle_worker_renews_only_its_heartbeat(bench: Bench, queue: Queue) -> None:
    assert queue.renew([], worker_id="w", heartbeat_json="{}") == frozenset()
    assert set(bench.snapshot()) == {"gradientd:worker:w", keys.WORKERS}


def test_promote_moves_what_is_due_to_the_right_and_says_when_the_next_is(bench: Bench, queue: Queue) -> None:
    now_ms = time.time() * 1000
    bench.admin.rpush(keys.QUEUE, "waiting")
    bench.admin.zadd(keys.DELAYED, {"due": now_ms - 1, "long due": 1, "later": now_ms + 5_000})
    promoted = queue.promote()
    assert promoted.count == 2
    assert promoted.next_due_in_ms is not None
    assert 3_000 < promoted.next_due_in_ms <= 5_001
    assert bench.admin.lrange(keys.QUEUE, 0, -1) == ["waiting", "long due", "due"]
    assert bench.admin.zrange(keys.DELAYED, 0, -1) == ["later"]


def test_promote_with_nothing_delayed_says_so(queue: Queue) -> None:
    promoted = queue.promote()
    assert (promoted.count, promoted.next_due_in_ms) == (0, None)


def test_promote_takes_a_hundred_at_a_time(bench: Bench, queue: Queue) -> None:
    bench.admin.zadd(keys.DELAYED, {f"k{number:03}": 1 for number in range(150)})
    first, second = queue.promote(), queue.promote()
    assert (first.count, first.next_due_in_ms) == (100, 0)
    assert (second.count, second.next_due_in_ms) == (50, None)


@pytest.mark.parametrize(("score", "is_due"), [("-inf", True), ("+inf", False), (1.5, True), (1e300, False)])
def test_promote_survives_odd_scores(bench: Bench, queue: Queue, score: str | float, is_due: bool) -> None:
    bench.admin.zadd(keys.DELAYED, {"odd": score})
    promoted = queue.promote()
    assert promoted.count == int(is_due)
    assert promoted.next_due_in_ms == (None if is_due else 86_400_000)


def test_lengths_count_every_list(bench: Bench, queue: Queue) -> None:
    bench.admin.rpush(keys.QUEUE, "1", "2", "3")
    bench.admin.rpush(keys.PROCESSING, "1", "2")
    bench.admin.zadd(keys.DELAYED, {"1": 1})
    lengths = queue.lengths()
    assert (lengths.queue, lengths.processing, lengths.delayed, lengths.dead) == (3, 2, 1, 0)


@pytest.mark.parametrize(
    "text", [None, "garbage", "[]", "{}", '{"status":"odd"}', '{"status":"failed","attempts":1e999}']
)
def test_result_that_is_none_is_none(bench: Bench, queue: Queue, text: str | None) -> None:
    if text is not None:
        bench.admin.set(f"gradient:{KEY}", text)
    assert queue.result(KEY) is None


def test_result_is_read_as_a_result(queue: Queue, job_id: str) -> None:
    taken, job = begin(queue)
    queue.complete(taken, job, GRADIENT, 12)
    result = queue.result(KEY)
    assert result is not None
    assert (result.status, result.attempts, result.gradient) == (Status.COMPLETED, 1, GRADIENT.as_dict())


@pytest.mark.parametrize("storage_key", ["queue", "processing", "delayed", "job:x"])
def test_keys_of_the_queue_are_no_result_s(storage_key: str) -> None:
    with pytest.raises(ValueError, match="overwrite the queue's own keys"):
        keys.result_key(storage_key)
