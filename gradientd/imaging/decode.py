"""Untrusted bytes in, a finished thumbnail of sRGB pixels out, within limits.

It refuses to hand out anything lazy, and to let a damaged picture pass as one with grey rows.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyvips

from gradientd.errors import DamagedImage
from gradientd.imaging import jpeg
from gradientd.imaging.buffers import Buffer, as_view
from gradientd.imaging.formats import Format
from gradientd.imaging.header import Header, read_header
from gradientd.imaging.limits import DEFAULT_LIMITS, Limits
from gradientd.imaging.loaders import Image, call, open_image

THUMBNAIL_PIXELS = 128
"""The longest side of the thumbnail, at most."""

_TURNED = frozenset({5, 6, 7, 8})
"""The EXIF orientations that swap width and height."""
_REMEMBERED_BYTES = 65_536
"""Larger profiles are not sRGB, and not worth their place in memory."""
_INTEGERS = frozenset({"uchar", "ushort"})
_MEASURED = frozenset({"scrgb", "lab", "labs", "xyz"})
"""Colour spaces in which numbers of any type have their one meaning."""
_GREY = frozenset({"b-w", "grey16"})
_FULL_SCALE = {"char": 127.0, "short": 32767.0, "int": 2147483647.0, "uint": 4294967295.0}


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small upright picture in memory of its own.

    `rgb` is sRGB, uint8, (height, width, 3), not premultiplied; `alpha` is uint8, (height, width), or None where the
    picture is opaque. `width` and `height` are the whole picture's in pixels, as it is meant to be looked at.
    """

    rgb: npt.NDArray[np.uint8]
    alpha: npt.NDArray[np.uint8] | None
    width: int
    height: int

    @property
    def aspect(self) -> float:
        """The whole picture's width over its height."""
        return self.width / self.height


def decode(data: Buffer, limits: Limits = DEFAULT_LIMITS, header: Header | None = None) -> Thumbnail:
    """Decode a picture once, no larger than needed, to a thumbnail of at most THUMBNAIL_PIXELS a side.

    `header` saves reading it again. Raises what `read_header` raises; DamagedImage when pixels are missing or corrupt.
    """
    header = header or read_header(data, limits)
    with as_view(data) as view:
        try:
            return _decode(view, header)
        except pyvips.Error as exc:
            title = Format(header.format).label
            error = DamagedImage(f"The {title} picture is damaged: it cannot be decoded to its end.")
            error.format, error.width, error.height = header.format, header.width, header.height
            error.byte_count = len(view)
            raise error from exc


def _decode(view: memoryview, header: Header) -> Thumbnail:
    shrink = _jpeg_shrink(header)
    only_dc = shrink == 8 and header.dc_ranges
    source = jpeg.keep_dc(view, header.dc_ranges) if only_dc else view  # libvips borrows it
    image = _open_reduced(source, header, shrink)
    small = _shrink(_as_light(image) if header.format == Format.TIFF else image)
    orientation = small.get("orientation") if small.get_typeof("orientation") else 1
    is_held_whole = header.format == Format.JPEG or max(header.width, header.height) <= THUMBNAIL_PIXELS
    pixels_of = _fetch_pixels if is_held_whole else _pixels_of
    pixels = _turned(pixels_of(_to_srgb(small)), orientation)
    alpha = np.ascontiguousarray(pixels[:, :, 3]) if pixels.shape[2] > 3 else None
    sides = (header.height, header.width) if orientation in _TURNED else (header.width, header.height)
    return Thumbnail(np.ascontiguousarray(pixels[:, :, :3]), alpha, *sides)


def _jpeg_shrink(header: Header) -> int:
    """By how much a JPEG decoder itself can shrink without falling below the thumbnail's size."""
    shortest, longest = sorted((header.width, header.height))
    return next((n for n in (8, 4, 2) if longest >= n * THUMBNAIL_PIXELS and shortest >= n), 1)


def _open_reduced(source: Buffer, header: Header, jpeg_shrink: int) -> Image:
    """Open the picture at the smallest size its decoder can give by itself that is not below the thumbnail's."""
    if header.format == Format.JPEG:
        return open_image(source, Format.JPEG, shrink=jpeg_shrink)
    shortest, longest = sorted((header.width, header.height))
    scale = 2 * THUMBNAIL_PIXELS / longest
    if header.format == Format.WEBP and scale < 1 <= shortest * scale:
        return open_image(source, Format.WEBP, scale=scale)
    return open_image(source, Format(header.format))


