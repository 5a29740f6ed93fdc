"""What the page says, and that nothing that comes from a job or from Redis is more than text on it."""

from __future__ import annotations

import json
import re
import time
from html.parser import HTMLParser

import gevent
import pytest

from gradientd.errors import StorageUnavailable
from gradientd.jobqueue import keys
from gradientd.web.page.swatches import Colours, gradient_svg
from tests.real.console import wait_until
from tests.web.conftest import GRADIENT, Site

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>&amp;\'`'
ALLOWED_SRC = re.compile(r"/static/[a-z]+\.(js|svg)\?v=[\d.]+$|data:image/jpeg;base64,[A-Za-z0-9+/=]+$")


class Outline(HTMLParser):
    """The elements of a page and its text, as a browser would find them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def page(site: Site, path: str = "/") -> str:
    return site.get(path).text


def test_hostile_names_are_only_text(site: Site) -> None:
    site.add_letter(HOSTILE, code=HOSTILE, message=HOSTILE, format=HOSTILE, width=HOSTILE, byteCount=HOSTILE)
    site.add_result(HOSTILE)
    site.add_worker("w1", host=HOSTILE, version=HOSTILE, state=HOSTILE)
    site.add_worker(HOSTILE, jobs=[{"jobId": HOSTILE, "storageKey": HOSTILE, "phase": HOSTILE, "forMs": 1}])
    outline = Outline(page(site))
    assert [attributes["src"] for tag, attributes in outline.elements if tag == "script"] == ["/static/page.js?v=0.1.0"]
    for tag, attributes in outline.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        assert ALLOWED_SRC.match(attributes.get("src") or "data:image/jpeg;base64,AA")
        assert (attributes.get("href") or "/").startswith(("/", "#", "?code="))
    assert outline.text.count("<script>alert(1)</script>") >= 6


@pytest.mark.parametrize(
    "changes",
    [
        {"primary": "red;}</style><script>"},
        {"primary": "url(https://evil.example)"},
        {"primary": ["#000000"]},
        {"secondary": "#12345"},
        {"foreground": "#FFFFFF\" onload=\"alert(1)"},
        {"palette": ["#102030", "javascript:alert(1)", 7, None, "#FFEEDD"]},
        {"palette": "#102030"},
        {"blurDataUrl": "https://evil.example/pixel.gif"},
        {"blurDataUrl": "data:text/html;base64,PHNjcmlwdD4="},
        {"blurDataUrl": "data:image/svg+xml;base64,PHN2Zz4="},
        {"blurDataUrl": "data:image/jpeg;base64," + "A" * 100_000},
        {"blurDataUrl": 'data:image/jpeg;base64,AA" onerror="alert(1)'},
    ],
)
def test_result_that_is_not_sound_is_shown_as_far_as_it_is(site: Site, changes: dict[str, object]) -> None:
    site.add_result("odd.jpg", **changes)
    html = page(site)
    assert "odd.jpg" in html
    for trace in ("evil.example", "alert(1)", "text/html;base64", "svg+xml;base64", "A" * 20_000):
        assert trace not in html


def test_what_is_no_result_and_no_letter_leaves_the_rest_in_sight(site: Site) -> None:
    for name, gradient in (("a string.jpg", "x"), ("no number.jpg", {"a": float("nan")})):
        site.add_result(name)
        site.redis.set(f"gradient:{name}", json.dumps({"status": "completed", "gradient": gradient, "attempts": 1}))
    site.add_result("sound.jpg")
    site.add_letter("endless.jpg", attempts=float("inf"))
    site.add_letter("later.jpg", failedAt=1e30)
    site.add_letter("large.jpg", width=10**400, height=1, byteCount=10**400)
    for path in ("/", "/api/sections", "/api/recent", "/api/dead"):
        answer = site.get(path)
        assert answer.status == 200
        assert ("sound.jpg" in answer.text) == (path != "/api/dead")
        assert ("large.jpg" in answer.text) == (path != "/api/recent")
        for name in ("a string", "no number", "endless", "later"):
            assert name not in answer.text


@pytest.mark.parametrize("gradient", [None, 7, [], {}, {"primary": "#000000"}])
def test_gradient_without_its_stops_is_none(gradient: object) -> None:
    assert Colours.of(gradient) is None  # type: ignore[arg-type]


def test_invisible_characters_become_visible(site: Site) -> None:
    site.add_letter("photo\u202egnp.exe\u200b\x00.jpg")
    html = page(site)
    assert "photo\\u202egnp.exe\\u200b\\x00.jpg" in html
    assert "\u202e" not in html


def test_letter_whose_name_is_not_utf8_can_be_seen_and_purged(site: Site) -> None:
    name = b"!caf\xe9".decode("utf-8", "surrogateescape")
    site.add_letter(name, storageKey=None)
    form_id = re.search(r'name="letter" value="([^"]+)"', page(site))
    assert form_id
    assert form_id[1] == "%21caf%E9"
    assert site.post("/api/dead/purge", {"letter": form_id[1], "form_token": site.form_token()}).status == 200
    assert site.redis.hlen(keys.DEAD) == 0


def test_gradient_is_drawn_as_css_would() -> None:
    """135 degrees over 320 by 240: CSS's line is 320 sin 45° + 240 cos 45° long and goes through the middle."""
    colours = Colours.of(GRADIENT)
    assert colours
    line = re.search(r'x1="(.+?)" y1="(.+?)" x2="(.+?)" y2="(.+?)"', gradient_svg(colours, "g"))
    assert line
    x1, y1, x2, y2 = map(float, line.groups())
    assert ((x1 + x2) / 2, (y1 + y2) / 2) == (160, 120)
    assert x2 - x1 == y2 - y1
    assert ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5 == pytest.approx((320 + 240) * 0.5**0.5)


