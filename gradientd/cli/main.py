"""The way from the arguments of `gradientd` to a command, and from an error to an exit code.

It refuses to import a command before it is asked for: `--help` and `health` stay quick.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from gradientd.cli.arguments import make_parser
from gradientd.cli.exits import Exit
from gradientd.errors import DependencyError, GradientdError, SettingsError

INTERRUPTED = 128 + signal.SIGINT
"""As shells tell it; whoever closes the pipe that we write into has seen enough, too."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    if sys.stdout is None:  # whoever started us has closed it
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - as long as the process
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a key may hold letters that the locale's encoding lacks
    parser = make_parser()
    arguments = parser.parse_args(argv)
    if arguments.once and arguments.command:
        parser.error(f"--once is for the worker: it goes with no command, not with {arguments.command}")
    try:
        code = int(_command(arguments.command)(arguments))
        sys.stdout.flush()
        return code
    except SettingsError as exc:
        print("gradientd: the settings are wrong:", *exc.problems, sep="\n  ", file=sys.stderr)
        return Exit.WRONG_SETTINGS
    except DependencyError as exc:
        print(f"gradientd: {exc}", file=sys.stderr)
        return Exit.UNAVAILABLE
    except GradientdError as exc:
        print(f"gradientd: {exc}", file=sys.stderr)
        return Exit.SOME_FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left would only be complained of
        return INTERRUPTED
    except KeyboardInterrupt:
        return INTERRUPTED


def _command(name: str | None) -> Callable[[argparse.Namespace], int]:
    command: Callable[[argparse.Namespace], int] = import_module(f"gradientd.cli.{name or 'run'}").run
    return command
