"""The HTTP side of the real console script, from before the worker's start to after its end."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gradientd.embedded import Valkey
from gradientd.jobqueue import Connector, Queue
from gradientd.settings import Settings
from gradientd.storage import Storage
from tests.real.console import Console, wait_until
from tests.real.pictures import jpeg
from tests.web.browsing import get


def env_of(settings: Settings, **more: str) -> dict[str, str]:
    return {
        "REDIS_URL": settings.redis_url,
        "S3_ENDPOINT": settings.s3_endpoint,
        "S3_ACCESS_KEY": settings.s3_access_key,
        "S3_SECRET_KEY": settings.s3_secret_key,
        "MASTER_BUCKET_NAME": settings.master_bucket_name,
        "GRADIENT_HTTP_ADDR": "127.0.0.1:0",
        **more,
    }


def url_of(worker: Console) -> str:
    return str(worker.wait_for("Serving HTTP")[0]["url"]).rstrip("/")


def status_of(url: str) -> int:
    return get(url).status


@pytest.fixture
def queue(server_settings: Settings) -> Iterator[Queue]:
    queue = Queue(Connector.from_settings(server_settings).client(socket_timeout_s=5, max_connections=2))
    queue.client.flushall()
    yield queue
    queue.close()


@pytest.fixture
def worker(server_settings: Settings, queue: Queue) -> Iterator[Console]:
    with Console(env=env_of(server_settings)) as console:
        yield console


def samples(metrics: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """The metrics' values by name and label values."""
    families = text_string_to_metric_families(metrics)
    return {(s.name, tuple(s.labels.values())): s.value for family in families for s in family.samples}


def enqueue(queue: Queue, settings: Settings, key: str, body: bytes) -> None:
    storage = Storage(settings)
    storage.put(key, body, "image/jpeg")
    storage.close()
    queue.enqueue({"guildId": "g", "galleryName": "a", "storageKey": key, "itemId": "i"})


def test_metrics_tell_what_the_worker_did(worker: Console, queue: Queue, server_settings: Settings) -> None:
    body = jpeg()
    enqueue(queue, server_settings, "good.jpg", body)
    enqueue(queue, server_settings, "bad.jpg", b"<html>")
    worker.wait_for("Job completed successfully")
    worker.wait_for("Job failed for good: kept as a dead letter")
    found = samples(get(f"{url_of(worker)}/metrics").text)
    assert found["gradientd_jobs_total", ("completed",)] == 1
    assert found["gradientd_jobs_total", ("failed",)] == 1
    assert found["gradientd_jobs_total", ("lost",)] == 0
    assert found["gradientd_bytes_total", ()] == len(body) + len(b"<html>")
    assert found["gradientd_queue_depth", ("queue",)] == 0
    assert found["gradientd_oldest_job_seconds", ()] == 0
    assert found["gradientd_dead_letters", ()] == 1
    assert found["gradientd_redis_up", ()] == 1
    assert found["gradientd_job_seconds_count", ("queue_wait",)] == 2
    assert found["gradientd_job_seconds_count", ("download",)] == 2
    for stage in ("decode", "palette", "store"):
        assert found["gradientd_job_seconds_count", (stage,)] == 1
        assert 0 < found["gradientd_job_seconds_sum", (stage,)] < 5


def test_worker_that_waits_is_alive_and_ready(worker: Console) -> None:
    url = url_of(worker)
    wait_until(lambda: status_of(f"{url}/readyz") == 200)
    assert get(f"{url}/livez").json() == {"status": "ok"}
    assert get(f"{url}/readyz").json() == {"status": "ok"}
    assert get(f"{url}/health").json() == {"status": "ok"}


def test_worker_without_redis_is_alive_and_not_ready_until_it_is_back(server_settings: Settings) -> None:
    with Valkey() as own, Console(env=env_of(server_settings, REDIS_URL=own.url)) as worker:
        url = url_of(worker)
        wait_until(lambda: status_of(f"{url}/readyz") == 200)
        own.stop()
        wait_until(lambda: status_of(f"{url}/readyz") == 503)
        assert get(f"{url}/readyz").json() == {"status": "unavailable", "problems": {"redis": "redis_unavailable"}}
        assert get(f"{url}/health").status == 503
        assert get(f"{url}/livez").status == 200
        found = samples(get(f"{url}/metrics").text)
        assert found["gradientd_redis_up", ()] == 0
        assert ("gradientd_dead_letters", ()) not in found
        own.start()
        wait_until(lambda: status_of(f"{url}/readyz") == 200)
        assert samples(get(f"{url}/metrics").text)["gradientd_redis_reconnects_total", ()] == 1


