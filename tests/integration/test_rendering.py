"""The guide's HTML, CSS and React component in a real Chromium: nothing jumps, colours are right, no policy is hurt."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from html import escape
from pathlib import Path
from typing import Any

import pytest

from gradientd import generate_gradient
from tests.integration.node import node_home
from tests.integration.site import Gallery
from tests.integration.snippets import snippet
from tests.real.console import wait_until
from tests.real.pictures import jpeg
from tests.web.chromium import DESK, Browser

WATCH_FOR_JUMPS = """
window.jumps = [];
new PerformanceObserver((list) => window.jumps.push(...list.getEntries().map((entry) => entry.value)))
  .observe({type: "layout-shift", buffered: true});
"""
FAVICON = "data:,"
POLICY = snippet("policy").removeprefix("Content-Security-Policy:").strip()
GRADIENT = generate_gradient(jpeg(1200, 800)).as_dict()
PICTURE = {"src": "/como.jpg", "alt": "Lake Como at dusk", "width": 1200, "height": 800, "caption": "Lake Como"}
NO_JUMPS: list[float] = []


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    browser = Browser()
    browser.set("Page.addScriptToEvaluateOnNewDocument", source=WATCH_FOR_JUMPS)
    browser.set("Emulation.setDeviceMetricsOverride", **{**DESK, "height": 1200})
    yield browser
    browser.driver.quit()


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    chromium.complaints()
    yield chromium
    chromium.set("Emulation.setScriptExecutionDisabled", value=False)
    chromium.set("Emulation.setEmulatedMedia", features=[])


@pytest.fixture
def serve() -> Iterator[Callable[..., Gallery]]:
    with ExitStack() as stack:

        def start(page: str, policy: str = POLICY, **files: str) -> Gallery:
            kinds = {"css": "text/css", "js": "text/javascript"}
            served = {f"/{name.replace('_', '.')}": (kinds[name[-3:].strip("_")], text) for name, text in files.items()}
            page = page.replace("</title>", f'</title><link rel="icon" href="{FAVICON}">')
            everything = {
                "/": ("text/html", page.encode()),
                "/como.jpg": ("image/jpeg", jpeg(1200, 800)),
                **{path: (kind, text.encode()) for path, (kind, text) in served.items()},
            }
            return stack.enter_context(Gallery(everything, policy))

        yield start


def gallery_html(gradient: dict[str, Any] | None = GRADIENT) -> str:
    values = {**PICTURE, **(gradient or {"css": "", "blurDataUrl": "", "foreground": ""})}
    return re.sub(r"\{\{ (\w+) \}\}", lambda found: escape(str(values[found[1]])), snippet("gallery.html"))


def plain(serve: Callable[..., Gallery], page: str, policy: str = POLICY) -> Gallery:
    return serve(page, policy, picture_css=snippet("picture.css"), picture_js=snippet("picture.js"))


def style(browser: Browser, selector: str, name: str, pseudo: str | None = None) -> str:
    script = "return getComputedStyle(document.querySelector(arguments[0]), arguments[1])[arguments[2]]"
    return str(browser.run(script, selector, pseudo, name))


def rgb(colour: str) -> str:
    return "rgb({}, {}, {})".format(*bytes.fromhex(colour[1:]))


def wait_for_the_photograph(browser: Browser, gallery: Gallery) -> None:
    gallery.photos.set()
    wait_until(lambda: browser.run("return document.querySelector('.picture img').naturalWidth") == 1200)
    wait_until(lambda: style(browser, ".picture img", "opacity") == "1")
    browser.run("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def assert_it_is_all_there(browser: Browser, gallery: Gallery) -> None:
    """First the placeholder in its full size, then the photograph over it, and nothing has moved."""
    wait_until(lambda: style(browser, ".picture img", "opacity") == "0")
    box = browser.run("return document.querySelector('.picture img').getBoundingClientRect().toJSON()")
    assert box["width"] / box["height"] == pytest.approx(1.5, abs=0.01)
    stops = f"linear-gradient(135deg, {rgb(GRADIENT['primary'])} 0%, {rgb(GRADIENT['secondary'])} 100%)"
    assert style(browser, ".picture", "background-image") == stops
    assert style(browser, ".picture figcaption", "color") == rgb(GRADIENT["foreground"])
    assert GRADIENT["blurDataUrl"] in style(browser, ".picture .frame", "background-image", "::before")
    wait_for_the_photograph(browser, gallery)
    after = browser.run("return document.querySelector('.picture img').getBoundingClientRect().toJSON()")
    assert after == box
    assert browser.run("return window.jumps") == NO_JUMPS
    assert browser.complaints() == []


def test_page_shows_the_placeholder_and_then_the_photograph_without_a_jump(
    browser: Browser, serve: Callable[..., Gallery], tmp_path: Path
) -> None:
    gallery = plain(serve, gallery_html())
    browser.open(gallery.url)
    wait_until(lambda: style(browser, ".picture img", "opacity") == "0")
    browser.take_picture(tmp_path / "placeholder.png")
    assert_it_is_all_there(browser, gallery)
    browser.take_picture(tmp_path / "photograph.png")


def test_jump_would_be_seen(browser: Browser, serve: Callable[..., Gallery]) -> None:
    page, count = re.subn(r' (?:width|height)="\d+"', "", gallery_html())
    assert count == 2
    gallery = plain(serve, page)
    browser.open(gallery.url)
    wait_until(lambda: style(browser, ".picture img", "opacity") == "0")
    browser.run("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    wait_for_the_photograph(browser, gallery)
    wait_until(lambda: browser.run("return window.jumps") != NO_JUMPS)


def test_picture_without_a_result_has_its_box_and_a_neutral_ground(
    browser: Browser, serve: Callable[..., Gallery]
) -> None:
    page = re.sub(r' style="[^"]*"', "", gallery_html(None))
    gallery = plain(serve, page)
    browser.open(gallery.url)
    assert style(browser, ".picture", "background-color") == "rgb(228, 228, 228)"
    wait_for_the_photograph(browser, gallery)
    assert browser.run("return window.jumps") == NO_JUMPS
    assert browser.complaints() == []


@pytest.mark.parametrize(("preference", "transition"), [("no-preference", "0.4s"), ("reduce", "0s")])
def test_photograph_fades_in_only_for_those_who_like_it(
    browser: Browser, serve: Callable[..., Gallery], preference: str, transition: str
) -> None:
    browser.set("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": preference}])
    gallery = plain(serve, gallery_html())
    gallery.photos.set()
    browser.open(gallery.url)
    assert style(browser, ".picture img", "transition-duration") == transition


def test_photograph_is_there_without_script(browser: Browser, serve: Callable[..., Gallery]) -> None:
    gallery = plain(serve, gallery_html())
    gallery.photos.set()
    browser.set("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(gallery.url)
    assert style(browser, ".picture img", "opacity") == "1"


@pytest.mark.parametrize("forgotten", ["data:", "style-src-attr 'unsafe-inline';"])
def test_policy_that_forgets_what_the_guide_says_keeps_the_placeholder_away(
    browser: Browser, serve: Callable[..., Gallery], forgotten: str
) -> None:
    assert forgotten in POLICY
    gallery = plain(serve, gallery_html().replace(FAVICON, "about:blank"), POLICY.replace(forgotten, ""))
    gallery.photos.set()
    browser.open(gallery.url)
    wait_until(lambda: any("Content Security Policy" in complaint for complaint in browser.complaints()))


def test_react_component_does_the_same_under_a_policy_that_allows_no_style_attribute(
    browser: Browser, serve: Callable[..., Gallery], tmp_path: Path
) -> None:
    (tmp_path / "node_modules").symlink_to(node_home() / "node_modules")
    (tmp_path / "Picture.jsx").write_text(snippet("Picture.jsx"))
    (tmp_path / "main.jsx").write_text(
        'import { createRoot } from "react-dom/client";\nimport { Picture } from "./Picture.jsx";\n'
        f"const picture = {json.dumps({**PICTURE, 'gradient': GRADIENT})};\n"
        'createRoot(document.querySelector("main")).render(<Picture {...picture} />);\n'
    )
    esbuild = tmp_path / "node_modules" / ".bin" / "esbuild"
    bundle = [str(esbuild), "main.jsx", "--bundle", "--jsx=automatic", "--minify"]
    built = subprocess.run(bundle, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    page = (
        '<!doctype html><title>Lakes</title><link rel="stylesheet" href="picture.css"><main></main>'
        '<script src="main.js"></script>'
    )
    policy = POLICY.replace("style-src-attr 'unsafe-inline';", "")
    gallery = serve(page, policy, picture_css=snippet("picture.css"), main_js=built.stdout)
    browser.open(gallery.url)
    assert_it_is_all_there(browser, gallery)
    assert browser.text(".picture figcaption") == "Lake Como"
