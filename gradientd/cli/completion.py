"""`gradientd completion SHELL`: the script by which a shell completes commands, options and file names.

It refuses to know any command itself: shtab, which `gradientd[completion]` brings, reads them from the parser.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from gradientd.cli.arguments import make_parser
from gradientd.cli.exits import Exit

_FILES = ("FILE", "KEY|FILE")
"""The metavars of arguments that are completed with file names."""


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    try:
        import shtab
    except ImportError:
        print("gradientd: completion needs the package shtab: pip install 'gradientd[completion]'", file=sys.stderr)
        return Exit.UNAVAILABLE
    parser = make_parser()
    for action in _actions(parser):
        if action.metavar in _FILES:
            setattr(action, "complete", shtab.FILE)  # noqa: B010 - where shtab looks, and argparse knows nothing of it
    print(shtab.complete(parser, shell=arguments.shell))
    return Exit.DONE


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Every argument of the parser and of its commands."""
    for action in parser._actions:
        yield action
        commands: Any = action.choices
        if isinstance(commands, dict):
            for command in commands.values():
                yield from _actions(command)
