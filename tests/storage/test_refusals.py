"""Every way a server can refuse, and what it is to us."""

from __future__ import annotations

import contextlib
import socket

import gevent
import pytest
from gevent.server import StreamServer
from moto import mock_aws

from gradientd.errors import (
    BucketMissing,
    GradientdError,
    ObjectDenied,
    ObjectMissing,
    StorageCredentials,
    StorageError,
    StorageFault,
    StorageUnavailable,
)
from gradientd.storage.getter import REFUSAL_BYTES
from tests.storage.conftest import Opener
from tests.storage.raw_server import Flood, Request, always, refusal, reply, serving, then_close, then_silence

REFUSALS = [
    (404, "NoSuchKey", ObjectMissing),
    (404, "NoSuchBucket", BucketMissing),
    (403, "AccessDenied", ObjectDenied),
    (403, "InvalidObjectState", ObjectDenied),
    (403, "SomethingNew", ObjectDenied),
    (400, "KeyTooLongError", ObjectDenied),
    (403, "InvalidAccessKeyId", StorageCredentials),
    (403, "SignatureDoesNotMatch", StorageCredentials),
    (403, "RequestTimeTooSkewed", StorageCredentials),
    (400, "ExpiredToken", StorageCredentials),
    (400, "InvalidToken", StorageCredentials),
    (400, "AuthorizationHeaderMalformed", StorageCredentials),
    (401, "Unauthorized", StorageCredentials),
    (503, "SlowDown", StorageUnavailable),
    (503, "Throttling", StorageUnavailable),
    (429, "TooManyRequests", StorageUnavailable),
    (429, "SomethingNew", StorageUnavailable),
    (400, "RequestLimitExceeded", StorageUnavailable),
    (500, "InternalError", StorageFault),
    (502, "BadGateway", StorageFault),
    (503, "ServiceUnavailable", StorageFault),
    (503, "SlowDownRead", StorageFault),
    (503, "SomethingNew", StorageFault),
    (400, "SomethingNew", StorageFault),
    (418, "SomethingNew", StorageFault),
]


def error_of_get(storage_opener: Opener, endpoint: str, key: str = "picture.jpg") -> GradientdError:
    with pytest.raises(GradientdError) as caught:
        storage_opener(endpoint).get(key, max_bytes=1000, deadline_s=5)
    return caught.value


@pytest.mark.parametrize(("status", "code", "kind"), REFUSALS)
def test_refusal_is_classified_by_code_then_by_status(
    open_storage: Opener, status: int, code: str, kind: type[GradientdError]
) -> None:
    with serving(always(refusal(status, code))) as server:
        error = error_of_get(open_storage, server.endpoint)
    assert type(error) is kind
    assert str(error).endswith(f"({code}, HTTP {status}).")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, ObjectDenied), (404, ObjectMissing), (429, StorageUnavailable), (500, StorageFault), (503, StorageFault)],
)
def test_refusal_without_a_body_is_classified_by_its_status(
    open_storage: Opener, status: int, kind: type[GradientdError]
) -> None:
    with serving(always(reply(status))) as server:
        error = error_of_get(open_storage, server.endpoint)
    assert type(error) is kind
    assert f"(HTTP {status})" in str(error)


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize(
    ("page", "content_type"),
    [
        (b"<!doctype html><title>No such page<br>", "text/html; charset=utf-8"),
        (b"<!doctype html><title>No such page<br>", "Text/HTML"),
        (b"404 page not found\n", "text/plain; charset=utf-8"),
    ],
)
def test_web_page_instead_of_an_s3_answer_is_a_fault_for_the_probe_to_judge(
    open_storage: Opener, status: int, page: bytes, content_type: str
) -> None:
    """A proxy without a route to the storage says so in plain text, or with a page."""
    with serving(always(reply(status, page, content_type=content_type))) as server:
        assert type(error_of_get(open_storage, server.endpoint)) is StorageFault
        with pytest.raises(StorageFault):
            open_storage(server.endpoint).probe()


@pytest.mark.parametrize("content_type", ["text/html", "text/plain"])
def test_rate_limit_of_a_proxy_is_charged_to_no_job(open_storage: Opener, content_type: str) -> None:
    with serving(always(reply(429, b"Too many requests", content_type=content_type))) as server:
        assert type(error_of_get(open_storage, server.endpoint)) is StorageUnavailable


