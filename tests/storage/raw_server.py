"""An HTTP server on a raw socket that answers exactly what a test scripts: lies, drips, cuts and resets included."""

from __future__ import annotations

import re
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import gevent
from gevent.server import StreamServer

Script = Callable[[socket.socket, "Request"], object]
"""Writes the answer to one request on its connection; returning false keeps the connection for the next request."""


@dataclass(frozen=True)
class Request:
    """The head of a request, as it came."""

    head: str

    @property
    def method(self) -> str:
        return self.head.split(" ", 1)[0]

    @property
    def target(self) -> str:
        return self.head.split(" ", 2)[1]

    def header(self, name: str) -> str:
        found = re.search(rf"^{name}: (.*?)\r?$", self.head, re.IGNORECASE | re.MULTILINE)
        return found.group(1) if found else ""

    @property
    def signed_region(self) -> str:
        return self.header("authorization").split("Credential=")[1].split("/")[2]


@dataclass
class RawServer:
    """A running server: its endpoint, and the requests that it got."""

    endpoint: str
    requests: list[Request] = field(default_factory=list)


@contextmanager
def serving(script: Script, context: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    """Serve every request with `script` until the block ends."""

    def handle(connection: socket.socket, _: object) -> None:
        with connection:
            while head := _read_head(connection):
                request = Request(head)
                running.requests.append(request)
                if script(connection, request):
                    return

    address = ("127.0.0.1", 0)
    server = StreamServer(address, handle, ssl_context=context) if context else StreamServer(address, handle)
    server.start()
    running = RawServer(f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}")
    try:
        yield running
    finally:
        server.stop(timeout=0)


def _read_head(connection: socket.socket) -> str:
    head = b""
    while b"\r\n\r\n" not in head:
        try:
            received = connection.recv(65536)
        except OSError:
            return ""
        if not received:
            return ""
        head += received
    return head.decode("latin-1")


def reply(status: int, body: bytes = b"", *, length: int | None = None, **headers: str) -> bytes:
    """A whole response; `length` is the Content-Length to claim, and `x_amz_…` in `headers` becomes x-amz-…."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def refusal(status: int, code: str, **elements: str) -> bytes:
    """An S3 error, its message full of what must not reach a log."""
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in elements.items())
    body = f"<Error><Code>{code}</Code><Message>{SECRETS} told by the server</Message>{inner}</Error>"
    return reply(status, b'<?xml version="1.0"?>' + body.encode(), content_type="application/xml")


SECRETS = "access-key-of-the-tests secret-key-of-the-tests"


def always(answer: bytes) -> Script:
    """The same answer for every request."""

    def script(connection: socket.socket, _: Request) -> None:
        connection.sendall(answer)

    return script


def then_reset(answer: bytes) -> Script:
    """Part of an answer, then a TCP reset."""

    def script(connection: socket.socket, _: Request) -> bool:
        connection.sendall(answer)
        gevent.sleep(0.05)  # let the part arrive: a reset discards what has not
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return True

    return script


def then_close(answer: bytes) -> Script:
    """Part of an answer, then an orderly end of the connection."""

    def script(connection: socket.socket, _: Request) -> bool:
        connection.sendall(answer)
        return True

    return script


def then_silence(answer: bytes = b"") -> Script:
    """Part of an answer, or none, and the connection stays open."""

    def script(connection: socket.socket, _: Request) -> None:
        connection.sendall(answer)
        gevent.sleep(60)

    return script


class Flood:
    """`head`, then `block` again and again until the other end has had enough; `sent` bytes of them went out."""

    MOST = 10**8

    def __init__(self, head: bytes, block: bytes) -> None:
        self._head, self._block = head, block
        self.sent = 0

    def __call__(self, connection: socket.socket, _: Request) -> bool:
        connection.sendall(self._head)
        try:
            while self.sent < self.MOST:
                connection.sendall(self._block)
                self.sent += len(self._block)
        except OSError:
            pass
        return True


def dripping(head: bytes, interval_s: float) -> Script:
    """A byte now and then, for ever."""

    def script(connection: socket.socket, _: Request) -> bool:
        try:
            connection.sendall(head)
            while True:
                connection.sendall(b".")
                gevent.sleep(interval_s)
        except OSError:
            return True

    return script
