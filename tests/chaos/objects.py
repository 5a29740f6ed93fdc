"""The objects that the run puts into the bucket, sound and broken ones.

It refuses to paint beauty: noise is enough here.
"""

from __future__ import annotations

import functools

from tests.real.pictures import jpeg

VARIANTS = 6


@functools.cache
def _made(name: str, variant: int) -> bytes:
    match name:
        case "small":
            return jpeg(160, 120, variant)
        case "progressive":
            return jpeg(800, 600, variant, progressive=True)
        case "large":
            return jpeg(2400, 1600, variant)
        case "truncated":
            whole = jpeg(600, 400, variant)
            return whole[: len(whole) // 2]
        case "html":
            return b"<!doctype html><title>404</title><p>Not found</p>"
        case "empty":
            return b""
    raise ValueError(name)


def make_object(name: str, variant: int = 0) -> bytes:
    """The bytes of an object by its name in the plan; a few variants of each."""
    return _made(name, variant % VARIANTS)
