"""What is wrong with a value, as the end of a sentence that begins with its variable's name; None when nothing is.

It refuses to repeat a value that may hold a secret.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

Check = Callable[[str], str | None]

MIN_TOKEN_CHARS = 16
REDIS_SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")
_CLUSTER_SCHEMES = ("redis+cluster", "rediss+cluster", "redis-cluster")


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
        if scheme in ("redis", "rediss") and (not parts.hostname or parts.port == 0):
            return "names no host or a wrong port"
        if "sentinel" in scheme and not (parts.netloc and parts.path.strip("/")):
            return "must look like redis+sentinel://host:port,host:port/service/db"
    except ValueError:
        return "is not a valid URL"
    return None


def check_http_url(value: str) -> str | None:
    """An http or https URL without credentials."""
    try:
        parts = urlsplit(value)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        return "must be a URL such as https://s3.example.com"
    if parts.username or parts.password:
        return "must not hold credentials: set S3_ACCESS_KEY and S3_SECRET_KEY"
    return None
