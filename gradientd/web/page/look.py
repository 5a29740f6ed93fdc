"""What every section of the page is made from, and the parts that several share.

It refuses to know any one section.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gradientd.web.guard import FORM_FIELD, Visitor
from gradientd.web.page.markup import Child, Markup, tag
from gradientd.web.page.wording import ago, iso
from gradientd.web.view import View

UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class Look:
    """What is seen and by whom; `code` shows only the dead letters with this error code."""

    view: View
    visitor: Visitor
    code: str = ""

    @property
    def may_change(self) -> bool:
        """Whether to offer changes: the visitor may, and Redis would take them."""
        return self.visitor.may_change and self.view.queue is not None


def action_form(
    look: Look, action: str, label: str, fields: Mapping[str, str], *, key: str, is_grave: bool = False
) -> Markup:
    """A button that posts; `key` names it across refreshes, so that the focus can stay on it."""
    hidden = {FORM_FIELD: look.visitor.form_token, **fields}
    return tag(
        "form",
        {"method": "post", "action": action},
        [tag("input", {"type": "hidden", "name": name, "value": value}) for name, value in hidden.items()],
        tag("button", {"class": "button grave" if is_grave else "button", "data-key": key}, label),
    )


def section(element_id: str, heading: Child, *content: Child) -> Markup:
    """A part of the page under a heading of its own."""
    heading_id = f"{element_id}-heading"
    return tag(
        "section",
        {"id": element_id, "aria-labelledby": heading_id},
        tag("h2", {"id": heading_id}, heading),
        *content,
    )


def when(at_ms: float, now_ms: float) -> Markup:
    """A time as how long ago it was."""
    return tag("time", {"datetime": iso(at_ms), "title": iso(at_ms)}, ago(at_ms, now_ms))


def empty(look: Look, sentence: str) -> Markup:
    """What stands where there is nothing to show; without Redis nobody can know."""
    known = look.view.queue is not None
    return tag("p", {"class": "empty"}, sentence if known else "Unknown while Redis does not answer.")
