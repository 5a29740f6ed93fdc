"""Every command's arguments and help.

It refuses to do anything with them.
"""

from __future__ import annotations

import argparse
import textwrap
from typing import TypeAlias

import gradientd

_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

HELP_WIDTH = 80
DESCRIPTION = """\
Turns the pictures of a gallery into colour gradients and blur placeholders.

Without a command it runs the worker: it takes jobs from a Redis queue, reads
each picture from an S3-compatible bucket, and stores palette, gradient,
foreground colour and placeholder in Redis, until SIGTERM or SIGINT. The jobs in
hand may then finish; a second signal hands them back at once.
"""
EPILOG = """\
required settings (environment):
  REDIS_URL            redis://, rediss://, unix:// or
                       redis+sentinel://host:port,host:port/service/db
  S3_ENDPOINT          https://s3.example.com
  S3_ACCESS_KEY        S3_SECRET_KEY        MASTER_BUCKET_NAME
  A secret can come from a file: REDIS_URL_FILE, S3_ACCESS_KEY_FILE,
  S3_SECRET_KEY_FILE.
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
  gradientd demo                     watch it work, nothing else needed
  gradientd --once                   empty the queue, then exit
  gradientd enqueue photos/lake.jpg  put a picture into the queue
  gradientd show lake.jpg            what it makes, or has, of a picture
  gradientd COMMAND --help           more about one command
"""


def make_parser() -> argparse.ArgumentParser:
    """The parser of `gradientd` and of all its commands."""
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
    _add_failed(commands)
    _add_explain(commands)
    _add_info(commands)
    _add_show(commands)
    _add_pause(commands)
    _add_resume(commands)
    _add_health(commands)
    _add_completion(commands)
    _add_doctor(commands)
    return parser


def _add(commands: _Commands, name: str, summary: str, example: str) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=summary,
        description=textwrap.fill(summary[0].upper() + summary[1:] + ".", HELP_WIDTH),
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_enqueue(commands: _Commands) -> None:
    parser = _add(
        commands,
        "enqueue",
        "put objects of the bucket into the queue",
        "gradientd enqueue photos/lake.jpg\n"
        "  gradientd enqueue --prefix photos/ --missing     whatever has no result yet",
    )
    parser.add_argument("keys", nargs="*", metavar="KEY", help="storage key of a picture; - reads them from stdin")
    parser.add_argument("--prefix", metavar="PREFIX", help="instead of keys: all objects whose key begins so")
    parser.add_argument("--missing", action="store_true", help="with --prefix: skip those that have a result")
    parser.add_argument("--start-after", metavar="KEY", help="with --prefix: go on after this key")
    parser.set_defaults(refuse=parser.error)
    parser.add_argument("--guild", default="local", help="the job's guildId (%(default)s)")
    parser.add_argument("--gallery", default="default", help="the job's galleryName (%(default)s)")


def _add_failed(commands: _Commands) -> None:
    parser = _add(
        commands,
        "failed",
        "list, show, retry or purge the jobs that failed for good",
        "gradientd failed list --code object_missing --prefix lakes/\n"
        "  gradientd failed show lakes/como.jpg\n"
        "  gradientd failed retry --all",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, title="actions")
    listing = _add(
        actions, "list", "list them, a line each, the newest first", "gradientd failed list --json --limit 1000"
    )
    showing = _add(actions, "show", "show one of them, whole", "gradientd failed show lakes/como.jpg --json")
    showing.add_argument("name", metavar="NAME", help="storage key, or the name that `list` shows")
    retrying = _add(
        actions,
        "retry",
        "put them into the queue again, with all their attempts",
        "gradientd failed retry lakes/como.jpg\n  gradientd failed retry --code object_missing",
    )
    purging = _add(actions, "purge", "forget them for good", "gradientd failed purge --prefix old/")
    for action in (retrying, purging):
        action.add_argument("names", nargs="*", metavar="NAME", help="storage keys, or the names that `list` shows")
        action.add_argument("--all", action="store_true", help="all of them")
    for action in (listing, retrying, purging):
        action.add_argument("--code", metavar="CODE", help="only those with this error code, such as object_missing")
        action.add_argument("--prefix", metavar="PREFIX", help="only those whose storage key begins so")
    listing.add_argument("--limit", type=_count, default=100, metavar="N", help="at most so many (%(default)s)")
    for action in (listing, showing):
        action.add_argument("--json", action="store_true", help="as JSON, one object a line")


