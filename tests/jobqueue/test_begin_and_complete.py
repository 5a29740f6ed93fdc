"""What the beginning and the good end of a job write, keep and leave alone."""

from __future__ import annotations

import json

import pytest

from gradientd.jobqueue import Begun, Completion, Queue, Recent, keys
from gradientd.jsontext import to_json
from gradientd.model import MAX_JOB_BYTES
from tests.jobqueue.conftest import GRADIENT, Bench, another_token, begin, fields_of, stored, take

KEY = "g/album/a.jpg"


def test_begin_counts_the_attempt_where_a_crash_cannot_undo_it(bench: Bench, queue: Queue, job_id: str) -> None:
    taken, _ = begin(queue)
    if taken.inline:
        assert bench.admin.hget(keys.ATTEMPTS, job_id) == "1"
    else:
        assert json.loads(bench.admin.get(keys.job_key(job_id)))["attempts"] == 1
    again = queue.acquire(taken.token, repeat=True).taken
    assert again is not None
    assert again.attempts == 1


def test_begin_keeps_the_ttl_of_the_job_key(bench: Bench, queue: Queue) -> None:
    job_id = queue.enqueue(fields_of())
    bench.admin.expire(keys.job_key(job_id), 1_000)
    begin(queue)
    assert 990 < bench.admin.ttl(keys.job_key(job_id)) <= 1_000


def test_begin_gives_a_ttl_to_a_job_key_that_has_none(bench: Bench, queue: Queue) -> None:
    job_id = queue.enqueue(fields_of())
    bench.admin.persist(keys.job_key(job_id))
    begin(queue)
    assert 0 < bench.admin.ttl(keys.job_key(job_id)) <= keys.JOB_TTL_S


def test_begin_keeps_unknown_fields_as_they_came(bench: Bench, queue: Queue) -> None:
    job_id = queue.enqueue(fields_of(tags=[], big=12345678901234567890))
    begin(queue)
    assert '"tags":[],"big":12345678901234567890' in bench.admin.get(keys.job_key(job_id))


def test_begin_makes_a_job_with_half_a_surrogate_pair_no_longer(bench: Bench, queue: Queue) -> None:
    bench.admin.set(keys.job_key("of a peer"), to_json(fields_of(title="ж" * 20_000, cut="\ud83d")))
    bench.admin.rpush(keys.QUEUE, "of a peer")
    taken, job = begin(queue)
    queue.retry(taken, job, "why", 0)
    queue.promote()
    assert take(queue).parse().attempts == 1


def test_begin_shows_that_the_job_is_processed(bench: Bench, queue: Queue, job_id: str) -> None:
    begin(queue)
    result = stored(bench)
    assert list(result) == ["status", "attempts", "createdAt", "updatedAt"]
    assert (result["status"], result["attempts"]) == ("processing", 1)
    assert 0 < bench.admin.ttl(f"gradient:{KEY}") <= keys.RESULT_TTL_S


def test_begin_without_the_lease_changes_nothing(bench: Bench, queue: Queue, job_id: str) -> None:
    taken = take(queue)
    job = taken.parse().with_attempts(1, created_at=1)
    before = bench.snapshot()
    assert queue.begin(another_token(taken), job) is Begun.LEASE_LOST
    assert bench.snapshot() == before


def test_begin_of_a_job_whose_data_expired_meanwhile_removes_it(bench: Bench, queue: Queue) -> None:
    job_id = queue.enqueue(fields_of())
    taken = take(queue)
    bench.admin.delete(keys.job_key(job_id), f"gradient:{KEY}")
    assert queue.begin(taken, taken.parse().with_attempts(1, created_at=1)) is Begun.GONE
    assert bench.snapshot() == {}


def test_completed_job_leaves_nothing_but_its_result(bench: Bench, queue: Queue, job_id: str) -> None:
    taken, job = begin(queue)
    assert queue.complete(taken, job, GRADIENT, 12) is Completion.STORED
    assert set(bench.snapshot()) == {f"gradient:{KEY}", keys.RECENT, keys.RECENT_MS}


def test_completed_result_is_the_wire_s(bench: Bench, queue: Queue, job_id: str) -> None:
    taken, job = begin(queue)
    queue.complete(taken, job, GRADIENT, 12)
    result = stored(bench)
    assert list(result) == ["status", "gradient", "attempts", "createdAt", "updatedAt"]
    assert (result["status"], result["attempts"]) == ("completed", 1)
    assert result["gradient"] == GRADIENT.as_dict()
    assert list(result["gradient"]) == ["palette", "primary", "secondary", "foreground", "css", "blurDataUrl"]
    assert 2_591_990 <= bench.admin.ttl(f"gradient:{KEY}") <= 2_592_000


def test_created_at_survives_from_the_first_write(bench: Bench, queue: Queue, job_id: str) -> None:
    bench.admin.set(f"gradient:{KEY}", '{"status":"pending","attempts":0,"createdAt":1600000000001,"updatedAt":5}')
    taken, job = begin(queue)
    assert stored(bench)["createdAt"] == 1_600_000_000_001
    queue.retry(taken, job, "why", 0)
    queue.promote()
    taken, job = begin(queue)
    queue.complete(taken, job, GRADIENT, 12)
    assert stored(bench)["createdAt"] == 1_600_000_000_001
    assert stored(bench)["updatedAt"] > 1_600_000_000_001


