from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import gevent
import pytest
from gevent.event import Event

from gradientd.errors import ObjectMissing, RedisUnavailable, StorageFault
from gradientd.jobqueue import Begun, Completion, Taken
from gradientd.logs import create_logger
from gradientd.metrics import Metrics, Stage
from gradientd.model import Gradient, Job
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


@pytest.mark.parametrize(("completion", "stale"), [(Completion.STORED, 0), (Completion.STALE, 1)])
def test_completed_attempt_is_counted_once_with_its_bytes_and_its_time_in_each_stage(
    shop: Workshop, completion: Completion, stale: int
) -> None:
    rooms, stages = cast(Any, shop.queue), list[Stage]()
    metrics: Any = SimpleNamespace(observe=lambda stage, seconds: stages.append(stage))
    rooms.complete = lambda *_: completion
    taken = replace(TAKEN, payload=JOB.replace("{", '{"createdAt":1,'))
    assert Attempt(replace(shop, metrics=metrics), taken).run() is Outcome.COMPLETED
    assert stages == list(Stage)
    assert shop.tally.outcomes == {Outcome.COMPLETED: 1}
    assert (shop.tally.picture_bytes, shop.tally.stale_results) == (7, stale)
    stages.clear()
    Attempt(replace(shop, metrics=metrics), replace(taken, attempts=1)).run()
    assert Stage.QUEUE_WAIT not in stages, "it waited for its first attempt only"


def test_last_attempt_is_made_and_one_more_is_poison(shop: Workshop) -> None:
    rooms = cast(Any, shop.queue)
    rooms.complete = lambda *_: Completion.STORED
    rooms.fail = lambda *_: True
    assert Attempt(shop, replace(TAKEN, attempts=SETTINGS.max_retries)).run() is Outcome.COMPLETED
    assert shop.tally.poison == 0
    assert Attempt(shop, replace(TAKEN, attempts=SETTINGS.max_retries + 1)).run() is Outcome.FAILED
    assert shop.tally.poison == 1


def test_waiting_for_a_thread_does_not_end_the_lease(shop: Workshop) -> None:
    rooms, ends = cast(Any, shop.queue), list[float]()
    attempt = Attempt(shop, TAKEN)
    decode = rooms.gradient

    def gradient(*_: object, **__: object) -> Decoded:
        ends.append(attempt.lease.renew_until)
        decoded: Decoded = decode()
        return decoded

    rooms.gradient = gradient
    attempt.run()
    assert ends == [float("inf")]


def test_retry_is_told_with_its_delay(shop: Workshop) -> None:
    rooms, retries = cast(Any, shop.queue), list[tuple[str, int]]()

    def fail() -> None:
        raise ObjectMissing("no such key")

    rooms.on_get, rooms.retry = fail, lambda *_: True
    shop = replace(shop, on_retry=lambda identity, delay_ms: retries.append((identity, delay_ms)))
    assert Attempt(shop, TAKEN).run() is Outcome.RETRIED
    ((identity, delay_ms),) = retries
    assert (identity, 2_000 <= delay_ms <= 2_500) == ("id", True)


def test_job_whose_time_is_over_before_its_picture_is_here_takes_no_thread(shop: Workshop) -> None:
    rooms, reasons = cast(Any, shop.queue), list[str]()

    def retry(taken: Taken, job: Job, reason: str, delay_ms: int) -> bool:
        reasons.append(reason)
        return True

    rooms.on_get, rooms.retry = lambda: gevent.sleep(0.02), retry
    shop = replace(shop, settings=replace(SETTINGS, job_timeout_ms=10))
    assert Attempt(shop, TAKEN).run() is Outcome.RETRIED
    assert reasons == ["The job overran its time limit while its picture was downloaded."]


def test_job_whose_attempt_begins_as_the_grace_time_ends_is_handed_back(shop: Workshop) -> None:
    rooms = cast(Any, shop.queue)

    def begin(*_: object) -> Begun:
        shop.closing.set()
        return Begun.OK

    rooms.begin = begin
    assert Attempt(shop, TAKEN).run() is Outcome.RELEASED
    assert rooms.released == [TAKEN]


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
