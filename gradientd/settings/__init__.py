"""The environment, read once into one frozen Settings.

It refuses to be read while running: nothing outside this folder looks at os.environ.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gradientd.errors import SettingsError
from gradientd.model import Extra
from gradientd.settings.checks import (
    check_bucket,
    check_certificates,
    check_client_certificate,
    check_http_url,
    check_redis_url,
    check_region,
    check_token,
)
from gradientd.settings.reader import Reader

LOG_LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")
LOG_FORMATS = ("auto", "json", "pretty")
LAST_WORDS_S = 10.0
"""After the grace time of a stop: how long the hand-backs and the held results may take altogether."""
_CONNECTIONS = ("redis_url", "s3_endpoint", "s3_access_key", "s3_secret_key", "master_bucket_name")
TRUE_COLOURS = 2**24


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator can set; the README's table says what each means. Secrets stay out of its repr."""

    redis_url: str = field(repr=False)
    s3_endpoint: str
    s3_access_key: str = field(repr=False)
    s3_secret_key: str = field(repr=False)
    master_bucket_name: str
    s3_region: str | None = None
    log_level: str = "info"
    log_format: str = "auto"
    concurrency: int = 2
    max_retries: int = 3
    poll_interval_ms: int = 1_000
    lease_ms: int = 60_000
    reap_interval_ms: int = 15_000
    orphan_grace_ms: int = 900_000
    audit_interval_ms: int = 3_600_000
    job_timeout_ms: int = 120_000
    decode_timeout_ms: int = 30_000
    shutdown_grace_ms: int = 25_000
    once_max_wait_s: int = 600
    decode_threads: int = 0
    max_image_bytes: int = 104_857_600
    max_image_pixels: int = 150_000_000
    max_image_frames: int = 10_000
    max_jpeg_scans: int = 100
    memory_budget_mb: int = 512
    dead_letters_max: int = 10_000
    heartbeat_file: str | None = None
    s3_ca_file: str | None = None
    redis_ca_file: str | None = None
    redis_cert_file: str | None = None
    redis_key_file: str | None = None
    http_addr: tuple[str, int] | None = None
    http_token: str | None = field(default=None, repr=False)
    summary_interval_s: int = 60
    extras: tuple[Extra, ...] = ()

    @property
    def longest_silence_s(self) -> float:
        """For how long the worker's loop may not come round before it counts as dead."""
        return _longest_silence_s(self.poll_interval_ms)

    @property
    def longest_stop_s(self) -> float:
        """How long a stop may take: the grace time, then the hand-backs."""
        return self.shutdown_grace_ms / 1000 + LAST_WORDS_S

    @property
    def decode_thread_count(self) -> int:
        """How many pictures are decoded side by side: as set, else one a core, at most the concurrency."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return min(self.decode_threads or cores, self.concurrency)


def parse_env() -> Settings:
    """Read Settings from the environment.

    Raises SettingsError that names every missing or wrong variable at once; a secret's value is never shown.
    """
    return inspect_env().sound()


@dataclass(frozen=True, slots=True)
class Inspected:
    """The environment as it is. `settings` has defaults for numbers that are wrong, and what is wrong or missing else.

    `problems` is what SettingsError would say; `unknown` are the variables named GRADIENT_… that nobody reads, each
    with the name that was most likely meant, or None.
    """

    settings: Settings
    problems: tuple[str, ...]
    unknown: Mapping[str, str | None]

    def sound(self) -> Settings:
        """The settings. Raises SettingsError when something is wrong."""
        if self.problems:
            raise SettingsError(list(self.problems))
        return self.settings


def inspect_env() -> Inspected:
    """Read the environment without judging it."""
    r = Reader()
    connections: dict[str, Any] = {
        "redis_url": r.secret("REDIS_URL", check=check_redis_url),
        "s3_endpoint": r.text("S3_ENDPOINT", required=True, check=check_http_url),
        "s3_access_key": r.secret("S3_ACCESS_KEY"),
        "s3_secret_key": r.secret("S3_SECRET_KEY"),
        "master_bucket_name": r.text("MASTER_BUCKET_NAME", required=True, check=check_bucket),
    }
    return _read_others(r, connections)


def parse_local_env() -> Settings:
    """Read Settings for work that needs neither Redis nor a bucket: those that name them stay empty, whatever is set.

    Raises SettingsError.
    """
    return _read_others(Reader(), dict.fromkeys(_CONNECTIONS, "")).sound()


def _read_others(r: Reader, connections: dict[str, Any]) -> Inspected:
    values: dict[str, Any] = {
        "s3_region": r.text("S3_REGION", check=check_region),
        "log_level": r.choice("LOG_LEVEL", LOG_LEVELS, "info"),
        "log_format": r.choice("LOG_FORMAT", LOG_FORMATS, "auto"),
        "concurrency": r.number("GRADIENT_WORKER_CONCURRENCY", 2, least=1, most=1_000),
        "max_retries": r.number("GRADIENT_JOB_MAX_RETRIES", 3, least=0, most=20),
        "poll_interval_ms": r.number("GRADIENT_WORKER_POLL_INTERVAL_MS", 1_000, least=100, most=60_000),
        "lease_ms": r.number("GRADIENT_LEASE_MS", 60_000, least=200),
        "reap_interval_ms": r.number("GRADIENT_REAP_INTERVAL_MS", 15_000, least=50),
        "orphan_grace_ms": r.number("GRADIENT_ORPHAN_GRACE_MS", 900_000, least=100),
        "audit_interval_ms": r.number("GRADIENT_AUDIT_INTERVAL_MS", 3_600_000, least=1_000),
        "job_timeout_ms": r.number("GRADIENT_JOB_TIMEOUT_MS", 120_000, least=100),
        "decode_timeout_ms": r.number("GRADIENT_DECODE_TIMEOUT_MS", 30_000, least=50),
        "shutdown_grace_ms": r.number("GRADIENT_SHUTDOWN_GRACE_MS", 25_000, least=0),
        "once_max_wait_s": r.number("GRADIENT_ONCE_MAX_WAIT_S", 600, least=0),
        "decode_threads": r.number("GRADIENT_DECODE_THREADS", 0, least=0, most=256),
        "max_image_bytes": r.number("GRADIENT_MAX_IMAGE_BYTES", 104_857_600, least=1),
        "max_image_pixels": r.number("GRADIENT_MAX_IMAGE_PIXELS", 150_000_000, least=1),
        "max_image_frames": r.number("GRADIENT_MAX_IMAGE_FRAMES", 10_000, least=1),
        "max_jpeg_scans": r.number("GRADIENT_MAX_JPEG_SCANS", 100, least=1),
        "memory_budget_mb": r.number("GRADIENT_MEMORY_BUDGET_MB", 512, least=16),
        "dead_letters_max": r.number("GRADIENT_DEAD_LETTERS_MAX", 10_000, least=1, most=1_000_000),
        "heartbeat_file": r.text("GRADIENT_HEARTBEAT_FILE"),
        "s3_ca_file": r.text("GRADIENT_S3_CA_FILE", check=check_certificates),
        "redis_ca_file": r.text("GRADIENT_REDIS_CA_FILE", check=check_certificates),
        "redis_cert_file": r.file("GRADIENT_REDIS_CERT_FILE"),
        "redis_key_file": r.file("GRADIENT_REDIS_KEY_FILE"),
        "http_addr": r.address("GRADIENT_HTTP_ADDR"),
        "http_token": r.secret("GRADIENT_HTTP_TOKEN", required=False, check=check_token),
        "summary_interval_s": r.number("GRADIENT_SUMMARY_INTERVAL_S", 60, least=0, most=86_400),
        "extras": r.extras("GRADIENT_EXTRAS"),
    }
    problem = check_client_certificate(values["redis_cert_file"], values["redis_key_file"])
    if problem is not None:
        r.problems.append(f"GRADIENT_REDIS_CERT_FILE {problem}")
    return Inspected(Settings(**connections, **values), tuple(r.problems), r.unknown())


def heartbeat_limits() -> tuple[str | None, float]:
    """For a health check, which must not need the other settings: the heartbeat file and its greatest age in seconds.

    Raises SettingsError.
    """
    r = Reader()
    path = r.text("GRADIENT_HEARTBEAT_FILE")
    poll_interval_ms = r.number("GRADIENT_WORKER_POLL_INTERVAL_MS", 1_000, least=100, most=60_000)
    if r.problems:
        raise SettingsError(r.problems)
    return path, _longest_silence_s(poll_interval_ms)


def terminal_colours() -> int:
    """How many colours the terminal of this process shows: TRUE_COLOURS, 256, or 0 where nobody wants any.

    https://no-color.org and the COLORTERM of the terminals themselves; it does not ask whether there is a terminal.
    """
    r = Reader()
    terminal = r.text("TERM") or "dumb"
    if r.text("NO_COLOR") or terminal == "dumb":
        return 0
    is_true = (r.text("COLORTERM") or "").lower() in ("truecolor", "24bit") or terminal.endswith("-direct")
    return TRUE_COLOURS if is_true else 256


def _longest_silence_s(poll_interval_ms: int) -> float:
    return max(60.0, 3 * poll_interval_ms / 1000)
