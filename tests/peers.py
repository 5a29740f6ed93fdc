"""The two generations of workers and API servers that share the queue, command by command as production has them.

It refuses to be better than they are: what they lose, double or leave behind is what gradientd must live with.

Every action is a generator that yields the name of each command before it runs it. Run it to its end with `finish`, or
stop between two commands with `stop_before` and let it lie there: that is a crash.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator
from typing import Any

import redis

QUEUE, PROCESSING, DELAYED = "gradient:queue", "gradient:processing", "gradient:delayed"
JOB_TTL_S, RESULT_TTL_S = 86_400, 2_592_000

Steps = Generator[str, None, bool]
"""Yields a command's name before it runs; returns whether there was anything to do."""
Work = Callable[[dict[str, Any]], dict[str, Any]]
"""Gets a job, returns its gradient, or raises PictureFailure."""
Say = Callable[[str, str, str], None]
"""A peer's log: the event, the job's ID and its storage key."""


class PictureFailure(Exception):
    """The peer's work on a picture failed."""


def finish(steps: Steps) -> bool:
    """Run an action to its end."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return bool(end.value)


def stop_before(steps: Steps, command: str) -> None:
    """Run an action up to a command that it never comes to, as a process does that is killed there."""
    for upcoming in steps:
        if upcoming == command:
            return
    raise AssertionError(f"the peer never came to {command}")


def stop_after(steps: Steps, count: int) -> None:
    """Run only the first `count` commands of an action."""
    for _ in range(count + 1):
        next(steps)


def commands_of(steps: Steps) -> list[str]:
    """Run an action to its end; returns the commands that it ran."""
    return list(steps)


def paint(_: dict[str, Any]) -> dict[str, Any]:
    """Work that always succeeds."""
    css = "linear-gradient(135deg, #112233 0%, #445566 100%)"
    return {
        "palette": ["#112233", "#445566"],
        "primary": "#112233",
        "secondary": "#445566",
        "foreground": "#FFFFFF",
        "css": css,
        "blurDataUrl": "data:image/jpeg;base64,AAAA",
    }


def break_down(_: dict[str, Any]) -> dict[str, Any]:
    """Work that always fails."""
    raise PictureFailure("peer: this picture does not work")


class _Peer:
    """What both generations have in common; `client` answers with str and is this peer's own."""

    def __init__(self, client: redis.Redis, *, max_retries: int = 3, say: Say = lambda *_: None) -> None:
        self._client: Any = client
        self._max_retries = max_retries
        self._say = say

    def _set_result(self, job: dict[str, Any], status: str, **more: Any) -> Generator[str, None, None]:
        """SET, then EXPIRE: between the two the result has no end."""
        key = f"gradient:{job['storageKey']}"
        self._say("writes result", str(job.get("jobId", "")), job["storageKey"])
        now_ms = _now_ms()
        yield "SET result"
        self._client.set(
            key,
            json.dumps({
                "status": status, **more, "attempts": job.get("attempts", 0),
                "createdAt": job.get("createdAt", now_ms), "updatedAt": now_ms,
            }),
        )
        yield "EXPIRE result"
        self._client.expire(key, RESULT_TTL_S)


class V1Peer(_Peer):
    """The first generation: ID jobs, no leases. What it does not know as an ID it throws away."""

    def enqueue(self, job_id: str, fields: dict[str, Any]) -> Steps:
        """The API server's side: job key, result, ID."""
        job = {**fields, "jobId": job_id, "attempts": 0, "createdAt": _now_ms()}
        yield from self._set_job(job_id, job)
        yield from self._set_result(job, "pending")
        yield "RPUSH"
        self._client.rpush(QUEUE, job_id)
        return True

    def run_one(self, work: Work = paint) -> Steps:
        """Take a job and do it."""
        yield "LMOVE"
        job_id = self._client.lmove(QUEUE, PROCESSING, "LEFT", "RIGHT")
        if job_id is None:
            return False
        self._say("took", job_id, "")
        yield "GET job"
        data = self._client.get(f"gradient:job:{job_id}")
        if data is None:
            self._say("discards", _id_in(job_id), "")
            yield "LREM unknown"
            self._client.lrem(PROCESSING, 1, job_id)
            return True
        job = json.loads(data)
        job["attempts"] = job.get("attempts", 0) + 1
        yield "SET job"
        self._client.set(f"gradient:job:{job_id}", json.dumps(job))
        yield from self._set_result(job, "processing")
        yield "work"
        try:
            gradient = work(job)
        except PictureFailure as failure:
            yield from self._end_badly(job_id, job, str(failure))
            return True
        yield from self._set_result(job, "completed", gradient=gradient)
        yield "LREM"
        self._client.lrem(PROCESSING, 1, job_id)
        yield "DEL job"
        self._client.delete(f"gradient:job:{job_id}")
        self._say("completed", job_id, job["storageKey"])
        return True

    def promote(self) -> Steps:
        """Push what is due, each only if it was this peer that removed it."""
        yield "ZRANGEBYSCORE"
        due = self._client.zrangebyscore(DELAYED, 0, _now_ms())
        for job_id in due:
            self._say("promotes", _id_in(job_id), "")
            yield "ZREM"
            if self._client.zrem(DELAYED, job_id) == 1:
                yield "RPUSH"
                self._client.rpush(QUEUE, job_id)
            self._say("promoted", _id_in(job_id), "")
        return bool(due)

    def stop(self) -> Steps:
        """Move ALL of processing, everybody's, to the queue's right, and wait for nothing."""
        self._say("moves all", "", "")
        has_moved = False
        while True:
            yield "LMOVE back"
            if self._client.lmove(PROCESSING, QUEUE, "LEFT", "RIGHT") is None:
                return has_moved
            has_moved = True

    def _end_badly(self, job_id: str, job: dict[str, Any], reason: str) -> Generator[str, None, None]:
        if job["attempts"] > self._max_retries:
            yield from self._set_result(job, "failed", lastError=reason)
            yield "LREM"
            self._client.lrem(PROCESSING, 1, job_id)
            yield "DEL job"
            self._client.delete(f"gradient:job:{job_id}")
            self._say("failed", job_id, job["storageKey"])
            return
        yield from self._set_job(job_id, job)
        yield from self._set_result(job, "pending")
        yield "LREM"
        self._client.lrem(PROCESSING, 1, job_id)
        yield "ZADD"
        self._client.zadd(DELAYED, {job_id: _due_ms(job)})
        self._say("retried", job_id, job["storageKey"])

    def _set_job(self, job_id: str, job: dict[str, Any]) -> Generator[str, None, None]:
        yield "SET job"
        self._client.set(f"gradient:job:{job_id}", json.dumps(job))
        yield "EXPIRE job"
        self._client.expire(f"gradient:job:{job_id}", JOB_TTL_S)


