"""A master that dies under load, with a replica and three Sentinels: work goes on by itself.

Replication is asynchronous, so what a master acknowledged last may die with it. That is Redis's to lose; the checker
here does what an operator's backfill does: it enqueues those pictures again, and counts them.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from gradientd.errors import RedisUnavailable
from gradientd.jobqueue import Connector, Queue
from gradientd.model import Status
from gradientd.settings import Settings
from gradientd.storage import Storage
from tests.jobqueue.servers import Server, free_port, redis_binary, running
from tests.real.console import Console, environment_of, wait_until
from tests.real.pictures import jpeg

JOBS = 240
JOBS_PER_S = 40
SHORT_PERIODS = {
    "GRADIENT_LEASE_MS": "2000",
    "GRADIENT_REAP_INTERVAL_MS": "500",
    "GRADIENT_AUDIT_INTERVAL_MS": "3000",
    "GRADIENT_WORKER_POLL_INTERVAL_MS": "200",
    "LOG_LEVEL": "debug",
}
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Trio:
    """A master and its replica, watched by three Sentinels as `gallery`."""

    master: Server
    replica: Server
    url: str


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[Trio]:
    binary = redis_binary()
    with ExitStack() as stack:
        master = stack.enter_context(running(binary, "--repl-diskless-sync-delay", "0", port=free_port()))
        replica_of = ("--replicaof", f"127.0.0.1 {master.port}")
        replica = stack.enter_context(running(binary, *replica_of, port=free_port()))
        ports = [free_port() for _ in range(3)]
        for port in ports:
            stack.enter_context(sentinel(binary, tmp_path / str(port), port, master.port))
        wait_until(lambda: all(knows_everybody(port) for port in ports), PATIENCE_S)
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        yield Trio(master, replica, f"redis+sentinel://{hosts}/gallery/0")


def sentinel(binary: str, folder: Path, port: int, master_port: int) -> ExitStack:
    folder.mkdir()
    config = folder / "sentinel.conf"
    config.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor gallery 127.0.0.1 {master_port} 2\n"
        "sentinel down-after-milliseconds gallery 700\nsentinel failover-timeout gallery 5000\n"
    )
    stack = ExitStack()
    process = subprocess.Popen([binary, str(config), "--sentinel"], stdout=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.kill)
    return stack


def knows_everybody(port: int) -> bool:
    with redis.Redis(port=port) as client:
        try:
            state: Any = client.sentinel_masters()
        except redis.RedisError:
            return False
    gallery = state.get("gallery", {})
    return bool(gallery.get("num-slaves") == 1 and gallery.get("num-other-sentinels") == 2)


def stop_replication(master: Server) -> None:
    """What the master acknowledges from now on it takes with it: a replica that is refused PSYNC tries SYNC."""
    admin: Any = master.client()
    admin.execute_command("ACL", "SETUSER", "default", "-psync", "-sync")
    admin.execute_command("CLIENT", "KILL", "TYPE", "replica")
    admin.close()


class Producer:
    """Enqueues pictures, and remembers which of them Redis acknowledged."""

    def __init__(self, settings: Settings) -> None:
        self.acknowledged: list[str] = []
        self.queue = Queue(Connector.from_settings(settings).client(socket_timeout_s=1.0, max_connections=2))

    def enqueue(self, storage_key: str) -> None:
        """Until it is acknowledged."""
        fields = {"guildId": "g", "galleryName": "g", "storageKey": storage_key, "itemId": "i"}
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.queue.enqueue(fields)
            except RedisUnavailable:
                assert time.monotonic() < deadline, "Sentinel brought no new master"
                time.sleep(0.1)
            else:
                self.acknowledged.append(storage_key)
                return

    def unfinished(self) -> list[str]:
        """Acknowledged pictures that have no gradient."""
        results = {key: self.queue.result(key) for key in self.acknowledged}
        return [key for key, result in results.items() if result is None or result.status is not Status.COMPLETED]

    def is_settled(self) -> bool:
        """Whether nothing waits or runs; not as long as no master answers."""
        try:
            lengths = self.queue.lengths()
        except RedisUnavailable:
            return False
        return (lengths.queue, lengths.processing, lengths.delayed) == (0, 0, 0)


def test_master_that_dies_under_load_costs_nothing_but_what_replication_lost(
    trio: Trio, server_settings: Settings, record_property: Any
) -> None:
    keys = [f"load/{number:04d}.jpg" for number in range(JOBS)]
    storage = Storage(server_settings)
    for key in keys:
        storage.put(key, jpeg(160, 120), "image/jpeg")
    storage.close()
    env = {
        **SHORT_PERIODS,
        **environment_of(server_settings),
        "REDIS_URL": trio.url,
    }
    settings = Settings(trio.url, server_settings.s3_endpoint, "key", "secret", "bucket")
    producer = Producer(settings)
    with Console(env=env) as one, Console(env=env) as other:
        for worker in (one, other):
            worker.wait_for("Worker started")
        for number, key in enumerate(keys):
            if number == JOBS // 3:
                stop_replication(trio.master)
            if number == JOBS // 3 + JOBS_PER_S // 2:
                trio.master.stop()
            producer.enqueue(key)
            time.sleep(1 / JOBS_PER_S)
        wait_until(producer.is_settled, PATIENCE_S)
        lost = producer.unfinished()
        for key in lost:
            producer.enqueue(key)
        wait_until(lambda: producer.is_settled() and not producer.unfinished(), PATIENCE_S)
        assert trio.replica.client().info("replication")["role"] == "master"
        ran = sum(len(worker.events("Job completed successfully")) for worker in (one, other))
        for worker in (one, other):
            assert worker.process.poll() is None
            assert len(worker.events("Redis is unavailable: taking no jobs until it is back")) == 1
            assert len(worker.events("Redis is back")) == 1
            worker.signal()
            assert worker.wait() == 0
            assert "Traceback" not in worker.stderr
    producer.queue.close()
    assert 0 < len(lost) <= JOBS_PER_S, "replication was stopped half a second before the master died"
    record_property("jobs", JOBS)
    record_property("acknowledged, lost by replication, enqueued again", len(lost))
    record_property("runs beyond the first", ran - JOBS)
