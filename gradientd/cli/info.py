"""`gradientd info`: the queue, the fleet and its pace, once or again and again.

It refuses to count what is not counted already: it costs the same however long the queue is.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import gevent

from gradientd.cli.connection import open_queue
from gradientd.cli.exits import Exit
from gradientd.cli.wording import plural, printable, span
from gradientd.errors import RedisUnavailable
from gradientd.jobqueue import HEAD_JOBS, Fleet, LeaseCount, Lengths, Pace, Queue, WorkerSeen, measure_pace
from gradientd.jsontext import to_json

WORKERS_SHOWN = 50
_TO_THE_TOP, _ERASE_LINE, _ERASE_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"
_CLIP, _WRAP = "\x1b[?7l", "\x1b[?7h"


@dataclass(frozen=True, slots=True)
class Overview:
    """Queue and fleet at one moment; `oldest_job_ms` is None when no job at the queue's head carries a time."""

    lengths: Lengths
    leases: LeaseCount
    oldest_job_ms: int | None
    is_paused: bool
    pace: Pace
    workers: Sequence[WorkerSeen]

    @property
    def empty_in_s(self) -> float | None:
        """When the queue will be empty if nothing is added; None when that cannot be told."""
        jobs_per_s = self.pace.completed_per_s + self.pace.failed_per_s
        is_moving = jobs_per_s and not self.is_paused and any(worker.state == "running" for worker in self.workers)
        return self.lengths.queue / jobs_per_s if self.lengths.queue and is_moving else None


def run(arguments: argparse.Namespace) -> int:
    """Show the overview once, or every `--watch` seconds until Ctrl-C."""
    queue = open_queue()
    try:
        if arguments.watch is None:
            _print(_look(queue), as_json=arguments.json)
        else:
            _watch(queue, arguments.watch, as_json=arguments.json)
    finally:
        queue.close()
    return Exit.DONE


def _watch(queue: Queue, interval_s: float, *, as_json: bool) -> None:
    """Until Ctrl-C; an outage is told, and outlasted."""
    # By the loop, since Python's own handler may strike inside a callback, where the interrupt would be lost.
    gevent.signal_handler(signal.SIGINT, gevent.kill, gevent.getcurrent(), KeyboardInterrupt)
    is_drawn = sys.stdout.isatty() and not as_json
    try:
        while True:
            try:
                overview = _look(queue)
            except RedisUnavailable as exc:
                if is_drawn:
                    _redraw([f"gradientd: {exc}"])
                else:
                    print(f"gradientd: {exc}", file=sys.stderr)
            else:
                if is_drawn:
                    _redraw(list(_describe(overview)))
                else:
                    _print(overview, as_json=as_json)
            sys.stdout.flush()
            gevent.sleep(interval_s)
    except KeyboardInterrupt:
        if is_drawn:
            print()  # the shell's prompt gets a line of its own


def _look(queue: Queue) -> Overview:
    fleet = Fleet(queue.client)
    return Overview(
        lengths=queue.lengths(),
        leases=queue.count_leases(),
        oldest_job_ms=fleet.oldest_job_ms(),
        is_paused=queue.is_paused(),
        pace=measure_pace(queue.client),
        workers=fleet.workers(),
    )


def _print(overview: Overview, *, as_json: bool) -> None:
    if as_json:
        print(to_json(_as_dict(overview)))
    else:
        print(*_describe(overview), sep="\n")


def _redraw(lines: Sequence[str]) -> None:
    """Over the last frame, without a flicker; what does not fit is cut off, or the terminal would scroll."""
    rows = shutil.get_terminal_size().lines
    frame = "".join(f"{line}{_ERASE_LINE}\n" for line in lines[: max(rows - 2, 1)])
    clock = time.strftime("%H:%M:%S  Ctrl-C ends this")
    print(_TO_THE_TOP, _CLIP, frame, clock, _ERASE_BELOW, _WRAP, sep="", end="")


