"""The dead letters: jobs that failed for good, each with its reason and the whole job, to be listed, retried, purged.

It refuses to judge them: an operator does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import redis

from gradientd.errors import InvalidJob
from gradientd.jobqueue import keys
from gradientd.jobqueue.codes import ReviveCode
from gradientd.jobqueue.enqueue import enqueue
from gradientd.jobqueue.heads import result_head
from gradientd.jobqueue.scripts import Scripts
from gradientd.jobqueue.translate import translated
from gradientd.jsontext import from_json, to_json
from gradientd.model import Job, Status

PAGE = 200


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One job that failed for good.

    `name` is its storage key, or `!` and the job's identity where no sound one is known. `code` is the error's (see
    errors.py), `failed_at_ms` is Unix ms; `details` is the whole letter as JSON has it, with format, width, height
    and byteCount of the picture where they were known.
    """

    name: str
    storage_key: str | None
    code: str
    message: str
    job_id: str
    attempts: int
    failed_at_ms: int
    inline: bool
    element: str = field(repr=False)
    payload: str | None = field(repr=False)
    details: Mapping[str, Any] = field(repr=False, compare=False)
    text: str = field(repr=False, compare=False)

    @classmethod
    def parse(cls, name: str, text: str) -> DeadLetter:
        """Read a letter. Raises ValueError when it is not one."""
        fields = from_json(text)
        if not isinstance(fields, dict):
            raise ValueError("a dead letter is a JSON object")
        try:
            return cls(
                name=name,
                storage_key=_text(fields.get("storageKey")),
                code=str(fields["code"]),
                message=str(fields["message"]),
                job_id=str(fields["jobId"]),
                attempts=_number(fields["attempts"]),
                failed_at_ms=_number(fields["failedAt"]),
                inline=fields["form"] == "inline",
                element=str(fields["element"]),
                payload=_text(fields.get("payload")),
                details={key: value for key, value in fields.items() if key != "lease"},
                text=text,
            )
        except (KeyError, TypeError) as exc:
            raise ValueError(f"not a dead letter: {exc}") from exc

    def job(self) -> Job:
        """The job. Raises InvalidJob."""
        if self.payload is None:
            raise InvalidJob("The job's data has expired.")
        return Job.parse(self.payload, job_id=None if self.inline else self.element)


class DeadLetters:
    """The dead letters on one client, which stays the caller's. Every method raises RedisUnavailable."""

    def __init__(self, client: redis.Redis) -> None:
        self._client: Any = client
        self._scripts = Scripts(client)

    def count(self) -> int:
        """How many are kept."""
        with translated():
            return int(self._client.hlen(keys.DEAD))

    def list(self, *, code: str | None = None, prefix: str | None = None, limit: int = 100) -> list[DeadLetter]:
        """The newest letters first, those with this error code and this beginning of their storage key."""
        return list(islice(self.find(code=code, prefix=prefix), limit))

    def find(self, *, code: str | None = None, prefix: str | None = None) -> Iterator[DeadLetter]:
        """The same without a limit, read page by page; letters that come or go meanwhile may be missed or doubled."""
        start = 0
        while True:
            with translated():
                names = self._client.zrevrange(keys.DEAD_INDEX, start, start + PAGE - 1)
                texts = self._client.hmget(keys.DEAD, names) if names else []
            for name, text in zip(names, texts, strict=True):
                letter = _parsed(name, text)
                if letter and code in (None, letter.code) and name.startswith(prefix or ""):
                    yield letter
            if len(names) < PAGE:
                return
            start += PAGE

    def get(self, name: str) -> DeadLetter | None:
        """One letter by its storage key, or by `!` and its job's identity."""
        with translated():
            return _parsed(name, self._client.hget(keys.DEAD, name))

    def retry(self, name: str) -> str | None:
        """Put a letter's job into the queue again with all its attempts, in the form in which it arrived.

        Returns the job's identity; None when there is no such letter (any more). A picture that is queued, delayed or
        running again already is left as it is.
        """
        letter = self.get(name)
        if letter is None:
            return None
        try:
            job = letter.job()
        except InvalidJob:
            return self._revive(letter, letter.element, None)
        if letter.inline:
            return self._revive(letter, to_json({**job.fields, "attempts": 0}), job.storage_key)
        return enqueue(self._scripts, job.fields, usual_id=letter.element)

    def purge(self, names: Sequence[str]) -> int:
        """Forget letters for good; returns how many there were."""
        batches = (names[start : start + PAGE] for start in range(0, len(names), PAGE))
        return sum(int(self._scripts.run("purge", [keys.DEAD, keys.DEAD_INDEX], batch)) for batch in batches)

    def _revive(self, letter: DeadLetter, element: str, storage_key: str | None) -> str | None:
        code = self._scripts.run(
            "revive",
            [
                keys.QUEUE, keys.DEAD, keys.DEAD_INDEX, keys.ATTEMPTS,
                keys.result_key(storage_key or ""), keys.job_key(letter.job_id),
            ],
            [
                letter.name, letter.text, letter.job_id, element, "" if letter.inline else letter.payload or "",
                "" if storage_key is None else result_head(Status.PENDING, 0), keys.JOB_TTL_S, keys.RESULT_TTL_S,
            ],
        )
        return letter.job_id if ReviveCode(code) is ReviveCode.DONE else None


def _text(value: Any) -> str | None:
    if isinstance(value, str | None):
        return value
    raise ValueError("it is no text")


def _number(value: Any) -> int:
    """A count, or Unix ms, that a double holds exactly."""
    if isinstance(value, (int, float)) and 0 <= value < 2**53:
        return int(value)
    raise ValueError("it is no count and no time")


def _parsed(name: str, text: str | None) -> DeadLetter | None:
    try:
        return None if text is None else DeadLetter.parse(name, text)
    except ValueError:
        return None
