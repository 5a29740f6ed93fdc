"""`gradientd explain` against a real server, by the real console script."""

from __future__ import annotations

import json
import time
from typing import Any

from gradientd.jobqueue import Connector, Locator, Queue
from gradientd.model import distinct_job_id_for
from tests.real.conftest import Bench, bench
from tests.real.console import Console

__all__ = ["bench"]  # the fixture

KEY = "lakes/como.jpg"


def run(bench: Bench, *arguments: str) -> tuple[int, str, str]:
    with Console("explain", *arguments, env=bench.env) as console:
        return console.wait(), console.stdout, console.stderr


def locate(bench: Bench, name: str) -> Any:
    client = Connector.from_settings(bench.settings).client(socket_timeout_s=5, max_connections=1)
    try:
        return Locator(client).locate(name)
    finally:
        client.close()


def take(bench: Bench, *, worker_id: str) -> None:
    client = Connector.from_settings(bench.settings).client(socket_timeout_s=5, max_connections=1)
    queue = Queue(client)
    taken = queue.acquire("a token").taken
    assert taken is not None
    work = {"jobId": taken.identity, "storageKey": KEY, "phase": "decode", "forMs": 1200}
    beat = {
        "state": "running", "host": "h", "pid": 1, "version": "1", "concurrency": 2, "startedAt": 1,
        "jobsProcessed": 0, "jobsFailed": 0, "jobs": [work],
    }
    queue.renew([(taken.identity, "a token")], worker_id=worker_id, heartbeat_json=json.dumps(beat))
    queue.close()


def test_queued_job_is_told_by_its_id_and_by_its_picture(bench: Bench) -> None:
    bench.push_id_job("first.jpg")
    job_id = bench.push_id_job(KEY, attempts=1)
    bench.redis.hset("gradientd:reasons", job_id, "The object \x1b[2J is missing.")
    for name in (job_id, KEY):
        code, out, err = run(bench, name)
        assert (code, err) == (0, "")
        assert f"job {job_id}\n" in out
        assert "in the queue, 1 job before it" in out
        assert "attempts    1 begun" in out
        assert '"The object \\u001b[2J is missing."' in out
        assert f"result of {KEY}" in out
        assert "pending" in out


def test_job_in_work_is_told_with_its_worker(bench: Bench) -> None:
    job_id = bench.push_id_job(KEY)
    take(bench, worker_id="host-1-abcd")
    _, out, _ = run(bench, KEY)
    assert "in work" in out
    assert "of host-1-abcd (decode since 1.2 s)" in out
    told = json.loads(run(bench, job_id, "--json")[1])["jobs"][0]
    assert (told["inProcessing"], told["lease"]["workerId"]) == (True, "host-1-abcd")
    assert 0 < told["lease"]["expiresInMs"] <= 60_000
    assert "a token" not in json.dumps(told)


def test_expired_lease_and_missing_lease_are_told_apart(bench: Bench) -> None:
    bench.push_id_job(KEY)
    take(bench, worker_id="w")
    bench.redis.zadd("gradientd:leases", {bench.redis.lindex("gradient:processing", 0): 1_000})
    assert "it will be given back" in run(bench, KEY)[1]
    bench.redis.zrem("gradientd:leases", "gradient-lakes-como.jpg")
    bench.redis.hset("gradientd:seen", "gradient-lakes-como.jpg", f"{time.time() * 1000 - 90_000:.0f} abc")
    assert "in processing without a lease, noticed 1 min 3" in run(bench, KEY)[1]


def test_delayed_job_is_told_with_its_due_time(bench: Bench) -> None:
    job_id = bench.push_id_job(KEY)
    bench.redis.delete("gradient:queue")
    bench.redis.zadd("gradient:delayed", {job_id: time.time() * 1000 + 590_000})
    assert "waits for its next attempt, due in 9 min" in run(bench, KEY)[1]


def test_inline_job_is_found_by_uuid_and_by_picture_in_every_list(bench: Bench) -> None:
    job_id = bench.push_inline_job(KEY)
    bench.push_inline_job("another.jpg")
    for name in (job_id, KEY):
        (job,) = locate(bench, name).jobs
        assert (job.identity, job.inline, job.storage_key, job.queue_position) == (job_id, True, KEY, 1)
    bench.redis.lmove("gradient:queue", "gradient:processing", "RIGHT", "RIGHT")
    bench.redis.hset("gradientd:attempts", job_id, 2)
    (job,) = locate(bench, job_id).jobs
    assert (job.in_processing, job.queue_position, job.attempts) == (True, None, 2)
    bench.redis.zadd("gradient:delayed", {bench.redis.lpop("gradient:processing"): time.time() * 1000 + 60_000})
    (job,) = locate(bench, KEY).jobs
    assert job.due_in_ms is not None
    assert 0 < job.due_in_ms <= 60_000


def test_picture_whose_usual_id_is_anothers_is_told_by_its_own(bench: Bench) -> None:
    bench.push_id_job("a/b-c.jpg")
    other = "a-b/c.jpg"
    fields = {"guildId": "g", "galleryName": "l", "storageKey": other, "itemId": "i", "attempts": 0}
    bench.redis.set(f"gradient:job:{distinct_job_id_for(other)}", json.dumps(fields))
    bench.redis.rpush("gradient:queue", distinct_job_id_for(other))
    (job,) = locate(bench, other).jobs
    assert (job.identity, job.storage_key, job.queue_position) == (distinct_job_id_for(other), other, 1)


def test_failed_job_is_told_by_picture_and_by_id(bench: Bench) -> None:
    bench.storage.put("bad/one.jpg", b"<html></html>", "image/jpeg")
    job_id = bench.push_id_job("bad/one.jpg")
    with Console("--once", env=bench.env) as once:
        assert once.wait() == 1
    code, out, _ = run(bench, "bad/one.jpg")
    assert code == 0
    assert "status      failed, 1 attempt" in out
    assert "why         not_an_image: " in out
    assert [letter.job_id for letter in locate(bench, job_id).letters] == [job_id]


def test_unknown_job_is_told_on_stderr_in_one_sentence(bench: Bench) -> None:
    assert run(bench, "no\x1bthing") == (1, "", 'gradientd: nothing is known of "no\\u001bthing"\n')
    assert run(bench, "no-\udcff-text")[0] == 1
    assert run(bench, "queue")[0] == 1


def test_job_without_data_will_be_dropped_and_data_without_a_place_is_audited(bench: Bench) -> None:
    job_id = bench.push_id_job(KEY)
    bench.redis.delete(f"gradient:job:{job_id}")
    assert "without its data" in run(bench, KEY)[1]
    bench.push_id_job("stray.jpg")
    bench.redis.delete("gradient:queue")
    assert "in no list" in run(bench, "stray.jpg")[1]


def test_a_million_jobs_are_searched_within_bounds_and_it_says_so(bench: Bench) -> None:
    pipe = bench.redis.pipeline(transaction=False)
    for start in range(0, 1_000_000, 20_000):
        pipe.rpush("gradient:queue", *(f"gradient-guild-album-{n:07}.jpg" for n in range(start, start + 20_000)))
    pipe.execute()
    bench.push_id_job(KEY)
    began = time.monotonic()
    found = locate(bench, KEY)
    assert time.monotonic() - began < 1  # 0.1 s on a quiet machine
    assert found.jobs[0].queue_position == 1_000_000
    code, out, _ = run(bench, "00000000-0000-0000-0000-000000000000")
    assert code == 1
    assert out == "Inline jobs were looked for in the first 10,000 of 1,000,001 elements of gradient:queue.\n"
