"""Taking jobs of both generations, once each, whatever stands in the lists."""

from __future__ import annotations

import json
import time
from typing import Any
from unittest.mock import Mock

import pytest

from gradientd.errors import InvalidJob
from gradientd.jobqueue import Queue, keys
from tests.jobqueue.conftest import Bench, begin, fields_of, take

INLINE = {**fields_of(), "jobId": "3f0c-uuid"}


def push_inline(bench: Bench, **more: Any) -> str:
    element = json.dumps({**INLINE, **more})
    bench.admin.lpush(keys.QUEUE, element)
    return element


def test_empty_queue_gives_nothing(queue: Queue) -> None:
    acquired = queue.acquire("token")
    assert (acquired.taken, acquired.paused) == (None, False)


def test_id_job_is_leased_and_stands_at_the_right_of_processing(bench: Bench, queue: Queue) -> None:
    bench.admin.rpush(keys.PROCESSING, "a peer's")
    job_id = queue.enqueue(fields_of())
    taken = take(queue, "token")
    assert (taken.element, taken.identity, taken.inline, taken.attempts) == (job_id, job_id, False, 0)
    assert bench.admin.lrange(keys.PROCESSING, 0, -1) == ["a peer's", job_id]
    assert bench.admin.hgetall(keys.OWNERS) == {job_id: "token"}
    deadline_ms = bench.admin.zscore(keys.LEASES, job_id)
    assert deadline_ms == taken.now_ms + 60_000
    assert abs(taken.now_ms - time.time() * 1000) < 1_000
    assert taken.parse().storage_key == "g/album/a.jpg"


def test_inline_job_is_leased_under_its_job_id(bench: Bench, queue: Queue) -> None:
    element = push_inline(bench)
    taken = take(queue)
    assert (taken.element, taken.identity, taken.inline) == (element, "3f0c-uuid", True)
    assert taken.payload == element
    job = taken.parse()
    assert (job.job_id, job.inline, job.attempts, job.created_at) == ("3f0c-uuid", True, 0, None)


@pytest.mark.parametrize(("in_element", "noted", "attempts"), [(2, None, 2), (None, "3", 3), (2, "1", 2), (1, "2", 2)])
def test_inline_job_has_the_larger_of_its_two_counts(
    bench: Bench, queue: Queue, in_element: int | None, noted: str | None, attempts: int
) -> None:
    push_inline(bench, **({} if in_element is None else {"attempts": in_element}))
    if noted is not None:
        bench.admin.hset(keys.ATTEMPTS, "3f0c-uuid", noted)
    assert take(queue).attempts == attempts


@pytest.mark.parametrize(
    "element",
    ["{", "{}", '{"jobId":""}', '{"jobId":7}', '{"jobId":null}', '{"a":' * 5_000, "{\udcff\udcfe}", "{" + " " * 70_000],
)
def test_inline_element_without_a_job_id_gets_an_identity_of_its_own(
    bench: Bench, queue: Queue, element: str
) -> None:
    bench.admin.rpush(keys.QUEUE, element)
    taken = take(queue)
    assert taken.element == element
    assert taken.identity.startswith("sha1:")
    if bench.is_real:
        assert len(taken.identity) == len("sha1:") + 40
    with pytest.raises(InvalidJob):
        taken.parse()


@pytest.mark.parametrize("element", ["\udcff\udcfeid", " ", "[1]", "id with spaces ☃"])
def test_any_other_element_is_an_id(bench: Bench, queue: Queue, element: str) -> None:
    bench.admin.rpush(keys.QUEUE, element)
    bench.admin.set(keys.job_key(element), json.dumps(fields_of()))
    taken = take(queue)
    assert (taken.element, taken.identity) == (element, element)
    assert taken.parse().storage_key == "g/album/a.jpg"


def test_id_whose_data_has_expired_is_leased_without_data_and_dropped(bench: Bench, queue: Queue) -> None:
    bench.admin.rpush(keys.QUEUE, "expired")
    bench.admin.hset(keys.REASONS, "expired", "why its attempt before failed")
    taken = take(queue)
    assert taken.payload is None
    with pytest.raises(InvalidJob):
        taken.parse()
    assert queue.drop(taken)
    assert bench.snapshot() == {}


def test_job_key_of_another_type_counts_as_expired(bench: Bench, queue: Queue) -> None:
    bench.admin.rpush(keys.QUEUE, "odd")
    bench.admin.rpush(keys.job_key("odd"), "no string")
    assert take(queue).payload is None


