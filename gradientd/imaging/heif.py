"""Walks the boxes of AVIF and HEIC files for the largest picture that is in them, shown or not.

It refuses to understand them: what a file shows may be a corner of what has to be decoded, or be laid over it, or be
transparent by it, and every such picture states its size in an `ispe` box, which libheif holds it to.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from gradientd.errors import DamagedImage
from gradientd.imaging.buffers import peek

MAX_BOXES = 20_000
"""Looked at in one file; libheif itself gives up far below."""
_PATH = (b"meta", b"iprp", b"ipco")
_FULL_BOX_BYTES = 4
"""Version and flags, at the beginning of `meta` and `ispe`."""


def largest_image(view: memoryview) -> tuple[int, int]:
    """Width and height of the picture with the most pixels; (0, 0) when no size is stated (ISO/IEC 23008-12, 6.5.3).

    Raises DamagedImage for more boxes than any picture has.
    """
    sizes = [(0, 0)]
    for start, end in _properties(view):
        body = peek(view, start + _FULL_BOX_BYTES, min(8, end - start))
        if len(body) == 8:
            sizes.append(struct.unpack(">II", body))
    return max(sizes, key=lambda size: size[0] * size[1])


def _properties(view: memoryview) -> Iterator[tuple[int, int]]:
    """Where the bodies of all `ispe` boxes begin and end."""
    steps = 0
    levels = [(_boxes(view, 0, len(view)), 0)]
    while levels:
        boxes, depth = levels[-1]
        found = next(boxes, None)
        steps += 1
        if steps > MAX_BOXES:
            raise DamagedImage(f"The picture is damaged: it has more than {MAX_BOXES} boxes.")
        if found is None:
            levels.pop()
            continue
        kind, start, end = found
        if depth == len(_PATH):
            if kind == b"ispe":
                yield start, end
        elif kind == _PATH[depth]:
            levels.append((_boxes(view, start + (_FULL_BOX_BYTES if kind == b"meta" else 0), end), depth + 1))


def _boxes(view: memoryview, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of the body of each box (ISO/IEC 14496-12, 4.2); ends where a box cannot be."""
    while at + 8 <= end:
        head = peek(view, at, 16)
        size, start = int.from_bytes(head[:4]), at + 8
        if size == 1:
            size, start = int.from_bytes(head[8:16]), at + 16
        elif size == 0:
            size = end - at
        if size < start - at:
            return
        yield head[4:8], start, min(at + size, end)
        at += size
