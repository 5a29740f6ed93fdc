"""What the storage tests share: settings for any endpoint, and a bound for every read."""

from __future__ import annotations

from typing import Any, Protocol

import pytest

from gradientd.settings import Settings
from gradientd.storage import Storage


class Opener(Protocol):
    """Makes a Storage for an endpoint; keywords are further settings."""

    def __call__(self, endpoint: str, **settings: Any) -> Storage: ...


@pytest.fixture
def open_storage() -> Opener:
    def open_storage(endpoint: str, **settings: Any) -> Storage:
        values: dict[str, Any] = {
            "redis_url": "redis://127.0.0.1",
            "s3_endpoint": endpoint,
            "s3_access_key": "access-key-of-the-tests",
            "s3_secret_key": "secret-key-of-the-tests",
            "master_bucket_name": "gallery",
            "job_timeout_ms": 900,  # so that 300 ms of silence are too much
        }
        return Storage(Settings(**{**values, **settings}))

    return open_storage