def _add_demo(commands: _Commands) -> None:
    parser = _add(
        commands, "demo", "send pictures through real servers on this machine", "gradientd demo ~/Pictures"
    )
    parser.add_argument("pictures", nargs="*", metavar="FILE", help="pictures or folders (default: a few painted ones)")
    parser.add_argument("--out", default="gradientd-demo.html", metavar="FILE", help="the page to write (%(default)s)")


def _add_health(commands: _Commands) -> None:
    _add(commands, "health", "say whether the worker of this container is alive", "gradientd health")


def _add_doctor(commands: _Commands) -> None:
    parser = _add(
        commands,
        "doctor",
        "look whether settings, Redis, bucket, codecs and limits are as gradientd needs them, and say what helps",
        "gradientd doctor\n"
        "  gradientd doctor --read lakes/como.jpg --wait 40\n"
        "\n"
        "exit codes:\n"
        "  0  no fault      69  Redis or the bucket does not serve\n"
        "  1  some fault    78  wrong settings",
    )
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.add_argument("--read", metavar="KEY", help="read this object of the bucket too")
    parser.add_argument(
        "--wait", type=_seconds, metavar="SECONDS", help="how long the supervisor waits before it kills the worker"
    )
    parser.add_argument("--supervisord", metavar="FILE", help="its configuration (default: where supervisord looks)")


def _add_explain(commands: _Commands) -> None:
    parser = _add(
        commands,
        "explain",
        "say where a job is, whose lease it has, how often it was tried, when it is due and why it failed",
        "gradientd explain lakes/como.jpg\n  gradientd explain gradient-lakes-como.jpg",
    )
    parser.add_argument(
        "job",
        metavar="JOB",
        help="a job's ID, a picture's storage key, or an inline job's UUID; an inline job is looked for in the first"
        " 10000 elements of each list",
    )
    parser.add_argument("--json", action="store_true", help="as one JSON object")


def _add_info(commands: _Commands) -> None:
    parser = _add(
        commands, "info", "show the queue, the fleet and its pace", "gradientd info\n  gradientd info --watch 5"
    )
    parser.add_argument("--json", action="store_true", help="as one JSON object; with --watch, one a line")
    parser.add_argument(
        "--watch",
        nargs="?",
        type=_seconds,
        const=2.0,
        metavar="SECONDS",
        help="again and again, every so many seconds (%(const)g), until Ctrl-C",
    )


def _add_show(commands: _Commands) -> None:
    parser = _add(
        commands,
        "show",
        "show what is stored of a picture, or what would be made of a local one",
        "gradientd show lakes/como.jpg              what is stored under this key\n"
        "  gradientd show ~/Pictures/como.jpg         a file; no Redis or bucket needed\n"
        "  gradientd show lakes/como.jpg --html > como.html",
    )
    parser.add_argument(
        "name",
        metavar="KEY|FILE",
        help="where there is a file of this name, that file, put through the pipeline here; else a storage key, whose"
        " result is read from Redis",
    )
    parser.add_argument("--stored", action="store_true", help="a storage key, even where there is a file of that name")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the result's JSON, exactly as it is, or would be, stored")
    form.add_argument("--html", action="store_true", help="a page that holds everything it shows")


def _add_pause(commands: _Commands) -> None:
    _add(commands, "pause", "let the whole fleet take no more jobs, until `resume`", "gradientd pause")


def _add_resume(commands: _Commands) -> None:
    _add(commands, "resume", "let the fleet take jobs again", "gradientd resume")


def _seconds(text: str) -> float:
    """A length of time that a person might mean. Raises what argparse turns into a usage error."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"must be a number of seconds, 0.1 or more, not {text!r}")
    return seconds


def _count(text: str) -> int:
    """How many of something. Raises what argparse turns into a usage error."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text)):
        raise argparse.ArgumentTypeError(f"must be a whole number, 1 or more, not {text!r}")
    return int(text)


def _add_completion(commands: _Commands) -> None:
    parser = _add(
        commands,
        "completion",
        "print what lets a shell complete commands and options",
        "bash  gradientd completion bash > ~/.local/share/bash-completion/completions/gradientd\n"
        "  zsh   gradientd completion zsh > ~/.zfunc/_gradientd\n"
        "        with fpath+=~/.zfunc before compinit\n"
        "  fish  gradientd completion fish > ~/.config/fish/completions/gradientd.fish",
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="%(choices)s")
