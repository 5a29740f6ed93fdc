"""What is abandoned comes back; what is somebody's live job is never touched."""

from __future__ import annotations

import json

import pytest

from gradientd.errors import AttemptsExhausted
from gradientd.jobqueue import DeadLetters, Queue, Recovered, keys
from gradientd.model import Status
from tests.jobqueue.conftest import Bench, begin, fields_of, identities, take

MINUTE_MS = 60_000


def age_leases(bench: Bench, by_ms: int) -> None:
    for identity, deadline_ms in bench.admin.zrange(keys.LEASES, 0, -1, withscores=True):
        bench.admin.zadd(keys.LEASES, {identity: deadline_ms - by_ms})


def age_notes(bench: Bench, by_ms: int) -> None:
    for element, note in bench.admin.hgetall(keys.SEEN).items():
        first_seen_ms, _, fingerprint = note.partition(" ")
        bench.admin.hset(keys.SEEN, element, f"{int(first_seen_ms) - by_ms} {fingerprint}")


def taken_by_a_peer(bench: Bench, queue: Queue) -> str:
    """An ID job in processing without a lease."""
    job_id = queue.enqueue(fields_of())
    bench.admin.lmove(keys.QUEUE, keys.PROCESSING, "LEFT", "RIGHT")
    return job_id


def test_expired_lease_is_reclaimed_once(bench: Bench, queue: Queue) -> None:
    job_id = queue.enqueue(fields_of())
    begin(queue)
    assert queue.reap(worker_id="w").requeued == []
    age_leases(bench, MINUTE_MS)
    assert queue.count_leases().expired == 1
    assert identities(queue.reap(worker_id="w").requeued) == [job_id]
    assert queue.reap(worker_id="w").requeued == []
    assert (queue.lengths().queue, queue.lengths().processing) == (1, 0)
    assert not bench.admin.exists(keys.LEASES, keys.OWNERS)
    assert take(queue, "next").attempts == 1


