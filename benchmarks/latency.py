"""How long a lone job waits for an idle worker: from the push to its lease.

It refuses to believe either side's clock: one process pushes, and hears from Valkey itself when the lease is written.
"""

from __future__ import annotations

import random
import time

from benchmarks.contenders import LOOK_INTERVAL_S, PATIENCE_S, Gradientd, job_json
from benchmarks.report import Goal, Section, Table
from benchmarks.stage import ONE_PIXEL, Stage, open_redis

SAMPLES = 150


def measure(stage: Stage, samples: int = SAMPLES) -> Section:
    """Push one job after the other, each onto a worker that has had nothing to do for a while."""
    with Gradientd(stage, 2) as worker:
        waits_ms = sorted(_waits_ms(worker, samples))
    median, p99 = _at(waits_ms, 0.5), _at(waits_ms, 0.99)
    return Section(
        "Pick-up latency",
        f"{samples} lone jobs on an idle worker, push to lease, the news of it included.",
        (Table(("ms", "median", "p90", "p99", "most"), (_row(waits_ms),)),),
        (
            Goal("Pick-up of a lone job, median ms", median, 5.0),
            Goal("Pick-up of a lone job, p99 ms", p99, 25.0),
        ),
    )


def _waits_ms(worker: Gradientd, samples: int) -> list[float]:
    leases = "gradientd:owners"
    listener = open_redis(worker.settings)
    listener.config_set("notify-keyspace-events", "Kh")
    database = listener.connection_pool.connection_kwargs.get("db", 0)
    waits = []
    with listener.pubsub(ignore_subscribe_messages=True) as news:
        news.subscribe(f"__keyspace@{database}__:{leases}")
        news.get_message(timeout=1)
        for number in range(samples):
            time.sleep(random.uniform(0.05, 0.15))
            worker.redis.set(f"gradient:job:lone-{number}", job_json(f"lone-{number}", ONE_PIXEL), ex=86_400)
            pushed = time.perf_counter()
            worker.redis.rpush("gradient:queue", f"lone-{number}")
            while (message := news.get_message(timeout=PATIENCE_S)) is None or message["data"] != "hset":
                pass
            waits.append((time.perf_counter() - pushed) * 1000)
            while worker.redis.llen("gradient:processing"):
                time.sleep(LOOK_INTERVAL_S)
            while news.get_message(timeout=0) is not None:
                pass
    listener.config_set("notify-keyspace-events", "")
    listener.close()
    return waits


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _row(ordered: list[float]) -> tuple[str, ...]:
    return ("push to lease", *(f"{_at(ordered, share):.2f}" for share in (0.5, 0.9, 0.99, 1.0)))
