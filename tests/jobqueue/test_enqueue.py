"""Jobs that enter the queue: in the documented form, once a picture, never over somebody else's."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from gradientd.errors import InvalidJob, NotAnImage
from gradientd.jobqueue import Queue, keys
from gradientd.model import Status
from tests.jobqueue.conftest import GRADIENT, Bench, begin, fields_of, take

KEY = "g/album/a.jpg"
HALVES = ["\ud83d", "\udcff end", "\ud83d\ud83d\ude00", "\\ud83d\\\ud83d", "😀 \\\ude00"]
"""What JavaScript's slice leaves of an emoji, alone and beside whole ones and backslashes."""


def complete(queue: Queue) -> None:
    taken, job = begin(queue)
    queue.complete(taken, job, GRADIENT, 1)


def test_job_is_written_in_the_documented_form(bench: Bench, queue: Queue) -> None:
    before_ms = time.time() * 1000 - 5
    assert queue.enqueue(fields_of()) == "gradient-g-album-a.jpg"
    job = json.loads(bench.admin.get("gradient:job:gradient-g-album-a.jpg"))
    names = ["guildId", "galleryName", "storageKey", "itemId", "jobId", "attempts", "createdAt"]
    assert list(job) == names
    assert job == {**fields_of(), "jobId": "gradient-g-album-a.jpg", "attempts": 0, "createdAt": job["createdAt"]}
    assert before_ms <= job["createdAt"] <= time.time() * 1000 + 5
    assert 86_390 <= bench.admin.ttl("gradient:job:gradient-g-album-a.jpg") <= 86_400
    assert bench.admin.lrange("gradient:queue", 0, -1) == ["gradient-g-album-a.jpg"]


def test_result_of_a_new_job_is_pending(bench: Bench, queue: Queue) -> None:
    queue.enqueue(fields_of())
    text = bench.admin.get(f"gradient:{KEY}")
    result = json.loads(text)
    assert list(result) == ["status", "attempts", "createdAt", "updatedAt"]
    assert (result["status"], result["attempts"]) == ("pending", 0)
    assert result["createdAt"] == result["updatedAt"]
    assert 2_591_990 <= bench.admin.ttl(f"gradient:{KEY}") <= 2_592_000


def test_unknown_fields_are_kept_as_they_came(queue: Queue) -> None:
    odd: dict[str, Any] = {"tags": [], "deep": {"pi": 3.141592653589793, "big": 9007199254740993}, "ключ": "значение ☃"}
    queue.enqueue(fields_of(**odd, attempts=7, createdAt=1, jobId="ignored"))
    job = take(queue).parse()
    assert {name: job.fields[name] for name in odd} == odd
    assert (job.job_id, job.attempts) == ("gradient-g-album-a.jpg", 0)


def test_jobs_are_taken_in_the_order_in_which_they_came(queue: Queue) -> None:
    ids = [queue.enqueue(fields_of(f"k{number}")) for number in range(3)]
    assert [take(queue, f"token-{number}").identity for number in range(3)] == ids


def test_job_that_is_queued_is_left_as_it_is(bench: Bench, queue: Queue) -> None:
    job_id = queue.enqueue(fields_of())
    before = bench.snapshot()
    assert queue.enqueue(fields_of(itemId="another")) == job_id
    assert bench.snapshot() == before


def test_job_that_runs_is_left_as_it_is(bench: Bench, queue: Queue) -> None:
    job_id = queue.enqueue(fields_of())
    begin(queue)
    before = bench.snapshot()
    assert queue.enqueue(fields_of()) == job_id
    assert bench.snapshot() == before


def test_job_that_is_delayed_is_left_as_it_is(bench: Bench, queue: Queue) -> None:
    job_id = queue.enqueue(fields_of())
    taken, job = begin(queue)
    queue.retry(taken, job, "why", 60_000)
    before = bench.snapshot()
    assert queue.enqueue(fields_of()) == job_id
    assert bench.snapshot() == before


@pytest.mark.parametrize("status", ["completed", "failed", None])
@pytest.mark.parametrize("where", ["queue", "processing", "delayed", "leased"])
def test_live_job_whose_result_does_not_show_it_is_left_as_it_is(
    bench: Bench, queue: Queue, where: str, status: str | None
) -> None:
    job_id = queue.enqueue(fields_of())
    bench.admin.delete(keys.QUEUE, f"gradient:{KEY}")
    if status is not None:
        bench.admin.set(f"gradient:{KEY}", json.dumps({"status": status}))
    if where == "delayed":
        bench.admin.zadd(keys.DELAYED, {job_id: 1})
    elif where == "leased":
        bench.admin.zadd(keys.LEASES, {job_id: 1})
    else:
        bench.admin.rpush(f"gradient:{where}", job_id)
    before = bench.snapshot()
    assert queue.enqueue(fields_of()) == job_id
    assert bench.snapshot() == before


