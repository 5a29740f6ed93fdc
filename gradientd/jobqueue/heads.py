"""JSON that a script ends with its own clock: everything up to the times, with no closing brace.

It refuses to give a time: only Redis knows it.
"""

from __future__ import annotations

from typing import Any

from gradientd.errors import GradientdError, ImageError
from gradientd.jobqueue.taken import Taken
from gradientd.jsontext import to_json
from gradientd.model import Gradient, Job, Status


def head(fields: dict[str, Any]) -> str:
    """The JSON of `fields`, at least one, without its closing brace."""
    return to_json(fields)[:-1]


def result_head(
    status: Status, attempts: int, *, gradient: Gradient | None = None, last_error: str | None = None
) -> str:
    """A result in the wire's order up to createdAt and updatedAt."""
    fields: dict[str, Any] = {"status": str(status)}
    if gradient is not None:
        fields["gradient"] = gradient.as_dict()
    fields["attempts"] = attempts
    if last_error is not None:
        fields["lastError"] = last_error
    return head(fields)


def job_head(job: Job, job_id: str) -> str:
    """A new job in the documented order up to createdAt, with attempts 0 and whatever else its producer gave."""
    fields: dict[str, Any] = {
        "guildId": job.guild_id,
        "galleryName": job.gallery_name,
        "storageKey": job.storage_key,
        "itemId": job.item_id,
        "jobId": job_id,
    }
    extras = {name: value for name, value in job.fields.items() if name not in {*fields, "attempts", "createdAt"}}
    return head({**fields, **extras, "attempts": 0})


def letter_field(taken: Taken, storage_key: str | None) -> str:
    """A dead letter's name: one letter a picture, or one a job where no picture is known."""
    return storage_key if storage_key is not None else f"!{taken.identity}"


def letter_head(taken: Taken, storage_key: str | None, attempts: int, error: GradientdError) -> str:
    """A dead letter up to failedAt: the reason, what is known of the picture, and the whole job in its form."""
    fields = {
        "code": error.code,
        "message": str(error),
        "storageKey": storage_key,
        "jobId": taken.identity,
        "attempts": attempts,
        **_picture_facts(error),
        "form": "inline" if taken.inline else "id",
        "element": taken.element,
        "payload": taken.payload,
        "lease": taken.token,
    }
    return head({name: value for name, value in fields.items() if value is not None})


def _picture_facts(error: GradientdError) -> dict[str, Any]:
    if not isinstance(error, ImageError):
        return {}
    return {"format": error.format, "width": error.width, "height": error.height, "byteCount": error.byte_count}
