from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import gevent
import pytest
from gevent.pool import Pool

from gradientd.errors import DependencyError, RedisUnavailable, StorageUnavailable
from gradientd.jobqueue import Acquired, Promoted, Queue, Taken
from gradientd.logs import create_logger
from gradientd.worker import intake as room
from gradientd.worker.breaker import Breaker, Outage
from gradientd.worker.intake import Intake
from tests.worker.conftest import lines, messages, wait_for

TAKEN = Taken("id", "id", "token", "{}", False, 0, 0)
NEXT = Taken("next", "next", "token", "{}", False, 0, 0)


class ScriptedQueue:
    """Answers `acquire` with one entry after the other, raising those that are errors; then the queue is empty."""

    def __init__(self, answers: list[Acquired | Exception]) -> None:
        self.asked: list[tuple[str, bool]] = []
        self.promoted: Iterator[Promoted | Exception] = iter([])
        self.promotions = 0
        self.peeks = 0
        self.peek_error: Exception | None = None
        self.is_pushed = False
        self.released: list[Taken] = []
        self.on_acquire: Callable[[], None] = lambda: None
        self._answers = iter(answers)

    def acquire(self, token: str, *, repeat: bool = False) -> Acquired:
        self.asked.append((token, repeat))
        self.on_acquire()
        answer = next(self._answers, Acquired())
        if isinstance(answer, Exception):
            raise answer
        return answer

    def promote(self) -> Promoted:
        self.promotions += 1
        answer = next(self.promoted, Promoted(0, None))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def release(self, taken: Taken, job: None) -> bool:
        self.released.append(taken)
        return True

    def wait(self, timeout_s: float) -> bool:
        self.peeks += 1
        if self.peek_error is not None:
            raise self.peek_error
        gevent.sleep(0 if self.is_pushed else timeout_s)
        return self.is_pushed


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "growing_pauses", lambda longest_s=0.0: iter([0.01] * 1000))


@pytest.fixture
def start(out: io.StringIO) -> Iterator[Callable[..., tuple[Intake, list[Taken]]]]:
    started: list[tuple[Intake, Breaker]] = []

    def start(
        queue: ScriptedQueue,
        heartbeat_file: Path | None = None,
        storage_error: DependencyError | None = None,
        has_room: Callable[[Taken], bool] = lambda taken: True,
    ) -> tuple[Intake, list[Taken]]:
        logger, worked = create_logger("info", "json", out), list[Taken]()

        def work(taken: Taken) -> bool:
            if has_room(taken):
                worked.append(taken)
            return taken in worked

        breaker = Breaker("Storage", lambda: None, logger)
        if storage_error is not None:
            breaker.trip(storage_error)
        intake = Intake(
            queue=cast(Queue, queue),
            waiter=cast(Queue, queue),
            pool=Pool(1),
            work=work,
            redis_outage=Outage("Redis", logger),
            storage_breaker=breaker,
            poll_interval_s=0.05,
            heartbeat_file=heartbeat_file,
            logger=logger,
        )
        started.append((intake, breaker))
        intake.start()
        return intake, worked

    yield start
    for intake, breaker in started:
        intake.stop(1)
        breaker.close()  # or it would tell a later test that the storage is back


def test_lost_reply_is_asked_for_again_under_the_same_token(start: Callable[..., tuple[Intake, list[Taken]]]) -> None:
    queue = ScriptedQueue([RedisUnavailable("reset"), Acquired(taken=TAKEN)])
    _, worked = start(queue)
    gevent.sleep(0.2)
    assert worked == [TAKEN]
    (first, was_repeat), (second, is_repeat), (third, is_third_repeat), *_ = queue.asked
    assert first == second != third
    assert (was_repeat, is_repeat, is_third_repeat) == (False, True, False)


def test_unforeseen_error_does_not_end_the_intake(
    start: Callable[..., tuple[Intake, list[Taken]]], out: io.StringIO
) -> None:
    queue = ScriptedQueue([ValueError("nobody foresaw it"), Acquired(taken=TAKEN)])
    _, worked = start(queue)
    gevent.sleep(0.2)
    assert worked == [TAKEN]
    line = lines(out)[0]
    assert line["level"] == "error"
    assert "nobody foresaw it" in line["exception"]


def test_heartbeat_file_that_cannot_be_written_does_not_end_the_intake(
    start: Callable[..., tuple[Intake, list[Taken]]], tmp_path: Path
) -> None:
    queue = ScriptedQueue([Acquired(taken=TAKEN)])
    _, worked = start(queue, heartbeat_file=tmp_path / "no such folder" / "file")
    gevent.sleep(0.1)
    assert worked == [TAKEN]


def test_redis_that_goes_and_comes_back_while_the_storage_is_away_is_told(
    start: Callable[..., tuple[Intake, list[Taken]]], out: io.StringIO
) -> None:
    queue = ScriptedQueue([])
    queue.promoted = iter([RedisUnavailable("reset"), RedisUnavailable("reset")])
    start(queue, storage_error=StorageUnavailable("no route"))
    gevent.sleep(0.4)
    assert [line.split()[:3] for line in messages(out)] == [
        ["Storage", "is", "unavailable:"], ["Redis", "is", "unavailable:"], ["Redis", "is", "back"],
    ]  # fmt: skip
    assert queue.asked == []


def test_promoting_that_redis_lets_through_ends_no_outage_in_which_it_gives_no_job(
    start: Callable[..., tuple[Intake, list[Taken]]], out: io.StringIO
) -> None:
    """Out of memory, Redis carries out what frees some and refuses to move a job: one line, not one a look."""
    queue = ScriptedQueue([RedisUnavailable("OOM")] * 8)
    start(queue)
    gevent.sleep(0.4)
    assert queue.promotions > 2
    assert [line.split()[2] for line in messages(out)] == ["unavailable:", "back"]


