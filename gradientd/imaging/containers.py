"""Walks the containers of PNG, GIF, WebP and TIFF before libvips does: counts frames, finds a missing end.

It refuses to decode, and to walk for ever: it steps from length to length, a bounded number of times.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from gradientd.errors import DamagedImage
from gradientd.imaging.buffers import peek

MAX_STEPS = 200_000
"""Chunks or blocks looked at in one file; what lies behind them is not checked (a tenth of a second of Python)."""
_ROWS_PER_STRIP, _TILE_LENGTH = 278, 323
_SHORT = 3
_ALL_ROWS = 2**32 - 1
"""TIFF's own default for the rows of a strip."""


def check_png_end(view: memoryview) -> None:
    """Raise DamagedImage when the chunks do not end in IEND (PNG specification, section 5)."""
    at = 8
    for _ in range(MAX_STEPS):
        head = peek(view, at, 8)
        if len(head) < 8:
            raise DamagedImage("The PNG picture is damaged: its end is missing.")
        at += 12 + int.from_bytes(head[:4])
        if head[4:] == b"IEND" and at <= len(view):
            return


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
    for kind in _riff_chunks(view):
        frames += kind == b"ANMF"
        if frames > most:
            break
    return max(frames, 1)


def webp_coding(view: memoryview) -> bytes:
    """The kind of the first chunk that holds pixels: `VP8 ` (lossy), `VP8L` (lossless) or `ALPH`; empty without any."""
    return next((kind for kind in _riff_chunks(view) if kind in (b"VP8 ", b"VP8L", b"ALPH")), b"")


def _riff_chunks(view: memoryview) -> Iterator[bytes]:
    at = 12
    for _ in range(MAX_STEPS):
        head = peek(view, at, 8)
        if len(head) < 8:
            return
        yield head[:4]
        size = int.from_bytes(head[4:], "little")
        at += 8 + size + (size & 1)


def count_tiff_pages(view: memoryview, most: int) -> int:
    """The directories of a TIFF or BigTIFF; stops counting just past `most`.

    Raises DamagedImage when the chain of directories leaves the file or comes back to itself (TIFF 6.0, section 2).
    """
    layout = _tiff_layout(view)
    seen: set[int] = set()
    at = _number(view, layout.first, layout.offset)
    while at and len(seen) <= most:
        if at in seen:
            raise DamagedImage("The TIFF picture is damaged: its directories run in a circle.")
        seen.add(at)
        entries = _number(view, at, layout.count)
        at = _number(view, at + struct.calcsize(layout.count) + entries * layout.entry_bytes, layout.offset)
    return len(seen)


def tiff_block_rows(view: memoryview) -> int:
    """How many rows the first page of a TIFF is coded in at once: those of a strip or of a tile.

    Raises DamagedImage when the directory leaves the file.
    """
    layout = _tiff_layout(view)
    at = _number(view, layout.first, layout.offset)
    entries = _number(view, at, layout.count)
    at += struct.calcsize(layout.count)
    for entry in range(at, at + min(entries, MAX_STEPS) * layout.entry_bytes, layout.entry_bytes):
        if _number(view, entry, layout.order + "H") in (_ROWS_PER_STRIP, _TILE_LENGTH):
            is_short = _number(view, entry + 2, layout.order + "H") == _SHORT
            return _number(view, entry + layout.entry_bytes // 2 + 2, layout.order + ("H" if is_short else "I"))
    return _ALL_ROWS


@dataclass(frozen=True, slots=True)
class _TiffLayout:
    """Where and in which struct formats a TIFF keeps its numbers."""

    order: str
    first: int
    count: str
    entry_bytes: int
    offset: str


def _tiff_layout(view: memoryview) -> _TiffLayout:
    order = "<" if peek(view, 0, 1) == b"I" else ">"
    if peek(view, 2, 2) in (b"+\0", b"\0+"):
        return _TiffLayout(order, 8, order + "Q", 20, order + "Q")
    return _TiffLayout(order, 4, order + "H", 12, order + "I")


def _number(view: memoryview, at: int, number_format: str) -> int:
    try:
        number: int = struct.unpack_from(number_format, view, at)[0]
    except (struct.error, OverflowError) as exc:
        raise DamagedImage("The TIFF picture is damaged: a directory lies outside the file.") from exc
    return number
