"""Walks the directories of a TIFF or BigTIFF: how many pages, how much is written in them, how the first is laid out.

It refuses to read pixels, and to walk for ever: libtiff reads every entry of every page, so their number is limited.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from gradientd.errors import DamagedImage, LimitExceeded
from gradientd.imaging.buffers import peek

MAX_ENTRIES = 1_000_000
"""In all directories together: a quarter of a second of Python."""
_COMPRESSION, _ROWS_PER_STRIP, _TILE_WIDTH, _TILE_LENGTH = 259, 278, 322, 323
_JPEG_COMPRESSIONS = frozenset({6, 7})
_ALL_ROWS = 2**32 - 1
"""TIFF's own default for the rows of a strip."""
_TYPE_BYTES = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8)
"""By the number of the type; those that there are not are not read."""
_NUMBER_FORMATS = {1: "B", 3: "H", 4: "I", 6: "B", 8: "H", 9: "I", 16: "Q", 17: "Q"}
"""By the number of the type, of those that libtiff takes for a whole number; it refuses one below zero."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A walked file: `pages` stopped just past the limit; the rest but `metadata_bytes` is the first page's.

    `metadata_bytes` are those of the values of the longest directory, `block_rows` the rows of a strip or a tile;
    `tile_width` is 0 for strips.
    """

    pages: int
    metadata_bytes: int
    block_rows: int
    tile_width: int
    is_jpeg: bool


def walk(view: memoryview, *, max_pages: int) -> Layout:
    """Walk the chain of directories.

    Raises DamagedImage when it leaves the file or comes back to itself (TIFF 6.0, section 2), LimitExceeded for too
    many entries.
    """
    reader = _Reader(view)
    seen: set[int] = set()
    entries = metadata_bytes = 0
    first: dict[int, int] | None = None
    at = reader.number(reader.first_at, reader.offset_format)
    while at and len(seen) <= max_pages:
        if at in seen:
            raise DamagedImage("The TIFF picture is damaged: its directories run in a circle.")
        seen.add(at)
        count = reader.number(at, reader.count_format)
        entries += count
        if entries > MAX_ENTRIES:
            raise LimitExceeded(f"The TIFF picture has more than {MAX_ENTRIES} directory entries, which is the limit.")
        start = at + struct.calcsize(reader.count_format)
        end = start + count * reader.entry.size
        at = reader.number(end, reader.offset_format)
        metadata_bytes = max(metadata_bytes, reader.value_bytes(start, end))
        if first is None:
            first = reader.values(start, end, {_COMPRESSION, _ROWS_PER_STRIP, _TILE_WIDTH, _TILE_LENGTH})
    first = first or {}
    block_rows = first.get(_TILE_LENGTH, first.get(_ROWS_PER_STRIP, _ALL_ROWS))
    is_jpeg = _COMPRESSION not in first or first[_COMPRESSION] in _JPEG_COMPRESSIONS
    return Layout(len(seen), metadata_bytes, block_rows, first.get(_TILE_WIDTH, 0), is_jpeg)


class _Reader:
    """Reads numbers in the file's own order and sizes."""

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self._order = "<" if peek(view, 0, 1) == b"I" else ">"
        is_big = peek(view, 2, 2) in (b"+\0", b"\0+")
        self.first_at = 8 if is_big else 4
        self.offset_format = self._order + ("Q" if is_big else "I")
        self.count_format = self._order + ("Q" if is_big else "H")
        self.entry = struct.Struct(self._order + ("HHQ8s" if is_big else "HHI4s"))

    def number(self, at: int, number_format: str) -> int:
        try:
            number: int = struct.unpack_from(number_format, self._view, at)[0]
        except (struct.error, OverflowError) as exc:
            raise DamagedImage("The TIFF picture is damaged: a directory lies outside the file.") from exc
        return number

    def value_bytes(self, start: int, end: int) -> int:
        """The bytes of all values of a directory; none can be longer than the file."""
        most = len(self._view)
        with self._view[start:end] as directory:
            return sum(
                min(count * _TYPE_BYTES[kind], most)
                for _, kind, count, _ in self.entry.iter_unpack(directory)
                if kind < len(_TYPE_BYTES)
            )

    def values(self, start: int, end: int, tags: set[int]) -> dict[int, int]:
        """The single numbers of these tags, as libtiff reads them: of a tag that is there twice it takes the first."""
        with self._view[start:end] as directory:
            found = [entry for entry in self.entry.iter_unpack(directory) if entry[0] in tags]
        entries = {tag: entry for tag, *entry in reversed(found)}
        return {
            tag: self._single(kind, value)
            for tag, (kind, count, value) in entries.items()
            if kind in _NUMBER_FORMATS and count == 1
        }

    def _single(self, kind: int, value: bytes) -> int:
        """The number in an entry, or where the entry says when it is too long to be in it."""
        number_format = self._order + _NUMBER_FORMATS[kind]
        if _TYPE_BYTES[kind] > len(value):
            return self.number(struct.unpack(self._order + "I", value)[0], number_format)
        return int(struct.unpack_from(number_format, value)[0])
