"""What only a real server shows: memory that runs out, forgotten scripts, rights, replicas, and blocking."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
import pytest
import redis

from gradientd.errors import NotAnImage, RedisUnavailable
from gradientd.jobqueue import Completion, Connector, Fleet, Queue, keys
from tests.jobqueue.conftest import GRADIENT, Bench, begin, fields_of, identities, take
from tests.jobqueue.servers import Server

KEY = "g/album/a.jpg"
NEARLY_AT_ONCE_S = 0.1
"""Generous for a busy machine; a poll interval is ten times that."""


@pytest.fixture
def queue(real_bench: Bench) -> Iterator[Queue]:
    made = real_bench.queue()
    yield made
    made.close()


@contextmanager
def out_of_memory(bench: Bench) -> Iterator[None]:
    bench.admin.config_set("maxmemory-policy", "noeviction")
    bench.admin.config_set("maxmemory", 1)
    try:
        yield
    finally:
        bench.admin.config_set("maxmemory", 0)


# -- memory -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scripts", ["known", "flushed"])
@pytest.mark.parametrize("step", ["complete", "retry", "fail", "release", "renew", "promote", "reap"])
def test_job_is_settled_although_memory_has_run_out(
    real_bench: Bench, queue: Queue, step: str, scripts: str
) -> None:
    queue.enqueue(fields_of())
    taken, job = begin(queue)
    if step == "reap":
        real_bench.admin.zadd(keys.LEASES, {taken.identity: 1})
    real_bench.admin.zadd(keys.DELAYED, {"due": 1})
    steps: dict[str, Callable[[], Any]] = {
        "complete": lambda: queue.complete(taken, job, GRADIENT, 1) is Completion.STORED,
        "retry": lambda: queue.retry(taken, job, "why", 60_000),
        "fail": lambda: queue.fail(taken, job, KEY, NotAnImage("no")),
        "release": lambda: queue.release(taken, job),
        "renew": lambda: not queue.renew([(taken.identity, taken.token)], worker_id="w", heartbeat_json="{}"),
        "promote": lambda: queue.promote().count == 1,
        "reap": lambda: identities(queue.reap(worker_id="w").requeued) == [taken.identity],
    }
    if scripts == "flushed":
        real_bench.admin.script_flush()
    with out_of_memory(real_bench):
        assert steps[step]()


def test_taking_and_enqueueing_wait_for_memory_and_change_nothing(real_bench: Bench, queue: Queue) -> None:
    queue.enqueue(fields_of())
    taken = take(queue)
    queue.enqueue(fields_of("b"))
    job = taken.parse().with_attempts(1, created_at=1)
    before = real_bench.snapshot()
    with out_of_memory(real_bench):
        for step in (
            lambda: queue.acquire("token"),
            lambda: queue.enqueue(fields_of("c")),
            lambda: queue.begin(taken, job),
            lambda: queue.wait(0.01),
        ):
            with pytest.raises(RedisUnavailable, match="out of memory"):
                step()
    assert real_bench.snapshot() == before


# -- scripts, rights, replicas ------------------------------------------------------------------------------------


def test_forgotten_scripts_are_loaded_again(real_bench: Bench, queue: Queue) -> None:
    queue.enqueue(fields_of())
    real_bench.admin.script_flush()
    taken, job = begin(queue)
    real_bench.admin.script_flush()
    queue.complete(taken, job, GRADIENT, 1)
    assert queue.lengths().processing == 0


def test_documented_user_may_do_nothing_else(queue: Queue) -> None:
    client: Any = queue.client
    commands: tuple[Callable[[], Any], ...] = (
        lambda: client.get("another:key"),
        lambda: client.flushall(),
        lambda: client.config_get("*"),
        lambda: client.keys("*"),
        lambda: client.publish("channel", "x"),
        lambda: client.eval("return redis.call('GET', 'another:key')", 0),
        lambda: client.acl_setuser("other", enabled=True),
    )
    for command in commands:
        with pytest.raises(redis.ResponseError):
            command()


def test_missing_right_is_told(real_bench: Bench, queue: Queue) -> None:
    real_bench.admin.execute_command("ACL", "SETUSER", "gradientd", "-lmove", "-ping")
    with pytest.raises(RedisUnavailable, match="forbids"):
        queue.acquire("token")
    with pytest.raises(RedisUnavailable, match=r"forbids this user a command or a key: .*ping"):
        queue.ping()


def test_replica_that_may_not_be_written_is_told(real_bench: Bench, queue: Queue) -> None:
    queue.enqueue(fields_of())
    real_bench.admin.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        with pytest.raises(RedisUnavailable, match="read-only replica"):
            queue.acquire("token")
        with pytest.raises(RedisUnavailable, match="read-only replica"):
            queue.pause()
    finally:
        real_bench.admin.execute_command("REPLICAOF", "NO", "ONE")


@pytest.mark.parametrize("step", ["acquire", "promote", "renew", "wait", "strike"])
def test_new_master_under_the_old_name_is_found_although_the_old_one_still_answers(
    valkey_server: Server, debian_redis_server: Server, tmp_path: Path, step: str
) -> None:
    """As behind a DNS name or a proxy: a master that becomes a replica keeps its clients, and refuses them for ever."""
    name = tmp_path / "redis"
    name.symlink_to(valkey_server.socket_path)
    connector = Connector.from_client(redis.Redis(unix_socket_path=str(name)))
    queue = Queue(connector.client(socket_timeout_s=5.0, max_connections=2))
    steps: dict[str, Callable[[], Any]] = {
        "acquire": lambda: queue.acquire("token"),
        "promote": queue.promote,
        "renew": lambda: queue.renew([], worker_id="w", heartbeat_json="{}"),
        "wait": lambda: queue.wait(0.01),
        "strike": lambda: Fleet(queue.client).strike("w"),
    }
    old, new = valkey_server.client(), debian_redis_server.client()
    for admin in (old, new):
        admin.flushall()
    old.zadd(keys.DELAYED, {"due": 1})
    steps[step]()
    old.zadd(keys.DELAYED, {"due": 1})
    old.execute_command("REPLICAOF", "127.0.0.1", "1")
    name.unlink()
    name.symlink_to(debian_redis_server.socket_path)
    try:
        with pytest.raises(RedisUnavailable, match="read-only replica"):
            steps[step]()
        steps[step]()
    finally:
        old.execute_command("REPLICAOF", "NO", "ONE")
        queue.close()


def test_overwritten_queue_is_told_and_nothing_is_changed(real_bench: Bench, queue: Queue) -> None:
    real_bench.admin.set(keys.QUEUE, "a result that a peer stored under the storage key 'queue'")
    before = real_bench.snapshot()
    with pytest.raises(RedisUnavailable, match="another type"):
        queue.acquire("token")
    assert real_bench.snapshot() == before


def test_server_that_does_not_answer_is_told_in_time(real_bench: Bench) -> None:
    queue = real_bench.queue(socket_timeout_s=0.2)
    queue.ping()
    real_bench.admin.execute_command("CLIENT", "PAUSE", "700", "ALL")
    began = time.monotonic()
    with pytest.raises(RedisUnavailable, match="did not answer in time"):
        queue.lengths()
    assert time.monotonic() - began < 0.6
    real_bench.admin.execute_command("CLIENT", "UNPAUSE")
    queue.close()


def test_closed_connections_are_replaced_without_a_word(real_bench: Bench, queue: Queue) -> None:
    queue.ping()
    assert real_bench.admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") >= 1
    assert queue.lengths().queue == 0


# -- blocking -----------------------------------------------------------------------------------------------------


def test_peek_wakes_at_once_and_takes_nothing(real_bench: Bench, queue: Queue) -> None:
    waiter = real_bench.queue()
    woken = gevent.spawn(lambda: (waiter.wait(3.0), time.monotonic()))
    gevent.sleep(0.1)
    pushed = time.monotonic()
    queue.enqueue(fields_of())
    was_woken, when = woken.get(timeout=5)
    assert was_woken
    assert when - pushed < NEARLY_AT_ONCE_S
    assert queue.lengths().queue == 1
    waiter.close()


def test_peek_ends_in_time_when_nothing_comes(queue: Queue) -> None:
    began = time.monotonic()
    assert not queue.wait(0.15)
    assert 0.1 < time.monotonic() - began < 1.0


def test_wait_of_no_time_does_not_wait_for_ever(queue: Queue) -> None:
    assert not queue.wait(0)
    assert not queue.wait(-1)


def test_peeks_leave_the_order_alone(real_bench: Bench, queue: Queue) -> None:
    ids = [queue.enqueue(fields_of(f"k{number}")) for number in range(5)]
    assert all(queue.wait(0.1) for _ in range(7))
    assert real_bench.admin.lrange(keys.QUEUE, 0, -1) == ids


def test_every_waiter_wakes_and_a_v2_peer_gets_its_job(real_bench: Bench, queue: Queue) -> None:
    waiters = [real_bench.queue() for _ in range(4)]
    woken = [gevent.spawn(waiter.wait, 3.0) for waiter in waiters[:2]]
    gevent.sleep(0.05)
    peer = real_bench.queue().client
    taken_by_peer = gevent.spawn(peer.blmove, keys.QUEUE, keys.PROCESSING, 3, "LEFT", "RIGHT")
    gevent.sleep(0.05)
    woken += [gevent.spawn(waiter.wait, 3.0) for waiter in waiters[2:]]
    gevent.sleep(0.05)
    first, second = (json.dumps({"jobId": name}) for name in ("first", "second"))
    real_bench.admin.rpush(keys.QUEUE, first, second)
    assert taken_by_peer.get(timeout=5) == first
    assert all(waiter.get(timeout=5) for waiter in woken)
    assert real_bench.admin.lrange(keys.QUEUE, 0, -1) == [second]
    for waiter in waiters:
        waiter.close()
    peer.close()


def test_waiter_that_is_killed_leaves_its_connection_usable(real_bench: Bench, queue: Queue) -> None:
    waiter = real_bench.queue()
    waiting = gevent.spawn(waiter.wait, 3.0)
    gevent.sleep(0.05)
    waiting.kill()
    job_id = queue.enqueue(fields_of())
    assert take(waiter).identity == job_id
    waiter.close()


# -- size ---------------------------------------------------------------------------------------------------------


def test_a_thousand_elements_in_processing_cost_a_job_nothing(real_bench: Bench, queue: Queue) -> None:
    real_bench.admin.rpush(keys.PROCESSING, *(json.dumps({"jobId": f"a-peer's-{number}"}) for number in range(1_000)))
    for number in range(20):
        queue.enqueue(fields_of(f"k{number}"))
    real_bench.admin.config_resetstat()
    for number in range(20):
        taken, job = begin(queue, f"token-{number}")
        queue.complete(taken, job, GRADIENT, 1)
    usec_per_call = real_bench.admin.info("commandstats")["cmdstat_evalsha"]["usec_per_call"]
    assert usec_per_call < 1_000
    assert queue.lengths().processing == 1_000
