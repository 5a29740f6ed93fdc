"""Where one job is, by its ID, its picture's storage key or its inline UUID: each answer is a bounded number of reads.

It refuses to search for ever: an element that only its contents name is looked for among the first 10 000 of a list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis

from gradientd.errors import InvalidJob
from gradientd.jobqueue import keys
from gradientd.jobqueue.dead import DeadLetter, DeadLetters
from gradientd.jobqueue.fleet import Fleet, InWork
from gradientd.jobqueue.identities import inline_fields, inline_identity, is_inline
from gradientd.jobqueue.translate import translated
from gradientd.model import Job, Result, collides_with_queue_keys, distinct_job_id_for, job_id_for

SEARCHED_MAX = 10_000
"""How many elements of a list are read to find an inline job."""
PAGE = 1_000
PAGES_CHARS_MAX = 16 * 2**20
"""A list of very long elements is read no further than this."""
LETTERS_MAX = 1_000
JOBS_MAX = 10
"""A picture can be in the lists more often; nobody wants to see them all."""
_ID_PREFIX = job_id_for("")


@dataclass(frozen=True, slots=True)
class LeaseSeen:
    """A lease, and whose it is where a heartbeat has told. Once it has expired, `expires_in_ms` is negative."""

    expires_in_ms: int
    worker_id: str | None = None
    work: InWork | None = None


@dataclass(frozen=True, slots=True)
class JobSeen:
    """One job that is not finished, and every place where it stands: usually one.

    `queue_position` counts the jobs before it. `unleased_for_ms` is how long it has been in processing without a lease
    since somebody noticed. `has_data` is False for an ID whose data has expired; `last_error` is why the attempt before
    failed.
    """

    identity: str
    inline: bool
    storage_key: str | None
    attempts: int
    has_data: bool
    queue_position: int | None = None
    in_processing: bool = False
    due_in_ms: int | None = None
    lease: LeaseSeen | None = None
    unleased_for_ms: int | None = None
    last_error: str | None = None

    @property
    def is_somewhere(self) -> bool:
        """Whether it stands in a list or is leased."""
        return self.in_processing or (self.queue_position, self.due_in_ms, self.lease) != (None, None, None)


@dataclass(frozen=True, slots=True)
class Searched:
    """How many elements of a list were read, from its beginning, and how many it had."""

    key: str
    count: int
    length: int


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What is known under one name: jobs, stored results by storage key, dead letters, and how far was searched."""

    jobs: tuple[JobSeen, ...] = ()
    results: Mapping[str, Result] = field(default_factory=dict)
    letters: tuple[DeadLetter, ...] = ()
    searched: tuple[Searched, ...] = ()

    @property
    def is_unknown(self) -> bool:
        """Whether nothing was found."""
        return not (self.jobs or self.results or self.letters)


@dataclass(slots=True)
class _Trace:
    """What has been found of one job so far."""

    identity: str
    element: str
    payload: str | None
    queue_position: int | None = None
    in_processing: bool = False
    due_ms: float | None = None


