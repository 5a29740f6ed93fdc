"""Brushes for the demo's sample pictures: noise, ramps, glows and masks on planes of float32.

It refuses to know a scene: scenes are painted with these in scenes.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyvips

Plane = npt.NDArray[np.float32]
"""One value a pixel, (height, width), or a colour a pixel, (height, width, 3); sRGB runs from 0 to 1."""
Colour = str
"""`#RRGGBB`."""


def colour(text: Colour) -> Plane:
    """A colour as three numbers."""
    return np.asarray(np.frombuffer(bytes.fromhex(text[1:]), np.uint8) / 255, np.float32)


def smoothstep(low: float, high: float, x: Plane) -> Plane:
    """0 up to `low`, 1 from `high`, smooth between them (`low` may be the larger one)."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def mix(below: Plane, above: Plane, mask: Plane | float) -> Plane:
    """`above` over `below` where `mask` is 1: two colours or planes of colours, or two planes of one value."""
    is_grey = below.ndim == above.ndim == 2
    opacity = mask[..., None] if isinstance(mask, np.ndarray) and not is_grey else mask
    return np.asarray(below + (above - below) * opacity, np.float32)


def ramp(x: Plane, *stops: tuple[float, Colour]) -> Plane:
    """Colours by value: each stop is a value and its colour, in rising order."""
    places = [place for place, _ in stops]
    colours = np.stack([colour(text) for _, text in stops])
    return np.stack([np.interp(x, places, colours[:, band]) for band in range(3)], axis=-1).astype(np.float32)


