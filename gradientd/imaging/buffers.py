"""What every reader of untrusted bytes shares: the type of a buffer, and a window on it that copies little.

It refuses to copy a whole picture.
"""

from __future__ import annotations

import mmap

Buffer = bytes | bytearray | memoryview | mmap.mmap
"""Any contiguous buffer of bytes; it must not change or be closed while it is read."""


def as_view(data: Buffer) -> memoryview:
    """The same memory as unsigned bytes, whatever the shape it came in."""
    return memoryview(data).cast("B")


def peek(view: memoryview, start: int, count: int) -> bytes:
    """A copy of at most `count` bytes from `start`; shorter at the end."""
    return bytes(view[start : start + count])
