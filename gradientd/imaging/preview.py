"""A small copy of a picture that a web page can hold inside itself.

It refuses to be fast or exact: it is for people to look at, and nothing is computed from it.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import pyvips

from gradientd.errors import DamagedImage
from gradientd.imaging.buffers import Buffer, as_view
from gradientd.imaging.header import read_header
from gradientd.imaging.limits import DEFAULT_LIMITS, Limits

PREVIEW_PIXELS = 720
"""The longest side of a preview, at most."""


@dataclass(frozen=True, slots=True)
class Preview:
    """An upright sRGB copy as a data URL (JPEG, or WebP where the picture is transparent), its size in pixels."""

    data_url: str
    width: int
    height: int
    is_transparent: bool


def make_preview(data: Buffer, limits: Limits = DEFAULT_LIMITS) -> Preview:
    """Shrink a picture to PREVIEW_PIXELS. Raises ImageError, as `generate_gradient` does."""
    read_header(data, limits)
    with as_view(data) as view:
        try:
            small: Any = pyvips.Image.thumbnail_buffer(
                view, PREVIEW_PIXELS, height=PREVIEW_PIXELS, size="down", output_profile="srgb"
            ).colourspace("srgb")
            if small.hasalpha():
                encoded, kind = small.webpsave_buffer(Q=82, keep="none"), "webp"
            else:
                encoded, kind = small.jpegsave_buffer(Q=80, keep="none", optimize_coding=True), "jpeg"
        except pyvips.Error as exc:
            raise DamagedImage("The picture is damaged: it cannot be shown.") from exc
    data_url = f"data:image/{kind};base64,{base64.b64encode(encoded).decode()}"
    return Preview(data_url, small.width, small.height, bool(small.hasalpha()))
