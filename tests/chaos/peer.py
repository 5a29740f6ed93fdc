"""A worker of an older generation: `python -m tests.chaos.peer v1 REDIS_URL SEED LEAST_S MOST_S`.

Its log is its stdout; each picture takes it between `LEAST_S` and `MOST_S` seconds.

It refuses to look at pictures: a storage key says whether its picture is broken.
"""

from __future__ import annotations

import json
import random
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.peers import PictureFailure, V1Peer, V2Peer, finish

PACE_S = 0.4
"""Between two jobs: what a v1 peer sees of inline jobs it loses, and it should not see them all."""
PROMOTE_EVERY_S = 1.0
REDIS_TIMEOUT_S = 3.0
BLOCK_S = 1.0


class Stopped(BaseException):
    """SIGTERM."""


class Diary:
    """Says what the peer does, at once, a line of JSON an event."""

    def __init__(self) -> None:
        self.job_id = ""

    def say(self, event: str, job_id: str, storage_key: str) -> None:
        """Write one line."""
        self.job_id = job_id if event == "took" else self.job_id
        print(
            json.dumps({"at": round(time.time() * 1000), "event": event, "id": job_id, "storageKey": storage_key}),
            flush=True,
        )


def main(generation: str, url: str, seed: int, work_s: tuple[float, float]) -> None:
    """Take jobs until SIGTERM; then a v1 peer moves everybody's jobs back."""
    diary, chance = Diary(), random.Random(f"{seed} {generation}")
    signal.signal(signal.SIGTERM, _stop)
    try:
        while True:
            try:
                _work_on(_peer(generation, url, diary), lambda: chance.uniform(*work_s))
            except (redis.RedisError, OSError, ValueError, KeyError):  # its loop survives; the job in hand does not
                diary.say("lost", diary.job_id, "")
                time.sleep(PACE_S)
    except Stopped:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    peer = _peer(generation, url, diary)
    if isinstance(peer, V1Peer):
        try:
            finish(peer.stop())
        except (redis.RedisError, OSError):
            diary.say("lost", "", "")


def _work_on(peer: V1Peer | V2Peer, draw_s: Callable[[], float]) -> None:
    def work(job: dict[str, Any]) -> dict[str, Any]:
        time.sleep(draw_s())
        if job["storageKey"].startswith("broken/"):
            raise PictureFailure("peer: this picture does not work")
        return {"palette": ["#000000"], "primary": "#000000", "secondary": "#111111", "foreground": "#FFFFFF",
                "css": "linear-gradient(135deg, #000000 0%, #111111 100%)", "blurDataUrl": "data:image/jpeg;base64,"}

    promoted = 0.0
    while True:
        if time.monotonic() - promoted > PROMOTE_EVERY_S:
            finish(peer.promote())
            promoted = time.monotonic()
        finish(peer.run_one(work))
        time.sleep(PACE_S)


def _peer(generation: str, url: str, diary: Diary) -> V1Peer | V2Peer:
    client = redis.Redis.from_url(
        url,
        decode_responses=True,
        encoding_errors="surrogateescape",
        socket_timeout=REDIS_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
    if generation == "v1":
        return V1Peer(client, say=diary.say)
    return V2Peer(client, say=diary.say, block_s=BLOCK_S)


def _stop(_: int, __: FrameType | None) -> None:
    raise Stopped


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), (float(sys.argv[4]), float(sys.argv[5])))
