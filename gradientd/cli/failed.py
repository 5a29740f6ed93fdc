"""`gradientd failed list|show|retry|purge`: the jobs that failed for good.

It refuses to retry or purge everything by accident: without names or a filter it wants `--all`.
"""

from __future__ import annotations

import argparse
import sys

from gradientd.cli.connection import open_queue
from gradientd.cli.exits import Exit
from gradientd.cli.wording import moment, printable
from gradientd.errors import InvalidJob
from gradientd.jobqueue import DeadLetter, DeadLetters
from gradientd.jsontext import to_json


def run(arguments: argparse.Namespace) -> int:
    """Carry out the action that the arguments name."""
    queue = open_queue()
    try:
        return _ACTIONS[arguments.action](DeadLetters(queue.client), arguments)
    finally:
        queue.close()


def _list(letters: DeadLetters, arguments: argparse.Namespace) -> int:
    for letter in letters.list(code=arguments.code, prefix=arguments.prefix, limit=arguments.limit):
        print(to_json(dict(letter.details)) if arguments.json else _line_of(letter))
    return Exit.DONE


def _show(letters: DeadLetters, arguments: argparse.Namespace) -> int:
    letter = letters.get(arguments.name)
    if letter is None:
        print(f"gradientd: no job failed for good under {arguments.name!r}", file=sys.stderr)
        return Exit.SOME_FAILED
    if arguments.json:
        print(to_json(dict(letter.details)))
        return Exit.DONE
    for name, value in letter.details.items():
        if value is not None:
            print(f"{name:<12} {printable(value)}")
    return Exit.DONE


def _retry(letters: DeadLetters, arguments: argparse.Namespace) -> int:
    names = _chosen(letters, arguments)
    if names is None:
        return Exit.USAGE
    is_whole = True
    for name in names:
        try:
            identity = letters.retry(name)
        except InvalidJob as exc:
            is_whole = False
            print(f"gradientd: {printable(name)} cannot be queued again: {exc}", file=sys.stderr)
            continue
        if identity is None:
            is_whole = False
            print(f"gradientd: no job failed for good under {name!r}", file=sys.stderr)
        else:
            print(f"{printable(name)}\t{printable(identity)}")
    return Exit.DONE if is_whole else Exit.SOME_FAILED


def _purge(letters: DeadLetters, arguments: argparse.Namespace) -> int:
    names = _chosen(letters, arguments)
    if names is None:
        return Exit.USAGE
    forgotten = letters.purge(names)
    print(f"{forgotten} forgotten")
    return Exit.SOME_FAILED if forgotten < len({*arguments.names}) else Exit.DONE


_ACTIONS = {"list": _list, "show": _show, "retry": _retry, "purge": _purge}


def _chosen(letters: DeadLetters, arguments: argparse.Namespace) -> list[str] | None:
    """The names that the arguments choose; None, with a word on stderr, when they choose nothing or contradict."""
    is_filtered = arguments.all or arguments.code is not None or arguments.prefix is not None
    if bool(arguments.names) == is_filtered:
        print("gradientd failed: give names, or a filter (--code, --prefix), or --all", file=sys.stderr)
        return None
    if arguments.names:
        return list(arguments.names)
    return [letter.name for letter in letters.find(code=arguments.code, prefix=arguments.prefix)]


def _line_of(letter: DeadLetter) -> str:
    return "\t".join((moment(letter.failed_at_ms), letter.code, printable(letter.name), printable(letter.message)))
