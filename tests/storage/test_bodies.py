"""The body's way from the socket to the caller: bounded in bytes and in time, whole or an error."""

from __future__ import annotations

import gc
import mmap
import os
import re
import ssl
import tempfile
import time
from pathlib import Path
from typing import Any

import gevent
import pytest
import trustme
from gevent.event import Event

from gradientd.errors import (
    DownloadTimeout,
    InternalError,
    LimitExceeded,
    StorageFault,
    StorageUnavailable,
    TruncatedBody,
)
from gradientd.storage import bucket
from gradientd.storage.body import CHUNK_BYTES, SPOOL_BYTES
from gradientd.storage.getter import Getter
from tests.storage.conftest import Opener
from tests.storage.raw_server import (
    Flood,
    Request,
    always,
    dripping,
    refusal,
    reply,
    serving,
    then_close,
    then_reset,
    then_silence,
)

NO_LIMIT = 10**9
SMALL = bytes(range(256)) * 3 * (CHUNK_BYTES // 256)
LARGE = os.urandom(1024) * (SPOOL_BYTES // 1024 + 1)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def unsized(body: bytes) -> bytes:
    """An answer in one chunk, without a Content-Length."""
    return CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


@pytest.mark.parametrize("body", [b"", b"x", SMALL, LARGE], ids=["empty", "one", "small", "large"])
@pytest.mark.parametrize("answer", [lambda body: reply(200, body), unsized], ids=["sized", "unsized"])
def test_body_arrives_whole(open_storage: Opener, answer: Any, body: bytes) -> None:
    if answer is unsized and not body:
        answer = lambda _: CHUNKED + b"0\r\n\r\n"  # noqa: E731
    with serving(always(answer(body))) as server:
        storage = open_storage(server.endpoint, job_timeout_ms=30_000)
        for _ in range(2):
            with storage.get("a.jpg", max_bytes=NO_LIMIT, deadline_s=10) as got:
                assert got.size == len(body)
                assert bytes(memoryview(got.data)) == body
    assert len(server.requests) == 2


def test_large_body_is_a_mapped_file_that_has_no_name(
    open_storage: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with serving(always(reply(200, LARGE))) as server:
        body = open_storage(server.endpoint).get("a.jpg", max_bytes=NO_LIMIT, deadline_s=10)
    assert isinstance(body.data, mmap.mmap)
    assert list(tmp_path.iterdir()) == []


def deleted_files_in_memory() -> list[str]:
    """Other tests' too: a progress bar, say, keeps a semaphore."""
    return re.findall(r"^.*\(deleted\)$", Path("/proc/self/maps").read_text(), re.MULTILINE)


def test_spool_gives_its_descriptor_and_its_memory_back(open_storage: Opener) -> None:
    with serving(always(reply(200, LARGE))) as server:
        storage = open_storage(server.endpoint)
        storage.get("a.jpg", max_bytes=NO_LIMIT, deadline_s=10)
        gc.collect()
        descriptors, files = len(os.listdir("/proc/self/fd")), deleted_files_in_memory()
        for _ in range(5):
            with storage.get("a.jpg", max_bytes=NO_LIMIT, deadline_s=10):
                pass
        assert len(os.listdir("/proc/self/fd")) == descriptors
        assert deleted_files_in_memory() == files


def test_reader_that_outlives_the_context_keeps_its_bytes(open_storage: Opener) -> None:
    with serving(always(reply(200, LARGE))) as server:
        with open_storage(server.endpoint).get("a.jpg", max_bytes=NO_LIMIT, deadline_s=10) as body:
            abandoned = memoryview(body.data)
        assert body.data == b""
    assert bytes(abandoned) == LARGE


def test_full_disk_is_told_as_such(open_storage: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with serving(always(reply(200, LARGE))) as server, pytest.raises(InternalError, match="temporary folder"):
        open_storage(server.endpoint).get("a.jpg", max_bytes=NO_LIMIT, deadline_s=10)


def test_honest_length_over_the_limit_is_refused_before_the_body_is_read(open_storage: Opener) -> None:
    with serving(then_silence(reply(200, length=NO_LIMIT))) as server, pytest.raises(LimitExceeded) as caught:
        open_storage(server.endpoint).get("a.jpg", max_bytes=1000, deadline_s=5)
    assert caught.value.byte_count == NO_LIMIT
    assert "over the limit of 1000 bytes" in str(caught.value)


@pytest.mark.parametrize(
    ("begin", "block"),
    [
        (b"", b"10000\r\n" + bytes(0x10000) + b"\r\n"),
        (b"ffffffffff\r\n", bytes(0x10000)),
        (b"-1\r\n", bytes(0x10000)),
    ],
    ids=["many chunks", "one chunk", "a chunk of -1 bytes"],
)
@pytest.mark.parametrize("length", [b"", b"Content-Length: 7\r\n"], ids=["no length", "a length too"])
def test_body_in_chunks_is_cut_off_at_the_limit(
    open_storage: Opener, begin: bytes, block: bytes, length: bytes
) -> None:
    flood = Flood(CHUNKED[:-2] + length + b"\r\n" + begin, block)
    with serving(flood) as server:
        with pytest.raises(LimitExceeded):
            open_storage(server.endpoint).get("a.jpg", max_bytes=1_000_000, deadline_s=5)
        gevent.sleep(0.05)
    assert flood.sent < 20_000_000  # what the sockets' buffers hold


@pytest.mark.parametrize("size", [b"-1", b"-5", b"no number", b""])
def test_chunk_whose_size_is_none_is_truncated(open_storage: Opener, size: bytes) -> None:
    answer = CHUNKED + size + b"\r\npicture\r\n0\r\n\r\n"
    with serving(then_close(answer)) as server, pytest.raises(TruncatedBody):
        open_storage(server.endpoint).get("a.jpg", max_bytes=NO_LIMIT, deadline_s=5)


def test_more_bytes_than_announced_do_not_spoil_the_next_answer(open_storage: Opener) -> None:
    with serving(always(reply(200, b"picture and then some", length=7))) as server:
        storage = open_storage(server.endpoint)
        for _ in range(3):
            with storage.get("a.jpg", max_bytes=100, deadline_s=5) as body:
                assert bytes(body.data) == b"picture"


@pytest.mark.parametrize("promised", [1000, SPOOL_BYTES * 2], ids=["small", "large"])
@pytest.mark.parametrize("sent", [b"", b"x" * 999], ids=["nothing", "nearly all"])
def test_body_shorter_than_its_length_is_truncated(open_storage: Opener, promised: int, sent: bytes) -> None:
    with serving(then_close(reply(200, sent, length=promised))) as server, pytest.raises(TruncatedBody):
        open_storage(server.endpoint).get("a.jpg", max_bytes=NO_LIMIT, deadline_s=5)


def test_chunked_body_without_its_last_chunk_is_truncated(open_storage: Opener) -> None:
    with serving(then_close(unsized(b"x" * 500)[:-5])) as server, pytest.raises(TruncatedBody):
        open_storage(server.endpoint).get("a.jpg", max_bytes=NO_LIMIT, deadline_s=5)


def test_answer_that_ends_in_its_head_is_not_an_empty_object(open_storage: Opener) -> None:
    head = b"HTTP/1.1 200 OK\r\nETag: x\r\nContent-Le"
    with serving(then_close(head)) as server, pytest.raises(TruncatedBody, match="before it said how long"):
        open_storage(server.endpoint).get("a.jpg", max_bytes=NO_LIMIT, deadline_s=5)


@pytest.mark.parametrize("promised", [1000, SPOOL_BYTES * 2], ids=["small", "large"])
def test_reset_in_mid_body_is_a_fault_for_the_probe_to_judge(open_storage: Opener, promised: int) -> None:
    with (
        serving(then_reset(reply(200, b"x" * 900, length=promised))) as server,
        pytest.raises(StorageFault) as caught,
    ):
        open_storage(server.endpoint).get("a.jpg", max_bytes=NO_LIMIT, deadline_s=5)
    assert caught.value.probe_decides
    assert "Connection reset by peer" in str(caught.value)


@pytest.mark.parametrize("promised", [1000, SPOOL_BYTES * 2], ids=["small", "large"])
def test_silence_in_mid_body_is_a_fault(open_storage: Opener, promised: int) -> None:
    with serving(then_silence(reply(200, b"x" * 900, length=promised))) as server, pytest.raises(StorageFault):
        open_storage(server.endpoint).get("a.jpg", max_bytes=NO_LIMIT, deadline_s=5)


@pytest.mark.parametrize("head", [b"", reply(200, length=100_000)], ids=["head", "body"])
def test_drip_ends_at_the_deadline_and_the_client_stays_usable(open_storage: Opener, head: bytes) -> None:
    drip = dripping(head, interval_s=0.02)

    def script(connection: Any, request: Request) -> object:
        slow = request.target.endswith("slow.jpg")
        return drip(connection, request) if slow else connection.sendall(reply(200, b"picture"))

    with serving(script) as server:
        storage = open_storage(server.endpoint)
        storage.get("a.jpg", max_bytes=100, deadline_s=5)
        began = time.monotonic()
        with pytest.raises(DownloadTimeout, match=r"within 0\.4 s"):
            storage.get("slow.jpg", max_bytes=NO_LIMIT, deadline_s=0.4)
        assert 0.4 <= time.monotonic() - began < 2
        assert storage.get("a.jpg", max_bytes=100, deadline_s=5).size == 7


def test_deadline_before_the_first_byte_is_the_jobs_own(open_storage: Opener) -> None:
    with serving(then_silence()) as server, pytest.raises(DownloadTimeout):
        open_storage(server.endpoint).get("a.jpg", max_bytes=100, deadline_s=0.1)


def test_timeout_of_the_caller_passes_through(open_storage: Opener) -> None:
    with serving(then_silence()) as server, gevent.Timeout(0.1) as timeout:
        with pytest.raises(gevent.Timeout) as caught:
            open_storage(server.endpoint).get("a.jpg", max_bytes=100, deadline_s=5)
        assert caught.value is timeout


def test_killed_reader_closes_its_connection(open_storage: Opener) -> None:
    begun, ended = Event(), Event()

    def script(connection: Any, _: Request) -> bool:
        connection.sendall(reply(200, b"x" * 900, length=1000))
        begun.set()
        connection.settimeout(5)
        if connection.recv(1) == b"":
            ended.set()
        return True

    with serving(script) as server:
        storage = open_storage(server.endpoint, job_timeout_ms=60_000)
        reader = gevent.spawn(storage.get, "a.jpg", max_bytes=NO_LIMIT, deadline_s=30)
        assert begun.wait(5)
        gevent.sleep(0.05)
        reader.kill()
        assert ended.wait(2)


def test_connection_is_kept_for_the_next_picture(open_storage: Opener) -> None:
    connections: set[int] = set()

    def script(connection: Any, _: Request) -> None:
        connections.add(id(connection))
        connection.sendall(reply(200, b"picture"))

    with serving(script) as server:
        storage = open_storage(server.endpoint)
        for _ in range(5):
            storage.get("a.jpg", max_bytes=100, deadline_s=5)
    assert len(connections) == 1


def test_twenty_first_requests_at_once_make_one_getter(
    open_storage: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def make_slowly(settings: Any) -> Getter:
        made.append(settings)
        gevent.sleep(0.05)
        return Getter(settings)

    monkeypatch.setattr(bucket, "Getter", make_slowly)
    with serving(always(reply(200, b"picture"))) as server:
        storage = open_storage(server.endpoint, concurrency=20)
        greenlets = [gevent.spawn(storage.get, "a.jpg", max_bytes=100, deadline_s=5) for _ in range(20)]
        assert [greenlet.get().size for greenlet in greenlets] == [7] * 20
    assert len(made) == 1


@pytest.mark.parametrize(
    ("key", "target"),
    [
        ("a b+c%2F.jpg", "/gallery/a%20b%2Bc%252F.jpg"),
        ("grüße/東京 🌆.jpg", "/gallery/gr%C3%BC%C3%9Fe/%E6%9D%B1%E4%BA%AC%20%F0%9F%8C%86.jpg"),
        ("/leading//double", "/gallery//leading//double"),
        ("a/../b/./c", "/gallery/a/../b/./c"),
        ("a?b#c&d=e;f", "/gallery/a%3Fb%23c%26d%3De%3Bf"),
        ("tab\tnew\nline", "/gallery/tab%09new%0Aline"),
        ("https://example.com/x", "/gallery/https%3A//example.com/x"),
    ],
)
def test_odd_key_is_asked_for_as_it_is(open_storage: Opener, key: str, target: str) -> None:
    with serving(always(reply(200, b"picture"))) as server:
        open_storage(server.endpoint).get(key, max_bytes=100, deadline_s=5)
    assert [request.target for request in server.requests] == [target]


def test_environment_does_not_reach_the_client(open_storage: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_PROFILE": "nowhere",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_REGION": "eu-west-1",
        "AWS_SESSION_TOKEN": "a-token",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    with serving(always(reply(200, b"picture"))) as server:
        open_storage(server.endpoint).get("a.jpg", max_bytes=100, deadline_s=5)
    (request,) = server.requests
    assert request.signed_region == "us-east-1"
    assert "a-token" not in request.head
    assert request.header("user-agent").startswith("gradientd/")


def test_listing_follows_its_pages(open_storage: Opener) -> None:
    def page(keys: str, token: str) -> bytes:
        entries = "".join(
            f"<Contents><Key>{k}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>" for k in keys
        )
        more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>" if token else ""
        return reply(200, f"<ListBucketResult>{entries}{more}</ListBucketResult>".encode())

    def script(connection: Any, request: Request) -> None:
        connection.sendall(page("de", "") if "continuation-token=more" in request.target else page("bc", "more"))

    with serving(script) as server:
        assert list(open_storage(server.endpoint).list_pages("", start_after="a")) == [["b", "c"], ["d", "e"]]
    assert "start-after=a" in server.requests[0].target


def test_listing_that_is_refused_is_translated(open_storage: Opener) -> None:
    with serving(always(refusal(503, "SlowDown"))) as server, pytest.raises(StorageUnavailable):
        next(open_storage(server.endpoint).list_pages("a/"))


def test_private_authority_is_trusted_when_the_settings_name_it(open_storage: Opener, tmp_path: Path) -> None:
    authority = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with serving(always(reply(200, b"picture")), context) as server:
        trusting = open_storage(server.endpoint, s3_ca_file=str(ca_file))
        assert trusting.get("a.jpg", max_bytes=100, deadline_s=5).size == 7
        with pytest.raises(StorageUnavailable, match="certificate"):
            open_storage(server.endpoint).get("a.jpg", max_bytes=100, deadline_s=5)
