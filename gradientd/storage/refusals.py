"""What each refusal of an S3 server, and each failure to reach one, is in the error family.

It refuses to pass on what a server wrote for people: such texts may hold keys.
"""

from __future__ import annotations

import contextlib
import http.client
import re
from collections.abc import Iterator
from dataclasses import dataclass

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    ProxyConnectionError,
    SSLError,
)
from urllib3.exceptions import HTTPError  # what botocore lets through when a body breaks

from gradientd.errors import (
    BucketMissing,
    GradientdError,
    ObjectDenied,
    ObjectError,
    ObjectMissing,
    StorageCredentials,
    StorageFault,
    StorageUnavailable,
    TruncatedBody,
)


@contextlib.contextmanager
def translated(endpoint: str, bucket: str) -> Iterator[None]:
    """Turn what boto3 raises inside the block into the error family; anything else passes through."""
    try:
        yield
    except ClientError as exc:
        raise _classify(exc, bucket) from exc
    except (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError, SSLError) as exc:
        raise StorageUnavailable(f"{endpoint} cannot be reached: {_reason(exc)}.") from exc
    except (BotoCoreError, HTTPError) as exc:
        raise StorageFault(f"{endpoint} broke off its answer: {_reason(exc)}.") from exc


@contextlib.contextmanager
def understood() -> Iterator[None]:
    """Turn what botocore trips over inside the block, in an answer that no S3 server gives, into StorageFault."""
    try:
        yield
    except (BotoCoreError, HTTPError):
        raise  # some of these are ValueErrors too
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as exc:
        raise StorageFault(f"The storage gave an answer that cannot be understood: {type(exc).__name__}.") from exc


@contextlib.contextmanager
def whole() -> Iterator[None]:
    """Turn the early end of an object's body that is read inside the block into TruncatedBody."""
    try:
        yield
    except (BotoCoreError, HTTPError) as exc:
        if not _is_short(exc):
            raise
        raise TruncatedBody("The object's body ended before its Content-Length.") from exc


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a kind of refusal is to us: S3's own word for it decides, then the HTTP status."""

    error: type[GradientdError]
    sentence: str
    codes: frozenset[str]
    statuses: frozenset[int] = frozenset()


_ANSWERS = (
    _Answer(ObjectMissing, "The bucket holds no object under this key", frozenset({"NoSuchKey"}), frozenset({404})),
    _Answer(BucketMissing, "The bucket {bucket!r} does not exist", frozenset({"NoSuchBucket"})),
    _Answer(
        StorageCredentials,
        "The storage rejects the access key, the signature or this machine's clock",
        frozenset(
            {
                "AuthorizationHeaderMalformed",
                "ExpiredToken",
                "InvalidAccessKeyId",
                "InvalidClientTokenId",
                "InvalidSecurity",
                "InvalidToken",
                "NotSignedUp",
                "RequestExpired",
                "RequestTimeTooSkewed",
                "SignatureDoesNotMatch",
                "TokenRefreshRequired",
                "UnrecognizedClientException",
            }
        ),
        frozenset({401}),
    ),
    _Answer(
        StorageUnavailable,
        "The storage asks for fewer requests",
        frozenset(
            {
                "BandwidthLimitExceeded",
                "RequestLimitExceeded",
                "SlowDown",
                "Throttling",
                "ThrottlingException",
                "TooManyRequests",
                "TooManyRequestsException",
            }
        ),
        frozenset({429}),
    ),
    _Answer(
        ObjectDenied,
        "The storage denies access to this object, or hides in this way that it does not exist",
        frozenset({"AccessDenied", "AllAccessDisabled", "Forbidden", "InvalidObjectState", "KeyTooLongError"}),
        frozenset({403}),
    ),
)
_FAULT = _Answer(StorageFault, "The storage failed at this request", frozenset())
"""Anything else, 5xx above all, a 503 too: the probe will say whether it is the object's own."""

_A_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What a code can look like; anything longer or freer is a text, and may hold anything."""


def _classify(exc: ClientError, bucket: str) -> GradientdError:
    code = code_of(exc)
    status = int(exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    answer = next((answer for answer in _ANSWERS if code in answer.codes), None)
    if answer is None:
        answer = next((answer for answer in _ANSWERS if status in answer.statuses), _FAULT)
        if issubclass(answer.error, ObjectError) and _is_for_people(exc):
            answer = _FAULT
    named = f"{code}, HTTP {status}" if code and code != str(status) else f"HTTP {status}"
    return answer.error(f"{answer.sentence.format(bucket=bucket)} ({named}).")


def code_of(exc: ClientError) -> str:
    """S3's own word for a refusal, such as NoSuchKey; empty where the server gave none that looks like one."""
    code = str(exc.response.get("Error", {}).get("Code", ""))
    return code if _A_CODE.fullmatch(code) else ""


def _is_for_people(exc: ClientError) -> bool:
    """A refusal written for people comes from something in front of the storage, or from no storage at all.

    What it says of a path it does not say of an object. That it wants fewer requests is so all the same.
    """
    headers = exc.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(headers.get("content-type", "")).lower().startswith(("text/html", "text/plain"))


def _chain(exc: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = exc
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _is_short(exc: BaseException) -> bool:
    return any(isinstance(link, IncompleteReadError | http.client.IncompleteRead) for link in _chain(exc))


def _reason(exc: BaseException) -> str:
    """The operating system's word for what happened where there is one, else the error's kind."""
    for link in _chain(exc):
        if isinstance(link, OSError) and link.strerror:
            return link.strerror
    if "Timeout" in type(exc).__name__:
        return "timed out"
    return type(exc).__name__
