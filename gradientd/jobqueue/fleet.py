"""What people want to see of the queue and of the fleet: each answer costs the same however long the queue is.

It refuses to scan: workers are found by their index, jobs by the queue's left end, results by the list of the newest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis

from gradientd.errors import InvalidJob
from gradientd.jobqueue import keys
from gradientd.jobqueue.clock import server_now_ms
from gradientd.jobqueue.identities import is_inline
from gradientd.jobqueue.translate import translated
from gradientd.model import Job, Result

LOST_WORKER_TTL_MS = 600_000
"""For how long a worker that ended without a word is still shown."""
WORKERS_MAX = 1_000
HEAD_JOBS = 10
"""How many jobs at the queue's left end are asked for their age."""


@dataclass(frozen=True, slots=True)
class InWork:
    """A job that a worker has in hand; `phase` is what is being done with it, for `for_ms` since it was taken."""

    job_id: str
    storage_key: str
    phase: str
    for_ms: int


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """A worker as its last heartbeat tells; `beat_ago_ms` says how long ago that was.

    `state` is running, waiting (for a dependency), stopping, or lost: its heartbeat has expired and only its ID is
    known. `started_at_ms` is Unix ms.
    """

    worker_id: str
    beat_ago_ms: int
    state: str = "lost"
    host: str = ""
    pid: int = 0
    version: str = ""
    concurrency: int = 0
    started_at_ms: int = 0
    processed: int = 0
    failed: int = 0
    jobs: tuple[InWork, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """What programs get of it: the heartbeat's own names, and `lastHeartbeatMs`, which says how long ago."""
        return {
            "workerId": self.worker_id,
            "state": self.state,
            "host": self.host,
            "pid": self.pid,
            "version": self.version,
            "concurrency": self.concurrency,
            "startedAt": self.started_at_ms,
            "lastHeartbeatMs": self.beat_ago_ms,
            "jobsProcessed": self.processed,
            "jobsFailed": self.failed,
            "jobs": [
                {"jobId": job.job_id, "storageKey": job.storage_key, "phase": job.phase, "forMs": job.for_ms}
                for job in self.jobs
            ],
        }


class Fleet:
    """The fleet on one client, which stays the caller's. Every method raises RedisUnavailable."""

    def __init__(self, client: redis.Redis) -> None:
        self._client: Any = client

    def enlist(self, worker_id: str) -> None:
        """Note that the worker's heartbeat was just written."""
        with translated():
            self._client.zadd(keys.WORKERS, {worker_id: server_now_ms(self._client)})

    def strike(self, worker_id: str) -> None:
        """Forget a worker that has ended in good order."""
        with translated(), self._client.pipeline(transaction=False) as pipe:
            pipe.zrem(keys.WORKERS, worker_id)
            pipe.delete(keys.worker_key(worker_id))
            pipe.execute()

    def size(self) -> int:
        """How many workers there are, those that were lost lately included."""
        with translated():
            return int(self._client.zcard(keys.WORKERS))

    def workers(self, limit: int = WORKERS_MAX) -> list[WorkerSeen]:
        """The workers by their ID, at most the `limit` that were heard of last."""
        with translated():
            now_ms = server_now_ms(self._client)
            beats = dict(self._client.zrevrange(keys.WORKERS, 0, limit - 1, withscores=True))
            texts = self._client.mget([keys.worker_key(worker_id) for worker_id in beats]) if beats else []
            seen = [
                _parse_worker(worker_id, max(0, int(now_ms - beat_ms)), text)
                for (worker_id, beat_ms), text in zip(beats.items(), texts, strict=True)
            ]
            forgotten = [w.worker_id for w in seen if w.state == "lost" and w.beat_ago_ms > LOST_WORKER_TTL_MS]
            if forgotten:
                self._client.zrem(keys.WORKERS, *forgotten)
        return sorted((w for w in seen if w.worker_id not in forgotten), key=lambda w: w.worker_id)

    def oldest_job_ms(self) -> int | None:
        """The age in ms of the oldest of the jobs that are next to be taken, 0 when there are none.

        None when none of them carries a time: an inline job has none the first time.
        """
        with translated():
            now_ms = server_now_ms(self._client)
            elements = self._client.lrange(keys.QUEUE, 0, HEAD_JOBS - 1)
            if not elements:
                return 0
            ids = [element for element in elements if not is_inline(element)]
            texts = self._client.mget([keys.job_key(job_id) for job_id in ids]) if ids else []
        payloads = [element for element in elements if is_inline(element)] + [text for text in texts if text]
        times = [at_ms for at_ms in map(_created_at_ms, payloads) if at_ms is not None]
        return max(0, now_ms - min(times)) if times else None

    def results(self, storage_keys: Sequence[str]) -> list[Result | None]:
        """The stored results of these pictures; None where there is none, or something that is not one."""
        if not storage_keys:
            return []
        with translated():
            texts = self._client.mget([keys.result_key(storage_key) for storage_key in storage_keys])
        return [_parse_result(text) for text in texts]


def _parse_worker(worker_id: str, beat_ago_ms: int, text: str | None) -> WorkerSeen:
    try:
        fields = json.loads(text or "")
        return WorkerSeen(
            worker_id=worker_id,
            beat_ago_ms=beat_ago_ms,
            state=str(fields["state"]),
            host=str(fields["host"]),
            pid=int(fields["pid"]),
            version=str(fields["version"]),
            concurrency=int(fields["concurrency"]),
            started_at_ms=int(fields["startedAt"]),
            processed=int(fields["jobsProcessed"]),
            failed=int(fields["jobsFailed"]),
            jobs=tuple(map(_parse_in_work, fields["jobs"])),
        )
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return WorkerSeen(worker_id, beat_ago_ms)


def _parse_in_work(fields: Mapping[str, Any]) -> InWork:
    return InWork(str(fields["jobId"]), str(fields["storageKey"]), str(fields["phase"]), int(fields["forMs"]))


def _created_at_ms(payload: str) -> int | None:
    try:
        return Job.parse(payload, job_id="any").created_at
    except InvalidJob:
        return None


def _parse_result(text: str | None) -> Result | None:
    try:
        return None if text is None else Result.parse(text)
    except ValueError:
        return None
