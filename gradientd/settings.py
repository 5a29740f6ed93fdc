"""The environment, read once into one frozen Settings.

It refuses to be read while running: nothing else in gradientd looks at os.environ.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from environs import Env, EnvError

from gradientd.errors import SettingsError
from gradientd.model import Extra

_Check = Callable[[str], str | None]
"""Looks at a value; returns what is wrong with it, as the end of a sentence that begins with the variable's name."""

LOG_LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")
LOG_FORMATS = ("auto", "json", "pretty")
MIN_TOKEN_CHARS = 16
FAMILY = "GRADIENT_"
REDIS_SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")
LAST_WORDS_S = 10.0
"""After the grace time of a stop: how long the hand-backs and the held results may take altogether."""
_CLUSTER_SCHEMES = ("redis+cluster", "rediss+cluster", "redis-cluster")
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
        """How many pictures are decoded side by side: as set, else one a core, never more than jobs run at once."""
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
    r = _Reader()
    connections: dict[str, Any] = {
        "redis_url": r.secret("REDIS_URL", check=_check_redis_url),
        "s3_endpoint": r.text("S3_ENDPOINT", required=True, check=_check_http_url),
        "s3_access_key": r.secret("S3_ACCESS_KEY"),
        "s3_secret_key": r.secret("S3_SECRET_KEY"),
        "master_bucket_name": r.text("MASTER_BUCKET_NAME", required=True),
    }
    return _read_others(r, connections)


def parse_local_env() -> Settings:
    """Read Settings for work that needs neither Redis nor a bucket: those that name them stay empty, whatever is set.

    Raises SettingsError.
    """
    return _read_others(_Reader(), dict.fromkeys(_CONNECTIONS, "")).sound()


def _read_others(r: _Reader, connections: dict[str, Any]) -> Inspected:
    values: dict[str, Any] = {
        "s3_region": r.text("S3_REGION"),
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
        "s3_ca_file": r.file("GRADIENT_S3_CA_FILE"),
        "redis_ca_file": r.file("GRADIENT_REDIS_CA_FILE"),
        "redis_cert_file": r.file("GRADIENT_REDIS_CERT_FILE"),
        "redis_key_file": r.file("GRADIENT_REDIS_KEY_FILE"),
        "http_addr": r.address("GRADIENT_HTTP_ADDR"),
        "http_token": r.secret("GRADIENT_HTTP_TOKEN", required=False, check=_check_token),
        "summary_interval_s": r.number("GRADIENT_SUMMARY_INTERVAL_S", 60, least=0, most=86_400),
        "extras": r.extras("GRADIENT_EXTRAS"),
    }
    return Inspected(Settings(**connections, **values), tuple(r.problems), r.unknown())


def heartbeat_limits() -> tuple[str | None, float]:
    """For a health check, which must not need the other settings: the heartbeat file and its greatest age in seconds.

    Raises SettingsError.
    """
    r = _Reader()
    path = r.text("GRADIENT_HEARTBEAT_FILE")
    poll_interval_ms = r.number("GRADIENT_WORKER_POLL_INTERVAL_MS", 1_000, least=100, most=60_000)
    if r.problems:
        raise SettingsError(r.problems)
    return path, _longest_silence_s(poll_interval_ms)


def terminal_colours() -> int:
    """How many colours the terminal of this process shows: TRUE_COLOURS, 256, or 0 where nobody wants any.

    https://no-color.org and the COLORTERM of the terminals themselves; it does not ask whether there is a terminal.
    """
    r = _Reader()
    terminal = r.text("TERM") or "dumb"
    if r.text("NO_COLOR") or terminal == "dumb":
        return 0
    is_true = (r.text("COLORTERM") or "").lower() in ("truecolor", "24bit") or terminal.endswith("-direct")
    return TRUE_COLOURS if is_true else 256


def _longest_silence_s(poll_interval_ms: int) -> float:
    return max(60.0, 3 * poll_interval_ms / 1000)


