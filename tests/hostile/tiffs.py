"""TIFF files that lie: about strips, tiles, samples, directories, and pictures inside the picture.

It refuses to lie by a TIFF library: every false directory is written by hand.
"""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Iterator, Mapping

import pyvips

from tests.hostile.blank import blank
from tests.hostile.case import COMPLETED, DAMAGED, LIMIT, Case, case
from tests.imaging import paint

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, DESCRIPTION = 256, 257, 258, 259, 262, 270
STRIPS, SAMPLES, STRIP_ROWS, STRIP_BYTES = 273, 277, 278, 279
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES = 322, 323, 324, 325
PLANES, SUB_DIRECTORIES, XMP, ICC = 284, 330, 700, 34_675
NONE, JPEG, DEFLATE, WEBP = 1, 7, 8, 50_001
SHORT, LONG = 3, 4


def cases() -> Iterator[Case]:
    yield case("tiff: 65500 x 65500", lambda: one_strip(65_500, 65_500, b""), LIMIT)
    yield case("tiff: 12000 x 12000 in one strip", lambda: one_strip(12_000, 12_000, zeros(144_000_000)), COMPLETED,
               LIMIT, is_large=True)  # fmt: skip
    yield case("tiff: 12000 x 12000 in no bytes", lambda: one_strip(12_000, 12_000, b"", {COMPRESSION: NONE}), DAMAGED)
    yield case("tiff: strips of 2^32-1 rows", lambda: one_strip(64, 64, zeros(4096), {STRIP_ROWS: 2**32 - 1}),
               COMPLETED)  # fmt: skip
    yield case("tiff: strips of 0 rows", lambda: one_strip(64, 64, zeros(4096), {STRIP_ROWS: 0}), COMPLETED, DAMAGED)
    yield case("tiff: claims 2^28 strips", lambda: one_strip(64, 2**20, b"", {STRIP_ROWS: 1}, strips=2**28), DAMAGED)
    for side in (4096, 8192, 30_000):
        yield case(f"tiff: 64 x 64 in a tile of {side}", functools.partial(one_tile, side), COMPLETED, DAMAGED, LIMIT,
                   is_large=True)  # fmt: skip
    yield case("tiff: 4100 x 4100 in a tile of 8192", lambda: one_tile(8192, 4100), COMPLETED, DAMAGED)
    yield case("tiff: 6000 x 6000 in one strip of one plane", lambda: one_strip(6000, 6000, zeros(36_000_000),
               {PLANES: 2}), COMPLETED)  # fmt: skip
    yield case("tiff: 6000 x 6000 in a JPEG that says its strips have one row", strip_rows_told_twice, COMPLETED,
               is_large=True)  # fmt: skip
    yield case("tiff: 1000000 x 100", lambda: one_strip(1_000_000, 100, zeros(100_000_000)), COMPLETED, LIMIT,
               is_large=True)  # fmt: skip
    yield case("tiff: 32-bit whole numbers with alpha, 40000 x 64", whole_numbers, COMPLETED)
    yield case("tiff: 1000 samples a pixel", lambda: one_strip(300, 300, zeros(90_000_000), {SAMPLES: 1000}),
               COMPLETED, DAMAGED, LIMIT, is_large=True)  # fmt: skip
    yield case("tiff: 60000 samples a pixel", lambda: one_strip(40, 40, zeros(96_000_000), {SAMPLES: 60_000}), DAMAGED,
               LIMIT)  # fmt: skip
    yield case("tiff: a JPEG of 12000 x 12000 in a strip of 64 x 64", lambda: with_jpeg(64, 12_000), DAMAGED, LIMIT,
               is_large=True)  # fmt: skip
    yield case("tiff: progressive JPEG in one strip of 5000 x 5000", lambda: with_jpeg(5000, 5000), COMPLETED, LIMIT,
               is_large=True)  # fmt: skip
    yield case("tiff: a WebP of 12000 x 12000 in a strip of 64 x 64", lambda: one_strip(
        64, 64, blank(".webp", 12_000, 12_000, lossless=True), {COMPRESSION: WEBP, PHOTOMETRIC: 2, SAMPLES: 3}),
        DAMAGED, "unsupported_format", LIMIT, is_large=True)  # fmt: skip
    for name, tag in (("ICC profile", ICC), ("XMP", XMP), ("description", DESCRIPTION)):
        yield case(f"tiff: 90 MB of {name}", functools.partial(wordy, tag), COMPLETED, LIMIT, is_large=True)
    yield case("tiff: 100000 pages", lambda: paint.tiff_of_pages(100_000), LIMIT)
    yield case("tiff: 9999 pages", lambda: paint.tiff_of_pages(9999), COMPLETED)
    yield case("tiff: directories in a circle", lambda: directory({WIDTH: 1, HEIGHT: 1}, following=8), DAMAGED)
    yield case("tiff: 65535 entries of nothing", lambda: b"II*\0\x08\0\0\0\xff\xff" + bytes(12 * 65_535 + 4), DAMAGED)
    yield case("tiff: sub-directory that is its own parent",
               lambda: one_strip(64, 64, zeros(4096), {SUB_DIRECTORIES: 8}), COMPLETED)  # fmt: skip
    yield case("tiff: directory far outside", lambda: b"II*\0\xff\xff\xff\x7f", DAMAGED)
    yield case("big tiff: 2^64-1 entries", lambda: b"II+\0\x08\0\0\0\x10" + bytes(7) + b"\xff" * 60, DAMAGED, LIMIT)
    for compression in (2, 3, 4, 5, 6, 32_773, 32_946, 34_661, 34_676, 34_677, 34_887, 34_925, 50_000, 50_002):
        yield case(f"tiff: junk said to be compressed by {compression}",
                   functools.partial(one_strip, 64, 64, bytes(range(256)) * 9, {COMPRESSION: compression}),
                   COMPLETED, DAMAGED)  # fmt: skip
    for bits in (0, 3, 17, 64, 65_535):
        yield case(f"tiff: {bits} bits a sample", functools.partial(one_strip, 64, 64, zeros(4096), {BITS: bits}),
                   COMPLETED, DAMAGED, LIMIT)  # fmt: skip


