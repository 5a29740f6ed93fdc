"""Whether the worker lives and whether it can work, from what was found lately: an answer waits for nobody.

It refuses to call a worker dead because Redis or the storage is away: restarting it would not bring them back.
"""

from __future__ import annotations

import logging
from http import HTTPStatus

import gevent
from gevent.event import Event

from gradientd.errors import DependencyError
from gradientd.jobqueue import Queue
from gradientd.web.exchange import Response
from gradientd.worker import GradientWorker
from gradientd.worker.breaker import problem_of

REDIS_LOOK_S = 5.0
STORAGE_LOOK_S = 15.0
LOOK_AGAIN_S = 2.0
"""After a look that found something wrong."""


class _NotLookedYet(DependencyError):
    """Stands for what was found before anything was."""

    code = "not_looked_yet"


class Health:
    """Looks at Redis and the storage now and then; a worker that is down for itself is believed at once."""

    def __init__(self, worker: GradientWorker, queue: Queue, longest_silence_s: float, logger: logging.Logger) -> None:
        self._worker = worker
        self._queue = queue
        self._longest_silence_s = longest_silence_s
        self._logger = logger
        self._redis: DependencyError | None = _NotLookedYet()
        self._storage: DependencyError | None = _NotLookedYet()
        self._stopping = Event()
        self._looks: list[gevent.Greenlet[..., None]] = []

    def start(self) -> None:
        """Begin to look."""
        self._looks = [gevent.spawn(self._look_at_redis), gevent.spawn(self._look_at_storage)]

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        gevent.killall(self._looks)

    def livez(self) -> Response:
        """200 while the worker's loop comes round, and while it drains."""
        condition = self._worker.instruments.condition()
        if condition.is_stopping or condition.silence_s <= self._longest_silence_s:
            return Response.of_json({"status": "ok"})
        return Response.of_json(
            {"status": "stuck", "silentSeconds": round(condition.silence_s)}, HTTPStatus.SERVICE_UNAVAILABLE
        )

    def readyz(self) -> Response:
        """200 while the worker takes jobs or could: Redis and the storage serve, and it is not draining."""
        problems = self._problems()
        if self._worker.instruments.condition().is_stopping:
            return Response.of_json({"status": "draining", "problems": problems}, HTTPStatus.SERVICE_UNAVAILABLE)
        if problems:
            return Response.of_json({"status": "unavailable", "problems": problems}, HTTPStatus.SERVICE_UNAVAILABLE)
        return Response.of_json({"status": "ok"})

    def health(self) -> Response:
        """The older worker's answer to the same question."""
        is_ready = self.readyz().status is HTTPStatus.OK
        if is_ready:
            return Response.of_json({"status": "ok"})
        return Response.of_json({"status": "error"}, HTTPStatus.SERVICE_UNAVAILABLE)

    @property
    def storage_problem(self) -> str | None:
        """What was wrong with the storage at the last look, a sentence."""
        return None if self._storage is None else str(self._storage) or None

    def _problems(self) -> dict[str, str]:
        """The error codes of what does not serve; no more, since anybody may ask."""
        condition = self._worker.instruments.condition()
        found = {
            "redis": condition.redis_trouble or self._redis,
            "storage": condition.storage_trouble or self._storage,
        }
        return {name: problem.code for name, problem in found.items() if problem is not None}

    def _look_at_redis(self) -> None:
        while not self._worker.instruments.condition().is_stopping:
            self._redis = problem_of(self._queue.ping, self._logger)
            self._stopping.wait(LOOK_AGAIN_S if self._redis else REDIS_LOOK_S)

    def _look_at_storage(self) -> None:
        while not self._worker.instruments.condition().is_stopping:
            self._storage = problem_of(self._worker.probe_storage, self._logger)
            self._stopping.wait(LOOK_AGAIN_S if self._storage else STORAGE_LOOK_S)
