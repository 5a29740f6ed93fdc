"""Puts ID jobs into the queue: a producer's fields become a job that every generation of workers understands.

It refuses to choose when: the command line, the library's user and the dead letters do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradientd.errors import InvalidJob
from gradientd.jobqueue import keys
from gradientd.jobqueue.codes import EnqueueCode
from gradientd.jobqueue.heads import job_head, result_head
from gradientd.jobqueue.scripts import Scripts
from gradientd.jsontext import is_too_deep
from gradientd.model import MAX_JOB_BYTES, Job, Status, distinct_job_id_for, job_id_for

_TIMES_BYTES = 64
"""Room for what the script adds to a job's JSON."""


def enqueue(scripts: Scripts, fields: Mapping[str, Any], *, usual_id: str | None = None) -> str:
    """Put a job into the queue unless the picture has one there; returns the ID of the one or the other.

    `usual_id` is the ID to use unless another picture has it, by default the one that producers give. Raises
    InvalidJob, RedisUnavailable.
    """
    job = Job.from_fields({**fields, "attempts": 0, "createdAt": 0}, job_id=usual_id or "still unnamed")
    usual_id, distinct_id = usual_id or job_id_for(job.storage_key), distinct_job_id_for(job.storage_key)
    code, *job_ids = scripts.run(
        "enqueue",
        [
            keys.QUEUE, keys.PROCESSING, keys.DELAYED, keys.LEASES, keys.DEAD, keys.DEAD_INDEX,
            keys.result_key(job.storage_key), keys.job_key(usual_id), keys.job_key(distinct_id),
        ],
        [
            job.storage_key, usual_id, _checked_head(job, usual_id), distinct_id, _checked_head(job, distinct_id),
            result_head(Status.PENDING, 0), keys.JOB_TTL_S, keys.RESULT_TTL_S,
        ],
    )
    if code == EnqueueCode.REFUSED:
        raise InvalidJob(
            f"Both IDs of the job are other pictures' or hold what cannot be read: {distinct_id}.",
            storage_key=job.storage_key,
        )
    return str(job_ids[0])


def _checked_head(job: Job, job_id: str) -> str:
    try:
        job_json = job_head(job, job_id)
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidJob(f"The job cannot be written as JSON: {exc}.", storage_key=job.storage_key) from exc
    if is_too_deep(job.fields):
        raise InvalidJob("The job is nested too deep.", storage_key=job.storage_key)
    if len(job_json.encode()) + _TIMES_BYTES > MAX_JOB_BYTES:
        raise InvalidJob(f"The job is longer than {MAX_JOB_BYTES} bytes.", storage_key=job.storage_key)
    return job_json
