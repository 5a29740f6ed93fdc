import os
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from gradientd.errors import SettingsError
from gradientd.model import Extra
from gradientd.settings import Settings, heartbeat_limits, parse_env, parse_local_env, terminal_colours

REQUIRED = {
    "REDIS_URL": "redis://:hunter2@127.0.0.1:6379/0",
    "S3_ENDPOINT": "http://127.0.0.1:9000",
    "S3_ACCESS_KEY": "AKIDSECRET",
    "S3_SECRET_KEY": "verysecret",
    "MASTER_BUCKET_NAME": "photos",
}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("GRADIENT_", "S3_", "REDIS_", "LOG_")) or name == "MASTER_BUCKET_NAME":
            monkeypatch.delenv(name)
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)


def problems() -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse_env()
    return caught.value.problems


def test_defaults_are_those_of_the_dataclass() -> None:
    settings = parse_env()
    assert settings == Settings(
        REQUIRED["REDIS_URL"], REQUIRED["S3_ENDPOINT"], "AKIDSECRET", "verysecret", "photos"
    )
    assert (settings.concurrency, settings.max_retries, settings.poll_interval_ms) == (2, 3, 1000)


def test_every_mistake_is_reported_at_once_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MASTER_BUCKET_NAME")
    monkeypatch.setenv("GRADIENT_WORKER_CONCURRENCY", "many")
    monkeypatch.setenv("GRADIENT_WORKER_POLL_INTERVAL_MS", "99")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    monkeypatch.setenv("S3_ENDPOINT", "s3.example.com")
    assert [problem.split()[0] for problem in problems()] == [
        "S3_ENDPOINT",
        "MASTER_BUCKET_NAME",
        "LOG_LEVEL",
        "GRADIENT_WORKER_CONCURRENCY",
        "GRADIENT_WORKER_POLL_INTERVAL_MS",
    ]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("GRADIENT_JOB_MAX_RETRIES", "max_retries"),
        ("GRADIENT_SHUTDOWN_GRACE_MS", "shutdown_grace_ms"),
        ("GRADIENT_ONCE_MAX_WAIT_S", "once_max_wait_s"),
        ("GRADIENT_SUMMARY_INTERVAL_S", "summary_interval_s"),
    ],
)
def test_zero_is_a_value_where_nothing_is_meant_by_it(monkeypatch: pytest.MonkeyPatch, name: str, field: str) -> None:
    monkeypatch.setenv(name, "0")
    assert getattr(parse_env(), field) == 0


def test_number_may_be_its_bound_and_not_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("1", "1000"):
        monkeypatch.setenv("GRADIENT_WORKER_CONCURRENCY", text)
        assert parse_env().concurrency == int(text)
    monkeypatch.setenv("GRADIENT_WORKER_CONCURRENCY", "0")
    assert problems() == ["GRADIENT_WORKER_CONCURRENCY must be at least 1, not 0"]
    monkeypatch.setenv("GRADIENT_WORKER_CONCURRENCY", "1001")
    assert problems() == ["GRADIENT_WORKER_CONCURRENCY must be at most 1000, not 1001"]


@pytest.mark.parametrize(("poll_interval_ms", "silence_s"), [(100, 60), (20_000, 60), (60_000, 180)])
def test_loop_counts_as_dead_after_a_minute_or_three_poll_intervals(
    monkeypatch: pytest.MonkeyPatch, poll_interval_ms: int, silence_s: float
) -> None:
    monkeypatch.setenv("GRADIENT_WORKER_POLL_INTERVAL_MS", str(poll_interval_ms))
    assert parse_env().longest_silence_s == heartbeat_limits()[1] == silence_s


def test_empty_variable_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIENT_JOB_MAX_RETRIES", " ")
    monkeypatch.setenv("S3_REGION", "")
    assert (parse_env().max_retries, parse_env().s3_region) == (3, None)
    monkeypatch.setenv("S3_ACCESS_KEY", "")
    assert problems() == ["S3_ACCESS_KEY is not set (nor S3_ACCESS_KEY_FILE)"]


def test_secret_comes_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from-file\n")
    monkeypatch.delenv("S3_SECRET_KEY")
    monkeypatch.setenv("S3_SECRET_KEY_FILE", str(secret))
    assert parse_env().s3_secret_key == "from-file"


