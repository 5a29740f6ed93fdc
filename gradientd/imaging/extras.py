"""The fields beyond the six, each computed only where it was asked for.

It refuses to look at the picture again: what it says follows from the thumbnail, the palette and the gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from gradientd.errors import SettingsError
from gradientd.imaging.color import contrast, from_hex, luminance, oklab_from_srgb
from gradientd.imaging.decode import Thumbnail
from gradientd.imaging.hashes import blur_hash, thumb_hash
from gradientd.model import Extra, Gradient

ALGORITHM_VERSION = 1
"""Raised whenever the same bytes would give another palette, other stops, another foreground or placeholder."""
_GRADIENT_STEPS = 33
_GREY_CHROMA = 5e-4
"""OKLCH chroma below which a hue would be noise."""


@dataclass(frozen=True, slots=True)
class Material:
    """What the fields are computed from; `shares` are parallel to the gradient's palette."""

    thumbnail: Thumbnail
    gradient: Gradient
    shares: Sequence[float]


def load_extras(names: Iterable[str]) -> tuple[Extra, ...]:
    """The extras of these names in the wire's order, with the packages that they need imported.

    Raises ValueError for a name that is none, SettingsError for a missing package.
    """
    wanted = {Extra(name) for name in names}
    extras = tuple(extra for extra in Extra if extra in wanted)
    for extra in extras:
        if extra.package:
            try:
                import_module(extra.package)
            except ImportError as exc:
                raise SettingsError([extra.remedy]) from exc
    return extras


def extra_fields(material: Material, extras: Iterable[Extra]) -> dict[str, Any]:
    """The wire's fields for `extras`."""
    return {extra.value: _FIELDS[extra](material) for extra in extras}


def _dimensions(material: Material) -> dict[str, Any]:
    thumbnail = material.thumbnail
    return {"width": thumbnail.width, "height": thumbnail.height, "aspectRatio": round(thumbnail.aspect, 4)}


def _shares(material: Material) -> list[float]:
    return [round(share, 4) for share in material.shares]


def _contrast(material: Material) -> float:
    """Looked for along the whole gradient: on its way from red to green it is darker than at either end."""
    gradient = material.gradient
    primary, secondary = from_hex(gradient.primary), from_hex(gradient.secondary)
    text = luminance(from_hex(gradient.foreground))
    steps = np.linspace(primary, secondary, _GRADIENT_STEPS)
    return round(min(contrast(text, luminance(step)) for step in steps), 2)


def _is_dark(material: Material) -> bool:
    lightness = oklab_from_srgb([from_hex(colour) for colour in material.gradient.palette])[:, 0]
    weights = material.shares if any(material.shares) else None
    return bool(np.average(lightness, weights=weights) < 0.5)


def _oklch(material: Material) -> list[str]:
    return [oklch_css(colour) for colour in material.gradient.palette]


def oklch_css(colour: str) -> str:
    """`oklch(L C h)` of `#RRGGBB`, as CSS Color 4 has it; greys get hue 0."""
    lightness, a, b = oklab_from_srgb(from_hex(colour))
    chroma = float(np.hypot(a, b))
    if chroma < _GREY_CHROMA:
        return f"oklch({lightness:.4f} 0 0)"
    return f"oklch({lightness:.4f} {chroma:.4f} {np.degrees(np.arctan2(b, a)) % 360:.2f})"


_FIELDS: dict[Extra, Callable[[Material], Any]] = {
    Extra.DIMENSIONS: _dimensions,
    Extra.THUMB_HASH: lambda material: thumb_hash(material.thumbnail),
    Extra.BLUR_HASH: lambda material: blur_hash(material.thumbnail, from_hex(material.gradient.primary)),
    Extra.SHARES: _shares,
    Extra.CONTRAST: _contrast,
    Extra.IS_DARK: _is_dark,
    Extra.OKLCH: _oklch,
    Extra.VERSION: lambda _: ALGORITHM_VERSION,
}
