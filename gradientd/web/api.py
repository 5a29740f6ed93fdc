"""What the page shows, as JSON for programs.

It refuses to hand out what a job carries beyond its names: a lease token or a payload stays in Redis.
"""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

import gradientd
from gradientd.jobqueue import DeadLetter, DeadLetters, Queue
from gradientd.web.actions import letter_id, newest_letters
from gradientd.web.exchange import Refusal, Request, Response
from gradientd.web.guard import Visitor
from gradientd.web.history import INTERVAL_S, Rates, Sample
from gradientd.web.page import live_sections, title
from gradientd.web.page.look import Look
from gradientd.web.view import Observer, Shown, View
from gradientd.worker.breaker import Trouble

RESULTS_MOST, LETTERS_MOST = 200, 200
_PICTURE_FACTS = ("format", "width", "height", "byteCount")


class Api:
    """Each method is a GET's handler."""

    def __init__(self, queue: Queue, observer: Observer) -> None:
        self._letters = DeadLetters(queue.client)
        self._observer = observer

    def status(self, request: Request, visitor: Visitor) -> Response:
        """Depths, rates, this worker, and the last half hour."""
        return Response.of_json(_status(self._observer.view()))

    def fleet(self, request: Request, visitor: Visitor) -> Response:
        """Every worker that has sent a heartbeat lately."""
        view = self._observer.view()
        _insist_on_redis(view)
        return Response.of_json({"workers": [worker.as_dict() for worker in view.workers]})

    def recent(self, request: Request, visitor: Visitor) -> Response:
        """The newest results; `limit`."""
        limit = request.number("limit", 24, most=RESULTS_MOST)
        return Response.of_json({"results": [_result(entry) for entry in self._observer.results(limit)]})

    def dead(self, request: Request, visitor: Visitor) -> Response:
        """The newest dead letters; `code`, `prefix` of the storage key, `limit`."""
        found = newest_letters(
            self._letters,
            code=request.query.get("code", ""),
            prefix=request.query.get("prefix", ""),
            limit=request.number("limit", 50, most=LETTERS_MOST),
        )
        return Response.of_json({"total": self._letters.count(), "letters": [_letter(letter) for letter in found]})

    def sections(self, request: Request, visitor: Visitor) -> Response:
        """The live parts of the page as HTML, for its own script."""
        look = Look(self._observer.view(), visitor, request.query.get("code", ""))
        return Response.of_json({"title": title(look), "sections": live_sections(look)})


def _insist_on_redis(view: View) -> None:
    if view.queue is None:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, view.redis_problem or "Redis does not answer.")


def _status(view: View) -> dict[str, Any]:
    queue = view.queue
    return {
        "at": view.at_ms,
        "worker": {
            "workerId": view.worker_id,
            "version": gradientd.__version__,
            "isStopping": view.condition.is_stopping,
            "inflight": view.readings.inflight,
            "outcomes": dict(view.readings.outcomes),
        },
        "queue": None
        if queue is None
        else {
            **asdict(queue.lengths),
            "oldestJobSeconds": None if queue.oldest_job_ms is None else queue.oldest_job_ms / 1000,
            "leases": asdict(queue.leases),
            "isPaused": queue.is_paused,
        },
        "rates": _rates(view.history.latest_rates()),
        "redis": _trouble(view.condition.redis_trouble, view.redis_problem),
        "storage": _trouble(view.condition.storage_trouble, view.storage_problem),
        "history": {"intervalSeconds": INTERVAL_S, "samples": [_sample(sample) for sample in view.history.samples]},
    }


def _rates(rates: Rates | None) -> dict[str, float] | None:
    if rates is None:
        return None
    return {"completedPerSecond": round(rates.completed, 3), "failedPerSecond": round(rates.failed, 3)}


def _sample(sample: Sample) -> dict[str, Any]:
    lengths = {} if sample.lengths is None else asdict(sample.lengths)
    return {**lengths, **(_rates(sample.rates) or {})}


def _trouble(trouble: Trouble | None, problem: str | None) -> dict[str, Any]:
    if trouble is not None:
        return {"isUp": False, "code": trouble.code, "reason": trouble.reason, "forSeconds": round(trouble.for_s, 1)}
    return {"isUp": True} if problem is None else {"isUp": False, "reason": problem}


def _result(entry: Shown) -> dict[str, Any]:
    return {
        "storageKey": entry.recent.storage_key,
        "storedAt": entry.recent.stored_at_ms,
        "processingMs": entry.recent.processing_ms,
        "result": entry.result.as_dict(),
    }


def _letter(letter: DeadLetter) -> dict[str, Any]:
    facts = {name: letter.details[name] for name in _PICTURE_FACTS if name in letter.details}
    return {
        "id": letter_id(letter.name),
        "storageKey": letter.storage_key,
        "jobId": letter.job_id,
        "code": letter.code,
        "message": letter.message,
        "attempts": letter.attempts,
        "failedAt": letter.failed_at_ms,
        **facts,
    }
