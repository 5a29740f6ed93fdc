"""The placeholder: a tiny blurred JPEG of the picture, as a data URL.

It refuses to carry anything but pixels: no metadata, no profile, no transparency.
"""

from __future__ import annotations

import math
from base64 import b64encode

import numpy as np
import pyvips

from gradientd.imaging import jpeg
from gradientd.imaging.color import Floats
from gradientd.imaging.decode import Thumbnail
from gradientd.imaging.miniature import flatten, scale_down

LEAST_SIDE = 16
MOST_SIDE = 24
"""The longest side lies between these, whichever fits the picture's shape best."""
_FIT = 0.02
"""A shape this close to the picture's, as a ratio, is as good as its own."""
_QUALITY = 39
_SPILL = 0.1
"""How much of a pixel goes to each of its two neighbours on an axis: softens edges, keeps things in their places.

Enlarging blurs far more; bytes are better spent on pixels than on a blur that a browser gives for nothing.
"""


def blur_data_url(thumbnail: Thumbnail, background: Floats) -> str:
    """The placeholder as a `data:image/jpeg` URL; `background` (sRGB 0 to 255) fills what is transparent."""
    width, height = choose_size(thumbnail.aspect)
    pixels = _blur(scale_down(flatten(thumbnail, background), width, height))
    image = pyvips.Image.new_from_memory(np.rint(pixels).astype(np.uint8).tobytes(), width, height, 3, "uchar")
    data = image.jpegsave_buffer(Q=_QUALITY, optimize_coding=True, subsample_mode="off", keep="none")
    return f"data:image/jpeg;base64,{b64encode(_merge_tables(data)).decode()}"


def choose_size(aspect: float) -> tuple[int, int]:
    """The placeholder's width and height: the largest that fits `aspect` well, else the one that fits it best."""
    long_over_short = max(aspect, 1 / aspect)

    def error(longest: int) -> float:
        ratio = longest / max(1, round(longest / long_over_short))
        return abs(math.log(ratio / long_over_short))

    sides = range(MOST_SIDE, LEAST_SIDE - 1, -1)
    longest = next((side for side in sides if error(side) < _FIT), min(sides, key=error))
    shortest = max(1, round(longest / long_over_short))
    return (longest, shortest) if aspect >= 1 else (shortest, longest)


def _blur(pixels: Floats) -> Floats:
    return _blur_rows(_blur_rows(pixels).swapaxes(0, 1)).swapaxes(0, 1)


def _blur_rows(pixels: Floats) -> Floats:
    padded = np.concatenate([pixels[:1], pixels, pixels[-1:]])
    blurred: Floats = _SPILL * (padded[:-2] + padded[2:]) + (1 - 2 * _SPILL) * pixels
    return blurred


def _merge_tables(data: bytes) -> bytes:
    """The same JPEG with its quantisation tables in one segment and its Huffman tables in another: 16 bytes less."""
    others: list[bytes] = []
    tables = {jpeg.DQT: b"", jpeg.DHT: b""}
    view = memoryview(data)
    for segment in jpeg.segments(view):
        if segment.marker in tables:
            tables[segment.marker] += view[segment.body : segment.end]
        elif segment.marker == jpeg.SOS:
            merged = [bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2) + body for marker, body in tables.items()]
            return b"".join([data[:2], *merged, *others, data[segment.start :]])
        else:
            others.append(data[segment.start : segment.end])
    return data
