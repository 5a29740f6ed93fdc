"""The cheap look at a picture: its format, its size, and whether it may be decoded at all.

It refuses to decode pixels, and to let libvips near a container that is built to waste time.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import pyvips

from gradientd.errors import DamagedImage, EmptyImage, ImageError, UnsupportedFormat
from gradientd.imaging import containers, heif, jpeg, memory, tiff
from gradientd.imaging.buffers import Buffer, as_view, peek
from gradientd.imaging.formats import SNIFF_BYTES, Format, sniff
from gradientd.imaging.limits import (
    DEFAULT_LIMITS,
    Limits,
    check_bytes,
    check_frames,
    check_memory,
    check_pixels,
    check_scans,
)
from gradientd.imaging.loaders import Image, open_image
from gradientd.imaging.samples import can_decode

_LEAST_DC_PIXELS = 112
"""Of a thumbnail's 128: with less, colours (which are stored coarser than lightness) would come out blurred."""


@dataclass(frozen=True, slots=True)
class Header:
    """What is known before decoding. `width` and `height` are pixels as stored, before any EXIF rotation.

    `memory_bytes` is an upper estimate of what the decode takes beyond the file itself. `dc_ranges` are the parts of a
    progressive JPEG that a decode to an eighth of its size needs; none elsewhere.
    """

    format: str
    width: int
    height: int
    frames: int
    memory_bytes: int
    scans: int = 1
    dc_ranges: tuple[tuple[int, int], ...] = field(default=(), repr=False)


def read_header(data: Buffer, limits: Limits = DEFAULT_LIMITS) -> Header:
    """Look at a picture's header, without decoding it.

    Raises EmptyImage, NotAnImage, UnsupportedFormat, LimitExceeded or DamagedImage; each carries what was known of the
    picture by then.
    """
    with as_view(data) as view:
        known = ImageError()
        try:
            return _read(view, limits, known)
        except ImageError as exc:
            exc.byte_count = len(view)
            exc.format, exc.width, exc.height = known.format, known.width, known.height
            raise


def _read(view: memoryview, limits: Limits, known: ImageError) -> Header:
    if not view:
        raise EmptyImage("The file is empty.")
    check_bytes(len(view), limits)
    format = sniff(peek(view, 0, SNIFF_BYTES))
    known.format = str(format)
    if not can_decode(format):
        raise UnsupportedFormat(f"{format.label} pictures cannot be decoded on this machine.")
    if format is Format.JPEG:
        header = _read_jpeg(view, limits)
    elif format is Format.PNG:
        header = _read_png(view)
    else:
        header = _read_other(view, format, limits)
    known.width, known.height = header.width, header.height
    if not (header.width and header.height):
        raise DamagedImage(f"The {format.label} picture is damaged: it says that it has no pixels.")
    check_pixels(header.width, header.height, limits)
    check_frames(header.frames, limits)
    check_scans(header.scans, limits)
    check_memory(header.memory_bytes, limits)
    return header


def _read_jpeg(view: memoryview, limits: Limits) -> Header:
    structure = jpeg.walk(view, max_scans=limits.max_scans)
    frame = structure.frame
    dc_ranges = structure.dc_ranges if frame.dc_pixels >= _LEAST_DC_PIXELS else ()
    memory_bytes = memory.of_jpeg(structure) + memory.of_metadata(structure.metadata_bytes, Format.JPEG)
    return Header(Format.JPEG, frame.width, frame.height, 1, memory_bytes, structure.scans, dc_ranges)


def _read_png(view: memoryview) -> Header:
    try:
        width, height, depth, color_type, _, _, interlace = struct.unpack_from(">IIBBBBB", view, 16)
    except struct.error as exc:
        raise DamagedImage("The PNG picture is damaged: its header is cut short.") from exc
    memory_bytes = memory.of_metadata(containers.count_png_metadata(view), Format.PNG)
    memory_bytes += memory.of_png(width, height, depth, color_type, interlace)
    return Header(Format.PNG, width, height, 1, memory_bytes)


def _read_other(view: memoryview, format: Format, limits: Limits) -> Header:
    """A format whose header libvips reads, after a look at what it would read there."""
    if format is Format.WEBP:
        return _read_webp(view, limits)
    if format is Format.TIFF:
        return _read_tiff(view, limits)
    if format is Format.GIF:
        containers.check_gif_end(view)
    elif format in (Format.AVIF, Format.HEIC):
        return _read_heif(view, format, limits)
    image = _open(view, format, limits, 0 if format is Format.GIF else len(view))
    frames = image.get("n-pages") if image.get_typeof("n-pages") else 1
    metadata = memory.of_metadata(len(view), format)
    return Header(format, image.width, image.height, frames, memory.of_frame(image, format) + metadata)


def _read_webp(view: memoryview, limits: Limits) -> Header:
    frames = containers.count_webp_frames(view, limits.max_frames)
    check_frames(frames, limits)  # before libvips looks at each of them
    metadata_bytes = containers.count_webp_metadata(view)
    image = _open(view, Format.WEBP, limits, metadata_bytes)
    pixels = memory.of_webp(image.width, image.height, containers.webp_coding(view), frames)
    metadata = memory.of_metadata(metadata_bytes, Format.WEBP)
    return Header(Format.WEBP, image.width, image.height, frames, pixels + metadata)


def _read_tiff(view: memoryview, limits: Limits) -> Header:
    layout = tiff.walk(view, max_pages=limits.max_frames)
    check_frames(layout.pages, limits)
    image = _open(view, Format.TIFF, limits, layout.metadata_bytes)
    metadata = memory.of_metadata(layout.metadata_bytes, Format.TIFF)
    return Header(Format.TIFF, image.width, image.height, layout.pages, memory.of_tiff(image, layout) + metadata)


def _read_heif(view: memoryview, format: Format, limits: Limits) -> Header:
    width, height = heif.largest_image(view)
    check_pixels(width, height, limits)
    image = _open(view, format, limits, len(view))
    pixels = memory.of_heif(image, format, width * height)
    frames = image.get("n-pages") if image.get_typeof("n-pages") else 1
    return Header(format, image.width, image.height, frames, pixels + memory.of_metadata(len(view), format))


def _open(view: memoryview, format: Format, limits: Limits, metadata_bytes: int) -> Image:
    """Let libvips read the header, of which it copies all words."""
    check_memory(memory.of_metadata(metadata_bytes, format), limits)
    try:
        return open_image(view, format)
    except pyvips.Error as exc:
        raise DamagedImage(f"The {format.label} picture is damaged: its header cannot be read.") from exc
