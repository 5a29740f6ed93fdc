"""The queue as commands see it: one connection, short time-outs.

It refuses to wait: a command that cannot reach Redis says so at once.
"""

from __future__ import annotations

from gradientd.jobqueue import Connector, Queue
from gradientd.settings import parse_env

TIMEOUT_S = 5.0


def open_queue() -> Queue:
    """A Queue by the settings of the environment; the caller closes it. Raises SettingsError."""
    settings = parse_env()
    client = Connector.from_settings(settings).client(socket_timeout_s=TIMEOUT_S, max_connections=1)
    return Queue(client, lease_ms=settings.lease_ms, max_retries=settings.max_retries)