def _shrink(image: Image) -> Image:
    """Scale down to the thumbnail's size; each pixel counts by its alpha, so that hidden colours do not bleed."""
    width, height = image.width, image.height
    scale = THUMBNAIL_PIXELS / max(width, height)
    if scale >= 1:
        return image
    across, down = max(scale, 1 / width), max(scale, 1 / height)
    if not image.hasalpha():
        return call("resize", image, across, vscale=down, kernel="linear")
    weighed = image.premultiply()
    if image.format in _INTEGERS:
        weighed = weighed.cast(image.format)  # scaling whole numbers takes half the time
    weighed = weighed.resize(across, vscale=down, kernel="linear").unpremultiply()
    return weighed.rint().cast(image.format) if image.format in _INTEGERS else weighed


def _to_srgb(image: Image) -> Image:
    """Convert to 8-bit sRGB, 3 bands or 4 with alpha, by the embedded profile where there is a sound one."""
    samples, space = image.format, image.interpretation
    if samples in _INTEGERS and image.get_typeof("icc-profile-data") and not _is_plain_rgb(image, space):
        image = image.copy_memory()  # what is wrong from here on is the profile's fault, and no damage
        try:
            return _as_rgb(call("icc_transform", image, "srgb", embedded=True, depth=8).copy_memory())
        except pyvips.Error:
            image = image.copy()
            image.remove("icc-profile-data")  # broken, or for another colour space: the numbers are taken as they are
    if (space, samples) != ("srgb", "uchar"):
        image = image.colourspace("srgb").cast("uchar")
    return _as_rgb(image)


def _is_plain_rgb(image: Image, space: str) -> bool:
    """Whether the picture is RGB and its profile is sRGB in so many words, as most are: nothing to convert."""
    profile = image.get("icc-profile-data")
    return space == "srgb" and len(profile) <= _REMEMBERED_BYTES and _means_srgb(profile)


@lru_cache(maxsize=16)
def _means_srgb(profile: bytes) -> bool:
    """Whether a profile leaves a spread of colours where they are; building a transform costs more than the pixels."""
    steps = np.array([0, 48, 128, 208, 255], np.uint8)
    colors = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(5, 25, 3)
    image = pyvips.Image.new_from_array(colors, interpretation="srgb").copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    try:
        converted = call("icc_transform", image, "srgb", embedded=True).numpy()
    except pyvips.Error:
        return True  # not usable: its pictures are taken as sRGB too
    return int(np.abs(converted.astype(int) - colors).max()) <= 1


def _pixels_of(image: Image) -> npt.NDArray[np.uint8]:
    """The pixels of an 8-bit picture, (height, width, bands)."""
    return np.frombuffer(image.write_to_memory(), np.uint8).reshape(image.height, image.width, -1)


def _fetch_pixels(image: Image) -> npt.NDArray[np.uint8]:
    """The same by this thread, all at once: the way to libvips' threads and back is 3 % of a busy worker's time.

    Only for a JPEG, or for a picture that is small already: another decoder would hold many more rows for it.
    """
    width, height = image.width, image.height
    region = pyvips.Region.new(image)
    try:
        data = region.fetch(0, 0, width, height)
    except pyvips.Error as exc:
        traceback.clear_frames(exc.__traceback__)  # a region must go in its own thread: the error leaves without it
        raise
    finally:
        del region
    return np.frombuffer(data, np.uint8).reshape(height, width, -1)


def _turned(pixels: npt.NDArray[np.uint8], orientation: int) -> npt.NDArray[np.uint8]:
    """The picture upright, by the number that EXIF gives to where its first row and column belong."""
    if orientation in (3, 4, 6, 7):
        pixels = pixels[::-1]
    if orientation in (2, 3, 7, 8):
        pixels = pixels[:, ::-1]
    return pixels.swapaxes(0, 1) if orientation in _TURNED else pixels


def _as_light(image: Image) -> Image:
    """Read samples of an uncommon type as linear light: floats are that already, whole numbers fill their range."""
    samples, space = image.format, image.interpretation
    if samples in _INTEGERS or space in _MEASURED:
        return image
    light = image.cast("float") / _FULL_SCALE.get(samples, 1.0)
    if light.bands < 3 or space in _GREY:
        grey = light[0]
        light = grey.bandjoin([grey, grey, light[1]] if light.bands == 2 else [grey, grey])
    return light.extract_band(0, n=min(light.bands, 4)).copy(interpretation="scrgb")


def _as_rgb(image: Image) -> Image:
    """Keep 3 bands and the alpha; formats can carry more."""
    bands = image.bands
    if bands < 3:
        return image.colourspace("srgb")
    return image if bands <= 4 else image.extract_band(0, n=4)
