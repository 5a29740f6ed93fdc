"""One worker of RQ: `python -m benchmarks.peer_worker simple|forking`.

It refuses to make RQ import what a job needs again in each forked child, as its own command would.
"""

import os
import sys

import redis
from PIL import Image
from rq import Queue, SimpleWorker, Worker

QUEUE = "bench"

if __name__ == "__main__":

    connection = redis.Redis.from_url(os.environ["REDIS_URL"])
    kind = {"simple": SimpleWorker, "forking": Worker}[sys.argv[1]]
    Image.init()
    kind([Queue(QUEUE, connection=connection)], connection=connection).work(logging_level="WARNING")
