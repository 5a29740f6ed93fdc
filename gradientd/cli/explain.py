"""`gradientd explain JOB`: where one job is, whose lease it has, how often it was tried, when it is due, why it failed.

It refuses to change anything, and to search a long queue to its end: what it did not look at it says.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterator

from gradientd.cli.connection import open_queue
from gradientd.cli.exits import Exit
from gradientd.cli.wording import moment, plural, printable, span
from gradientd.jobqueue import JobSeen, LeaseSeen, Locator, Whereabouts
from gradientd.jsontext import to_json
from gradientd.model import Result


def run(arguments: argparse.Namespace) -> int:
    """Tell what is known of the job, in sentences or as JSON."""
    queue = open_queue()
    try:
        found = Locator(queue.client).locate(arguments.job)
    finally:
        queue.close()
    if arguments.json:
        print(to_json(_as_dict(found)))
    else:
        for line in _describe(found):
            print(line)
        for line in _unsearched(found):
            print(line)
    if found.is_unknown:
        print(f"gradientd: nothing is known of {printable(arguments.job)}", file=sys.stderr)
        return Exit.SOME_FAILED
    return Exit.DONE


def _describe(found: Whereabouts) -> Iterator[str]:
    for job in found.jobs:
        kind = "inline job" if job.inline else "job"
        yield f"{kind} {printable(job.identity)}"
        for place in _places(job):
            yield _line("where", place)
        if job.storage_key is not None:
            yield _line("picture", printable(job.storage_key))
        yield _line("attempts", f"{job.attempts} begun")
        if job.lease is not None:
            yield _line("lease", _lease(job.lease))
        if job.last_error is not None:
            yield _line("last error", printable(job.last_error))
    for storage_key, result in found.results.items():
        yield f"result of {printable(storage_key)}"
        yield _line("status", _status(result))
    for letter in found.letters:
        yield f"dead letter {printable(letter.name)}"
        yield _line("failed", f"{moment(letter.failed_at_ms)} after {plural(letter.attempts, 'attempt')}")
        yield _line("why", f"{printable(letter.code)}: {printable(letter.message)}")


def _places(job: JobSeen) -> Iterator[str]:
    if job.queue_position is not None:
        yield f"in the queue, {plural(job.queue_position, 'job')} before it"
    if job.in_processing:
        yield "in work" if job.lease is not None else _without_lease(job)
    if job.due_in_ms is not None:
        due = f"due in {span(job.due_in_ms)}" if job.due_in_ms > 0 else "due now"
        yield f"waits for its next attempt, {due}"
    if not job.is_somewhere:
        yield "in no list: an audit will put it back"
    if not job.has_data and not job.inline:
        yield "without its data, which has expired: it will be dropped"


def _without_lease(job: JobSeen) -> str:
    noticed = "" if job.unleased_for_ms is None else f", noticed {span(job.unleased_for_ms)} ago"
    return f"in processing without a lease{noticed}: another kind of worker has it, or it was abandoned"


def _lease(lease: LeaseSeen) -> str:
    if lease.expires_in_ms <= 0:
        return f"expired {span(-lease.expires_in_ms)} ago: it will be given back"
    if lease.worker_id is None or lease.work is None:
        return f"for {span(lease.expires_in_ms)} more; its worker's next heartbeat will tell whose"
    work = f"{printable(lease.work.phase)} since {span(lease.work.for_ms)}"
    return f"for {span(lease.expires_in_ms)} more, of {printable(lease.worker_id)} ({work})"


def _status(result: Result) -> str:
    told = f"{result.status}, {plural(result.attempts, 'attempt')}, updated {moment(result.updated_at)}"
    return f"{told}: {printable(result.last_error)}" if result.last_error is not None else told


def _unsearched(found: Whereabouts) -> Iterator[str]:
    for part in found.searched:
        if part.count < part.length:
            yield f"Inline jobs were looked for in the first {part.count:,} of {part.length:,} elements of {part.key}."


def _line(name: str, value: str) -> str:
    return f"  {name:<11} {value}"


def _as_dict(found: Whereabouts) -> dict[str, object]:
    return {
        "jobs": [_job_as_dict(job) for job in found.jobs],
        "results": {storage_key: result.as_dict() for storage_key, result in found.results.items()},
        "deadLetters": [dict(letter.details) for letter in found.letters],
        "searched": [dataclasses.asdict(part) for part in found.searched],
    }


def _job_as_dict(job: JobSeen) -> dict[str, object]:
    fields: dict[str, object | None] = {
        "jobId": job.identity,
        "form": "inline" if job.inline else "id",
        "storageKey": job.storage_key,
        "attempts": job.attempts,
        "hasData": job.has_data,
        "queuePosition": job.queue_position,
        "inProcessing": job.in_processing,
        "dueInMs": job.due_in_ms,
        "unleasedForMs": job.unleased_for_ms,
        "lastError": job.last_error,
        "lease": None
        if job.lease is None
        else {
            "expiresInMs": job.lease.expires_in_ms,
            "workerId": job.lease.worker_id,
            "phase": None if job.lease.work is None else job.lease.work.phase,
        },
    }
    return {name: value for name, value in fields.items() if value is not None}
