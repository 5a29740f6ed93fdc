"""The demo's sample pictures: each scene in a format or a colour space of its own.

It refuses to be a test of the codecs: it paints what a gallery is likely to hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyvips

from gradientd.imaging import scenes
from gradientd.imaging.paint import Plane, to_image


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture that is painted when it is asked for: its file name, what is special about its file, its painter."""

    name: str
    note: str
    paint: Callable[[], bytes]


def _turned_jpeg(picture: Plane) -> bytes:
    """Stored on its side, as a telephone held upright stores it; EXIF says how to turn it."""
    image = to_image(picture).rot270().copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    return bytes(image.jpegsave_buffer(Q=88, interlace=True))


def _wide_gamut_jpeg(picture: Plane) -> bytes:
    return bytes(to_image(picture).icc_export(output_profile="p3").jpegsave_buffer(Q=90))


def _print_jpeg(picture: Plane) -> bytes:
    return bytes(to_image(picture).icc_export(output_profile="cmyk").jpegsave_buffer(Q=90))


def _flickering_gif() -> bytes:
    frames = [to_image(frame) for frame in scenes.neon()]
    film: Any = pyvips.Image.arrayjoin(frames, across=1).copy()
    film.set_type(pyvips.GValue.gint_type, "page-height", frames[0].height)
    film.set_type(pyvips.GValue.array_int_type, "delay", [1400, 120])
    return bytes(film.gifsave_buffer(effort=3))


SAMPLES = (
    Sample("sunset.jpg", "baseline JPEG", lambda: bytes(to_image(scenes.sunset()).jpegsave_buffer(Q=90))),
    Sample("forest.jpg", "progressive JPEG, turned by EXIF", lambda: _turned_jpeg(scenes.forest())),
    Sample("portrait.png", "PNG with transparency", lambda: bytes(to_image(scenes.portrait()).pngsave_buffer())),
    Sample("night-city.png", "PNG", lambda: bytes(to_image(scenes.city()).pngsave_buffer())),
    Sample("mountains.jpg", "grey JPEG", lambda: bytes(to_image(scenes.mountains()).jpegsave_buffer(Q=90))),
    Sample("snow.webp", "WebP", lambda: bytes(to_image(scenes.snow()).webpsave_buffer(Q=88))),
    Sample("neon-sign.gif", "animated GIF", _flickering_gif),
    Sample("beach.jpg", "JPEG in Display P3", lambda: _wide_gamut_jpeg(scenes.beach())),
    Sample("autumn.jpg", "CMYK JPEG", lambda: _print_jpeg(scenes.autumn())),
    Sample("aurora.png", "PNG of 16 bits", lambda: bytes(to_image(scenes.aurora(), 16).pngsave_buffer())),
)
"""All of them, as they are shown."""
