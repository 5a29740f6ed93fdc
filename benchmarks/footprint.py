"""What a worker costs the servers and the machine, by concurrency: `python -m benchmarks.footprint`.

It refuses to ask the worker: Valkey counts its connections and commands, the kernel its memory.
"""

from __future__ import annotations

import argparse
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import redis

from benchmarks.pictures import collect
from benchmarks.queueing import Shape
from benchmarks.scaling_check import Fleet, open_stage

CONCURRENCIES = (1, 2, 4, 8, 16)
IDLE_S = 30.0
JOBS_A_SLOT = 12


def commands(client: Any) -> dict[str, int]:
    """How often each command was called so far."""
    return {name.removeprefix("cmdstat_"): stats["calls"] for name, stats in client.info("commandstats").items()}


def connections(client: Any) -> int:
    """Connections but for this one."""
    return len(client.client_list()) - 1


def megabytes(pid: int, what: str) -> float:
    """A figure of /proc/pid/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def main() -> None:
    """Measure and print; takes no arguments, and says so."""
    argparse.ArgumentParser(description="Memory and connections of one process, by its concurrency").parse_args()
    paths = [picture.path for picture in collect() if picture.kind == "baseline"]
    with (
        open_stage(paths) as servers,
        redis.Redis.from_url(servers.settings.redis_url, decode_responses=True) as client,
    ):
        print("| jobs at once | connections, idle | connections, at most | MB at rest | MB at most |")
        print("|---:|---:|---:|---:|---:|")
        for concurrency in CONCURRENCIES:
            with ExitStack() as stack:
                fleet = Fleet(servers, 1, Shape(concurrency, min(concurrency, 2)), stack)
                (pid,) = fleet.pids
                time.sleep(2)
                idle, rest_mb, most = connections(client), megabytes(pid, "VmRSS"), 0
                for number in range(concurrency * JOBS_A_SLOT):
                    fleet.push(paths[number % len(paths)].name)
                while not fleet.is_done():
                    most = max(most, connections(client))
                    time.sleep(0.02)
                peak_mb = megabytes(pid, "VmHWM")
                # those of this process: one to look, one of the fleet's producer
                print(f"| {concurrency} | {idle - 1} | {most - 1} | {rest_mb:.0f} | {peak_mb:.0f} |", flush=True)
        with ExitStack() as stack:
            Fleet(servers, 1, Shape(3, 1), stack)
            time.sleep(3)
            before = commands(client)
            time.sleep(IDLE_S)
            calls = {name: calls - before.get(name, 0) for name, calls in commands(client).items()}
        rates = sorted(((count / IDLE_S, name) for name, count in calls.items() if count), reverse=True)
        print("idle, a second:", ", ".join(f"{name} {rate:.2f}" for rate, name in rates if name != "info"))


if __name__ == "__main__":
    main()
