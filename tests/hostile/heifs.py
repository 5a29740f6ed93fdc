"""AVIF and HEIF files that lie: about their size, their tiles, their masks.

It refuses to encode: libvips makes one honest tile, and every lie is told in the boxes around it.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyvips

from tests.hostile.blank import blank
from tests.hostile.case import COMPLETED, DAMAGED, LIMIT, Case, case

ALPHA = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"


def cases() -> Iterator[Case]:
    yield case("avif: 64 x 64 whose data is 8000 x 8000", lambda: single([ispe(64, 64)], 8000), DAMAGED)
    yield case("avif: 8000 x 8000 whose data is 64 x 64", lambda: single([ispe(5000, 5000)], 64), DAMAGED, LIMIT)
    yield case("avif: 8000 x 8000 of which 64 x 64 are shown", lambda: single([ispe(8000, 8000), clap(64, 64)], 8000),
               LIMIT)  # fmt: skip
    yield case("avif: no size at all", lambda: single([], 64), DAMAGED)
    yield case("avif: alpha of 8000 x 8000 on 64 x 64", huge_alpha, LIMIT)
    yield case("avif: 64 x 64 derived from 8000 x 8000", lambda: derived(b"iden", b""), LIMIT)
    yield case("avif: 8000 x 8000 laid over 64 x 64", lambda: derived(b"iovl", overlay(64, 64)), LIMIT)
    yield case("avif: grid of 100 tiles", lambda: tiled(10, 512, 5120), COMPLETED, LIMIT, is_large=True)
    yield case("avif: grid of 65536 tiles", lambda: tiled(256, 512, 131_071, 65_535), DAMAGED, LIMIT)
    yield case("avif: grid of 100 tiles of 1500 x 1500 for 64 x 64", lambda: tiled(10, 1500, 64), COMPLETED,
               is_large=True)  # fmt: skip
    yield case("avif: grid of 16 tiles of 5000 x 5000 for 64 x 64", lambda: tiled(4, 5000, 64), DAMAGED, LIMIT,
               is_large=True)  # fmt: skip
    yield case("avif: grid that is its own tile", lambda: heif(
        [Item(b"grid", grid(2, 2, 1024, 1024), [1], b"dimg", [1] * 4)], [ispe(1024, 1024)]), DAMAGED)  # fmt: skip
    yield case("avif: grid without tiles", lambda: heif(
        [Item(b"grid", grid(2, 2, 1024, 1024), [1])], [ispe(1024, 1024)]), DAMAGED)  # fmt: skip
    for name, bands, interpretation, options in (
        ("8-bit", 3, "srgb", {}),
        ("8-bit with alpha", 4, "srgb", {"subsample_mode": "off"}),
        ("12-bit with alpha", 4, "rgb16", {"bitdepth": 12, "subsample_mode": "off"}),
        ("lossless with alpha", 4, "srgb", {"lossless": True}),
    ):
        yield case(f"avif: {name}, near the budget", functools.partial(
            blank, ".avif", 4400, 4400, bands, interpretation, effort=0, **options),
            COMPLETED, LIMIT, is_large=True)  # fmt: skip
    yield case("avif: 30 MB of ICC profile", lambda: single([ispe(64, 64), profile(30_000_000)], 64), COMPLETED)
    yield case("avif: 200 nested boxes", lambda: nested(200), DAMAGED)
    yield case("avif: 100000 empty boxes", lambda: small()[:40] + box(b"free") * 100_000 + small()[40:], DAMAGED,
               COMPLETED)  # fmt: skip
    yield case("avif: box of 2^63 bytes", lambda: small()[:32] + b"\0\0\0\1meta\x7f" + b"\xff" * 7, DAMAGED)
    yield case("heic: no codec for it", lambda: heif(
        [Item(b"hvc1", b"junk", [1])], [ispe(64, 64)], b"heic"), DAMAGED, "unsupported_format")  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One item of a HEIF file: its type, its bytes, its properties (1-based numbers) and what it refers to."""

    type: bytes
    data: bytes
    properties: Sequence[int]
    reference: bytes = b""
    to: Sequence[int] = ()


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def ispe(width: int, height: int) -> bytes:
    """How large an image item says that it is."""
    return full_box(b"ispe", 0, 0, struct.pack(">II", width, height))


def clap(width: int, height: int) -> bytes:
    """Show only a middle of this size."""
    return box(b"clap", struct.pack(">IIIIiIiI", width, 1, height, 1, 0, 1, 0, 1))


def profile(size: int) -> bytes:
    return box(b"colr", b"prof", bytes(size))


def grid(rows: int, columns: int, width: int, height: int) -> bytes:
    return bytes([0, 1, rows - 1, columns - 1]) + struct.pack(">II", width, height)


