import struct
from typing import Any

import pytest

from gradientd.errors import DamagedImage
from gradientd.imaging import tiff

BYTE, ASCII, SHORT, LONG, SIGNED_LONG, FLOAT, LONG_LONG = 1, 2, 3, 4, 9, 11, 16
COMPRESSION, STRIP_ROWS, TILE_WIDTH, TILE_ROWS = 259, 278, 322, 323
ALL_ROWS = 2**32 - 1
LZW = (COMPRESSION, SHORT, 1, 5)
_FORMATS = {BYTE: "B", ASCII: "B", SHORT: "H", LONG: "I", SIGNED_LONG: "i", FLOAT: "f", LONG_LONG: "Q"}


def layout(*pages: list[tuple[int, int, int, Any]], order: str = "<", big: bool = False) -> tiff.Layout:
    """How a file of these pages is laid out; an entry is a tag, a type, a count and a value."""
    value_bytes = 8 if big else 4
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    out = head + (struct.pack(order + "HHQ", 8, 0, 16) if big else struct.pack(order + "I", 8))
    for n, entries in enumerate(pages):
        long_at = len(out) + (8 if big else 2) + (12 + value_bytes - 4 + 4 * big) * len(entries) + value_bytes
        longs = b""
        out += struct.pack(order + ("Q" if big else "H"), len(entries))
        for tag, kind, count, number in entries:
            value = struct.pack(order + _FORMATS[kind], number)
            if len(value) > value_bytes:
                longs += value
                value = struct.pack(order + "I", long_at + len(longs) - len(value))
            out += struct.pack(order + ("HHQ" if big else "HHI"), tag, kind, count) + value.ljust(value_bytes, b"\xaa")
        following = long_at + len(longs) if n + 1 < len(pages) else 0
        out += struct.pack(order + ("Q" if big else "I"), following) + longs
    return tiff.walk(memoryview(out), max_pages=10)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [BYTE, SHORT, LONG, SIGNED_LONG, LONG_LONG])
def test_number_of_any_whole_type_is_read(kind: int, order: str, big: bool) -> None:
    found = layout([(COMPRESSION, kind, 1, 7), (STRIP_ROWS, kind, 1, 99)], order=order, big=big)
    assert (found.block_rows, found.is_jpeg) == (99, True)
    found = layout(
        [(COMPRESSION, kind, 1, 8), (TILE_WIDTH, kind, 1, 48), (TILE_ROWS, kind, 1, 32)], order=order, big=big
    )
    assert (found.block_rows, found.tile_width, found.is_jpeg) == (32, 48, False)


def test_number_that_would_lie_outside_the_file_is_damage() -> None:
    with pytest.raises(DamagedImage):
        tiff.walk(memoryview(b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", STRIP_ROWS, LONG_LONG, 1, 900) + bytes(4)),
                  max_pages=10)  # fmt: skip


def test_of_a_tag_that_comes_twice_the_first_counts_as_in_libtiff() -> None:
    assert layout([LZW, (STRIP_ROWS, LONG, 1, 8000), (STRIP_ROWS, LONG, 1, 1)]).block_rows == 8000
    assert layout([(COMPRESSION, SHORT, 1, 7), LZW]).is_jpeg
    assert layout([LZW, (STRIP_ROWS, FLOAT, 1, 1.0), (STRIP_ROWS, LONG, 1, 1)]).block_rows == ALL_ROWS


@pytest.mark.parametrize("entry", [(STRIP_ROWS, FLOAT, 1, 1.0), (STRIP_ROWS, ASCII, 1, 1), (STRIP_ROWS, SHORT, 2, 1)])
def test_number_that_libtiff_does_not_believe_is_not_believed(entry: tuple[int, int, int, Any]) -> None:
    assert layout([LZW, entry]).block_rows == ALL_ROWS


def test_compression_that_is_not_told_may_be_the_costliest() -> None:
    assert layout([(STRIP_ROWS, LONG, 1, 16)]).is_jpeg
    assert layout([(COMPRESSION, SHORT, 3, 7)]).is_jpeg


def test_first_page_alone_is_described_though_it_says_nothing() -> None:
    found = layout([(256, LONG, 1, 9)], [LZW, (STRIP_ROWS, LONG, 1, 1)])
    assert (found.pages, found.block_rows) == (2, ALL_ROWS)
