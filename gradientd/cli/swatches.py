"""Colours in a terminal of true colour or of 256; who has neither gets hex codes from the callers.

It refuses to print anything by itself: it makes strings.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradientd.settings import TRUE_COLOURS

RESET = "\x1b[0m"
_BACKGROUND, _FOREGROUND = 48, 38
_CUBE = (0, 95, 135, 175, 215, 255)
"""The steps of xterm's colours 16 to 231, a cube; 232 to 255 are greys from 8 in steps of 10."""

Channels = Sequence[int]
"""Red, green and blue, 0 to 255."""


def channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of `#RRGGBB`."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def swatch(colour: str, text: str = "   ", foreground: str = "#FFFFFF", colours: int = TRUE_COLOURS) -> str:
    """`text` on a colour, both `#RRGGBB`; `colours` is how many the terminal has."""
    on, ink = _code(_BACKGROUND, channels(colour), colours), _code(_FOREGROUND, channels(foreground), colours)
    return f"{on}{ink}{text}{RESET}"


def gradient_bar(primary: str, secondary: str, width: int, colours: int = TRUE_COLOURS) -> str:
    """The way from one colour to the other, as CSS goes it: in sRGB."""
    steps = (step / max(width - 1, 1) for step in range(width))
    row = [_mixed(channels(primary), channels(secondary), step) for step in steps]
    return "".join(f"{_code(_BACKGROUND, colour, colours)} " for colour in row) + RESET


def gradient_panel(
    stops: tuple[str, str], lines: Sequence[str], foreground: str, width: int, height: int, colours: int
) -> list[str]:
    """The CSS gradient at 135 degrees, `width` cells by `height`, with lines of text on it; a string for each row.

    A cell is twice as high as it is wide. The gradient's line is as long as the box's two sides together over √2.
    """
    primary, secondary = channels(stops[0]), channels(stops[1])
    ink = _code(_FOREGROUND, channels(foreground), colours)
    rows = []
    for y in range(height):
        text = lines[y] if y < len(lines) else ""
        cells = []
        for x in range(width):
            way = ((x + 0.5) + 2 * (y + 0.5)) / (width + 2 * height)
            letter = text[x] if x < len(text) else " "
            cells.append(f"{_code(_BACKGROUND, _mixed(primary, secondary, way), colours)}{ink}{letter}")
        rows.append("".join(cells) + RESET)
    return rows


def picture_rows(pixels: Sequence[Sequence[Channels]], colours: int) -> list[str]:
    """A small picture, two of its rows of pixels to a row of cells; each pixel is its red, green and blue."""
    rows = []
    for y in range(0, len(pixels) - 1, 2):
        pairs = zip(pixels[y], pixels[y + 1], strict=True)
        cells = (f"{_code(_FOREGROUND, top, colours)}{_code(_BACKGROUND, bottom, colours)}▀" for top, bottom in pairs)
        rows.append("".join(cells) + RESET)
    if len(pixels) % 2:
        rows.append("".join(f"{_code(_FOREGROUND, colour, colours)}▀" for colour in pixels[-1]) + RESET)
    return rows


def _mixed(one: Channels, other: Channels, way: float) -> list[int]:
    return [round(a + (b - a) * way) for a, b in zip(one, other, strict=True)]


def _code(plane: int, colour: Channels, colours: int) -> str:
    if colours >= TRUE_COLOURS:
        return f"\x1b[{plane};2;{';'.join(map(str, colour))}m"
    return f"\x1b[{plane};5;{_nearest_of_256(colour)}m"


def _nearest_of_256(colour: Channels) -> int:
    steps = [min(range(6), key=lambda step: abs(_CUBE[step] - channel)) for channel in colour]
    grey = min(range(24), key=lambda step: abs(8 + 10 * step - sum(colour) / 3))
    cube_error = sum((_CUBE[step] - channel) ** 2 for step, channel in zip(steps, colour, strict=True))
    grey_error = sum((8 + 10 * grey - channel) ** 2 for channel in colour)
    red, green, blue = steps
    return 16 + 36 * red + 6 * green + blue if cube_error <= grey_error else 232 + grey
