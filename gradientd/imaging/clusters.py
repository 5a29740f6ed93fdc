"""Finds the few middles that weighted points gather around: several starts, and the best of them settled.

It refuses to know colours: its points lie in a space of three axes where plain distance is all that counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gradientd.imaging.color import Floats

_FIRST_STEPS, _LAST_STEPS = 4, 2
"""Steps of every start, and of the one that they bring closest to the points: good starts need few."""
_NEAR = 0.04
"""Distances far below this count as none."""
_NOTHING = 1e-9
"""A squared distance that no rounding error reaches: none comes out negative."""

Labels = npt.NDArray[np.intp]


def cluster(points: Floats, weight: Floats, count: int) -> tuple[Labels, Floats]:
    """The label, 0 to `count` - 1, of each point, and how much the point counts in the mean of those that share it.

    `points` is (3, n), `weight` (n,), and n is more than `count`. Some labels may stand for no point.
    """
    starts = np.stack(
        [
            _cut_at_medians(points, weight, count),
            _keep_apart(points, weight, count),
            *_spread_out(points, weight, count),
        ]
    )
    settling = _Settling.of(points, weight)
    middles, away = settling.settle(starts, _FIRST_STEPS)
    best = int(away.argmin())
    middles, _ = settling.settle(middles[best : best + 1], _LAST_STEPS)
    return settling.assign(middles[0])


def _cut_at_medians(points: Floats, weight: Floats, count: int) -> Floats:
    """The means, (count, 3), of the boxes that the points are cut into (Heckbert 1982).

    The box with the most spread is cut next, across the axis along which it spreads most, at the median of the weight.
    """
    moments = np.concatenate([weight[np.newaxis], weight * points, weight * points**2])
    boxes = [_Box(moments, moments.sum(axis=1).tolist())]
    while len(boxes) < count:
        widest = max(range(len(boxes)), key=lambda number: max(boxes[number].spread))
        boxes[widest : widest + 1] = boxes[widest].halves()
    return np.array([[total / box.sums[0] for total in box.sums[1:4]] for box in boxes])


@dataclass(frozen=True, slots=True)
class _Box:
    """Points of a box: their weight, that times each coordinate and that times its square, (7, n), and the sums."""

    moments: Floats
    sums: list[float]

    @property
    def spread(self) -> list[float]:
        """The weighted sum of squared distances from the mean, along each axis; never positive for a single point."""
        if self.moments.shape[1] < 2:
            return [-1.0] * 3
        weight = self.sums[0]
        return [self.sums[axis + 4] - self.sums[axis + 1] ** 2 / weight for axis in range(3)]

    def halves(self) -> list[_Box]:
        """Both parts of the box, neither of them empty."""
        spread = self.spread
        axis = spread.index(max(spread))
        ordered = self.moments[:, np.argsort(self.moments[axis + 1] / self.moments[0])]
        reached = ordered.cumsum(axis=1)
        middle = min(int(reached[0].searchsorted(self.sums[0] / 2)) + 1, ordered.shape[1] - 1)
        lower: list[float] = reached[:, middle - 1].tolist()
        upper = [both - one for both, one in zip(self.sums, lower, strict=True)]
        return [_Box(ordered[:, :middle], lower), _Box(ordered[:, middle:], upper)]


def _keep_apart(points: Floats, weight: Floats, count: int) -> Floats:
    """The heaviest point, then each time the one with the most weight far from those before (after Gonzalez 1985)."""
    chosen = [int(weight.argmax())]
    distances = np.full(len(weight), np.inf)
    while len(chosen) < count:
        distances = np.minimum(distances, ((points - points[:, chosen[-1:]]) ** 2).sum(axis=0))
        chosen.append(int((weight * distances).argmax()))
    return points[:, chosen].T


def _spread_out(points: Floats, weight: Floats, count: int) -> list[Floats]:
    """For each axis the points in the middle of each of `count` equal parts of the weight."""
    parts = (np.arange(count) + 0.5) / count
    starts = []
    for axis in points:
        order = axis.argsort()
        reached = weight[order].cumsum()
        starts.append(points[:, order[reached.searchsorted(parts * reached[-1])]].T)
    return starts


@dataclass(frozen=True, slots=True)
class _Settling:
    """Points and their weight, in the two forms that make a step two products of matrices.

    A middle m as (m, m², 1) times `spans`, (5, n), gives the squared distances to it; shares of points times
    `homogeneous`, (n, 4), the sums of their coordinates and of the shares.
    """

    spans: Floats
    homogeneous: Floats
    weight: Floats

    @classmethod
    def of(cls, points: Floats, weight: Floats) -> _Settling:
        """Bring the points into both forms."""
        ones = np.ones((1, len(weight)))
        spans = np.concatenate([-2 * points, ones, (points**2).sum(axis=0, keepdims=True) + _NOTHING])
        return cls(spans, np.ascontiguousarray(np.concatenate([points, ones]).T), weight)

    def settle(self, starts: Floats, steps: int) -> tuple[Floats, Floats]:
        """Move the middles of each start after the points that are nearest to them, some times (Lloyd 1982).

        A point counts more the nearer it is (Weiszfeld 1937), so that a few strays do not pull a middle away from where
        most of its points are. `starts` and the middles that come back are (starts, count, 3); with them comes how far
        away from those of each start its points were before the last step, by weight.
        """
        known = np.ones((*starts.shape[:2], 5))
        middles = known[:, :, :3]
        middles[:] = starts
        away = np.zeros((len(starts), 1, len(self.weight)))
        for _ in range(steps):
            known[:, :, 3] = (middles**2).sum(axis=2)
            squares = known @ self.spans
            least = squares.min(axis=1, keepdims=True)
            away = np.sqrt(least)
            sums = ((squares == least) * self._central(away)) @ self.homogeneous
            np.divide(sums[:, :, :3], sums[:, :, 3:], out=middles, where=sums[:, :, 3:] > 0)
        return middles, away[:, 0] @ self.weight

    def assign(self, middles: Floats) -> tuple[Labels, Floats]:
        """The number of the nearest middle of each point, and how much the point counts there."""
        known = np.concatenate([middles, (middles**2).sum(axis=1, keepdims=True), np.ones((len(middles), 1))], axis=1)
        squares = known @ self.spans
        labels = squares.argmin(axis=0)
        return labels, self._central(np.sqrt(squares.min(axis=0)))

    def _central(self, away: Floats) -> Floats:
        central: Floats = self.weight / (away + _NEAR)
        return central
