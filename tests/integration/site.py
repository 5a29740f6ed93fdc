"""A gallery's web server for a test: files under a policy, and photographs that come when the test lets them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


class Gallery:
    """Serves `files` (path to content type and bytes) under `policy`; whatever ends in .jpg waits for `photos`."""

    def __init__(self, files: Mapping[str, tuple[str, bytes]], policy: str) -> None:
        self.photos = threading.Event()
        """Set it, and the photographs arrive."""
        gallery = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kind, body = files.get(self.path, ("", b""))
                if self.path.endswith(".jpg"):
                    gallery.photos.wait(20)
                self.send_response(200 if kind else 404)
                self.send_header("Content-Type", kind or "text/plain")
                self.send_header("Content-Security-Policy", policy)
                self.send_header("Cache-Control", "no-store")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Gallery:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.photos.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
