"""`gradientd enqueue KEY…`: put objects into the queue.

It refuses to look whether they exist: the worker will say so.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from gradientd.cli.exits import Exit
from gradientd.errors import InvalidJob
from gradientd.settings import parse_env
from gradientd.jobqueue import Connector, Queue

TIMEOUT_S = 5.0


def run(arguments: argparse.Namespace) -> int:
    """Enqueue every key, print its jobId, and report the keys that are refused."""
    queue = Queue(Connector.from_settings(parse_env()).client(socket_timeout_s=TIMEOUT_S, max_connections=1))
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
