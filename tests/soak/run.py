"""One soak: a worker as a process, small pictures of every common format, looks at it when it is warm and at the end.

It refuses to hurry the worker's own periods: leases, reaping and the audit run as in production.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from gradientd.embedded import S3, Valkey, open_bucket
from gradientd.jobqueue import Connector, Queue, keys
from gradientd.settings import Settings
from gradientd.storage import Storage
from tests.imaging import paint
from tests.real.console import Console, environment_of
from tests.soak.process import Holding, at_rest, most

MOST_GROWTH_KB = 5 * 1024
MOST_MORE_SOCKETS = 2
"""A pool opens one more when more of its users meet than ever before; one lost in a thousand jobs would be fifteen."""
WAITING = 200
"""How many jobs stand in the queue at once: a backlog of thousands would measure Redis."""
LOOKS = 6
LOOK_S = 0.5
STALL_S = 120.0
BROKEN, BROKEN_EVERY = "web-page", 50
"""How often a job is no picture: the way of a failure is soaked too."""
PICTURES = 24
CONCURRENCY = "4"


@dataclass(frozen=True, slots=True)
class Report:
    """What one process did and held; `warm` after the first jobs, `end` after the last, `most` at its busiest."""

    jobs: int
    completed: int
    failed: int
    seconds: float
    warm: Holding
    end: Holding
    most: Holding
    exit_code: int

    @property
    def growth_kb(self) -> int:
        """How much resident memory grew from warm to the end."""
        return self.end.resident_kb - self.warm.resident_kb

    def findings(self) -> list[str]:
        """What is wrong, a sentence each."""
        found = []
        if self.growth_kb >= MOST_GROWTH_KB:
            found.append(f"resident memory grew by {self.growth_kb / 1024:.1f} MB")
        if self.end.files > self.warm.files:
            found.append(f"{self.end.files} files are open, {self.warm.files} when it was warm")
        if self.end.sockets > self.warm.sockets + MOST_MORE_SOCKETS:
            found.append(f"{self.end.sockets} sockets are open, {self.warm.sockets} when it was warm")
        if self.end.threads > self.warm.threads:
            found.append(f"{self.end.threads} threads run, {self.warm.threads} when it was warm")
        if self.completed + self.failed != self.jobs or self.failed != len(range(0, self.jobs, BROKEN_EVERY)):
            found.append(f"{self.jobs} jobs: {self.completed} completed and {self.failed} failed")
        if self.exit_code != 0:
            found.append(f"it ended with exit code {self.exit_code}")
        return found


def run(jobs: int, warm_up: int, tell: Callable[[str], None] = lambda line: None) -> Report:
    """Send `jobs` through one process, the first `warm_up` of them before the first look."""
    with _stage() as (settings, queue), Console(env=_environment(settings)) as worker:
        soak = _Soak(worker, queue, worker.wait_for("Serving HTTP")[0]["url"], tell)
        began = time.monotonic()
        soak.send(warm_up)
        warm = soak.look()
        soak.send(jobs)
        end = soak.look()
        seconds = time.monotonic() - began
        completed, failed = soak.outcomes()
        worker.signal()
        return Report(jobs, completed, failed, seconds, warm, end, soak.most, worker.wait())


class _Soak:
    """Keeps the queue filled and looks at the process while it works."""

    def __init__(self, worker: Console, queue: Queue, url: str, tell: Callable[[str], None]) -> None:
        self._pid = worker.process.pid
        self._queue = queue
        self._url = url.rstrip("/")
        self._tell = tell
        self._next = 0
        self.most = Holding.of(self._pid)

    def send(self, up_to: int) -> None:
        """Enqueue jobs up to this number, never many at once, and wait until all of them have ended."""
        ended, deadline = self._next, time.monotonic() + STALL_S
        while ended < up_to:
            if self._queue.lengths().queue < WAITING // 2:
                for _ in range(min(WAITING, up_to - self._next)):
                    self._enqueue()
            lengths = self._queue.lengths()
            now_ended = self._next - lengths.queue - lengths.processing - lengths.delayed
            if now_ended > ended:
                ended, deadline = now_ended, time.monotonic() + STALL_S
            elif time.monotonic() > deadline:
                raise TimeoutError(f"no job has ended for {STALL_S:g} s")
            self._watch()
            time.sleep(LOOK_S / 5)
        self._tell(f"{up_to:>7} jobs, {Holding.of(self._pid).resident_kb / 1024:.1f} MB resident")

    def look(self) -> Holding:
        """What the process holds when it has nothing to do."""
        return at_rest(self._pid, LOOKS, lambda: time.sleep(LOOK_S))

    def outcomes(self) -> tuple[int, int]:
        """How many jobs were completed and how many failed, as its metrics say."""
        counts = dict.fromkeys(("completed", "failed"), 0)
        for family in text_string_to_metric_families(self._scrape()):
            for sample in family.samples:
                if sample.name == "gradientd_jobs_total" and sample.labels["outcome"] in counts:
                    counts[sample.labels["outcome"]] = round(sample.value)
        return counts["completed"], counts["failed"]

    def _enqueue(self) -> None:
        number, self._next = self._next, self._next + 1
        name = BROKEN if number % BROKEN_EVERY == 0 else f"{number % PICTURES}"
        fields = {"guildId": "g", "galleryName": "soak", "storageKey": f"soak/{name}", "itemId": f"{number}"}
        element = json.dumps({**fields, "jobId": f"soak-{number}"})
        self._queue.client.rpush(keys.QUEUE, element)

    def _watch(self) -> None:
        """As whoever runs it does: scrape it, and see how much it holds."""
        self._scrape()
        self.most = most([self.most, Holding.of(self._pid)])

    def _scrape(self) -> str:
        with urllib.request.urlopen(f"{self._url}/metrics", timeout=30) as answer:
            return str(answer.read().decode())


@contextmanager
def _stage() -> Iterator[tuple[Settings, Queue]]:
    """Both servers with the pictures in the bucket, and a queue."""
    with Valkey() as valkey, S3() as s3:
        settings = open_bucket(valkey, s3)
        storage = Storage(settings)
        for name, data in _pictures().items():
            storage.put(f"soak/{name}", data, "application/octet-stream")
        storage.close()
        queue = Queue(Connector.from_settings(settings).client(socket_timeout_s=5.0, max_connections=2))
        yield settings, queue
        queue.close()


def _pictures() -> dict[str, bytes]:
    """Every common format in turn, each picture another, and one that is none."""
    coats: tuple[tuple[str, dict[str, Any]], ...] = (
        ("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {}), ("GIF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
    )  # fmt: skip
    made = {}
    for number in range(PICTURES):
        coat, options = coats[number % len(coats)]
        made[str(number)] = paint.by_pillow(paint.landscape(200 + 8 * number, 150, seed=number), coat, **options)
    return {**made, BROKEN: b"<!doctype html><title>not a picture</title>"}


def _environment(settings: Settings) -> dict[str, str]:
    return {
        **environment_of(settings),
        "GRADIENT_WORKER_CONCURRENCY": CONCURRENCY,
        "GRADIENT_HTTP_ADDR": "127.0.0.1:0",
        "MALLOC_ARENA_MAX": "2",
    }
