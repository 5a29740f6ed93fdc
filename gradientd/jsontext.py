"""JSON as it goes over the wire: written as JavaScript writes it, and read only where it could be written again.

It refuses to know what a text is about: jobs, results and letters are read by those who know them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

MAX_JSON_DEPTH = 500
"""What is nested deeper is refused: Redis' scripts read 1000 levels, Python as many as its stack happens to hold."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def to_json(value: Any) -> str:
    """Compact JSON as JSON.stringify writes it; a lone surrogate is escaped, since UTF-8 cannot hold it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text if is_utf8(text) else _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def from_json(text: str) -> Any:
    """Parse what `to_json` can write again: no NaN, and no number that has become infinite.

    Raises ValueError, also for what is nested too deep.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError as exc:
        raise ValueError("it is nested too deep") from exc
    if text.count("[") + text.count("{") > MAX_JSON_DEPTH and is_too_deep(value):
        raise ValueError("it is nested too deep")
    return value


def is_too_deep(value: Any) -> bool:
    """Whether a value of JSON's types is nested deeper than MAX_JSON_DEPTH."""
    waiting = [(value, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_JSON_DEPTH:
            return True
        children = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
        waiting += [(child, depth + 1) for child in children]
    return False


def is_utf8(text: str) -> bool:
    """Whether UTF-8 can hold a text: a lone surrogate it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number
