"""Servers that are not what they should be."""

from __future__ import annotations

import time
from typing import Any

import gevent
from gevent.server import StreamServer


class OldRedis:
    """Answers INFO as Redis 5 did, and knows neither HELLO nor the rest."""

    def __enter__(self) -> str:
        self._server = StreamServer(("127.0.0.1", 0), self._answer)
        self._server.start()
        return f"redis://127.0.0.1:{self._server.server_port}/0"

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def _answer(self, connection: Any, _: object) -> None:
        stream = connection.makefile("rwb", buffering=0)
        while line := stream.readline():
            words = []
            for _word in range(int(line[1:])):
                size = int(stream.readline()[1:])
                words.append(stream.read(size + 2)[:-2].upper())
            replies = {
                b"INFO": b"$25\r\nredis_version:5.0.14\r\na:b\r\n",
                b"TIME": f"*2\r\n$10\r\n{int(time.time()):010}\r\n$1\r\n0\r\n".encode(),
            }
            stream.write(replies.get(words[0], b"-ERR unknown command\r\n"))


class Silence:
    """Takes connections and says nothing."""

    def __enter__(self) -> int:
        self._server = StreamServer(("127.0.0.1", 0), lambda connection, _: gevent.sleep(600))
        self._server.start()
        return int(self._server.address[1])

    def __exit__(self, *_: object) -> None:
        self._server.stop(timeout=0)
