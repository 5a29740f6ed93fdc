"""The way from the arguments of `gradientd` to a command, and from an error to an exit code.

It refuses to import a command before it is asked for: `--help` and `health` stay quick.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from gradientd.cli.arguments import make_parser
from gradientd.cli.exits import Exit
from gradientd.errors import DependencyError, GradientdError, SettingsError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = make_parser().parse_args(argv)
    try:
        return int(_command(arguments.command)(arguments))
    except SettingsError as exc:
        print("gradientd: the settings are wrong:", *exc.problems, sep="\n  ", file=sys.stderr)
        return Exit.WRONG_SETTINGS
    except DependencyError as exc:
        print(f"gradientd: {exc}", file=sys.stderr)
        return Exit.UNAVAILABLE
    except GradientdError as exc:
        print(f"gradientd: {exc}", file=sys.stderr)
        return Exit.SOME_FAILED
    except (KeyboardInterrupt, BrokenPipeError):
        return 130


def _command(name: str | None) -> Callable[[argparse.Namespace], int]:
    command: Callable[[argparse.Namespace], int] = import_module(f"gradientd.cli.{name or 'run'}").run
    return command