class _Reader:
    """Reads one variable at a time and keeps every problem; an empty variable counts as absent."""

    def __init__(self) -> None:
        self._env = Env()
        self._asked: set[str] = set()
        self.problems: list[str] = []

    def unknown(self) -> dict[str, str | None]:
        """The variables of our family that nobody asked for, and what each may have been meant to be."""
        names = sorted(name for name in os.environ if name.startswith(FAMILY) and name not in self._asked)
        meant = {name: difflib.get_close_matches(name, self._asked, n=1, cutoff=0.85) for name in names}
        return {name: close[0] if close else None for name, close in meant.items()}

    def text(self, name: str, *, required: bool = False, check: _Check | None = None) -> str | None:
        self._asked.add(name)
        value = self._env.str(name, default="").strip()
        if not value:
            if required:
                self.problems.append(f"{name} is not set")
            return None
        self._check(name, value, check)
        return value

    def secret(self, name: str, *, required: bool = True, check: _Check | None = None) -> str | None:
        """A secret, from NAME or from the file that NAME_FILE names."""
        by_file = f"{name}_FILE"
        value, path = self.text(name), self.text(by_file)
        if path is None:
            if value is not None:
                self._check(name, value, check)
            elif required:
                self.problems.append(f"{name} is not set (nor {by_file})")
            return value
        if value is not None:
            self.problems.append(f"{name} and {by_file} are both set: keep one")
            return None
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except OSError as exc:
            self.problems.append(f"{by_file} names a file that cannot be read: {path!r} ({exc.strerror})")
        except ValueError:
            self.problems.append(f"{by_file} names a file that is not UTF-8 text: {path!r}")
        else:
            self._check(by_file, value, check if value else _say_empty)
        return value

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        value = (self.text(name) or default).lower()
        if value not in choices:
            self.problems.append(f"{name} must be one of {', '.join(choices)}, not {value!r}")
        return value

    def number(self, name: str, default: int, *, least: int, most: int = 2**53) -> int:
        text = self.text(name)
        if text is None:
            return default
        try:
            value = self._env.int(name)
        except EnvError:
            self.problems.append(f"{name} must be a whole number, not {text!r}")
            return default
        if not least <= value <= most:
            bound = f"at least {least}" if value < least else f"at most {most}"
            self.problems.append(f"{name} must be {bound}, not {value}")
            return default
        return value

    def file(self, name: str) -> str | None:
        return self.text(name, check=lambda path: None if Path(path).is_file() else f"names no file: {path!r}")

    def address(self, name: str) -> tuple[str, int] | None:
        """host:port to listen on; the host is empty for every interface."""
        text = self.text(name)
        if text is None:
            return None
        try:
            parts = urlsplit(f"//{text}")
            if parts.port is not None and parts.netloc == text and "@" not in text:
                return parts.hostname or "", parts.port
        except ValueError:
            pass
        self.problems.append(f"{name} must look like 127.0.0.1:9876, [::1]:9876 or :9876, not {text!r}")
        return None

    def extras(self, name: str) -> tuple[Extra, ...]:
        """A comma list of Extra, in the wire's order; a hash only where the package that makes it is there."""
        names = {part.strip() for part in (self.text(name) or "").split(",")} - {""}
        unknown = sorted(names - set(Extra))
        if unknown:
            self.problems.append(f"{name} knows {', '.join(Extra)}, not {', '.join(map(repr, unknown))}")
        extras = tuple(extra for extra in Extra if extra in names)
        missing = [extra for extra in extras if extra.package and find_spec(extra.package) is None]
        self.problems.extend(f"{name} cannot be had in full: {extra.remedy}" for extra in missing)
        return extras

    def _check(self, name: str, value: str, check: _Check | None) -> None:
        problem = check(value) if check else None
        if problem:
            self.problems.append(f"{name} {problem}")


def _say_empty(_: str) -> str:
    return "names an empty file"


def _check_token(value: str) -> str | None:
    if len(value) < MIN_TOKEN_CHARS or not value.isascii() or not value.isprintable() or " " in value:
        return f"must be {MIN_TOKEN_CHARS} or more ASCII characters without a space; `openssl rand -hex 32` makes one"
    return None


def _check_redis_url(value: str) -> str | None:
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


def _check_http_url(value: str) -> str | None:
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
