"""JPEG files that lie or go on for ever: bombs in the header, in the scans, in the words beside the picture.

It refuses to draw anything: all that matters is how the file is built.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator

from tests.hostile.blank import blank
from tests.hostile.case import COMPLETED, DAMAGED, LIMIT, Case, case
from tests.imaging import paint

ADDED_BYTES = 65_000
"""Of a full segment."""


def cases() -> Iterator[Case]:
    yield case("jpeg: 65500 x 65500 in 2 kB", lambda: claiming(65_500, 65_500, progressive=False), LIMIT)
    yield case("jpeg: 65500 x 65500 progressive in 2 kB", lambda: claiming(65_500, 65_500, progressive=True), LIMIT)
    yield case("jpeg: 0 x 0", lambda: claiming(0, 0, progressive=False), DAMAGED)
    yield case("jpeg: 65500 x 65500 progressive that says 64 x 48 later", two_frames, DAMAGED)
    yield case("jpeg: 65500 x 1", lambda: blank(".jpg", 65_500, 1), COMPLETED)
    yield case("jpeg: 1 x 65500", lambda: blank(".jpg", 1, 65_500), COMPLETED)
    yield case("jpeg: 65500 x 2200", lambda: blank(".jpg", 65_500, 2200), COMPLETED)
    yield case("jpeg: 880 valid scans", lambda: paint.jpeg_of_scans(870), LIMIT)
    yield case("jpeg: 99 scans", lambda: paint.jpeg_of_scans(89), COMPLETED, DAMAGED)
    yield case("jpeg: progressive 9000 x 9000", lambda: large(9000, 9000), COMPLETED, is_large=True)
    yield case("jpeg: progressive 9000 x 9000, 90 scans more", lambda: repeated(large(9000, 9000), 90), COMPLETED,
               is_large=True)  # fmt: skip
    yield case("jpeg: progressive 8800 x 8800, DC again and again", first_scan_again, DAMAGED, is_large=True)
    yield case("jpeg: progressive CMYK 7000 x 7000", lambda: blank(".jpg", 7000, 7000, 4, "cmyk", interlace=True,
               subsample_mode="off"), COMPLETED, is_large=True)  # fmt: skip
    yield case("jpeg: progressive, over the budget", lambda: large(12_000, 12_000), LIMIT, is_large=True)
    yield case("jpeg: 2 MB of fill bytes", lambda: after_start(b"\xff" * 2_000_000), COMPLETED)
    yield case("jpeg: 25000 empty comments", lambda: after_start(segment(0xFE, b"") * 25_000), LIMIT)
    for name, marker, prefix in (
        ("EXIF", 0xE1, b"Exif\0\0"),
        ("XMP", 0xE1, b"http://ns.adobe.com/xap/1.0/\0"),
        ("Photoshop", 0xED, b"Photoshop 3.0\0"),
        ("nameless APP2", 0xE2, b""),
        ("comments", 0xFE, b""),
    ):
        yield case(f"jpeg: 90 MB of {name}", functools.partial(words, marker, prefix, 1400), COMPLETED, LIMIT,
                   is_large=True)  # fmt: skip
    yield case("jpeg: 16 MB that is no ICC profile", lambda: profile(bytes(ADDED_BYTES), 255), COMPLETED)
    yield case("jpeg: ICC profile in the wrong order", lambda: profile(b"junk", 255, backwards=True), COMPLETED)
    for frame in range(0xC0, 0xD0):
        yield case(f"jpeg: coded as SOF{frame - 0xC0}", functools.partial(coded_as, frame), COMPLETED, DAMAGED)
    for orientation in (0, 9, 255, 65_535):
        yield case(f"jpeg: EXIF orientation {orientation}", functools.partial(turned, orientation), COMPLETED)
    yield case("jpeg: EXIF whose directories run in a circle", circle, COMPLETED)
    letters = struct.pack(">HHII", 0x010E, 2, 2**32 - 1, 0)
    yield case("jpeg: EXIF that counts 2^32 letters", lambda: exif(letters), COMPLETED)


@functools.cache
def small(*, progressive: bool = False) -> bytes:
    return paint.by_pillow(paint.landscape(300, 200), "JPEG", progressive=progressive)


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def after_start(inserted: bytes, data: bytes | None = None) -> bytes:
    data = data or small()
    return data[:2] + inserted + data[2:]


def claiming(width: int, height: int, *, progressive: bool) -> bytes:
    data = bytearray(paint.by_pillow(paint.quarters(64, 48), "JPEG", progressive=progressive))
    at = data.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def two_frames() -> bytes:
    data, small = (claiming(*size, progressive=True) for size in ((65_500, 65_500), (64, 48)))
    frame, last = small.index(b"\xff\xc2"), data.rindex(b"\xff\xda")
    return data[:last] + small[frame : frame + 19] + data[last:]


def large(width: int, height: int) -> bytes:
    return blank(".jpg", width, height, interlace=True, subsample_mode="off")


def repeated(data: bytes, times: int) -> bytes:
    """The last scan, a refinement, again and again."""
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * times + data[-2:]


def first_scan_again() -> bytes:
    data = large(8800, 8800)
    first = data.index(b"\xff\xda")
    second = data.index(b"\xff\xc4", first)
    return data[:first] + data[first:second] * 60 + data[second:]


def words(marker: int, prefix: bytes, count: int) -> bytes:
    return after_start(segment(marker, prefix + bytes(ADDED_BYTES)) * count)


def profile(part: bytes, count: int, *, backwards: bool = False) -> bytes:
    parts = [segment(0xE2, b"ICC_PROFILE\0" + bytes([n, count]) + part) for n in range(1, count + 1)]
    return after_start(b"".join(reversed(parts) if backwards else parts))


def coded_as(marker: int) -> bytes:
    data = bytearray(small())
    data[data.index(b"\xff\xc0") + 1] = marker
    return bytes(data)


def exif(*entries: bytes, following: int = 0) -> bytes:
    directory = struct.pack(">H", len(entries)) + b"".join(entries) + struct.pack(">I", following)
    return after_start(segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08" + directory))


def turned(orientation: int) -> bytes:
    return exif(struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0))


def circle() -> bytes:
    links = [struct.pack(">HHII", tag, 4, 1, 8) for tag in (0x8769, 0x8825, 0xA005)]
    return exif(*links, following=8)
