"""GIF and WebP files that lie: about canvases, frames, and how many there are.

It refuses to move.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator

from tests.hostile.blank import blank
from tests.hostile.case import COMPLETED, DAMAGED, LIMIT, Case, case
from tests.imaging import paint


def cases() -> Iterator[Case]:
    yield from _gif_cases()
    yield from _webp_cases()


def _gif_cases() -> Iterator[Case]:
    yield case("gif: canvas of 65535 x 65535", lambda: gif((65_535, 65_535), (2, 2)), COMPLETED, LIMIT)
    yield case("gif: frame of 65535 x 65535 on a canvas of 10 x 10", lambda: gif((10, 10), (65_535, 65_535)), LIMIT)
    yield case("gif: frame of 5000 x 5000 on a canvas of 10 x 10", lambda: gif((10, 10), (5000, 5000)), COMPLETED,
               DAMAGED)  # fmt: skip
    yield case("gif: frame of 2 x 2 on a canvas of 5500 x 5500", lambda: gif((5500, 5500), (2, 2)), COMPLETED)
    yield case("gif: 0 x 0", lambda: gif((0, 0), (0, 0)), COMPLETED, DAMAGED)
    yield case("gif: 5500 x 5500 in 20 kB", lambda: blank(".gif", 5500, 5500), COMPLETED, is_large=True)
    yield case("gif: 9999 frames", lambda: paint.gif_of_frames(9999), COMPLETED)
    yield case("gif: 100000 frames", lambda: paint.gif_of_frames(100_000), LIMIT)
    yield case("gif: 90 MB of comment", lambda: gif_extended(b"\x21\xfe" + sub_blocks(90_000_000)), COMPLETED, LIMIT,
               is_large=True)  # fmt: skip
    yield case("gif: 90 MB of XMP", lambda: gif_extended(b"\x21\xff\x0bXMP DataXMP" + sub_blocks(90_000_000)),
               COMPLETED, LIMIT, is_large=True)  # fmt: skip
    yield case("gif: 190000 empty extensions", lambda: gif_extended(b"\x21\xfe\0" * 190_000), COMPLETED)
    yield case("gif: LZW code size 255", lambda: small_gif().replace(b"\2\2D\n\0", b"\xff\2D\n\0"), COMPLETED, DAMAGED)


def _webp_cases() -> Iterator[Case]:
    yield case("webp: 100000 frames", lambda: paint.webp_of_frames(100_000), LIMIT)
    yield case("webp: 9999 frames", lambda: paint.webp_of_frames(9999), COMPLETED)
    yield case("webp: still of 16000 x 8000 that says 64 x 64", lambda: webp((64, 64), 0, large_frame()), DAMAGED)
    yield case("webp: frame of 16000 x 8000 on a canvas of 64 x 64",
               lambda: animated_webp((64, 64), (16_000, 8000), large_frame()), DAMAGED)  # fmt: skip
    yield case("webp: frame of 2 x 2 on a canvas of 5000 x 5000",
               lambda: animated_webp((5000, 5000), (2, 2), tiny_frame()), COMPLETED, LIMIT)  # fmt: skip
    yield case("webp: frame of 2 x 2 on a canvas of 2^24 x 2^24",
               lambda: animated_webp((2**24, 2**24), (2, 2), tiny_frame()), LIMIT, DAMAGED)  # fmt: skip
    yield case("webp: lossless 8000 x 8000", lambda: blank(".webp", 8000, 8000, 4, lossless=True), COMPLETED,
               is_large=True)  # fmt: skip
    yield case("webp: lossy 16383 x 9000", lambda: blank(".webp", 16_383, 9000), COMPLETED, is_large=True)
    yield case("webp: says that it is 4 GB long", lambda: b"RIFF\xff\xff\xff\xff" + small_webp()[8:], DAMAGED)
    yield case("webp: without a chunk", lambda: b"RIFF\4\0\0\0WEBP", DAMAGED)
    for name, kind, flag in (("EXIF", b"EXIF", 8), ("XMP", b"XMP ", 4), ("ICC profile", b"ICCP", 0x20)):
        yield case(f"webp: 90 MB of {name}", functools.partial(wordy_webp, kind, flag), COMPLETED, LIMIT,
                   is_large=True)  # fmt: skip


@functools.cache
def small_gif() -> bytes:
    return paint.gif_of_frames(1)


@functools.cache
def small_webp() -> bytes:
    return blank(".webp", 300, 200)


def gif(canvas: tuple[int, int], frame: tuple[int, int]) -> bytes:
    data = bytearray(paint.gif_of_frames(3))
    data[6:10] = struct.pack("<HH", *canvas)
    at = data.index(b"\x2c")
    data[at + 5 : at + 9] = struct.pack("<HH", *frame)
    return bytes(data)


def gif_extended(extension: bytes) -> bytes:
    """The small picture with an extension before its frame."""
    return small_gif()[:13] + extension + small_gif()[13:]


def sub_blocks(size: int) -> bytes:
    return (b"\xff" + b"a" * 255) * (size // 256) + b"\0"


def riff_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) & 1)


def webp(canvas: tuple[int, int], flags: int, *chunks: bytes) -> bytes:
    body = b"WEBP" + riff_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + _size(canvas)) + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def animated_webp(canvas: tuple[int, int], frame: tuple[int, int], coded: bytes) -> bytes:
    moving = riff_chunk(b"ANMF", bytes(6) + _size(frame) + b"\x0a\0\0\0" + coded)
    return webp(canvas, 2, riff_chunk(b"ANIM", bytes(6)), moving)


def wordy_webp(kind: bytes, flag: int) -> bytes:
    words, coded = riff_chunk(kind, bytes(90_000_000)), small_webp()[12:]
    return webp((300, 200), flag, *((words, coded) if kind == b"ICCP" else (coded, words)))


def large_frame() -> bytes:
    return blank(".webp", 16_000, 8000, lossless=True)[12:]


def tiny_frame() -> bytes:
    return blank(".webp", 2, 2, lossless=True)[12:]


def _size(size: tuple[int, int]) -> bytes:
    return b"".join(struct.pack("<I", side - 1)[:3] for side in size)
