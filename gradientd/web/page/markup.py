"""HTML and SVG from nested calls: whatever is not markup already is escaped, so nothing can be forgotten.

It refuses raw text: only this module makes Markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TypeAlias

VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})
Child: TypeAlias = "str | int | Sequence[Child] | None"
Value: TypeAlias = str | int | float | bool | None


class Markup(str):
    """Text that is escaped already."""

    __slots__ = ()


def tag(name: str, attributes: Mapping[str, Value] | None = None, *children: Child) -> Markup:
    """An element. An attribute that is None or False is left out, one that is True stands without a value.

    Children that are None are left out, lists are laid flat, all but Markup is escaped.
    """
    written = "".join(_attribute(key, value) for key, value in (attributes or {}).items())
    if name in VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{''.join(map(_child, children))}</{name}>")


def document(html: Markup) -> str:
    """A whole page."""
    return f"<!doctype html>\n{html}\n"


def shown(text: str) -> Markup:
    """A name that others chose, for people: kept apart from the text around it, and nothing in it is invisible."""
    return tag("bdi", None, "".join(c if c.isprintable() else _code_point(c) for c in text))


def _attribute(key: str, value: Value) -> str:
    if value is None or value is False:
        return ""
    return f" {key}" if value is True else f' {key}="{escape(str(value))}"'


def _child(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, (str, int)):
        return escape(str(child))
    return "".join(map(_child, child))


def _code_point(character: str) -> str:
    return character.encode("unicode_escape").decode()
