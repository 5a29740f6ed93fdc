"""A stored gradient as one sees it: the gradient, its text colour, the palette, the enlarged placeholder.

It refuses to show what is not exactly a colour or a small picture: a result comes from outside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gradientd.web.page.markup import Markup, tag

COLOUR = re.compile(r"#[0-9A-Fa-f]{6}\Z")
PICTURE = re.compile(r"data:image/(?:jpeg|png|webp|gif|avif);base64,[A-Za-z0-9+/]+={0,2}\Z")
MAX_PICTURE_CHARS = 16_384
MAX_COLOURS = 8
WIDTH, HEIGHT = 320, 240


@dataclass(frozen=True, slots=True)
class Colours:
    """What of a stored gradient is sound."""

    primary: str
    secondary: str
    foreground: str
    palette: tuple[str, ...]
    picture: str | None

    @classmethod
    def of(cls, gradient: Mapping[str, Any] | None) -> Colours | None:
        """Read a result's gradient; None when it has no sound stops."""
        if not isinstance(gradient, Mapping):
            return None
        stops = _colours([gradient.get("primary"), gradient.get("secondary")])
        if len(stops) < 2:
            return None
        palette = gradient.get("palette")
        foreground = _colours([gradient.get("foreground")])
        return cls(
            primary=stops[0],
            secondary=stops[1],
            foreground=foreground[0].upper() if foreground else "#FFFFFF",
            palette=_colours(palette[:MAX_COLOURS] if isinstance(palette, list) else []),
            picture=_picture(gradient.get("blurDataUrl")),
        )


def gradient_svg(colours: Colours, element_id: str) -> Markup:
    """The CSS gradient, 135 degrees over any box: its line is as long as the box's two sides together over √2."""
    reach = (WIDTH + HEIGHT) / 4
    line: dict[str, str | float] = {
        "id": element_id,
        "gradientUnits": "userSpaceOnUse",
        "x1": WIDTH / 2 - reach,
        "y1": HEIGHT / 2 - reach,
        "x2": WIDTH / 2 + reach,
        "y2": HEIGHT / 2 + reach,
    }
    label = f"Gradient from {colours.primary} to {colours.secondary}, text in {colours.foreground}"
    return tag(
        "svg",
        {
            "class": "gradient",
            "viewBox": f"0 0 {WIDTH} {HEIGHT}",
            "preserveAspectRatio": "none",
            "role": "img",
            "aria-label": label,
        },
        tag(
            "linearGradient",
            line,
            tag("stop", {"offset": "0", "stop-color": colours.primary}),
            tag("stop", {"offset": "1", "stop-color": colours.secondary}),
        ),
        tag("rect", {"width": WIDTH, "height": HEIGHT, "fill": f"url(#{element_id})"}),
    )


def palette_list(colours: Colours) -> Markup:
    """The palette, the largest share first, each colour with its code."""
    return tag(
        "ul",
        {"class": "palette", "aria-label": "Palette"},
        [
            tag(
                "li",
                None,
                tag(
                    "svg",
                    {"viewBox": "0 0 1 1", "preserveAspectRatio": "none", "aria-hidden": "true"},
                    tag("rect", {"width": 1, "height": 1, "fill": colour}),
                ),
                tag("code", None, colour),
            )
            for colour in colours.palette
        ],
    )


def placeholder(colours: Colours) -> Markup | None:
    """The placeholder, as large as the page allows."""
    if colours.picture is None:
        return None
    return tag("img", {"class": "placeholder", "src": colours.picture, "alt": "The blurred placeholder, enlarged"})


def ribbon(newest: list[Colours]) -> Markup:
    """The newest gradients side by side, as an ornament."""
    stops = [stop for colours in newest for stop in (colours.primary, colours.secondary)]
    last = max(1, len(stops) - 1)
    return tag(
        "svg",
        {"class": "ribbon", "viewBox": "0 0 100 1", "preserveAspectRatio": "none", "aria-hidden": "true"},
        tag(
            "linearGradient",
            {"id": "ribbon"},
            [tag("stop", {"offset": f"{i / last:.3f}", "stop-color": stop}) for i, stop in enumerate(stops)],
        ),
        tag("rect", {"width": 100, "height": 1, "fill": "url(#ribbon)" if stops else "currentColor"}),
    )


def _colours(values: list[Any]) -> tuple[str, ...]:
    return tuple(value for value in values if isinstance(value, str) and COLOUR.match(value))


def _picture(value: Any) -> str | None:
    is_sound = isinstance(value, str) and len(value) <= MAX_PICTURE_CHARS and PICTURE.match(value)
    return value if is_sound else None
