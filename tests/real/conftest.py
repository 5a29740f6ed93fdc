"""A Redis-protocol server and an S3 server, both real and both emptied for each test."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import redis

from gradientd.model import Result, Status, job_id_for
from gradientd.settings import Settings
from gradientd.storage import Storage
from tests.real.console import environment_of


@dataclass(frozen=True)
class Bench:
    """Both servers, as a producer and an operator see them."""

    settings: Settings
    redis: Any
    storage: Storage

    @property
    def env(self) -> dict[str, str]:
        """What the console script needs to know."""
        return environment_of(self.settings)

    def push_id_job(self, storage_key: str, **changes: Any) -> str:
        """As the documented protocol says: the job's key, the pending result, then the ID."""
        job_id = job_id_for(storage_key)
        fields = {**_fields(storage_key), "jobId": job_id, "attempts": 0, "createdAt": 1_700_000_000_000, **changes}
        self.redis.set(f"gradient:job:{job_id}", json.dumps(fields), ex=86_400)
        pending = {"status": "pending", "attempts": 0, "createdAt": 1_700_000_000_000, "updatedAt": 1_700_000_000_000}
        self.redis.set(f"gradient:{storage_key}", json.dumps(pending), ex=2_592_000)
        self.redis.rpush("gradient:queue", job_id)
        return job_id

    def push_inline_job(self, storage_key: str) -> str:
        """As the newest API server does: the whole job, to the left, and nothing else."""
        job_id = str(uuid.uuid4())
        self.redis.lpush("gradient:queue", json.dumps({**_fields(storage_key), "jobId": job_id}, separators=(",", ":")))
        return job_id

    def result(self, storage_key: str) -> Result:
        return Result.parse(self.redis.get(f"gradient:{storage_key}"))

    def status(self, storage_key: str) -> Status | None:
        text = self.redis.get(f"gradient:{storage_key}")
        return Result.parse(text).status if text else None

    def result_ttl_s(self, storage_key: str) -> int:
        return int(self.redis.ttl(f"gradient:{storage_key}"))

    def leftovers(self) -> dict[str, Any]:
        """What must be empty when everything is settled."""
        r = self.redis
        found = {
            "queue": r.lrange("gradient:queue", 0, -1),
            "processing": r.lrange("gradient:processing", 0, -1),
            "delayed": r.zrange("gradient:delayed", 0, -1),
            "jobs": list(r.scan_iter("gradient:job:*")),
            "leases": r.zrange("gradientd:leases", 0, -1),
            "owners": r.hgetall("gradientd:owners"),
            "attempts": r.hgetall("gradientd:attempts"),
        }
        return {name: value for name, value in found.items() if value}


@pytest.fixture
def bench(server_settings: Settings) -> Iterator[Bench]:
    with emptied(server_settings) as bench:
        yield bench


@contextmanager
def emptied(settings: Settings) -> Iterator[Bench]:
    """The servers of these settings, with nothing in Redis."""
    client = redis.Redis.from_url(settings.redis_url, decode_responses=True)
    client.flushall()
    storage = Storage(settings)
    yield Bench(settings, client, storage)
    storage.close()
    client.close()


def _fields(storage_key: str) -> dict[str, Any]:
    return {"guildId": "g1", "galleryName": "Lakes", "storageKey": storage_key, "itemId": storage_key[-20:]}
