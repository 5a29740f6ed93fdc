"""The newest results as cards: what a gallery would make of each.

It refuses to fetch a picture: it shows what stands in Redis.
"""

from __future__ import annotations

from gradientd.web.page.look import Look, empty, section, when
from gradientd.web.page.markup import Markup, shown, tag
from gradientd.web.page.swatches import Colours, gradient_svg, palette_list, placeholder, ribbon
from gradientd.web.page.wording import duration
from gradientd.web.view import Shown


def results(look: Look) -> Markup:
    """A card for each, the newest first."""
    cards = [_card(look, entry, f"gradient-{number}") for number, entry in enumerate(look.view.results)]
    row = {"class": "cards", "tabindex": "0", "aria-labelledby": "results-heading"}  # on a phone it scrolls
    content = tag("ul", row, cards) if cards else empty(look, "No picture has been worked on yet.")
    return section("results", "Newest results", content)


def banner(look: Look) -> Markup:
    """The newest gradients as one ribbon."""
    found = (Colours.of(entry.result.gradient) for entry in look.view.results[:8])
    return ribbon([colours for colours in found if colours is not None])


def _card(look: Look, entry: Shown, element_id: str) -> Markup:
    key = entry.recent.storage_key
    folder, _, name = key.rpartition("/")
    colours = Colours.of(entry.result.gradient)
    title = tag(
        "div",
        {"class": "title" if colours is None or colours.foreground == "#FFFFFF" else "title dark"},
        tag("h3", None, shown(name or key)),
        tag("p", None, shown(folder)) if folder and name else None,
    )
    took = entry.recent.processing_ms
    meta = tag(
        "p",
        {"class": "meta"},
        when(entry.recent.stored_at_ms, look.view.at_ms),
        None if took is None else tag("span", None, f"in {duration(took / 1000)}"),
    )
    if colours is None:
        return tag("li", {"class": "card"}, title, empty(look, "This result is being made anew."), meta)
    return tag(
        "li",
        {"class": "card"},
        tag("div", {"class": "art"}, gradient_svg(colours, element_id), placeholder(colours), title),
        palette_list(colours),
        meta,
    )
