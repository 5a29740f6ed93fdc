"""`gradientd demo`: real pictures through a real Valkey and a real S3 server, by the ordinary worker.

It refuses to take a short cut: what it shows was read back from the queue's results.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import gevent
from gevent.threadpool import ThreadPool

from gradientd.cli.exits import Exit
from gradientd.cli.page import Shown, render_page
from gradientd.cli.progress import show_progress
from gradientd.cli.swatches import gradient_bar, swatch
from gradientd.embedded import S3, Valkey, open_bucket
from gradientd.errors import ImageError
from gradientd.imaging.gallery import SAMPLES
from gradientd.imaging.preview import Preview, make_preview
from gradientd.jobqueue import Connector, Queue
from gradientd.logs import create_logger
from gradientd.model import Status
from gradientd.settings import Settings, terminal_colours
from gradientd.storage import Storage
from gradientd.worker import GradientWorker

MOST_PICTURES = 200
"""More would make a page that no browser likes."""
_JPEG, _JPEG_2000 = (".jfif", ".jpe", ".jpeg", ".jpg"), (".j2k", ".jp2")
SUFFIXES = (*_JPEG, *_JPEG_2000, ".avif", ".gif", ".heic", ".heif", ".jxl", ".png", ".tif", ".tiff", ".webp")
"""What is taken from a folder; a file that is named is taken whatever it is called."""
NAME_WIDTH, BAR_WIDTH = 24, 12
"""With the codes and five swatches a line of 80 columns."""


@dataclasses.dataclass(frozen=True, slots=True)
class Picture:
    """One picture to send: what people call it, what is worth saying of its file, its bytes."""

    name: str
    note: str
    data: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Sent:
    """One picture that is in the bucket, and what the page needs of it; its bytes are not kept."""

    name: str
    note: str
    byte_count: int
    preview: Preview | None


def run(arguments: argparse.Namespace) -> int:
    """Run the demo as the command line asks; Ctrl-C ends it, and its servers with it."""
    # By the loop, since Python's own handler may strike inside a callback, where the interrupt would be lost.
    gevent.signal_handler(signal.SIGINT, gevent.kill, gevent.getcurrent(), KeyboardInterrupt)
    return run_demo(arguments.pictures, Path(arguments.out))


def run_demo(arguments: Sequence[str], out: Path, stream: TextIO | None = None) -> int:
    """Send the pictures (files and folders; none: painted ones) through both servers and show what came of them.

    Writes a table to `stream` (stdout) and a page to `out`; returns the exit code. Raises EmbeddedServerMissing or
    another DependencyError.
    """
    stream = stream or sys.stdout
    if not out.parent.is_dir():
        return _complain(f"there is no folder {str(out.parent)!r} to write the page to")
    if out.is_dir() or not os.access(out if out.exists() else out.parent, os.W_OK):
        return _complain(f"the page cannot be written to {str(out)!r}: name a file that can")
    missing = [argument for argument in arguments if not Path(argument).exists()]
    if missing:
        return _complain(f"there is no file or folder {missing[0]!r}")
    paths = list(find_pictures(arguments))
    if arguments and not paths:
        return _complain("there is no picture in what was named")
    if len(paths) > MOST_PICTURES:
        print(f"Taking the first {MOST_PICTURES} of {len(paths)} pictures.", file=stream)
        del paths[MOST_PICTURES:]
    print("Starting a Valkey and an S3 server on this machine …", file=stream)
    with Valkey() as valkey, S3() as s3:
        settings = open_bucket(valkey, s3, concurrency=2 * (os.cpu_count() or 1), max_retries=0, once_max_wait_s=30)
        if not paths:
            print(f"Painting {len(SAMPLES)} pictures …", file=stream)
        sent = dict(_upload(Storage(settings), read_pictures(paths) if paths else paint_pictures()))
        seconds = _work(settings, list(sent))
        shown = list(_read_results(settings, sent))
    for line in describe(shown, colours=terminal_colours() if stream.isatty() else 0):
        print(line, file=stream)
    out.write_text(render_page(shown, seconds), encoding="utf-8")
    print(f"\nThe page: {out.resolve().as_uri()}", file=stream)
    is_whole = len(shown) >= len(paths) and all(item.is_completed for item in shown)
    return Exit.DONE if is_whole else Exit.SOME_FAILED


def find_pictures(arguments: Sequence[str]) -> Iterator[Path]:
    """The files that are named, and the pictures of the folders that are named, theirs within them included."""
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            yield from sorted(f for f in path.rglob("*") if f.name.lower().endswith(SUFFIXES) and f.is_file())
        else:
            yield path


def read_pictures(paths: Sequence[Path]) -> Iterator[Picture]:
    """Their bytes; one that cannot be read is told of and left out."""
    for path in paths:
        try:
            yield Picture(_printable(path.name), "", path.read_bytes())
        except OSError as exc:
            _complain(f"{str(path)!r} cannot be read: {exc.strerror}")


def paint_pictures() -> Iterator[Picture]:
    """The samples, painted side by side: no more at once than cores, so that an interrupt need not wait for all."""
    cores = os.cpu_count() or 1
    pool = ThreadPool(cores)
    try:
        painted = pool.imap(lambda sample: sample.paint(), SAMPLES, maxsize=cores)
        for sample, data in zip(SAMPLES, painted, strict=True):
            yield Picture(sample.name, sample.note, data)
    finally:
        pool.kill()


def describe(shown: Sequence[Shown], *, colours: int) -> Iterator[str]:
    """The table's lines: swatches in as many colours as the terminal has, or hex codes where it has none."""
    yield ""
    for item in shown:
        name = item.name if len(item.name) <= NAME_WIDTH else item.name[: NAME_WIDTH - 1] + "…"
        gradient = item.gradient
        if gradient is None:
            yield f"  {name:<{NAME_WIDTH}}  failed: {item.last_error}"
        elif colours:
            bar = gradient_bar(gradient["primary"], gradient["secondary"], BAR_WIDTH, colours)
            palette = " ".join(swatch(colour, colours=colours) for colour in gradient["palette"])
            codes = f"{gradient['primary']} → {gradient['secondary']}"
            yield f"  {name:<{NAME_WIDTH}}  {bar}  {codes}  {palette}"
        else:
            palette = " ".join(gradient["palette"])
            yield f"  {name:<{NAME_WIDTH}}  {gradient['primary']} -> {gradient['secondary']}  palette {palette}"
    completed = sum(item.is_completed for item in shown)
    yield f"\n{completed} of {len(shown)} completed."


