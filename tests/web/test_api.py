"""The API: what it lists, and what it changes."""

from __future__ import annotations

import json

import pytest

from gradientd.jobqueue import keys
from gradientd.model import Status
from tests.web.conftest import GRADIENT, Site

BROWSER = "text/html"


def queue_of(site: Site) -> list[str]:
    return list(site.redis.lrange(keys.QUEUE, 0, -1))


def test_status_tells_the_depths_and_this_worker(site: Site) -> None:
    site.queue.enqueue({"guildId": "g", "galleryName": "a", "storageKey": "k", "itemId": "i"})
    site.add_letter("bad.jpg")
    status = site.get("/api/status").json()
    assert status["worker"]["workerId"] == site.worker.worker_id
    lengths = {name: status["queue"][name] for name in ("queue", "processing", "delayed", "dead")}
    assert lengths == {"queue": 1, "processing": 0, "delayed": 0, "dead": 1}
    assert 0 <= status["queue"]["oldestJobSeconds"] < 5
    assert status["queue"]["isPaused"] is False
    assert status["redis"] == status["storage"] == {"isUp": True}
    assert status["history"]["intervalSeconds"] == 5


def test_fleet_lists_workers_with_their_jobs(site: Site) -> None:
    site.add_worker("alpha")
    (worker,) = site.get("/api/fleet").json()["workers"]
    assert (worker["workerId"], worker["state"], worker["jobsProcessed"]) == ("alpha", "running", 1234)
    assert worker["jobs"] == [{"jobId": "j", "storageKey": "g/in-work.jpg", "phase": "decode", "forMs": 1500}]
    assert worker["lastHeartbeatMs"] < 5_000


def test_recent_lists_the_newest_results_first_and_skips_those_that_are_gone(site: Site) -> None:
    for number, name in enumerate(("a", "b", "c")):
        site.add_result(name)
        site.redis.zadd(keys.RECENT, {name: 1000 + number})
    site.redis.delete("gradient:b")
    results = site.get("/api/recent").json()["results"]
    assert [entry["storageKey"] for entry in results] == ["c", "a"]
    assert results[0]["result"]["gradient"] == GRADIENT
    assert (results[0]["storedAt"], results[0]["processingMs"]) == (1002, 42)
    assert len(site.get("/api/recent?limit=1").json()["results"]) == 1


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "1e3", "99999999999", "²"])
def test_limit_that_is_none_is_refused(site: Site, limit: str) -> None:
    for path in ("recent", "dead"):
        answer = site.get(f"/api/{path}?limit={limit.encode().hex() if not limit.isascii() else limit}")
        assert (answer.status, answer.json()) == (400, {"error": "limit must be a whole number from 1 to 200."})


def test_dead_lists_by_reason_and_beginning(site: Site) -> None:
    site.add_letter("g1/a.svg", code="unsupported_format", format="svg", byteCount=41)
    site.add_letter("g1/b.jpg")
    site.add_letter("g2/c.svg", code="unsupported_format")
    answer = site.get("/api/dead?code=unsupported_format&prefix=g1/").json()
    assert answer["total"] == 3
    (letter,) = answer["letters"]
    assert (letter["storageKey"], letter["format"], letter["byteCount"]) == ("g1/a.svg", "svg", 41)
    assert letter["id"] == "g1%2Fa.svg"
    assert "payload" not in letter


def test_letter_is_retried_with_all_its_attempts(site: Site) -> None:
    site.add_letter("bad.jpg")
    answer = site.post("/api/dead/retry", {"letter": "bad.jpg", "form_token": site.form_token()})
    assert answer.json() == {"done": "retried", "count": 1}
    assert queue_of(site) == ["id of bad.jpg"]
    assert json.loads(site.redis.get("gradient:job:id of bad.jpg"))["attempts"] == 0
    result = site.queue.result("bad.jpg")
    assert result
    assert result.status is Status.PENDING
    assert site.redis.hlen(keys.DEAD) == 0


def test_all_letters_with_one_reason_are_retried_at_once(site: Site) -> None:
    for name in ("a", "b", "c"):
        site.add_letter(name, code="object_missing")
    site.add_letter("other")
    site.add_letter("broken", code="object_missing", payload="{}")
    answer = site.post("/api/dead/retry", {"code": "object_missing", "form_token": site.form_token()})
    assert answer.json()["count"] >= 3
    assert {"id of a", "id of b", "id of c"} <= set(queue_of(site))
    assert "id of other" not in queue_of(site)


def test_letter_is_purged(site: Site) -> None:
    site.add_letter("bad.jpg")
    form = {"letter": "bad.jpg", "form_token": site.form_token()}
    assert site.post("/api/dead/purge", form).json() == {"done": "purged", "count": 1}
    assert site.redis.hlen(keys.DEAD) == 0
    assert site.post("/api/dead/purge", form).status == 404
    assert site.post("/api/dead/retry", form).status == 404


def test_letter_must_be_named(site: Site) -> None:
    for path in ("retry", "purge"):
        assert site.post(f"/api/dead/{path}", {"form_token": site.form_token()}).status == 400


def test_fleet_is_paused_and_resumed(site: Site) -> None:
    token = site.form_token()
    assert site.post("/api/pause", {"form_token": token}).json() == {"done": "paused"}
    assert site.queue.is_paused()
    assert site.get("/api/status").json()["queue"]["isPaused"] is True
    assert site.post("/api/resume", {"form_token": token}).json() == {"done": "resumed"}
    assert not site.queue.is_paused()


def test_form_of_a_browser_without_script_leads_back_to_the_page(site: Site) -> None:
    answer = site.post("/api/pause", {"form_token": site.form_token()}, Accept=BROWSER)
    assert (answer.status, answer.headers["Location"]) == (303, "/?done=paused")
    refused = site.post("/api/pause", {}, Accept=BROWSER)
    assert refused.status == 403
    assert "<h1>" in refused.text
    assert "reload the page" in refused.text


def test_sections_are_those_of_the_page(site: Site) -> None:
    site.add_letter("bad.jpg")
    answer = site.get("/api/sections").json()
    html = site.get("/").text
    assert answer["title"] == "0 waiting · gradientd"
    assert set(answer["sections"]) == {
        "banner", "state", "notices", "tiles", "results", "fleet", "dead-letters",
    }  # fmt: skip
    assert answer["sections"]["fleet"] in html
