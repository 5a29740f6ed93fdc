from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.chaos.proxy import Mode, Proxy


class Echo:
    """Answers every line with the line, in capitals, and remembers it."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._talk, args=[self._listener.accept()[0]], daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while line := connection.recv(65536):
                self.heard.append(line)
                connection.sendall(line.upper())


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    process = Proxy({"a": echo.port, "b": echo.port})
    yield process
    process.close()


def connect(proxy: Proxy, link: str = "a") -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.ports[link]), timeout=5)


def ask(client: socket.socket, text: bytes) -> bytes:
    client.sendall(text)
    return client.recv(65536)


def test_passes_both_ways(proxy: Proxy) -> None:
    with connect(proxy) as client:
        assert ask(client, b"one") == b"ONE"
        assert ask(client, b"two") == b"TWO"


def test_delay_is_felt_and_ends(proxy: Proxy) -> None:
    with connect(proxy) as client:
        proxy.set("a", Mode.DELAY, seconds=0.2)
        began = time.monotonic()
        assert ask(client, b"late") == b"LATE"
        assert time.monotonic() - began >= 0.4
        proxy.set("a")
        began = time.monotonic()
        assert ask(client, b"soon") == b"SOON"
        assert time.monotonic() - began < 0.4


def test_cut_ends_an_answer_in_its_middle_without_a_reset(proxy: Proxy) -> None:
    proxy.set("a", Mode.CUT, after_bytes=3)
    with connect(proxy) as client:
        assert ask(client, b"abcdef") == b"ABC"
        assert client.recv(10) == b""


def test_blackhole_swallows_and_delivers_when_it_ends(proxy: Proxy, echo: Echo) -> None:
    with connect(proxy) as client:
        assert ask(client, b"x") == b"X"
        proxy.set("a", Mode.BLACKHOLE)
        client.sendall(b"waiting")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(10)
        assert b"waiting" not in echo.heard
        proxy.set("a")
        client.settimeout(5)
        assert client.recv(10) == b"WAITING"


def test_reset_ends_old_and_new_connections(proxy: Proxy) -> None:
    with connect(proxy) as old:
        assert ask(old, b"x") == b"X"
        proxy.set("a", Mode.RESET)
        with pytest.raises(ConnectionResetError):
            ask(old, b"y")
    with connect(proxy) as new, pytest.raises(ConnectionResetError):
        ask(new, b"z")


def test_refuse_closes_the_port_and_opens_the_same_one_again(proxy: Proxy) -> None:
    proxy.set("a", Mode.REFUSE)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    proxy.set("a")
    with connect(proxy) as client:
        assert ask(client, b"back") == b"BACK"


def test_lost_reply_was_carried_out(proxy: Proxy, echo: Echo) -> None:
    proxy.set("a", Mode.LOSE_REPLY)
    with connect(proxy) as client, pytest.raises(ConnectionResetError):
        ask(client, b"done all the same")
    assert echo.heard == [b"done all the same"]
    assert proxy.counts()["a"]["lost_replies"] == 1


def test_links_fail_each_for_itself(proxy: Proxy) -> None:
    proxy.set("a", Mode.REFUSE)
    with connect(proxy, "b") as client:
        assert ask(client, b"well") == b"WELL"
