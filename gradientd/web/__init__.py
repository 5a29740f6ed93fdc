"""The HTTP side of a worker: health, readiness, metrics, the status page and its API.

It refuses to work on jobs; it looks, and lets an operator retry, purge, pause and resume.
"""

from gradientd.web.server import StatusServer

__all__ = ["StatusServer"]