def _describe(overview: Overview) -> Iterator[str]:
    lengths, leases, pace = overview.lengths, overview.leases, overview.pace
    waiting = f"{lengths.queue:,}"
    if overview.is_paused:
        waiting += "  PAUSED: `gradientd resume` ends it"
    elif overview.empty_in_s is not None:
        waiting += f"  empty in about {span(overview.empty_in_s * 1000)} at this pace"
    yield _line("queued", waiting)
    yield _line("in work", f"{lengths.processing:,}  {_leases(leases)}".rstrip())
    yield _line("delayed", f"{lengths.delayed:,}")
    yield _line("dead letters", f"{lengths.dead:,}")
    if overview.oldest_job_ms is None:
        yield _line("oldest job", "unknown: the next jobs carry no time")
    elif lengths.queue:
        yield _line("oldest job", f"{span(overview.oldest_job_ms)} (of the next {min(lengths.queue, HEAD_JOBS)})")
    took = "" if pace.processing_ms is None else f", {span(pace.processing_ms)} each"
    yield _line("last minute", f"{_rate(pace.completed_per_s)} completed{took}, {_rate(pace.failed_per_s)} failed")
    yield ""
    yield from _fleet(overview.workers)


def _leases(leases: LeaseCount) -> str:
    """What the fleet's own leases say: other workers' jobs in work have none."""
    counts = [plural(leases.live, "lease")] if leases.live else []
    if leases.expired:
        counts.append(f"{leases.expired:,} expired: any worker takes them back")
    return ", ".join(counts)


def _fleet(workers: Sequence[WorkerSeen]) -> Iterator[str]:
    if not workers:
        yield "No worker has sent a heartbeat lately."
        return
    in_hand = sum(len(worker.jobs) for worker in workers)
    slots = sum(worker.concurrency for worker in workers)
    yield f"{plural(len(workers), 'worker')}, {in_hand} of {plural(slots, 'slot')} busy"
    names = {worker.worker_id: printable(worker.worker_id) for worker in workers[:WORKERS_SHOWN]}
    width = max(map(len, names.values()))
    for worker in workers[:WORKERS_SHOWN]:
        yield f"  {names[worker.worker_id]:<{width}}  {_worker(worker)}"
    if len(workers) > WORKERS_SHOWN:
        yield f"  and {plural(len(workers) - WORKERS_SHOWN, 'worker')} more: --json has them all"


def _worker(worker: WorkerSeen) -> str:
    beat = f"{span(worker.beat_ago_ms)} ago"
    if worker.state == "lost":
        return f"lost      last heard of {beat}"
    done = f"{worker.processed:,} completed, {worker.failed:,} failed"
    hands = ", ".join(f"{printable(job.storage_key)} ({printable(job.phase)})" for job in worker.jobs[:2])
    more = f" and {len(worker.jobs) - 2} more" if len(worker.jobs) > 2 else ""
    return f"{printable(worker.state):<8}  {done}, heartbeat {beat}  {hands}{more}".rstrip()


def _rate(per_s: float) -> str:
    if not per_s:
        return "0/s"
    if per_s < 0.1:
        return f"{per_s * 60:.1f}/min"
    return f"{per_s:,.1f}/s"


def _line(name: str, value: str) -> str:
    return f"{name:<13} {value}"


def _as_dict(overview: Overview) -> dict[str, object]:
    oldest_ms = overview.oldest_job_ms
    return {
        "queue": {
            **dataclasses.asdict(overview.lengths),
            "oldestJobSeconds": None if oldest_ms is None else oldest_ms / 1000,
            "leases": dataclasses.asdict(overview.leases),
            "isPaused": overview.is_paused,
        },
        "rates": {
            "completedPerSecond": round(overview.pace.completed_per_s, 3),
            "failedPerSecond": round(overview.pace.failed_per_s, 3),
            "processingMs": overview.pace.processing_ms,
        },
        "workers": [worker.as_dict() for worker in overview.workers],
    }
