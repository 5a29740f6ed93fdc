"""A storage that is far away: a proxy on loopback that holds each request back, each object's by a time of its own.

It refuses to touch what passes through.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

CHUNK = 65_536


@contextmanager
def far_away(endpoint: str, mean_s: float) -> Iterator[str]:
    """The endpoint of a proxy before this one; an object is `mean_s` away on average, from a half to three halves."""
    parts = urlsplit(endpoint)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, (parts.hostname, parts.port), mean_s), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def distance_s(request: bytes, mean_s: float) -> float:
    """How far away the object is that the request's first line names."""
    return mean_s * (0.5 + zlib.crc32(request.partition(b"\r\n")[0]) % 1_000 / 1_000)


def _accept(listener: socket.socket, server: tuple[str | None, int | None], mean_s: float) -> None:
    with contextlib.suppress(OSError):  # closed
        while True:
            client, _ = listener.accept()
            upstream = socket.create_connection((server[0] or "", server[1] or 0))
            threading.Thread(target=_carry, args=(client, upstream, mean_s), daemon=True).start()
            threading.Thread(target=_carry, args=(upstream, client, 0.0), daemon=True).start()


def _carry(source: socket.socket, target: socket.socket, mean_s: float) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(CHUNK):
            if mean_s:
                time.sleep(distance_s(chunk, mean_s))
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
