"""What crosses the wire: Job, Gradient and Result, each frozen, to and from the JSON that CONTRACT fixes.

It refuses to know Redis: which key holds what is the business of jobqueue.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gradientd.errors import InvalidJob
from gradientd.jsontext import from_json, is_utf8, to_json

MAX_JOB_BYTES = 64 * 1024
"""No job is longer than this: a parse holds the interpreter lock, and the heartbeat with it."""
MAX_STORAGE_KEY_BYTES = 1024
"""S3's own limit for an object key, in UTF-8 bytes."""
MAX_NAME_CHARS = 100

_RESERVED_STORAGE_KEYS = frozenset({"queue", "processing", "delayed"})


def collides_with_queue_keys(storage_key: str) -> bool:
    """Whether the result key of this storage key would fall on a key of the queue itself."""
    return storage_key in _RESERVED_STORAGE_KEYS or storage_key.startswith("job:")


def job_id_for(storage_key: str) -> str:
    """The ID that producers give to the job of a storage key; two storage keys can share one."""
    return "gradient-" + storage_key.replace("/", "-")


def distinct_job_id_for(storage_key: str) -> str:
    """The ID to use when `job_id_for` is taken by another picture: the same, and 8 hex digits of the key's SHA-256."""
    digest = hashlib.sha256(storage_key.encode()).hexdigest()[:8]
    return f"{job_id_for(storage_key)}-{digest}"


def is_too_long(text: str) -> bool:
    """Whether a job's JSON is longer than any may be, in the bytes that Redis counts."""
    return len(text) > MAX_JOB_BYTES or len(text.encode(errors="replace")) > MAX_JOB_BYTES


@dataclass(frozen=True, slots=True)
class Job:
    """One picture to work on.

    `attempts` counts the attempts begun, `created_at` is Unix ms or None where the producer gave none. `inline` is the
    form in which the job arrived and in which it stays: True when the queue's element is the JSON itself. `fields` is
    the JSON object as it came, unknown fields included.
    """

    guild_id: str
    gallery_name: str
    storage_key: str
    item_id: str
    job_id: str
    attempts: int = 0
    created_at: int | None = None
    inline: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def parse(cls, text: str, *, job_id: str | None = None) -> Job:
        """Read a job's JSON; `job_id` is the queue's element for an ID job, None for an inline job.

        Raises InvalidJob, with the storage key where at least that is sound.
        """
        if is_too_long(text):
            raise InvalidJob(f"The job is longer than {MAX_JOB_BYTES} bytes.")
        try:
            fields = from_json(text)
        except ValueError as exc:
            raise InvalidJob(f"The job is not valid JSON: {exc}.") from exc
        if not isinstance(fields, dict):
            raise InvalidJob("The job is not a JSON object.")
        return cls.from_fields(fields, job_id=job_id)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any], *, job_id: str | None = None) -> Job:
        """Validate a job that is already a mapping with the wire's names. Raises InvalidJob."""
        storage_key = _storage_key(fields)
        try:
            return cls(
                guild_id=_name(fields, "guildId"),
                gallery_name=_name(fields, "galleryName"),
                storage_key=storage_key,
                item_id=_string(fields, "itemId"),
                job_id=job_id or _string(fields, "jobId"),
                attempts=_count(fields, "attempts") or 0,
                created_at=_count(fields, "createdAt"),
                inline=job_id is None,
                fields=dict(fields),
            )
        except InvalidJob as exc:
            raise InvalidJob(str(exc), storage_key=storage_key) from None

    def with_attempts(self, attempts: int, *, created_at: int) -> Job:
        """The same job with another count; `created_at` (Unix ms) is used only where the job has none.

        Raises InvalidJob when it grows too long: written so, it could not be read again. (Of 1e15 Python makes 18
        digits and signs.)
        """
        created_at = self.created_at if self.created_at is not None else created_at
        fields = {**self.fields, "attempts": attempts, "createdAt": created_at}
        job = Job(
            self.guild_id,
            self.gallery_name,
            self.storage_key,
            self.item_id,
            self.job_id,
            attempts,
            created_at,
            self.inline,
            fields,
        )
        if is_too_long(job.to_json()):
            raise InvalidJob(
                f"The job is longer than {MAX_JOB_BYTES} bytes when its attempts are counted.",
                storage_key=self.storage_key,
            )
        return job

    def to_json(self) -> str:
        """The job's JSON: the fields as they came, in their order."""
        return to_json(dict(self.fields))


