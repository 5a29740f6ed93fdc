"""A Valkey on a port, since Node and redis-cli reach it so, and the guide's functions in both languages."""

from __future__ import annotations

import runpy
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
import pytest

from gradientd.embedded import S3, Valkey, open_bucket
from tests.integration.node import Node
from tests.integration.snippets import snippet
from tests.missing import go_without
from tests.real.conftest import Bench, emptied


@pytest.fixture(scope="session")
def port_server(valkey_server: Valkey) -> Iterator[Valkey]:
    """One that all of these tests share; it skips or fails as `valkey_server` does."""
    with Valkey(tcp=True) as server:
        yield server


@pytest.fixture
def bench(port_server: Valkey, s3_server: S3) -> Iterator[Bench]:
    """Both servers, emptied."""
    with emptied(open_bucket(port_server, s3_server, f"bucket-{secrets.token_hex(6)}")) as bench:
        yield bench


@dataclass(frozen=True)
class ApiServer:
    """The guide's functions, whatever language they are in."""

    enqueue: Callable[[dict[str, Any]], str]
    enqueue_inline: Callable[[dict[str, Any]], str]
    enqueue_at_once: Callable[[dict[str, Any], int], list[str]]
    results: Callable[[list[str]], dict[str, Any]]


@pytest.fixture(scope="module")
def node(port_server: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("node"), port_server.url) as node:
        yield node


@pytest.fixture(params=["python", "node"])
def api_server(request: pytest.FixtureRequest, bench: Bench, tmp_path: Path) -> ApiServer:
    if request.param == "node":
        node: Node = request.getfixturevalue("node")
        return ApiServer(
            enqueue=lambda picture: str(node.call("enqueue", picture)),
            enqueue_inline=lambda picture: str(node.call("enqueueInline", picture)),
            enqueue_at_once=lambda picture, times: list(node.call("enqueueAtOnce", picture, times)),
            results=lambda keys: dict(node.call("results", keys)),
        )
    producer, reader = (run_snippet(name, tmp_path) for name in ("producer.py", "reader.py"))

    def enqueue_at_once(picture: dict[str, Any], times: int) -> list[str]:
        callers = [gevent.spawn(producer["enqueue"], bench.redis, picture) for _ in range(times)]
        return [caller.get() for caller in callers]

    return ApiServer(
        enqueue=lambda picture: str(producer["enqueue"](bench.redis, picture)),
        enqueue_inline=lambda picture: str(producer["enqueue_inline"](bench.redis, picture)),
        enqueue_at_once=enqueue_at_once,
        results=lambda keys: dict(reader["results"](bench.redis, keys)),
    )


def run_snippet(name: str, folder: Path) -> dict[str, Any]:
    """Run a Python snippet from a file; returns what it defines."""
    (folder / name).write_text(snippet(name))
    return runpy.run_path(str(folder / name))


@pytest.fixture(scope="session")
def redis_cli() -> str:
    return shutil.which("redis-cli") or go_without("redis-cli (apt-get install redis-tools)")