@pytest.mark.parametrize(("status", "body"), [(202, b""), (204, b""), (206, b"a part of a picture")])
def test_success_that_is_no_object_is_a_fault_and_no_empty_or_partial_picture(
    open_storage: Opener, status: int, body: bytes
) -> None:
    """A firewall's challenge, for one, is a 202 of no bytes."""
    with serving(always(reply(status, body))) as server:
        assert type(error_of_get(open_storage, server.endpoint)) is StorageFault


def test_interim_answer_does_not_leave_its_picture_to_the_next_request(open_storage: Opener) -> None:
    """Python's client takes 103 for the whole answer; the object that follows belongs to nobody then."""

    def hint_first(connection: socket.socket, request: Request) -> bool:
        with contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" if "/a" in request.target else b"")
            gevent.sleep(0.05)
            connection.sendall(reply(200, request.target.encode()))
        return False

    with serving(hint_first) as server:
        storage = open_storage(server.endpoint)
        with pytest.raises(StorageFault, match="103"):
            storage.get("a.jpg", max_bytes=100, deadline_s=5)
        with storage.get("b.jpg", max_bytes=100, deadline_s=5) as body:
            assert bytes(body.data) == b"/gallery/b.jpg"


def test_nothing_a_server_writes_reaches_the_message(open_storage: Opener) -> None:
    with serving(always(refusal(403, "InvalidAccessKeyId", AWSAccessKeyId="access-key-of-the-tests"))) as server:
        storage = open_storage(server.endpoint)
        error = error_of_get(open_storage, server.endpoint)
    for text in (str(error), repr(error), repr(storage), repr(vars(storage))):
        assert "key-of-the-tests" not in text


@pytest.mark.parametrize(
    "code",
    ["A" * 65, "denied for Credential=access-key-of-the-tests", "Two\nLines", "Schlüssel", "<x>AccessDenied</x>"],
)
def test_code_that_is_none_is_not_repeated_and_the_status_decides(open_storage: Opener, code: str) -> None:
    with serving(always(refusal(403, code))) as server:
        error = error_of_get(open_storage, server.endpoint)
    assert type(error) is ObjectDenied
    assert str(error).endswith("(HTTP 403).")


@pytest.mark.parametrize("framing", [b"Connection: close\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n-1\r\n"])
def test_refusal_without_end_is_not_read_to_its_end(open_storage: Opener, framing: bytes) -> None:
    flood = Flood(b"HTTP/1.1 403 Forbidden\r\n" + framing, b"<Error>" * 10_000)
    with serving(flood) as server:
        assert type(error_of_get(open_storage, server.endpoint)) is ObjectDenied
        gevent.sleep(0.05)
    assert flood.sent < 20_000_000  # what the sockets' buffers hold


def test_refusal_in_chunks_that_breaks_off_is_not_the_object_s_own(open_storage: Opener) -> None:
    cut = b"HTTP/1.1 503 Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n<Error><Co"
    with serving(then_close(cut)) as server:
        assert type(error_of_get(open_storage, server.endpoint)) is StorageFault


