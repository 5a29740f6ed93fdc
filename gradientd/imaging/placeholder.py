"""The placeholder: a tiny blurred JPEG of the picture, as a data URL.

It refuses to carry anything but pixels: no metadata, no profile, no transparency.
"""

from __future__ import annotations

import math
from base64 import b64encode

import numpy as np
import pyvips

from gradientd.imaging.color import Floats
from gradientd.imaging.decode import Thumbnail

LEAST_SIDE = 16
MOST_SIDE = 24
"""The longest side lies between these, whichever fits the picture's shape best."""
_QUALITY = 40
_BLUR = np.array([1.0, 4.0, 1.0]) / 6
"""Weights of a pixel and of its neighbours on an axis: softens edges, keeps things in their places."""


def blur_data_url(thumbnail: Thumbnail, background: Floats) -> str:
    """The placeholder as a `data:image/jpeg` URL; `background` (sRGB 0 to 255) fills what is transparent."""
    width, height = choose_size(thumbnail.aspect)
    pixels = _blur(_scale_down(_flatten(thumbnail, background), width, height))
    image = pyvips.Image.new_from_array(np.rint(pixels).astype(np.uint8), interpretation="srgb")
    jpeg = image.jpegsave_buffer(Q=_QUALITY, optimize_coding=True, keep="none")
    return f"data:image/jpeg;base64,{b64encode(jpeg).decode()}"


def choose_size(aspect: float) -> tuple[int, int]:
    """The placeholder's width and height whose ratio comes nearest to `aspect`; the smallest of equals."""
    long_over_short = max(aspect, 1 / aspect)

    def error(longest: int) -> float:
        ratio = longest / max(1, round(longest / long_over_short))
        return round(abs(math.log(ratio / long_over_short)), 2)

    longest = min(range(LEAST_SIDE, MOST_SIDE + 1), key=lambda side: (error(side), abs(side - 20)))
    shortest = max(1, round(longest / long_over_short))
    return (longest, shortest) if aspect >= 1 else (shortest, longest)


def _flatten(thumbnail: Thumbnail, background: Floats) -> Floats:
    if thumbnail.alpha is None:
        return thumbnail.rgb.astype(np.float64)
    cover = thumbnail.alpha[:, :, np.newaxis] / 255
    flat: Floats = thumbnail.rgb * cover + background * (1 - cover)
    return flat


def _scale_down(pixels: Floats, width: int, height: int) -> Floats:
    """The mean over the part of the picture that each pixel of the result covers."""
    rows, columns = _coverage(pixels.shape[0], height), _coverage(pixels.shape[1], width)
    narrow: Floats = np.einsum("yi,ijc,xj->yxc", rows, pixels, columns, optimize=True)
    return narrow


def _coverage(source: int, target: int) -> Floats:
    """(target, source) weights: how much of each source pixel lies under each target pixel, summing to 1 a row."""
    edges = np.arange(target + 1) * source / target
    low, high = np.arange(source), np.arange(source) + 1
    overlap = np.minimum(high, edges[1:, np.newaxis]) - np.maximum(low, edges[:-1, np.newaxis])
    weights = np.clip(overlap, 0, None)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _blur(pixels: Floats) -> Floats:
    return _blur_axis(_blur_axis(pixels, 0), 1)


def _blur_axis(pixels: Floats, axis: int) -> Floats:
    padding = [(1, 1) if n == axis else (0, 0) for n in range(pixels.ndim)]
    padded = np.pad(pixels, padding, mode="edge")
    count = pixels.shape[axis]
    blurred: Floats = sum(part * padded.take(range(at, at + count), axis) for at, part in enumerate(_BLUR))
    return blurred
