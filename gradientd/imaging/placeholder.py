"""The placeholder: a tiny blurred JPEG of the picture, as a data URL.

It refuses to carry anything but pixels: no metadata, no profile, no transparency.
"""

from __future__ import annotations

import math
from base64 import b64encode
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gradientd.imaging import tiny_jpeg
from gradientd.imaging.color import Floats
from gradientd.imaging.decode import Thumbnail
from gradientd.imaging.miniature import flatten

LEAST_SIDE = 16
MOST_SIDE = 24
"""The longest side lies between these, whichever fits the picture's shape best."""
_FIT = 0.02
"""A shape this close to the picture's, as a ratio, is as good as its own."""
_REMEMBERED_SHAPES = 256


def blur_data_url(thumbnail: Thumbnail, background: Floats) -> str:
    """The placeholder as a `data:image/jpeg` URL; `background` (sRGB 0 to 255) fills what is transparent."""
    width, height = choose_size(thumbnail.aspect)
    planes = np.ascontiguousarray(flatten(thumbnail, background).transpose(2, 0, 1), dtype=np.float32)
    _, rows, columns = planes.shape
    data = tiny_jpeg.encode(_soften(rows, height) @ planes @ _soften(columns, width).T, width, height)
    return f"data:image/jpeg;base64,{b64encode(data).decode()}"


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


@lru_cache(maxsize=_REMEMBERED_SHAPES)
def _soften(source: int, target: int) -> npt.NDArray[np.float32]:
    """The matrix that makes `target` samples of `source` ones, and repeats the last to fill whole blocks.

    Each is the mean of the samples that it is going to show in once a browser has enlarged it, by how much it shows in
    them: softer than the mean of those that it covers, and nearer to the picture.
    """
    shares = _enlarge(target, source).T if target < source else _enlarge(source, target)
    shares /= shares.sum(axis=1, keepdims=True)
    filled = -(-target // tiny_jpeg.BLOCK) * tiny_jpeg.BLOCK
    return shares[np.minimum(np.arange(filled), target - 1)].astype(np.float32)


def _enlarge(source: int, target: int) -> Floats:
    """The matrix that makes `target` samples of `source` ones, bilinearly: (target, source)."""
    middles = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
    return np.asarray(np.maximum(1 - np.abs(middles[:, np.newaxis] - np.arange(source)), 0))
