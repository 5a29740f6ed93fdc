"""The queue as the worker sees it: one method a script, same name, and a few plain questions.

It refuses to decide what becomes of a job; it only makes each step atomic, fenced by its lease, and safe to repeat.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import redis

from gradientd.errors import GradientdError, RedisUnavailable
from gradientd.jobqueue import keys
from gradientd.jobqueue.clock import server_now_ms
from gradientd.jobqueue.codes import AcquireCode, Begun, Completion, DropCode, FailCode, ReleaseCode, RetryCode
from gradientd.jobqueue.enqueue import enqueue
from gradientd.jobqueue.fleet import Fleet
from gradientd.jobqueue.heads import letter_field, letter_head, result_head
from gradientd.jobqueue.reap import Reaped, reap
from gradientd.jobqueue.scripts import Scripts
from gradientd.jobqueue.taken import Acquired, LeaseCount, Lengths, Promoted, Recent, Taken
from gradientd.jobqueue.translate import translated
from gradientd.model import Gradient, Job, Result, Status

PROMOTE_BATCH = 100
SHORTEST_WAIT_S = 0.001
"""A blocking call of 0 s would wait for ever."""


class Queue:
    """The queue on one client, which it owns: `close` closes it. Every method raises RedisUnavailable.

    Each transition may have happened although its call raised: repeating it is harmless. `lease_ms` is how long a
    lease lasts; a job with more than `max_retries` attempts begun is reaped to be failed; an element without a lease
    is left alone for `orphan_grace_ms`.
    """

    def __init__(
        self,
        client: redis.Redis,
        *,
        lease_ms: int = 60_000,
        max_retries: int = 3,
        dead_letters_max: int = 10_000,
        orphan_grace_ms: int = 900_000,
    ) -> None:
        self.client = client
        self.scripts = Scripts(client)
        self.lease_ms = lease_ms
        self.max_retries = max_retries
        self.orphan_grace_ms = orphan_grace_ms
        self._dead_letters_max = dead_letters_max

    # -- a job's way -------------------------------------------------------------------------------------------------

    def acquire(self, token: str, *, repeat: bool = False) -> Acquired:
        """Take the next job under a lease of `token`, a new one for each job.

        `repeat` after a call that raised: the job that it may have taken is returned again.
        """
        while True:
            code, *record = self.scripts.run(
                "acquire",
                [
                    keys.QUEUE, keys.PROCESSING, keys.LEASES, keys.OWNERS, keys.ATTEMPTS, keys.PAUSED,
                    keys.FINGERPRINTS, keys.JOB_PREFIX,
                ],
                [token, self.lease_ms, int(repeat)],
            )
            if code == AcquireCode.TAKEN:
                return Acquired(taken=Taken.from_record(record[0], token))
            if code != AcquireCode.CROWDED:
                return Acquired(paused=code == AcquireCode.PAUSED)

    def begin(self, taken: Taken, job: Job) -> Begun:
        """Count an attempt; `job` is the taken one with this attempt counted. Its result says `processing`."""
        code = self.scripts.run(
            "begin",
            [
                keys.PROCESSING, keys.LEASES, keys.OWNERS, keys.ATTEMPTS,
                keys.job_key(taken.identity), keys.result_key(job.storage_key), keys.FINGERPRINTS,
            ],
            [
                taken.element, taken.identity, taken.token, _form(taken), job.to_json(), job.attempts,
                result_head(Status.PROCESSING, job.attempts), keys.JOB_TTL_S, keys.RESULT_TTL_S,
            ],
        )
        return Begun(code)

    def complete(self, taken: Taken, job: Job, gradient: Gradient, processing_ms: int) -> Completion:
        """Store the gradient of a job that was begun, and end the job; `processing_ms` is kept for people to see."""
        code = self.scripts.run(
            "complete",
            [
                keys.PROCESSING, keys.QUEUE, keys.LEASES, keys.OWNERS, keys.ATTEMPTS, keys.job_key(taken.identity),
                keys.result_key(job.storage_key), keys.DEAD, keys.DEAD_INDEX, keys.RECENT, keys.RECENT_MS, keys.REASONS,
                keys.FINGERPRINTS,
            ],
            [
                taken.element, taken.identity, taken.token, job.to_json(), job.storage_key,
                result_head(Status.COMPLETED, job.attempts, gradient=gradient), keys.RESULT_TTL_S,
                processing_ms, keys.RECENT_MAX,
            ],
        )
        return Completion(code)

    def retry(self, taken: Taken, job: Job, reason: str, delay_ms: int) -> bool:
        """Let a job that was begun wait `delay_ms` for its next attempt; False when its lease is no longer ours.

        `reason` is a sentence, kept until the job ends. It does not stand in the result, which is `pending`.
        """
        code = self.scripts.run(
            "retry",
            [
                keys.PROCESSING, keys.QUEUE, keys.DELAYED, keys.LEASES, keys.OWNERS,
                keys.result_key(job.storage_key), keys.REASONS, keys.FINGERPRINTS,
            ],
            [
                taken.element, taken.identity, taken.token, job.to_json() if taken.inline else taken.element, delay_ms,
                result_head(Status.PENDING, job.attempts), keys.RESULT_TTL_S,
                reason.encode(errors="replace").decode(),
            ],
        )
        return RetryCode(code) is not RetryCode.LEASE_LOST

    def fail(self, taken: Taken, job: Job | None, storage_key: str | None, error: GradientdError) -> bool:
        """End a job for good and keep it as a dead letter; False when its lease is no longer ours.

        `job` is None when it could not be read, `storage_key` when no result may be written.
        """
        attempts = max(taken.attempts, job.attempts if job is not None else 0)
        code = self.scripts.run(
            "fail",
            [
                keys.PROCESSING, keys.QUEUE, keys.LEASES, keys.OWNERS, keys.ATTEMPTS, keys.job_key(taken.identity),
                keys.result_key(storage_key or ""), keys.DEAD, keys.DEAD_INDEX, keys.REASONS, keys.FINGERPRINTS,
            ],
            [
                taken.element, taken.identity, taken.token, _json_of(job), taken.payload or "",
                "" if storage_key is None else result_head(Status.FAILED, attempts, last_error=str(error)),
                keys.RESULT_TTL_S, letter_field(taken, storage_key),
                letter_head(taken, storage_key, attempts, error), self._dead_letters_max,
            ],
        )
        return FailCode(code) is not FailCode.LEASE_LOST

    def release(self, taken: Taken, job: Job | None) -> bool:
        """Hand a job back to the head of the queue, uncharged; False when its lease is no longer ours.

        `job` is what was begun, None when nothing was.
        """
        code = self.scripts.run(
            "release",
            [
                keys.PROCESSING, keys.QUEUE, keys.LEASES, keys.OWNERS, keys.ATTEMPTS, keys.job_key(taken.identity),
                keys.result_key(job.storage_key if job is not None else ""), keys.FINGERPRINTS,
            ],
            [
                taken.element, taken.identity, taken.token, _form(taken), _json_of(job), taken.payload or "",
                taken.attempts, "" if job is None else result_head(Status.PENDING, taken.attempts), keys.RESULT_TTL_S,
            ],
        )
        return ReleaseCode(code) is not ReleaseCode.LEASE_LOST

    def drop(self, taken: Taken) -> bool:
        """Forget an ID whose data has expired; False when its lease is no longer ours."""
        code = self.scripts.run(
            "drop",
            [keys.PROCESSING, keys.QUEUE, keys.LEASES, keys.OWNERS, keys.REASONS, keys.FINGERPRINTS],
            [taken.element, taken.identity, taken.token],
        )
        return DropCode(code) is not DropCode.LEASE_LOST

    def promote(self) -> Promoted:
        """Move the retries that are due to the queue, at most 100; when more are due, the next is due in 0 ms."""
        count, next_due_in_ms = self.scripts.run("promote", [keys.DELAYED, keys.QUEUE], [PROMOTE_BATCH])
        return Promoted(count, next_due_in_ms)

    def enqueue(self, fields: Mapping[str, Any]) -> str:
        """Put a job into the queue (guildId, galleryName, storageKey, itemId, and what else its owner wants kept).

        Returns its ID; that of the picture's job that is queued, delayed or running, which is left as it is. Raises
        InvalidJob.
        """
        return enqueue(self.scripts, fields)

    # -- the fleet ---------------------------------------------------------------------------------------------------

    def renew(self, leases: Sequence[tuple[str, str]], *, worker_id: str, heartbeat_json: str) -> frozenset[str]:
        """Renew leases given as (identity, token), and show for a lease time that the worker lives.

        Returns the identities whose lease is no longer ours.
        """
        pairs = [part for lease in leases for part in lease]
        lost = self.scripts.run(
            "renew",
            [keys.LEASES, keys.OWNERS, keys.worker_key(worker_id)],
            [self.lease_ms, heartbeat_json, self.lease_ms, *pairs],
        )
        with contextlib.suppress(RedisUnavailable):  # out of memory, an index that is for people can wait
            Fleet(self.client).enlist(worker_id)
        return frozenset(lost)

    def reap(self, *, worker_id: str) -> Reaped:
        """Give back what is abandoned; only for a worker whose own renewals have succeeded for 1.5 lease times."""
        return reap(
            self.scripts,
            worker_id=worker_id,
            lease_ms=self.lease_ms,
            max_retries=self.max_retries,
            orphan_grace_ms=self.orphan_grace_ms,
            now_ms=self._now_ms(),
        )

    def wait(self, timeout_s: float) -> bool:
        """Wait for a job in the queue without taking it; False when none came in time.

        The client's socket time-out must be longer than `timeout_s`.
        """
        with translated():
            timeout: Any = max(timeout_s, SHORTEST_WAIT_S)  # redis-py's types know whole seconds only
            element = self.client.blmove(keys.QUEUE, keys.QUEUE, timeout, "LEFT", "LEFT")
        return element is not None

    def pause(self) -> None:
        """Let the whole fleet take no more jobs, until `resume`."""
        with translated():
            self.client.set(keys.PAUSED, "1")

    def resume(self) -> None:
        """Let the fleet take jobs again."""
        with translated():
            self.client.delete(keys.PAUSED)

    def is_paused(self) -> bool:
        """Whether the fleet takes no jobs."""
        with translated():
            return bool(self.client.exists(keys.PAUSED))

    # -- questions ---------------------------------------------------------------------------------------------------

    def result(self, storage_key: str) -> Result | None:
        """A picture's stored result; None when there is none, or when what stands there is not one."""
        return Fleet(self.client).results([storage_key])[0]

    def result_json(self, storage_key: str) -> str | None:
        """What stands where a picture's result belongs, as it stands there."""
        with translated():
            text: Any = self.client.get(keys.result_key(storage_key))
        return None if text is None else str(text)

    def lengths(self) -> Lengths:
        """How many jobs stand where, from one moment to the next."""
        with translated(), self.client.pipeline(transaction=False) as pipe:
            pipe.llen(keys.QUEUE)
            pipe.llen(keys.PROCESSING)
            pipe.zcard(keys.DELAYED)
            pipe.hlen(keys.DEAD)
            return Lengths(*pipe.execute())

    def count_leases(self) -> LeaseCount:
        """How many jobs of the fleet are in work, and how many wait for a reaper."""
        now_ms = self._now_ms()
        with translated(), self.client.pipeline(transaction=False) as pipe:
            pipe.zcount(keys.LEASES, f"({now_ms}", "+inf")
            pipe.zcount(keys.LEASES, "-inf", now_ms)
            return LeaseCount(*pipe.execute())

    def recent(self, limit: int = keys.RECENT_MAX) -> list[Recent]:
        """The newest results, the newest first."""
        with translated():
            entries: Any = self.client.zrevrange(keys.RECENT, 0, limit - 1, withscores=True)
            times: Any = self.client.hmget(keys.RECENT_MS, [key for key, _ in entries]) if entries else []
        return [
            Recent(key, int(at_ms), None if processing_ms is None else int(processing_ms))
            for (key, at_ms), processing_ms in zip(entries, times, strict=True)
        ]

    def ping(self) -> None:
        """Return when Redis answers."""
        with translated():
            self.client.ping()

    def close(self) -> None:
        """Close the client's connections."""
        self.client.close()

    def _now_ms(self) -> int:
        with translated():
            return server_now_ms(self.client)


def _form(taken: Taken) -> str:
    return "inline" if taken.inline else "id"


def _json_of(job: Job | None) -> str:
    return "" if job is None else job.to_json()
