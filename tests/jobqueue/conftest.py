"""One suite over three servers: fakeredis, a Valkey from pip, Debian's Redis; the real ones as the documented user."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fakeredis
import pytest
import redis

from gradientd.jobqueue import Connector, Queue, Recovered, Taken, keys
from gradientd.model import Gradient, Job
from tests.jobqueue.servers import Server, redis_binary, running, valkey_binary

ACL_FILE = Path(__file__).parents[2] / "etc" / "redis-acl.conf"
PASSWORD = "a-password-of-the-tests"
GRADIENT = Gradient(
    palette=("#FF0000", "#00FF00"),
    primary="#FF0000",
    secondary="#00FF00",
    foreground="#FFFFFF",
    blur_data_url="data:image/jpeg;base64,AAAA",
)


@dataclass(frozen=True)
class Bench:
    """A server under test: `admin` may look everywhere, `connector` makes clients as gradientd has them."""

    admin: Any
    connector: Connector
    is_real: bool

    def queue(self, **settings: Any) -> Queue:
        timeout_s = settings.pop("socket_timeout_s", 5.0)
        return Queue(self.connector.client(socket_timeout_s=timeout_s, max_connections=10), **settings)

    def snapshot(self) -> dict[str, Any]:
        """The whole keyspace by value."""
        readers: dict[str, Callable[[str], Any]] = {
            "string": self.admin.get,
            "list": lambda key: self.admin.lrange(key, 0, -1),
            "hash": self.admin.hgetall,
            "zset": lambda key: self.admin.zrange(key, 0, -1, withscores=True),
        }
        return {key: readers[str(self.admin.type(key))](key) for key in sorted(self.admin.scan_iter(count=10_000))}


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Server]:
    with running(valkey_binary()) as server:
        yield server


@pytest.fixture(scope="session")
def debian_redis_server() -> Iterator[Server]:
    with running(redis_binary()) as server:
        yield server


def as_documented_user(server: Server) -> Bench:
    """A bench on an empty server whose queue clients log in as the user of etc/redis-acl.conf."""
    admin = server.client()
    admin.flushall()
    line = re.search(r"^user (gradientd .*)$", ACL_FILE.read_text(), re.MULTILINE)
    if line is None:
        raise AssertionError("etc/redis-acl.conf holds no user line")
    rules = line[1].replace(">change-me", f">{PASSWORD}").split()
    admin.execute_command("ACL", "SETUSER", rules[0], "reset", *rules[1:])
    user = redis.Redis(unix_socket_path=server.socket_path, username="gradientd", password=PASSWORD)
    bench = Bench(admin, Connector.from_client(user), is_real=True)
    user.close()
    return bench


@pytest.fixture(params=["fakeredis", "valkey_server", "debian_redis_server"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    if request.param == "fakeredis":
        shared = fakeredis.FakeServer()
        admin = fakeredis.FakeRedis(server=shared, decode_responses=True, encoding_errors="surrogateescape")
        made = Bench(admin, Connector.from_client(fakeredis.FakeRedis(server=shared)), is_real=False)
    else:
        made = as_documented_user(request.getfixturevalue(request.param))
    yield made
    made.admin.close()


@pytest.fixture(params=["valkey_server", "debian_redis_server"])
def real_bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = as_documented_user(request.getfixturevalue(request.param))
    yield made
    made.admin.close()


@pytest.fixture
def queue(bench: Bench) -> Iterator[Queue]:
    made = bench.queue()
    yield made
    made.close()


@pytest.fixture(params=["id", "inline"])
def job_id(request: pytest.FixtureRequest, bench: Bench, queue: Queue) -> str:
    """A job of either generation in the queue."""
    if request.param == "id":
        return queue.enqueue(fields_of(tags=[]))
    bench.admin.lpush(keys.QUEUE, json.dumps({**fields_of(tags=[]), "jobId": "3f0c-uuid"}))
    return "3f0c-uuid"


def fields_of(storage_key: str = "g/album/a.jpg", **more: Any) -> dict[str, Any]:
    return {"guildId": "g", "galleryName": "album", "storageKey": storage_key, "itemId": "a", **more}


def stored(bench: Bench, storage_key: str = "g/album/a.jpg") -> dict[str, Any]:
    """A picture's result as it stands in Redis."""
    result: dict[str, Any] = json.loads(bench.admin.get(f"gradient:{storage_key}"))
    return result


def identities(recovered: Sequence[Recovered]) -> list[str]:
    return [job.identity for job in recovered]


def take(queue: Queue, token: str = "t" * 32) -> Taken:
    taken = queue.acquire(token).taken
    assert taken is not None
    return taken


def begin(queue: Queue, token: str = "t" * 32) -> tuple[Taken, Job]:
    """Take the next job and count its attempt."""
    taken = take(queue, token)
    job = taken.parse().with_attempts(taken.attempts + 1, created_at=taken.now_ms)
    assert queue.begin(taken, job) == 0
    return taken, job


def another_token(taken: Taken) -> Taken:
    """The same job as somebody whose lease is lost would hold it."""
    return replace(taken, token="somebody else's")
