"""A TCP proxy that injects faults, in a process of its own: `python -m tests.chaos.proxy NAME=PORT …`, told by stdin.

It refuses to know what it carries: Redis and S3 are bytes to it. Every link listens on a port of 127.0.0.1 of its own.
"""

from __future__ import annotations

import asyncio
import enum
import json
import random
import socket
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CHUNK_BYTES = 65_536
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Mode(enum.StrEnum):
    """What a link does with what it carries."""

    PASS = "pass"
    DELAY = "delay"
    """Every chunk of bytes, either way, arrives `seconds` late."""
    CUT = "cut"
    """An answer ends, as if it were complete, after `after_bytes` of it."""
    BLACKHOLE = "blackhole"
    """Nothing arrives; what was sent meanwhile arrives at the end of the mode, as TCP would repeat it."""
    RESET = "reset"
    """Connections are reset, new ones with their first byte."""
    REFUSE = "refuse"
    """Nobody listens, and connections are reset."""
    LOSE_REPLY = "lose_reply"
    """A request is carried out, but with the probability `rate` its answer is lost and the connection reset."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A mode with its numbers."""

    mode: Mode = Mode.PASS
    seconds: float = 0.0
    after_bytes: int = 0
    rate: float = 1.0


class Cut(Exception):
    """The link ends this connection; `reset` says whether by RST or by an orderly FIN."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("reset" if reset else "closed")
        self.reset = reset


class Link:
    """One listening port and the connections through it."""

    def __init__(self, name: str, upstream_port: int, chance: random.Random) -> None:
        self.name = name
        self.port = 0
        self.counts: Counter[str] = Counter()
        self._upstream_port = upstream_port
        self._chance = chance
        self._behaviour = Behaviour()
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    async def listen(self) -> None:
        """Accept connections, always on the same port."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port, limit=CHUNK_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]

    async def behave(self, behaviour: Behaviour) -> None:
        """Change the mode, for connections that are open too."""
        self._behaviour = behaviour
        self._changed.set()
        self._changed = asyncio.Event()
        if behaviour.mode in (Mode.RESET, Mode.REFUSE):
            for client in list(self._clients):
                self._reset(client)
        if behaviour.mode is Mode.REFUSE and self._server is not None:
            self._server.close()
            self._server = None
        elif behaviour.mode is not Mode.REFUSE and self._server is None:
            await self.listen()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its start to its end."""
        self._clients.add(writer)
        self.counts["connections"] += 1
        upstream: asyncio.StreamWriter | None = None
        try:
            answers, upstream = await asyncio.open_connection("127.0.0.1", self._upstream_port, limit=CHUNK_BYTES)
            ways = [
                asyncio.ensure_future(self._pump(reader, upstream, is_answer=False)),
                asyncio.ensure_future(self._pump(answers, writer, is_answer=True)),
            ]
            done, others = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in others:
                way.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            for way in done:
                way.result()
        except Cut as cut:
            if cut.reset:
                self._reset(writer)
        except OSError:
            self._reset(writer)
        finally:
            self._clients.discard(writer)
            writer.close()
            if upstream is not None:
                upstream.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_answer: bool) -> None:
        carried = 0
        while chunk := await source.read(CHUNK_BYTES):
            chunk = await self._suffer(chunk, carried, is_answer=is_answer)
            carried += len(chunk)
            sink.write(chunk)
            await sink.drain()
            if is_answer and self._behaviour.mode is Mode.CUT and carried >= self._behaviour.after_bytes:
                self.counts["cut"] += 1
                raise Cut(reset=False)

    async def _suffer(self, chunk: bytes, carried: int, *, is_answer: bool) -> bytes:
        """What arrives of this chunk, when it may arrive. Raises Cut."""
        while (behaviour := self._behaviour).mode is Mode.BLACKHOLE:
            self.counts["blackholed"] += 1
            await self._changed.wait()
        match behaviour.mode:
            case Mode.DELAY:
                self.counts["delayed"] += 1
                await asyncio.sleep(behaviour.seconds)
            case Mode.RESET | Mode.REFUSE:
                self.counts["reset"] += 1
                raise Cut(reset=True)
            case Mode.LOSE_REPLY if is_answer and self._chance.random() < behaviour.rate:
                self.counts["lost_replies"] += 1
                raise Cut(reset=True)
            case Mode.CUT if is_answer:
                return chunk[: max(0, behaviour.after_bytes - carried)]
        return chunk

    def _reset(self, client: asyncio.StreamWriter) -> None:
        connection = client.get_extra_info("socket")
        if connection is not None and not client.transport.is_closing():
            self.counts["connections_reset"] += 1
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        client.transport.abort()


class Proxy:
    """The proxy's process as the harness holds it; it ends with its parent, whose end closes its stdin."""

    def __init__(self, upstream_ports: Mapping[str, int], seed: int = 0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.proxy", str(seed), *(f"{n}={p}" for n, p in upstream_ports.items())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.ports: dict[str, int] = self._answer()

    def set(self, link: str, mode: Mode = Mode.PASS, **numbers: float) -> None:
        """Change a link's mode; returns when it is changed."""
        self._ask({"link": link, "mode": mode, **numbers})

    def counts(self) -> dict[str, dict[str, int]]:
        """What every link has done so far."""
        counts: dict[str, dict[str, int]] = self._ask({"counts": True})
        return counts

    def close(self) -> None:
        """End the process and its connections."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.kill()
        self._process.wait()

    def _ask(self, order: dict[str, Any]) -> Any:
        if self._process.stdin is None:
            raise RuntimeError("the proxy has no stdin")
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError("the proxy has ended")
        return json.loads(line)


async def serve(seed: int, upstream_ports: Mapping[str, int]) -> None:
    """Carry until stdin ends; an order a line, an answer a line."""
    links = {name: Link(name, port, random.Random(f"{seed} {name}")) for name, port in upstream_ports.items()}
    for link in links.values():
        await link.listen()
    print(json.dumps({link.name: link.port for link in links.values()}), flush=True)
    orders = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        order = json.loads(line)
        answer: Any = None
        if "counts" in order:
            answer = {link.name: dict(link.counts) for link in links.values()}
        else:
            await links[order.pop("link")].behave(Behaviour(**{**order, "mode": Mode(order["mode"])}))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(
        serve(int(sys.argv[1]), {name: int(port) for name, port in (word.split("=") for word in sys.argv[2:])})
    )
