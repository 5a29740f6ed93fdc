"""What the probes answer when something is wrong that a whole process would take minutes to show."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable

import gevent
import pytest

from gradientd.errors import RedisUnavailable, StorageCredentials
from gradientd.web import health
from gradientd.worker import GradientWorker
from tests.real.console import wait_until
from tests.web.conftest import Site


def test_loop_that_no_longer_comes_round_is_dead(site: Site) -> None:
    site.worker.instruments.intake.last_tick = time.monotonic() - 59
    assert site.get("/livez").status == 200
    site.worker.instruments.intake.last_tick = time.monotonic() - 61
    answer = site.get("/livez")
    assert (answer.status, answer.json()) == (503, {"status": "stuck", "silentSeconds": 61})


def test_worker_that_drains_is_alive_however_long_it_takes(site: Site) -> None:
    site.worker.instruments.intake.last_tick = time.monotonic() - 600
    site.worker.instruments.stopping.set()
    assert site.get("/livez").status == 200
    answer = site.get("/readyz")
    assert (answer.status, answer.json()["status"]) == (503, "draining")


def test_outage_that_the_worker_has_met_is_believed_at_once(site: Site) -> None:
    wait_until(lambda: site.get("/readyz").status == 200)
    site.worker.instruments.redis_outage.begin(RedisUnavailable("gone"))
    site.worker.instruments.storage_breaker.outage.begin(StorageCredentials("wrong"))
    problems = {"redis": "redis_unavailable", "storage": "storage_credentials"}
    assert site.get("/readyz").json() == {"status": "unavailable", "problems": problems}


def look_again(site: Site, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """From now on every look at the storage finds `error`."""

    def probe(worker: GradientWorker) -> None:
        raise error

    monkeypatch.setattr(GradientWorker, "probe_storage", probe)
    site.server._health.stop()
    site.server._health._stopping.clear()
    site.server._health.start()


def test_outage_that_an_idle_worker_has_not_met_is_found_by_looking(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_until(lambda: site.get("/readyz").status == 200)
    look_again(site, monkeypatch, StorageCredentials("The keys are wrong."))
    wait_until(lambda: site.get("/readyz").json().get("problems") == {"storage": "storage_credentials"})
    assert "The keys are wrong." in site.get("/").text
    assert site.get("/livez").status == 200


def test_look_that_meets_a_surprise_finds_the_storage_unavailable_and_looks_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_until(lambda: site.get("/readyz").status == 200)
    monkeypatch.setattr(health, "LOOK_AGAIN_S", 0.3)
    look_again(site, monkeypatch, ValueError("nobody foresaw it"))
    wait_until(lambda: site.get("/readyz").json().get("problems") == {"storage": "internal_error"})
    first, *_ = (line for line in map(json.loads, site.log.getvalue().splitlines()) if line["level"] == "error")
    assert "nobody foresaw it" in first["exception"]
    monkeypatch.setattr(GradientWorker, "probe_storage", lambda worker: None)
    wait_until(lambda: site.get("/readyz").status == 200)


def test_worker_is_not_ready_before_anybody_has_looked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = health.Health(site.worker, site.queue, 60.0, logging.getLogger())
    assert fresh.readyz().status == 503
    assert fresh.health().status == 503
    assert fresh.livez().status == 200


@pytest.mark.parametrize("path", ["/metrics", "/", "/api/status", "/api/recent", "/api/dead"])
def test_crowd_waits_for_redis_and_takes_it_from_nobody(
    open_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(health, "REDIS_LOOK_S", 0.01)
    site = open_site()
    wait_until(lambda: site.get("/readyz").status == 200)
    site.redis.client_pause(300)
    crowd = [gevent.spawn(site.get, path) for _ in range(40)]
    while not all(caller.ready() for caller in crowd):
        assert site.get("/readyz").status == 200
        gevent.sleep(0.01)
    answers = [caller.get() for caller in crowd]
    assert {answer.status for answer in answers} == {200}
    assert not any("gradientd_redis_up 0" in answer.text or "in use" in answer.text for answer in answers)
