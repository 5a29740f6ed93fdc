"""What an operator may change: pause and resume the fleet, retry and purge dead letters.

It refuses to ask who wants it: the application has done that.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from itertools import islice
from urllib.parse import quote, unquote

from gradientd.errors import InvalidJob
from gradientd.jobqueue import DeadLetter, DeadLetters, Queue
from gradientd.web.exchange import Refusal, Request, Response
from gradientd.web.view import Observer

LETTERS_LOOKED_AT = 1_000
"""A filter looks at the newest only: what is asked for by a page must not read all there is."""
RETRIED_AT_ONCE = 200


def letter_id(name: str) -> str:
    """A dead letter's name in characters that survive every form and URL."""
    return quote(name, safe="", errors="surrogateescape")


def newest_letters(letters: DeadLetters, *, code: str, prefix: str, limit: int) -> list[DeadLetter]:
    """The newest letters with this error code and this beginning of their name, both optional."""
    found = islice(letters.find(), LETTERS_LOOKED_AT)
    return list(islice((at for at in found if code in ("", at.code) and at.name.startswith(prefix)), limit))


class Actions:
    """Each method is a POST's handler: its form to its answer."""

    def __init__(self, queue: Queue, observer: Observer) -> None:
        self._queue = queue
        self._letters = DeadLetters(queue.client)
        self._observer = observer

    def pause(self, request: Request, form: Mapping[str, str]) -> Response:
        """Let the whole fleet take no more jobs."""
        self._queue.pause()
        return self._done(request, "paused")

    def resume(self, request: Request, form: Mapping[str, str]) -> Response:
        """Let the fleet take jobs again."""
        self._queue.resume()
        return self._done(request, "resumed")

    def retry(self, request: Request, form: Mapping[str, str]) -> Response:
        """Queue one letter's job again (`letter`), or the newest with one error code (`code`)."""
        if form.get("code"):
            found = newest_letters(self._letters, code=form["code"], prefix="", limit=RETRIED_AT_ONCE)
            retried = [self._retry_if_sound(letter.name) for letter in found]
            return self._done(request, "retried", sum(retried))
        name = _name(form)
        try:
            job_id = self._letters.retry(name)
        except InvalidJob as exc:
            raise Refusal(HTTPStatus.CONFLICT, f"The job cannot be queued again: {exc}") from exc
        if job_id is None:
            raise Refusal(HTTPStatus.NOT_FOUND, "There is no such dead letter any more.")
        return self._done(request, "retried", 1)

    def purge(self, request: Request, form: Mapping[str, str]) -> Response:
        """Forget one letter for good (`letter`)."""
        if not self._letters.purge([_name(form)]):
            raise Refusal(HTTPStatus.NOT_FOUND, "There is no such dead letter any more.")
        return self._done(request, "purged", 1)

    def _retry_if_sound(self, name: str) -> bool:
        try:
            return self._letters.retry(name) is not None
        except InvalidJob:
            return False

    def _done(self, request: Request, what: str, count: int | None = None) -> Response:
        self._observer.forget()
        if request.wants_html:
            return Response.see_other(f"/?done={what}")
        return Response.of_json({"done": what} if count is None else {"done": what, "count": count})


def _name(form: Mapping[str, str]) -> str:
    name = unquote(form.get("letter", ""), errors="surrogateescape")
    if not name:
        raise Refusal(HTTPStatus.BAD_REQUEST, "Name the dead letter: letter=ID as /api/dead lists it.")
    return name
