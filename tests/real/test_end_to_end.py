"""The whole way, by the real console script against real servers."""

from __future__ import annotations

import json
import signal
import time

import pytest

from gradientd.model import Extra, Status
from tests.real.conftest import Bench
from tests.real.console import Console, wait_until
from tests.real.pictures import jpeg, large_jpeg

MONTH_S = 2_592_000
DONE = "Job completed successfully"


def put_small(bench: Bench, count: int) -> list[str]:
    keys = [f"g1/lakes/{number}.jpg" for number in range(count)]
    for number, key in enumerate(keys):
        bench.storage.put(key, jpeg(seed=number, progressive=bool(number % 2)), "image/jpeg")
    return keys


def assert_completed(bench: Bench, keys: list[str]) -> None:
    for key in keys:
        result = bench.result(key)
        assert result.status is Status.COMPLETED, (key, result)
        assert result.attempts >= 1
        assert result.gradient is not None
        assert list(result.gradient) == ["palette", "primary", "secondary", "foreground", "css", "blurDataUrl"]
        assert MONTH_S - 60 < bench.result_ttl_s(key) <= MONTH_S


def test_jobs_of_both_generations_survive_a_stop_in_mid_job(bench: Bench) -> None:
    keys = put_small(bench, 12)
    large = ["g1/large.jpg", "g1/large-progressive.jpg"]
    bench.storage.put(large[0], large_jpeg(), "image/jpeg")
    bench.storage.put(large[1], large_jpeg(progressive=True), "image/jpeg")
    for number, key in enumerate([*keys, *large]):
        bench.push_inline_job(key) if number % 2 else bench.push_id_job(key)

    env = {**bench.env, "GRADIENT_WORKER_CONCURRENCY": "4", "GRADIENT_SHUTDOWN_GRACE_MS": "0"}
    with Console(env=env) as first:
        first.wait_for(DONE, count=2)
        first.signal(signal.SIGTERM)
        assert first.wait() == 0, first.report()
        done_by_first = len(first.events(DONE))
        assert first.stderr == ""
    assert not bench.redis.hgetall("gradientd:owners")
    assert not bench.redis.lrange("gradient:processing", 0, -1)
    left = bench.redis.llen("gradient:queue")
    assert done_by_first + left == len(keys) + len(large)

    with Console("--once", env=bench.env) as second:
        assert second.wait() == 0, second.report()
    assert_completed(bench, [*keys, *large])
    assert all(bench.result(key).attempts == 1 for key in keys)
    assert bench.leftovers() == {}


def test_graceful_stop_lets_the_jobs_in_hand_finish(bench: Bench) -> None:
    bench.storage.put("g1/large.jpg", large_jpeg(), "image/jpeg")
    bench.push_id_job("g1/large.jpg")
    with Console(env=bench.env) as console:
        wait_until(lambda: bench.redis.llen("gradient:processing"))
        console.signal(signal.SIGTERM)
        assert console.wait() == 0
        assert len(console.events(DONE)) == 1
    assert_completed(bench, ["g1/large.jpg"])
    assert bench.leftovers() == {}


def test_created_at_of_the_producer_survives(bench: Bench) -> None:
    put_small(bench, 1)
    bench.push_id_job("g1/lakes/0.jpg")
    with Console("--once", env=bench.env) as console:
        assert console.wait() == 0
    result = bench.result("g1/lakes/0.jpg")
    assert result.created_at == 1_700_000_000_000
    assert result.updated_at > 1_750_000_000_000


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("empty.jpg", b"", "empty"),
        ("page.jpg", b"<!doctype html><html><body>404</body></html>", "not a picture"),
        ("noise.jpg", bytes(range(256)) * 40, "not a picture"),
        ("drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "SVG"),
        ("paper.pdf", b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n", "PDF"),
    ],
)
def test_what_is_no_picture_fails_at_once_in_words_a_person_understands(
    bench: Bench, name: str, data: bytes, says: str
) -> None:
    bench.storage.put(f"bad/{name}", data, "image/jpeg")
    put_small(bench, 1)
    bench.push_id_job(f"bad/{name}")
    bench.push_id_job("g1/lakes/0.jpg")
    with Console("--once", env=bench.env) as console:
        assert console.wait() == 1
        assert len(console.events("Job failed for good: kept as a dead letter")) == 1
        assert console.stderr == ""
    result = bench.result(f"bad/{name}")
    assert result.status is Status.FAILED
    assert says in (result.last_error or "")
    assert_completed(bench, ["g1/lakes/0.jpg"])
    assert bench.leftovers() == {}
    assert bench.redis.hlen("gradientd:dead") == 1


def test_own_failures_are_retried_after_two_seconds_and_then_fail(bench: Bench) -> None:
    bench.storage.put("cut.jpg", large_jpeg()[:200_000], "image/jpeg")
    bench.push_id_job("cut.jpg")
    bench.push_inline_job("missing.jpg")
    began = time.monotonic()
    with Console("--once", env={**bench.env, "GRADIENT_JOB_MAX_RETRIES": "1"}) as console:
        assert console.wait() == 1
        retried = console.events("Job failed and will be tried again")
        assert {line["code"] for line in retried} == {"damaged_image", "object_missing"}
        assert all(2000 <= line["retryInMs"] <= 2500 for line in retried)
        assert [(line["attempts"], line["retriesLeft"]) for line in retried] == [(1, 1), (1, 1)]
    assert 2 <= time.monotonic() - began < 15
    for key in ("cut.jpg", "missing.jpg"):
        result = bench.result(key)
        assert (result.status, result.attempts) == (Status.FAILED, 2)
    assert bench.leftovers() == {}


