"""The status page in a real Chromium: what a person sees, hears and can press, with and without script."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains

from gradientd.jobqueue import keys
from tests.real.console import wait_until
from tests.web.chromium import DESK, PHONE, Browser
from tests.web.conftest import TOKEN, Site

HOSTILE = '"><img src=x onerror=window.wasRun=1><script>window.wasRun=1</script>'
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    browser.driver.quit()


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    """The same browser, as if new."""
    chromium.open("about:blank")
    chromium.set("Emulation.setScriptExecutionDisabled", value=False)
    chromium.set("Emulation.setDeviceMetricsOverride", **DESK)
    chromium.set("Network.clearBrowserCookies")
    chromium.prefer("light")
    chromium.complaints()
    return chromium


@pytest.fixture
def full(site: Site) -> Site:
    """A site with something in every section, hostile names among it."""
    for name in ("alpha", "beta"):
        site.add_worker(name)
    site.add_worker(HOSTILE, host=HOSTILE)
    for name in ("album/lake.jpg", HOSTILE):
        site.add_result(name)
    for name in ("bad/page.jpg", HOSTILE):
        site.add_letter(name, message=f"It is broken: {HOSTILE}")
    return site


def test_page_is_whole_and_runs_nothing_that_a_name_holds(browser: Browser, full: Site) -> None:
    browser.open(full.url)
    for sight in ("Running", "Newest results", "lake.jpg", "Fleet of 3 workers", "2 dead letters", HOSTILE):
        assert sight in browser.text()
    time.sleep(2.5)  # once refreshed by the script
    assert browser.run("return window.wasRun") is None
    assert browser.complaints() == []


def test_page_asks_nobody_else_for_anything(browser: Browser, full: Site) -> None:
    browser.open(full.url)
    asked = browser.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert asked
    assert [name for name in asked if not name.startswith((full.url, "data:"))] == []


def test_page_follows_what_happens_by_itself(browser: Browser, site: Site) -> None:
    browser.open(site.url)
    assert "No picture has been worked on yet." in browser.text("#results")
    site.add_result("album/new.jpg")
    browser.wait_for("new.jpg", "#results")
    site.queue.enqueue({"guildId": "g", "galleryName": "a", "storageKey": "k", "itemId": "i"})
    wait_until(lambda: browser.driver.title == "1 waiting · gradientd")


def test_fleet_is_paused_and_resumed_at_a_press(browser: Browser, site: Site) -> None:
    browser.open(site.url)
    browser.run("window.isSamePage = true")
    browser.press("[data-key=pause]")
    browser.wait_for("Paused", ".state")
    assert site.queue.is_paused()
    assert "The fleet is paused." in browser.text("#said")
    browser.press("[data-key=resume]")
    browser.wait_for("Running", ".state")
    assert not site.queue.is_paused()
    assert browser.run("return window.isSamePage")


def test_dead_letter_is_retried_at_a_press_and_purged_at_two(browser: Browser, site: Site) -> None:
    site.add_letter("a.jpg")
    site.add_letter("b.jpg")
    browser.open(site.url)
    browser.press("[data-key='retry a.jpg']")
    browser.wait_for("1 dead letter", "#dead-letters")
    assert site.redis.lrange(keys.QUEUE, 0, -1) == ["id of a.jpg"]
    assert not browser.find("[data-key='purge b.jpg'] button, button[data-key='purge b.jpg']").is_displayed()
    browser.press("[data-key='purge? b.jpg']")
    browser.press("button[data-key='purge b.jpg']")
    browser.wait_for("Nothing has failed for good.", "#dead-letters")
    assert site.redis.hlen(keys.DEAD) == 0


def test_refresh_keeps_the_focus_and_what_is_open(browser: Browser, site: Site) -> None:
    site.add_letter("a.jpg")
    browser.open(site.url)
    browser.press("[data-key='purge? a.jpg']")
    browser.run("document.querySelector(\"[data-key='retry a.jpg']\").focus()")
    site.add_letter("b.jpg")
    browser.wait_for("2 dead letters", "#dead-letters")
    assert browser.run("return document.activeElement.dataset.key") == "retry a.jpg"
    assert browser.find("button[data-key='purge a.jpg']").is_displayed()


def test_what_is_about_to_be_pressed_stays_where_it_is(browser: Browser, site: Site) -> None:
    site.add_letter("a.jpg")
    browser.open(site.url)
    ActionChains(browser.driver).move_to_element(browser.find("[data-key='retry a.jpg']")).perform()
    site.add_letter("b.jpg")  # would push the first one down
    site.add_result("album/new.jpg")
    browser.wait_for("new.jpg", "#results")
    assert "b.jpg" not in browser.text("#dead-letters")
    ActionChains(browser.driver).move_by_offset(-300, 0).perform()
    browser.wait_for("b.jpg", "#dead-letters")


def test_live_updates_can_be_held(browser: Browser, site: Site) -> None:
    browser.open(site.url)
    browser.press("#live")
    assert browser.find("#live").get_attribute("aria-pressed") == "false"
    site.add_result("album/new.jpg")
    time.sleep(3.0)
    assert "new.jpg" not in browser.text("#results")
    browser.press("#live")
    browser.wait_for("new.jpg", "#results")


def test_server_that_is_gone_is_noticed(browser: Browser, site: Site) -> None:
    browser.open(site.url)
    site.server.stop()
    browser.wait_for("No answer since", "footer")
    assert "No answer since" in browser.text("footer")


def test_essentials_work_without_script(browser: Browser, full: Site) -> None:
    browser.set("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(full.url)
    for sight in ("Running", "lake.jpg", "Fleet of 3 workers", "2 dead letters", "Refresh"):
        assert sight in browser.text()
    assert not browser.find("#live").is_displayed()
    browser.press("[data-key=pause]")
    browser.wait_for("The fleet is paused.", "#said")
    assert full.queue.is_paused()
    browser.press("[data-key='retry bad%2Fpage.jpg']")
    browser.wait_for("Back in the queue.", "#said")
    assert full.redis.llen(keys.QUEUE) == 1


def test_token_is_asked_for_and_leads_to_the_page_and_out_again(browser: Browser, guarded: Site) -> None:
    browser.open(guarded.url)
    browser.find("#token").send_keys("a-wrong-token-of-16")
    browser.press("form button")
    browser.wait_for("This is not the token.")
    browser.find("#token").send_keys(TOKEN)
    browser.press("form button")
    browser.wait_for("Running")
    assert browser.run("return document.cookie") == ""
    browser.press("[data-key=pause]")
    browser.wait_for("Paused", ".state")
    browser.press("[data-key='log out']")
    browser.wait_for("Token")
    browser.open(guarded.url)
    assert "Fleet" not in browser.text()


@pytest.mark.parametrize("metrics", [PHONE, {**PHONE, "width": 320}, DESK, {**DESK, "width": 800}])
def test_nothing_is_wider_than_the_screen(browser: Browser, full: Site, metrics: dict[str, Any]) -> None:
    browser.set("Emulation.setDeviceMetricsOverride", **metrics)
    browser.open(full.url)
    assert browser.run("return document.documentElement.scrollWidth") <= metrics["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("metrics", [PHONE, DESK])
def test_axe_finds_nothing_that_keeps_anybody_out(
    browser: Browser, full: Site, scheme: str, metrics: dict[str, Any], tmp_path: Path
) -> None:
    full.queue.pause()
    browser.prefer(scheme)
    browser.set("Emulation.setDeviceMetricsOverride", **metrics)
    browser.open(full.url)
    browser.press("#live")
    browser.take_picture(tmp_path / f"{scheme}-{metrics['width']}.png")
    assert accessibility_faults(browser) == []


def test_axe_finds_nothing_wrong_with_the_login(browser: Browser, guarded: Site) -> None:
    browser.open(guarded.url)
    assert accessibility_faults(browser) == []


def test_dark_is_dark_and_light_is_light(browser: Browser, site: Site) -> None:
    browser.open(site.url)

    def lightness(scheme: str) -> int:
        browser.prefer(scheme)
        colour: str = browser.run("return getComputedStyle(document.body).backgroundColor")
        return sum(map(int, colour.removeprefix("rgb(").rstrip(")").split(",")))

    assert lightness("light") > 700
    assert lightness("dark") < 100


def accessibility_faults(browser: Browser) -> list[str]:
    """What axe-core, the engine behind the usual audits, objects to (WCAG 2.1 A and AA, and its best practices)."""
    browser.run(resources.files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    found = browser.driver.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        # The text on a gradient is in the colour that the gradient's own result chose; axe cannot see what it is on.
        "axe.run({exclude: [['.art .title']]}, {resultTypes: ['violations']})"
        ".then((report) => done(report.violations));"
    )
    return [f"{fault['id']}: {node['html']} {node['failureSummary']}" for fault in found for node in fault["nodes"]]
