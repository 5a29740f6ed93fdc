"""Real servers for every suite: started once a session, skipped on a laptop that lacks them, required where CI=true."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import hypothesis
import pytest

from gradientd.embedded import S3, Valkey, open_bucket
from gradientd.errors import EmbeddedServerMissing
from gradientd.settings import Settings
from tests.missing import go_without

hypothesis.settings.register_profile("gradientd", hypothesis.settings(), deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("gradientd")


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Valkey]:
    """A Valkey without persistence that all tests share: flush it first."""
    try:
        server = Valkey()
    except EmbeddedServerMissing as exc:
        go_without(f"a server ({exc})")
    with server:
        yield server


@pytest.fixture
def valkey(valkey_server: Valkey) -> str:
    """The REDIS_URL of a real Valkey."""
    return valkey_server.url


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    """A real S3 server that all tests share: its endpoint and its keys."""
    try:
        server = S3()
    except EmbeddedServerMissing as exc:
        go_without(f"a server ({exc})")
    with server:
        yield server


@pytest.fixture
def server_settings(valkey_server: Valkey, s3_server: S3) -> Settings:
    """A worker's settings for both servers, with a bucket that was made for this test."""
    return open_bucket(valkey_server, s3_server, f"bucket-{secrets.token_hex(6)}")