@pytest.mark.parametrize(
    "payload", ["[]", "7", '{"attempts":-1}', '{"attempts":"x"}', '{"attempts":1e999}', "[" * 9_999]
)
def test_attempts_that_cannot_be_read_count_as_none(bench: Bench, queue: Queue, payload: str) -> None:
    bench.admin.rpush(keys.QUEUE, "odd")
    bench.admin.set(keys.job_key("odd"), payload)
    assert take(queue).attempts == 0


def test_paused_fleet_takes_nothing(bench: Bench, queue: Queue) -> None:
    queue.enqueue(fields_of())
    queue.pause()
    assert queue.is_paused()
    assert queue.acquire("token").paused
    queue.resume()
    assert not queue.is_paused()
    assert queue.acquire("token").taken is not None


def test_same_token_gets_the_same_job_again(bench: Bench, queue: Queue) -> None:
    queue.enqueue(fields_of("a"))
    queue.enqueue(fields_of("b"))
    first = take(queue, "token")
    again = queue.acquire("token", repeat=True).taken
    assert again is not None
    assert (again.element, again.token, again.payload) == (first.element, first.token, first.payload)
    assert queue.lengths().processing == 1


def test_same_token_gets_the_same_inline_job_again_even_when_paused(bench: Bench, queue: Queue) -> None:
    for number in range(1_000):
        bench.admin.rpush(keys.PROCESSING, json.dumps({"jobId": f"a-peer's-{number}"}))
    push_inline(bench)
    first = take(queue, "token")
    queue.pause()
    again = queue.acquire("token", repeat=True).taken
    assert again is not None
    assert again.element == first.element


def test_token_that_had_got_nothing_takes_the_next_job(queue: Queue) -> None:
    assert queue.acquire("token").taken is None
    job_id = queue.enqueue(fields_of())
    taken = queue.acquire("token", repeat=True).taken
    assert taken is not None
    assert taken.identity == job_id


def test_token_whose_element_was_moved_away_meanwhile_takes_the_next_job(bench: Bench, queue: Queue) -> None:
    job_id = queue.enqueue(fields_of())
    take(queue, "token")
    bench.admin.lmove(keys.PROCESSING, keys.QUEUE, "LEFT", "RIGHT")  # a v1 peer's stop()
    taken = queue.acquire("token", repeat=True).taken
    assert taken is not None
    assert taken.identity == job_id
    assert queue.lengths().processing == 1


def test_only_copy_of_a_leased_job_stays_in_processing(bench: Bench, queue: Queue) -> None:
    job_id = queue.enqueue(fields_of())
    begin(queue, "ours")
    bench.admin.lmove(keys.PROCESSING, keys.QUEUE, "LEFT", "RIGHT")  # a v1 peer's stop()
    assert queue.acquire("other").taken is None
    assert bench.admin.lrange(keys.PROCESSING, 0, -1) == [job_id]
    assert bench.admin.hget(keys.OWNERS, job_id) == "ours"


def test_second_copy_of_a_leased_job_is_dropped(bench: Bench, queue: Queue) -> None:
    element = push_inline(bench)
    take(queue, "ours")
    bench.admin.rpush(keys.QUEUE, element)  # two v2 peers promoted it
    next_id = queue.enqueue(fields_of("next"))
    assert take(queue, "other").identity == next_id
    assert bench.admin.lrange(keys.PROCESSING, 0, -1) == [element, next_id]


def test_another_job_under_a_leased_identity_is_kept(bench: Bench, queue: Queue) -> None:
    push_inline(bench)
    take(queue, "ours")
    other = push_inline(bench, attempts=1)
    assert queue.acquire("other").taken is None
    assert bench.admin.lrange(keys.PROCESSING, 0, -1)[1] == other


def test_many_leased_copies_in_front_do_not_hide_the_next_job_and_are_passed_sixteen_a_call(
    bench: Bench, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        queue.enqueue(fields_of(f"k{number}"))
        take(queue, f"token-{number}")
    for _ in range(40):
        bench.admin.lmove(keys.PROCESSING, keys.QUEUE, "LEFT", "RIGHT")
    next_id = queue.enqueue(fields_of("next"))
    run = Mock(wraps=queue.scripts.run)
    monkeypatch.setattr(queue.scripts, "run", run)
    assert take(queue, "other").identity == next_id
    assert queue.lengths().processing == 41
    assert run.call_count == 3


def test_expired_lease_in_the_queue_is_taken_over(bench: Bench, queue: Queue) -> None:
    job_id = queue.enqueue(fields_of())
    old = take(queue, "dead worker's")
    bench.admin.lmove(keys.PROCESSING, keys.QUEUE, "LEFT", "RIGHT")
    bench.admin.zadd(keys.LEASES, {job_id: 1})
    taken = take(queue, "ours")
    assert taken.identity == job_id
    assert queue.renew([(job_id, old.token)], worker_id="w", heartbeat_json="{}") == {job_id}
