"""Large pictures in few bytes: nothing compresses as well as nothing.

It refuses to be honest art: see tests/imaging/paint.py for that.
"""

from __future__ import annotations

import functools
from typing import Any

import pyvips


@functools.lru_cache(maxsize=4)
def blank(
    suffix: str, width: int, height: int, bands: int = 3, interpretation: str = "srgb", **options: Any
) -> bytes:
    """A black picture as a file; `interpretation` rgb16 makes its samples two bytes wide."""
    image = pyvips.Image.black(width, height, bands=bands)
    if interpretation == "rgb16":
        image = image.cast("ushort")
    return bytes(image.copy(interpretation=interpretation).write_to_buffer(suffix, keep="none", **options))
