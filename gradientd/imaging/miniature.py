"""A thumbnail made smaller still: what placeholder and hashes are made of.

It refuses to sharpen: every pixel is the plain mean of those that it stands for.
"""

from __future__ import annotations

import numpy as np

from gradientd.imaging.color import Floats
from gradientd.imaging.decode import Thumbnail


def flatten(thumbnail: Thumbnail, background: Floats) -> Floats:
    """Its pixels, (height, width, 3), sRGB 0 to 255, over `background`."""
    if thumbnail.alpha is None:
        return thumbnail.rgb.astype(np.float64)
    cover = thumbnail.alpha[:, :, np.newaxis] / 255
    flat: Floats = thumbnail.rgb * cover + background * (1 - cover)
    return flat


def scale_down(pixels: Floats, width: int, height: int) -> Floats:
    """The mean over the part of the picture that each pixel of the result covers, to whole pixels."""
    return _scale_rows(_scale_rows(pixels, height).swapaxes(0, 1), width).swapaxes(0, 1)


def _scale_rows(pixels: Floats, target: int) -> Floats:
    source = len(pixels)
    starts = np.arange(target) * source // target
    counts = np.maximum(np.diff(starts, append=source), 1)  # a row of a smaller picture comes several times
    means: Floats = np.add.reduceat(pixels, starts, axis=0) / counts[:, np.newaxis, np.newaxis]
    return means
