"""`gradientd health`: is the loop of this container's worker alive?

It refuses to ask Redis or the bucket: their outage is no reason to restart a worker.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time

from gradientd.cli.exits import Exit
from gradientd.settings import heartbeat_limits


def default_heartbeat_file() -> str:
    """One a user; processes that share it keep it fresh together, so give each its own where that matters."""
    return os.path.join(tempfile.gettempdir(), f"gradientd-{os.getuid()}.heartbeat")


def run(arguments: argparse.Namespace) -> int:
    """Look at the age of the heartbeat file."""
    path, limit_s = heartbeat_limits()
    path = path or default_heartbeat_file()
    try:
        age_s = time.time() - os.stat(path).st_mtime
    except OSError as exc:
        print(f"unhealthy: no heartbeat at {path!r} ({exc.strerror}): no worker, or another GRADIENT_HEARTBEAT_FILE")
        return Exit.SOME_FAILED
    if age_s > limit_s:
        print(f"unhealthy: the worker's loop last came round {age_s:.0f} s ago (limit {limit_s:.0f} s)")
        return Exit.SOME_FAILED
    print(f"healthy: the worker's loop came round {age_s:.1f} s ago")
    return Exit.DONE
