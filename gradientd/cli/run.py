"""`gradientd` and `gradientd --once`: the worker as a process.

It refuses to know how a worker works: it starts one, hands it the signals and turns its end into an exit code.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from logging import Logger

import gevent

from gradientd.cli.exits import Exit
from gradientd.cli.health import default_heartbeat_file
from gradientd.cli.progress import show_progress
from gradientd.cli.summary import show_summaries
from gradientd.logs import create_logger
from gradientd.settings import Settings, parse_env, terminal_colours
from gradientd.worker import GradientWorker
from gradientd.worker.drain import Drained


def run(arguments: argparse.Namespace) -> int:
    """Run the daemon until a signal, or drain the queue once."""
    settings = parse_env()
    if settings.heartbeat_file is None and not arguments.once:
        settings = dataclasses.replace(settings, heartbeat_file=default_heartbeat_file())
    logger = create_logger(settings.log_level, settings.log_format, is_coloured=terminal_colours() > 0)
    worker = GradientWorker(None, logger, settings)
    code = _drain(worker, logger) if arguments.once else _serve(worker, logger, settings)
    _end_at_once_if_threads_are_lost(worker, code)
    return code


def _serve(worker: GradientWorker, logger: Logger, settings: Settings) -> int:
    with _http_server(worker, logger, settings), show_summaries(worker, logger, settings.summary_interval_s):
        _stop_on_signals(worker, logger)
        worker.start()
        worker.wait()
    return Exit.SOFTWARE if worker.failure else Exit.DONE


@contextmanager
def _http_server(worker: GradientWorker, logger: Logger, settings: Settings) -> Iterator[None]:
    """Serve health, metrics and the status page, where asked for, from before the worker's start to after its end."""
    if settings.http_addr is None:
        yield
        return
    from gradientd.web import StatusServer

    server = StatusServer(worker, settings, logger)
    server.start()
    try:
        yield
    finally:
        server.stop()


def _drain(worker: GradientWorker, logger: Logger) -> int:
    worker.check_dependencies()
    _stop_on_signals(worker, logger)
    worker.start()
    with show_progress(worker, logger):
        drained = worker.drain()
    if drained.stopped_by == "stopped":
        worker.wait()
    else:
        worker.stop()
    logger.info("Queue drained" if drained.stopped_by is None else "Queue not drained", extra=_summary(drained))
    if worker.failure:
        return Exit.SOFTWARE
    if drained.stopped_by in ("paused", "outage"):
        return Exit.TRY_LATER
    return Exit.SOME_FAILED if drained.failed else Exit.DONE


def _summary(drained: Drained) -> dict[str, object]:
    return {
        "completed": drained.completed,
        "failed": drained.failed,
        **({"liveElsewhere": drained.live_elsewhere} if drained.live_elsewhere else {}),
        **({"stoppedBy": drained.stopped_by} if drained.stopped_by else {}),
    }


def _stop_on_signals(worker: GradientWorker, logger: Logger) -> None:
    """The first SIGTERM or SIGINT begins a graceful stop, the second ends the grace time."""

    def on_signal(number: int) -> None:
        logger.info("Signal received", extra={"signal": signal.Signals(number).name})
        gevent.spawn(worker.stop)

    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, on_signal, number)


def _end_at_once_if_threads_are_lost(worker: GradientWorker, code: int) -> None:
    """A lost thread would keep the interpreter from ending."""
    if worker.lost_threads:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
