"""How much memory a decode will take at most, told from the header alone, by format.

It refuses to be exact: the factors are measured upper bounds (tests/imaging/test_memory.py holds them against reality).
"""

from __future__ import annotations

from typing import Any

from gradientd.imaging.formats import Format
from gradientd.imaging.jpeg import Structure
from gradientd.imaging.tiff import Layout

BASE_BYTES = 12 * 2**20
"""Threads, tables, libvips' own buffers, the thumbnail and its colours."""
_CACHED_ROWS = 24 / 128
"""Rows that are held on the way to the thumbnail, per pixel of the longest side: the more it shrinks, the more."""
_LOW_ROWS = 96
"""Held besides twice the rows of a picture that is too low for that: steps hand on several rows at once."""
_WEIGHED = 1.5
"""How much more is held of a picture with alpha, which its pixels are weighed by as floats before they are scaled."""
_JPEG_BYTES_PER_PIXEL = 8
"""Of the picture at an eighth: as it is decoded, in up to four channels, and on its way to the thumbnail."""
_PNG_CHANNELS = {0: 1, 2: 3, 3: 4, 4: 2, 6: 4}

_SAMPLE_BYTES = {"uchar": 1, "char": 1, "ushort": 2, "short": 2, "double": 8}
_FRAME_COPIES = {Format.GIF: 2.0, Format.AVIF: 6.0, Format.HEIC: 6.0, Format.JXL: 10.0, Format.JP2: 8.0}
"""How many times a decoder holds the whole frame, in planes, in filters and in its output."""
_METADATA_COPIES = {Format.PNG: 5, Format.TIFF: 6, Format.GIF: 0, Format.AVIF: 6, Format.HEIC: 6}
"""How many times libvips, the library below and we hold a picture's EXIF, XMP, profiles and texts: 3 if not said."""
_HIDDEN_COPIES = 32
"""Of a picture inside an AVIF or HEIC that is larger than what is shown: libheif decodes up to four tiles at once."""
_WEBP_BYTES_PER_PIXEL = {b"VP8 ": 2, b"ALPH": 4, b"VP8L": 6}
"""Of a still WebP: rows only, with an alpha plane, or all pixels."""
_WEBP_ANIMATION_BYTES_PER_PIXEL = 16


def of_metadata(byte_count: int, format: Format) -> int:
    """Bytes for the words in a file, beside the file itself."""
    return byte_count * _METADATA_COPIES.get(format, 3)


def of_jpeg(structure: Structure) -> int:
    """Bytes for a JPEG: the picture at an eighth, and all coefficients too when it comes in several scans."""
    frame = structure.frame
    eighth = (frame.width // 8) * (frame.height // 8) * _JPEG_BYTES_PER_PIXEL
    kept = sum(end - start for start, end in structure.dc_ranges)
    return BASE_BYTES + eighth + kept + (0 if structure.streams else frame.coefficient_bytes)


def of_png(width: int, height: int, depth: int, color_type: int, interlace: int) -> int:
    """Bytes for a PNG: some rows, and the whole picture when it is interlaced."""
    pixel_bytes = _PNG_CHANNELS.get(color_type, 4) * (2 if depth == 16 else 1)
    rows = _of_rows(width, height, pixel_bytes, has_alpha=color_type > 2)
    return rows + (width * height * pixel_bytes * 5 // 4 if interlace else 0)


def of_webp(width: int, height: int, coding: bytes, frames: int) -> int:
    """Bytes for a WebP: an animation paints on a canvas, lossless coding refers to all pixels, lossy coding streams."""
    pixel_bytes = _WEBP_BYTES_PER_PIXEL.get(coding, 6) if frames == 1 else _WEBP_ANIMATION_BYTES_PER_PIXEL
    return BASE_BYTES + width * height * pixel_bytes


def of_tiff(image: Any, layout: Layout) -> int:
    """Bytes for a TIFF, which is read a strip or a row of tiles at once; `image` is a pyvips.Image.

    A strip that is a JPEG of its own may come with all its coefficients; many samples a pixel are held once more, and
    so are those of a single plane. A tile is held whole, however much of it lies outside the picture. Samples of an
    uncommon type become floats of three channels, or four, before they are scaled.
    """
    width, height = int(image.width), int(image.height)
    pixel_bytes = int(image.bands) * _SAMPLE_BYTES.get(image.format, 4)
    copies = 4 if layout.is_jpeg or image.bands > 4 else 3 if image.bands == 1 else 2
    columns, rows = width, min(layout.block_rows, height)
    if layout.tile_width:
        columns, rows = -(-width // layout.tile_width) * layout.tile_width, layout.block_rows
    light_bytes = 4 * min(image.bands + 2, 4) if image.format not in ("uchar", "ushort", "float") else 0
    held = _of_rows(width, height, pixel_bytes + light_bytes, has_alpha=image.bands not in (1, 3))
    return held + copies * columns * rows * pixel_bytes


def of_frame(image: Any, format: Format) -> int:
    """Bytes for a format whose decoder holds the whole frame, maybe several times; `image` is a pyvips.Image."""
    pixel_bytes = image.bands * _SAMPLE_BYTES.get(image.format, 4)
    frame = int(image.width * image.height * pixel_bytes * _FRAME_COPIES[format])
    return _of_rows(image.width, image.height, pixel_bytes, has_alpha=image.bands in (2, 4)) + frame


def of_heif(image: Any, format: Format, largest_pixels: int) -> int:
    """Bytes for an AVIF or HEIC, in which the picture that is shown may be a part of, or made from, larger ones."""
    shown_pixels = int(image.width * image.height)
    frame = of_frame(image, format)
    if largest_pixels <= 2 * shown_pixels:
        return frame * max(largest_pixels, shown_pixels) // shown_pixels
    return frame + largest_pixels * 3 * _HIDDEN_COPIES


def _of_rows(width: int, height: int, pixel_bytes: int, *, has_alpha: bool) -> int:
    rows = min(2 * height + _LOW_ROWS, max(width, height) * _CACHED_ROWS)
    return BASE_BYTES + int(width * rows * pixel_bytes * (_WEIGHED if has_alpha else 1))
