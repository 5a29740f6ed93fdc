"""The other ends of an attempt: what they write, what they keep, and that they act only under their own lease."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from gradientd.errors import NotAnImage
from gradientd.jobqueue import Queue, keys
from tests.jobqueue.conftest import GRADIENT, Bench, another_token, begin, fields_of, stored, take

KEY = "g/album/a.jpg"
ERROR = NotAnImage("This is a web page.")


def test_retried_job_waits_in_the_form_in_which_it_arrived(bench: Bench, queue: Queue, job_id: str) -> None:
    taken, job = begin(queue)
    assert queue.retry(taken, job, "The object is missing.", 2_000)
    ((waiting, due_ms),) = bench.admin.zrange(keys.DELAYED, 0, -1, withscores=True)
    assert 1_950 <= due_ms - taken.now_ms <= 3_000
    if taken.inline:
        fields = {**fields_of(tags=[]), "jobId": job_id, "attempts": 1, "createdAt": taken.now_ms}
        assert json.loads(waiting) == fields
    else:
        assert waiting == job_id
    assert (queue.lengths().processing, queue.count_leases().live) == (0, 0)
    assert bench.admin.hget(keys.REASONS, job_id) == "The object is missing."


def test_retried_job_s_result_is_pending_with_its_attempts(bench: Bench, queue: Queue, job_id: str) -> None:
    taken, job = begin(queue)
    queue.retry(taken, job, "why", 0)
    result = stored(bench)
    assert list(result) == ["status", "attempts", "createdAt", "updatedAt"]
    assert (result["status"], result["attempts"]) == ("pending", 1)


def test_retried_job_goes_on_counting(bench: Bench, queue: Queue, job_id: str) -> None:
    for attempt in (1, 2, 3):
        taken, job = begin(queue, f"token-{attempt}")
        assert job.attempts == attempt
        assert job.created_at is not None
        queue.retry(taken, job, "why", 0)
        assert queue.promote().count == 1
    taken, job = begin(queue)
    queue.complete(taken, job, GRADIENT, 1)
    assert stored(bench)["attempts"] == 4
    assert not bench.admin.exists(keys.ATTEMPTS, keys.REASONS)


def test_inline_job_keeps_its_count_when_a_peer_rewrites_it(bench: Bench, queue: Queue) -> None:
    bench.admin.lpush(keys.QUEUE, json.dumps({**fields_of(), "jobId": "3f0c-uuid"}))
    taken, job = begin(queue)
    queue.retry(taken, job, "why", 60_000)
    bench.admin.delete(keys.DELAYED)
    bench.admin.lpush(keys.QUEUE, json.dumps({**fields_of(), "jobId": "3f0c-uuid"}))
    assert take(queue).attempts == 1


def test_failed_job_leaves_its_result_and_a_letter(bench: Bench, queue: Queue, job_id: str) -> None:
    queue.retry(*begin(queue), "why", 0)
    queue.promote()
    taken, job = begin(queue)
    assert queue.fail(taken, job, KEY, ERROR)
    assert set(bench.snapshot()) == {f"gradient:{KEY}", keys.DEAD, keys.DEAD_INDEX}
    assert queue.lengths().dead == 1


def test_fail_leaves_a_job_key_that_somebody_has_written_since(bench: Bench, queue: Queue) -> None:
    job_id = queue.enqueue(fields_of())
    taken, job = begin(queue)
    bench.admin.set(keys.job_key(job_id), "newer")
    queue.fail(taken, job, KEY, ERROR)
    assert bench.admin.get(keys.job_key(job_id)) == "newer"


def test_job_that_never_began_can_fail(bench: Bench, queue: Queue, job_id: str) -> None:
    taken = take(queue)
    assert queue.fail(taken, taken.parse(), KEY, ERROR)
    assert set(bench.snapshot()) == {f"gradient:{KEY}", keys.DEAD, keys.DEAD_INDEX}


def test_released_job_is_as_if_it_had_never_been_taken(bench: Bench, queue: Queue, job_id: str) -> None:
    queue.enqueue(fields_of("another"))
    bench.admin.delete(f"gradient:{KEY}")
    before = bench.snapshot()
    taken, job = begin(queue)
    assert queue.release(taken, job)
    after = bench.snapshot()
    assert json.loads(after.pop(f"gradient:{KEY}"))["status"] == "pending"
    assert after == before
    assert bench.admin.lindex(keys.QUEUE, 0) == taken.element


def test_released_job_keeps_the_attempts_of_before(bench: Bench, queue: Queue, job_id: str) -> None:
    taken, job = begin(queue)
    queue.retry(taken, job, "why", 0)
    queue.promote()
    taken, job = begin(queue)
    assert job.attempts == 2
    queue.release(taken, job)
    assert stored(bench)["attempts"] == 1
    assert take(queue).attempts == 1


def test_released_inline_job_keeps_the_attempts_that_only_redis_has_counted(bench: Bench, queue: Queue) -> None:
    bench.admin.lpush(keys.QUEUE, json.dumps({**fields_of(), "jobId": "3f0c-uuid"}))
    bench.admin.hset(keys.ATTEMPTS, "3f0c-uuid", 1)
    queue.release(*begin(queue))
    assert take(queue).attempts == 1


def test_release_keeps_the_ttl_of_the_job_key(bench: Bench, queue: Queue) -> None:
    job_id = queue.enqueue(fields_of())
    bench.admin.expire(keys.job_key(job_id), 1_000)
    queue.release(*begin(queue))
    assert 990 < bench.admin.ttl(keys.job_key(job_id)) <= 1_000


def test_job_that_never_began_can_be_released(bench: Bench, queue: Queue, job_id: str) -> None:
    before = bench.snapshot()
    assert queue.release(take(queue), None)
    assert bench.snapshot() == before


def test_release_leaves_a_job_key_that_somebody_has_written_since(bench: Bench, queue: Queue) -> None:
    job_id = queue.enqueue(fields_of())
    taken, job = begin(queue)
    bench.admin.set(keys.job_key(job_id), "newer")
    queue.release(taken, job)
    assert bench.admin.get(keys.job_key(job_id)) == "newer"


@pytest.mark.parametrize("owner", ["somebody else's", None])
@pytest.mark.parametrize("step", ["retry", "fail", "release", "drop"])
def test_without_the_lease_nothing_is_changed(
    bench: Bench, queue: Queue, job_id: str, step: str, owner: str | None
) -> None:
    taken, job = begin(queue)
    bench.admin.delete(keys.OWNERS)
    if owner is not None:
        bench.admin.hset(keys.OWNERS, taken.identity, owner)
    before = bench.snapshot()
    steps: dict[str, Callable[[], object]] = {
        "retry": lambda: queue.retry(taken, job, "why", 0),
        "fail": lambda: queue.fail(taken, job, KEY, ERROR),
        "release": lambda: queue.release(taken, job),
        "drop": lambda: queue.drop(taken),
    }
    assert steps[step]() is False
    assert bench.snapshot() == before


def test_what_another_did_is_not_taken_for_our_own_step_whose_reply_was_lost(
    bench: Bench, queue: Queue, job_id: str
) -> None:
    taken, job = begin(queue)
    queue.retry(taken, job, "why", 0)
    assert queue.retry(taken, job, "why", 0)
    bench.admin.hset(keys.OWNERS, taken.identity, "somebody else's")
    assert not queue.retry(taken, job, "why", 0)
    bench.admin.delete(keys.OWNERS)
    queue.promote()
    taken, job = begin(queue)
    queue.fail(taken, job, KEY, ERROR)
    assert queue.fail(taken, job, KEY, ERROR)
    assert not queue.fail(another_token(taken), job, KEY, ERROR)


@pytest.mark.parametrize("step", ["complete", "retry", "fail", "release"])
def test_job_that_a_v1_peer_moved_into_the_queue_is_not_left_there(
    bench: Bench, queue: Queue, job_id: str, step: str
) -> None:
    taken, job = begin(queue)
    bench.admin.lmove(keys.PROCESSING, keys.QUEUE, "LEFT", "RIGHT")
    steps: dict[str, Callable[[], object]] = {
        "complete": lambda: queue.complete(taken, job, GRADIENT, 1),
        "retry": lambda: queue.retry(taken, job, "why", 60_000),
        "fail": lambda: queue.fail(taken, job, KEY, ERROR),
        "release": lambda: queue.release(taken, job),
    }
    steps[step]()
    assert bench.admin.lrange(keys.QUEUE, 0, -1) == ([taken.element] if step == "release" else [])


@pytest.mark.parametrize("step", ["begin", "retry", "fail", "release"])
def test_completed_is_never_overwritten(bench: Bench, queue: Queue, job_id: str, step: str) -> None:
    taken, job = begin(queue)
    queue.complete(another_token(taken), job, GRADIENT, 12)
    completed = bench.admin.get(f"gradient:{KEY}")
    steps: dict[str, Callable[[], object]] = {
        "begin": lambda: queue.begin(taken, job),
        "retry": lambda: queue.retry(taken, job, "why", 0),
        "fail": lambda: queue.fail(taken, job, KEY, ERROR),
        "release": lambda: queue.release(taken, job),
    }
    steps[step]()
    assert bench.admin.get(f"gradient:{KEY}") == completed