def test_reaping_that_is_carried_out_long_after_it_was_sent_takes_nothing_back(
    bench: Bench, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hung in the network through an outage, in which nobody could renew."""
    job_id = queue.enqueue(fields_of())
    begin(queue)
    age_leases(bench, MINUTE_MS)
    seconds, micros = queue.client.time()
    with monkeypatch.context() as patch:
        patch.setattr(queue.client, "time", lambda: (seconds - queue.lease_ms // 1000, micros))
        assert queue.reap(worker_id="w").requeued == []
        assert not bench.admin.exists(keys.REAP_LOCK)
    assert identities(queue.reap(worker_id="w").requeued) == [job_id]


def test_reclaimed_job_goes_to_the_head_of_the_queue(bench: Bench, queue: Queue) -> None:
    first = queue.enqueue(fields_of("first"))
    queue.enqueue(fields_of("second"))
    take(queue)
    age_leases(bench, MINUTE_MS)
    queue.reap(worker_id="w")
    assert bench.admin.lindex(keys.QUEUE, 0) == first


def test_renewed_lease_is_not_reclaimed(bench: Bench, queue: Queue) -> None:
    queue.enqueue(fields_of())
    taken = take(queue)
    age_leases(bench, MINUTE_MS)
    assert not queue.renew([(taken.identity, taken.token)], worker_id="w", heartbeat_json="{}")
    assert queue.reap(worker_id="w").requeued == []
    assert queue.count_leases().live == 1


def test_inline_job_is_reclaimed_with_its_attempt_counted(bench: Bench, queue: Queue) -> None:
    bench.admin.lpush(keys.QUEUE, json.dumps({**fields_of(), "jobId": "uuid"}))
    begin(queue)
    age_leases(bench, MINUTE_MS)
    assert identities(queue.reap(worker_id="w").requeued) == ["uuid"]
    assert take(queue, "next").attempts == 1


@pytest.mark.parametrize("inline", [False, True])
def test_job_with_no_attempts_left_is_leased_to_the_reaper(bench: Bench, inline: bool) -> None:
    queue = bench.queue(max_retries=1)
    if inline:
        bench.admin.lpush(keys.QUEUE, json.dumps({**fields_of(), "jobId": "uuid", "attempts": 1}))
    else:
        bench.admin.set(keys.job_key("uuid"), json.dumps(fields_of(attempts=1)))
        bench.admin.rpush(keys.QUEUE, "uuid")
    begin(queue)
    age_leases(bench, MINUTE_MS)
    reaped = queue.reap(worker_id="w")
    (taken,) = reaped.exhausted
    assert (taken.identity, taken.attempts, reaped.requeued) == ("uuid", 2, [])
    assert (queue.lengths().queue, queue.lengths().processing) == (0, 1)
    assert not queue.renew([(taken.identity, taken.token)], worker_id="w", heartbeat_json="{}")
    assert queue.reap(worker_id="w").exhausted == []


@pytest.mark.parametrize(("in_element", "noted"), [(2, 0), (0, 2)])
def test_inline_job_s_attempts_are_used_up_by_the_larger_of_its_two_counts(
    bench: Bench, in_element: int, noted: int
) -> None:
    queue = bench.queue(max_retries=1)
    bench.admin.lpush(keys.QUEUE, json.dumps({**fields_of(attempts=in_element), "jobId": "uuid"}))
    bench.admin.hset(keys.ATTEMPTS, "uuid", noted)
    take(queue)
    age_leases(bench, MINUTE_MS)
    (taken,) = queue.reap(worker_id="w").exhausted
    assert taken.attempts == 2


def test_inline_job_that_killed_its_workers_fails_with_every_attempt_that_it_began(bench: Bench) -> None:
    """Its element, which never changed, counts none of them."""
    queue = bench.queue(max_retries=1)
    bench.admin.lpush(keys.QUEUE, json.dumps({**fields_of(), "jobId": "uuid"}))
    for token in ("first", "second"):
        begin(queue, token)
        age_leases(bench, MINUTE_MS)
        exhausted = queue.reap(worker_id="w").exhausted
    (taken,) = exhausted
    job = taken.parse()
    assert queue.fail(taken, job, job.storage_key, AttemptsExhausted("Both workers died."))
    result, letter = queue.result(job.storage_key), DeadLetters(queue.client).get(job.storage_key)
    assert result is not None
    assert letter is not None
    assert (result.status, result.attempts, letter.attempts) == (Status.FAILED, 2, 2)


def test_element_without_a_lease_is_left_alone_until_its_grace_is_over(bench: Bench, queue: Queue) -> None:
    job_id = taken_by_a_peer(bench, queue)
    seen = queue.reap(worker_id="w")
    assert (seen.orphans_requeued, seen.noted) == ([], 1)
    age_notes(bench, 14 * MINUTE_MS)
    assert queue.reap(worker_id="w").orphans_requeued == []
    age_notes(bench, MINUTE_MS)
    found = queue.reap(worker_id="w")
    assert (identities(found.orphans_requeued), found.noted) == ([job_id], 0)
    assert (queue.lengths().queue, queue.lengths().processing) == (1, 0)


def test_orphaned_inline_element_comes_back_exactly_as_it_stood(bench: Bench, queue: Queue) -> None:
    element = '{"jobId": "uuid",  "odd" : [] }'
    bench.admin.rpush(keys.PROCESSING, element)
    queue.reap(worker_id="w")
    age_notes(bench, 15 * MINUTE_MS)
    assert identities(queue.reap(worker_id="w").orphans_requeued) == ["uuid"]
    assert bench.admin.lrange(keys.QUEUE, 0, -1) == [element]


def test_orphaned_element_that_is_not_even_text_comes_back(bench: Bench, queue: Queue) -> None:
    bench.admin.rpush(keys.PROCESSING, "{broken \udcff")
    queue.reap(worker_id="w")
    age_notes(bench, 15 * MINUTE_MS)
    (found,) = queue.reap(worker_id="w").orphans_requeued
    assert found.identity.startswith("sha1:")
    assert found.storage_key is None
    assert bench.admin.lrange(keys.QUEUE, 0, -1) == ["{broken \udcff"]


def test_grace_begins_again_when_the_data_changes(bench: Bench, queue: Queue) -> None:
    job_id = taken_by_a_peer(bench, queue)
    queue.reap(worker_id="w")
    age_notes(bench, 15 * MINUTE_MS)
    bench.admin.set(keys.job_key(job_id), json.dumps(fields_of(attempts=1)))  # a v1 peer takes it
    assert queue.reap(worker_id="w").orphans_requeued == []
    age_notes(bench, 14 * MINUTE_MS)
    assert queue.reap(worker_id="w").orphans_requeued == []
    age_notes(bench, MINUTE_MS)
    assert identities(queue.reap(worker_id="w").orphans_requeued) == [job_id]


@pytest.mark.parametrize("inline", [False, True])
def test_what_is_put_back_is_named_by_its_picture(bench: Bench, queue: Queue, inline: bool) -> None:
    """An operator who reads of a recovered job wants to know which picture keeps killing its worker."""
    if inline:
        bench.admin.lpush(keys.QUEUE, json.dumps({**fields_of("g/first.jpg"), "jobId": "uuid"}))
    else:
        queue.enqueue(fields_of("g/first.jpg"))
    leased, _ = begin(queue)
    age_leases(bench, MINUTE_MS)
    assert queue.reap(worker_id="w").requeued == [Recovered(leased.identity, "g/first.jpg")]
    bench.admin.lmove(keys.QUEUE, keys.PROCESSING, "LEFT", "RIGHT")
    queue.reap(worker_id="w")
    age_notes(bench, 15 * MINUTE_MS)
    assert queue.reap(worker_id="w").orphans_requeued == [Recovered(leased.identity, "g/first.jpg")]


@pytest.mark.parametrize("data", [None, "{broken", "[]", '{"storageKey": 7}'])
def test_what_names_no_picture_is_put_back_all_the_same(bench: Bench, queue: Queue, data: str | None) -> None:
    job_id = queue.enqueue(fields_of())
    take(queue)
    if data is None:
        bench.admin.delete(keys.job_key(job_id))
    else:
        bench.admin.set(keys.job_key(job_id), data)
    bench.admin.delete(keys.FINGERPRINTS)
    age_leases(bench, MINUTE_MS)
    assert queue.reap(worker_id="w").requeued == [Recovered(job_id, None)]


def test_note_is_dropped_when_the_element_has_left(bench: Bench, queue: Queue) -> None:
    taken_by_a_peer(bench, queue)
    assert queue.reap(worker_id="w").noted == 1
    bench.admin.delete(keys.PROCESSING)
    assert queue.reap(worker_id="w").noted == 0


def test_note_is_dropped_when_the_element_is_leased(bench: Bench, queue: Queue) -> None:
    taken_by_a_peer(bench, queue)
    queue.reap(worker_id="w")
    age_notes(bench, 15 * MINUTE_MS)
    bench.admin.lmove(keys.PROCESSING, keys.QUEUE, "LEFT", "RIGHT")
    take(queue)
    seen = queue.reap(worker_id="w")
    assert (seen.orphans_requeued, seen.noted) == ([], 0)


def test_note_is_dropped_when_the_element_s_lease_has_expired(bench: Bench) -> None:
    """What was noted before the lease must not shorten the grace of whoever has the element after it."""
    queue = bench.queue(max_retries=0)
    bench.admin.rpush(keys.PROCESSING, json.dumps({"jobId": "uuid", "attempts": 1}))
    assert queue.reap(worker_id="w").noted == 1
    bench.admin.lmove(keys.PROCESSING, keys.QUEUE, "LEFT", "RIGHT")
    take(queue)
    age_leases(bench, MINUTE_MS)
    reaped = queue.reap(worker_id="w")
    assert (len(reaped.exhausted), reaped.noted) == (1, 0)


def test_only_one_worker_reaps_at_a_time(bench: Bench, queue: Queue) -> None:
    taken_by_a_peer(bench, queue)
    assert queue.reap(worker_id="one").noted == 1
    assert queue.reap(worker_id="two").noted == 0
    assert queue.reap(worker_id="one").noted == 1
    assert 0 < bench.admin.pttl(keys.REAP_LOCK) <= MINUTE_MS // 12
    bench.admin.delete(keys.REAP_LOCK)  # as its TTL does
    assert queue.reap(worker_id="two").noted == 1


def test_long_processing_list_is_reaped_page_by_page(bench: Bench, queue: Queue) -> None:
    for number in range(250):
        queue.enqueue(fields_of(f"k{number}"))
        take(queue, f"token-{number}")
    bench.admin.rpush(keys.PROCESSING, *(json.dumps({"jobId": f"foreign-{number}"}) for number in range(750)))
    dead = [f"gradient-k{number}" for number in range(0, 250, 2)]
    bench.admin.zadd(keys.LEASES, dict.fromkeys(dead, 1))
    reaped = queue.reap(worker_id="w")
    assert sorted(identities(reaped.requeued)) == sorted(dead)
    assert reaped.noted == 750
    assert queue.lengths().processing == 125 + 750
    age_notes(bench, 15 * MINUTE_MS)
    assert len(queue.reap(worker_id="w").orphans_requeued) == 750


def test_lease_whose_element_has_left_the_list_is_dropped_after_another_lease_time(bench: Bench, queue: Queue) -> None:
    queue.enqueue(fields_of())
    take(queue)
    bench.admin.delete(keys.PROCESSING)
    age_leases(bench, MINUTE_MS)
    queue.reap(worker_id="w")
    assert queue.count_leases().expired == 1
    age_leases(bench, MINUTE_MS)
    queue.reap(worker_id="w")
    assert not bench.admin.exists(keys.LEASES, keys.OWNERS)
