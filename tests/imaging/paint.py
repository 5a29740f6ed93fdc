"""Pictures that the tests paint themselves, in every coat that gradientd must see through."""

import io
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pyvips
from PIL import Image

Pixels = npt.NDArray[np.uint8]

RED, GREEN, BLUE, SAND = (220, 40, 40), (30, 160, 60), (30, 60, 200), (230, 210, 160)
"""The quarters of `quarters`: top left, top right, bottom left, bottom right."""


def solid(color: tuple[int, ...], width: int = 64, height: int = 48) -> Pixels:
    return np.full((height, width, len(color)), color, np.uint8)


def quarters(width: int = 320, height: int = 200) -> Pixels:
    picture = solid(RED, width, height)
    picture[: height // 2, width // 2 :] = GREEN
    picture[height // 2 :, : width // 2] = BLUE
    picture[height // 2 :, width // 2 :] = SAND
    return picture


def landscape(width: int, height: int, seed: int = 1) -> Pixels:
    """Something like a photograph: a sky that fades, hills, soft noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    sky = np.stack([120 + 120 * y, 160 + 40 * y, 230 - 60 * y], axis=2)
    hills = np.stack([40 + 60 * x, 90 + 40 * np.sin(9 * x), 40 + 20 * x], axis=2)
    picture = np.where((y > 0.3 + 0.08 * np.sin(11 * x))[:, :, np.newaxis], hills, sky)
    coarse = rng.normal(0, 12, (height // 16 + 1, width // 16 + 1, 3)).repeat(16, 0).repeat(16, 1)[:height, :width]
    fine = rng.normal(0, 5, (height, width, 1))
    return np.clip(picture + coarse + fine, 0, 255).astype(np.uint8)


def large(times: int) -> Pixels:
    """A landscape of 400 x 300 pixels, each of them `times` as wide and as high: large, and quickly written."""
    return np.ascontiguousarray(landscape(400, 300).repeat(times, 0).repeat(times, 1))


def by_pillow(pixels: Pixels | Image.Image, format: str, **options: Any) -> bytes:
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    out = io.BytesIO()
    picture.save(out, format, **options)
    return out.getvalue()


def by_vips(pixels: npt.NDArray[Any], suffix: str, interpretation: str = "srgb", **options: Any) -> bytes:
    image = pyvips.Image.new_from_array(pixels).copy(interpretation=interpretation)
    return bytes(image.write_to_buffer(suffix, **options))


def with_matrix_profile(pixels: Pixels, colorants: npt.NDArray[np.float64], gamma: float) -> bytes:
    """A PNG that says its numbers are to be read by an ICC profile of these D50 colorants (rows) and this gamma."""
    return by_pillow(pixels, "PNG", icc_profile=_matrix_profile(colorants, gamma))


ADOBE_RGB_COLORANTS = np.array([[0.60974, 0.31111, 0.01947], [0.20528, 0.62567, 0.06087], [0.14919, 0.06322, 0.74457]])
"""Adobe RGB (1998), adapted to D50."""


def _matrix_profile(colorants: npt.NDArray[np.float64], gamma: float) -> bytes:
    """A minimal ICC v2 display profile (ICC.1:2001-04)."""

    def xyz(values: npt.ArrayLike) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in np.asarray(values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"text\0\0\0\0none\0\0\0\0"
    name = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78 + 1)
    tags = {b"desc": name, b"cprt": text, b"wtpt": xyz([0.9642, 1.0, 0.8249])}
    tags |= {b"rXYZ": xyz(colorants[0]), b"gXYZ": xyz(colorants[1]), b"bXYZ": xyz(colorants[2])}
    tags |= {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for signature, value in tags.items():
        padded = value + bytes(-len(value) % 4)
        table += signature + struct.pack(">II", at + len(body), len(value))
        body += padded
    size = 128 + len(table) + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"test", 0x02100000, b"mntr", b"RGB ", b"XYZ ") + bytes(12) + b"acsp"
    head += bytes(28) + b"".join(struct.pack(">i", round(v * 65536)) for v in (0.9642, 1.0, 0.8249))
    return head + bytes(128 - len(head)) + table + body


def jpeg_of_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan, an ordinary refinement, comes again and again."""
    data = by_vips(quarters(), ".jpg", interlace=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


def gif_of_frames(count: int) -> bytes:
    frame = bytes.fromhex("21f9040001000000 2c00000000020002 0080 000000ffffff 02 02440a 00")
    return b"GIF89a" + struct.pack("<HHBBB", 2, 2, 0, 0, 0) + frame * count + b";"


def webp_of_frames(count: int) -> bytes:
    still = by_pillow(solid(RED, 2, 2), "WEBP", lossless=True)[12:]
    frame = _riff_chunk(b"ANMF", bytes(6) + b"\1\0\0\1\0\0" + b"\x0a\0\0" + b"\0" + still)
    head = _riff_chunk(b"VP8X", b"\2\0\0\0" + b"\1\0\0" + b"\1\0\0") + _riff_chunk(b"ANIM", bytes(6))
    body = b"WEBP" + head + frame * count
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _riff_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) & 1)


def tiff_of_pages(count: int) -> bytes:
    """A little-endian TIFF of grey pages of one pixel."""
    out = bytearray(b"II*\0" + struct.pack("<I", 8))
    for page in range(count):
        entries = [(256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 0), (277, 1), (278, 1), (279, 1)]
        after = len(out) + 2 + 12 * len(entries) + 4
        following = after if page < count - 1 else 0
        out += struct.pack("<H", len(entries))
        out += b"".join(struct.pack("<HHII", tag, 4 if tag == 273 else 3, 1, value) for tag, value in entries)
        out += struct.pack("<I", following)
    return bytes(out)
