"""From URLs and handed clients to clients of our own: explicit time-outs, no hidden retry, no secret shown."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import fakeredis
import pytest
import redis
from redis import exceptions
from redis.backoff import ExponentialBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from gradientd.errors import RedisUnavailable, SettingsError
from gradientd.jobqueue import Connector, Queue
from gradientd.jobqueue.translate import explain
from gradientd.settings import Settings
from tests.jobqueue.servers import Server

SECRET = "s3cr3t p@ss"


def settings(url: str, **more: str) -> Settings:
    return Settings(url, "http://127.0.0.1:1", "key", "secret", "bucket", **more)  # type: ignore[arg-type]


def arguments_of(client: redis.Redis) -> dict[str, Any]:
    return dict(client.connection_pool.connection_kwargs)


def sentinels_of(client: redis.Redis) -> list[redis.Redis]:
    pool: Any = client.connection_pool
    return list(pool.sentinel_manager.sentinels)


def client_for(url: str, **more: str) -> redis.Redis:
    return Connector.from_settings(settings(url, **more)).client(socket_timeout_s=3.5, max_connections=7)


@pytest.mark.parametrize(
    ("url", "expected", "address"),
    [
        ("redis://h", {"host": "h"}, "redis://h:6379/0"),
        ("redis://h:7/3", {"host": "h", "port": 7, "db": 3}, "redis://h:7/3"),
        ("REDIS://[::1]:7", {"host": "::1", "port": 7}, "redis://[::1]:7/0"),
        ("redis://u:s3cr3t%20p%40ss@h", {"host": "h", "username": "u", "password": SECRET}, "redis://h:6379/0"),
        ("rediss://:s3cr3t%20p%40ss@h", {"host": "h", "password": SECRET}, "rediss://h:6379/0"),
        ("unix:///run/redis.sock?db=2", {"path": "/run/redis.sock", "db": 2}, "unix:///run/redis.sock/2"),
        ("redis://h?socket_timeout=99&decode_responses=no", {"socket_timeout": 3.5}, "redis://h:6379/0"),
    ],
)
def test_url_becomes_connection_arguments(url: str, expected: dict[str, Any], address: str) -> None:
    connector = Connector.from_settings(settings(url))
    arguments = arguments_of(connector.client(socket_timeout_s=3.5, max_connections=7))
    assert {name: arguments[name] for name in expected} == expected
    assert connector.address == address


@pytest.mark.parametrize(
    "url", ["redis://h", "rediss://h", "unix:///s", "redis+sentinel://a:1,b:2/service/3", "rediss+sentinel://a/service"]
)
def test_every_client_has_our_time_outs_and_no_hidden_retry(url: str) -> None:
    client = client_for(url)
    arguments = arguments_of(client)
    assert arguments["socket_timeout"] == 3.5
    assert arguments["protocol"] == 2
    assert arguments["retry"].get_retries() == 0
    assert (arguments["decode_responses"], arguments["encoding_errors"]) == (True, "surrogateescape")
    assert client.connection_pool.max_connections == 7
    if "sentinel" in url:
        for sentinel in sentinels_of(client):
            own = arguments_of(sentinel)
            assert own["retry"].get_retries() == 0
            assert own["socket_timeout"] == 2.0


@pytest.mark.parametrize("url", ["redis://h/0?foo=bar", "redis://h/0?ssl_cert_reqs=none", "unix:///s?foo=bar"])
def test_parameter_that_redis_does_not_know_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL has a parameter that redis does not know"):
        client_for(url)


@pytest.mark.parametrize("scheme", ["rediss://h", "rediss+sentinel://h:1/service"])
def test_tls_checks_the_server_and_shows_our_certificate(scheme: str) -> None:
    client = client_for(scheme, redis_ca_file="/ca.pem", redis_cert_file="/cert.pem", redis_key_file="/key.pem")
    expected = {
        "ssl_ca_certs": "/ca.pem",
        "ssl_certfile": "/cert.pem",
        "ssl_keyfile": "/key.pem",
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
    }
    pools = [client.connection_pool]
    if "sentinel" in scheme:
        pools += [sentinel.connection_pool for sentinel in sentinels_of(client)]
    for pool in pools:
        assert issubclass(pool.connection_class, redis.SSLConnection)
        assert {name: pool.connection_kwargs[name] for name in expected} == expected


def test_sentinel_url_names_hosts_service_db_and_the_data_nodes_password() -> None:
    connector = Connector.from_settings(settings("redis+sentinel://u:s3cr3t%20p%40ss@a:1,[::1]:2,c/my%20service/3"))
    client = connector.client(socket_timeout_s=1.0, max_connections=2)
    pool: Any = client.connection_pool
    places = [arguments_of(sentinel) for sentinel in sentinels_of(client)]
    assert [(place["host"], place["port"]) for place in places] == [("a", 1), ("::1", 2), ("c", 26379)]
    assert all(place.get("password") is None for place in places)
    assert pool.service_name == "my service"
    assert arguments_of(client)["db"] == 3
    assert (arguments_of(client)["username"], arguments_of(client)["password"]) == ("u", SECRET)
    assert places[0]["socket_timeout"] == 1.0


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://h:x/service",
        "redis+sentinel://a,b..c/service",
        "redis+sentinel:///service",
        "redis+sentinel://h",
        "redis+sentinel://h/s/x",
    ],
)
def test_sentinel_url_that_is_wrong_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL") as caught:
        Connector.from_settings(settings(url.replace("//", f"//u:{SECRET}@")))
    assert SECRET not in str(caught.value)


def test_no_secret_is_shown() -> None:
    shown = []
    for url in (f"redis://u:{SECRET}@h", f"redis+sentinel://u:{SECRET}@h/service"):
        connector = Connector.from_settings(settings(url.replace(" ", "%20").replace("p@ss", "p%40ss")))
        shown += [repr(connector), str(connector), connector.address]
    handed = redis.Redis(host="h", password=SECRET)
    shown.append(repr(Connector.from_client(handed)))
    assert all(SECRET not in text and "s3cr3t" not in text for text in shown)


def test_each_client_has_connections_of_its_own() -> None:
    connector = Connector.from_settings(settings("redis://h"))
    one, two = (connector.client(socket_timeout_s=1, max_connections=1) for _ in range(2))
    assert one.connection_pool is not two.connection_pool


def test_handed_client_is_a_template_and_is_left_alone() -> None:
    handed = redis.Redis(
        host="h", port=7, db=3, username="u", password=SECRET, socket_timeout=99, retry=Retry(ExponentialBackoff(), 9)
    )
    before = arguments_of(handed)
    ours = Connector.from_client(handed).client(socket_timeout_s=3.5, max_connections=2)
    arguments = arguments_of(ours)
    named = ("host", "port", "db", "username", "password", "socket_timeout")
    assert [arguments[name] for name in named] == ["h", 7, 3, "u", SECRET, 3.5]
    assert arguments["retry"].get_retries() == 0
    assert arguments_of(handed) == before


def test_handed_tls_client_keeps_its_tls() -> None:
    handed = redis.Redis(host="h", ssl=True, ssl_ca_certs="/ca.pem")
    ours = Connector.from_client(handed).client(socket_timeout_s=1, max_connections=2)
    assert issubclass(ours.connection_pool.connection_class, redis.SSLConnection)
    assert arguments_of(ours)["ssl_ca_certs"] == "/ca.pem"


@pytest.mark.parametrize("ssl", [False, True])
def test_handed_sentinel_client_gets_sentinels_of_its_own(ssl: bool) -> None:
    manager = Sentinel([("a", 1), ("b", 2)], sentinel_kwargs={"password": SECRET}, password="data")
    handed = manager.master_for("service", ssl=ssl, db=3)
    ours = Connector.from_client(handed).client(socket_timeout_s=3.5, max_connections=2)
    pool: Any = ours.connection_pool
    assert pool.sentinel_manager is not manager
    places = [arguments_of(sentinel) for sentinel in sentinels_of(ours)]
    assert [(place["host"], place["port"]) for place in places] == [("a", 1), ("b", 2)]
    assert {place["password"] for place in places} == {SECRET}
    assert (pool.service_name, arguments_of(ours)["db"], arguments_of(ours)["password"]) == ("service", 3, "data")
    assert issubclass(pool.connection_class, redis.SSLConnection) == ssl


def test_handed_fakeredis_shares_its_server() -> None:
    handed = fakeredis.FakeRedis()
    handed.set("key", "value")
    ours = Connector.from_client(handed).client(socket_timeout_s=1, max_connections=2)
    assert ours.get("key") == "value"


def test_cluster_client_is_refused_with_the_reason() -> None:
    cluster = object.__new__(redis.RedisCluster)
    with pytest.raises(ValueError, match="hash tags"):
        Connector.from_client(cluster)  # type: ignore[arg-type]


# -- what people are told --------------------------------------------------------------------------------------------


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_silent_server_is_told_in_time(silent_port: int) -> None:
    connector = Connector.from_settings(settings(f"redis://:{SECRET.replace('@', '%40')}@127.0.0.1:{silent_port}"))
    queue = Queue(connector.client(socket_timeout_s=0.2, max_connections=1))
    began = time.monotonic()
    with pytest.raises(RedisUnavailable, match="did not answer in time"):
        queue.ping()
    assert time.monotonic() - began < 1.0
    queue.close()


def test_refused_connection_is_told_once_and_at_once() -> None:
    queue = Queue(client_for("redis://127.0.0.1:1"))
    began = time.monotonic()
    with pytest.raises(RedisUnavailable, match=r"cannot be reached: .*refused") as caught:
        queue.ping()
    assert time.monotonic() - began < 0.5
    assert isinstance(caught.value.__cause__, redis.ConnectionError)
    assert str(caught.value).count("\n") == 0


def test_wrong_password_is_told_without_showing_it(valkey_server: Server) -> None:
    wrong = redis.Redis(unix_socket_path=valkey_server.socket_path, username="nobody", password=SECRET)
    queue = Queue(Connector.from_client(wrong).client(socket_timeout_s=1, max_connections=1))
    with pytest.raises(RedisUnavailable, match="refuses the user name or the password") as caught:
        queue.ping()
    assert SECRET not in str(caught.value)
    queue.close()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (exceptions.BusyLoadingError("Redis is loading the dataset in memory"), "still loading"),
        (exceptions.ReadOnlyError("You can't write against a read only replica."), "read-only replica"),
        (exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), "out of memory"),
        (exceptions.NoScriptError("No matching script."), "forgot a script"),
        (exceptions.ResponseError("MISCONF Redis is configured to save RDB snapshots, but"), "cannot save to its disk"),
        (exceptions.ResponseError("NOREPLICAS Not enough good replicas to write."), "too few replicas"),
        (exceptions.ResponseError("NOAUTH Authentication required."), "asks for a password"),
        (exceptions.AuthenticationError("invalid username-password pair"), "refuses the user name"),
        (exceptions.MovedError("3999 127.0.0.1:6381"), "hash tags"),
        (exceptions.ResponseError("ERR Error running script: @user_script:9: -OOM command"), "out of memory"),
        (exceptions.MaxConnectionsError("Too many connections"), "connections to Redis are in use"),
        (exceptions.TimeoutError("Timeout reading from socket"), "did not answer in time"),
        (exceptions.ConnectionError("Connection closed by server."), "cannot be reached: Connection closed by server."),
        (ConnectionResetError(), "cannot be reached: ConnectionResetError."),
        (exceptions.ResponseError("ERR odd"), "refuses a command: ERR odd."),
    ],
)
def test_error_is_told_in_one_sentence(error: Exception, sentence: str) -> None:
    told = explain(error)
    assert sentence in told
    assert told.endswith(".")
    assert "\n" not in told


def test_what_a_command_carried_is_never_told() -> None:
    error = exceptions.ResponseError(f"unknown command 'AUTO', with args beginning with: '{SECRET}' ")
    assert explain(error) == "Redis refuses a command: unknown command 'AUTO'."


def test_long_reason_is_cut() -> None:
    assert len(explain(exceptions.ResponseError("x" * 5_000))) < 300
