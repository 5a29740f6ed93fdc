"""The colour difference CIEDE2000 (Sharma, Wu, Dalal 2005), on whole arrays.

It refuses to be part of gradientd: the judge does not sit in the house.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_SRGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_D65 = np.array([0.95047, 1.0, 1.08883])
_POWER = 25.0**7


def lab_from_srgb(srgb: npt.ArrayLike) -> Floats:
    """CIELAB (D65) of sRGB numbers 0 to 255, both of shape (..., 3)."""
    encoded = np.asarray(srgb, dtype=np.float64) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    ratio = linear @ _SRGB_TO_XYZ.T / _D65
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def ciede2000(one: npt.ArrayLike, other: npt.ArrayLike) -> Floats:
    """The difference of two arrays of CIELAB colours, element by element; shapes (..., 3) that broadcast."""
    l1, a1, b1 = np.moveaxis(np.asarray(one, dtype=np.float64), -1, 0)
    l2, a2, b2 = np.moveaxis(np.asarray(other, dtype=np.float64), -1, 0)
    mean_c = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1 + 0.5 * (1 - np.sqrt(mean_c / (mean_c + _POWER)))
    c1, c2 = np.hypot(stretch * a1, b1), np.hypot(stretch * a2, b2)
    h1, h2 = _hue(stretch * a1, b1), _hue(stretch * a2, b2)
    is_neutral = c1 * c2 == 0
    turn = np.where(is_neutral, 0, (h2 - h1 + 180) % 360 - 180)
    turn = np.where((turn == -180) & (h2 > h1), 180, turn)
    difference_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn) / 2)
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    mean_h = _mean_hue(h1, h2, is_neutral)
    weight = (
        1
        - 0.17 * np.cos(np.radians(mean_h - 30))
        + 0.24 * np.cos(np.radians(2 * mean_h))
        + 0.32 * np.cos(np.radians(3 * mean_h + 6))
        - 0.20 * np.cos(np.radians(4 * mean_h - 63))
    )
    off_grey = (mean_l - 50) ** 2
    term_l = (l2 - l1) / (1 + 0.015 * off_grey / np.sqrt(20 + off_grey))
    term_c = (c2 - c1) / (1 + 0.045 * mean_c)
    term_h = difference_h / (1 + 0.015 * mean_c * weight)
    rotation = -np.sin(np.radians(60 * np.exp(-(((mean_h - 275) / 25) ** 2))))
    rotation = rotation * 2 * np.sqrt(mean_c**7 / (mean_c**7 + _POWER))
    squared = np.maximum(term_l**2 + term_c**2 + term_h**2 + rotation * term_c * term_h, 0)
    return np.asarray(np.sqrt(squared))


def _hue(a: Floats, b: Floats) -> Floats:
    return np.degrees(np.arctan2(b, a)) % 360


def _mean_hue(h1: Floats, h2: Floats, is_neutral: npt.NDArray[np.bool_]) -> Floats:
    total = h1 + h2
    near = np.abs(h1 - h2) <= 180
    mean = np.where(near, total / 2, np.where(total < 360, total / 2 + 180, total / 2 - 180))
    return np.where(is_neutral, total, mean)
