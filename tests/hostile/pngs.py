"""PNG files that lie: sizes that are not there, text that unpacks to gigabytes, chunks without end.

It refuses to go through an encoder where the lie is in the container.
"""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Iterator

from tests.hostile.blank import blank
from tests.hostile.case import COMPLETED, DAMAGED, LIMIT, Case, case
from tests.imaging import paint


def cases() -> Iterator[Case]:
    yield case("png: 65500 x 65500 in 100 bytes", lambda: claiming(65_500, 65_500), LIMIT)
    yield case("png: 2^31-1 x 2^31-1", lambda: claiming(2**31 - 1, 2**31 - 1), LIMIT)
    yield case("png: 0 x 0", lambda: claiming(0, 0), DAMAGED)
    yield case("png: 12000 x 12000 in 400 kB", lambda: blank(".png", 12_000, 12_000, compression=9), COMPLETED)
    yield case("png: interlaced 12000 x 12000", lambda: claiming(12_000, 12_000, interlace=1), LIMIT)
    yield case("png: interlaced 8000 x 8000", lambda: blank(".png", 8000, 8000, interlace=True), COMPLETED,
               is_large=True)  # fmt: skip
    yield case("png: interlaced 16-bit with alpha, 5500 x 5500", lambda: blank(".png", 5500, 5500, 4, "rgb16",
               interlace=True), COMPLETED, is_large=True)  # fmt: skip
    yield case("png: 100000 x 1", lambda: blank(".png", 100_000, 1), COMPLETED, LIMIT)
    yield case("png: 1 x 1000000", lambda: blank(".png", 1, 1_000_000), COMPLETED, LIMIT)
    for height in (9, 64):
        yield case(f"png: 16-bit with alpha, 40000 x {height}", functools.partial(blank, ".png", 40_000, height, 4,
                   "rgb16"), COMPLETED)  # fmt: skip
    yield case("png: pixels that unpack to 200 MB too many", lambda: replaced_pixels(200_000_000), COMPLETED, DAMAGED)
    yield case("png: no pixels", lambda: replaced_pixels(0), DAMAGED)
    for kind, head in ((b"zTXt", b"k\0\0"), (b"iTXt", b"k\0\1\0\0\0"), (b"iCCP", b"k\0\0")):
        name = kind.decode()
        yield case(f"png: {name} that unpacks to 200 MB", functools.partial(packed, kind, head, 200_000_000, 1),
                   COMPLETED)  # fmt: skip
        yield case(f"png: 900 {name} that unpack to 8 MB each", functools.partial(packed, kind, head, 7_900_000, 900),
                   COMPLETED, DAMAGED)  # fmt: skip
    yield case("png: 50 MB of tEXt", lambda: inserted(chunk(b"tEXt", b"k\0" + b"a" * 50_000_000)), COMPLETED, LIMIT,
               is_large=True)  # fmt: skip
    yield case("png: 90 tEXt of 1 MB", lambda: inserted(chunk(b"tEXt", b"k\0" + b"a" * 1_000_000) * 90),
               COMPLETED, LIMIT, is_large=True)  # fmt: skip
    yield case("png: 50 MB of eXIf", lambda: inserted(chunk(b"eXIf", b"MM\0*\0\0\0\x08" + bytes(50_000_000))),
               COMPLETED, LIMIT, is_large=True)  # fmt: skip
    yield case("png: 150000 empty chunks", lambda: inserted(chunk(b"teXt", b"") * 150_000), COMPLETED)
    yield case("png: 150000 empty IDAT", lambda: inserted(chunk(b"IDAT", b"") * 150_000), COMPLETED, DAMAGED)
    yield case("png: a chunk of 2^32-1 bytes", lambda: inserted(b"\xff\xff\xff\xfftEXt"), DAMAGED)
    yield case("png: two headers", lambda: inserted(claiming(60_000, 60_000)[8:33]), DAMAGED)
    yield case("png: animation of 2^31 frames", lambda: inserted(chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))),
               COMPLETED)  # fmt: skip
    yield case("png: palette without entries", lambda: header(300, 200, depth=8, color=3) + small()[33:], DAMAGED)


@functools.cache
def small() -> bytes:
    return paint.by_pillow(paint.landscape(300, 200), "PNG")


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def header(width: int, height: int, depth: int = 8, color: int = 2, interlace: int = 0) -> bytes:
    fields = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", fields)


def claiming(width: int, height: int, interlace: int = 0) -> bytes:
    return header(width, height, interlace=interlace) + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b"")


def inserted(chunks: bytes) -> bytes:
    """The small picture with these chunks behind its header."""
    return small()[:33] + chunks + small()[33:]


def packed(kind: bytes, head: bytes, size: int, count: int) -> bytes:
    return inserted(chunk(kind, head + zlib.compress(bytes(size), 9)) * count)


def replaced_pixels(size: int) -> bytes:
    return header(300, 200) + chunk(b"IDAT", zlib.compress(bytes(size), 9)) + chunk(b"IEND", b"")
