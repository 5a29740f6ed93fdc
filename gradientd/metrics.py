"""Every metric by its name, in one place.

It refuses to know the worker or Redis: it is handed numbers.
"""

from __future__ import annotations

import enum
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

SECONDS_BUCKETS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200, 43_200,
)
"""From a Redis round trip to half a day in the queue."""


class Stage(enum.StrEnum):
    """What a job's time goes to."""

    QUEUE_WAIT = "queue_wait"
    DOWNLOAD = "download"
    DECODE = "decode"
    PALETTE = "palette"
    STORE = "store"


@dataclass(frozen=True, slots=True)
class WorkerReadings:
    """What this process knows by itself; the counts are since it started."""

    outcomes: Mapping[str, int]
    recovered: Mapping[str, int]
    stale_results: int
    poison: int
    redis_reconnects: int
    picture_bytes: int
    inflight: int
    breaker_open: bool


@dataclass(frozen=True, slots=True)
class QueueReadings:
    """What Redis says; every worker of a fleet reads the same. `oldest_job_s` is None when no job there has a time."""

    depths: Mapping[str, int]
    dead_letters: int
    oldest_job_s: float | None


class Metrics:
    """One worker's metrics, in a registry of their own. The histogram is observed, all else is read when asked for."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        seconds = Histogram(
            "gradientd_job_seconds",
            "Seconds that a job spent in each stage. queue_wait: from the job's createdAt to its first attempt, for "
            "jobs that carry a time; decode and palette: in the decode thread, without waiting for it.",
            ["stage"],
            buckets=SECONDS_BUCKETS,
            registry=self._registry,
        )
        self._seconds = {stage: seconds.labels(stage) for stage in Stage}

    def observe(self, stage: Stage, seconds: float) -> None:
        """One job's time in one stage."""
        self._seconds[stage].observe(seconds)

    def exposition(self, worker: WorkerReadings, queue: QueueReadings | None, accept: str = "") -> tuple[bytes, str]:
        """All metrics in the text format that `accept` (the request's header) asks for, and its content type.

        Without `queue`, because Redis does not answer, the metrics that only Redis knows are absent.
        """
        encode, content_type = choose_encoder(accept)
        return encode(_Scrape(self._version, worker, queue, self._registry)), content_type


@dataclass(frozen=True, slots=True)
class _Scrape(Collector):
    """Everything at one moment: what is read now, then what the registry has gathered."""

    version: str
    worker: WorkerReadings
    queue: QueueReadings | None
    registry: CollectorRegistry

    def collect(self) -> Iterator[Metric]:
        yield from self._of_worker()
        yield _gauge(
            "gradientd_redis_up",
            "1 when Redis answered this scrape; without it the queue's metrics are absent.",
            self.queue is not None,
        )
        if self.queue is not None:
            yield from _of_queue(self.queue)
        yield from self.registry.collect()

    def _of_worker(self) -> Iterator[Metric]:
        worker = self.worker
        build = {"version": self.version, "python": platform.python_version()}
        yield InfoMetricFamily("gradientd_build", "Which gradientd this is.", value=build)
        yield _counters("gradientd_jobs_total", "Attempts that ended, by outcome.", "outcome", worker.outcomes)
        yield _gauge("gradientd_inflight", "Jobs that this worker has in work.", worker.inflight)
        yield _counters(
            "gradientd_recovered_total",
            "Abandoned jobs that this worker put back into the queue, by what had become of them.",
            "cause",
            worker.recovered,
        )
        yield _counter(
            "gradientd_stale_results_total",
            "Results stored although the job's lease had gone to another worker: pictures worked on twice.",
            worker.stale_results,
        )
        yield _counter(
            "gradientd_poison_total",
            "Jobs failed because their last attempt was begun and never ended: they may kill workers.",
            worker.poison,
        )
        yield _gauge(
            "gradientd_breaker_open",
            "1 while this worker takes no jobs because the object storage does not serve.",
            worker.breaker_open,
        )
        yield _counter(
            "gradientd_redis_reconnects_total", "Times that Redis came back after an outage.", worker.redis_reconnects
        )
        yield _counter("gradientd_bytes_total", "Bytes of pictures that were downloaded.", worker.picture_bytes)


def _of_queue(queue: QueueReadings) -> Iterator[Metric]:
    depth = GaugeMetricFamily(
        "gradientd_queue_depth",
        "Jobs in each list of the queue. Every worker reports the same: take the max, not the sum.",
        labels=["list"],
    )
    for name, length in queue.depths.items():
        depth.add_metric([name], length)
    yield depth
    if queue.oldest_job_s is not None:
        yield _gauge(
            "gradientd_oldest_job_seconds",
            "Age of the oldest of the jobs that are next to be taken, among those that carry a time (createdAt); 0 "
            "when the queue is empty, absent when none of them carries a time. The same in every worker.",
            queue.oldest_job_s,
        )
    yield _gauge(
        "gradientd_dead_letters",
        "Jobs that failed for good and are kept. The same in every worker.",
        queue.dead_letters,
    )


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=float(value))


def _counter(name: str, help_text: str, value: float) -> Metric:
    return CounterMetricFamily(name, help_text, value=float(value))


def _counters(name: str, help_text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, help_text, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family