def test_card_shows_the_whole_result(site: Site) -> None:
    site.add_result("album/lake.jpg")
    html = page(site)
    assert "lake.jpg" in html
    assert "Gradient from #102030 to #FFEEDD, text in #FFFFFF" in html
    assert html.count("<code>#102030</code>") == 1
    assert f'src="{GRADIENT["blurDataUrl"]}"' in html
    assert "in 42 ms" in html


def test_fleet_shows_each_worker_and_what_it_works_on(site: Site) -> None:
    site.add_worker("alpha")
    site.add_worker("beta", state="waiting", jobs=[])
    text = Outline(page(site)).text
    for sight in ("Fleet of 2 workers", "alpha", "beta", "9.9.9", "1 of 4", "in-work.jpg", "decode, 1.5 s", "1,234"):
        assert sight in text


def test_lost_worker_is_announced(site: Site) -> None:
    site.add_worker("alpha")
    site.redis.delete("gradientd:worker:alpha")
    text = Outline(page(site)).text
    assert "1 worker lost" in text


def test_letters_can_be_looked_at_by_reason(site: Site) -> None:
    site.add_letter("a.svg", code="unsupported_format")
    site.add_letter("b.svg", code="unsupported_format")
    site.add_letter("c.html", code="not_an_image", message="It is a web page.", format="html", byteCount=1500)
    everything = Outline(page(site)).text
    assert "3 dead letters" in everything
    assert "It is a web page." in everything
    assert "2 kB" in everything
    svg_only = page(site, "/?code=unsupported_format")
    assert "Retry 2 jobs with this reason" in svg_only
    assert "a.svg" in svg_only
    assert "c.html" not in svg_only


def test_paused_fleet_is_said_and_can_be_resumed(site: Site) -> None:
    site.queue.pause()
    html = page(site)
    assert "The fleet is paused" in html
    assert 'action="/api/resume"' in html
    assert 'action="/api/pause"' not in html


def test_open_breaker_is_said_with_its_reason(site: Site) -> None:
    site.worker.instruments.storage_breaker.outage.begin(StorageUnavailable("The bucket is on holiday."))
    text = Outline(page(site)).text
    assert "The breaker is open" in text
    assert "The bucket is on holiday." in text


def test_page_without_redis_says_so_and_claims_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.add_letter("bad.jpg")
    site.redis.execute_command("CLIENT", "PAUSE", 3000, "ALL")
    answer = site.get("/")
    assert answer.status == 200
    assert "Redis does not answer" in answer.text
    assert "Nothing has failed" not in answer.text
    assert answer.text.count("Unknown while Redis does not answer.") == 3
    assert "<form" not in answer.text
    assert site.get("/api/fleet").status == 503
    gevent.sleep(3.1)


def test_oldest_job_and_the_time_it_will_take_are_told(site: Site) -> None:
    old = {"guildId": "g", "galleryName": "a", "storageKey": "k", "itemId": "i", "jobId": "j"}
    site.redis.rpush(keys.QUEUE, json.dumps({**old, "createdAt": round(time.time() * 1000) - 600_000}))
    assert "the oldest for 10 min" in Outline(page(site)).text


def test_plots_begin_with_the_first_samples(site: Site) -> None:
    wait_until(lambda: "Waiting over the last" in page(site) and 'class="line"' in page(site), 8)
    assert "0 now, between 0 and 0" in page(site)


def test_page_is_labelled_for_who_listens(site: Site) -> None:
    site.add_worker("alpha")
    site.add_letter("bad.jpg")
    site.add_result("good.jpg")
    outline = Outline(page(site))
    ids = {attributes["id"] for _, attributes in outline.elements if "id" in attributes}
    assert ("html", {"lang": "en"}) in outline.elements
    for tag, attributes in outline.elements:
        if tag == "img":
            assert "alt" in attributes
        if tag == "svg":
            assert attributes.get("aria-hidden") == "true" or attributes.get("role") == "img"
        if tag == "section":
            assert attributes["aria-labelledby"] in ids
        if tag == "input" and attributes.get("type") != "hidden":
            assert attributes["id"] in {label["for"] for name, label in outline.elements if name == "label"}
    assert [tag for tag, _ in outline.elements if tag == "h1"] == ["h1"]


def test_word_after_an_action_is_one_of_ours(site: Site) -> None:
    assert "Back in the queue." in page(site, "/?done=retried")
    assert "elsewhere" not in page(site, "/?done=elsewhere")