@pytest.mark.parametrize(("size", "connection_count"), [(REFUSAL_BYTES // 2, 1), (REFUSAL_BYTES * 2, 3)])
def test_connection_is_kept_after_a_refusal_that_was_read_to_its_end(
    open_storage: Opener, size: int, connection_count: int
) -> None:
    connections = []

    def script(connection: socket.socket, _: Request) -> None:
        connections.append(connection)
        connection.sendall(reply(404, b" " * size))

    with serving(script) as server:
        storage = open_storage(server.endpoint)
        for _ in range(3):
            with pytest.raises(ObjectMissing):
                storage.get("a.jpg", max_bytes=1000, deadline_s=5)
    assert len(set(connections)) == connection_count


ODD_XML = [
    "<R><Error>text</Error></R>",
    "<R><Error><Code>A</Code></Error><Error>text</Error></R>",
    "<R><ResponseMetadata>text</ResponseMetadata></R>",
    "<a>" * 20_000,
    "<a>" * 7_000 + "</a>" * 7_000,
    "<Error><Code><x/></Code></Error>",
    "<Error><Code>A</Code><Code>B</Code></Error>",
    "<Error><Region><x/></Region></Error>",
]


@pytest.mark.parametrize("status", [301, 400, 502])
@pytest.mark.parametrize("xml", ODD_XML, ids=lambda xml: xml[:40])
def test_refusal_that_cannot_be_understood_is_a_fault(open_storage: Opener, xml: str, status: int) -> None:
    with serving(always(reply(status, xml.encode(), content_type="application/xml"))) as server:
        assert type(error_of_get(open_storage, server.endpoint)) is StorageFault
        with pytest.raises(StorageFault):
            open_storage(server.endpoint).probe()
        with pytest.raises(StorageFault):
            next(open_storage(server.endpoint).list_pages(""))


@pytest.mark.parametrize("length", ["9" * 19, "9" * 5000, "0" * 5000], ids=["19 digits", "5000 digits", "zeros"])
def test_length_that_no_object_has_is_a_fault(open_storage: Opener, length: str) -> None:
    with serving(then_close(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\npicture".encode())) as server:
        error = error_of_get(open_storage, server.endpoint)
        with pytest.raises(StorageFault):
            open_storage(server.endpoint).probe()
    assert type(error) is StorageFault
    assert len(str(error)) < 100


@pytest.mark.parametrize(
    "page",
    [
        "<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Size>much</Size></Contents></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
    ],
)
def test_page_of_a_listing_that_cannot_be_understood_is_a_fault(open_storage: Opener, page: str) -> None:
    with serving(always(reply(200, page.encode()))) as server, pytest.raises(StorageFault):
        list(open_storage(server.endpoint).list_pages(""))


def test_refused_connection_is_an_outage(open_storage: Opener) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = error_of_get(open_storage, f"http://127.0.0.1:{unused.getsockname()[1]}")
    assert type(error) is StorageUnavailable
    assert "Connection refused" in str(error)


def test_connection_that_nobody_accepts_is_an_outage(open_storage: Opener) -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        error = error_of_get(open_storage, f"http://127.0.0.1:{full.getsockname()[1]}")
    assert type(error) is StorageUnavailable
    assert "timed out" in str(error)


def test_server_that_speaks_something_else_is_told_from_one_that_cannot_be_reached(open_storage: Opener) -> None:
    greeter = StreamServer(("127.0.0.1", 0), lambda connection, _: connection.sendall(b"220 mail ready\r\n"))
    greeter.start()
    try:
        plain = error_of_get(open_storage, f"http://127.0.0.1:{greeter.server_port}")
        tls = error_of_get(open_storage, f"https://127.0.0.1:{greeter.server_port}")
    finally:
        greeter.stop()
    assert type(plain) is StorageFault
    assert type(tls) is StorageUnavailable


def test_connection_closed_without_an_answer_is_a_fault(open_storage: Opener) -> None:
    with serving(then_close(b"")) as server:
        assert type(error_of_get(open_storage, server.endpoint)) is StorageFault


def test_silence_is_a_fault_and_not_the_jobs_own_timeout(open_storage: Opener) -> None:
    with serving(then_silence()) as server:
        error = error_of_get(open_storage, server.endpoint)
    assert type(error) is StorageFault
    assert "timed out" in str(error)


@pytest.mark.parametrize(("status", "code"), [(404, "NoSuchKey"), (403, "AccessDenied")])
def test_probe_takes_a_missing_and_a_hidden_key_for_health(open_storage: Opener, status: int, code: str) -> None:
    with serving(always(refusal(status, code))) as server:
        open_storage(server.endpoint).probe()
        open_storage(server.endpoint).probe()
    first, second = (request.target for request in server.requests)
    assert first.startswith("/gallery/gradientd-probe/")
    assert first != second
    assert [request.method for request in server.requests] == ["GET", "GET"]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NoSuchBucket", BucketMissing),
        (403, "SignatureDoesNotMatch", StorageCredentials),
        (500, "InternalError", StorageFault),
        (503, "SlowDown", StorageUnavailable),
        (400, "SomethingNew", StorageFault),
    ],
)
def test_probe_raises_a_storage_error_for_everything_else(
    open_storage: Opener, status: int, code: str, kind: type[StorageError]
) -> None:
    with serving(always(refusal(status, code))) as server, pytest.raises(StorageError) as caught:
        open_storage(server.endpoint).probe()
    assert type(caught.value) is kind


@pytest.mark.parametrize("body", [b"", b"<html>The console of a storage answers every path</html>"])
def test_probe_that_gets_an_object_is_a_fault(open_storage: Opener, body: bytes) -> None:
    """Or every picture behind a wrong port would be no image, and failed for good."""
    with serving(always(reply(200, body))) as server, pytest.raises(StorageFault, match="nobody stored"):
        open_storage(server.endpoint).probe()


def test_probe_that_gets_an_endless_body_is_a_fault(open_storage: Opener) -> None:
    with serving(always(reply(200, length=10**9))) as server, pytest.raises(StorageFault):
        open_storage(server.endpoint).probe()


def test_probe_that_found_a_sick_server_looks_for_another_behind_the_same_name(open_storage: Opener) -> None:
    """A load balancer chooses once a connection: a kept one would lead to the sick server for ever."""
    connections: list[socket.socket] = []

    def balanced(connection: socket.socket, _: Request) -> None:
        if connection not in connections:
            connections.append(connection)
        is_sick = connection is connections[0]
        connection.sendall(refusal(503, "ServiceUnavailable") if is_sick else refusal(404, "NoSuchKey"))

    with serving(balanced) as server:
        storage = open_storage(server.endpoint)
        with pytest.raises(StorageFault):
            storage.probe()
        storage.probe()
        storage.probe()
    assert len(connections) == 2, "a connection that leads to a healthy server is kept"


def test_probe_that_cannot_even_be_signed_is_a_fault(open_storage: Opener) -> None:
    with pytest.raises(StorageFault):
        open_storage("http://127.0.0.1:1", s3_region="no region!").probe()


def test_malformed_authorization_with_a_region_is_signed_again_for_that_region(open_storage: Opener) -> None:
    def garage(connection: socket.socket, request: object) -> None:
        wanted = server.requests[-1].signed_region == "garage"
        answer = reply(200, b"picture") if wanted else refusal(400, "AuthorizationHeaderMalformed", Region="garage")
        connection.sendall(answer)

    with serving(garage) as server:
        storage = open_storage(server.endpoint)
        for _ in range(2):
            assert storage.get("a.jpg", max_bytes=100, deadline_s=5).size == 7
    assert [request.signed_region for request in server.requests] == ["us-east-1", "garage", "garage"]
    assert {request.method for request in server.requests} == {"GET"}


def test_redirect_to_the_buckets_region_is_followed(open_storage: Opener) -> None:
    def aws(connection: socket.socket, request: object) -> None:
        if server.requests[-1].signed_region == "eu-central-1":
            connection.sendall(reply(200, b"picture"))
        else:
            connection.sendall(reply(301, x_amz_bucket_region="eu-central-1"))

    with serving(aws) as server:
        assert open_storage(server.endpoint).get("a.jpg", max_bytes=100, deadline_s=5).size == 7
    assert [request.signed_region for request in server.requests] == ["us-east-1", "eu-central-1"]


def test_region_of_the_settings_is_signed_for_at_once(open_storage: Opener) -> None:
    with serving(always(reply(200, b"picture"))) as server:
        open_storage(server.endpoint, s3_region="eu-north-1").get("a.jpg", max_bytes=100, deadline_s=5)
    assert [request.signed_region for request in server.requests] == ["eu-north-1"]


@mock_aws
def test_moto_agrees_about_missing_objects_and_buckets(open_storage: Opener) -> None:
    storage = open_storage("https://s3.amazonaws.com")
    with pytest.raises(BucketMissing):
        storage.probe()
    storage.create_bucket()
    storage.create_bucket()
    storage.probe()
    with pytest.raises(ObjectMissing):
        storage.get("nothing.jpg", max_bytes=10, deadline_s=5)
    storage.put("albums/a.jpg", b"a picture", "image/jpeg")
    with storage.get("albums/a.jpg", max_bytes=10, deadline_s=5) as body:
        assert bytes(body.data) == b"a picture"
