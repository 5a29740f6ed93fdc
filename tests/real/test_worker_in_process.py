"""GradientWorker as a library, in this (patched) process, against real servers."""

from __future__ import annotations

import dataclasses
import io
import json
import time
from collections.abc import Callable, Iterator

import gevent
import pytest
import redis

from gradientd import GradientWorker, create_logger
from gradientd.errors import BucketMissing
from gradientd.model import Status
from gradientd.storage import Storage
from tests.real.conftest import Bench
from tests.real.pictures import jpeg, large_jpeg


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def worker(bench: Bench, log: io.StringIO) -> Iterator[GradientWorker]:
    settings = dataclasses.replace(bench.settings, concurrency=4)
    template = redis.Redis.from_url(settings.redis_url)
    worker = GradientWorker(template, create_logger("info", "json", log), settings)
    yield worker
    worker.stop()
    template.close()


def test_hub_is_never_blocked_while_four_large_pictures_decode(bench: Bench, worker: GradientWorker) -> None:
    keys = [f"large/{number}.jpg" for number in range(4)]
    for number, key in enumerate(keys):
        bench.storage.put(key, large_jpeg(progressive=number == 3), "image/jpeg")
    worker.start()
    gevent.sleep(0.5)
    # A busy machine may keep the whole process waiting: what blocks the hub does so every time.
    assert min(longest_gap_s(bench, worker, keys) for _ in range(3)) < 0.1


def longest_gap_s(bench: Bench, worker: GradientWorker, keys: list[str]) -> float:
    """For how long at most the hub gave no greenlet its turn while these jobs were done."""
    gaps_s: list[float] = []

    def beat() -> None:
        last = time.perf_counter()
        while True:
            gevent.sleep(0.002)
            now = time.perf_counter()
            gaps_s.append(now - last)
            last = now

    beater = gevent.spawn(beat)
    for key in keys:
        bench.push_id_job(key)
    gevent.sleep(0.05)
    drained = worker.drain()
    beater.kill()
    assert drained.completed == 4
    assert len(gaps_s) > 20
    return max(gaps_s)


def test_library_use_as_the_readme_shows_it(bench: Bench, worker: GradientWorker, log: io.StringIO) -> None:
    bench.storage.put("lakes/como.jpg", jpeg(), "image/jpeg")
    job = {"guildId": "g", "galleryName": "lakes", "storageKey": "lakes/como.jpg", "itemId": "como"}
    assert worker.enqueue_job(job) == "gradient-lakes-como.jpg"
    assert worker.enqueue_job(job) == "gradient-lakes-como.jpg"
    assert (worker.get_queue_length(), worker.get_processing_count(), worker.get_delayed_count()) == (1, 0, 0)
    worker.start()
    assert worker.get_stats().is_running
    drained = worker.drain()
    assert (drained.completed, drained.failed, drained.stopped_by) == (1, 0, None)
    worker.stop()
    stats = worker.get_stats().as_dict()
    assert list(stats) == [
        "jobsProcessed",
        "jobsFailed",
        "activeJobs",
        "isRunning",
        "avgProcessingTimeMs",
        "totalProcessingTimeMs",
    ]
    assert (stats["jobsProcessed"], stats["activeJobs"], stats["isRunning"]) == (1, 0, False)
    assert stats["avgProcessingTimeMs"] == stats["totalProcessingTimeMs"] > 0
    messages = [json.loads(line)["msg"] for line in log.getvalue().splitlines()]
    assert messages[:2] == ["Initializing gradient generator worker", "Worker started"]
    assert "Job completed successfully" in messages


def no_such_bucket() -> None:
    raise BucketMissing("The bucket does not exist.")


def surprise() -> None:
    raise ValueError("nobody foresaw it")


@pytest.mark.parametrize(("probe", "reason"), [(no_such_bucket, "does not exist"), (surprise, "unforeseen error")])
def test_storage_that_cannot_be_used_is_told_at_the_start_before_any_job_asks_for_it(
    worker: GradientWorker,
    log: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    probe: Callable[[], None],
    reason: str,
) -> None:
    monkeypatch.setattr(Storage, "probe", lambda _: probe())
    worker.start()
    gevent.sleep(0.1)
    trouble = worker.instruments.condition().storage_trouble
    assert trouble is not None
    assert reason in trouble.reason
    told = [line for line in map(json.loads, log.getvalue().splitlines()) if line.get("dependency") == "Storage"]
    assert [line["msg"] for line in told] == ["Storage is unavailable: taking no jobs until it is back"]


def test_job_enqueued_again_runs_again_while_the_old_result_stays_readable(
    bench: Bench, worker: GradientWorker
) -> None:
    bench.storage.put("a.jpg", jpeg(seed=1), "image/jpeg")
    job = {"guildId": "g", "galleryName": "n", "storageKey": "a.jpg", "itemId": "a"}
    worker.start()
    worker.enqueue_job(job)
    worker.drain()
    first = bench.result("a.jpg")
    bench.storage.put("a.jpg", jpeg(seed=2), "image/jpeg")
    bench.redis.set("gradientd:paused", "1")
    worker.enqueue_job(job)
    assert bench.result("a.jpg").gradient == first.gradient
    bench.redis.delete("gradientd:paused")
    gevent.sleep(1.2)
    worker.drain()
    second = bench.result("a.jpg")
    assert second.status is Status.COMPLETED
    assert second.gradient != first.gradient
    assert second.created_at == first.created_at


def test_many_may_enqueue_at_once(bench: Bench, worker: GradientWorker) -> None:
    job = {"guildId": "g", "galleryName": "n", "itemId": "i"}
    callers = [gevent.spawn(worker.enqueue_job, {**job, "storageKey": f"{number}.jpg"}) for number in range(60)]
    assert [caller.get() for caller in callers] == [f"gradient-{number}.jpg" for number in range(60)]
    assert worker.get_queue_length() == 60


def test_many_may_ask_at_once(worker: GradientWorker) -> None:
    questions = (
        worker.get_queue_length, worker.get_processing_count, worker.get_delayed_count, worker.check_dependencies,
    )  # fmt: skip
    callers = [gevent.spawn(question) for question in questions for _ in range(60)]
    assert [caller.get() for caller in callers] == [0] * 180 + [None] * 60
