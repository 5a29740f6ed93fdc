"""A JPEG of few pixels in as few bytes as an encoder can be brought to: headers are most of such a file.

It refuses to carry anything but pixels: no metadata, no profile, not even JFIF's name.

Y, Cb and Cr go to Pillow as one grey picture, one below the other, so that they share a quantisation table and the
Huffman tables; what comes back is told anew as a picture of three components, one scan each (ITU-T T.81, annex B).
libvips codes the same bytes, but is made for large pictures: its threads and its metadata cost six times the CPU.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from gradientd.imaging import jpeg

Image.preinit()  # Pillow finds its encoders now: an import in a decode thread could wait for gevent's locks

BLOCK = 8
"""The sides of a plane are multiples of so many pixels."""
_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
_MIDDLE = np.array([[0], [128], [128]], np.float32)
_QUALITY = 60
_SOI = b"\xff\xd8"
_SOF_BASELINE = 0xC0
_RESTARTS = (b"\xff\xd0", b"\xff\xd1")
"""What is written where the first plane ends, and where the second does; coded data itself never holds them."""


def encode(planes: npt.NDArray[np.floating[Any]], width: int, height: int) -> bytes:
    """The file of a picture of `width` and `height`.

    `planes` is sRGB 0 to 255, (3, rows, columns): the picture's own, filled up at the right and at the bottom to
    multiples of BLOCK.
    """
    _, rows, columns = planes.shape
    ycbcr = np.rint(_YCBCR @ planes.reshape(3, -1) + _MIDDLE)
    pixels = np.clip(ycbcr, 0, 255).astype(np.uint8).tobytes()
    grey = Image.frombytes("L", (columns, 3 * rows), pixels)
    blocks = rows // BLOCK * columns // BLOCK
    file = io.BytesIO()
    grey.save(file, "JPEG", quality=_QUALITY, optimize=True, restart_marker_blocks=blocks)
    return _told_as_three(file.getvalue(), width, height)


def _told_as_three(data: bytes, width: int, height: int) -> bytes:
    """The grey file of three planes as a file of three components; tables of a kind share a segment."""
    tables = {jpeg.DQT: b"", jpeg.DHT: b""}
    with memoryview(data) as view:
        for segment in jpeg.segments(view):
            if segment.marker in tables:
                tables[segment.marker] += view[segment.body : segment.end]
            elif segment.marker == jpeg.SOS:
                coded = data[segment.end :]
                break
    first, *others = (_segment(jpeg.SOS, bytes((1, component, 0, 0, 63, 0))) for component in (1, 2, 3))
    for restart, scan in zip(_RESTARTS, others, strict=True):
        coded = coded.replace(restart, scan)
    sides = height.to_bytes(2) + width.to_bytes(2)
    frame = _segment(_SOF_BASELINE, b"\x08" + sides + b"\x03\x01\x11\x00\x02\x11\x00\x03\x11\x00")
    return b"".join((_SOI, *(_segment(*table) for table in tables.items()), frame, first, coded))


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2) + body
