"""Who may look and who may change: the token, the session that stands for it, and the defence against other sites.

It refuses to compare secrets by `==`, and to offer a change to anybody beyond this machine when no token is set.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from gradientd.web.exchange import Refusal, Request

SESSION_COOKIE = "gradientd_session"
SESSION_S = 12 * 3600
FORM_FIELD = "form_token"
_OWN_SITE = ("", "same-origin", "none")
"""What Sec-Fetch-Site says of a request that no other site has caused; empty in older browsers and in programs."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who may look. `form_token` belongs into every form; whoever sends the token itself needs none."""

    may_change: bool
    sent_token: bool
    has_session: bool
    form_token: str


STRANGER = Visitor(may_change=False, sent_token=False, has_session=False, form_token="")
"""Whoever asks for what anybody may have."""


class Guard:
    """Guards page and API with `token`; without one everybody may look, and on loopback also change."""

    def __init__(self, token: str | None, *, is_loopback: bool) -> None:
        self.has_token = token is not None
        self._token = (token or "").encode()
        self._key = self._token or secrets.token_bytes(32)
        self._is_loopback = is_loopback

    def check_host(self, request: Request) -> None:
        """Refuse a request that came to loopback under a foreign name: DNS rebinding makes those."""
        host = request.header("Host")
        if self._is_loopback and host and not _is_local(host):
            raise Refusal(HTTPStatus.MISDIRECTED_REQUEST, "Call this server localhost or by its loopback address.")

    def visitor(self, request: Request) -> Visitor | None:
        """Who asks; None when the token, or a session that it began, is missing."""
        session = request.cookie(SESSION_COOKIE)
        sent_token = self.has_token and self._is_bearer(request.header("Authorization"))
        has_session = self.has_token and self._is_session(session)
        if self.has_token and not (sent_token or has_session):
            return None
        return Visitor(
            may_change=self.has_token or self._is_loopback,
            sent_token=sent_token,
            has_session=has_session,
            form_token=self._sign(f"form {session if has_session else ''}"),
        )

    def check_change(self, request: Request, visitor: Visitor, form_token: str) -> None:
        """Refuse a change that this visitor may not make, or that another site makes in the visitor's name."""
        if not visitor.may_change:
            raise Refusal(HTTPStatus.FORBIDDEN, "Changes from other machines need GRADIENT_HTTP_TOKEN to be set.")
        self.check_site(request)
        if not visitor.sent_token and not _equal(form_token.encode(), visitor.form_token.encode()):
            raise Refusal(HTTPStatus.FORBIDDEN, "The form is out of date: reload the page and try again.")

    def check_site(self, request: Request) -> None:
        """Refuse what another site has caused."""
        if request.header("Sec-Fetch-Site") not in _OWN_SITE:
            raise Refusal(HTTPStatus.FORBIDDEN, "Another site may not do this.")

    def session_for(self, token: str) -> str | None:
        """A new session's cookie, when `token` is the right one."""
        if not self.has_token or not _equal(token.strip().encode(), self._token):
            return None
        return self._session(int(time.time()) + SESSION_S)

    def _is_bearer(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        return scheme.lower() == "bearer" and _equal(token.strip().encode(), self._token)

    def _is_session(self, session: str) -> bool:
        expires = session.partition(".")[0]
        if not (expires.isascii() and expires.isdecimal() and len(expires) < 20):
            return False
        return _equal(session.encode(), self._session(int(expires)).encode()) and time.time() < int(expires)

    def _session(self, expires: int) -> str:
        return f"{expires}.{self._sign(f'session {expires}')}"

    def _sign(self, text: str) -> str:
        return hmac.new(self._key, f"gradientd {text}".encode(), hashlib.sha256).hexdigest()


def session_cookie(value: str, request: Request, *, max_age_s: int = SESSION_S) -> tuple[str, str]:
    """The header that sets the session: unreadable for scripts, and never sent along by another site."""
    is_secure = request.header("X-Forwarded-Proto").lower() == "https"
    attributes = f"Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Strict" + ("; Secure" if is_secure else "")
    return "Set-Cookie", f"{SESSION_COOKIE}={value}; {attributes}"


def _equal(given: bytes, right: bytes) -> bool:
    """Constant time, also for different lengths."""
    return hmac.compare_digest(hashlib.sha256(given).digest(), hashlib.sha256(right).digest())


def _is_local(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
