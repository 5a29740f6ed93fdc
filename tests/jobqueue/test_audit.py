"""Jobs that stand in no list are found; jobs that merely move are not doubled."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest

from gradientd.jobqueue import Audit, Queue, Recovered, audit, keys
from gradientd.jobqueue.identities import IdentitySet, inline_fields, inline_identity
from tests.jobqueue.conftest import Bench, begin, fields_of, identities, take

HOUR_MS = 3_600_000
GAP_S = 60


def in_limbo(bench: Bench, job_id: str = "lost") -> str:
    bench.admin.set(keys.job_key(job_id), json.dumps(fields_of(f"g/{job_id}.jpg")), ex=keys.JOB_TTL_S)
    return job_id


def auditor(queue: Queue, sleep: Callable[[float], object] = lambda _: None, worker_id: str = "w") -> Audit:
    return Audit(queue, worker_id=worker_id, interval_ms=HOUR_MS, sleep=sleep)


def between_looks(action: Callable[[], object]) -> Callable[[float], None]:
    def sleep(seconds: float) -> None:
        if seconds == GAP_S:
            action()

    return sleep


def test_job_in_no_list_is_pushed_again_once(bench: Bench, queue: Queue) -> None:
    job_id = in_limbo(bench)
    assert auditor(queue).run() == [Recovered(job_id, "g/lost.jpg")]
    assert bench.admin.lrange(keys.QUEUE, 0, -1) == [job_id]
    assert auditor(queue).run() == []


def test_two_looks_are_a_minute_apart(bench: Bench, queue: Queue) -> None:
    in_limbo(bench)
    slept: list[float] = []
    auditor(queue, slept.append).run()
    assert slept.count(GAP_S) == 1
    assert max(slept) == GAP_S


def test_jobs_that_wait_run_or_are_delayed_are_left_alone(bench: Bench, queue: Queue) -> None:
    queue.enqueue(fields_of("a"))
    queue.enqueue(fields_of("b"))
    queue.enqueue(fields_of("c"))
    queue.enqueue(fields_of("d"))
    taken, job = begin(queue, "1")
    queue.retry(taken, job, "why", 60_000)
    take(queue, "2")
    bench.admin.lmove(keys.QUEUE, keys.PROCESSING, "LEFT", "RIGHT")  # a peer's
    before = bench.snapshot()
    assert auditor(queue).run() == []
    after = bench.snapshot()
    after.pop(keys.AUDIT_LOCK)
    assert after == before


@pytest.mark.parametrize("where", ["queue", "delayed", "processing", "lease", "data", "gone"])
def test_job_that_turns_up_between_the_looks_is_left_alone(bench: Bench, queue: Queue, where: str) -> None:
    job_id = in_limbo(bench)
    turn_up: dict[str, Callable[[], object]] = {
        "queue": lambda: bench.admin.rpush(keys.QUEUE, job_id),
        "delayed": lambda: bench.admin.zadd(keys.DELAYED, {job_id: 1}),
        "processing": lambda: bench.admin.rpush(keys.PROCESSING, job_id),
        "lease": lambda: bench.admin.zadd(keys.LEASES, {job_id: 1}),
        "data": lambda: bench.admin.set(keys.job_key(job_id), json.dumps(fields_of("g/lost.jpg", attempts=1))),
        "gone": lambda: bench.admin.delete(keys.job_key(job_id)),
    }
    assert auditor(queue, between_looks(turn_up[where])).run() == []


@pytest.mark.parametrize("where", ["queue", "delayed", "processing", "lease", "data", "gone"])
def test_script_looks_once_more_before_it_pushes(bench: Bench, queue: Queue, where: str) -> None:
    job_id = in_limbo(bench)
    data = bench.admin.get(keys.job_key(job_id))
    turn_up: dict[str, Callable[[], object]] = {
        "queue": lambda: bench.admin.rpush(keys.QUEUE, "other", job_id, "another"),
        "delayed": lambda: bench.admin.zadd(keys.DELAYED, {job_id: 1}),
        "processing": lambda: bench.admin.rpush(keys.PROCESSING, job_id),
        "lease": lambda: bench.admin.zadd(keys.LEASES, {job_id: 1}),
        "data": lambda: bench.admin.set(keys.job_key(job_id), "{}"),
        "gone": lambda: bench.admin.delete(keys.job_key(job_id)),
    }
    turn_up[where]()
    fixed = [keys.QUEUE, keys.PROCESSING, keys.DELAYED, keys.LEASES]
    assert queue.scripts.run("audit", [*fixed, keys.job_key(job_id)], [1_000, job_id, str(data)]) == []


def test_many_jobs_in_limbo_come_back_in_batches(bench: Bench, queue: Queue) -> None:
    lost = {in_limbo(bench, f"lost-{number}") for number in range(250)}
    bench.admin.rpush(keys.QUEUE, *(f"waiting-{number}" for number in range(2_500)))
    assert set(identities(auditor(queue).run())) == lost
    assert queue.lengths().queue == 2_750


def test_more_jobs_in_limbo_than_a_round_holds_come_back_in_rounds(
    bench: Bench, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "MAX_CANDIDATES", 20)
    monkeypatch.setattr(audit, "PAGE", 10)
    lost = {in_limbo(bench, f"lost-{number}") for number in range(90)}
    assert set(identities(auditor(queue).run())) == lost
    assert queue.lengths().queue == 90


def test_pushes_and_takes_meanwhile_hide_no_job_that_waits(
    bench: Bench, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "PAGE", 10)
    for number in range(100):
        queue.enqueue(fields_of(f"k{number}"))
    dice = random.Random(7)
    seen_pauses = iter(range(10_000))

    def work_goes_on(_: float) -> None:
        number = next(seen_pauses)
        if dice.random() < 0.5:
            queue.enqueue(fields_of(f"new-{number}"))
        else:
            queue.acquire(f"token-{number}")

    assert auditor(queue, work_goes_on).run() == []


def test_data_of_waiting_jobs_is_kept_from_expiring(bench: Bench, queue: Queue) -> None:
    waiting, fresh, unending = (queue.enqueue(fields_of(key)) for key in ("a", "b", "c"))
    in_limbo_id = in_limbo(bench)
    bench.admin.expire(keys.job_key(waiting), 12 * 3600 - 10)
    bench.admin.expire(keys.job_key(in_limbo_id), 100)
    bench.admin.expire(keys.job_key(fresh), 13 * 3600)
    bench.admin.persist(keys.job_key(unending))
    auditor(queue).run()
    day_s = keys.JOB_TTL_S
    ttls = [bench.admin.ttl(keys.job_key(job_id)) for job_id in (waiting, fresh, unending, in_limbo_id)]
    assert ttls[0] in (day_s, day_s - 1)
    assert ttls[1] in (13 * 3600, 13 * 3600 - 1)
    assert ttls[2] in (day_s, day_s - 1)
    assert ttls[3] in (100, 99)


def test_only_one_worker_audits_at_a_time(bench: Bench, queue: Queue) -> None:
    job_id = in_limbo(bench)
    bench.admin.set(keys.AUDIT_LOCK, "somebody else", px=60_000)
    assert auditor(queue).run() == []
    bench.admin.delete(keys.AUDIT_LOCK)
    assert identities(auditor(queue, worker_id="one").run()) == [job_id]
    in_limbo(bench, "later")
    assert auditor(queue, worker_id="two").run() == []
    ttl_ms = bench.admin.pttl(keys.AUDIT_LOCK)
    assert 0 < ttl_ms <= GAP_S * 1000


def test_auditor_that_lost_its_lock_stops(bench: Bench, queue: Queue) -> None:
    in_limbo(bench)
    steal = between_looks(lambda: bench.admin.set(keys.AUDIT_LOCK, "somebody else", px=60_000))
    assert auditor(queue, steal).run() == []
    assert bench.admin.get(keys.AUDIT_LOCK) == "somebody else"


def test_what_was_kept_for_jobs_that_stand_nowhere_is_forgotten(bench: Bench, queue: Queue) -> None:
    bench.admin.hset(keys.ATTEMPTS, mapping={"discarded": 1, "waiting": 1, "running": 1})
    bench.admin.hset(keys.REASONS, mapping={"discarded": "why", "by-id": "why"})
    bench.admin.rpush(keys.QUEUE, json.dumps({"jobId": "waiting"}), "by-id", "{broken", "{}")
    bench.admin.zadd(keys.LEASES, {"running": 1})
    auditor(queue).run()
    assert bench.admin.hgetall(keys.ATTEMPTS) == {"waiting": "1", "running": "1"}
    assert bench.admin.hgetall(keys.REASONS) == {"by-id": "why"}


@pytest.mark.parametrize(
    "odd",
    [
        "{}", "[]", "1e999", "x", "[" * 2_000, '"' + "é" * 40_000 + '"', '"\\uD83D"', '"\\ud83d"', '"\\udc00\\ud83d"',
        '"\\ud83d\\ude00\\ud83d"', '"\\\\ud83d\\\\\\ud83d"',
    ],
)  # fmt: skip
@pytest.mark.parametrize("job_id", ['"3f0c-uuid"', '"3f0c-\\ud83d"', '""', "7", '"\\ud83d\\ude00"'])
def test_identity_is_the_one_that_the_scripts_find(real_bench: Bench, odd: str, job_id: str) -> None:
    element = f'{{"jobId":{job_id},"odd":{odd}}}'
    real_bench.admin.rpush(keys.QUEUE, element)
    assert inline_identity(element, inline_fields(element)) == take(real_bench.queue()).identity


def test_attempts_of_a_queued_job_that_holds_half_a_surrogate_pair_are_kept(bench: Bench, queue: Queue) -> None:
    bench.admin.lpush(keys.QUEUE, json.dumps({**fields_of(caption="\ud83d"), "jobId": "3f0c-uuid"}))
    begin(queue)
    bench.admin.lmove(keys.PROCESSING, keys.QUEUE, "LEFT", "RIGHT")  # a v1 peer's stop
    bench.admin.delete(keys.LEASES)
    auditor(queue).run()
    assert take(queue).attempts == 1


def test_identity_set_knows_what_it_has_seen() -> None:
    seen = IdentitySet()
    seen.update(f"id-{number}" for number in range(10_000))
    assert all(f"id-{number}" in seen for number in range(10_000))
    assert not any(f"other-{number}" in seen for number in range(10_000))
    seen.update(["late", "\udcff"])
    assert "late" in seen
    assert "\udcff" in seen


def test_forgetting_spares_a_job_that_was_leased_since_the_looks(bench: Bench, queue: Queue) -> None:
    job_id = queue.enqueue(fields_of())
    take(queue)
    bench.admin.hset(keys.REASONS, job_id, "why its attempt before failed")
    assert queue.scripts.run("forget", [keys.LEASES, keys.ATTEMPTS, keys.REASONS], [job_id]) == 0
    assert bench.admin.hexists(keys.REASONS, job_id)