class Extra(enum.StrEnum):
    """A field beyond the six that an operator can ask for, by its name on the wire; in the wire's order."""

    DIMENSIONS = "dimensions"
    """`{"width","height","aspectRatio"}` of the whole picture in pixels, upright."""
    THUMB_HASH = "thumbHash"
    """Base64 of the ThumbHash, transparency included."""
    BLUR_HASH = "blurHash"
    """BlurHash of 4 × 3 components, 3 × 4 for an upright picture; the first stop shows through what is transparent."""
    SHARES = "shares"
    """Of the picture, 0 to 1, for each colour of the palette; zeros where nothing of the picture can be seen."""
    CONTRAST = "contrast"
    """The foreground's lowest contrast ratio, 1 to 21, anywhere along the gradient (WCAG 2.2)."""
    IS_DARK = "isDark"
    """Whether the palette, weighed by its shares, is below the middle of OKLab's lightness."""
    OKLCH = "oklch"
    """The palette once more, as CSS writes OKLCH."""
    VERSION = "version"
    """The algorithm's, a whole number: with another one the same picture may give other colours."""

    @property
    def package(self) -> str | None:
        """The module it is computed by, where that is not ours but comes with `gradientd[hashes]`."""
        return {Extra.THUMB_HASH: "thash", Extra.BLUR_HASH: "blurhash_rs"}.get(self)

    @property
    def remedy(self) -> str:
        """What to do where the package is missing."""
        return f"{self} needs the package {self.package}: pip install 'gradientd[hashes]'"


@dataclass(frozen=True, slots=True)
class Gradient:
    """The colours and the placeholder of one picture; colours are upper-case `#RRGGBB`.

    `palette` holds 1 to 5 colours, the largest share first. `blur_data_url` is a JPEG data URL. `extras` holds the
    fields that were asked for beyond the six, by their names on the wire: see Extra.
    """

    palette: tuple[str, ...]
    primary: str
    secondary: str
    foreground: str
    blur_data_url: str
    extras: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def css(self) -> str:
        """The two-stop CSS gradient."""
        return f"linear-gradient(135deg, {self.primary} 0%, {self.secondary} 100%)"

    def as_dict(self) -> dict[str, Any]:
        """The six wire fields in the wire's order, then the extra ones in that of Extra."""
        return {
            "palette": list(self.palette),
            "primary": self.primary,
            "secondary": self.secondary,
            "foreground": self.foreground,
            "css": self.css,
            "blurDataUrl": self.blur_data_url,
            **{extra.value: self.extras[extra] for extra in Extra if extra in self.extras},
        }


class Status(enum.StrEnum):
    """The states of a result."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Result:
    """What the API server reads under `gradient:{storageKey}`; times are Unix ms.

    `gradient` is the wire's object, only when completed; `last_error` is a sentence, only when failed.
    """

    status: Status
    attempts: int
    created_at: int
    updated_at: int
    gradient: Mapping[str, Any] | None = None
    last_error: str | None = None

    @classmethod
    def parse(cls, text: str) -> Result:
        """Read a stored result. Raises ValueError when it is not one."""
        fields = from_json(text)
        if not isinstance(fields, dict):
            raise ValueError("a result is a JSON object")
        if not isinstance(fields.get("gradient"), dict | None):
            raise ValueError("a result's gradient is a JSON object")
        if not isinstance(fields.get("lastError"), str | None):
            raise ValueError("a result's lastError is a sentence")
        try:
            return cls(
                status=Status(fields["status"]),
                attempts=int(fields.get("attempts", 0)),
                created_at=int(fields.get("createdAt", 0)),
                updated_at=int(fields.get("updatedAt", 0)),
                gradient=fields.get("gradient"),
                last_error=fields.get("lastError"),
            )
        except (KeyError, TypeError) as exc:
            raise ValueError(f"not a result: {exc}") from exc

    def as_dict(self) -> dict[str, Any]:
        """The wire's fields in the wire's order, absent rather than null."""
        fields: dict[str, Any] = {"status": str(self.status)}
        if self.gradient is not None:
            fields["gradient"] = dict(self.gradient)
        fields["attempts"] = self.attempts
        if self.last_error is not None:
            fields["lastError"] = self.last_error
        return {**fields, "createdAt": self.created_at, "updatedAt": self.updated_at}


def _string(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidJob(f"The job's {name} must be a non-empty string.")
    if not is_utf8(value):
        raise InvalidJob(f"The job's {name} is not valid Unicode.")
    return value


def _name(fields: Mapping[str, Any], name: str) -> str:
    value = _string(fields, name)
    if len(value) > MAX_NAME_CHARS:
        raise InvalidJob(f"The job's {name} is longer than {MAX_NAME_CHARS} characters.")
    return value


def _storage_key(fields: Mapping[str, Any]) -> str:
    value = _string(fields, "storageKey")
    if len(value.encode()) > MAX_STORAGE_KEY_BYTES:
        raise InvalidJob(f"The job's storageKey is longer than {MAX_STORAGE_KEY_BYTES} bytes.")
    if collides_with_queue_keys(value):
        raise InvalidJob(f"The storage key {value[:40]!r} is reserved: its result would overwrite the queue's keys.")
    return value


def _count(fields: Mapping[str, Any], name: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise InvalidJob(f"The job's {name} must be a whole number of 0 or more.")
    return value
