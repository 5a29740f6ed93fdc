"""From a URL, or from a client that somebody hands us, to clients of our own.

It refuses hidden retries (a script whose reply was lost would run twice unseen) and default time-outs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import redis
from redis import exceptions
from redis.backoff import NoBackoff
from redis.connection import Connection, ConnectionPool, SSLConnection, parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from gradientd.errors import SettingsError
from gradientd.settings import Settings
from gradientd.settings.checks import is_host

RedisClient = redis.Redis
"""The type of a client, for those who hand one over without importing redis."""
SENTINEL_PORT = 26379
SENTINEL_TIMEOUT_S = 2.0
"""How long one Sentinel may take before the next is asked."""

_OURS = frozenset(
    {
        "connection_pool", "decode_responses", "encoding", "encoding_errors", "event_dispatcher", "himport_registry",
        "legacy_responses", "max_connections", "protocol", "retry", "retry_on_error", "retry_on_timeout",
        "socket_connect_timeout", "socket_timeout",
    }
)
"""Connection arguments that we choose, or that belong to the client they came from."""
_OURS_PREFIXES = ("maint_notifications", "oss_cluster", "cache", "orig_")
_CLUSTER = "Redis Cluster is not supported: the queue's fixed keys have no hash tags"


@dataclass(frozen=True, slots=True)
class Connector:
    """How to reach Redis; `client` makes a new client each time, since clients are never shared between threads.

    `arguments` are redis-py's connection arguments, secrets among them; `address` is what may be shown to people.
    """

    address: str
    arguments: Mapping[str, Any] = field(repr=False)
    connection_class: type[Any] | None = field(default=None, repr=False)
    sentinels: tuple[tuple[str, int], ...] = ()
    sentinel_arguments: Mapping[str, Any] = field(default_factory=dict, repr=False)
    service: str | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Connector:
        """Read `redis_url`: redis://, rediss://, unix:// or redis+sentinel://h1:p,h2:p/service/db.

        A URL's user and password are the data nodes'. Raises SettingsError, which never shows the URL.
        """
        scheme, _, rest = settings.redis_url.partition("://")
        tls = _tls_arguments(settings) if scheme.lower().startswith("rediss") else {}
        if scheme.lower() in ("redis+sentinel", "rediss+sentinel"):
            return cls._from_sentinel_url(scheme.lower(), rest, {"ssl": True, **tls} if tls else {})
        try:
            arguments = {**parse_url(f"{scheme.lower()}://{rest}")}
        except ValueError:
            raise SettingsError(["REDIS_URL is not a URL that redis understands"]) from None
        connection_class = arguments.pop("connection_class", None)
        try:
            (connection_class or Connection)(**arguments)  # connects to nothing yet
        except TypeError:
            raise SettingsError(["REDIS_URL has a parameter that redis does not know for this kind of URL"]) from None
        path, host, port = arguments.get("path"), arguments.get("host", "localhost"), arguments.get("port", 6379)
        place = path or f"{_bracketed(host)}:{port}"
        return cls(
            address=f"{scheme.lower()}://{place}/{arguments.get('db', 0)}",
            arguments={**_foreign(arguments), **tls},
            connection_class=connection_class,
        )

    @classmethod
    def _from_sentinel_url(cls, scheme: str, rest: str, tls: Mapping[str, Any]) -> Connector:
        place, _, path = rest.partition("?")[0].partition("/")
        credentials, _, hosts = place.rpartition("@")
        username, _, password = credentials.partition(":")
        service, _, db = path.partition("/")
        try:
            sentinels = tuple(_host_and_port(host) for host in hosts.split(","))
            db_number = int(db or 0)
        except ValueError:
            raise SettingsError(["REDIS_URL must look like redis+sentinel://host:port,host:port/service/db"]) from None
        if not service:
            raise SettingsError(["REDIS_URL names no service: redis+sentinel://host:port,host:port/service/db"])
        login = {"username": unquote(username) or None, "password": unquote(password) or None}
        shown = ",".join(f"{_bracketed(host)}:{port}" for host, port in sentinels)
        return cls(
            address=f"{scheme}://{shown}/{service}/{db_number}",
            arguments={"db": db_number, **{name: value for name, value in login.items() if value}, **tls},
            sentinels=sentinels,
            sentinel_arguments=dict(tls),
            service=unquote(service),
        )

    @classmethod
    def from_client(cls, client: redis.Redis) -> Connector:
        """Take the connection arguments of a client; the client itself is left alone.

        Raises ValueError for a Redis Cluster client.
        """
        pool = getattr(client, "connection_pool", None)
        if pool is None:
            raise ValueError(_CLUSTER if "Cluster" in type(client).__name__ else "this is not a redis-py client")
        arguments = _foreign(pool.connection_kwargs)
        if isinstance(pool, SentinelConnectionPool):
            manager = pool.sentinel_manager
            places = [sentinel.connection_pool.connection_kwargs for sentinel in manager.sentinels]
            tls = {"ssl": True} if issubclass(pool.connection_class, SSLConnection) else {}
            return cls(
                address=f"sentinel service {pool.service_name}",
                arguments={**arguments, **tls},
                sentinels=tuple((place["host"], place["port"]) for place in places),
                sentinel_arguments=_foreign(manager.sentinel_kwargs),
                service=pool.service_name,
            )
        place = arguments.get("path") or f"{_bracketed(str(arguments.get('host')))}:{arguments.get('port')}"
        return cls(
            address=f"{place}/{arguments.get('db', 0)}", arguments=arguments, connection_class=pool.connection_class
        )

    def client(self, *, socket_timeout_s: float, max_connections: int) -> redis.Redis:
        """A new client with a pool of its own; it connects when it is first used.

        `socket_timeout_s` bounds connecting and each wait for a reply: a blocking command needs more than it blocks.
        """
        ours: dict[str, Any] = {
            "socket_timeout": socket_timeout_s,
            "socket_connect_timeout": socket_timeout_s,
            "retry": Retry(NoBackoff(), 0),
            # With no retry this only ends the connection, that of a replica above all: the name, or the proxy, under
            # which it was the master when we connected may lead to the new one.
            "retry_on_error": [exceptions.ResponseError],
            "protocol": 2,
            "decode_responses": True,
            "encoding": "utf-8",
            "encoding_errors": "surrogateescape",  # bytes that are not UTF-8 survive the way to str and back
        }
        if "path" in self.arguments:
            del ours["socket_connect_timeout"]
        arguments = {**self.arguments, **ours}
        if self.service is None:
            return redis.Redis.from_pool(
                ConnectionPool(self.connection_class or Connection, max_connections=max_connections, **arguments)
            )
        patience_s = min(SENTINEL_TIMEOUT_S, socket_timeout_s)
        sentinel = Sentinel(
            list(self.sentinels),
            sentinel_kwargs={
                **self.sentinel_arguments,
                "socket_timeout": patience_s,
                "socket_connect_timeout": patience_s,
                "retry": Retry(NoBackoff(), 0),
                "protocol": 2,
            },
        )
        master: redis.Redis = sentinel.master_for(self.service, max_connections=max_connections, **arguments)
        return master


def _tls_arguments(settings: Settings) -> dict[str, Any]:
    given = {
        "ssl_ca_certs": settings.redis_ca_file,
        "ssl_certfile": settings.redis_cert_file,
        "ssl_keyfile": settings.redis_key_file,
    }
    checks = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    return {**checks, **{name: value for name, value in given.items() if value is not None}}


def _foreign(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in arguments.items()
        if name not in _OURS and not name.startswith(_OURS_PREFIXES)
    }


def _host_and_port(place: str) -> tuple[str, int]:
    parts = urlsplit(f"//{place}")
    if parts.hostname is None or not is_host(parts.hostname):
        raise ValueError("no host")
    return parts.hostname, parts.port or SENTINEL_PORT


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
