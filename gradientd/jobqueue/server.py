"""What kind of server this Redis is, as far as it tells this user: its version, its memory, its disk, its clock.

It refuses to set anything right: it only looks.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import redis
from redis import exceptions

from gradientd.jobqueue.translate import translated

OLDEST = (6, 2)
"""The first Redis that has BLMOVE and LMOVE."""
_NOT_OURS = (exceptions.ConnectionError, exceptions.TimeoutError)


@dataclass(frozen=True, slots=True)
class ServerSeen:
    """A server. None is what it does not tell this user (INFO and CONFIG need rights of their own).

    `version` is its own, `redis_version` the Redis that it stands for; `clock_ahead_ms` is against this machine.
    """

    name: str
    version: str | None
    redis_version: tuple[int, ...] | None
    clock_ahead_ms: float
    role: str | None = None
    is_cluster: bool = False
    eviction_policy: str | None = None
    max_memory: int | None = None
    used_memory: int | None = None
    has_append_only_file: bool | None = None
    has_snapshots: bool | None = None
    is_disk_failing: bool = False

    @property
    def is_too_old(self) -> bool:
        """Whether it lacks commands that gradientd lives on."""
        return self.redis_version is not None and self.redis_version < OLDEST


def look_at_server(client: redis.Redis) -> ServerSeen:
    """Ask a server about itself. Raises RedisUnavailable."""
    reader: Any = client
    with translated():
        asked_at = time.time()
        seconds, micros = reader.time()
        ahead_s = seconds + micros / 1e6 - (asked_at + time.time()) / 2
        info = _unless_refused(reader.info, {})
        hello = {} if info else _pairs(_unless_refused(lambda: reader.execute_command("HELLO"), ()))
        saves = _unless_refused(lambda: reader.config_get("save"), {}).get("save")
    name = str(info.get("server_name") or hello.get("server") or "redis").capitalize()
    version = info.get("valkey_version") or info.get("redis_version") or hello.get("version")
    return ServerSeen(
        name=name,
        version=None if version is None else str(version),
        redis_version=_numbers(str(info.get("redis_version") or hello.get("version") or "")),
        clock_ahead_ms=ahead_s * 1000,
        role=info.get("role") or hello.get("role"),
        is_cluster=bool(info.get("cluster_enabled")) or hello.get("mode") == "cluster",
        eviction_policy=info.get("maxmemory_policy"),
        max_memory=info.get("maxmemory"),
        used_memory=info.get("used_memory"),
        has_append_only_file=bool(info["aof_enabled"]) if "aof_enabled" in info else None,
        has_snapshots=None if saves is None else bool(saves),
        is_disk_failing="err" in (info.get("rdb_last_bgsave_status"), info.get("aof_last_write_status")),
    )


def _unless_refused(ask: Callable[[], Any], otherwise: Any) -> Any:
    """The answer; `otherwise` when this user may not ask, or this server does not know the question."""
    try:
        return ask()
    except _NOT_OURS:
        raise
    except exceptions.ResponseError:
        return otherwise


def _pairs(answer: Any) -> Mapping[str, Any]:
    """HELLO's answer in the older protocol: names and values by turns."""
    return answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=False))


def _numbers(version: str) -> tuple[int, ...] | None:
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else None
