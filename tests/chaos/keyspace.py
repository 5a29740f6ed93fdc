"""Reads the keyspace as it stands at the end of a run.

It refuses to change it.
"""

from __future__ import annotations

from typing import Any

from gradientd.jobqueue import keys
from tests.chaos.evidence import Snapshot, Stored

OWN_KEYS = {
    "leases": "zset",
    "owners": "hash",
    "fingerprints": "hash",
    "attempts": "hash",
    "reasons": "hash",
    "seen": "hash",
}
"""What gradientd remembers about jobs in work, by the last part of the key."""
SCAN_COUNT = 1_000


def take_snapshot(client: Any) -> Snapshot:
    """The keyspace, now; `client` answers with str."""
    found = list(client.scan_iter("gradient:*", count=SCAN_COUNT, _type="string"))
    with client.pipeline(transaction=False) as pipe:
        for key in found:
            pipe.get(key)
            pipe.pttl(key)
        answers = pipe.execute()
    strings = {
        key: Stored(text, ttl_ms)
        for key, text, ttl_ms in zip(found, answers[::2], answers[1::2], strict=True)
        if text is not None
    }
    jobs = {key.removeprefix(keys.JOB_PREFIX): s for key, s in strings.items() if key.startswith(keys.JOB_PREFIX)}
    results = {
        key.removeprefix(keys.RESULT_PREFIX): s
        for key, s in strings.items()
        if not key.startswith(keys.JOB_PREFIX)
    }
    return Snapshot(
        queue=client.lrange(keys.QUEUE, 0, -1),
        processing=client.lrange(keys.PROCESSING, 0, -1),
        delayed=client.zrange(keys.DELAYED, 0, -1),
        jobs=jobs,
        results=results,
        dead=client.hgetall(keys.DEAD),
        own={
            name: client.zrange(f"gradientd:{name}", 0, -1) if kind == "zset" else client.hkeys(f"gradientd:{name}")
            for name, kind in OWN_KEYS.items()
        },
    )
