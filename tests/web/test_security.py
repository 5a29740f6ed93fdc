"""Who may look, who may change, and what a client can take up."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress

import gevent
import pytest

from gradientd.web import server as server_module
from gradientd.web.exchange import MAX_BODY_BYTES
from gradientd.web.guard import SESSION_COOKIE, SESSION_S
from tests.web.browsing import Answer
from tests.web.conftest import TOKEN, Site

BROWSER = "text/html,application/xhtml+xml"
SEEN_WITH_TOKEN = ("/", "/api/status", "/api/fleet", "/api/recent", "/api/dead", "/api/sections")
SEEN_BY_ANYBODY = ("/livez", "/readyz", "/health", "/metrics", "/login", "/static/style.css")
CHANGES = ("/api/pause", "/api/resume", "/api/dead/retry", "/api/dead/purge")


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def log_in(site: Site, token: str = TOKEN, **headers: str) -> Answer:
    return site.post("/login", {"token": token}, **headers)


def session_of(answer: Answer) -> dict[str, str]:
    return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


# -- the token -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SEEN_WITH_TOKEN)
def test_token_guards_page_and_api(guarded: Site, path: str) -> None:
    answer = guarded.get(path)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert guarded.get(path, **bearer()).status == 200
    for wrong in (bearer("x"), bearer(TOKEN[:-1]), bearer(""), {"Authorization": TOKEN}, bearer("é" * 16)):
        assert guarded.get(path, **wrong).status == 401


@pytest.mark.parametrize("path", SEEN_BY_ANYBODY)
def test_probes_and_metrics_need_no_token(guarded: Site, path: str) -> None:
    assert guarded.get(path).status in (200, 503)


@pytest.mark.parametrize("path", CHANGES)
def test_changes_need_the_token(guarded: Site, path: str) -> None:
    assert guarded.post(path).status == 401
    assert not guarded.queue.is_paused()


def test_browser_is_shown_a_login_and_its_session_opens_the_page(guarded: Site) -> None:
    answer = guarded.get("/", Accept=BROWSER)
    assert answer.status == 401
    assert 'action="/login"' in answer.text
    assert "Fleet" not in answer.text
    entered = log_in(guarded, Accept=BROWSER)
    assert (entered.status, entered.headers["Location"]) == (303, "/")
    cookie = entered.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert TOKEN not in cookie
    assert "Fleet" in guarded.get("/", **session_of(entered)).text


def test_session_cookie_stays_on_https_where_a_proxy_says_so(guarded: Site) -> None:
    assert "Secure" in log_in(guarded, X_Forwarded_Proto="https").headers["Set-Cookie"]
    assert "Secure" not in log_in(guarded).headers["Set-Cookie"]


def test_wrong_token_opens_nothing_and_is_logged_without_it(guarded: Site) -> None:
    answer = log_in(guarded, "a-wrong-token-of-16")
    assert answer.status == 401
    assert "Set-Cookie" not in answer.headers
    assert "This is not the token." in answer.text
    assert "127.0.0.1" in guarded.log.getvalue()
    assert "a-wrong-token" not in guarded.log.getvalue()


def test_session_ends_by_its_time_and_cannot_be_lengthened(guarded: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_of(log_in(guarded))
    expires, _, signature = session["Cookie"].partition("=")[2].partition(".")
    longer = {"Cookie": f"{SESSION_COOKIE}={int(expires) + 1}.{signature}"}
    assert guarded.get("/", **longer).status == 401
    now = time.time()
    monkeypatch.setattr("gradientd.web.guard.time.time", lambda: now + SESSION_S + 1)
    assert guarded.get("/", **session).status == 401


@pytest.mark.parametrize("cookie", ["", "x", "1.x", "99999999999.", "9" * 30 + ".x", '"', "é"])
def test_forged_session_is_none(guarded: Site, cookie: str) -> None:
    assert guarded.get("/", Cookie=f"{SESSION_COOKIE}={cookie}").status == 401


@pytest.mark.parametrize("other", ['prefs={"theme": "dark"}', "name=José", "flag", "=", "a[0]=1", "path=/"])
def test_session_stands_beside_any_cookie_of_the_same_host(guarded: Site, other: str) -> None:
    session = session_of(log_in(guarded))["Cookie"]
    assert guarded.get("/", Cookie=f"{other}; {session}").status == 200


def test_session_of_one_pod_opens_another_with_the_same_token(open_site: Callable[..., Site]) -> None:
    first, second, third = (open_site(http_token=token) for token in (TOKEN, TOKEN, "another-token-of-16"))
    session = session_of(log_in(first))
    assert second.get("/", **session).status == 200
    assert third.get("/", **session).status == 401


def test_logging_out_takes_the_cookie_away(guarded: Site) -> None:
    session = session_of(log_in(guarded))
    answer = guarded.post("/logout", {"form_token": guarded.form_token(**session)}, **session)
    assert answer.status == 303
    assert "Max-Age=0" in answer.headers["Set-Cookie"]


# -- changes in somebody's name ------------------------------------------------------------------------------------


def test_change_needs_what_only_the_page_knows(site: Site) -> None:
    for form in ({}, {"form_token": ""}, {"form_token": "0" * 64}):
        assert site.post("/api/pause", form).status == 403
    assert not site.queue.is_paused()
    assert site.post("/api/pause", {"form_token": site.form_token()}).status == 200
    assert site.queue.is_paused()


@pytest.mark.parametrize("elsewhere", ["cross-site", "same-site"])
def test_change_that_another_site_causes_is_refused(site: Site, elsewhere: str) -> None:
    form = {"form_token": site.form_token()}
    assert site.post("/api/pause", form, Sec_Fetch_Site=elsewhere).status == 403
    assert site.post("/api/pause", form, Sec_Fetch_Site="same-origin").status == 200


def test_login_that_another_site_causes_is_refused(guarded: Site) -> None:
    assert log_in(guarded, Sec_Fetch_Site="cross-site").status == 403


def test_session_needs_the_forms_token_and_the_token_itself_does_not(guarded: Site) -> None:
    session = session_of(log_in(guarded))
    assert guarded.post("/api/pause", {}, **session).status == 403
    assert guarded.post("/api/pause", {"form_token": guarded.form_token(**session)}, **session).status == 200
    assert guarded.post("/api/resume", {}, **bearer()).status == 200


def test_form_of_one_session_is_none_of_anothers(guarded: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    first = session_of(log_in(guarded))
    now = time.time()
    monkeypatch.setattr("gradientd.web.guard.time.time", lambda: now + 5)
    second = session_of(log_in(guarded))
    assert guarded.post("/api/pause", {"form_token": guarded.form_token(**first)}, **second).status == 403


@pytest.mark.parametrize("path", CHANGES)
def test_get_changes_nothing(site: Site, path: str) -> None:
    answer = site.get(path)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert site.get(path, Accept=BROWSER).status == 405


@pytest.mark.parametrize("path", CHANGES)
def test_without_a_token_nothing_is_changed_from_beyond_this_machine(exposed: Site, path: str) -> None:
    exposed.add_letter("bad.jpg")
    page = exposed.get("/").text
    assert "<button class" not in page.replace('<button class="button quiet" id="live"', "")
    assert "<form" not in page
    assert "Read only" in page
    assert exposed.post(path, {"letter": "bad.jpg"}).status == 403
    assert exposed.redis.hlen("gradientd:dead") == 1


# -- names, headers, limits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:9876", "127.0.0.1.evil.example", "10.0.0.1", "[::ffff:1"]
)
def test_foreign_host_on_loopback_is_refused(site: Site, host: str) -> None:
    for path in ("/", "/api/status", "/metrics", "/livez"):
        assert site.get(path, Host=host).status == 421


@pytest.mark.parametrize("host", ["localhost", "localhost:1234", "127.0.0.1:80", "[::1]:9876", "127.1.2.3"])
def test_loopback_by_any_of_its_names_is_served(site: Site, host: str) -> None:
    assert site.get("/", Host=host).status == 200


def test_any_host_is_served_beyond_loopback(exposed: Site) -> None:
    assert exposed.get("/livez", Host="gradientd.gallery.svc").status == 200


@pytest.mark.parametrize("path", ["/", "/api/status", "/static/page.js", "/livez", "/nowhere", "/login"])
def test_every_answer_carries_the_security_headers(site: Site, path: str) -> None:
    headers = site.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers
    assert ("no-store" in headers["Cache-Control"]) == (not path.startswith("/static/"))


def test_assets_are_known_by_their_tags(site: Site) -> None:
    tag = site.get("/static/style.css").headers["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        again = site.get("/static/style.css", If_None_Match=known)
        assert (again.status, again.headers.get("Content-Length")) == (304, None)


@pytest.mark.parametrize(
    "path", ["/static/", "/static/../app.py", "/static/%2e%2e/app.py", "/static/x", "/api", "//", "/x"]
)
def test_nothing_else_is_served(site: Site, path: str) -> None:
    assert site.get(path).status == 404


def test_head_is_get_without_a_body(site: Site) -> None:
    answer = site.ask("HEAD", "/livez", {})
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 0


def test_body_is_bounded_and_typed(site: Site) -> None:
    assert site.post("/api/pause", {"form_token": "x" * MAX_BODY_BYTES}).status == 413
    assert site.ask("POST", "/api/pause", {"Content-Type": "application/json"}, {"a": "b"}).status == 415
    assert site.post("/api/pause", {str(n): "x" for n in range(50)}).status == 400
    assert site.get("/?" + "&".join(f"{n}=1" for n in range(50))).status == 400


def raw(site: Site, request: bytes, *, timeout_s: float = 5.0) -> bytes:
    """What comes back on a connection of its own until the server closes it."""
    with socket.create_connection(("127.0.0.1", site.server.port), timeout=timeout_s) as connection:
        connection.sendall(request)
        found = b""
        while chunk := connection.recv(65_536):
            found += chunk
        return found


def test_body_of_unknown_length_is_refused(site: Site) -> None:
    request = b"POST /api/pause HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert raw(site, request).startswith(b"HTTP/1.1 400")


def test_body_that_is_announced_too_long_is_not_waited_for(site: Site) -> None:
    request = b"POST /api/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999999\r\n\r\n"
    assert raw(site, request).startswith(b"HTTP/1.1 413")


SLOW_REQUESTS = (
    b"",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX-",
    b"POST /login HTTP/1.1\r\nContent-Length: 9\r\n\r\na",
    b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\na",
)


@pytest.mark.parametrize("request_bytes", SLOW_REQUESTS)
def test_slow_client_is_cut_off_while_others_are_served(
    site: Site, monkeypatch: pytest.MonkeyPatch, request_bytes: bytes
) -> None:
    monkeypatch.setattr(server_module, "REQUEST_S", 0.5)
    slow = [gevent.spawn(raw, site, request_bytes) for _ in range(20)]
    gevent.sleep(0.05)
    assert site.get("/livez").status == 200
    gevent.joinall(slow, timeout=3, raise_error=True)
    assert all(client.ready() for client in slow)


@pytest.mark.parametrize("request_bytes", SLOW_REQUESTS)
def test_probe_gets_in_however_many_connections_keep_us_waiting(site: Site, request_bytes: bytes) -> None:
    silent = [
        socket.create_connection(("127.0.0.1", site.server.port)) for _ in range(server_module.CONNECTIONS_MAX + 20)
    ]
    for connection in silent:
        connection.sendall(request_bytes)
    gevent.sleep(0.05)
    began = time.monotonic()
    assert site.get("/livez").status == 200
    assert time.monotonic() - began < 3
    for connection in silent:
        connection.close()


def test_probe_gets_in_however_many_connections_ask_on_and_on(site: Site) -> None:
    def ask_on_and_on() -> None:
        with socket.create_connection(("127.0.0.1", site.server.port)) as connection, suppress(ConnectionError):
            while True:
                connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
                if not connection.recv(65_536):
                    return
                gevent.sleep(server_module.PATIENCE_S / 2)

    crowd = [gevent.spawn(ask_on_and_on) for _ in range(server_module.CONNECTIONS_MAX)]
    gevent.sleep(server_module.PATIENCE_S)
    began = time.monotonic()
    assert site.get("/livez").status == 200
    assert time.monotonic() - began < 3
    gevent.killall(crowd)


def test_full_house_that_waits_for_us_is_served_to_the_last(site: Site) -> None:
    site.redis.client_pause(round(server_module.PATIENCE_S * 3000))
    crowd = [gevent.spawn(site.get, "/metrics") for _ in range(server_module.CONNECTIONS_MAX + 20)]
    assert {caller.get().status for caller in crowd} == {200}


def test_client_that_does_not_read_is_cut_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "REQUEST_S", 0.5)
    with socket.create_connection(("127.0.0.1", site.server.port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(b"GET /static/style.css HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2000)
        gevent.sleep(1.0)
        assert site.get("/livez").status == 200
        with pytest.raises(ConnectionError):
            connection.sendall(b"x" * 65_536_000)


def test_no_secret_is_shown_anywhere(site: Site) -> None:
    site.add_letter("bad.jpg")
    site.add_result("good.jpg")
    shown = "".join(site.get(path).text for path in (*SEEN_WITH_TOKEN, *SEEN_BY_ANYBODY))
    for secret in ("AKIDSECRET", "verysecret", "the-lease-token", "guildId"):
        assert secret not in shown


def test_surprise_is_logged_and_not_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("an inner secret")

    monkeypatch.setattr("gradientd.web.api._status", fail)
    answer = site.get("/api/status")
    assert answer.status == 500
    assert "inner secret" not in answer.text
    assert "inner secret" in site.log.getvalue()
