"""Colours in a terminal: true colour where there is one, hex codes elsewhere.

It refuses to print anything by itself: it makes strings.
"""

from __future__ import annotations

from collections.abc import Sequence

RESET = "\x1b[0m"


def channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of `#RRGGBB`."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def swatch(colour: str, text: str = "   ", foreground: str = "#FFFFFF") -> str:
    """`text` on a colour, both `#RRGGBB`."""
    return f"\x1b[48;2;{_numbers(channels(colour))}m\x1b[38;2;{_numbers(channels(foreground))}m{text}{RESET}"


def gradient_bar(primary: str, secondary: str, width: int) -> str:
    """The way from one colour to the other, as CSS goes it: in sRGB."""
    one, other = channels(primary), channels(secondary)
    steps = [step / max(width - 1, 1) for step in range(width)]
    mixed = ([round(a + (b - a) * step) for a, b in zip(one, other, strict=True)] for step in steps)
    return "".join(f"\x1b[48;2;{_numbers(colour)}m " for colour in mixed) + RESET


def _numbers(colour: Sequence[int]) -> str:
    return ";".join(map(str, colour))
