"""The getter does what a boto3 client's get_object does: same requests, same errors, same regions."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import example, given
from hypothesis import strategies as st
from moto import mock_aws

from gradientd.settings import Settings
from gradientd.storage.client import make_client
from gradientd.storage.getter import Getter
from tests.storage.raw_server import Request, always, refusal, reply, serving

BUCKET = "gallery"
BOTO3_ONLY = {"amz-sdk-invocation-id", "amz-sdk-request"}
"""What counts boto3's own retries, of which there are none."""
ODD = "a b+c%2F/../ü/東京🌆?b#c&d=e;f~!@$^*()_[]{}'\",<>|\\`:\t\n//"


def settings_for(endpoint: str, **changes: Any) -> Settings:
    return Settings("redis://127.0.0.1", endpoint, "access-key", "secret-key", BUCKET, **changes)


def by_boto3(settings: Settings, key: str) -> bytes:
    client = make_client(settings)
    try:
        body: bytes = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    finally:
        client.close()
    return body


def by_getter(settings: Settings, key: str) -> bytes:
    getter = Getter(settings)
    try:
        body: bytes = getter.get(key).content
    finally:
        getter.close()
    return body


BOTH: tuple[Callable[[Settings, str], bytes], ...] = (by_boto3, by_getter)


def headers_of(request: Request) -> dict[str, str]:
    lines = (line.partition(": ") for line in request.head.splitlines()[1:] if line)
    return {name.lower(): value for name, _, value in lines}


@pytest.mark.parametrize("path", ["", "/", "/some/prefix", "/some/prefix/"])
@pytest.mark.parametrize("region", [None, "eu-north-1"])
def test_request_is_boto3_s(path: str, region: str | None) -> None:
    with serving(always(reply(200, b"picture"))) as server:
        settings = settings_for(server.endpoint + path, s3_region=region)
        assert [get(settings, "lakes/como.jpg") for get in BOTH] == [b"picture"] * 2
    theirs, ours = server.requests
    assert (ours.method, ours.target) == (theirs.method, theirs.target)
    assert ours.signed_region == theirs.signed_region
    their_headers, our_headers = headers_of(theirs), headers_of(ours)
    assert set(our_headers) == set(their_headers) - BOTO3_ONLY
    for name in set(our_headers) - {"authorization", "x-amz-date"}:
        assert their_headers[name].startswith(our_headers[name]), "boto3 adds its own name to User-Agent"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
@example(ODD)
@example(".")
@example("../..")
def test_any_key_s_target_is_boto3_s(key: str) -> None:
    with serving(always(reply(200))) as server:
        for get in BOTH:
            get(settings_for(server.endpoint), key)
    assert server.requests[0].target == server.requests[1].target


@pytest.mark.parametrize(
    "answer",
    [
        refusal(404, "NoSuchKey"),
        refusal(400, "AuthorizationHeaderMalformed"),
        refusal(503, "SlowDown", Message="Slow down"),
        reply(404),
        reply(304),
        reply(500, b"<html>", content_type="text/html"),
        reply(403, b"<!doctype html><title>No such page<br>", content_type="text/html"),
        reply(400, b"\xff\xfe not XML"),
        reply(502, b"<Error><Code>Half"),
        reply(400, b"<Other/>"),
    ],
)
def test_refusal_is_read_as_boto3_reads_it(answer: bytes) -> None:
    errors = []
    with serving(always(answer)) as server:
        for get in BOTH:
            with pytest.raises(ClientError) as caught:
                get(settings_for(server.endpoint), "a.jpg")
            errors.append(caught.value.response)
    theirs, ours = errors
    assert ours["Error"].get("Code") == theirs["Error"].get("Code")
    for said in ("HTTPStatusCode", "HTTPHeaders"):
        assert ours["ResponseMetadata"][said] == theirs["ResponseMetadata"][said]


@pytest.mark.parametrize(
    "elsewhere",
    [
        refusal(400, "AuthorizationHeaderMalformed", Region="garage"),
        reply(301, x_amz_bucket_region="garage"),
        reply(307, x_amz_bucket_region="garage"),
        refusal(301, "PermanentRedirect", Region="garage"),
        refusal(400, "PermanentRedirect", Region="garage"),
        refusal(400, "IllegalLocationConstraintException", Region="garage"),
    ],
)
def test_region_is_followed_where_boto3_follows_it(elsewhere: bytes) -> None:
    def answer(connection: socket.socket, _: Request) -> None:
        connection.sendall(reply(200, b"picture") if server.requests[-1].signed_region == "garage" else elsewhere)

    for get in BOTH:
        with serving(answer) as server:
            assert get(settings_for(server.endpoint), "a.jpg") == b"picture"
        assert [request.signed_region for request in server.requests] == ["us-east-1", "garage"]


def test_two_regions_that_send_to_each_other_are_not_followed_for_ever() -> None:
    def answer(connection: socket.socket, _: Request) -> None:
        other = "garage" if server.requests[-1].signed_region == "us-east-1" else "us-east-1"
        connection.sendall(refusal(400, "AuthorizationHeaderMalformed", Region=other))

    with serving(answer) as server, pytest.raises(ClientError):
        by_getter(settings_for(server.endpoint), "a.jpg")
    assert len(server.requests) == 2


def test_redirect_to_nowhere_is_refused() -> None:
    """To boto3 it is a reason to look at the bucket, and at the redirect that this gets, until the stack ends."""
    with serving(always(refusal(301, "PermanentRedirect"))) as server, pytest.raises(ClientError):
        by_getter(settings_for(server.endpoint), "a.jpg")
    assert len(server.requests) == 1


@mock_aws
def test_moto_answers_in_this_process() -> None:
    settings = settings_for("https://s3.amazonaws.com")
    client = make_client(settings)
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key="a.jpg", Body=b"picture")
    assert by_getter(settings, "a.jpg") == b"picture"
