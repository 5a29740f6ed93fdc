"""One gradient as a terminal shows it: the gradient with text on it, its palette, the placeholder, every field.

It refuses to trust what it shows: a stored result may hold anything.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from gradientd.cli.page import Shown, data_url_bytes, legible_corner, size_in_words, sound_colour, sound_data_url
from gradientd.cli.swatches import Channels, gradient_panel, picture_rows, swatch
from gradientd.cli.wording import printable
from gradientd.errors import ImageError
from gradientd.imaging import decode
from gradientd.jsontext import to_json
from gradientd.model import Extra

PANEL_WIDTH, PANEL_HEIGHT = 36, 9
MOST_COLUMNS, MOST_ROWS = 36, 2 * PANEL_HEIGHT
"""Of the placeholder, in pixels: two rows of them are one row of the terminal."""
SWATCH_WIDTH = 9
_MOST_COLOURS = 8


def portrait_lines(shown: Shown, colours: int) -> Iterator[str]:
    """For a terminal of so many colours."""
    gradient = shown.gradient or {}
    stops = sound_colour(gradient.get("primary")), sound_colour(gradient.get("secondary"))
    foreground = sound_colour(gradient.get("foreground"))
    text = _on_the_panel([" → ".join(stops), f"text in {foreground}"], legible_corner(foreground, *stops))
    panel = gradient_panel(stops, text, foreground, PANEL_WIDTH, PANEL_HEIGHT, colours)
    placeholder = picture_rows(_pixels(gradient), colours)
    yield ""
    yield f"  {_title(shown)}"
    yield ""
    for left, right in zip_longest(panel, placeholder, fillvalue=""):
        yield f"  {left}  {right}"
    yield ""
    palette = _palette(gradient)
    yield "  " + " ".join(swatch(colour, " " * SWATCH_WIDTH, colours=colours) for colour in palette)
    yield "  " + " ".join(f"{colour:^{SWATCH_WIDTH}}" for colour in palette)
    shares = _shares(gradient, len(palette))
    if shares:
        yield "  " + " ".join(f"{f'{share:.0%}':^{SWATCH_WIDTH}}" for share in shares)
    yield ""
    for name, value in _facts(gradient):
        if name not in ("palette", "primary", "secondary", "foreground", Extra.SHARES):
            yield _line(name, value)
    yield ""


def plain_lines(shown: Shown) -> Iterator[str]:
    """For a pipe, or a terminal without colours: a field a line."""
    yield _title(shown)
    for name, value in _facts(shown.gradient or {}):
        yield _line(name, value)


def _on_the_panel(text: Sequence[str], corner: str) -> list[str]:
    """The panel's rows with the text in its first or its last corner, one cell of two from the edge."""
    if corner == "start":
        return ["", *(f"  {line}" for line in text)]
    above = PANEL_HEIGHT - 1 - len(text)
    return [""] * above + [f"{line:>{PANEL_WIDTH - 2}}" for line in text]


def _title(shown: Shown) -> str:
    size = "" if shown.byte_count is None else size_in_words(shown.byte_count)
    took = "" if shown.took_ms is None else f"{shown.took_ms} ms"
    return " · ".join(fact for fact in (printable(shown.name), size, took) if fact)


def _facts(gradient: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every field by its name on the wire, as text; the placeholder by its size."""
    for name, value in gradient.items():
        if name == "blurDataUrl":
            yield name, f"{data_url_bytes(sound_data_url(value))} bytes"
        elif name == "palette" and isinstance(value, list):
            yield name, " ".join(printable(colour) for colour in value)
        elif name == Extra.OKLCH and isinstance(value, list):
            yield from zip_longest([name], map(printable, value), fillvalue="")
        else:
            yield name, printable(value) if isinstance(value, str) else to_json(value)


def _line(name: str, value: str) -> str:
    return f"  {printable(name):<11}  {value}"


def _palette(gradient: Mapping[str, Any]) -> list[str]:
    palette = gradient.get("palette")
    return [sound_colour(colour) for colour in palette[:_MOST_COLOURS]] if isinstance(palette, list) else []


def _shares(gradient: Mapping[str, Any], count: int) -> list[float]:
    shares = gradient.get(Extra.SHARES)
    is_sound = isinstance(shares, list) and all(isinstance(share, int | float) for share in shares)
    return shares if isinstance(shares, list) and is_sound and len(shares) == count else []


def _pixels(gradient: Mapping[str, Any]) -> Sequence[Sequence[Channels]]:
    """The placeholder's pixels, no more than there is room for; none where it is not a picture."""
    data_url = sound_data_url(gradient.get("blurDataUrl"))
    try:
        rgb = decode(b64decode(data_url.partition(",")[2])).rgb
    except (ImageError, binascii.Error):
        return ()
    height, width = rgb.shape[:2]
    step = max(1, -(-width // MOST_COLUMNS), -(-height // MOST_ROWS))
    pixels: list[list[list[int]]] = rgb[::step, ::step].tolist()
    return pixels
