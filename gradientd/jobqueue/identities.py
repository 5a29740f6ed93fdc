"""A set of identities at eight bytes each: a queue of a million jobs fits into ten megabytes.

It refuses to give an identity back; it only answers whether it has seen one.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable

_BUCKETS = 1 << 12
_HASH_MASK = (1 << 64) - 1


class IdentitySet:
    """Hashes in buckets, each sorted when it is first searched. Two identities share a hash once in 2^64."""

    def __init__(self) -> None:
        self._buckets = [array("Q") for _ in range(_BUCKETS)]
        self._sorted = [True] * _BUCKETS

    def update(self, identities: Iterable[str]) -> None:
        """Add identities; adding one again costs eight bytes more."""
        for identity in identities:
            hashed = hash(identity) & _HASH_MASK
            number = hashed % _BUCKETS
            self._buckets[number].append(hashed)
            self._sorted[number] = False

    def __contains__(self, identity: str) -> bool:
        hashed = hash(identity) & _HASH_MASK
        number = hashed % _BUCKETS
        if not self._sorted[number]:
            self._buckets[number] = array("Q", sorted(self._buckets[number]))
            self._sorted[number] = True
        bucket = self._buckets[number]
        place = bisect_left(bucket, hashed)
        return place < len(bucket) and bucket[place] == hashed
