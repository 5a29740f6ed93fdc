"""How far `--once` is: a bar on a terminal, a log line every few seconds elsewhere.

It refuses to be exact about the total: others may add and take jobs meanwhile.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from logging import Logger
from typing import Any

import gevent
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from gradientd.errors import RedisUnavailable
from gradientd.worker import GradientWorker

BAR_INTERVAL_S = 0.2
LINE_INTERVAL_S = 5.0


@contextmanager
def show_progress(worker: GradientWorker, logger: Logger) -> Iterator[None]:
    """Show the worker's progress until the block ends."""
    is_terminal = sys.stderr.isatty()
    with logging_redirect_tqdm([logger]) if is_terminal else nullcontext():  # lines go above the bar
        teller = gevent.spawn(_draw_bar, worker) if is_terminal else gevent.spawn(_write_lines, worker, logger)
        try:
            yield
        finally:
            teller.kill()


def _draw_bar(worker: GradientWorker) -> None:
    bar: tqdm[Any]
    with tqdm(total=0, unit=" pictures", file=sys.stderr, dynamic_ncols=True) as bar:
        try:
            while True:
                _update(bar, worker)
                gevent.sleep(BAR_INTERVAL_S)
        finally:
            _update(bar, worker, remaining=0)


def _update(bar: tqdm[Any], worker: GradientWorker, remaining: int | None = None) -> None:
    stats = worker.get_stats()
    done = stats.jobs_processed + stats.jobs_failed
    try:
        left = _remaining(worker) if remaining is None else remaining
    except RedisUnavailable:
        return
    bar.total = done + left
    bar.n = done
    bar.set_postfix(failed=stats.jobs_failed, refresh=False)
    bar.refresh()


def _write_lines(worker: GradientWorker, logger: Logger) -> None:
    while True:
        gevent.sleep(LINE_INTERVAL_S)
        stats = worker.get_stats()
        try:
            left = _remaining(worker)
        except RedisUnavailable:
            continue
        logger.info(
            "Draining", extra={"completed": stats.jobs_processed, "failed": stats.jobs_failed, "remaining": left}
        )


def _remaining(worker: GradientWorker) -> int:
    return worker.get_queue_length() + worker.get_delayed_count() + worker.get_stats().active_jobs
