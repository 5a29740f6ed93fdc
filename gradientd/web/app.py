"""From a request to its handler: routes, who may use them, and what every answer carries.

It refuses to know what a handler says; it only sees to it that nothing else gets in or out.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from gradientd.errors import RedisUnavailable
from gradientd.web.exchange import Environ, Refusal, Request, Response, StartResponse, wants_html
from gradientd.web.guard import FORM_FIELD, STRANGER, Guard, Visitor

SECURITY_HEADERS = (
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)


class Access(enum.Enum):
    """Who may use a route."""

    ANYBODY = "anybody"
    LOOK = "look"
    """Who has the token, where one is set."""
    CHANGE = "change"
    """The same, and nobody in their name."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path; `handle` gets the request, who asks, and the form that was posted."""

    access: Access
    handle: Callable[[Request, Visitor, Mapping[str, str]], Response]


Routes = Mapping[str, Mapping[str, Route]]
"""Path -> method -> route; a path that ends with `/*` stands for all below it."""


class App:
    """The WSGI application.

    `ask_for_token` answers a browser whose user must show the token first, `problem_page` makes a sentence a page.
    """

    def __init__(
        self,
        routes: Routes,
        guard: Guard,
        *,
        ask_for_token: Callable[[Request], Response],
        problem_page: Callable[[str], str],
        logger: logging.Logger,
    ) -> None:
        self._routes = routes
        self._guard = guard
        self._login = ask_for_token
        self._problem_page = problem_page
        self._logger = logger

    def __call__(self, environ: Environ, start_response: StartResponse) -> list[bytes]:
        """Answer one request; raises nothing."""
        response = self._respond(environ)
        headers = [
            ("Content-Type", response.content_type),
            *SECURITY_HEADERS,
            *response.headers,
        ]
        if response.status is not HTTPStatus.NOT_MODIFIED:  # where it would be the whole file's length
            headers.append(("Content-Length", str(len(response.body))))
        if not any(name == "Cache-Control" for name, _ in response.headers):
            headers.append(("Cache-Control", "no-store"))
        start_response(f"{response.status.value} {response.status.phrase}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [response.body]

    def _respond(self, environ: Environ) -> Response:
        try:
            request = Request.of(environ)
            self._guard.check_host(request)
            return self._dispatch(request)
        except Refusal as exc:
            return self._problem(environ, exc.status, str(exc), exc.headers)
        except RedisUnavailable as exc:
            return self._problem(environ, HTTPStatus.SERVICE_UNAVAILABLE, str(exc))
        except Exception:  # the boundary that keeps a surprise from the client's eyes
            self._logger.exception("An unforeseen error in an HTTP request")
            return self._problem(environ, HTTPStatus.INTERNAL_SERVER_ERROR, "An unforeseen error; the log has it.")

    def _problem(
        self, environ: Environ, status: HTTPStatus, sentence: str, headers: tuple[tuple[str, str], ...] = ()
    ) -> Response:
        if wants_html(environ):
            return Response.of_html(self._problem_page(sentence), status, headers)
        return Response.of_json({"error": sentence}, status, headers)

    def _dispatch(self, request: Request) -> Response:
        route = self._route(request)
        if route.access is Access.ANYBODY:
            return route.handle(request, STRANGER, request.form() if request.method == "POST" else {})
        visitor = self._guard.visitor(request)
        if visitor is None:
            return self._ask_for_token(request)
        if route.access is Access.LOOK:
            return route.handle(request, visitor, {})
        form = request.form()
        self._guard.check_change(request, visitor, form.get(FORM_FIELD, ""))
        return route.handle(request, visitor, form)

    def _route(self, request: Request) -> Route:
        folder = request.path.rpartition("/")[0]
        methods = self._routes.get(request.path) or self._routes.get(f"{folder}/*")
        if methods is None:
            raise Refusal(HTTPStatus.NOT_FOUND, "There is nothing here.")
        if request.method not in methods:
            allowed = ", ".join(sorted({*methods, *(("HEAD",) if "GET" in methods else ())}))
            raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"Only {allowed} is allowed here.", [("Allow", allowed)])
        return methods[request.method]

    def _ask_for_token(self, request: Request) -> Response:
        if request.wants_html and request.method == "GET":
            return self._login(request)
        raise Refusal(
            HTTPStatus.UNAUTHORIZED,
            "Send the token of GRADIENT_HTTP_TOKEN as `Authorization: Bearer …`.",
            [("WWW-Authenticate", 'Bearer realm="gradientd"')],
        )
