"""The bucket: whether it answers, knows our keys, and lets us read.

It refuses to need more rights than the worker: it asks for an object that is not there, or for one that you name.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradientd.cli.checks.finding import Finding, Grade
from gradientd.cli.wording import printable
from gradientd.errors import (
    BucketMissing,
    LimitExceeded,
    ObjectDenied,
    ObjectError,
    StorageCredentials,
    StorageError,
    StorageFault,
    StorageUnavailable,
)
from gradientd.settings import Settings
from gradientd.storage import Storage

READ_DEADLINE_S = 8.0
_REMEDIES: dict[type[StorageError], str] = {
    BucketMissing: "Correct MASTER_BUCKET_NAME, or make the bucket; gradientd makes none.",
    StorageCredentials: "Correct S3_ACCESS_KEY and S3_SECRET_KEY (or their _FILE), S3_REGION, or this machine's clock.",
    StorageUnavailable: "Look at S3_ENDPOINT, the network and the storage; with a private CA set GRADIENT_S3_CA_FILE.",
    StorageFault: "Is S3_ENDPOINT the storage's S3 port? Its own log will say what happened.",
}


def check_bucket(settings: Settings, key: str | None) -> Iterator[Finding]:
    """GET a key that is not there, as the worker's own probe does, and `key` where one was named."""
    storage = Storage(settings)
    try:
        yield from _probe(storage, settings, has_key=key is not None)
        if key is not None:
            yield from _read(storage, settings, key)
    except StorageError as exc:
        yield Finding("bucket", Grade.FAULT, str(exc), _REMEDIES[type(exc)], is_outage=True)
    finally:
        storage.close()


def _probe(storage: Storage, settings: Settings, *, has_key: bool) -> Iterator[Finding]:
    tells = storage.tells_missing_keys()
    place = f"{settings.master_bucket_name!r} at {settings.s3_endpoint}"
    if tells:
        yield Finding("bucket", Grade.OK, f"{place} answers, and says of a missing key that it is missing")
        return
    yield Finding(
        "bucket",
        Grade.OK if has_key else Grade.UNKNOWN,
        f"{place} answers 403 for a missing key: these keys may not list; whether they may read shows only a real one",
        None if has_key else "Name a picture of the bucket: gradientd doctor --read lakes/como.jpg",
    )


def _read(storage: Storage, settings: Settings, key: str) -> Iterator[Finding]:
    try:
        with storage.get(key, max_bytes=settings.max_image_bytes, deadline_s=READ_DEADLINE_S) as body:
            size = body.size
    except ObjectDenied as exc:
        yield Finding("bucket", Grade.FAULT, f"{printable(key)}: {exc}", "Give these keys s3:GetObject on the bucket.")
    except (ObjectError, LimitExceeded) as exc:
        yield Finding("bucket", Grade.FAULT, f"{printable(key)}: {exc}", "Name a picture that is there, to tell more.")
    else:
        yield Finding("bucket", Grade.OK, f"{printable(key)} was read: {size:,} bytes")
