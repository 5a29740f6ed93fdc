"""What the fleet sees of this worker: the JSON under `gradientd:worker:{id}`.

It refuses to write it: the renewal does, with the leases, so that a worker that is seen is one that renews.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

import gradientd
from gradientd.jsontext import to_json
from gradientd.worker.leases import Lease
from gradientd.worker.stats import Outcome, Tally


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Who this worker is; `started_at` is Unix ms."""

    worker_id: str
    host: str
    pid: int
    concurrency: int
    started_at: int

    @classmethod
    def of_this_process(cls, concurrency: int) -> Heartbeat:
        """A new worker's; its ID is host-pid-8 random hex digits."""
        host, pid = socket.gethostname(), os.getpid()
        return cls(f"{host}-{pid}-{secrets.token_hex(4)}", host, pid, concurrency, round(time.time() * 1000))

    def to_json(self, state: str, tally: Tally, leases: Sequence[Lease]) -> str:
        """The heartbeat with what the worker is doing: `state` is running, waiting or stopping."""
        now = time.monotonic()
        return to_json(
            {
                "workerId": self.worker_id,
                "host": self.host,
                "pid": self.pid,
                "version": gradientd.__version__,
                "concurrency": self.concurrency,
                "startedAt": self.started_at,
                "state": state,
                "jobsProcessed": tally.outcomes[Outcome.COMPLETED],
                "jobsFailed": tally.outcomes[Outcome.FAILED],
                "jobs": [
                    {
                        "jobId": lease.taken.identity,
                        "storageKey": lease.storage_key,
                        "phase": lease.phase,
                        "forMs": round((now - lease.began) * 1000),
                    }
                    for lease in leases
                ],
            }
        )
