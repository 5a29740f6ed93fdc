"""The composition: pixels to palette, stops, foreground and placeholder.

It refuses to touch bytes or pixels itself: each step has a room of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from gradientd.imaging.buffers import Buffer
from gradientd.imaging.color import (
    Floats,
    contrast,
    even_from_lightness,
    lightness_from_even,
    luminance,
    oklab_from_srgb,
    srgb_from_oklab,
    to_hex,
)
from gradientd.imaging.decode import Thumbnail, decode
from gradientd.imaging.extras import Material, extra_fields, load_extras
from gradientd.imaging.limits import DEFAULT_LIMITS, Limits
from gradientd.imaging.palette import MAX_COLORS, Swatch, extract_palette
from gradientd.imaging.placeholder import blur_data_url
from gradientd.model import Extra, Gradient

TRANSPARENT_STOPS = (np.array([238.0, 238.0, 238.0]), np.array([204.0, 204.0, 204.0]))
"""For a picture of which nothing can be seen."""
_WHITE, _BLACK = np.full(3, 255.0), np.zeros(3)
_LEAST_SHARE = 0.08
"""Of the picture: a second stop of less would paint half the gradient in a colour that is hardly there."""
_ABOVE_AVERAGE = 1.1
"""How much larger than the other colours of a full palette, on average, a share that matters is."""
_LEAST_DISTANCE = 0.07
"""Distance, in OKLab with an even lightness, below which two stops make no gradient."""
_LIGHTNESS_STEP = 0.16
"""How far, in OKLab, a stop is put from the only colour that a picture has."""


def generate_gradient(data: Buffer, limits: Limits = DEFAULT_LIMITS, *, extras: Iterable[str] = ()) -> Gradient:
    """Bytes of a picture in, its gradient out; `data` is any contiguous buffer and is not kept.

    `extras` names the fields to have beyond the six (see Extra). Raises ImageError: EmptyImage, NotAnImage,
    UnsupportedFormat, LimitExceeded or DamagedImage; for `extras` what `load_extras` raises.
    """
    wanted = load_extras(extras)
    return gradient_of(decode(data, limits), wanted)


def gradient_of(thumbnail: Thumbnail, extras: tuple[Extra, ...] = ()) -> Gradient:
    """The colours and the placeholder of a decoded picture, and the extra fields that were asked for."""
    weights = None if thumbnail.alpha is None else thumbnail.alpha.reshape(-1) / 255
    swatches = extract_palette(thumbnail.rgb.reshape(-1, 3), weights)
    if swatches:
        palette = [swatch.srgb for swatch in swatches]
        primary, secondary = palette[0], choose_secondary(swatches)
    else:
        palette = list(TRANSPARENT_STOPS)
        primary, secondary = palette
    gradient = Gradient(
        palette=tuple(to_hex(srgb) for srgb in palette),
        primary=to_hex(primary),
        secondary=to_hex(secondary),
        foreground=to_hex(choose_foreground(primary, secondary)),
        blur_data_url=blur_data_url(thumbnail, primary),
    )
    if not extras:
        return gradient
    shares = [swatch.share for swatch in swatches] or [0.0] * len(palette)
    return dataclasses.replace(gradient, extras=extra_fields(Material(thumbnail, gradient, shares), extras))


def choose_secondary(swatches: tuple[Swatch, ...]) -> Floats:
    """The second stop, sRGB 0 to 255: the colour most distinct from the first among those with a share that matters.

    Where none has one, the largest; synthesised only where the palette has no colour that could be told from the first.
    """
    primary, *others = swatches
    distinct = [
        swatch
        for swatch in others
        if swatch.share >= _LEAST_SHARE and can_be_told_apart(swatch.oklab, primary.oklab)
    ]
    if not distinct:
        return synthesize_stop(primary.srgb)
    matters = _ABOVE_AVERAGE * (1 - primary.share) / (MAX_COLORS - 1)
    large = [swatch for swatch in distinct if swatch.share >= matters] or distinct[:1]
    return max(large, key=lambda swatch: float(np.linalg.norm(swatch.oklab - primary.oklab))).srgb


def can_be_told_apart(one: Floats, other: Floats) -> bool:
    """Whether two OKLab colours make a gradient that one sees, in the dark too."""
    lightness = even_from_lightness(one[0]) - even_from_lightness(other[0])
    return float(np.hypot(lightness, np.linalg.norm(one[1:] - other[1:]))) >= _LEAST_DISTANCE


def synthesize_stop(srgb: Floats) -> Floats:
    """A darker neighbour of a colour, or a lighter one of a dark colour, of the same hue; greys stay grey."""
    lightness, a, b = oklab_from_srgb(srgb)
    if np.ptp(srgb) < 1:
        a = b = 0.0
    if lightness > 0.5:
        scale = (lightness - _LIGHTNESS_STEP) / lightness
        return srgb_from_oklab([lightness * scale, a * scale, b * scale])
    return srgb_from_oklab([lightness_from_even(even_from_lightness(lightness) + _LIGHTNESS_STEP), a, b])


def choose_foreground(one: Floats, other: Floats) -> Floats:
    """Black or white, whichever has the higher of the lower contrasts over both stops (WCAG 2.2); white when equal."""
    stops = luminance(one), luminance(other)
    white, black = (min(contrast(text, stop) for stop in stops) for text in (1.0, 0.0))
    return _WHITE if white >= black else _BLACK
