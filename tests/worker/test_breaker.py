import io
import json

import gevent
import pytest

from gradientd.errors import StorageUnavailable
from gradientd.logs import create_logger
from gradientd.worker import breaker as room
from gradientd.worker.breaker import Breaker, growing_pauses


def test_pauses_grow_with_jitter_up_to_the_longest() -> None:
    pauses = growing_pauses(1, 8)
    drawn = [next(pauses) for _ in range(6)]
    for pause, least in zip(drawn, [1, 2, 4, 8, 8, 8], strict=True):
        assert least <= pause <= least * 1.25


def test_breaker_says_one_line_a_change_and_closes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "growing_pauses", lambda: iter([0.01] * 100))
    out, down = io.StringIO(), [True]

    def probe() -> None:
        if down:
            raise StorageUnavailable("no route")

    breaker = Breaker("Storage", probe, create_logger("info", "json", out))
    for _ in range(3):
        breaker.trip(StorageUnavailable("no route"))
    assert breaker.is_open
    gevent.sleep(0.05)
    assert breaker.is_open
    down.clear()
    assert breaker.outage.wait(1)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["level"] for line in lines] == ["error", "info"]
    assert lines[0]["code"] == "storage_unavailable"
    assert "back" in lines[1]["msg"]


def test_second_outage_is_news_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "growing_pauses", lambda: iter([0.01] * 100))
    out = io.StringIO()
    breaker = Breaker("Storage", lambda: None, create_logger("info", "json", out))
    for _ in range(2):
        breaker.trip(StorageUnavailable("x"))
        assert breaker.outage.wait(1)
    assert len(out.getvalue().splitlines()) == 4
    assert breaker.outage.ended == 2


def test_surprise_in_a_probe_is_told_in_one_line_and_does_not_end_the_prober(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "growing_pauses", lambda: iter([0.01] * 100))
    out, surprises = io.StringIO(), [ValueError("nobody foresaw it")]

    def probe() -> None:
        if surprises:
            raise surprises.pop()

    breaker = Breaker("Storage", probe, create_logger("info", "json", out))
    breaker.trip(StorageUnavailable("no route"))
    assert breaker.outage.wait(1)
    _, surprise, _ = map(json.loads, out.getvalue().splitlines())
    assert surprise["level"] == "error"
    assert "nobody foresaw it" in surprise["exception"]


def test_dependency_whose_probe_meets_a_surprise_is_not_healthy() -> None:
    def probe() -> None:
        raise AttributeError("nobody foresaw it")

    assert not Breaker("Storage", probe, create_logger("fatal", "json", io.StringIO())).is_healthy()
