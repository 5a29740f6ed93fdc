"""One hostile picture: a name, a recipe for its bytes, and the ends that it may come to.

It refuses to hold bytes: some pictures are a hundred megabytes, and each is made when its turn comes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

COMPLETED = "completed"
DAMAGED = "damaged_image"
LIMIT = "limit_exceeded"
ANY = frozenset({COMPLETED, DAMAGED, LIMIT, "not_an_image", "unsupported_format", "empty_image"})


@dataclass(frozen=True)
class Case:
    """A picture and the codes of errors.py (or `completed`) that it may end with."""

    name: str
    make: Callable[[], bytes]
    ends: frozenset[str]
    is_large: bool = False
    """Left out of the short run: it takes seconds, or most of the memory budget."""


def case(name: str, make: Callable[[], bytes], *ends: str, is_large: bool = False) -> Case:
    return Case(name, make, frozenset(ends), is_large)
