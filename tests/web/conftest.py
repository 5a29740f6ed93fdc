"""A status server on a real Valkey, with a worker that takes no jobs, and what fills it."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from gradientd.jobqueue import Connector, Queue, keys
from gradientd.logs import create_logger
from gradientd.settings import Settings
from gradientd.web import StatusServer
from gradientd.worker import GradientWorker
from tests.web.browsing import Answer, ask

TOKEN = "0123456789abcdef"
GRADIENT = {
    "palette": ["#102030", "#FFEEDD"],
    "primary": "#102030",
    "secondary": "#FFEEDD",
    "foreground": "#FFFFFF",
    "css": "linear-gradient(135deg, #102030 0%, #FFEEDD 100%)",
    "blurDataUrl": "data:image/jpeg;base64,/9j/4AAQ",
}


@dataclass
class Site:
    """A status server under test; `redis` may write anything, `log` is what the worker logged."""

    server: StatusServer
    worker: GradientWorker
    queue: Queue
    redis: Any
    log: io.StringIO

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def get(self, path: str = "/", **headers: str) -> Answer:
        return self.ask("GET", path, headers)

    def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
        return self.ask("POST", path, headers, form or {})

    def ask(self, method: str, path: str, headers: dict[str, str], form: dict[str, str] | None = None) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(method, self.url + path, headers=named, form=form)

    def form_token(self, **headers: str) -> str:
        """What a form of the page carries."""
        found = re.search(r'name="form_token" value="([0-9a-f]+)"', self.get("/", **headers).text)
        assert found
        return found[1]

    def add_result(self, storage_key: str, **changes: Any) -> None:
        now_ms = round(time.time() * 1000)
        result = {"status": "completed", "gradient": {**GRADIENT, **changes}, "attempts": 1}
        self.redis.set(f"gradient:{storage_key}", json.dumps({**result, "createdAt": now_ms, "updatedAt": now_ms}))
        self.redis.zadd(keys.RECENT, {storage_key: now_ms})
        self.redis.hset(keys.RECENT_MS, storage_key, 42)

    def add_letter(self, storage_key: str, code: str = "not_an_image", message: str = "No.", **more: Any) -> None:
        """A dead letter as `fail` leaves it."""
        job = {"guildId": "g", "galleryName": "a", "storageKey": storage_key, "itemId": "i"}
        letter = {
            "code": code,
            "message": message,
            "storageKey": storage_key,
            "jobId": f"id of {storage_key}",
            "attempts": 1,
            "form": "id",
            "element": f"id of {storage_key}",
            "payload": json.dumps(job),
            "lease": "the-lease-token",
            "failedAt": round(time.time() * 1000),
            **more,
        }
        self.redis.hset(keys.DEAD, storage_key, json.dumps(letter))
        self.redis.zadd(keys.DEAD_INDEX, {storage_key: letter["failedAt"]})

    def add_worker(self, worker_id: str, **changes: Any) -> None:
        heartbeat = {
            "workerId": worker_id,
            "host": worker_id,
            "pid": 7,
            "version": "9.9.9",
            "concurrency": 4,
            "startedAt": 1_700_000_000_000,
            "state": "running",
            "jobsProcessed": 1234,
            "jobsFailed": 5,
            "jobs": [{"jobId": "j", "storageKey": "g/in-work.jpg", "phase": "decode", "forMs": 1500}],
        }
        self.queue.renew([], worker_id=worker_id, heartbeat_json=json.dumps({**heartbeat, **changes}))


@pytest.fixture
def open_site(valkey: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Site]]:
    """Starts sites on an emptied Valkey; settings by keyword."""
    monkeypatch.setattr(GradientWorker, "probe_storage", lambda worker: None)
    sites: list[Site] = []

    def start(**changes: Any) -> Site:
        log = io.StringIO()
        logger = create_logger("info", "json", log)
        given = {"redis_url": valkey, "http_addr": ("127.0.0.1", 0), **changes}
        settings = Settings(
            s3_endpoint="http://127.0.0.1:1", s3_access_key="AKIDSECRET", s3_secret_key="verysecret",
            master_bucket_name="photos", **given,
        )  # fmt: skip
        worker = GradientWorker(None, logger, settings)
        queue = Queue(Connector.from_settings(settings).client(socket_timeout_s=30, max_connections=2))
        queue.client.flushall()
        server = StatusServer(worker, settings, logger)
        server.start()
        sites.append(Site(server, worker, queue, queue.client, log))
        return sites[-1]

    yield start
    for site in sites:
        site.server.stop()
        site.queue.close()


@pytest.fixture
def site(open_site: Callable[..., Site]) -> Site:
    """A site on loopback without a token."""
    return open_site()


@pytest.fixture
def guarded(open_site: Callable[..., Site]) -> Site:
    """A site on loopback with TOKEN."""
    return open_site(http_token=TOKEN)


@pytest.fixture
def exposed(open_site: Callable[..., Site]) -> Site:
    """A site on every interface without a token."""
    return open_site(http_addr=("", 0))
