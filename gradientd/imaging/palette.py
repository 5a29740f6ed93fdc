"""The palette of a picture: its colours counted, and clustered in an OKLab that is stretched to what eyes tell apart.

It refuses to invent: every colour is a weighted mean of pixels of the picture.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gradientd.imaging.clusters import Labels, cluster
from gradientd.imaging.color import Floats, linear_from_srgb, oklab_from_linear, oklab_from_srgb

MAX_COLORS = 5
_CELLS_ACROSS_BITS = (5, 3, 3)
"""Into how many parts, as a power of two, the histogram cuts lightness and both chromas: these are cut less finely."""
_WIDEST_CELL_BITS = 4
"""Of both chromas; a cell of lightness may be twice as wide, for it counts green twice."""
_CHROMA_STRETCH, _CHROMA_COMPRESSION = 4.0, 4.0
"""OKLab's a and b are short beside its L: eyes, and CIEDE2000, give a faint hue more weight, a strong one less."""
SAME_COLOR = 0.02
"""Below this OKLab distance, the just noticeable difference, two palette colours look the same."""
_LINEAR = linear_from_srgb(np.arange(256))

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Swatch:
    """A palette colour: its sRGB, 0 to 255, and OKLab, and the share of the picture's weight that it stands for."""

    srgb: Floats
    oklab: Floats
    share: float


@dataclass(frozen=True, slots=True)
class _Cells:
    """The occupied cells of a colour histogram: mean sRGB of shape (3, n), weight of shape (n,)."""

    srgb: Floats
    weight: Floats


def extract_palette(rgb: Pixels, weights: Floats | None = None) -> tuple[Swatch, ...]:
    """The 1 to MAX_COLORS colours that stand for the pixels, the largest share first; none without any weight.

    `rgb` is sRGB, uint8, (n, 3); `weights`, (n,), says how much each pixel counts, all the same by default.
    """
    if weights is not None:
        rgb, weights = rgb[weights > 0], weights[weights > 0]
    if not len(rgb):
        return ()
    cells = _count_cells(rgb, weights)
    labels, central = _cluster(cells)
    swatches = _merge_duplicates(_swatches(cells, labels, central))
    return tuple(sorted(swatches, key=lambda swatch: -swatch.share))


def _cluster(cells: _Cells) -> tuple[Labels, Floats]:
    """Which of at most MAX_COLORS colours each cell belongs to, and how much it counts there."""
    if len(cells.weight) <= MAX_COLORS:
        return np.arange(len(cells.weight)), cells.weight
    return cluster(_space_evenly(cells.srgb), cells.weight, MAX_COLORS)


def _count_cells(rgb: Pixels, weights: Floats | None) -> _Cells:
    """The histogram over lightness, blue less green and red less green, in which a photograph fills few cells."""
    channels = np.ascontiguousarray(rgb.T)
    red, green, blue = channels.astype(np.int16)
    axes = (red + 2 * green + blue, blue - green, red - green)
    cell = np.zeros(len(rgb), dtype=np.intp)
    for axis, bits, widest in zip(
        axes, _CELLS_ACROSS_BITS, (_WIDEST_CELL_BITS + 1, *[_WIDEST_CELL_BITS] * 2), strict=True
    ):
        least, most = int(axis.min()), int(axis.max())
        shift = min(max((most - least).bit_length() - bits, 0), widest)
        cell *= (most - least >> shift) + 1
        cell += axis - least >> shift
    counts = np.bincount(cell, weights)
    occupied = np.flatnonzero(counts)
    weight = counts[occupied].astype(np.float64)
    sums = [np.bincount(cell, channel if weights is None else channel * weights)[occupied] for channel in channels]
    return _Cells(np.stack(sums) / weight, weight)


def _space_evenly(srgb: Floats) -> Floats:
    """OKLab with its chroma stretched so that plain distances are nearer to CIEDE2000; (3, n) to (3, n)."""
    points = np.ascontiguousarray(oklab_from_linear(_LINEAR[np.rint(srgb.T).astype(np.intp)]).T)
    points[1:] *= _CHROMA_STRETCH / (1 + _CHROMA_COMPRESSION * np.hypot(points[1], points[2]))
    return points


def _swatches(cells: _Cells, labels: Labels, central: Floats) -> list[Swatch]:
    """A swatch for each label that has colours."""
    members = (labels == np.arange(MAX_COLORS)[:, np.newaxis]) * np.stack([central, cells.weight])[:, np.newaxis]
    total, weights = members.sum(axis=2)
    used = total > 0
    means = members[0, used] @ cells.srgb.T / total[used, np.newaxis]
    shares = (weights[used] / weights.sum()).tolist()
    return [Swatch(*swatch) for swatch in zip(means, oklab_from_srgb(means), shares, strict=True)]


def _merge_duplicates(swatches: list[Swatch]) -> list[Swatch]:
    """Merge the closest two as long as they look the same."""
    while len(swatches) > 1:
        one, other = min(itertools.combinations(swatches, 2), key=lambda pair: math.dist(pair[0].oklab, pair[1].oklab))
        if math.dist(one.oklab, other.oklab) >= SAME_COLOR:
            break
        swatches = [_merged(one, other), *(swatch for swatch in swatches if swatch is not one and swatch is not other)]
    return swatches


def _merged(one: Swatch, other: Swatch) -> Swatch:
    share = one.share + other.share
    srgb = (one.share * one.srgb + other.share * other.srgb) / share
    return Swatch(srgb, oklab_from_srgb(srgb), share)
