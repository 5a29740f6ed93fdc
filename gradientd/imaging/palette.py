"""The palette of a picture: median cut (Heckbert 1982) in OKLab on weighted colours, settled by Lloyd steps.

It refuses to invent: every colour is a weighted mean of pixels of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gradientd.imaging.color import Floats, oklab_from_srgb

MAX_COLORS = 5
_CELL_BITS = 5
"""Bits of each channel that tell a cell of the histogram."""
_CHROMA_STRETCH, _CHROMA_COMPRESSION = 3.5, 4.0
"""OKLab's a and b are short beside its L: eyes, and CIEDE2000, give a faint hue more weight, a strong one less."""
_LLOYD_STEPS = 8
_NEAR = 0.04
"""Distances far below this count as none."""
SAME_COLOR = 0.02
"""Below this OKLab distance, the just noticeable difference, two palette colours look the same."""

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.intp]


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
    points = _space_evenly(cells.oklab)
    return _settle(points, cells.weight, _median_cut(points, cells.weight))


def _count_cells(rgb: Pixels, weights: Floats | None) -> _Cells:
    channels = np.ascontiguousarray(rgb.T)
    red, green, blue = (channels >> 8 - _CELL_BITS).astype(np.uint16)
    cell = red << 2 * _CELL_BITS | green << _CELL_BITS | blue
    order = np.argsort(cell, kind="stable")  # a radix sort, for numbers this small
    cell = cell[order]
    starts = np.concatenate([[0], np.flatnonzero(cell[1:] != cell[:-1]) + 1])
    ordered = np.take(channels, order, axis=1).astype(np.float64)
    if weights is None:
        weight = np.diff(starts, append=len(cell)).astype(np.float64)
    else:
        weight = np.add.reduceat(weights[order], starts)
        ordered *= weights[order]
    sums = np.add.reduceat(ordered, starts, axis=1)
    srgb = (sums / weight).T
    return _Cells(srgb, oklab_from_srgb(srgb), weight)


def _space_evenly(oklab: Floats) -> Floats:
    """OKLab with its chroma stretched so that plain distances are nearer to CIEDE2000; (n, 3) to (n, 3)."""
    points = oklab.copy()
    chroma = np.hypot(oklab[:, 1], oklab[:, 2])
    points[:, 1:] *= (_CHROMA_STRETCH / (1 + _CHROMA_COMPRESSION * chroma))[:, np.newaxis]
    return points


def _median_cut(points: Floats, weight: Floats) -> Labels:
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
        middle = min(int(np.searchsorted(reached, reached[-1] / 2)) + 1, len(box) - 1)
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
    sums: Floats = weight @ points
    spread: Floats = weight @ points**2 - sums**2 / weight.sum()
    return spread


def _settle(points: Floats, weight: Floats, labels: Labels) -> tuple[Labels, Floats]:
    """Move every point to the nearest middle and the middles after their points, some times (Lloyd 1982).

    Returns the labels, and the weights with which a mean is such a middle: a point counts more the nearer it is
    (Weiszfeld 1937), so that a few strays do not pull a colour away from where most of its pixels are.
    """
    axes = np.ascontiguousarray(points.T)
    lengths = (axes**2).sum(axis=0)
    central = weight
    for _step in range(_LLOYD_STEPS):
        middles, _ = _means(points, central, labels)
        labels, least = _nearest((middles**2).sum(axis=1, keepdims=True) - 2 * middles @ axes)
        central = weight / (np.sqrt(np.maximum(lengths + least, 0)) + _NEAR)
    return labels, central


def _nearest(distances: Floats) -> tuple[Labels, Floats]:
    """For each column the row of its least number, and that: numpy's own argmin is slow across a few long rows."""
    least, rows = distances[0], np.zeros(distances.shape[1], dtype=np.intp)
    for row, distance in enumerate(distances[1:], start=1):
        rows[distance < least] = row
        least = np.minimum(distance, least)
    return rows, least


def _means(colors: Floats, weight: Floats, labels: Labels) -> tuple[Floats, Floats]:
    """The weighted mean of the colours under each label, and their weight; labels without colours are left out."""
    members = (labels == np.arange(MAX_COLORS)[:, np.newaxis]) * weight
    total = members.sum(axis=1)
    members, total = members[total > 0], total[total > 0]
    return members @ colors / total[:, np.newaxis], total


def _swatches(cells: _Cells, labels: Labels, central: Floats) -> list[Swatch]:
    """A swatch for each label that has colours."""
    means, _ = _means(cells.srgb, central, labels)
    weights = np.bincount(labels, cells.weight)
    shares = weights[weights > 0] / weights.sum()
    return [
        Swatch(srgb, oklab, float(share))
        for srgb, oklab, share in zip(means, oklab_from_srgb(means), shares, strict=True)
    ]


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
