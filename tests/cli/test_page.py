"""The page holds everything it shows, and nothing that a file name or a message could slip into it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from gradientd.cli.page import Shown, render_page
from gradientd.imaging.preview import Preview

PIXEL = "data:image/jpeg;base64,AAAA"
GRADIENT: dict[str, Any] = {
    "palette": ["#112233", "#EEDDCC", "#445566"],
    "primary": "#112233",
    "secondary": "#EEDDCC",
    "foreground": "#000000",
    "css": "linear-gradient(135deg, #112233 0%, #EEDDCC 100%)",
    "blurDataUrl": PIXEL,
}


def shown(**changes: Any) -> Shown:
    values: dict[str, Any] = {
        "name": "lake.jpg",
        "note": "baseline JPEG",
        "byte_count": 1_234_567,
        "gradient": GRADIENT,
        "last_error": None,
        "preview": Preview(PIXEL, 300, 200, False),
        "took_ms": 42,
    }
    return Shown(**{**values, **changes})


class Outline(HTMLParser):
    """Every tag with its attributes, the text, and whether every tag is closed in its turn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in ("meta", "img", "br", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_page_shows_picture_gradient_palette_and_placeholder() -> None:
    outline = Outline(render_page([shown()], 1.25))
    assert outline.open == []
    assert "1 picture went through" in re.sub(r"\s+", " ", outline.text)
    for text in ("lake.jpg", "baseline JPEG · 1.2 MB · 42 ms", "#112233", "#EEDDCC", "#445566", "text in #000000"):
        assert text in outline.text
    images = [attributes for tag, attributes in outline.tags if tag == "img"]
    assert [image["src"] for image in images] == [PIXEL] * 3
    assert [image["alt"] for image in images] == ["", "lake.jpg", "The placeholder of lake.jpg, enlarged"]
    styles = [attributes["style"] for _, attributes in outline.tags if "style" in attributes]
    assert any("linear-gradient(135deg,#112233,#EEDDCC);color:#000000" in style for style in styles)


def test_page_asks_the_network_for_nothing() -> None:
    page = render_page([shown(), shown(gradient=None, last_error="damaged")], 1)
    for _, attributes in Outline(page).tags:
        assert not {"href", "srcset", "onload", "onclick"} & set(attributes)
        assert attributes.get("src", "data:").startswith("data:")
    assert "url(" not in page
    assert "@import" not in page
    assert "<script" not in page
    assert "default-src 'none'" in page


HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>$name${x}"


def test_names_notes_and_errors_are_text_and_nothing_else() -> None:
    hostile = shown(name=HOSTILE, note=HOSTILE)
    failed = shown(name=HOSTILE, gradient=None, last_error=HOSTILE, preview=None)
    outline = Outline(render_page([hostile, failed], 1))
    assert outline.text.count(HOSTILE) == 4
    assert not [tag for tag, attributes in outline.tags if tag == "script" or "onerror" in attributes]


def test_value_that_is_no_colour_cannot_reach_a_style() -> None:
    evil = {**GRADIENT, "primary": "red;background:url(//evil)", "palette": ["x</b>"], "blurDataUrl": "javascript:x"}
    page = render_page([shown(gradient=evil)], 1)
    assert "evil" not in page
    assert "javascript" not in page
    assert "x</b>" not in page
    assert "#808080" in page


def test_failed_picture_says_why_and_is_counted() -> None:
    items = [shown(), shown(name="cut.jpg", gradient=None, last_error="The picture is damaged.", byte_count=0)]
    outline = Outline(render_page(items, 1))
    text = re.sub(r"\s+", " ", outline.text)
    assert "2 pictures went through a real Valkey and a real S3 server in 1.0 seconds, and 1 failed." in text
    assert "Failed. The picture is damaged." in text
    assert "0 bytes" in text


@pytest.mark.parametrize(
    ("primary", "foreground", "corner"),
    [("#000000", "#FFFFFF", "start"), ("#EEEEEE", "#FFFFFF", "end"), ("#EEEEEE", "#000000", "start")],
)
def test_text_stands_where_it_is_legible(primary: str, foreground: str, corner: str) -> None:
    secondary = "#EEEEEE" if primary == "#000000" else "#000000"
    gradient = {**GRADIENT, "primary": primary, "secondary": secondary, "foreground": foreground}
    assert f'class="panel gradient {corner}"' in render_page([shown(gradient=gradient)], 1)


def test_palette_is_as_wide_as_its_shares_where_they_are_known() -> None:
    with_shares = {**GRADIENT, "shares": [0.5, 0.3, 0.2]}
    page = render_page([shown(gradient=with_shares)], 1)
    assert re.findall(r"flex-grow:([\d.]+)", page) == ["0.500", "0.300", "0.200"]
    assert re.findall(r"flex-grow:([\d.]+)", render_page([shown()], 1)) == ["1.000"] * 3


def test_panorama_and_tower_are_cropped_to_what_a_page_can_bear() -> None:
    page = render_page([shown(preview=Preview(PIXEL, 900, 90, False)), shown(preview=Preview(PIXEL, 9, 900, True))], 1)
    assert re.findall(r'style="--aspect:([\d.]+)"', page) == ["2.500", "0.400"]
    assert page.count('class="panel clear"') == 1
