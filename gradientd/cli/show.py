"""`gradientd show KEY|FILE`: a stored result, or a local picture put through the pipeline, as one sees it.

It refuses to write anything to Redis or the bucket, for a local picture to need either, and to import what it does not
need: redis and numpy each take as long as all the rest.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradientd.cli.exits import Exit
from gradientd.cli.wording import printable
from gradientd.errors import ImageError, SettingsError
from gradientd.jsontext import to_json
from gradientd.model import Result, Status, collides_with_queue_keys
from gradientd.settings import parse_local_env, terminal_colours


def run(arguments: argparse.Namespace) -> int:
    """Show what the argument names: the file of that name where there is one, else the stored result."""
    path = Path(arguments.name)
    if not arguments.stored and _is_there(path):
        return _show_file(path, arguments)
    return _show_stored(arguments.name, arguments)


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long for a file name, or with a NUL in it: a storage key may be either
        return False


def _show_file(path: Path, arguments: argparse.Namespace) -> int:
    """As a worker would do it, by the same limits and extra fields, in this process."""
    from gradientd.imaging import Limits, generate_gradient
    from gradientd.imaging.limits import check_bytes
    from gradientd.imaging.preview import make_preview

    settings = parse_local_env()
    limits = Limits.from_settings(settings)
    began_ms = _now_ms()
    try:
        check_bytes(path.stat().st_size, limits)
        data = path.read_bytes()
        gradient = generate_gradient(data, limits, extras=settings.extras).as_dict()
        took_ms = _now_ms() - began_ms
        preview = make_preview(data, limits) if arguments.html else None
    except ImageError as exc:
        return _complain(f"{printable(path)}: {exc}")
    except OSError as exc:
        return _complain(f"{printable(path)} cannot be read: {exc.strerror}")
    if arguments.json:
        result = Result(Status.COMPLETED, 1, began_ms, began_ms + took_ms, gradient=gradient)
        print(to_json(result.as_dict()))
    else:
        _print(path.name, gradient, arguments, byte_count=len(data), preview=preview, took_ms=took_ms)
    return Exit.DONE


def _show_stored(key: str, arguments: argparse.Namespace) -> int:
    try:
        text = _stored_json(key)
    except SettingsError as exc:
        if arguments.stored:
            raise
        no_file = f"there is no file {printable(key)}, so a stored result is looked for, and for that"
        raise SettingsError([no_file, *exc.problems]) from None
    if text is None:
        return _complain(f"there is no {'' if arguments.stored else 'file and no '}stored result {printable(key)}")
    if arguments.json:
        print(text)
    try:
        result = Result.parse(text)
    except ValueError:
        return _complain(f"what is stored for {printable(key)} is not a result")
    if result.gradient is None:
        reason = "" if result.last_error is None else f": {printable(result.last_error)}"
        return _complain(f"{printable(key)} has no gradient, its result is {result.status}{reason}")
    if not arguments.json:
        _print(printable(key), result.gradient, arguments)
    return Exit.DONE


def _stored_json(key: str) -> str | None:
    """The stored text; None where nothing is stored or nothing can be. Raises SettingsError, RedisUnavailable."""
    from gradientd.cli.connection import open_queue

    try:
        key.encode()
    except UnicodeEncodeError:
        return None
    queue = open_queue()
    try:
        return None if collides_with_queue_keys(key) else queue.result_json(key)
    finally:
        queue.close()


def _print(
    name: str,
    gradient: Mapping[str, Any],
    arguments: argparse.Namespace,
    *,
    byte_count: int | None = None,
    preview: Any = None,
    took_ms: int | None = None,
) -> None:
    """As a page, in colour or in plain text; what is not known of a stored result is left out."""
    from gradientd.cli.page import Shown, render_page
    from gradientd.cli.portrait import plain_lines, portrait_lines

    shown = Shown(name, "", byte_count, gradient, None, preview, took_ms)
    if arguments.html:
        print(render_page([shown]), end="")
        return
    colours = terminal_colours() if sys.stdout.isatty() else 0
    for line in portrait_lines(shown, colours) if colours else plain_lines(shown):
        print(line)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _complain(sentence: str) -> int:
    print(f"gradientd: {sentence}", file=sys.stderr)
    return Exit.SOME_FAILED
