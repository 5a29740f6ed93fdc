"""Every error that gradientd raises, each with a stable code and the policy that decides what its job's failure means.

It refuses to know where an error came from: no redis, botocore or pyvips class is named here.

    GradientdError
    ├── SettingsError              the environment is wrong; all mistakes at once
    ├── NotPatched                 start() in a process that gevent has not patched
    ├── JobError                   ends, or retries, one job
    │   ├── InvalidJob             permanent   the job's JSON, a field or its storage key
    │   ├── AttemptsExhausted      permanent   its workers died until no attempt was left
    │   ├── JobTimeout             retry       the job's own time limit
    │   ├── InternalError          retry       a mistake of ours, kept from stopping the worker
    │   ├── ImageError
    │   │   ├── EmptyImage         permanent   no bytes
    │   │   ├── NotAnImage         permanent   no known picture format
    │   │   ├── UnsupportedFormat  permanent   a format that is blocked or that libvips here cannot decode
    │   │   ├── LimitExceeded      permanent   too many bytes, pixels, frames or scans, or too much memory
    │   │   ├── DamagedImage       retry       truncated or corrupt
    │   │   └── DecodeTimeout      permanent   the decode overran its deadline and cost a thread
    │   └── ObjectError
    │       ├── ObjectMissing      retry       no such key
    │       ├── ObjectDenied       retry       no right to this one object
    │       ├── TruncatedBody      retry       shorter than its Content-Length
    │       └── DownloadTimeout    retry       the body came too slowly
    ├── DecodeMemoryLost           costs no attempt; the worker must be restarted
    └── DependencyError            costs no attempt; the worker waits for the dependency
        ├── EmbeddedServerMissing  the demo's own server is not installed here
        ├── EmbeddedServerFailed   the demo's own server did not start
        ├── StorageError
        │   ├── StorageUnavailable     unreachable, throttled
        │   ├── StorageFault           a 5xx or a broken connection: the probe decides whether it was the object's own
        │   ├── StorageCredentials     the keys, the signature or the clock are wrong: the probe decides here too
        │   └── BucketMissing          no such bucket
        └── RedisUnavailable           unreachable, read-only, loading, out of memory, forbidden
"""

from __future__ import annotations

import enum
from typing import ClassVar


class Policy(enum.StrEnum):
    """What a failure means for its job."""

    PERMANENT = "permanent"
    """Failed at once: another attempt could not end otherwise."""
    RETRY = "retry"
    """The job's own failure: charged, and tried again while attempts are left."""
    DEPENDENCY = "dependency"
    """Nobody's fault in the job: back to the head of the queue, uncharged."""


class GradientdError(Exception):
    """The root of the family. `str(error)` is one sentence for a person and holds no secret."""

    code: ClassVar[str] = "internal_error"
    """Stable name, shared by logs, metrics and dead letters."""
    policy: ClassVar[Policy] = Policy.RETRY


class SettingsError(GradientdError):
    """One or more settings are missing or wrong.

    `problems` holds a sentence for each, beginning with the variable's name and never showing a secret's value.
    """

    code = "wrong_settings"
    policy = Policy.PERMANENT

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class NotPatched(GradientdError):
    """The worker was started in a process that gevent has not patched: its greenlets would block each other."""

    code = "not_patched"
    policy = Policy.PERMANENT


class JobError(GradientdError):
    """One job's failure."""


class InvalidJob(JobError):
    """The job cannot be understood, or carries a storage key that may not be used.

    `storage_key` is the job's storage key where that much of it is sound, so that its result can say `failed`.
    """

    code = "invalid_job"
    policy = Policy.PERMANENT

    def __init__(self, message: str, *, storage_key: str | None = None) -> None:
        super().__init__(message)
        self.storage_key = storage_key


class AttemptsExhausted(JobError):
    """Every attempt was begun and the last did not come to its end: the picture may have killed its worker."""

    code = "attempts_exhausted"
    policy = Policy.PERMANENT


class JobTimeout(JobError):
    """The job overran its own time limit."""

    code = "job_timeout"


class InternalError(JobError):
    """An error that nobody foresaw; `__cause__` is the original."""

    code = "internal_error"


class ImageError(JobError):
    """The bytes do not give a picture.

    `format`, `width`, `height` and `byte_count` are what was known of the picture when it failed, or None.
    """

    format: str | None = None
    width: int | None = None
    height: int | None = None
    byte_count: int | None = None


class EmptyImage(ImageError):
    """The object holds no bytes."""

    code = "empty_image"
    policy = Policy.PERMANENT


class NotAnImage(ImageError):
    """The bytes are not a picture in any known format."""

    code = "not_an_image"
    policy = Policy.PERMANENT


class UnsupportedFormat(ImageError):
    """A format that is not on the allow-list, or that this machine's libvips cannot decode."""

    code = "unsupported_format"
    policy = Policy.PERMANENT


class LimitExceeded(ImageError):
    """Over a limit: bytes, pixels, frames, scans or memory."""

    code = "limit_exceeded"
    policy = Policy.PERMANENT


class DamagedImage(ImageError):
    """The picture is truncated or corrupt; its owner may still be uploading a better one."""

    code = "damaged_image"


class DecodeTimeout(ImageError):
    """The decode overran its deadline and was abandoned; a retry would cost one more thread."""

    code = "decode_timeout"
    policy = Policy.PERMANENT


class ObjectError(JobError):
    """This one object cannot be read."""


class ObjectMissing(ObjectError):
    """The bucket has no object under the storage key."""

    code = "object_missing"


class ObjectDenied(ObjectError):
    """The storage refuses this object (or, without the right to list, hides that it is missing)."""

    code = "object_denied"


class TruncatedBody(ObjectError):
    """The body ended before its Content-Length."""

    code = "truncated_body"


class DownloadTimeout(ObjectError):
    """The body did not arrive within the download deadline."""

    code = "download_timeout"


class DecodeMemoryLost(GradientdError):
    """Decodes that do not end hold the memory that this one needs: another process will have it."""

    code = "decode_memory_lost"
    policy = Policy.DEPENDENCY


class DependencyError(GradientdError):
    """A dependency does not serve; no job is to blame."""

    policy = Policy.DEPENDENCY
    probe_decides: ClassVar[bool] = False
    """One broken object can look like this too: if the probe then finds the dependency healthy, the job is charged."""


class StorageError(DependencyError):
    """The object storage does not serve."""


class StorageUnavailable(StorageError):
    """The storage cannot be reached, or asks for fewer requests."""

    code = "storage_unavailable"


class StorageFault(StorageError):
    """The storage answered 5xx or what nobody expects of one, or the connection broke while it answered."""

    code = "storage_fault"
    probe_decides = True


class StorageCredentials(StorageError):
    """The storage rejects the keys, the signature or this machine's clock.

    A proxy that rewrites an odd key spoils the signature of that one object: the probe tells it from wrong credentials,
    or its job would be handed back and taken again for ever.
    """

    code = "storage_credentials"
    probe_decides = True


class BucketMissing(StorageError):
    """The bucket does not exist."""

    code = "bucket_missing"


class RedisUnavailable(DependencyError):
    """Redis cannot be reached or refuses to work."""

    code = "redis_unavailable"


class EmbeddedServerMissing(DependencyError):
    """A server for the demo or the tests is not installed on this machine."""

    code = "embedded_server_missing"


class EmbeddedServerFailed(DependencyError):
    """A server for the demo or the tests did not start, or ended too early."""

    code = "embedded_server_failed"
