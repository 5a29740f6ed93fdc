"""rediss:// with a private CA and client certificates, and a failover by Sentinel, on Debian's redis-server."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
import trustme

from gradientd.errors import RedisUnavailable
from gradientd.jobqueue import Connector, Queue
from gradientd.settings import Settings
from tests.jobqueue.conftest import GRADIENT, begin, fields_of
from tests.jobqueue.servers import Server, free_port, redis_binary, running

FAILOVER_S = 30.0


def queue_at(url: str, **files: str) -> Queue:
    settings = Settings(url, "http://127.0.0.1:1", "key", "secret", "bucket", **files)  # type: ignore[arg-type]
    return Queue(Connector.from_settings(settings).client(socket_timeout_s=2.0, max_connections=4))


# -- TLS ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tls:
    """A server that speaks only TLS and only to clients with a certificate of its CA."""

    port: int
    ca: trustme.CA
    folder: Path

    def file(self, name: str, *blobs: trustme.Blob) -> str:
        path = self.folder / name
        path.write_bytes(b"".join(blob.bytes() for blob in blobs))
        return str(path)

    def client_files(self, ca: trustme.CA) -> dict[str, str]:
        certificate = ca.issue_cert("worker@example.org")
        return {
            "redis_ca_file": self.file("ca.pem", self.ca.cert_pem),
            "redis_cert_file": self.file("client.pem", *certificate.cert_chain_pems),
            "redis_key_file": self.file("client.key", certificate.private_key_pem),
        }


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tls]:
    made = Tls(free_port(), trustme.CA(), tmp_path_factory.mktemp("tls"))
    certificate = made.ca.issue_cert("127.0.0.1")
    options = {
        "--tls-port": str(made.port),
        "--tls-ca-cert-file": made.file("server-ca.pem", made.ca.cert_pem),
        "--tls-cert-file": made.file("server.pem", *certificate.cert_chain_pems),
        "--tls-key-file": made.file("server.key", certificate.private_key_pem),
        "--tls-auth-clients": "yes",
    }
    with running(redis_binary(), *(word for option in options.items() for word in option)):
        yield made


def test_job_is_done_over_tls_with_a_private_ca_and_a_client_certificate(tls: Tls) -> None:
    queue = queue_at(f"rediss://127.0.0.1:{tls.port}/0", **tls.client_files(tls.ca))
    queue.enqueue(fields_of())
    queue.complete(*begin(queue), GRADIENT, 1)
    assert queue.lengths().processing == 0
    queue.close()


def test_server_of_an_unknown_ca_is_refused(tls: Tls) -> None:
    files = {**tls.client_files(tls.ca), "redis_ca_file": tls.file("other-ca.pem", trustme.CA().cert_pem)}
    queue = queue_at(f"rediss://127.0.0.1:{tls.port}/0", **files)
    with pytest.raises(RedisUnavailable, match=r"(?i)certificate verify failed"):
        queue.ping()
    queue.close()


def test_server_under_another_name_is_refused(tls: Tls) -> None:
    queue = queue_at(f"rediss://localhost:{tls.port}/0", **tls.client_files(tls.ca))
    with pytest.raises(RedisUnavailable, match=r"(?i)hostname mismatch"):
        queue.ping()
    queue.close()


@pytest.mark.parametrize("certificate", ["none", "another CA's"])
def test_client_without_a_right_certificate_is_turned_away(tls: Tls, certificate: str) -> None:
    files = tls.client_files(tls.ca if certificate == "none" else trustme.CA())
    if certificate == "none":
        files = {"redis_ca_file": files["redis_ca_file"]}
    queue = queue_at(f"rediss://127.0.0.1:{tls.port}/0", **files)
    with pytest.raises(RedisUnavailable):
        queue.ping()
    queue.close()


def test_plain_text_to_a_tls_port_is_told(tls: Tls) -> None:
    queue = queue_at(f"redis://127.0.0.1:{tls.port}/0")
    with pytest.raises(RedisUnavailable):
        queue.ping()
    queue.close()


# -- Sentinel ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fleet:
    """A master, its replica, and one Sentinel that watches them as `gallery`."""

    master: Server
    replica: Server
    sentinel_port: int


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    binary = redis_binary()
    folder = tmp_path_factory.mktemp("sentinel")
    with ExitStack() as stack:
        master = stack.enter_context(running(binary, port=free_port()))
        replica_of = ("--replicaof", f"127.0.0.1 {master.port}", "--repl-diskless-sync-delay", "0")
        replica = stack.enter_context(running(binary, *replica_of, port=free_port()))
        made = Fleet(master, replica, free_port())
        config = folder / "sentinel.conf"
        config.write_text(
            f"port {made.sentinel_port}\nbind 127.0.0.1\ndir {folder}\n"
            f"sentinel monitor gallery 127.0.0.1 {master.port} 1\n"
            "sentinel down-after-milliseconds gallery 500\nsentinel failover-timeout gallery 3000\n"
        )
        process = subprocess.Popen([binary, str(config), "--sentinel"], stdout=subprocess.DEVNULL)
        stack.callback(process.wait)
        stack.callback(process.kill)
        wait_until(lambda: sees_replica(made))
        yield made


def sees_replica(fleet: Fleet) -> bool:
    with redis.Redis(port=fleet.sentinel_port) as client:
        state = client.sentinel_masters().get("gallery", {})
    link = fleet.replica.client().info("replication")["master_link_status"]
    return bool(state.get("num-slaves") == 1 and link == "up")


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + FAILOVER_S
    while time.monotonic() < deadline:
        try:
            if is_so():
                return
        except (redis.RedisError, RedisUnavailable):
            pass
        time.sleep(0.05)
    raise AssertionError("it did not come to pass in time")


def test_work_goes_on_by_itself_after_a_failover(fleet: Fleet) -> None:
    dead_port = free_port()  # the first Sentinel in the URL is down
    queue = queue_at(f"redis+sentinel://127.0.0.1:{dead_port},127.0.0.1:{fleet.sentinel_port}/gallery/0")
    queue.enqueue(fields_of())
    taken, job = begin(queue)
    assert fleet.master.client().wait(1, 5_000) == 1
    fleet.master.stop()
    with pytest.raises(RedisUnavailable):
        queue.ping()
    wait_until(lambda: queue.complete(taken, job, GRADIENT, 1) == 0)
    assert fleet.replica.client().info("replication")["role"] == "master"
    assert queue.lengths().processing == 0
    queue.close()


def test_unknown_service_is_told(fleet: Fleet) -> None:
    queue = queue_at(f"redis+sentinel://127.0.0.1:{fleet.sentinel_port}/another/0")
    with pytest.raises(RedisUnavailable, match=r"No master found for 'another'"):
        queue.ping()
    queue.close()