def test_created_at_keeps_every_digit(bench: Bench, queue: Queue, job_id: str) -> None:
    bench.admin.set(f"gradient:{KEY}", '{"status":"pending","createdAt":9007199254740991}')
    begin(queue)
    assert '"createdAt":9007199254740991,' in bench.admin.get(f"gradient:{KEY}")


@pytest.mark.parametrize(
    "old",
    [
        "garbage", "[]", "7", "null", '"x"', "{}", '{"status":7,"createdAt":"x"}', '{"createdAt":1e300}', "[" * 5_000,
        '{"createdAt":-1}', '{"createdAt":null}', '{"createdAt":1.5}', '{"createdAt":[1]}', '{"status":{"a":1}}',
        "\udcff\udcfe",
    ],
)
def test_result_that_cannot_be_read_is_replaced(bench: Bench, queue: Queue, old: str) -> None:
    queue.enqueue(fields_of())
    bench.admin.set(f"gradient:{KEY}", old)
    taken, job = begin(queue)
    assert stored(bench)["createdAt"] >= taken.now_ms
    bench.admin.set(f"gradient:{KEY}", old)
    queue.complete(taken, job, GRADIENT, 12)
    assert stored(bench)["createdAt"] >= taken.now_ms


def test_completed_result_longer_than_any_job_is_not_overwritten(bench: Bench, queue: Queue) -> None:
    gradient = {**GRADIENT.as_dict(), "blurDataUrl": "A" * 2 * MAX_JOB_BYTES}
    old = json.dumps({"status": "completed", "gradient": gradient, "attempts": 1, "createdAt": 5, "updatedAt": 6})
    bench.admin.set(f"gradient:{KEY}", old)
    queue.enqueue(fields_of())
    taken, job = begin(queue)
    assert bench.admin.get(f"gradient:{KEY}") == old
    queue.complete(taken, job, GRADIENT, 12)
    assert stored(bench)["createdAt"] == 5


def test_result_key_of_another_type_is_replaced(bench: Bench, queue: Queue, job_id: str) -> None:
    bench.admin.delete(f"gradient:{KEY}")
    bench.admin.rpush(f"gradient:{KEY}", "a list")
    taken, job = begin(queue)
    queue.complete(taken, job, GRADIENT, 12)
    assert stored(bench)["status"] == "completed"


def test_stale_complete_stores_the_result_and_removes_nothing(bench: Bench, queue: Queue, job_id: str) -> None:
    taken, job = begin(queue)
    before = bench.snapshot()
    assert queue.complete(another_token(taken), job, GRADIENT, 12) is Completion.STALE
    after = bench.snapshot()
    assert json.loads(after.pop(f"gradient:{KEY}"))["status"] == "completed"
    before.pop(f"gradient:{KEY}")
    assert {name: after[name] for name in before} == before


def test_complete_after_the_lease_is_gone_ends_the_job(bench: Bench, queue: Queue, job_id: str) -> None:
    taken, job = begin(queue)
    bench.admin.delete(keys.LEASES, keys.OWNERS)
    assert queue.complete(taken, job, GRADIENT, 12) is Completion.STORED
    assert set(bench.snapshot()) == {f"gradient:{KEY}", keys.RECENT, keys.RECENT_MS}


@pytest.mark.parametrize("lease", ["ours", "gone"])
def test_complete_leaves_a_job_key_that_somebody_has_written_since(bench: Bench, queue: Queue, lease: str) -> None:
    job_id = queue.enqueue(fields_of())
    taken, job = begin(queue)
    if lease == "gone":
        bench.admin.delete(keys.LEASES, keys.OWNERS)
    newer = json.dumps(fields_of(attempts=0, itemId="another upload"))
    bench.admin.set(keys.job_key(job_id), newer)
    queue.complete(taken, job, GRADIENT, 12)
    assert bench.admin.get(keys.job_key(job_id)) == newer


def test_recent_results_are_remembered_the_newest_first_and_only_200(bench: Bench, queue: Queue) -> None:
    bench.admin.zadd(keys.RECENT, {f"old-{number:03}": 1_000 + number for number in range(200)})
    bench.admin.hset(keys.RECENT_MS, mapping={f"old-{number:03}": 1 for number in range(200)})
    queue.enqueue(fields_of())
    taken, job = begin(queue)
    queue.complete(taken, job, GRADIENT, 34)
    newest, second = queue.recent(limit=2)
    assert (newest.storage_key, newest.processing_ms) == (KEY, 34)
    assert newest.stored_at_ms >= taken.now_ms
    assert second == Recent("old-199", 1_199, 1)
    assert len(queue.recent()) == 200
    assert bench.admin.hlen(keys.RECENT_MS) == 200
    assert not bench.admin.hexists(keys.RECENT_MS, "old-000")


def test_recent_of_an_empty_server_is_empty(queue: Queue) -> None:
    assert queue.recent() == []
