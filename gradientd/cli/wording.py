"""Names, spans and moments as a terminal gets them.

It refuses to let a name speak to the terminal: a key may hold anything.
"""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def printable(value: object) -> str:
    """Text as it is, or as a JSON string where a terminal might obey it or nobody would see it."""
    text = str(value)
    return text if text and text.isprintable() else json.dumps(text)


def quoted(argument: str) -> str:
    """An argument as a shell wants it; bash's and zsh's $'…' where it holds what a terminal might obey."""
    if argument.isprintable():
        return shlex.quote(argument)
    escaped = (chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\x{byte:02x}" for byte in _bytes(argument))
    return "$'" + "".join(escaped) + "'"


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def span(ms: float) -> str:
    """A length of time in its two largest units: 3 d 4 h, 5 min 12 s, 0.4 s, 35 ms."""
    if ms < 100:
        return f"{ms:.0f} ms"
    if ms < 10_000:
        return f"{ms / 1000:.1f} s"
    left = round(ms / 1000)
    parts: list[tuple[int, str]] = []
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append((count, unit))
    return " ".join(f"{count} {unit}" for count, unit in parts[:2] if count)


def moment(at_ms: float) -> str:
    """Unix ms as a date and a time in UTC; a number that no calendar reaches stays a number."""
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(at_ms)


def plural(count: int, noun: str) -> str:
    """1 worker, 2 workers."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