class V2Peer(_Peer):
    """The second generation: inline jobs, no leases, no job key. An element that is no JSON object it drops."""

    def __init__(
        self, client: redis.Redis, *, max_retries: int = 3, say: Say = lambda *_: None, block_s: float = 5.0
    ) -> None:
        super().__init__(client, max_retries=max_retries, say=say)
        self._block_s = block_s

    def enqueue(self, job_id: str, fields: dict[str, Any]) -> Steps:
        """The API server's side: one LPUSH, so that the newest comes first; no result, no attempts, no time."""
        yield "LPUSH"
        self._client.lpush(QUEUE, json.dumps({**fields, "jobId": job_id}))
        return True

    def run_one(self, work: Work = paint) -> Steps:
        """Wait for a job and do it."""
        yield "BLMOVE"
        element = self._client.blmove(QUEUE, PROCESSING, self._block_s, "LEFT", "RIGHT")
        if element is None:
            return False
        job = _object_in(element)
        if job is None:
            self._say("took", element, "")
            self._say("discards", element, "")
            yield "LREM unknown"
            self._client.lrem(PROCESSING, 1, element)
            return True
        self._say("took", job["jobId"], job["storageKey"])
        job = {"attempts": 0, "createdAt": _now_ms(), **job}
        job["attempts"] += 1
        yield from self._set_result(job, "processing")
        yield "work"
        try:
            gradient = work(job)
        except PictureFailure as failure:
            yield from self._end_badly(element, job, str(failure))
            return True
        yield from self._set_result(job, "completed", gradient=gradient)
        yield "LREM"
        self._client.lrem(PROCESSING, 1, element)
        self._say("completed", job["jobId"], job["storageKey"])
        return True

    def promote(self) -> Steps:
        """Push what is due without looking at what ZREM said: two who do so make two jobs of one."""
        yield "ZRANGEBYSCORE"
        due = self._client.zrangebyscore(DELAYED, 0, _now_ms())
        for element in due:
            yield "MULTI"
            with self._client.pipeline(transaction=True) as transaction:
                transaction.zrem(DELAYED, element)
                transaction.rpush(QUEUE, element)
                transaction.execute()
        return bool(due)

    def _end_badly(self, element: str, job: dict[str, Any], reason: str) -> Generator[str, None, None]:
        if job["attempts"] > self._max_retries:
            yield from self._set_result(job, "failed", lastError=reason)
            yield "LREM"
            self._client.lrem(PROCESSING, 1, element)
            self._say("failed", job["jobId"], job["storageKey"])
            return
        yield from self._set_result(job, "pending")
        yield "ZADD"
        self._client.zadd(DELAYED, {json.dumps(job): _due_ms(job)})
        yield "LREM"
        self._client.lrem(PROCESSING, 1, element)
        self._say("retried", job["jobId"], job["storageKey"])


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _due_ms(job: dict[str, Any]) -> int:
    return _now_ms() + int(2 ** job["attempts"] * 1_000)


def _object_in(element: str) -> dict[str, Any] | None:
    try:
        job = json.loads(element)
    except ValueError:
        return None
    return job if isinstance(job, dict) else None


def _id_in(element: str) -> str:
    """The ID by which others know what v1 takes for an unknown ID."""
    job = _object_in(element)
    return str(job["jobId"]) if job and "jobId" in job else element
