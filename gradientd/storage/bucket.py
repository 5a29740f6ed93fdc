"""Storage: the requests that gradientd makes of its bucket.

It refuses to ask twice: a failure goes to the caller, translated.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Generic, TypeVar

import gevent
from botocore.exceptions import ClientError

from gradientd.errors import (
    DownloadTimeout,
    LimitExceeded,
    ObjectDenied,
    ObjectMissing,
    StorageError,
    StorageFault,
    TruncatedBody,
)
from gradientd.settings import Settings
from gradientd.storage.body import SPOOL_BYTES, Body, Buffer, receive
from gradientd.storage.client import DEFAULT_REGION, make_client
from gradientd.storage.getter import Getter
from gradientd.storage.refusals import code_of, translated, understood, whole

T = TypeVar("T")

PROBE_DEADLINE_S = 15.0
LENGTH_DIGITS_MAX = 18
"""An exabyte has one more; of what is longer still, Python refuses to make a number."""
PROBE_PREFIX = "gradientd-probe/"
"""The probe asks for random keys under this prefix, which nobody stores anything under."""


class Storage:
    """The bucket that the settings name. The constructor does no I/O.

    Pictures are read by a Getter, the rest is a boto3 client's; each is made by the first request that needs it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._bucket = settings.master_bucket_name
        self._getter = _Once(lambda: Getter(settings))
        self._client = _Once[Any](lambda: make_client(settings))

    def get(self, key: str, *, max_bytes: int, deadline_s: float) -> Body:
        """Read one object with one GET, within `deadline_s` seconds from now to its last byte.

        A body over `max_bytes` is cut off while it streams, whatever its Content-Length said. Raises ObjectMissing,
        ObjectDenied, TruncatedBody, DownloadTimeout, LimitExceeded, or a StorageError.
        """
        timer = gevent.Timeout.start_new(deadline_s)
        try:
            with self._translated():
                answer = self._getter().get(key)
                length = _length_of(answer)
                with contextlib.closing(answer.raw) as stream, whole():
                    body = Body(receive(stream, length, max_bytes))
                if not body.size and _has_no_end(answer):
                    raise TruncatedBody("The answer ended before it said how long the object is.")
                return body
        except gevent.Timeout as exc:
            if exc is not timer:
                raise
            raise DownloadTimeout(f"The object did not arrive within {deadline_s:g} s.") from exc
        finally:
            timer.close()

    def probe(self) -> None:
        """Ask for a key that does not exist: healthy is who says so, or who says that we may not know.

        (Without the right to list, AWS answers 403 for a missing key.) Raises a StorageError, after which the next
        request makes a new connection: a kept one leads to the same server, though others may stand behind the name.
        """
        try:
            self.tells_missing_keys()
        except StorageError:
            if self._getter.made is not None:
                self._getter.made.close()
            raise

    def tells_missing_keys(self) -> bool:
        """Probe; returns whether the storage says that a key is missing, rather than that it is denied."""
        key = PROBE_PREFIX + secrets.token_hex(16)
        try:
            self.get(key, max_bytes=SPOOL_BYTES, deadline_s=PROBE_DEADLINE_S)
        except ObjectMissing:
            return True
        except ObjectDenied:
            return False
        except (DownloadTimeout, TruncatedBody, LimitExceeded) as exc:
            raise StorageFault(f"The storage does not answer the probe as an S3 server would: {exc}") from exc
        raise StorageFault("The storage gives an object for a key that nobody stored, as no S3 server would.")

    def put(self, key: str, data: Buffer, content_type: str) -> None:
        """Store one object. Raises ObjectDenied or a StorageError."""
        with self._asking() as client:
            client.put_object(Bucket=self._bucket, Key=key, Body=data, ContentType=content_type)

    def list_pages(self, prefix: str, start_after: str | None = None) -> Iterator[list[str]]:
        """The keys under `prefix`, after `start_after`, in the bucket's order: one list a page, at most 1000 in each.

        Raises ObjectDenied or a StorageError.
        """
        request = {"Bucket": self._bucket, "Prefix": prefix}
        if start_after is not None:
            request["StartAfter"] = start_after
        while True:
            with self._asking() as client:
                page = client.list_objects_v2(**request)
                keys = [entry["Key"] for entry in page.get("Contents", ())]
                token = page["NextContinuationToken"] if page.get("IsTruncated") else None
            if keys:
                yield keys
            if token is None:
                return
            request["ContinuationToken"] = token

    def create_bucket(self) -> None:
        """Make the bucket; one that is ours already is left as it is. Raises a StorageError."""
        region = self._settings.s3_region or DEFAULT_REGION
        where = {} if region == DEFAULT_REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        with self._asking() as client:
            try:
                client.create_bucket(Bucket=self._bucket, **where)
            except ClientError as exc:
                if code_of(exc) != "BucketAlreadyOwnedByYou":
                    raise

    def close(self) -> None:
        """Close the idle connections."""
        for made in (self._getter.made, self._client.made):
            if made is not None:
                made.close()

    @contextlib.contextmanager
    def _asking(self) -> Iterator[Any]:
        """The boto3 client, for what is asked and read inside the block."""
        with self._translated():
            client = self._client()
            with understood():
                yield client

    def _translated(self) -> AbstractContextManager[None]:
        return translated(self._settings.s3_endpoint, self._bucket)


class _Once(Generic[T]):
    """Something that is made when it is first asked for, once, however many ask meanwhile."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._making = threading.Lock()
        self.made: T | None = None

    def __call__(self) -> T:
        if self.made is None:
            with self._making:
                if self.made is None:
                    self.made = self._make()
        return self.made


def _length_of(answer: Any) -> int | None:
    """The body's length in bytes, where the head names one and the body does not come in chunks.

    Raises StorageFault for one that no object has.
    """
    if "chunked" in answer.headers.get("transfer-encoding", "").lower():
        return None
    told = answer.headers.get("content-length", "")
    if not told.isdecimal():
        return None
    if len(told) > LENGTH_DIGITS_MAX:
        raise StorageFault(f"The storage names a Content-Length of {len(told)} digits.")
    return int(told)


def _has_no_end(answer: Any) -> bool:
    """Whether the head names no end of its body: http.client takes a head that was cut off for a whole one."""
    return "content-length" not in answer.headers and "transfer-encoding" not in answer.headers
