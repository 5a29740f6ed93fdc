"""A map of every key in Redis: its name, type, TTL, owner and what it holds.

It refuses to touch them: the scripts do.

=========================  ======  ===========  ==========  ====================================================
key                        type    TTL          owner       holds
=========================  ======  ===========  ==========  ====================================================
gradient:queue             list    none         shared      pending jobs; consumers take from the left
gradient:processing        list    none         shared      jobs taken and not yet finished, by any worker
gradient:delayed           zset    none         shared      jobs that wait for a retry; score: due, Unix ms
gradient:job:{jobId}       string  86 400 s     shared      an ID job's JSON
gradient:{storageKey}      string  2 592 000 s  shared      a result's JSON
gradientd:leases           zset    none         gradientd   identity of a job in work; score: deadline, Unix ms
gradientd:owners           hash    none         gradientd   identity -> lease token
gradientd:fingerprints     hash    none         gradientd   ID in work -> SHA-1 of its data as its holder left it
gradientd:attempts         hash    none         gradientd   inline job's identity -> attempts begun
gradientd:reasons          hash    none         gradientd   identity of a job that failed before -> its last error
gradientd:seen             hash    none         gradientd   unleased element -> when first seen, and fingerprint
gradientd:dead             hash    none         gradientd   dead letters: storage key (or "!" identity) -> JSON
gradientd:dead:index       zset    none         gradientd   the dead letters' fields; score: failed at, Unix ms
gradientd:recent           zset    none         gradientd   the newest results' storage keys; score: Unix ms
gradientd:recent:ms        hash    none         gradientd   the same storage keys -> processing time, ms
gradientd:worker:{id}      string  a lease      gradientd   a worker's heartbeat JSON
gradientd:workers          zset    none         gradientd   worker IDs, so that nobody scans; score: last beat, ms
gradientd:paused           string  none         gradientd   present while the fleet takes no jobs
gradientd:lock:reap        string  seconds      gradientd   the worker that reaps
gradientd:lock:audit       string  minutes      gradientd   the worker that audits
=========================  ======  ===========  ==========  ====================================================

A job's identity is its ID; an inline job's is its `jobId`, or `sha1:` and the element's SHA-1 where it has none. The
shared names are fixed: other programs read and write them. A storage key can never meet a key of ours, since results
live under `gradient:` and ours under `gradientd:`; that it meets none of the queue's is `model`'s to refuse.

What a Redis user must be allowed for all of this, and no more, stands in etc/redis-acl.conf.
"""

from __future__ import annotations

from gradientd.model import collides_with_queue_keys

QUEUE = "gradient:queue"
PROCESSING = "gradient:processing"
DELAYED = "gradient:delayed"
JOB_PREFIX = "gradient:job:"
RESULT_PREFIX = "gradient:"

LEASES = "gradientd:leases"
OWNERS = "gradientd:owners"
FINGERPRINTS = "gradientd:fingerprints"
ATTEMPTS = "gradientd:attempts"
REASONS = "gradientd:reasons"
SEEN = "gradientd:seen"
DEAD = "gradientd:dead"
DEAD_INDEX = "gradientd:dead:index"
RECENT = "gradientd:recent"
RECENT_MS = "gradientd:recent:ms"
WORKER_PREFIX = "gradientd:worker:"
WORKERS = "gradientd:workers"
PAUSED = "gradientd:paused"
REAP_LOCK = "gradientd:lock:reap"
AUDIT_LOCK = "gradientd:lock:audit"

JOB_TTL_S = 86_400
RESULT_TTL_S = 2_592_000
RECENT_MAX = 200


def job_key(job_id: str) -> str:
    """Where an ID job's JSON lives."""
    return JOB_PREFIX + job_id


def result_key(storage_key: str) -> str:
    """Where a picture's result lives. Raises ValueError rather than name a key of the queue itself."""
    if collides_with_queue_keys(storage_key):
        raise ValueError(f"the result of storage key {storage_key!r} would overwrite the queue's own keys")
    return RESULT_PREFIX + storage_key


def worker_key(worker_id: str) -> str:
    """Where a worker's heartbeat lives."""
    return WORKER_PREFIX + worker_id
