"""Planted in Redis: reach, rights, version, memory, role, the queue itself."""

from __future__ import annotations

from typing import Any

import pytest

from gradientd.cli.exits import Exit
from gradientd.embedded import Valkey
from tests.cli.doctor.consulting import PASSWORD, as_documented_user, faults, only_fault, run
from tests.cli.doctor.stand_ins import OldRedis
from tests.real.conftest import Bench


def test_2_redis_that_is_down_is_found(bench: Bench) -> None:
    text = only_fault({**bench.env, "REDIS_URL": "redis://:hunter2@127.0.0.1:1/0"}, Exit.UNAVAILABLE, "redis")
    assert text.startswith("redis://127.0.0.1:1/0: Redis cannot be reached: ")


def test_3_wrong_redis_password_is_found_and_not_told(bench: Bench, admin: Any) -> None:
    env = as_documented_user(bench)
    wrong = {**env, "REDIS_URL": env["REDIS_URL"].replace(PASSWORD, "hunter2")}
    text = only_fault(wrong, Exit.UNAVAILABLE, "redis")
    assert text.endswith("Redis refuses the user name or the password.")
    assert "hunter2" not in text


def test_4_eviction_policy_is_found(bench: Bench, admin: Any) -> None:
    admin.config_set("maxmemory-policy", "allkeys-lru")
    text = only_fault(as_documented_user(bench), Exit.SOME_FAILED, "eviction")
    assert text.startswith("maxmemory-policy is allkeys-lru: ")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (["-zadd", "-lrem"], "this Redis user may not run lrem, zadd on gradient:* and gradientd:*"),
        (["resetkeys", "~gradient:*"], " on gradientd:*"),
        (["-time"], "forbids this user a command or a key"),
        (["-evalsha"], "forbids this user a command or a key"),
    ],
)
def test_5_too_narrow_rights_are_found(bench: Bench, admin: Any, change: list[str], told: str) -> None:
    code, findings = run(as_documented_user(bench, *change))
    assert code in (Exit.SOME_FAILED, Exit.UNAVAILABLE)
    ((check, text),) = faults(findings)
    assert check in ("rights", "redis")
    assert told in text


def test_6_redis_that_is_too_old_is_found(bench: Bench) -> None:
    with OldRedis() as url:
        code, findings = run({**bench.env, "REDIS_URL": url})
    assert code == Exit.UNAVAILABLE, "it has no scripts either"
    assert ("redis", f"Redis 5.0.14 at {url} is too old: it has no BLMOVE") in faults(findings)


def test_17_full_redis_is_found(bench: Bench, admin: Any) -> None:
    admin.config_set("maxmemory", admin.info("memory")["used_memory"])
    text = only_fault(as_documented_user(bench), Exit.SOME_FAILED, "memory")
    assert text.startswith("Redis uses ")


def test_18_replica_is_found(bench: Bench) -> None:
    with Valkey("--replicaof", "127.0.0.1", "1") as replica:
        text = only_fault({**bench.env, "REDIS_URL": replica.url}, Exit.SOME_FAILED, "redis")
    assert text == "this is a replica, which takes no writes"


def test_19_queue_that_was_overwritten_is_found(bench: Bench) -> None:
    bench.redis.set("gradient:queue", "a result of somebody's")
    text = only_fault(bench.env, Exit.UNAVAILABLE, "redis")
    assert "holds a value of another type" in text


def test_without_the_right_to_ask_it_is_unknown_and_says_so(bench: Bench, admin: Any) -> None:
    code, findings = run(as_documented_user(bench, "-info"))
    assert (code, faults(findings)) == (0, [])
    assert ("unknown", "eviction", "this user may not run INFO") in findings
