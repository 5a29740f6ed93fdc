"""Pictures for the tests of the whole way, painted here: cheap to make, honest to decode."""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image


@functools.cache
def jpeg(width: int = 600, height: int = 400, seed: int = 1, *, progressive: bool = False) -> bytes:
    """Two coloured halves with noise on them."""
    rng = np.random.default_rng(seed)
    pixels = np.empty((height, width, 3), np.float32)
    pixels[: height // 2] = rng.integers(20, 235, 3)
    pixels[height // 2 :] = rng.integers(20, 235, 3)
    pixels += rng.normal(0, 6, (height, width, 1)).astype(np.float32)
    out = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=88, progressive=progressive)
    return out.getvalue()


@functools.cache
def large_jpeg(*, progressive: bool = False) -> bytes:
    """24 megapixels."""
    return jpeg(6000, 4000, 7, progressive=progressive)