def test_enqueue_over_failed_begins_again_from_nothing(bench: Bench, queue: Queue) -> None:
    queue.enqueue(fields_of())
    taken, job = begin(queue)
    queue.fail(taken, job, KEY, NotAnImage("no"))
    created_at = queue.result(KEY).created_at  # type: ignore[union-attr]
    queue.enqueue(fields_of())
    result = queue.result(KEY)
    assert result is not None
    assert (result.status, result.attempts, result.last_error) == (Status.PENDING, 0, None)
    assert result.created_at == created_at
    assert take(queue).attempts == 0


def test_enqueue_over_completed_runs_again_and_leaves_the_old_result_readable(bench: Bench, queue: Queue) -> None:
    queue.enqueue(fields_of())
    complete(queue)
    old = bench.admin.get(f"gradient:{KEY}")
    queue.enqueue(fields_of())
    assert bench.admin.get(f"gradient:{KEY}") == old
    taken, job = begin(queue)
    assert bench.admin.get(f"gradient:{KEY}") == old
    queue.complete(taken, job, GRADIENT, 1)
    new = queue.result(KEY)
    assert new is not None
    assert new.created_at == json.loads(old)["createdAt"]
    assert new.attempts == 1


def test_two_keys_that_share_an_id_are_both_done(bench: Bench, queue: Queue) -> None:
    first = queue.enqueue(fields_of("a/b-c"))
    second = queue.enqueue(fields_of("a-b/c"))
    assert first == "gradient-a-b-c"
    assert second.startswith("gradient-a-b-c-")
    assert len(second) == len(first) + 9
    assert bench.admin.lrange(keys.QUEUE, 0, -1) == [first, second]
    assert [take(queue, token).parse().storage_key for token in "12"] == ["a/b-c", "a-b/c"]


def test_job_under_its_distinct_id_is_found_when_the_usual_one_is_free_again(bench: Bench, queue: Queue) -> None:
    queue.enqueue(fields_of("a/b-c"))
    second = queue.enqueue(fields_of("a-b/c"))
    complete(queue)
    assert queue.enqueue(fields_of("a-b/c")) == second
    assert queue.lengths().queue == 1


@pytest.mark.parametrize("half", HALVES)
def test_half_a_surrogate_pair_hides_no_job(bench: Bench, queue: Queue, half: str) -> None:
    fields = fields_of("g/😀\\ud83d.jpg", caption=half)
    job_id = queue.enqueue(fields)
    before = bench.snapshot()
    assert queue.enqueue(fields) == job_id
    assert bench.snapshot() == before
    begin(queue)
    before = bench.snapshot()
    assert queue.enqueue(fields) == job_id
    assert bench.snapshot() == before


@pytest.mark.parametrize("half", HALVES)
def test_another_picture_s_job_with_half_a_surrogate_pair_is_not_overwritten(queue: Queue, half: str) -> None:
    queue.enqueue(fields_of("a/b-c", caption=half))
    queue.enqueue(fields_of("a-b/c"))
    assert [take(queue, token).parse().storage_key for token in "12"] == ["a/b-c", "a-b/c"]


@pytest.mark.parametrize("data", ["garbage", "7", "", json.dumps(fields_of("of a peer", more="x" * 70_000))])
def test_job_key_that_cannot_be_read_is_not_overwritten(bench: Bench, queue: Queue, data: str) -> None:
    usual_key = keys.job_key("gradient-g-album-a.jpg")
    bench.admin.set(usual_key, data)
    job_id = queue.enqueue(fields_of())
    assert queue.enqueue(fields_of()) == job_id
    assert take(queue).parse().storage_key == KEY
    assert bench.admin.get(usual_key) == data


def test_both_ids_taken_by_other_pictures_is_refused(bench: Bench, queue: Queue) -> None:
    second = queue.enqueue(fields_of("a/b-c")) and queue.enqueue(fields_of("a-b/c"))
    bench.admin.set(keys.job_key(second), json.dumps(fields_of("yet/another")))
    with pytest.raises(InvalidJob, match="other pictures"):
        queue.enqueue(fields_of("a-b/c"))


@pytest.mark.parametrize("storage_key", ["queue", "processing", "delayed", "job:x", "", "k" * 1025])
def test_storage_key_that_may_not_be_used_is_refused(bench: Bench, queue: Queue, storage_key: str) -> None:
    with pytest.raises(InvalidJob):
        queue.enqueue(fields_of(storage_key))
    assert bench.snapshot() == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"guildId": ""},
        {"galleryName": "n" * 101},
        {"itemId": None},
        {"more": object()},
        {"more": float("nan")},
        {"more": "x" * 70_000},
        {"more": json.loads("[" * 600 + "]" * 600)},
    ],
)
def test_fields_that_no_worker_would_take_are_refused(bench: Bench, queue: Queue, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidJob):
        queue.enqueue({**fields_of(), **fields})
    assert bench.snapshot() == {}