def test_job_for_which_there_is_no_slot_any_more_is_handed_back_at_once(
    start: Callable[..., tuple[Intake, list[Taken]]],
) -> None:
    """The reaper's job took the last slot while the reply was on its way."""
    queue = ScriptedQueue([Acquired(taken=TAKEN), Acquired(taken=NEXT)])
    _, worked = start(queue, has_room=lambda taken: taken is NEXT)
    gevent.sleep(0.1)
    assert (queue.released, worked) == ([TAKEN], [NEXT])
    (first, _), (second, is_repeat), *_ = queue.asked
    assert first != second
    assert not is_repeat


def test_job_that_redis_does_not_take_back_is_asked_for_again(
    start: Callable[..., tuple[Intake, list[Taken]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def release(taken: Taken, job: None) -> bool:
        raise RedisUnavailable("reset")

    queue = ScriptedQueue([Acquired(taken=TAKEN), Acquired(taken=TAKEN)])
    monkeypatch.setattr(queue, "release", release)
    _, worked = start(queue, has_room=lambda taken: len(queue.asked) > 1)
    gevent.sleep(0.1)
    (first, _), (second, is_repeat), *_ = queue.asked
    assert (first, is_repeat, worked) == (second, True, [TAKEN])


def test_job_whose_reply_was_lost_before_the_stop_is_handed_back(
    start: Callable[..., tuple[Intake, list[Taken]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "growing_pauses", lambda longest_s=0.0: iter([5.0] * 10))
    queue = ScriptedQueue([RedisUnavailable("reset"), Acquired(taken=TAKEN)])
    intake, worked = start(queue)
    gevent.sleep(0.05)
    intake.stop(1)
    (first, was_repeat), (second, is_repeat) = queue.asked
    assert first == second
    assert (was_repeat, is_repeat) == (False, True)
    assert (queue.released, worked) == ([TAKEN], [])


def test_worker_that_wakes_in_vain_lets_the_others_go_first(
    start: Callable[..., tuple[Intake, list[Taken]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = ScriptedQueue([])
    queue.is_pushed = True
    monkeypatch.setattr("gradientd.worker.intake.random.random", lambda: 1.0)
    start(queue)
    gevent.sleep(0.2)
    assert room.VAIN_WAKES < len(queue.asked) <= room.VAIN_WAKES + 6


def test_retries_are_promoted_when_they_fall_due(start: Callable[..., tuple[Intake, list[Taken]]]) -> None:
    queue = ScriptedQueue([])
    queue.promoted = iter([Promoted(0, 5)] * 20)
    began = time.monotonic()
    start(queue)
    wait_for(lambda: queue.promotions > 10)
    assert time.monotonic() - began < 0.5, "by the poll interval alone"


def test_intake_is_not_idle_while_a_reply_is_due_or_redis_does_not_answer(
    start: Callable[..., tuple[Intake, list[Taken]]],
) -> None:
    """A drain would take the queue for empty."""
    queue, seen = ScriptedQueue([]), list[bool]()
    queue.promoted = iter([Promoted(0, None)] * 2 + [RedisUnavailable("reset")] * 1000)
    queue.on_acquire = lambda: seen.append(intake.is_idle)
    intake, _ = start(queue)
    wait_for(lambda: len(seen) == 2)
    wait_for(lambda: not intake.is_idle)
    assert seen == [False, False]


def test_stop_ends_in_its_time_although_redis_does_not_answer(
    start: Callable[..., tuple[Intake, list[Taken]]],
) -> None:
    queue = ScriptedQueue([])
    queue.on_acquire = lambda: gevent.sleep(30)
    intake, _ = start(queue)
    gevent.sleep(0.05)
    with gevent.Timeout(1):
        intake.stop(0.2)
    assert [is_repeat for _, is_repeat in queue.asked] == [False, True]


def test_stop_asks_nothing_when_no_reply_is_due(start: Callable[..., tuple[Intake, list[Taken]]]) -> None:
    queue = ScriptedQueue([Acquired(taken=TAKEN)])
    intake, worked = start(queue)
    gevent.sleep(0.05)
    intake.stop(1)
    assert (worked, queue.released) == ([TAKEN], [])
    assert not any(is_repeat for _, is_repeat in queue.asked)


def test_blocking_call_that_redis_refuses_is_told_once_and_paused_for_longer_and_longer(
    start: Callable[..., tuple[Intake, list[Taken]]], out: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ACL or a proxy that lets scripts through: each acquire succeeds and each peek fails."""
    monkeypatch.setattr(room, "growing_pauses", lambda longest_s=0.0: iter([0.01] * 5 + [0.5, 30.0]))
    queue = ScriptedQueue([])
    queue.peek_error = RedisUnavailable("NOPERM")
    intake, _ = start(queue)
    with gevent.Timeout(5):
        while queue.peeks < 6:
            gevent.sleep(0.01)
        gevent.sleep(0.1)
        assert queue.peeks == 6
        assert intake.is_idle, "the last look found the queue empty"
        assert [line.split()[2] for line in messages(out)] == ["unavailable:", "back", "a"]
        queue.peek_error = None
        while queue.peeks < 8:  # a peek that succeeds makes the pauses short again
            gevent.sleep(0.01)
        queue.peek_error = RedisUnavailable("NOPERM")
        while queue.peeks < 12:
            gevent.sleep(0.01)
