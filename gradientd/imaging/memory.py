"""How much memory a decode will take at most, told from the header alone, by format.

It refuses to be exact: the factors are measured upper bounds (tests/imaging/test_memory.py holds them against reality).
"""

from __future__ import annotations

from typing import Any

from gradientd.imaging.formats import Format
from gradientd.imaging.jpeg import Structure

BASE_BYTES = 12 * 2**20
"""Threads, tables, libvips' own buffers, the thumbnail and its colours."""
_ROW_BYTES_PER_PIXEL = 512
"""A streamed picture passes through windows of some dozens of rows."""
_PNG_CHANNELS = {0: 1, 2: 3, 3: 4, 4: 2, 6: 4}

_FRAME_BYTES_PER_PIXEL = {
    Format.GIF: 16,
    Format.WEBP: 16,
    Format.AVIF: 16,
    Format.HEIC: 16,
    Format.JXL: 32,
    Format.JP2: 24,
}


def of_jpeg(structure: Structure) -> int:
    """Bytes for a JPEG: some rows when it streams, all coefficients when it comes in several scans."""
    rows = _ROW_BYTES_PER_PIXEL * structure.frame.width
    return BASE_BYTES + rows + (0 if structure.streams else structure.frame.coefficient_bytes)


def of_png(width: int, height: int, depth: int, color_type: int, interlace: int) -> int:
    """Bytes for a PNG: some rows, or the whole picture when it is interlaced."""
    pixel_bytes = _PNG_CHANNELS.get(color_type, 4) * (2 if depth == 16 else 1)
    rows = _ROW_BYTES_PER_PIXEL * pixel_bytes * width
    return BASE_BYTES + rows + (2 * width * height * pixel_bytes if interlace else 0)


def of_frame(image: Any, format: Format) -> int:
    """Bytes for a format whose decoder holds the whole frame, maybe several times. `image` is a pyvips.Image."""
    pixel_bytes = _FRAME_BYTES_PER_PIXEL.get(format) or 2 * image.bands * _sample_bytes(image.format)
    width, height = int(image.width), int(image.height)
    return BASE_BYTES + _ROW_BYTES_PER_PIXEL * width + width * height * pixel_bytes


def _sample_bytes(band_format: str) -> int:
    return {"uchar": 1, "char": 1, "ushort": 2, "short": 2}.get(band_format, 8 if band_format == "double" else 4)