def _upload(storage: Storage, pictures: Iterator[Picture]) -> Iterator[tuple[str, Sent]]:
    for number, picture in enumerate(pictures, 1):
        key = f"demo/{number:03}-{picture.name[:60]}"
        storage.put(key, picture.data, "application/octet-stream")
        try:
            preview = make_preview(picture.data)
        except ImageError:
            preview = None
        yield key, Sent(picture.name, picture.note, len(picture.data), preview)
    storage.close()


def _work(settings: Settings, keys: Sequence[str]) -> float:
    """Put the keys into the queue and drain it; returns the seconds that the drain took."""
    logger = create_logger("fatal", "pretty", sys.stderr)
    worker = GradientWorker(None, logger, settings)
    for key in keys:
        worker.enqueue_job({"guildId": "demo", "galleryName": "demo", "storageKey": key, "itemId": key})
    began = time.monotonic()
    worker.start()
    try:
        with show_progress(worker, logger):
            worker.drain()
        return time.monotonic() - began
    finally:
        worker.stop(0.0)


def _read_results(settings: Settings, sent: dict[str, Sent]) -> Iterator[Shown]:
    queue = Queue(Connector.from_settings(settings).client(socket_timeout_s=5.0, max_connections=1))
    took_ms = {recent.storage_key: recent.processing_ms for recent in queue.recent()}
    for key, picture in sent.items():
        result = queue.result(key)
        gradient = result.gradient if result and result.status is Status.COMPLETED else None
        yield Shown(
            name=picture.name,
            note=picture.note,
            byte_count=picture.byte_count,
            gradient=gradient,
            last_error=None if gradient else (result and result.last_error) or "It was not worked on.",
            preview=picture.preview,
            took_ms=took_ms.get(key),
        )
    queue.close()


def _printable(name: str) -> str:
    """A file name without what would move a terminal's cursor or is not text."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)


def _complain(sentence: str) -> int:
    print(f"gradientd: {sentence}", file=sys.stderr)
    return Exit.USAGE
