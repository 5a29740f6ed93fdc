"""Finds ID jobs whose data stands in no list (peers leave them when they crash between two commands) and pushes them.

It refuses to hurt: it reads in small paced pages, judges only what two looks agree on, and lets a script look last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gradientd.jobqueue import keys
from gradientd.jobqueue.codes import LockCode
from gradientd.jobqueue.identities import IdentitySet, inline_fields, inline_identity, is_inline
from gradientd.jobqueue.queue import Queue
from gradientd.jobqueue.taken import Recovered
from gradientd.jobqueue.translate import translated

PAGE = 1_000
PAUSE_S = 0.01
"""Between two pages, so that the server's other clients get their turn."""
MAX_CANDIDATES = 20_000
"""How many jobs one round may hold in memory; when there are more, another round follows."""
CONFIRM_BATCH = 100
CONFIRM_WINDOW = 1_000
LEAST_TTL_S = keys.JOB_TTL_S // 2
LOOKS_PER_INTERVAL = 60
LOCKS_PER_INTERVAL = 20
SHORTEST_LOCK_MS = 1_000


class _LockLost(Exception):
    """Somebody else audits."""


class Audit:
    """One worker's part in the audit. `sleep` gets seconds; `interval_ms` is the time between two audits.

    The two looks of an audit are a sixtieth of it apart.
    """

    def __init__(self, queue: Queue, *, worker_id: str, interval_ms: int, sleep: Callable[[float], object]) -> None:
        self._scripts = queue.scripts
        self._client: Any = queue.client
        self._worker_id = worker_id
        self._sleep = sleep
        self._gap_ms = max(interval_ms // LOOKS_PER_INTERVAL, 1)
        self._lock_ms = max(interval_ms // LOCKS_PER_INTERVAL, SHORTEST_LOCK_MS)

    def run(self) -> list[Recovered]:
        """Audit once, unless somebody else does or has just done; returns the jobs that were pushed again.

        Also extends the data of waiting jobs that has less than 12 hours left, and forgets what was kept for jobs that
        stand nowhere any more. Raises RedisUnavailable.
        """
        pushed: list[Recovered] = []
        try:
            while self._look_twice(pushed) >= MAX_CANDIDATES:
                pass
            self._hold_lock(self._gap_ms)
        except _LockLost:
            pass  # its holder finds the rest
        return pushed

    def _look_twice(self, pushed: list[Recovered]) -> int:
        """One round; adds to `pushed` and returns how many jobs the first look found in no list."""
        self._hold_lock(self._lock_ms)
        strays = self._noted_without_lease()
        listed = self._listed(with_inline=bool(strays))
        candidates = self._unlisted_jobs(listed)
        strays = [identity for identity in strays if identity not in listed]
        if candidates or strays:
            self._sleep(self._gap_ms / 1000)
            self._hold_lock(self._lock_ms)
            listed = self._listed(with_inline=bool(strays))
            self._push(candidates, listed, pushed)
            self._forget([identity for identity in strays if identity not in listed])
        return len(candidates)

    # -- looking -----------------------------------------------------------------------------------------------------

    def _listed(self, *, with_inline: bool) -> IdentitySet:
        """Every identity in the lists, in the order in which jobs move on, each list from its right.

        Jobs are taken from the left, so what is pushed meanwhile moves nothing out of the pages still to come.
        """
        listed = IdentitySet()
        for page in self._pages():
            listed.update(element for element in page if not is_inline(element))
            if with_inline:
                elements = (element for element in page if is_inline(element))
                listed.update(inline_identity(element, inline_fields(element)) for element in elements)
        return listed

    def _pages(self) -> Iterator[Sequence[str]]:
        readers = (
            (self._client.lrange, keys.QUEUE),
            (self._client.lrange, keys.PROCESSING),
            (self._client.zrange, keys.DELAYED),
        )
        for read, key in readers:
            end = -1
            while True:
                with translated():
                    page = read(key, end - PAGE + 1, end)
                if not page:
                    break
                yield page
                end -= PAGE
                self._pause()

    def _unlisted_jobs(self, listed: IdentitySet) -> dict[str, int]:
        """IDs in no list, each with a hash of its data; the data of the others is kept from expiring."""
        candidates: dict[str, int] = {}
        cursor = 0
        while True:
            with translated():
                cursor, job_keys = self._client.scan(cursor, match=keys.JOB_PREFIX + "*", count=PAGE)
            job_ids = [job_key.removeprefix(keys.JOB_PREFIX) for job_key in job_keys]
            unlisted = [job_id for job_id in job_ids if job_id not in listed]
            candidates.update((job_id, hash(data)) for job_id, data in self._data_of(unlisted))
            self._extend([job_id for job_id in job_ids if job_id in listed])
            if cursor == 0 or len(candidates) >= MAX_CANDIDATES:
                return candidates
            self._pause()

    def _data_of(self, job_ids: Sequence[str]) -> list[tuple[str, str]]:
        if not job_ids:
            return []
        with translated():
            found = self._client.mget([keys.job_key(job_id) for job_id in job_ids])
        return [(job_id, data) for job_id, data in zip(job_ids, found, strict=True) if data is not None]

    def _noted_without_lease(self) -> list[str]:
        """Identities for which attempts or a reason are kept although nobody works on them."""
        with translated():
            noted = {*self._client.hkeys(keys.ATTEMPTS), *self._client.hkeys(keys.REASONS)}
            return list(noted.difference(self._client.zrange(keys.LEASES, 0, -1))) if noted else []

    # -- acting ------------------------------------------------------------------------------------------------------

    def _push(self, candidates: dict[str, int], listed: IdentitySet, pushed: list[Recovered]) -> None:
        """Push what both looks found in no list and with the same data."""
        for batch in _batches([job_id for job_id in candidates if job_id not in listed]):
            unchanged = {job_id: data for job_id, data in self._data_of(batch) if hash(data) == candidates[job_id]}
            if unchanged:
                job_ids = self._scripts.run(
                    "audit",
                    [keys.QUEUE, keys.PROCESSING, keys.DELAYED, keys.LEASES, *map(keys.job_key, unchanged)],
                    [CONFIRM_WINDOW, *(part for pair in unchanged.items() for part in pair)],
                )
                pushed += [Recovered.of(job_id, unchanged[job_id]) for job_id in job_ids]
            self._pause()

    def _extend(self, job_ids: Sequence[str]) -> None:
        if job_ids:
            job_keys = [keys.job_key(job_id) for job_id in job_ids]
            self._scripts.run("extend", job_keys, [LEAST_TTL_S, keys.JOB_TTL_S])

    def _forget(self, identities: Sequence[str]) -> None:
        for batch in _batches(identities):
            self._scripts.run("forget", [keys.LEASES, keys.ATTEMPTS, keys.REASONS], batch)
            self._pause()

    def _pause(self) -> None:
        self._sleep(PAUSE_S)
        self._hold_lock(self._lock_ms)

    def _hold_lock(self, ttl_ms: int) -> None:
        if LockCode(self._scripts.run("lock", [keys.AUDIT_LOCK], [self._worker_id, ttl_ms])) is LockCode.HELD:
            raise _LockLost


def _batches(items: Sequence[str]) -> Iterator[Sequence[str]]:
    return (items[start : start + CONFIRM_BATCH] for start in range(0, len(items), CONFIRM_BATCH))
