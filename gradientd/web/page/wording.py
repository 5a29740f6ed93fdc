"""Numbers, times and states in words, the same on every part of the page.

It refuses to be more exact than a person wants.
"""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def number(value: int) -> str:
    """12345 as 12,345."""
    return f"{value:,}"


def rate(per_second: float) -> str:
    """Jobs a second, or a minute where that reads better."""
    if per_second == 0:
        return "0 /s"
    if per_second < 0.1:
        return f"{per_second * 60:.1f} /min"
    return f"{per_second:.1f} /s" if per_second < 100 else f"{per_second:,.0f} /s"


def duration(seconds: float) -> str:
    """The two largest units: 3 d 4 h, 5 min 12 s, 0.4 s, 35 ms."""
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    left = round(seconds)
    parts: list[tuple[int, str]] = []
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append((count, unit))
    return " ".join(f"{count} {unit}" for count, unit in parts[:2] if count)


def roughly(seconds: float) -> str:
    """The largest unit only: 3 d, 5 min, 12 s, a moment."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return "a moment"


def ago(then_ms: float, now_ms: float) -> str:
    """How long ago, both in Unix ms."""
    seconds = max(0.0, (now_ms - then_ms) / 1000)
    return "just now" if seconds < 2 else f"{roughly(seconds)} ago"


def iso(at_ms: float) -> str:
    """Unix ms as ISO 8601, empty where no calendar reaches."""
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return ""


def plural(count: int, noun: str) -> str:
    """1 worker, 2 workers."""
    return f"{number(count)} {noun}" + ("" if count == 1 else "s")


def size(byte_count: int) -> str:
    """Bytes as kB or MB."""
    if byte_count < 1_000:
        return plural(byte_count, "byte")
    return f"{byte_count / 1_000:.0f} kB" if byte_count < 1_000_000 else f"{byte_count / 1_000_000:.1f} MB"
