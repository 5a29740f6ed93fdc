"""Colour arithmetic: sRGB, OKLab, luminance and contrast, as plain functions on numpy arrays.

It refuses to know pictures: every function maps colours to colours or to numbers.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_LINEAR_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LMS_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_OKLAB_TO_LMS = np.linalg.inv(_LMS_TO_OKLAB)
_LMS_TO_LINEAR = np.linalg.inv(_LINEAR_TO_LMS)
_TOE_1, _TOE_2 = 0.206, 0.03
_TOE_3 = (1 + _TOE_1) / (1 + _TOE_2)
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def linear_from_srgb(srgb: npt.ArrayLike) -> Floats:
    """Light intensities, 0 to 1, of sRGB numbers, 0 to 255 (IEC 61966-2-1)."""
    encoded = np.asarray(srgb, dtype=np.float64) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def srgb_from_linear(linear: npt.ArrayLike) -> Floats:
    """sRGB numbers, 0 to 255, of light intensities; what lies outside the gamut is clipped (IEC 61966-2-1)."""
    light = np.clip(linear, 0.0, 1.0)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def oklab_from_srgb(srgb: npt.ArrayLike) -> Floats:
    """OKLab (L 0 to 1, a, b) of sRGB numbers 0 to 255; both of shape (..., 3) (Ottosson 2020)."""
    return oklab_from_linear(linear_from_srgb(srgb))


def oklab_from_linear(linear: Floats) -> Floats:
    """OKLab of light intensities 0 to 1; both of shape (..., 3) (Ottosson 2020)."""
    lms: Floats = np.cbrt(linear @ _LINEAR_TO_LMS.T)
    oklab: Floats = lms @ _LMS_TO_OKLAB.T
    return oklab


def srgb_from_oklab(oklab: npt.ArrayLike) -> Floats:
    """sRGB numbers 0 to 255 of OKLab, clipped to the gamut; both of shape (..., 3) (Ottosson 2020)."""
    lms = np.asarray(oklab, dtype=np.float64) @ _OKLAB_TO_LMS.T
    return srgb_from_linear(lms**3 @ _LMS_TO_LINEAR.T)


def even_from_lightness(lightness: npt.ArrayLike) -> Floats:
    """OKLab's L made as even as CIELAB's in the dark, where L alone calls two blacks far apart (Ottosson 2021, L_r)."""
    scaled = _TOE_3 * np.asarray(lightness, dtype=np.float64)
    off = scaled - _TOE_1
    even: Floats = (off + np.sqrt(off**2 + 4 * _TOE_2 * scaled)) / 2
    return even


def lightness_from_even(even: npt.ArrayLike) -> Floats:
    """OKLab's L of what `even_from_lightness` makes of it (Ottosson 2021)."""
    even = np.asarray(even, dtype=np.float64)
    lightness: Floats = even * (even + _TOE_1) / (_TOE_3 * (even + _TOE_2))
    return lightness


def luminance(srgb: npt.ArrayLike) -> float:
    """Relative luminance, 0 to 1, of one sRGB colour of three numbers 0 to 255 (WCAG 2.2)."""
    return float(linear_from_srgb(srgb).dot(_LUMINANCE))


def contrast(one: float, other: float) -> float:
    """The contrast ratio, 1 to 21, of two luminances (WCAG 2.2); their order does not matter."""
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def from_hex(colour: str) -> Floats:
    """The three sRGB numbers, 0 to 255, of `#RRGGBB`."""
    return np.array(list(bytes.fromhex(colour.removeprefix("#"))), dtype=np.float64)


def to_hex(srgb: Iterable[float]) -> str:
    """The colour as upper-case `#RRGGBB`; `srgb` is three numbers 0 to 255, rounded here."""
    return "#{:02X}{:02X}{:02X}".format(*(round(channel) for channel in np.asarray(srgb).tolist()))
