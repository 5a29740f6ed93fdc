"""What leases are held on: an inline job's identity as the scripts have it, and a set of a million in ten megabytes.

It refuses to judge a job: its element has an identity even where it cannot be read.
"""

from __future__ import annotations

import hashlib
import json
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Any

from gradientd.model import is_too_long

_BUCKETS = 1 << 12
_HASH_MASK = (1 << 64) - 1
_LONE_SURROGATE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Those that stand for no byte of a text that is not UTF-8."""


def is_inline(element: str) -> bool:
    """Whether an element is an inline job, its own JSON, rather than an ID: the same as `is_inline` in _job.lua."""
    return element.startswith("{")


def inline_fields(element: str) -> Mapping[str, Any]:
    """An inline job's JSON, empty where it cannot be read."""
    if is_too_long(element):
        return {}
    try:
        fields: dict[str, Any] = json.loads(element)
    except (ValueError, RecursionError):
        return {}
    return fields


def inline_identity(element: str, fields: Mapping[str, Any]) -> str:
    """The same as `identity_of` in _job.lua; `fields` are the element's."""
    job_id = fields.get("jobId")
    if isinstance(job_id, str) and job_id:
        return _LONE_SURROGATE.sub("\ufffd", job_id)
    return "sha1:" + hashlib.sha1(element.encode(errors="surrogateescape"), usedforsecurity=False).hexdigest()


class IdentitySet:
    """Hashes in buckets, each sorted when it is first searched. Two identities share a hash once in 2^64.

    It gives no identity back; it only answers whether it has seen one.
    """

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