def test_worker_without_storage_is_alive_and_not_ready(server_settings: Settings, queue: Queue) -> None:
    with Console(env=env_of(server_settings, S3_ENDPOINT="http://127.0.0.1:1")) as worker:
        url = url_of(worker)
        worker.wait_for("Storage is unavailable: taking no jobs until it is back")
        answer = get(f"{url}/readyz")
        assert (answer.status, answer.json()["problems"]) == (503, {"storage": "storage_unavailable"})
        assert get(f"{url}/livez").status == 200
        assert samples(get(f"{url}/metrics").text)["gradientd_breaker_open", ()] == 1


class SlowStorage:
    """An S3 server that takes a request and never answers."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> SlowStorage:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()


def test_readiness_says_draining_to_the_end_of_a_graceful_stop(server_settings: Settings, queue: Queue) -> None:
    with SlowStorage() as slow, Console(
        env=env_of(server_settings, S3_ENDPOINT=slow.endpoint, GRADIENT_SHUTDOWN_GRACE_MS="3000", LOG_LEVEL="debug")
    ) as worker:
        url = url_of(worker)
        queue.enqueue({"guildId": "g", "galleryName": "a", "storageKey": "slow.jpg", "itemId": "i"})
        worker.wait_for("Job taken")
        worker.signal()
        worker.wait_for("Stopping: taking no more jobs")
        answer = get(f"{url}/readyz")
        assert (answer.status, answer.json()["status"]) == (503, "draining")
        assert get(f"{url}/livez").status == 200
        assert worker.wait() == 0


def refused(settings: Settings, **env: str) -> tuple[int, str]:
    with Console(env=env_of(settings, **env)) as worker:
        return worker.wait(), worker.stderr


def test_busy_port_is_a_sentence_and_exit_code_78(server_settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, err = refused(server_settings, GRADIENT_HTTP_ADDR=f"127.0.0.1:{port}")
    assert code == 78
    assert err.splitlines()[1:] == [f"  GRADIENT_HTTP_ADDR: port {port} is in use by another process"]


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("203.0.113.1:9876", "203.0.113.1 is no address of this machine"),
        ("no-such-host.invalid:9876", "no-such-host.invalid is no name that this machine can resolve"),
    ],
)
def test_wrong_address_is_a_sentence_and_exit_code_78(server_settings: Settings, address: str, sentence: str) -> None:
    code, err = refused(server_settings, GRADIENT_HTTP_ADDR=address)
    assert (code, err.splitlines()[1:]) == (78, [f"  GRADIENT_HTTP_ADDR: {sentence}"])


def test_http_is_off_by_default(server_settings: Settings, queue: Queue) -> None:
    with Console(env=env_of(server_settings, GRADIENT_HTTP_ADDR="")) as worker:
        worker.wait_for("Worker started")
        assert worker.events("Serving HTTP") == []


def test_summary_line_says_what_was_done_and_is_silent_while_nothing_happens(
    server_settings: Settings, queue: Queue
) -> None:
    with Console(env=env_of(server_settings, GRADIENT_SUMMARY_INTERVAL_S="1")) as worker:
        enqueue(queue, server_settings, "good.jpg", jpeg())
        line: dict[str, Any] = worker.wait_for("Summary")[0]
        assert (line["completed"], line["queued"], line["activeJobs"]) == (1, 0, 0)
        assert line["avgProcessingTimeMs"] > 0
        worker.signal()
        worker.wait()
        assert len(worker.events("Summary")) == 1


def test_worker_leaves_the_fleet_when_it_stops(worker: Console, queue: Queue) -> None:
    (started,) = worker.wait_for("Worker started")
    wait_until(lambda: queue.client.zcard("gradientd:workers") == 1)
    assert json.loads(str(queue.client.get(f"gradientd:worker:{started['workerId']}")))["state"] == "running"
    worker.signal()
    worker.wait()
    assert list(queue.client.scan_iter("gradientd:worker*")) == []
