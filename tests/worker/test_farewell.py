"""A stop keeps its time whatever the servers do."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Iterator

import gevent
import pytest
from gevent.event import Event

from gradientd.logs import create_logger
from gradientd.settings import Settings
from gradientd.storage import Storage
from gradientd.worker import GradientWorker
from gradientd.worker.farewell import Farewell

SETTINGS = Settings("redis://redis.example:6379", "http://127.0.0.1:9", "key", "secret", "bucket")


@pytest.fixture
def _silent_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    is_over: list[bool] = []

    def getaddrinfo(*_: object, **__: object) -> None:
        while not is_over:
            gevent.sleep(0.05)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield
    is_over.append(True)


@pytest.mark.usefixtures("_silent_resolver")
def test_stop_keeps_its_time_while_no_name_server_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Storage, "probe", lambda _: None)
    out = io.StringIO()
    worker = GradientWorker(logger=create_logger("info", "json", out), settings=SETTINGS)
    worker.start()
    gevent.sleep(0.1)
    began = time.monotonic()
    with gevent.Timeout(25):
        worker.stop(0.0)
    assert time.monotonic() - began < SETTINGS.longest_stop_s - SETTINGS.shutdown_grace_ms / 1000
    warned = [line for line in map(json.loads, out.getvalue().splitlines()) if line["level"] == "warn"]
    assert ["leaving it behind" in line["msg"] for line in warned] == [True]
    assert worker.lost_threads == 1, "so that the process does not wait for it"


def test_stop_that_fails_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Storage, "probe", lambda _: None)
    worker = GradientWorker(logger=create_logger("info", "json", io.StringIO()), settings=SETTINGS)
    worker.start()
    whole = Farewell.take

    def fail(self: Farewell, grace_s: float, hurry: Event) -> None:
        whole(self, grace_s, hurry)
        raise RuntimeError("a surprise at the end")

    monkeypatch.setattr(Farewell, "take", fail)
    with pytest.raises(RuntimeError), gevent.Timeout(25):
        worker.stop(0.0)
    with gevent.Timeout(5):
        worker.wait()
