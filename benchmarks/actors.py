"""dramatiq's actors; its workers and whoever sends to them import this with REDIS_URL set.

It refuses dramatiq's retries: a job that fails must show.
"""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

dramatiq.set_broker(RedisBroker(url=os.environ["REDIS_URL"]))


@dramatiq.actor(max_retries=0)
def with_pillow(storage_key: str) -> None:
    """See peer_jobs."""
    from benchmarks import peer_jobs

    peer_jobs.with_pillow(storage_key)


@dramatiq.actor(max_retries=0)
def with_gradientd(storage_key: str) -> None:
    """See peer_jobs."""
    from benchmarks import peer_jobs

    peer_jobs.with_gradientd(storage_key)
