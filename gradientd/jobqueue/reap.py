"""Gives back what is provably abandoned: leases that ran out, elements that nobody holds.

It refuses to judge whether the caller may: after an outage everyone's leases look expired.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from gradientd.jobqueue import keys
from gradientd.jobqueue.codes import ReapCode
from gradientd.jobqueue.scripts import Scripts
from gradientd.jobqueue.taken import Recovered, Taken

BATCH = 100
LOCKS_PER_LEASE = 12
PASSES_PER_LEASE = 4
"""A pass may take this part of a lease time, from a moment when Redis answered: nobody's lease runs out meanwhile."""


@dataclass(frozen=True, slots=True)
class Reaped:
    """What one pass found.

    `requeued` had expired leases, `orphans_requeued` none for the whole grace: both are in the queue again.
    `exhausted` are leased to the caller, who ends them. `noted` elements without a lease are being watched.
    """

    requeued: list[Recovered]
    exhausted: list[Taken]
    orphans_requeued: list[Recovered]
    noted: int


def reap(
    scripts: Scripts, *, worker_id: str, lease_ms: int, max_retries: int, orphan_grace_ms: int, now_ms: int
) -> Reaped:
    """One pass over `gradient:processing`, a page a script; finds nothing when another worker has just made one.

    `now_ms` is the server's clock (Unix ms), just asked for: what is carried out much later does nothing.
    Raises RedisUnavailable; jobs that were leased to the caller by then run out again by themselves.
    """
    requeued: list[Recovered] = []
    exhausted: list[Taken] = []
    orphans: list[Recovered] = []
    noted = 0
    token = secrets.token_hex(16)
    lock_ms = max(lease_ms // LOCKS_PER_LEASE, 1)
    not_after_ms = now_ms + lease_ms // PASSES_PER_LEASE
    offset, notes_cursor = 0, "0"
    while offset != -1 or notes_cursor != "-1":
        code, *page = scripts.run(
            "reap",
            [
                keys.PROCESSING, keys.QUEUE, keys.LEASES, keys.OWNERS, keys.ATTEMPTS, keys.SEEN, keys.REAP_LOCK,
                keys.FINGERPRINTS, keys.JOB_PREFIX,
            ],
            [
                worker_id, token, lease_ms, max_retries, orphan_grace_ms, lock_ms, offset, notes_cursor, BATCH,
                not_after_ms,
            ],
        )
        if ReapCode(code) is not ReapCode.PAGE:
            break
        offset, notes_cursor, page_requeued, page_exhausted, page_orphans, noted = page
        requeued += [Recovered.of(*record) for record in page_requeued]
        exhausted += [Taken.from_record(record, token) for record in page_exhausted]
        orphans += [Recovered.of(*record) for record in page_orphans]
    return Reaped(requeued, exhausted, orphans, noted)
