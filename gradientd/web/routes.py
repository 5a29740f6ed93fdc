"""Which path is answered by what, and who may ask for it.

It refuses to answer anything itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from gradientd.web.app import Access, App, Route
from gradientd.web.exchange import Request, Response
from gradientd.web.guard import Guard
from gradientd.web.health import Health
from gradientd.web.view import Observer
from gradientd.worker import GradientWorker


def make_app(
    worker: GradientWorker, observer: Observer, health: Health, guard: Guard, logger: logging.Logger
) -> App:
    """The application with all its routes."""

    def metrics(request: Request) -> Response:
        instruments = worker.instruments
        body, content_type = instruments.metrics.exposition(
            instruments.readings(), observer.queue_readings(), request.header("Accept")
        )
        return Response(body, content_type)

    routes = {
        "/livez": {"GET": _open(lambda _: health.livez())},
        "/readyz": {"GET": _open(lambda _: health.readyz())},
        "/health": {"GET": _open(lambda _: health.health())},
        "/metrics": {"GET": _open(metrics)},
    }
    return App(routes, guard, lambda _: Response.of_html(""), logger)


def _open(handle: Callable[[Request], Response]) -> Route:
    return Route(Access.ANYBODY, lambda request, visitor, form: handle(request))
