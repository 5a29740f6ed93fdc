"""Every hostile picture that has a name.

It refuses to know how they are made.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.hostile import animations, damage, heifs, jpegs, pngs, tiffs
from tests.hostile.case import Case, case


def bombs() -> Iterator[Case]:
    """The pictures that are built to do harm, format by format."""
    yield case("empty", bytes, "empty_image")
    yield case("100 kB of zeros", lambda: bytes(100_000), "not_an_image")
    yield case("a drawing that asks for a file", lambda: (
        b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd" width="9" height="9"/></svg>'
    ), "unsupported_format")  # fmt: skip
    yield case("a PostScript program", lambda: b"%!PS-Adobe-3.0\n{} loop\n", "unsupported_format")
    yield case("a playlist that is a picture for ImageMagick", lambda: b"push graphic-context\nfill 'url(https://a)'",
               "not_an_image")  # fmt: skip
    for module in (jpegs, pngs, animations, tiffs, heifs):
        yield from module.cases()


def everything() -> Iterator[Case]:
    """The bombs, then the honest pictures whole, cut and flipped."""
    yield from bombs()
    yield from damage.cases()
