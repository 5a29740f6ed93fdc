"""`gradientd enqueue --prefix P --missing`: a job for each picture of the bucket that has no result.

It refuses to hold the bucket in memory: it goes page by page, and says where it stopped.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gevent
from tqdm import tqdm

from gradientd.cli.connection import open_queue
from gradientd.cli.enqueue import enqueue_key
from gradientd.cli.exits import Exit
from gradientd.cli.wording import plural, quoted
from gradientd.errors import DependencyError, ObjectError
from gradientd.jobqueue import Fleet, Queue
from gradientd.model import Result, Status, collides_with_queue_keys
from gradientd.settings import parse_env
from gradientd.storage import Storage


@dataclass(slots=True)
class Progress:
    """How far a backfill has come: `last_key` is done, and so is everything before it."""

    enqueued: int = 0
    skipped: int = 0
    refused: int = 0
    last_key: str | None = None


def backfill(arguments: argparse.Namespace) -> int:
    """List the bucket and enqueue; ends early, saying how to go on, by Ctrl-C or when a server is away."""
    # By the loop, since Python's own handler may strike inside a callback, where the interrupt would be lost.
    gevent.signal_handler(signal.SIGINT, gevent.kill, gevent.getcurrent(), KeyboardInterrupt)
    storage, queue = Storage(parse_env()), open_queue()
    progress = Progress(last_key=arguments.start_after)
    bar: tqdm[Any]
    try:
        with tqdm(unit=" objects", file=sys.stderr, dynamic_ncols=True, disable=not sys.stderr.isatty()) as bar:
            for page in storage.list_pages(arguments.prefix, arguments.start_after):
                for key in _enqueue_page(queue, page, arguments, progress):
                    progress.last_key = key
                    bar.set_postfix(enqueued=progress.enqueued, refresh=False)
                    bar.update()
    except (KeyboardInterrupt, DependencyError, ObjectError):
        _tell_where_it_stopped(progress)
        raise
    finally:
        storage.close()
        queue.close()
    print(_summary(progress, arguments))
    return Exit.SOME_FAILED if progress.refused else Exit.DONE


def _enqueue_page(
    queue: Queue, page: Sequence[str], arguments: argparse.Namespace, progress: Progress
) -> Iterator[str]:
    """Enqueue a page's pictures; yields each key when it is done."""
    has_result = _with_result(queue, page) if arguments.missing else frozenset()
    for key in page:
        if key in has_result or key.endswith("/"):  # a folder, as some tools put it into a bucket
            progress.skipped += 1
        elif enqueue_key(queue, key, arguments) is None:
            progress.refused += 1
        else:
            progress.enqueued += 1
        yield key


def _with_result(queue: Queue, page: Sequence[str]) -> frozenset[str]:
    """The keys whose picture was worked on to the end, completed or failed.

    One that is pending or in work is none of them: if its job was lost it is missing, else enqueueing leaves it alone.
    """
    keys = [key for key in page if not collides_with_queue_keys(key)]
    results = zip(keys, Fleet(queue.client).results(keys), strict=True)
    return frozenset(key for key, result in results if _is_settled(result))


def _is_settled(result: Result | None) -> bool:
    return result is not None and result.status in (Status.COMPLETED, Status.FAILED)


def _summary(progress: Progress, arguments: argparse.Namespace) -> str:
    why = "have a result already" if arguments.missing else "are folders"
    parts = [f"{progress.enqueued:,} enqueued"]
    if progress.skipped:
        parts.append(f"{progress.skipped:,} {why}")
    if progress.refused:
        parts.append(f"{progress.refused:,} refused")
    return ", ".join(parts) + "."


def _tell_where_it_stopped(progress: Progress) -> None:
    done = plural(progress.enqueued, "job") + " enqueued"
    if progress.last_key is None:
        print(f"gradientd: stopped before the first object, {done}", file=sys.stderr)
    else:
        print(f"gradientd: stopped, {done}; to go on: --start-after {quoted(progress.last_key)}", file=sys.stderr)
