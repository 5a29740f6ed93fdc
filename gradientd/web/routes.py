"""Which path is answered by what, and who may ask for it.

It refuses to answer anything at length itself: the page, the API and the actions do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus

from gevent.lock import BoundedSemaphore

from gradientd.jobqueue import Queue
from gradientd.web.actions import Actions
from gradientd.web.api import Api
from gradientd.web.app import Access, App, Route
from gradientd.web.assets import Assets
from gradientd.web.exchange import Request, Response
from gradientd.web.guard import Guard, Visitor, session_cookie
from gradientd.web.health import Health
from gradientd.web.page import login_page, problem_page, status_page
from gradientd.web.page.look import Look
from gradientd.web.view import Observer
from gradientd.worker import GradientWorker

ASKERS = 4
"""How many requests ask Redis themselves at once; the others wait, or they would use up the connections."""
CONNECTIONS = ASKERS + 4
"""One more for each that looks for all: health, the history's sampler, the view, the readings for the metrics."""


def make_app(
    worker: GradientWorker, queue: Queue, observer: Observer, health: Health, guard: Guard, logger: logging.Logger
) -> App:
    """The application with all its routes; `queue` is the HTTP side's own."""
    api, actions, assets = Api(queue, observer), Actions(queue, observer), Assets()
    front_door = _FrontDoor(guard, logger)
    turns = BoundedSemaphore(ASKERS)

    def metrics(request: Request) -> Response:
        instruments = worker.instruments
        body, content_type = instruments.metrics.exposition(
            instruments.readings(), observer.queue_readings(), request.header("Accept")
        )
        return Response(body, content_type)

    def page(request: Request, visitor: Visitor) -> Response:
        look = Look(observer.view(), visitor, request.query.get("code", ""))
        return Response.of_html(status_page(look, request.query.get("done", "")))

    routes = {
        "/livez": {"GET": _open(lambda _: health.livez())},
        "/readyz": {"GET": _open(lambda _: health.readyz())},
        "/health": {"GET": _open(lambda _: health.health())},
        "/metrics": {"GET": _open(metrics)},
        "/static/*": {"GET": _open(assets.get)},
        "/login": {"GET": _open(front_door.show), "POST": Route(Access.ANYBODY, front_door.enter)},
        "/logout": {"POST": _change(front_door.leave)},
        "/": {"GET": _look(page)},
        "/api/status": {"GET": _look(api.status)},
        "/api/fleet": {"GET": _look(api.fleet)},
        "/api/recent": {"GET": _in_turn(turns, _look(api.recent))},
        "/api/dead": {"GET": _in_turn(turns, _look(api.dead))},
        "/api/sections": {"GET": _look(api.sections)},
        "/api/pause": {"POST": _in_turn(turns, _change(actions.pause))},
        "/api/resume": {"POST": _in_turn(turns, _change(actions.resume))},
        "/api/dead/retry": {"POST": _in_turn(turns, _change(actions.retry))},
        "/api/dead/purge": {"POST": _in_turn(turns, _change(actions.purge))},
    }
    return App(routes, guard, ask_for_token=front_door.ask, problem_page=problem_page, logger=logger)


class _FrontDoor:
    """Where the token is shown, and given back."""

    def __init__(self, guard: Guard, logger: logging.Logger) -> None:
        self._guard = guard
        self._logger = logger

    def show(self, request: Request) -> Response:
        """The form, or the page itself for who needs none."""
        return Response.see_other("/") if self._guard.visitor(request) else Response.of_html(login_page())

    def ask(self, request: Request) -> Response:
        """The form in the place of what was asked for."""
        return Response.of_html(login_page(), HTTPStatus.UNAUTHORIZED)

    def enter(self, request: Request, visitor: Visitor, form: Mapping[str, str]) -> Response:
        """Begin a session for who has the token."""
        self._guard.check_site(request)
        session = self._guard.session_for(form.get("token", ""))
        if session is None:
            self._logger.warning("A wrong token was shown at the status page's login", extra={"from": request.client})
            return Response.of_html(login_page("This is not the token."), HTTPStatus.UNAUTHORIZED)
        return Response.see_other("/", (session_cookie(session, request),))

    def leave(self, request: Request, form: Mapping[str, str]) -> Response:
        """End the session in this browser."""
        return Response.see_other("/login", (session_cookie("", request, max_age_s=0),))


def _open(handle: Callable[[Request], Response]) -> Route:
    return Route(Access.ANYBODY, lambda request, visitor, form: handle(request))


def _look(handle: Callable[[Request, Visitor], Response]) -> Route:
    return Route(Access.LOOK, lambda request, visitor, form: handle(request, visitor))


def _change(handle: Callable[[Request, Mapping[str, str]], Response]) -> Route:
    return Route(Access.CHANGE, lambda request, visitor, form: handle(request, form))


def _in_turn(turns: BoundedSemaphore, route: Route) -> Route:
    def handle(request: Request, visitor: Visitor, form: Mapping[str, str]) -> Response:
        with turns:
            return route.handle(request, visitor, form)

    return Route(route.access, handle)
