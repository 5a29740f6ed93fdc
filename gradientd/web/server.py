"""The HTTP side of a worker: binds, serves in the worker's own hub, and bounds what a client can take up.

It refuses to serve before it knows that it can: a busy port or a wrong address is the operator's to hear at once.
"""

from __future__ import annotations

import errno
import io
import logging
import socket
import time
from types import TracebackType
from typing import Any

import gevent
from gevent.pool import Pool
from gevent.pywsgi import Input, WSGIHandler, WSGIServer
from greenlet import greenlet

from gradientd.errors import SettingsError
from gradientd.settings import Settings
from gradientd.web.app import App
from gradientd.web.exchange import MAX_BODY_BYTES, Environ, StartResponse
from gradientd.web.guard import Guard
from gradientd.web.health import Health
from gradientd.web.routes import CONNECTIONS, make_app
from gradientd.web.view import Observer
from gradientd.worker import GradientWorker

REDIS_TIMEOUT_S = 1.0
"""Nobody who asks for a page waits longer for Redis."""
CONNECTIONS_MAX = 100
REQUEST_S = 15.0
"""For one request to come, or for the next one on the same connection, and to be answered."""
PATIENCE_S = 0.25
"""For a client to send or to take something while every connection is taken: a probe must still get in."""
STOP_S = 1.0


class StatusServer:
    """Serves health, metrics, page and API of `worker` at `settings.http_addr`, from `start` to `stop`."""

    def __init__(self, worker: GradientWorker, settings: Settings, logger: logging.Logger) -> None:
        """Bind, without serving yet. Raises SettingsError when the address cannot be had."""
        listener = _listen(settings.http_addr or ("127.0.0.1", 0))
        self.host, self.port = listener.getsockname()[:2]
        self._logger = logger
        self._queue = worker.open_queue(connections=CONNECTIONS, timeout_s=REDIS_TIMEOUT_S)
        self._health = Health(worker, self._queue, settings.longest_silence_s, logger)
        self._observer = Observer(worker, self._queue, self._health)
        guard = Guard(settings.http_token, is_loopback=_is_loopback(self.host))
        app = make_app(worker, self._queue, self._observer, self._health, guard, logger)
        self._server = _RoomyServer(listener, app)

    def start(self) -> None:
        """Serve from now on; returns at once."""
        self._health.start()
        self._observer.start()
        self._server.start()
        host = f"[{self.host}]" if ":" in self.host else self.host
        self._logger.info("Serving HTTP", extra={"url": f"http://{host}:{self.port}/"})

    def stop(self) -> None:
        """Serve no more; requests in the making get a second."""
        self._server.stop(timeout=STOP_S)
        self._health.stop()
        self._observer.stop()
        self._queue.close()


class _RoomyServer(WSGIServer):
    """Has so many connections; when all are taken, it closes those whose clients keep it waiting."""

    def __init__(self, listener: socket.socket, app: App) -> None:
        super().__init__(
            listener,
            self._answer,
            spawn=Pool(CONNECTIONS_MAX),
            log=None,
            error_log=None,
            handler_class=_BoundedHandler,
            environ={"SERVER_NAME": "gradientd"},
        )
        self._app = app
        self._awaited: dict[greenlet, float] = {}
        """The connections whose clients are to send or to take something, and since when."""

    def handle(self, sock: socket.socket, address: Any) -> None:
        """Serve one connection."""
        self._await_client()
        try:
            super().handle(sock, address)
        finally:
            del self._awaited[gevent.getcurrent()]

    def _answer(self, environ: Environ, start_response: StartResponse) -> list[bytes]:
        body = _whole_body(environ["wsgi.input"])
        self._awaited[gevent.getcurrent()] = float("inf")
        try:
            return self._app({**environ, "wsgi.input": body}, start_response)
        finally:
            self._await_client()

    def _await_client(self) -> None:
        now = time.monotonic()
        self._awaited[gevent.getcurrent()] = now
        if self.full():
            gevent.spawn_later(PATIENCE_S, self._make_room, now)

    def _make_room(self, asked_at: float) -> None:
        """Close the connections whose clients were awaited then and still are, if all are still taken."""
        if self.full():
            late = [connection for connection, since in self._awaited.items() if since <= asked_at]
            gevent.killall(late, block=False)


def _whole_body(body: Input) -> io.BytesIO:
    try:
        return io.BytesIO(body.read())
    finally:
        body.content_length = 0  # after a failure pywsgi would read on, with no limit of time


class _BoundedHandler(WSGIHandler):
    """A client may be slow or send much, but only for so long and so much."""

    def handle_one_request(self):  # type: ignore[no-untyped-def]  # the stubs have no name for its three answers
        """Handle a request within its time; the hub gets a turn before each, however fast they come."""
        gevent.sleep(0)
        deadline = gevent.Timeout.start_new(REQUEST_S)
        try:
            return super().handle_one_request()
        except gevent.Timeout as exc:
            if exc is not deadline:
                raise
            return None
        finally:
            deadline.close()

    def read_request(self, raw_requestline: str):  # type: ignore[no-untyped-def]  # nor for its two
        """Refuse a body of unknown length; leave one that is too long unread and close the connection after it."""
        is_sound = super().read_request(raw_requestline)
        if self.headers.get("transfer-encoding"):
            raise ValueError("a body without a Content-Length")
        if (self.content_length or 0) > MAX_BODY_BYTES:
            self.content_length = 0
            self.close_connection = True
        return is_sound

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """Keep no connection for a next request while others wait for one."""
        closing = [("Connection", "close")] if self.server.full() else []
        return super().start_response(status, [*headers, *closing], exc_info)

    def handle_error(
        self, t: type[BaseException] | None, v: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Let our own deadline pass; whatever else comes here is a connection that broke."""
        self.close_connection = True
        if isinstance(v, gevent.Timeout):
            raise v


def _listen(address: tuple[str, int]) -> socket.socket:
    host, port = address
    try:
        if not host:
            is_dual = socket.has_dualstack_ipv6()
            family = socket.AF_INET6 if is_dual else socket.AF_INET
            return socket.create_server(("", port), family=family, dualstack_ipv6=is_dual)
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server((str(place[0]), port), family=family)
    except OSError as exc:
        raise SettingsError([f"GRADIENT_HTTP_ADDR: {_why(exc, host, port)}"]) from exc


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use by another process"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine"
    if isinstance(error, socket.gaierror):
        return f"{host} is no name that this machine can resolve"
    return f"port {port} cannot be listened on ({error.strerror})"


def _is_loopback(host: str) -> bool:
    return host.startswith("127.") or host == "::1"
