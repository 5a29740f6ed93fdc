"""`gradientd enqueue KEY…` and `gradientd enqueue --prefix P`: put objects into the queue.

It refuses to look whether an object that was named exists: the worker will say so.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator

from gradientd.cli.connection import open_queue
from gradientd.cli.exits import Exit
from gradientd.cli.wording import printable
from gradientd.errors import InvalidJob
from gradientd.jobqueue import Queue


def run(arguments: argparse.Namespace) -> int:
    """Enqueue every key that was named, or what the bucket has under a prefix."""
    if bool(arguments.keys) == (arguments.prefix is not None):
        arguments.refuse("give storage keys, or --prefix")
    if arguments.prefix is None and (arguments.missing or arguments.start_after is not None):
        arguments.refuse("--missing and --start-after go with --prefix")
    if arguments.prefix is not None:
        from gradientd.cli.backfill import backfill  # boto3 is slow to import

        return backfill(arguments)
    queue = open_queue()
    try:
        return _enqueue_named(queue, arguments)
    finally:
        queue.close()


def enqueue_key(queue: Queue, key: str, arguments: argparse.Namespace) -> str | None:
    """Enqueue one picture and return its job's ID; None, with a word on stderr, when it is refused."""
    job = {
        "guildId": arguments.guild,
        "galleryName": arguments.gallery,
        "storageKey": key,
        "itemId": key.rsplit("/", 1)[-1] or key,
    }
    try:
        return queue.enqueue(job)
    except InvalidJob as exc:
        print(f"gradientd: {printable(key)} was refused: {exc}", file=sys.stderr)
        return None


def _enqueue_named(queue: Queue, arguments: argparse.Namespace) -> int:
    refused = 0
    for key in _keys(arguments.keys):
        job_id = enqueue_key(queue, key, arguments)
        if job_id is None:
            refused += 1
        else:
            print(printable(job_id))
    return Exit.SOME_FAILED if refused else Exit.DONE


def _keys(arguments: list[str]) -> Iterator[str]:
    for argument in arguments:
        if argument == "-":
            if isinstance(sys.stdin, io.TextIOWrapper):
                sys.stdin.reconfigure(errors="surrogateescape")  # as in arguments: refused by itself, not with the rest
            yield from (line.rstrip("\n") for line in sys.stdin if line.strip())
        else:
            yield argument
