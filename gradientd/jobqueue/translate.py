"""What redis raises, told as RedisUnavailable in one sentence for a person.

It refuses to repeat what a command carried: an argument can be a secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis import exceptions

from gradientd.errors import RedisUnavailable

_REFUSALS = {
    "OOM": "Redis is out of memory and refuses to write.",
    "READONLY": "This Redis is a read-only replica.",
    "LOADING": "Redis is still loading its data.",
    "MISCONF": "Redis cannot save to its disk and refuses to write.",
    "NOREPLICAS": "Redis has too few replicas and refuses to write.",
    "MASTERDOWN": "This Redis is a replica that has lost its master.",
    "BUSY": "Redis is busy with a script that does not end.",
    "NOAUTH": "Redis asks for a password.",
    "WRONGPASS": "Redis refuses the user name or the password.",
    "UNKILLABLE": "Redis is busy with a script that does not end.",
    "WRONGTYPE": "A key of the queue holds a value of another type: something else has overwritten it.",
    "NOSCRIPT": "Redis forgot a script twice in a row.",
    "MOVED": "This is a node of a Redis Cluster, which the queue's fixed keys rule out: they have no hash tags.",
    "CROSSSLOT": "This is a Redis Cluster, which the queue's fixed keys rule out: they have no hash tags.",
    "CLUSTERDOWN": "This is a Redis Cluster, which the queue's fixed keys rule out: they have no hash tags.",
}
_SIGNS_OF_MISSING_RIGHTS = ("NOPERM", "ACL failure", "can't run this command", "can't access at least one")
_MAX_REASON_CHARS = 200


@contextmanager
def translated() -> Iterator[None]:
    """Raise RedisUnavailable for whatever redis or its socket raises."""
    try:
        yield
    except (exceptions.RedisError, exceptions.RedisClusterException, OSError) as exc:
        raise RedisUnavailable(explain(exc)) from exc


def explain(error: Exception) -> str:
    """One sentence that says why Redis does not serve."""
    if isinstance(error, exceptions.AuthenticationError):
        return _REFUSALS["WRONGPASS"]
    if isinstance(error, exceptions.MaxConnectionsError):
        return "All connections to Redis are in use."
    if isinstance(error, (exceptions.TimeoutError, TimeoutError)):
        return "Redis did not answer in time."
    text = " ".join(str(error).split())
    if isinstance(error, exceptions.NoPermissionError) or any(sign in text for sign in _SIGNS_OF_MISSING_RIGHTS):
        return f"Redis forbids this user a command or a key: {_cut(text)}."
    for code, sentence in _REFUSALS.items():
        if text.startswith((f"{code} ", f"-{code} ")) or f": -{code} " in text or f" caused error: {code} " in text:
            return sentence
    by_class = _REFUSAL_OF_CLASS.get(type(error))
    if by_class:
        return by_class
    if isinstance(error, (exceptions.ConnectionError, OSError)):
        return f"Redis cannot be reached: {_cut(text) or type(error).__name__}."
    return f"Redis refuses a command: {_cut(text) or type(error).__name__}."


_REFUSAL_OF_CLASS: dict[type[Exception], str] = {
    # redis-py strips the code from the texts of these.
    exceptions.BusyLoadingError: _REFUSALS["LOADING"],
    exceptions.ReadOnlyError: _REFUSALS["READONLY"],
    exceptions.OutOfMemoryError: _REFUSALS["OOM"],
    exceptions.NoScriptError: _REFUSALS["NOSCRIPT"],
    exceptions.MasterDownError: _REFUSALS["MASTERDOWN"],
    exceptions.MovedError: _REFUSALS["MOVED"],
    exceptions.ClusterDownError: _REFUSALS["CLUSTERDOWN"],
    exceptions.ClusterCrossSlotError: _REFUSALS["CROSSSLOT"],
}


def _cut(text: str) -> str:
    text = text.partition(", with args beginning with")[0].partition(" script: ")[0].rstrip(". ")
    return text if len(text) <= _MAX_REASON_CHARS else text[:_MAX_REASON_CHARS] + "…"
