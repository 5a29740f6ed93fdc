"""The page's own style, script and icon, read once from the package.

It refuses every name that is not on its list.
"""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from importlib import resources

from gradientd.web.exchange import Refusal, Request, Response

_TYPES = {
    "style.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


class Assets:
    """The files in memory, each with its entity tag."""

    def __init__(self) -> None:
        folder = resources.files(__package__) / "static"
        self._files = {name: (folder / name).read_bytes() for name in _TYPES}
        self._tags = {name: f'"{hashlib.sha256(body).hexdigest()[:16]}"' for name, body in self._files.items()}

    def get(self, request: Request) -> Response:
        """One file, or that the client has it already."""
        name = request.path.rpartition("/")[2]
        if name not in self._files:
            raise Refusal(HTTPStatus.NOT_FOUND, "There is nothing here.")
        headers = (("ETag", self._tags[name]), ("Cache-Control", "no-cache"))
        if self._tags[name] in _tags_of(request.header("If-None-Match")):
            return Response(b"", _TYPES[name], HTTPStatus.NOT_MODIFIED, headers)
        return Response(self._files[name], _TYPES[name], headers=headers)


def _tags_of(if_none_match: str) -> set[str]:
    """The entity tags that a client has; a proxy that compresses makes them weak, which matters not here (RFC 9110)."""
    return {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
