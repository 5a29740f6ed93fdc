"""`gradientd enqueue KEY…`: put objects into the queue.

It refuses to look whether they exist: the worker will say so.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from gradientd.cli.connection import open_queue
from gradientd.cli.exits import Exit
from gradientd.errors import InvalidJob


def run(arguments: argparse.Namespace) -> int:
    """Enqueue every key, print its jobId, and report the keys that are refused."""
    queue = open_queue()
    refused = 0
    for key in _keys(arguments.keys):
        job = {
            "guildId": arguments.guild,
            "galleryName": arguments.gallery,
            "storageKey": key,
            "itemId": key.rsplit("/", 1)[-1] or key,
        }
        try:
            print(queue.enqueue(job))
        except InvalidJob as exc:
            refused += 1
            print(f"gradientd: {key!r} was refused: {exc}", file=sys.stderr)
    return Exit.SOME_FAILED if refused else Exit.DONE


def _keys(arguments: list[str]) -> Iterator[str]:
    for argument in arguments:
        if argument == "-":
            yield from (line.rstrip("\n") for line in sys.stdin if line.strip())
        else:
            yield argument
