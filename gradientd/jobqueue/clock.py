"""The one clock that judges leases and ages: the server's own.

It refuses to look at this machine's.
"""

from __future__ import annotations

from typing import Any


def server_now_ms(client: Any) -> int:
    """Unix ms by the Redis server that `client` talks to. Raises what redis raises: translate it."""
    seconds, micros = client.time()
    return int(seconds) * 1000 + int(micros) // 1000
