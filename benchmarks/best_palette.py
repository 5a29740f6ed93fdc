"""How good five colours can be at all: many random starts, settled by the very measure that palettes are judged by.

It refuses to be fast: it is the yardstick for a goal that nobody may be able to reach.
"""

from __future__ import annotations

import numpy as np

from benchmarks.ciede2000 import Floats, ciede2000

COLORS = 5
STARTS, STEPS = 5, 12
EACH = 7
"""Every so manieth pixel is looked at while colours settle; the error is that of all of them."""
_NEAR = 0.5


def least_error(pixels: Floats) -> float:
    """The least mean CIEDE2000 from each pixel to the nearest of COLORS colours that was found; `pixels` is CIELAB."""
    sample = pixels.reshape(-1, 3)[::EACH]
    random = np.random.default_rng(1)
    settled = [_settle(sample, sample[random.choice(len(sample), COLORS, replace=False)]) for _ in range(STARTS)]
    best = min(settled, key=lambda colors: _distances(sample, colors).min(axis=1).sum())
    return float(_distances(pixels.reshape(-1, 3), best).min(axis=1).mean())


def _settle(sample: Floats, colors: Floats) -> Floats:
    for _ in range(STEPS):
        distances = _distances(sample, colors)
        nearest, least = distances.argmin(axis=1), distances.min(axis=1)
        weights = (nearest == np.arange(len(colors))[:, np.newaxis]) / (least + _NEAR)
        total = weights.sum(axis=1, keepdims=True)
        colors = np.where(total > 0, weights @ sample / np.where(total > 0, total, 1), colors)
    return colors


def _distances(pixels: Floats, colors: Floats) -> Floats:
    return ciede2000(pixels[:, np.newaxis], colors)