def heif(items: Sequence[Item], properties: Sequence[bytes], brand: bytes = b"avif") -> bytes:
    """The file; the first item is the primary one. Items of the same bytes share them."""
    head = box(b"ftyp", brand, bytes(4), b"mif1miaf", brand)
    at, places, stored = 0, [], {}
    for item in items:
        if item.data not in stored:
            stored[item.data] = at
            at += len(item.data)
        places.append((stored[item.data], len(item.data)))
    base = len(head) + len(_meta(items, properties, places, 0)) + 8
    return head + _meta(items, properties, places, base) + box(b"mdat", *stored)


def _meta(
    items: Sequence[Item], properties: Sequence[bytes], places: Sequence[tuple[int, int]], base: int
) -> bytes:
    numbers = range(1, len(items) + 1)
    infos = [
        full_box(b"infe", 2, 0, struct.pack(">HH", n, 0), item.type, b"\0")
        for n, item in zip(numbers, items, strict=True)
    ]
    extents = [
        struct.pack(">HHHHII", n, 0, 0, 1, base + at, size)
        for n, (at, size) in zip(numbers, places, strict=True)
    ]
    links = [
        struct.pack(">HB", n, len(item.properties)) + bytes(item.properties)
        for n, item in zip(numbers, items, strict=True)
    ]
    references = [
        box(item.reference, struct.pack(f">HH{len(item.to)}H", n, len(item.to), *item.to))
        for n, item in zip(numbers, items, strict=True)
        if item.to
    ]
    return full_box(
        b"meta", 0, 0,
        full_box(b"hdlr", 0, 0, bytes(4), b"pict", bytes(13)),
        full_box(b"pitm", 0, 0, struct.pack(">H", 1)),
        full_box(b"iinf", 0, 0, struct.pack(">H", len(items)), *infos),
        *([full_box(b"iref", 0, 0, *references)] if references else []),
        box(b"iprp", box(b"ipco", *properties), full_box(b"ipma", 0, 0, struct.pack(">I", len(items)), *links)),
        full_box(b"iloc", 1, 0, bytes([0x44, 0]), struct.pack(">H", len(items)), *extents),
    )  # fmt: skip


@functools.cache
def tile(width: int, height: int) -> tuple[bytes, bytes]:
    """An honest AV1 tile of one colour: its av1C property and its coded bytes."""
    image = pyvips.Image.black(width, height, bands=3).copy(interpretation="srgb").linear(1, [200, 90, 30], uchar=True)
    data = image.write_to_buffer(".avif", effort=0, keep="none")
    at = data.index(b"av1C") - 4
    mdat = data.rindex(b"mdat")
    return data[at : at + int.from_bytes(data[at : at + 4])], data[mdat + 4 :]


@functools.cache
def small() -> bytes:
    return blank(".avif", 300, 200, effort=0)


def single(properties: Sequence[bytes], side: int) -> bytes:
    """One picture of a square tile, said to be as these properties have it."""
    config, coded = tile(side, side)
    return heif([Item(b"av01", coded, range(1, len(properties) + 2))], [*properties, config])


def tiled(rows: int, side: int, shown: int, references: int | None = None) -> bytes:
    """A grid of as many columns, all of one and the same tile."""
    config, coded = tile(side, side)
    whole = Item(b"grid", grid(rows, rows, shown, shown), [3], b"dimg", [2] * (references or rows * rows))
    return heif([whole, Item(b"av01", coded, [1, 2])], [ispe(side, side), config, ispe(shown, shown)])


def derived(kind: bytes, recipe: bytes) -> bytes:
    """A picture of 64 x 64 that is made from one of 8000 x 8000."""
    config, coded = tile(8000, 8000)
    items = [Item(kind, recipe, [1], b"dimg", [2]), Item(b"av01", coded, [2, 3])]
    return heif(items, [ispe(64, 64), ispe(8000, 8000), config])


def overlay(width: int, height: int) -> bytes:
    return bytes(2) + struct.pack(">4H2H2h", 0, 0, 0, 0, width, height, 0, 0)


def huge_alpha() -> bytes:
    (config, coded), (huge_config, huge) = tile(64, 64), tile(8000, 8000)
    items = [Item(b"av01", coded, [1, 2]), Item(b"av01", huge, [3, 4, 5], b"auxl", [1])]
    return heif(items, [ispe(64, 64), config, ispe(8000, 8000), huge_config, full_box(b"auxC", 0, 0, ALPHA)])


def nested(depth: int) -> bytes:
    inner = b""
    for _ in range(depth):
        inner = box(b"iprp", inner)
    return small()[:32] + full_box(b"meta", 0, 0, inner)
