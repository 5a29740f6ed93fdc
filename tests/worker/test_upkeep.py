from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import gevent
import pytest

from gradientd.errors import RedisUnavailable
from gradientd.jobqueue import Reaped, Recovered
from gradientd.logs import create_logger
from gradientd.worker.stats import Tally
from gradientd.worker.upkeep import Upkeep
from tests.worker.conftest import lines, messages, wait_for

T = TypeVar("T")
AUDIT_INTERVAL_S = 3.0
LOST = Recovered("gradient-lakes-como.jpg", "lakes/como.jpg")


class Room:
    """Queue, audit and keeper in one; every answer that is an error is raised."""

    def __init__(self) -> None:
        self.reaped: list[Reaped | Exception] = []
        self.audited: list[list[Recovered] | Exception] = []
        self.audits = 0
        self.may_reap = True

    def reap(self, *, worker_id: str) -> Reaped:
        return answer(self.reaped, Reaped([], [], [], 0))

    def run(self) -> list[Recovered]:
        self.audits += 1
        return answer(self.audited, [])


def answer(answers: list[T | Exception], default: T) -> T:
    given = answers.pop(0) if answers else default
    if isinstance(given, Exception):
        raise given
    return given


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def start(room: Room, out: io.StringIO, tally: Tally) -> Iterator[Callable[[], None]]:
    shared = cast(Any, room)
    upkeep = Upkeep(
        queue=shared,
        audit=shared,
        keeper=shared,
        worker_id="me",
        work=lambda taken: None,
        tally=tally,
        logger=create_logger("info", "json", out),
        reap_interval_s=0.01,
        audit_interval_s=AUDIT_INTERVAL_S,
    )
    yield upkeep.start
    upkeep.stop()


@pytest.mark.parametrize("error", [RedisUnavailable("away"), ValueError("nobody foresaw it")])
def test_reaping_goes_on_after_an_error(
    room: Room, start: Callable[[], None], out: io.StringIO, error: Exception
) -> None:
    room.reaped = [error, Reaped([LOST], [], [], 0)]
    start()
    wait_for(lambda: any(message.startswith("Job recovered") for message in messages(out)))
    assert len(messages(out)) == (1 if isinstance(error, RedisUnavailable) else 2)


def test_nothing_is_reaped_while_renewals_are_in_doubt(room: Room, start: Callable[[], None]) -> None:
    room.may_reap = False
    room.reaped = [Reaped([LOST], [], [], 0)]
    start()
    gevent.sleep(0.1)
    assert len(room.reaped) == 1


def test_audit_that_redis_kept_from_happening_is_tried_again_soon(room: Room, start: Callable[[], None]) -> None:
    room.audited = [RedisUnavailable("away"), RedisUnavailable("away"), [LOST]]
    start()
    wait_for(lambda: room.audits == 3)
    gevent.sleep(AUDIT_INTERVAL_S / 10)
    assert room.audits == 3


def test_every_recovered_job_is_told_with_its_picture_and_counted(
    room: Room, start: Callable[[], None], out: io.StringIO, tally: Tally
) -> None:
    room.reaped = [Reaped([LOST], [], [LOST], 0)]
    room.audited = [[LOST]]
    start()
    wait_for(lambda: len(lines(out)) == 3)
    assert {(line["jobId"], line["storageKey"]) for line in lines(out)} == {(LOST.identity, LOST.storage_key)}
    assert tally.recovered == {"lease_expired": 1, "orphan": 1, "limbo": 1}
