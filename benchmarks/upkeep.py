"""What a fleet's housekeeping costs Redis, for docs/scaling.md: `python -m benchmarks.upkeep`, less than a minute.

It refuses to time the caller: what counts is the processor time that Valkey says it took.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from gradientd.embedded import Valkey
from gradientd.jobqueue import Audit, Connector, Queue, RedisClient, keys
from gradientd.model import Gradient, job_id_for
from gradientd.settings import Settings

WAITING = 200_000
IN_WORK = 3_000
CALLS = 2_000
JOBS_A_WORKER = 3
PUSHED_AT_ONCE = 10_000
HOUR_MS = 3_600_000
GRADIENT = Gradient(
    ("#1B2A41", "#D98E56", "#F3D9B1", "#5C6F82", "#0B1320"),
    "#1B2A41",
    "#D98E56",
    "#FFFFFF",
    "data:image/jpeg;base64," + "A" * 500,
)


def server_s(client: Any) -> float:
    """Seconds of a core that the server has used since its start, in user and kernel mode."""
    used = client.info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


def cost_s(client: Any, happen: Callable[[], object]) -> float:
    """Seconds of the server's core that it takes."""
    before = server_s(client)
    happen()
    return server_s(client) - before


def push(client: Any, jobs: int) -> None:
    """ID jobs as the documented protocol has them, many at once."""
    for begin in range(0, jobs, PUSHED_AT_ONCE):
        with client.pipeline(transaction=False) as pipe:
            for number in range(begin, min(begin + PUSHED_AT_ONCE, jobs)):
                key = f"albums/{number // 20}/{number}.jpg"
                fields = {"guildId": "g", "galleryName": "album", "storageKey": key, "itemId": str(number)}
                pipe.set(keys.job_key(job_id_for(key)), json.dumps(fields), ex=keys.JOB_TTL_S)
                pipe.rpush(keys.QUEUE, job_id_for(key))
            pipe.execute()


def take(queue: Queue, jobs: int) -> list[tuple[str, str]]:
    """Lease so many; returns each one's identity and token."""
    taken = (queue.acquire(f"token-{number}").taken for number in range(jobs))
    return [(job.identity, job.token) for job in taken if job is not None]


def do(queue: Queue, jobs: int) -> None:
    """The three scripts of a job that goes well, over and over."""
    for number in range(jobs):
        taken = queue.acquire(f"done-{number}").taken
        if taken is None:
            raise SystemExit("the queue is empty too soon")
        job = taken.parse().with_attempts(1, created_at=taken.now_ms)
        queue.begin(taken, job)
        queue.complete(taken, job, GRADIENT, 1)


@contextmanager
def open_queue() -> Iterator[tuple[Queue, RedisClient]]:
    """A Valkey of its own."""
    with Valkey() as valkey:
        settings = Settings(
            redis_url=valkey.url, s3_endpoint="", s3_access_key="", s3_secret_key="", master_bucket_name=""
        )
        with closing(Connector.from_settings(settings).client(socket_timeout_s=60, max_connections=2)) as client:
            yield Queue(client), client


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.upkeep", description=__doc__)
    parser.add_argument("--waiting", type=int, default=WAITING, help="jobs in the queue (200000)")
    parser.add_argument("--in-work", type=int, default=IN_WORK, help="jobs in gradient:processing (3000)")
    parser.add_argument("--calls", type=int, default=CALLS, help="of each script that is asked often (2000)")
    arguments = parser.parse_args()
    calls, in_work = arguments.calls, arguments.in_work
    looks = max(calls // 4, 1)  # all of them while the reaper's lock lasts, 5 s
    with open_queue() as (queue, client):
        push(client, arguments.waiting + in_work + calls)
        each_s = cost_s(client, lambda: do(queue, calls)) / calls
        print(f"a job (acquire, begin, complete): {each_s * 1e6:.0f} us of the server's core", flush=True)
        held = take(queue, in_work)[:JOBS_A_WORKER]
        beat = json.dumps({"state": "running", "jobs": [identity for identity, _ in held]})

        def renew() -> None:
            for _ in range(calls):
                queue.renew(held, worker_id="w", heartbeat_json=beat)

        def reap() -> None:
            for number in range(looks):
                queue.reap(worker_id=f"other-{number}")

        print(f"a renewal of {len(held)} leases: {cost_s(client, renew) / calls * 1e6:.0f} us", flush=True)
        pass_s = cost_s(client, lambda: queue.reap(worker_id="w"))
        print(f"a reaper's pass over {in_work} jobs in work: {pass_s * 1e3:.1f} ms", flush=True)
        print(f"a reaping that another worker has just done: {cost_s(client, reap) / looks * 1e6:.0f} us", flush=True)
        audit = Audit(queue, worker_id="w", interval_ms=HOUR_MS, sleep=time.sleep)
        began = time.monotonic()
        audit_s = cost_s(client, audit.run)
        took_s = time.monotonic() - began
        print(f"an audit of {arguments.waiting} waiting jobs: {audit_s:.1f} s, in steps over {took_s:.0f} s")


if __name__ == "__main__":
    main()
