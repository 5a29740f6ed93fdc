"""The arguments of `gradientd` and the way from them to a command.

It refuses to import a command before it is asked for: `--help` and `health` stay quick.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

import gradientd
from gradientd.cli.exits import Exit
from gradientd.errors import DependencyError, GradientdError, SettingsError

DESCRIPTION = """\
Turns the pictures of a gallery into colour gradients and blur placeholders.

Without a command it runs the worker: it takes jobs from a Redis queue, reads each picture from an
S3-compatible bucket, and stores palette, gradient, foreground colour and placeholder in Redis, until
SIGTERM or SIGINT. The jobs in hand may then finish; a second signal hands them back at once.
"""
EPILOG = """\
required settings (environment):
  REDIS_URL            redis://, rediss://, unix:// or redis+sentinel://host:port,host:port/service/db
  S3_ENDPOINT          https://s3.example.com
  S3_ACCESS_KEY        S3_SECRET_KEY        MASTER_BUCKET_NAME
  A secret can come from a file: REDIS_URL_FILE, S3_ACCESS_KEY_FILE, S3_SECRET_KEY_FILE.
some of the others (the README has them all):
  GRADIENT_WORKER_CONCURRENCY  jobs at once (2)
  GRADIENT_JOB_MAX_RETRIES     retries after the first attempt (3)
  LOG_LEVEL                    trace, debug, info, warn, error, fatal (info)

exit codes:
  0  done                      69  Redis or the bucket cannot be reached
  1  some job failed for good  70  the worker must be restarted
  2  wrong usage               75  try later: paused, or an outage
                               78  wrong settings

examples:
  gradientd demo                          watch it work, nothing else needed
  gradientd --once                        empty the queue, then exit
  gradientd enqueue photos/2024/lake.jpg  put a picture into the queue
  gradientd COMMAND --help                more about one command
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = _parser().parse_args(argv)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gradientd", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"gradientd {gradientd.__version__}")
    parser.add_argument(
        "--once", action="store_true", help="drain the queue and the retries scheduled on the way, then exit"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    _add_enqueue(commands)
    _add_demo(commands)
    _add_health(commands)
    return parser


def _add(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str, example: str) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_enqueue(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add(
        commands, "enqueue", "put objects of the bucket into the queue", "gradientd enqueue photos/lake.jpg"
    )
    parser.add_argument("keys", nargs="+", metavar="KEY", help="storage key of a picture; - reads them from stdin")
    parser.add_argument("--guild", default="local", help="the job's guildId (%(default)s)")
    parser.add_argument("--gallery", default="default", help="the job's galleryName (%(default)s)")


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add(
        commands, "demo", "send pictures through real servers on this machine", "gradientd demo ~/Pictures"
    )
    parser.add_argument("pictures", nargs="*", metavar="FILE", help="pictures or folders (default: a few painted ones)")
    parser.add_argument("--out", default="gradientd-demo.html", metavar="FILE", help="the page to write (%(default)s)")


def _add_health(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    _add(commands, "health", "say whether the worker of this container is alive", "gradientd health")
