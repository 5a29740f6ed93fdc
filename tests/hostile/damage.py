"""Small honest pictures of every format, and three ways to spoil them: cut, flip, mutate.

It refuses chance: every spoiled picture follows from its name or from a seed.
"""

from __future__ import annotations

import functools
import random
import struct
from collections.abc import Iterator

from tests.hostile import heifs, tiffs
from tests.hostile.case import ANY, COMPLETED, Case
from tests.imaging import paint

CUTS_PER_FILE = 40
FLIPS_PER_FILE = 60
_LANDSCAPE = functools.partial(paint.landscape, 160, 120)
_TOKENS = (
    b"\0", b"\xff", b"\x7f", b"\x80", b"\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0",
    b"\xff\xd8", b"\xff\xd9", b"\xff\xda", b"\xff\xc0", b"\xff\xc2", b"\xff\xc4", b"\xff\xdb", b"\xff\xe1",
    b"IHDR", b"IDAT", b"PLTE", b"tRNS", b"iCCP", b"IEND", b"ANMF", b"ALPH", b"VP8L", b"VP8X", b"ispe", b"av1C", b"iloc",
    b"\x2c", b"\x21\xf9\x04", b"\x3b",
)  # fmt: skip
"""What formats are made of: a mutation that knows the words gets further into a decoder."""


@functools.cache
def honest() -> dict[str, bytes]:
    """One small picture of each way of coding, by name."""
    orientation = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    turned = b"Exif\0\0MM\0*\0\0\0\x08\0\1" + orientation + bytes(4)
    wide = paint.by_pillow(_LANDSCAPE(), "JPEG")
    return {
        "jpeg": wide[:2] + b"\xff\xe1" + struct.pack(">H", len(turned) + 2) + turned + wide[2:],
        "progressive jpeg": paint.by_pillow(_LANDSCAPE(), "JPEG", progressive=True),
        "large progressive jpeg": paint.by_pillow(paint.landscape(1100, 800), "JPEG", progressive=True, quality=40),
        "png": paint.by_vips(_LANDSCAPE(), ".png", profile="p3"),
        "interlaced png": paint.by_vips(_LANDSCAPE(), ".png", interlace=True),
        "palette png": paint.by_vips(_LANDSCAPE(), ".png", palette=True),
        "gif": paint.by_pillow(_LANDSCAPE(), "GIF"),
        "animated gif": paint.gif_of_frames(5),
        "webp": paint.by_pillow(_LANDSCAPE(), "WEBP"),
        "lossless webp": paint.by_pillow(_LANDSCAPE(), "WEBP", lossless=True),
        "animated webp": paint.webp_of_frames(5),
        "lzw tiff": paint.by_pillow(_LANDSCAPE(), "TIFF", compression="tiff_lzw"),
        "tiled tiff": paint.by_vips(_LANDSCAPE(), ".tif", tile=True, compression="deflate"),
        "jpeg tiff": paint.by_vips(_LANDSCAPE(), ".tif", compression="jpeg"),
        "fax tiff": tiffs.one_strip(64, 64, bytes(range(256)) * 2, {tiffs.COMPRESSION: 4, tiffs.BITS: 1}),
        "avif": paint.by_vips(_LANDSCAPE(), ".avif", effort=0),
        "grid avif": heifs.tiled(2, 64, 128),
    }


def cases() -> Iterator[Case]:
    """Every honest picture as it is, cut at many offsets, and with single bits flipped."""
    for name, data in honest().items():
        ends = ANY if name == "fax tiff" else frozenset({COMPLETED})
        yield Case(f"{name}: whole", functools.partial(bytes, data), ends)
        for cut in sorted({len(data) * part // CUTS_PER_FILE for part in range(CUTS_PER_FILE)}):
            yield Case(f"{name}: cut after {cut} bytes", functools.partial(_cut, data, cut), ANY)
        for n in range(FLIPS_PER_FILE):
            at = n * 7919 % len(data) if n % 2 else n * 7919 % min(len(data), 400)
            yield Case(f"{name}: bit {n % 8} of byte {at} flipped", functools.partial(_flip, data, at, n % 8), ANY)


def mutation(seed: int) -> Case:
    """A picture of one honest file, changed in one to eight places: the same for the same seed, for ever."""
    rng = random.Random(seed)
    name = rng.choice(list(honest()))
    return Case(f"seed {seed} ({name})", functools.partial(_mutate, name, rng.getrandbits(64)), ANY)


def _cut(data: bytes, size: int) -> bytes:
    return data[:size]


def _flip(data: bytes, at: int, bit: int) -> bytes:
    broken = bytearray(data)
    broken[at] ^= 1 << bit
    return bytes(broken)


def _mutate(name: str, seed: int) -> bytes:
    rng = random.Random(seed)
    data = bytearray(honest()[name])
    for _ in range(rng.choice((1, 1, 2, 3, 5, 8))):
        # half of the changes hit the headers, which are a few hundred bytes at the beginning
        at = rng.randrange(len(data) if rng.random() < 0.5 else min(len(data), 600))
        kind = rng.randrange(6)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = rng.randrange(256)
        elif kind == 2:
            token = rng.choice(_TOKENS)
            data[at : at + len(token)] = token
        elif kind == 3:
            data[at:at] = rng.choice(_TOKENS)
        elif kind == 4:
            del data[at : at + rng.choice((1, 2, 4, 16, 200))]
        else:
            other = rng.randrange(len(data))
            data[at:at] = data[other : other + rng.choice((4, 12, 64, 500))]
        if not data:
            break
    return bytes(data)