def test_elements_that_are_no_jobs_end_as_dead_letters_and_the_next_job_runs(bench: Bench) -> None:
    put_small(bench, 1)
    bench.push_id_job("g1/no-item.jpg", itemId=None)
    bench.push_id_job("g1/long-guild.jpg", guildId="x" * 101)
    queue_key = {"guildId": "g", "galleryName": "n", "storageKey": "queue", "itemId": "i", "jobId": "u1"}
    long_key = {**queue_key, "storageKey": "k" * 1025, "jobId": "u2"}
    bench.redis.rpush("gradient:queue", "{not json", json.dumps(queue_key), json.dumps(long_key), "gradient-expired")
    bench.push_id_job("g1/lakes/0.jpg")
    with Console("--once", env=bench.env) as console:
        assert console.wait() == 1
        failed = console.events("Job failed for good: kept as a dead letter")
        named = {line["storageKey"] for line in failed if line["storageKey"]}
        assert named == {"g1/no-item.jpg", "g1/long-guild.jpg"}
        assert len(failed) == 5
        assert len(console.events("Job dropped: its data expired while its ID was queued")) == 1
        assert console.stderr == ""
    assert "itemId" in (bench.result("g1/no-item.jpg").last_error or "")
    assert "guildId" in (bench.result("g1/long-guild.jpg").last_error or "")
    assert bench.redis.type("gradient:queue") in ("none", "list")
    assert_completed(bench, ["g1/lakes/0.jpg"])
    assert bench.leftovers() == {}
    assert bench.redis.hlen("gradientd:dead") == 5


def test_empty_queue_exits_at_once(bench: Bench) -> None:
    began = time.monotonic()
    with Console("--once", env=bench.env) as console:
        assert console.wait() == 0
    assert time.monotonic() - began < 15  # most of it is the start of the process, on a busy machine


def test_paused_queue_exits_75(bench: Bench) -> None:
    bench.redis.set("gradientd:paused", "1")
    bench.push_id_job("g1/lakes/0.jpg")
    with Console("--once", env=bench.env) as console:
        assert console.wait() == 75
    assert bench.redis.llen("gradient:queue") == 1


def test_enqueue_and_daemon_and_health(bench: Bench, tmp_path: object) -> None:
    keys = put_small(bench, 3)
    heartbeat = f"{tmp_path}/heartbeat"
    env = {**bench.env, "GRADIENT_HEARTBEAT_FILE": heartbeat}
    with Console(env=env) as daemon:
        daemon.wait_for("Worker started")
        with Console("enqueue", *keys, "queue", env=env) as enqueue:
            assert enqueue.wait() == 1
            assert enqueue.stdout.splitlines() == ["gradient-" + key.replace("/", "-") for key in keys]
            assert "gradientd: queue was refused: " in enqueue.stderr
        daemon.wait_for(DONE, count=3)
        with Console("health", env=env) as health:
            assert health.wait() == 0
        worker = json.loads(bench.redis.get(bench.redis.keys("gradientd:worker:*")[0]))
        assert worker["pid"] == daemon.process.pid
        daemon.signal(signal.SIGINT)
        assert daemon.wait() == 0
    assert_completed(bench, keys)


def test_push_is_picked_up_within_milliseconds(bench: Bench) -> None:
    keys = put_small(bench, 6)
    env = {**bench.env, "GRADIENT_WORKER_POLL_INTERVAL_MS": "5000"}
    with Console(env=env) as daemon:
        daemon.wait_for("Worker started")
        time.sleep(0.5)
        waits_s = []
        for number, key in enumerate(keys):
            began = time.monotonic()
            bench.push_id_job(key)
            daemon.wait_for(DONE, count=number + 1)
            waits_s.append(time.monotonic() - began)
    assert sorted(waits_s)[len(waits_s) // 2] < 0.5


def test_extra_fields_that_were_asked_for_reach_the_stored_result(bench: Bench) -> None:
    keys = put_small(bench, 1)
    bench.push_id_job(keys[0])
    with Console("--once", env={**bench.env, "GRADIENT_EXTRAS": ",".join(Extra)}) as console:
        assert console.wait() == 0, console.report()
    gradient = bench.result(keys[0]).gradient
    assert gradient is not None
    assert list(gradient)[6:] == list(Extra)
    assert len(gradient["shares"]) == len(gradient["palette"]) == len(gradient["oklch"])


def test_unknown_extra_field_ends_the_worker_with_78(bench: Bench) -> None:
    with Console("--once", env={**bench.env, "GRADIENT_EXTRAS": "shares,size"}) as console:
        assert console.wait() == 78
        assert console.stdout == ""
        assert "GRADIENT_EXTRAS knows dimensions, thumbHash, " in console.stderr
