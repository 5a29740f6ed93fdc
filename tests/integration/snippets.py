"""The snippets of docs/integration.md, by the names that follow their languages: what is run is what is read."""

from __future__ import annotations

import re
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "integration.md"
_FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _read() -> dict[str, str]:
    found = _FENCE.findall(GUIDE.read_text(encoding="utf-8"))
    unnamed = [language for language, name, _ in found if not name]
    if unnamed:
        raise AssertionError(f"snippets without a name, which nobody runs: {unnamed}")
    return {name: text for _, name, text in found}


SNIPPETS = _read()


def snippet(name: str) -> str:
    """A snippet's text."""
    return SNIPPETS[name]
