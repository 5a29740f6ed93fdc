from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import gevent
import pytest
from gevent.event import Event

from gradientd.errors import RedisUnavailable, StorageFault
from gradientd.jobqueue import Begun, Taken
from gradientd.logs import create_logger
from gradientd.metrics import Metrics
from gradientd.model import Gradient
from gradientd.settings import Settings
from gradientd.worker import attempt as room
from gradientd.worker.attempt import Attempt, HandBack, Workshop
from gradientd.worker.breaker import Breaker, Outage
from gradientd.worker.decoder import Decoded, Decoder
from gradientd.worker.leases import WORKING_PHASES, LeaseKeeper
from gradientd.worker.stats import Outcome, Tally
from tests.worker.conftest import lines

JOB = '{"guildId":"1","galleryName":"g","storageKey":"a.jpg","itemId":"i","jobId":"id"}'
TAKEN = Taken("id", "id", "token", JOB, False, 0, 0)
SETTINGS = Settings("redis://127.0.0.1", "http://127.0.0.1", "key", "secret", "bucket")


class OneJobRooms:
    """Queue, storage, decoder and keeper in one: every step succeeds but `complete`, which raises `error`."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.held: list[object] = []
        self.data, self.size = b"picture", 7
        self.on_complete: Callable[[], None] = lambda: None
        self.on_get: Callable[[], None] = lambda: None
        self.released: list[Taken] = []

    def begin(self, *_: object) -> Begun:
        return Begun.OK

    def complete(self, *_: object) -> None:
        self.on_complete()
        raise self.error

    def release(self, taken: Taken, _: object) -> bool:
        self.released.append(taken)
        return True

    def get(self, *_: object, **__: object) -> OneJobRooms:
        self.on_get()
        return self

    def __enter__(self) -> OneJobRooms:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def gradient(self, *_: object, **__: object) -> Decoded:
        return Decoded(Gradient(("#FF0000",), "#FF0000", "#880000", "#FFFFFF", "data:,"), cast(Any, None), 0, 0)

    def hold(self, lease: object) -> None:
        self.held.append(lease)

    def let_go(self, lease: object) -> None:
        self.held.remove(lease)


@pytest.fixture
def shop(out: io.StringIO) -> Workshop:
    logger = create_logger("info", "json", out)
    rooms: Any = OneJobRooms(ValueError("nobody foresaw it"))
    return Workshop(
        queue=rooms,
        storage=rooms,
        decoder=cast(Decoder, rooms),
        keeper=cast(LeaseKeeper, rooms),
        storage_breaker=Breaker("Storage", lambda: None, logger),
        redis_outage=Outage("Redis", logger),
        tally=Tally(),
        metrics=Metrics("0"),
        settings=SETTINGS,
        logger=logger,
        closing=Event(),
        on_retry=lambda identity, delay_ms: None,
    )


def test_surprise_while_the_outcome_is_stored_is_logged_and_leaves_the_job_to_its_lease(
    shop: Workshop, out: io.StringIO
) -> None:
    assert Attempt(shop, TAKEN).run() is Outcome.UNSETTLED
    (line,) = lines(out)
    assert (line["level"], line["jobId"]) == ("error", "id")
    assert "nobody foresaw it" in line["exception"]
    assert cast(Any, shop.keeper).held == []


def test_outcome_that_redis_does_not_take_before_the_end_is_reported(shop: Workshop, out: io.StringIO) -> None:
    rooms = cast(Any, shop.queue)
    rooms.error = RedisUnavailable("refused")
    rooms.on_complete = shop.closing.set
    assert Attempt(shop, TAKEN).run() is Outcome.UNSETTLED
    *_, last = lines(out)
    assert last["msg"].startswith("Redis did not take the job's outcome")
    assert last["error"] == "refused"


def test_lease_goes_on_for_as_long_as_redis_does_not_take_a_transition(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "growing_pauses", lambda **_: iter([0.01]))
    rooms, ends = cast(Any, shop.queue), list[float]()

    def begin(*_: object) -> Begun:
        ends.append(attempt.lease.renew_until)
        if len(ends) == 1:
            raise RedisUnavailable("reset")
        return Begun.LEASE_LOST

    rooms.begin = begin
    attempt = Attempt(shop, TAKEN)
    assert attempt.run() is Outcome.LOST
    first, second = ends
    assert second > first


def test_end_of_the_grace_time_during_the_probe_hands_the_job_back(shop: Workshop, out: io.StringIO) -> None:
    """The picture's GET failed; whether that was the picture's own failure, the worker does not stay to learn."""
    rooms, is_asked = cast(Any, shop.queue), Event()

    def fail() -> None:
        raise StorageFault("HTTP 500")

    def probe() -> None:
        is_asked.set()
        gevent.sleep(5)

    rooms.on_get = fail
    attempt = Attempt(replace(shop, storage_breaker=Breaker("Storage", probe, shop.logger)), TAKEN)
    work = gevent.spawn(attempt.run)
    assert is_asked.wait(1)
    assert attempt.lease.phase in WORKING_PHASES, "or the end of the grace time passes it by"
    shop.closing.set()
    work.kill(HandBack)
    assert work.value is Outcome.RELEASED
    assert rooms.released == [TAKEN]
    assert shop.tally.outcomes == {Outcome.RELEASED: 1}
    (line,) = lines(out)
    assert line["reason"] == "stopping"