def zeros(size: int) -> bytes:
    return zlib.compress(bytes(size), 9)


def directory(
    entries: Mapping[int, int], tail: bytes = b"", following: int = 0, counts: Mapping[int, int] = {}
) -> bytes:
    """A file of one directory, little-endian; `counts` are those of entries that are not 1."""
    out = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries))
    for tag, value in sorted(entries.items()):
        kind = {DESCRIPTION: 2, XMP: 1, ICC: 7}.get(tag, LONG if value > 65_535 or tag in (STRIPS, TILES) else SHORT)
        out += struct.pack("<HHII", tag, kind, counts.get(tag, 1), value)
    return out + struct.pack("<I", following) + tail


def tail_at(entries: int) -> int:
    return 8 + 2 + 12 * entries + 4


def one_strip(width: int, height: int, coded: bytes, changes: Mapping[int, int] = {}, strips: int = 1) -> bytes:
    entries = {WIDTH: width, HEIGHT: height, BITS: 8, COMPRESSION: DEFLATE, PHOTOMETRIC: 1, STRIPS: 0, SAMPLES: 1}
    entries |= {STRIP_ROWS: height, STRIP_BYTES: len(coded), **changes}
    entries[STRIPS] = tail_at(len(entries))
    return directory(entries, coded, counts={STRIPS: strips, STRIP_BYTES: strips})


def one_tile(side: int, shown: int = 64) -> bytes:
    coded = zeros(side * side)
    entries = {WIDTH: shown, HEIGHT: shown, BITS: 8, COMPRESSION: DEFLATE, PHOTOMETRIC: 1, SAMPLES: 1}
    entries |= {TILE_WIDTH: side, TILE_HEIGHT: side, TILES: 0, TILE_BYTES: len(coded)}
    entries[TILES] = tail_at(len(entries))
    return directory(entries, coded)


def with_jpeg(side: int, coded_side: int) -> bytes:
    coded = blank(".jpg", coded_side, coded_side, interlace=True)
    return one_strip(side, side, coded, {COMPRESSION: JPEG, PHOTOMETRIC: 6, SAMPLES: 3})


def strip_rows_told_twice() -> bytes:
    """The second time as one, and in the place of a tag that a reader does not need."""
    unneeded = 280
    coded = blank(".jpg", 6000, 6000, interlace=True)
    data = one_strip(6000, 6000, coded, {COMPRESSION: JPEG, PHOTOMETRIC: 6, SAMPLES: 3, unneeded: 1})
    return data.replace(struct.pack("<H", unneeded) + b"\3\0\1", struct.pack("<H", STRIP_ROWS) + b"\3\0\1", 1)


def whole_numbers() -> bytes:
    image = pyvips.Image.black(40_000, 64, bands=2).cast("int").copy(interpretation="b-w")
    return bytes(image.tiffsave_buffer(compression="deflate"))


def wordy(tag: int) -> bytes:
    size = 90_000_000
    entries = {WIDTH: 64, HEIGHT: 64, BITS: 8, COMPRESSION: NONE, PHOTOMETRIC: 1, SAMPLES: 1, STRIP_ROWS: 64}
    entries |= {STRIPS: 0, STRIP_BYTES: 4096, tag: 0}
    at = tail_at(len(entries))
    entries |= {STRIPS: at, tag: at + 4096}
    return directory(entries, bytes(4096) + b"a" * size, counts={tag: size})
