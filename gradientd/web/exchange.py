"""One HTTP request and one response, as values.

It refuses to trust a request: what it reads is bounded, and nothing of it is repeated to the client.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import parse_qsl

from gradientd.jsontext import to_json

MAX_BODY_BYTES = 16 * 1024
MAX_FIELDS = 20
Environ = Mapping[str, Any]


class StartResponse(Protocol):
    """WSGI's start_response, as far as it is used here."""

    def __call__(self, status: str, headers: list[tuple[str, str]], /) -> object:
        """Begin the response."""


class Refusal(Exception):
    """The request is answered by a status and one sentence."""

    def __init__(self, status: HTTPStatus, sentence: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = tuple(headers)


@dataclass(frozen=True, slots=True)
class Request:
    """A request; `query` holds the last value of each name. The body is read by `form`."""

    method: str
    path: str
    query: Mapping[str, str]
    environ: Environ = field(repr=False)

    @classmethod
    def of(cls, environ: Environ) -> Request:
        """Read a WSGI environment. Raises Refusal for a query that is too long to be meant."""
        method = "GET" if environ["REQUEST_METHOD"] == "HEAD" else environ["REQUEST_METHOD"]
        return cls(method, environ.get("PATH_INFO") or "/", _fields(environ.get("QUERY_STRING", "")), environ)

    def header(self, name: str) -> str:
        """A header's value, empty when it is absent."""
        return str(self.environ.get("HTTP_" + name.upper().replace("-", "_"), ""))

    def cookie(self, name: str) -> str:
        """A cookie's value, empty when it is absent; the others may be whatever this host's other servers have set."""
        pairs = (pair.strip().partition("=") for pair in self.header("Cookie").split(";"))
        return next((value for key, _, value in pairs if key == name), "")

    @property
    def client(self) -> str:
        """The address that the request came from, for the log."""
        return str(self.environ.get("REMOTE_ADDR", ""))

    @property
    def wants_html(self) -> bool:
        """Whether a browser asks, rather than a program."""
        return wants_html(self.environ)

    def number(self, name: str, default: int, *, most: int) -> int:
        """A whole number of the query from 1 to `most`. Raises Refusal."""
        text = self.query.get(name, "")
        if not text:
            return default
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= most):
            raise Refusal(HTTPStatus.BAD_REQUEST, f"{name} must be a whole number from 1 to {most}.")
        return int(text)

    def form(self) -> Mapping[str, str]:
        """The fields of a form that was posted. Raises Refusal for a body that is none or too long."""
        length = str(self.environ.get("CONTENT_LENGTH") or "0")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A body may hold {MAX_BODY_BYTES} bytes.")
        content_type = str(self.environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()
        if int(length) and content_type != "application/x-www-form-urlencoded":
            raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A body must be application/x-www-form-urlencoded.")
        body: bytes = self.environ["wsgi.input"].read(int(length))
        return _fields(body.decode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class Response:
    """What is sent back."""

    body: bytes
    content_type: str
    status: HTTPStatus = HTTPStatus.OK
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of_json(
        cls, value: Any, status: HTTPStatus = HTTPStatus.OK, headers: tuple[tuple[str, str], ...] = ()
    ) -> Response:
        """JSON for programs."""
        return cls((to_json(value) + "\n").encode(), "application/json", status, headers)

    @classmethod
    def of_html(
        cls, text: str, status: HTTPStatus = HTTPStatus.OK, headers: tuple[tuple[str, str], ...] = ()
    ) -> Response:
        """A page for people; what UTF-8 cannot hold is shown as a question mark."""
        return cls(text.encode("utf-8", "replace"), "text/html; charset=utf-8", status, headers)

    @classmethod
    def see_other(cls, place: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
        """Go on at `place`, a path of ours, with a GET."""
        return cls(b"", "text/plain; charset=utf-8", HTTPStatus.SEE_OTHER, (("Location", place), *headers))


def wants_html(environ: Environ) -> bool:
    """Whether the client takes a page."""
    return "text/html" in str(environ.get("HTTP_ACCEPT", ""))


def _fields(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"More than {MAX_FIELDS} fields were given.") from None
