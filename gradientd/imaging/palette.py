"""The palette of a picture: median cut (Heckbert 1982) in OKLab on weighted colours, settled by Lloyd steps.

It refuses to invent: every colour is the mean of pixels of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gradientd.imaging.color import Floats, oklab_from_srgb

MAX_COLORS = 5
_CELL_BITS = 5
"""Bits of each channel that tell a cell of the histogram."""
_AXIS_WEIGHTS = np.array([1.0, 2.5, 2.5])
"""OKLab's a and b are short beside its L; eyes, and CIEDE2000, give hues more weight than a plain distance does."""
_LLOYD_STEPS = 6
SAME_COLOR = 0.03
"""Below this OKLab distance two palette colours look the same."""

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Swatch:
    """A palette colour: its sRGB, 0 to 255, and OKLab, and the share of the picture's weight that it stands for."""

    srgb: Floats
    oklab: Floats
    share: float


@dataclass(frozen=True, slots=True)
class _Cells:
    """The occupied cells of a colour histogram: mean sRGB and OKLab of shape (n, 3), weight of shape (n,)."""

    srgb: Floats
    oklab: Floats
    weight: Floats


def extract_palette(rgb: Pixels, weights: Floats | None = None) -> tuple[Swatch, ...]:
    """The 1 to MAX_COLORS colours that stand for the pixels, the largest share first; none without any weight.

    `rgb` is sRGB, uint8, (n, 3); `weights`, (n,), says how much each pixel counts, all the same by default.
    """
    cells = _count_cells(rgb, weights)
    if not len(cells.weight):
        return ()
    scaled = cells.oklab * _AXIS_WEIGHTS
    labels = _settle(scaled, cells.weight, _median_cut(scaled, cells.weight))
    swatches = _merge_duplicates(_swatches(cells, labels))
    return tuple(sorted(swatches, key=lambda swatch: -swatch.share))


def _count_cells(rgb: Pixels, weights: Floats | None) -> _Cells:
    shift = 8 - _CELL_BITS
    index = (rgb >> shift).astype(np.intp) @ np.array([1 << 2 * _CELL_BITS, 1 << _CELL_BITS, 1])
    counts = np.bincount(index, weights)
    occupied = np.flatnonzero(counts)
    weight = counts[occupied].astype(np.float64)
    sums = [
        np.bincount(index, channel if weights is None else channel * weights)[occupied] for channel in rgb.T
    ]
    srgb = np.stack(sums, axis=1) / weight[:, np.newaxis]
    return _Cells(srgb, oklab_from_srgb(srgb), weight)


def _median_cut(points: Floats, weight: Floats) -> npt.NDArray[np.intp]:
    """Cut the points into at most MAX_COLORS boxes; returns the number of each point's box.

    The box with the most spread is cut next, across the axis along which it spreads most, at the median of the weight.
    """
    boxes = [np.arange(len(weight))]
    spreads = [_spread(points, weight)]
    while len(boxes) < MAX_COLORS:
        widest = int(np.argmax([spread.max() for spread in spreads]))
        box, axis = boxes[widest], int(np.argmax(spreads[widest]))
        if len(box) < 2:
            break
        box = box[np.argsort(points[box, axis], kind="stable")]
        reached = np.cumsum(weight[box])
        middle = int(np.clip(np.searchsorted(reached, reached[-1] / 2) + 1, 1, len(box) - 1))
        halves = [box[:middle], box[middle:]]
        boxes[widest : widest + 1] = halves
        spreads[widest : widest + 1] = [_spread(points[half], weight[half]) for half in halves]
    labels = np.empty(len(weight), dtype=np.intp)
    for number, box in enumerate(boxes):
        labels[box] = number
    return labels


def _spread(points: Floats, weight: Floats) -> Floats:
    """The weighted sum of squared distances from the mean, along each axis; never positive for a single point."""
    if len(points) < 2:
        return np.full(points.shape[1], -1.0)
    off = points - weight @ points / weight.sum()
    spread: Floats = weight @ off**2
    return spread


def _settle(points: Floats, weight: Floats, labels: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Move every point to the nearest mean and the means after their points, some times (Lloyd 1982)."""
    for _ in range(_LLOYD_STEPS):
        total = np.bincount(labels, weight)
        sums = np.stack([np.bincount(labels, weight * axis) for axis in points.T], axis=1)
        means = sums[total > 0] / total[total > 0, np.newaxis]
        nearest = np.argmin((means**2).sum(axis=1) - 2 * points @ means.T, axis=1)
        if np.array_equal(nearest, labels):
            break
        labels = nearest
    return labels


def _swatches(cells: _Cells, labels: npt.NDArray[np.intp]) -> list[Swatch]:
    total = cells.weight.sum()
    swatches = []
    for label in np.unique(labels):
        members = labels == label
        weight = cells.weight[members]
        srgb = weight @ cells.srgb[members] / weight.sum()
        swatches.append(Swatch(srgb, oklab_from_srgb(srgb), float(weight.sum() / total)))
    return swatches


def _merge_duplicates(swatches: list[Swatch]) -> list[Swatch]:
    """Merge the closest two as long as they look the same."""
    while len(swatches) > 1:
        oklab = np.stack([swatch.oklab for swatch in swatches])
        distances = np.linalg.norm(oklab[:, np.newaxis] - oklab, axis=2)
        np.fill_diagonal(distances, np.inf)
        one, other = sorted(int(n) for n in np.unravel_index(np.argmin(distances), distances.shape))
        if distances[one, other] >= SAME_COLOR:
            break
        swatches[one] = _merged(swatches[one], swatches.pop(other))
    return swatches


def _merged(one: Swatch, other: Swatch) -> Swatch:
    share = one.share + other.share
    srgb = (one.share * one.srgb + other.share * other.srgb) / share
    return Swatch(srgb, oklab_from_srgb(srgb), share)
