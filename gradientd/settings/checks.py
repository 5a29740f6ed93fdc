"""What is wrong with a value, as the end of a sentence that begins with its variable's name; None when nothing is.

It refuses to repeat a value that may hold a secret.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

Check = Callable[[str], str | None]

MIN_TOKEN_CHARS = 16
REDIS_SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")
_REGION = re.compile(r"(?!\d+$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_CLUSTER_SCHEMES = ("redis+cluster", "rediss+cluster", "redis-cluster")


def is_host(name: str | None) -> bool:
    """Whether a name can be looked up: one with an empty part, or a part of over 63 characters, no resolver takes."""
    try:
        return bool(name and name.encode("idna"))
    except UnicodeError:
        return False


def check_token(value: str) -> str | None:
    """A token that cannot be guessed and fits into a header."""
    if len(value) < MIN_TOKEN_CHARS or not value.isascii() or not value.isprintable() or " " in value:
        return f"must be {MIN_TOKEN_CHARS} or more ASCII characters without a space; `openssl rand -hex 32` makes one"
    return None


def check_redis_url(value: str) -> str | None:
    """A URL of a kind that the queue can use; never shown, since it may hold a password."""
    scheme = value.partition("://")[0].lower()
    if scheme in _CLUSTER_SCHEMES:
        return "asks for Redis Cluster, which the queue's fixed keys rule out: they have no hash tags"
    if scheme not in REDIS_SCHEMES or "://" not in value:
        return f"must begin with one of {', '.join(s + '://' for s in REDIS_SCHEMES)}"
    try:
        parts = urlsplit(value)
        if scheme in ("redis", "rediss") and (not is_host(parts.hostname) or parts.port == 0):
            return "names no host or a wrong port"
        if scheme in ("redis", "rediss") and not (parts.path.strip("/") or "0").isdecimal():
            return "must end with the number of a database, such as redis://host:6379/0"
        if "sentinel" in scheme and not (parts.netloc and parts.path.strip("/")):
            return "must look like redis+sentinel://host:port,host:port/service/db"
    except ValueError:
        return "is not a valid URL"
    return None


def check_bucket(value: str) -> str | None:
    """A bucket's name; with a folder behind it the storage would find the signature wrong."""
    return f"must be the bucket's name alone, without a slash, not {value!r}" if "/" in value else None


def check_region(value: str) -> str | None:
    """A region's name is a part of a host's name."""
    return None if _REGION.fullmatch(value) else f"must be a region's name such as eu-central-1, not {value!r}"


def check_certificates(path: str) -> str | None:
    """A file of CA certificates in PEM."""
    try:
        ssl.create_default_context(cafile=path)
    except FileNotFoundError:
        return f"names no file: {path!r}"
    except OSError:
        return f"names a file that holds no certificates in PEM, or cannot be read: {path!r}"
    return None


def check_client_certificate(path: str | None, key_path: str | None) -> str | None:
    """A client's certificate in PEM, and its key, in the same file or in one of its own: nobody types a pass phrase."""
    if path is None:
        return None if key_path is None else "is not set, and a key alone is of no use"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(path, key_path, password=lambda: "")
    except FileNotFoundError:
        return None  # each variable tells of its own
    except OSError:
        return f"names no certificate in PEM with a key that fits and needs no pass phrase: {path!r}"
    return None


def check_http_url(value: str) -> str | None:
    """An http or https URL without credentials."""
    try:
        parts = urlsplit(value)
        sound = parts.scheme in ("http", "https") and is_host(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        return "must be a URL such as https://s3.example.com"
    if parts.username or parts.password:
        return "must not hold credentials: set S3_ACCESS_KEY and S3_SECRET_KEY"
    return None