def test_secret_given_twice_or_not_readable_or_empty_is_a_mistake(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    monkeypatch.setenv("S3_SECRET_KEY_FILE", str(empty))
    assert problems() == ["S3_SECRET_KEY and S3_SECRET_KEY_FILE are both set: keep one"]
    monkeypatch.delenv("S3_SECRET_KEY")
    assert problems() == ["S3_SECRET_KEY_FILE names an empty file"]
    monkeypatch.setenv("S3_SECRET_KEY_FILE", str(tmp_path / "none"))
    assert "cannot be read" in problems()[0]


@pytest.mark.parametrize(
    "url",
    [
        "redis://h",
        "rediss://u:p@h:6380/1",
        "unix:///run/redis.sock",
        "redis+sentinel://a:1,b:2/mymaster/0",
    ],
)
def test_redis_urls_that_are_served(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    assert parse_env().redis_url == url


@pytest.mark.parametrize(
    "url",
    [
        "h:6379",
        "http://h",
        "redis://",
        "redis://h:port",
        "redis://h/abc",
        "redis://a..b",
        "redis+cluster://h",
        "redis+sentinel://a:1",
    ],
)
def test_redis_urls_that_are_not(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    assert problems()[0].startswith("REDIS_URL ")


@pytest.mark.parametrize("url", ["ftp://s3.example.com", "https://", "https://s3..example.com", "https://h:0"])
def test_endpoint_that_is_no_url_is_a_mistake(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("S3_ENDPOINT", url)
    assert problems() == ["S3_ENDPOINT must be a URL such as https://s3.example.com"]


def test_bucket_is_a_name_and_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER_BUCKET_NAME", "photos/")
    assert problems() == ["MASTER_BUCKET_NAME must be the bucket's name alone, without a slash, not 'photos/'"]


@pytest.mark.parametrize(("region", "is_sound"), [("garage", True), ("eu-central-1", True), ("bad region!", False)])
def test_region_must_be_a_region_s_name(monkeypatch: pytest.MonkeyPatch, region: str, is_sound: bool) -> None:
    monkeypatch.setenv("S3_REGION", region)
    if is_sound:
        assert parse_env().s3_region == region
    else:
        assert problems() == [f"S3_REGION must be a region's name such as eu-central-1, not {region!r}"]


@pytest.mark.parametrize("name", ["GRADIENT_S3_CA_FILE", "GRADIENT_REDIS_CA_FILE"])
def test_ca_file_must_hold_certificates(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    monkeypatch.setenv(name, str(path))
    assert problems() == [f"{name} names no file: {str(path)!r}"]
    path.write_text("no certificate")
    assert problems() == [f"{name} names a file that holds no certificates in PEM, or cannot be read: {str(path)!r}"]
    trustme.CA().cert_pem.write_to_path(str(path))
    parse_env()


def test_client_certificate_must_fit_its_key_and_ask_nobody_for_a_pass_phrase(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cert, key = tmp_path / "client.pem", tmp_path / "client.key"
    made, other = (trustme.CA().issue_cert("worker@example.org") for _ in range(2))
    made.cert_chain_pems[0].write_to_path(str(cert))
    made.private_key_pem.write_to_path(str(key))
    monkeypatch.setenv("GRADIENT_REDIS_KEY_FILE", str(key))
    assert problems() == ["GRADIENT_REDIS_CERT_FILE is not set, and a key alone is of no use"]
    monkeypatch.setenv("GRADIENT_REDIS_CERT_FILE", str(cert))
    parse_env()
    unusable = (
        "GRADIENT_REDIS_CERT_FILE names no certificate in PEM with a key that fits and needs no pass phrase: "
        f"{str(cert)!r}"
    )
    other.private_key_pem.write_to_path(str(key))
    assert problems() == [unusable]
    key.write_bytes(encrypted(made.private_key_pem.bytes()))
    assert problems() == [unusable]
    key.unlink()
    assert problems() == [f"GRADIENT_REDIS_KEY_FILE names no file: {str(key)!r}"]
    monkeypatch.delenv("GRADIENT_REDIS_KEY_FILE")
    assert problems() == [unusable]
    made.private_key_and_cert_chain_pem.write_to_path(str(cert))
    parse_env()
    cert.unlink()
    assert problems() == [f"GRADIENT_REDIS_CERT_FILE names no file: {str(cert)!r}"]


def encrypted(key: bytes) -> bytes:
    """The same key under a pass phrase."""
    passphrase = serialization.BestAvailableEncryption(b"hunter2")
    return serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, passphrase
    )


def test_cluster_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis+cluster://h")
    assert "hash tags" in problems()[0]


def test_no_secret_is_ever_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = repr(parse_env())
    monkeypatch.setenv("REDIS_URL", "rdis://:hunter2@h")
    monkeypatch.setenv("S3_ENDPOINT", "http://AKIDSECRET:verysecret@h")
    shown += " ".join(problems())
    for secret in ("hunter2", "AKIDSECRET", "verysecret"):
        assert secret not in shown


def test_decode_threads_follow_the_cores_and_never_exceed_the_concurrency(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIENT_WORKER_CONCURRENCY", "1")
    assert parse_env().decode_thread_count == 1
    monkeypatch.setenv("GRADIENT_WORKER_CONCURRENCY", "64")
    assert parse_env().decode_thread_count == len(os.sched_getaffinity(0))
    monkeypatch.setenv("GRADIENT_DECODE_THREADS", "3")
    assert parse_env().decode_thread_count == 3


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9876", ("127.0.0.1", 9876)),
        ("[::1]:9876", ("::1", 9876)),
        (":9876", ("", 9876)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_http_address_is_host_and_port(monkeypatch: pytest.MonkeyPatch, text: str, address: tuple[str, int]) -> None:
    monkeypatch.setenv("GRADIENT_HTTP_ADDR", text)
    assert parse_env().http_addr == address


@pytest.mark.parametrize("text", ["9876", "127.0.0.1", "h:70000", "h:http", "http://h:1", "h:1/x", "u@h:1", "a..b:1"])
def test_http_address_that_is_none_is_a_mistake(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("GRADIENT_HTTP_ADDR", text)
    assert problems() == [f"GRADIENT_HTTP_ADDR must look like 127.0.0.1:9876, [::1]:9876 or :9876, not {text!r}"]


def test_http_token_is_optional_and_comes_from_a_file_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert parse_env().http_token is None
    secret = tmp_path / "token"
    secret.write_text("0123456789abcdef\n")
    monkeypatch.setenv("GRADIENT_HTTP_TOKEN_FILE", str(secret))
    assert parse_env().http_token == "0123456789abcdef"
    assert "0123456789abcdef" not in repr(parse_env())


@pytest.mark.parametrize("token", ["short", "0123456789 abcdef", "0123456789abcdeé"])
def test_http_token_that_is_weak_is_a_mistake_and_not_shown(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("GRADIENT_HTTP_TOKEN", token)
    (problem,) = problems()
    assert problem.startswith("GRADIENT_HTTP_TOKEN must be 16 or more ASCII characters")
    assert token not in problem


def test_extras_are_a_list_in_any_order_and_off_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse_env().extras == ()
    monkeypatch.setenv("GRADIENT_EXTRAS", " shares, dimensions,,shares ")
    assert parse_env().extras == (Extra.DIMENSIONS, Extra.SHARES)


def test_unknown_extra_is_a_mistake_that_lists_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIENT_EXTRAS", "shares,thumbhash,colour")
    assert problems() == [
        "GRADIENT_EXTRAS knows dimensions, thumbHash, blurHash, shares, contrast, isDark, oklch, version, "
        "not 'colour', 'thumbhash'"
    ]


def test_hash_whose_package_is_missing_is_a_mistake_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIENT_EXTRAS", "blurHash,shares")
    monkeypatch.setattr("gradientd.settings.reader.find_spec", lambda _: None)
    assert problems() == [
        "GRADIENT_EXTRAS cannot be had in full: "
        "blurHash needs the package blurhash_rs: pip install 'gradientd[hashes]'"
    ]


def test_local_work_needs_no_connection_and_looks_at_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in REQUIRED:
        monkeypatch.delenv(name)
    monkeypatch.setenv("REDIS_URL", "nonsense")
    monkeypatch.setenv("GRADIENT_MAX_IMAGE_PIXELS", "7")
    settings = parse_local_env()
    assert (settings.redis_url, settings.max_image_pixels) == ("", 7)
    monkeypatch.setenv("GRADIENT_EXTRAS", "size")
    with pytest.raises(SettingsError, match="GRADIENT_EXTRAS knows"):
        parse_local_env()


@pytest.mark.parametrize(
    ("env", "colours"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, 2**24),
        ({"TERM": "xterm-256color", "COLORTERM": "24bit"}, 2**24),
        ({"TERM": "xterm-direct"}, 2**24),
        ({"TERM": "xterm-256color"}, 256),
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, 0),
        ({}, 0),
        ({"TERM": "xterm", "COLORTERM": "truecolor", "NO_COLOR": "1"}, 0),
        ({"TERM": "xterm", "NO_COLOR": ""}, 256),
    ],
)
def test_colours_of_the_terminal(monkeypatch: pytest.MonkeyPatch, env: dict[str, str], colours: int) -> None:
    for name in ("TERM", "COLORTERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert terminal_colours() == colours
