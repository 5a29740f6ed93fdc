"""Walks the containers of PNG, GIF and WebP before libvips does: counts frames and words, finds a missing end.

It refuses to decode, and to walk for ever: it steps from length to length, a bounded number of times.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from gradientd.errors import DamagedImage
from gradientd.imaging.buffers import peek

MAX_STEPS = 200_000
"""Chunks or blocks looked at in one file; what lies behind them is not checked (a tenth of a second of Python)."""
_PNG_CHUNK = struct.Struct(">I4s")
"""The head of a chunk: the length of its data, and its type."""
_PNG_PIXELS = frozenset({b"IDAT", b"fdAT"})
_WEBP_METADATA = frozenset({b"ICCP", b"EXIF", b"XMP "})


def count_png_metadata(view: memoryview) -> int:
    """The bytes of all chunks that hold no pixels.

    Raises DamagedImage when the chunks do not end in IEND (PNG specification, section 5).
    """
    at = 8
    metadata = 0
    for _ in range(MAX_STEPS):
        try:
            size, kind = _PNG_CHUNK.unpack_from(view, at)
        except struct.error as exc:
            raise DamagedImage("The PNG picture is damaged: its end is missing.") from exc
        at += 12 + size
        if kind in _PNG_PIXELS:
            continue
        metadata += size
        if kind == b"IEND" and at <= len(view):
            break
    return metadata


def check_gif_end(view: memoryview) -> None:
    """Raise DamagedImage when the blocks do not end in a trailer (GIF89a specification, section 27).

    What follows a block of no known kind is left to the decoder.
    """
    at = 13 + _color_table_bytes(peek(view, 10, 1))
    steps = MAX_STEPS
    while steps > 0 and at < len(view):
        kind = view[at]
        if kind == 0x3B:
            return
        if kind == 0x2C:
            at += 11 + _color_table_bytes(peek(view, at + 9, 1))
        elif kind == 0x21:
            at += 2
        else:
            return
        at, steps = _skip_gif_sub_blocks(view, at, steps - 1)
    if steps > 0:
        raise DamagedImage("The GIF picture is damaged: its end is missing.")


def _skip_gif_sub_blocks(view: memoryview, at: int, steps: int) -> tuple[int, int]:
    end = len(view)
    while at < end and steps > 0:
        size = view[at]
        at += size + 1
        steps -= 1
        if not size:
            break
    return at, steps


def _color_table_bytes(flags: bytes) -> int:
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def count_webp_frames(view: memoryview, most: int) -> int:
    """The frames of a WebP (1 when it is not animated); stops counting just past `most`.

    Raises DamagedImage when the file is shorter than it says (RFC 9649, section 2).
    """
    if 8 + int.from_bytes(peek(view, 4, 4), "little") > len(view):
        raise DamagedImage("The WebP picture is damaged: its end is missing.")
    frames = 0
    for kind, _ in _riff_chunks(view):
        frames += kind == b"ANMF"
        if frames > most:
            break
    return max(frames, 1)


def webp_coding(view: memoryview) -> bytes:
    """The kind of the first chunk that holds pixels: `VP8 ` (lossy), `VP8L` (lossless) or `ALPH`; empty without any."""
    return next((kind for kind, _ in _riff_chunks(view) if kind in (b"VP8 ", b"VP8L", b"ALPH")), b"")


def count_webp_metadata(view: memoryview) -> int:
    """The bytes of a WebP's profile, EXIF and XMP."""
    return sum(size for kind, size in _riff_chunks(view) if kind in _WEBP_METADATA)


def _riff_chunks(view: memoryview) -> Iterator[tuple[bytes, int]]:
    """The kind and the size of each chunk."""
    at = 12
    for _ in range(MAX_STEPS):
        head = peek(view, at, 8)
        if len(head) < 8:
            return
        size = int.from_bytes(head[4:], "little")
        yield head[:4], size
        at += 8 + size + (size & 1)