class Locator:
    """Looks for jobs on one client, which stays the caller's."""

    def __init__(self, client: redis.Redis) -> None:
        self._client: Any = client
        self._letters = DeadLetters(client)
        self._fleet = Fleet(client)

    def locate(self, name: str) -> Whereabouts:
        """Everything that is known of `name`: a job's ID, a storage key, or an inline job's identity.

        Raises RedisUnavailable.
        """
        with translated():
            traces = self._id_jobs(name)
            searched: tuple[Searched, ...] = ()
            if name not in traces or traces[name].payload is None:
                inline, searched = self._inline_jobs(name)
                traces |= inline
            jobs = [job for job in self._seen(list(traces.values())[:JOBS_MAX]) if job.is_somewhere or job.has_data]
        storage_keys = self._storage_keys(name, jobs)
        results = dict(zip(storage_keys, self._fleet.results(storage_keys), strict=True))
        found = {key: result for key, result in results.items() if result is not None}
        letters = [letter for letter in map(self._letters.get, (*storage_keys, f"!{name}")) if letter is not None]
        if not (jobs or found or letters):
            letters = [letter for letter in self._letters.list(limit=LETTERS_MAX) if letter.job_id == name]
        return Whereabouts(tuple(jobs), found, tuple(letters), searched)

    def _id_jobs(self, name: str) -> dict[str, _Trace]:
        """The jobs that this ID, or the IDs that this storage key gives, may have; another picture's are left out."""
        identities = list(dict.fromkeys((name, *_ids_for(name))))
        payloads = dict(zip(identities, self._client.mget(list(map(keys.job_key, identities))), strict=True))
        ours = [i for i in identities if i == name or payloads[i] is None or _storage_key_of(payloads[i], i) == name]
        pipe = self._client.pipeline(transaction=False)
        for identity in ours:
            # A whole queue of a million is searched only for an ID that was asked for or has data: 15 ms each.
            maxlen = None if identity == name or payloads[identity] is not None else SEARCHED_MAX
            pipe.lpos(keys.QUEUE, identity, maxlen=maxlen)
            pipe.lpos(keys.PROCESSING, identity, maxlen=maxlen)
            pipe.zscore(keys.DELAYED, identity)
        answers = iter(pipe.execute())
        return {
            identity: _Trace(identity, identity, payloads[identity], position, place is not None, due_ms)
            for identity, position, place, due_ms in zip(ours, answers, answers, answers, strict=True)
        }

    def _inline_jobs(self, name: str) -> tuple[dict[str, _Trace], tuple[Searched, ...]]:
        """The inline jobs with this identity or storage key, by identity, as far as the lists are searched."""
        traces: dict[str, _Trace] = {}
        searched = []
        for key, read, length in (
            (keys.QUEUE, self._client.lrange, self._client.llen),
            (keys.PROCESSING, self._client.lrange, self._client.llen),
            (keys.DELAYED, self._client.zrange, self._client.zcard),
        ):
            count = 0
            for count, element in enumerate(_pages(read, key), 1):
                identity = _identity_if_named(element, name)
                if identity is None:
                    continue
                trace = traces.setdefault(identity, _Trace(identity, element, element))
                if key == keys.QUEUE and trace.queue_position is None:
                    trace.queue_position = count - 1
                elif key == keys.PROCESSING:
                    trace.in_processing = True
                elif key == keys.DELAYED:
                    trace.due_ms = self._client.zscore(key, element)
            searched.append(Searched(key, count, max(count, length(key))))
        return traces, tuple(searched)

    def _seen(self, traces: Sequence[_Trace]) -> list[JobSeen]:
        pipe = self._client.pipeline(transaction=False)
        for trace in traces:
            pipe.zscore(keys.LEASES, trace.identity)
            pipe.hget(keys.ATTEMPTS, trace.identity)
            pipe.hget(keys.REASONS, trace.identity)
            pipe.hget(keys.SEEN, trace.element)
        pipe.time()
        *answers, (seconds, micros) = pipe.execute()
        now_ms = seconds * 1000 + micros // 1000
        notes = iter(answers)
        return [
            self._one_seen(trace, now_ms, *notes_of_one)
            for trace, *notes_of_one in zip(traces, notes, notes, notes, notes, strict=True)
        ]

    def _one_seen(
        self, trace: _Trace, now_ms: int, deadline_ms: float | None, noted: str | None, reason: str | None,
        orphan: str | None,
    ) -> JobSeen:
        attempts, storage_key = _facts_of(trace)
        first_seen_ms = (orphan or "").partition(" ")[0]
        return JobSeen(
            identity=trace.identity,
            inline=is_inline(trace.element),
            storage_key=storage_key,
            attempts=max(attempts, int(noted) if noted and noted.isdecimal() else 0),
            has_data=trace.payload is not None,
            queue_position=trace.queue_position,
            in_processing=trace.in_processing,
            due_in_ms=None if trace.due_ms is None else int(trace.due_ms - now_ms),
            lease=None if deadline_ms is None else self._lease(trace.identity, int(deadline_ms - now_ms)),
            unleased_for_ms=max(0, now_ms - int(first_seen_ms)) if first_seen_ms.isdecimal() else None,
            last_error=reason,
        )

    def _lease(self, identity: str, expires_in_ms: int) -> LeaseSeen:
        for worker in self._fleet.workers():
            for work in worker.jobs:
                if work.job_id == identity:
                    return LeaseSeen(expires_in_ms, worker.worker_id, work)
        return LeaseSeen(expires_in_ms)

    def _storage_keys(self, name: str, jobs: Iterable[JobSeen]) -> list[str]:
        """The pictures that may be meant; an ID does not tell its own, so the newest results are asked."""
        candidates = [name, *(job.storage_key for job in jobs if job.storage_key is not None)]
        if name.startswith(_ID_PREFIX):
            with translated():
                recent = self._client.zrevrange(keys.RECENT, 0, keys.RECENT_MAX - 1)
            candidates += [name.removeprefix(_ID_PREFIX), *(key for key in recent if name in _ids_for(key))]
        return [key for key in dict.fromkeys(candidates) if not collides_with_queue_keys(key)]


def _ids_for(storage_key: str) -> tuple[str, ...]:
    try:
        return job_id_for(storage_key), distinct_job_id_for(storage_key)
    except UnicodeEncodeError:  # bytes that are not UTF-8: no producer could name a job so
        return ()


def _pages(read: Any, key: str) -> Iterator[str]:
    chars = 0
    for start in range(0, SEARCHED_MAX, PAGE):
        page = read(key, start, start + PAGE - 1)
        yield from page
        chars += sum(map(len, page))
        if len(page) < PAGE or chars > PAGES_CHARS_MAX:
            return


def _identity_if_named(element: str, name: str) -> str | None:
    """An inline job's identity if `name` is that or the job's storage key, else None."""
    if not is_inline(element):
        return None
    by_hash = name.startswith("sha1:")
    # Most elements are passed over without a parse; one that has an escape may spell the name in another way.
    if not by_hash and name not in element and "\\" not in element:
        return None
    fields = inline_fields(element)
    identity = inline_identity(element, fields)
    return identity if name in (identity, fields.get("storageKey")) else None


def _facts_of(trace: _Trace) -> tuple[int, str | None]:
    """Attempts begun and storage key, as far as the job's JSON tells them."""
    try:
        job = Job.parse(trace.payload or "", job_id=trace.identity)
    except InvalidJob as exc:
        return 0, exc.storage_key
    return job.attempts, job.storage_key


def _storage_key_of(payload: str, identity: str) -> str | None:
    return _facts_of(_Trace(identity, identity, payload))[1]