@dataclass(frozen=True)
class Canvas:
    """The size of a picture and its random numbers: the same seed paints the same picture.

    `x` and `y` are coordinates in units of the height, y from 0 at the top to 1, as planes.
    """

    width: int
    height: int
    seed: int

    @property
    def aspect(self) -> float:
        """The width in units of the height."""
        return self.width / self.height

    @property
    def random(self) -> np.random.Generator:
        """A generator that starts anew each time it is asked for."""
        return np.random.default_rng(self.seed)

    @property
    def x(self) -> Plane:
        """From 0 at the left to `aspect`."""
        column = np.linspace(0, self.aspect, self.width, dtype=np.float32)
        return np.broadcast_to(column, (self.height, self.width))

    @property
    def y(self) -> Plane:
        """From 0 at the top to 1."""
        row = np.linspace(0, 1, self.height, dtype=np.float32)[:, None]
        return np.broadcast_to(row, (self.height, self.width))

    def noise(self, cell: float, *, octaves: int = 5, stretch: float = 1.0, salt: int = 0) -> Plane:
        """Fractal noise about 0, mostly within -1 to 1; `cell` is the largest blob's height, `stretch` widens blobs."""
        total = np.zeros((self.height, self.width), np.float32)
        for octave in range(octaves):
            size = max(2, round(cell * self.height / 2**octave))
            coarse = max(1, size // 16)  # a large blob needs few samples
            width, height = round(self.width / stretch / coarse) + 2, self.height // coarse + 2
            field = pyvips.Image.perlin(width, height, cell_size=size // coarse, seed=self.seed + 97 * octave + salt)
            if stretch != 1 or coarse > 1:
                field = field.resize(stretch * coarse, vscale=coarse, kernel="linear")
            total += np.asarray(field.numpy(), np.float32)[: self.height, : self.width] / 2**octave
        return total

    def ridge(self, level: float, rough: float, *, cell: float = 0.5, octaves: int = 7, salt: int = 0) -> Plane:
        """The y of a skyline for each column: fractal noise of strength `rough` about `level`."""
        random = np.random.default_rng(self.seed + salt)
        places = np.arange(self.width) / self.height
        line = np.zeros(self.width)
        for octave in range(octaves):
            period = cell / 2**octave
            knots = random.normal(size=int(self.aspect / period) + 3)
            line += _smooth(places / period, knots) / 2**octave
        return np.asarray(level + rough * line, np.float32)

    def below(self, skyline: Plane, softness: float = 0.0015) -> Plane:
        """A mask of what lies under a skyline."""
        return smoothstep(-softness, softness, self.y - skyline[None, :])

    def disc(self, x: float, y: float, radius: float, softness: float = 0.002) -> Plane:
        """A mask of a disc."""
        return smoothstep(radius + softness, radius - softness, np.hypot(self.x - x, self.y - y))

    def stamp(self, picture: Plane, place: tuple[float, float], radius: float, paint: Plane, opacity: float) -> None:
        """Put a soft-edged disc with a brighter rim, as a lens draws a far light, onto `picture`; in place."""
        middle_x, middle_y, reach = (round(value * self.height) for value in (*place, radius * 1.2))
        box = np.s_[max(middle_y - reach, 0) : middle_y + reach + 1, max(middle_x - reach, 0) : middle_x + reach + 1]
        distance = np.hypot(self.x[box] - place[0], self.y[box] - place[1]) / radius
        disc = smoothstep(1.1, 0.9, distance)
        picture[box] = mix(picture[box], paint, opacity * disc * (1 + 0.35 * smoothstep(0.6, 1.0, distance)))

    def glow(self, x: float, y: float, radius: float, squeeze: float = 1.0) -> Plane:
        """Light that falls off from a point; `squeeze` above 1 makes it wider than high."""
        return np.asarray(np.exp(-(np.hypot((self.x - x) / squeeze, self.y - y) / radius)), np.float32)

    def grain(self, picture: Plane, strength: float = 0.012) -> Plane:
        """The noise of a sensor or a film."""
        noise = self.random.normal(scale=strength, size=(self.height, self.width, 1))
        return np.asarray(picture + noise, np.float32)

    def vignette(self, picture: Plane, strength: float = 0.35) -> Plane:
        """Corners darker than the middle."""
        distance = np.hypot((self.x / self.aspect - 0.5) * 1.1, self.y - 0.5)
        return np.asarray(picture * (1 - strength * smoothstep(0.35, 0.85, distance))[..., None], np.float32)


def blurred(plane: Plane, sigma: float) -> Plane:
    """A Gaussian blur; `sigma` in pixels."""
    return np.asarray(pyvips.Image.new_from_array(plane).gaussblur(sigma, precision="approximate").numpy(), np.float32)


def to_image(picture: Plane, bits: int = 8) -> Any:
    """A pyvips image of sRGB, of grey or (with a fourth band) of sRGB and alpha; what is out of range is clipped."""
    full = 2**bits - 1
    whole = np.clip(picture * full + 0.5, 0, full).astype(np.uint8 if bits == 8 else np.uint16)
    bands = 1 if whole.ndim == 2 else whole.shape[2]
    name = {1: "b-w", 3: "srgb", 4: "srgb"} if bits == 8 else {1: "grey16", 3: "rgb16", 4: "rgb16"}
    return pyvips.Image.new_from_array(whole, interpretation=name[bands])


def lines(segments: Sequence[tuple[float, float]], canvas: Canvas) -> Plane:
    """The distance of each pixel to an open polyline."""
    distance = np.full((canvas.height, canvas.width), np.inf, np.float32)
    for (ax, ay), (bx, by) in pairwise(segments):
        dx, dy = bx - ax, by - ay
        along = np.clip(((canvas.x - ax) * dx + (canvas.y - ay) * dy) / (dx * dx + dy * dy + 1e-9), 0, 1)
        distance = np.minimum(distance, np.hypot(canvas.x - ax - along * dx, canvas.y - ay - along * dy))
    return np.asarray(distance, np.float32)


def _smooth(x: npt.NDArray[np.float64], knots: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    whole = x.astype(int)
    t = x - whole
    t = t * t * (3 - 2 * t)
    return np.asarray(knots[whole] * (1 - t) + knots[whole + 1] * t)
