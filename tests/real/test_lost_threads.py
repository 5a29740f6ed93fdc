"""A worker whose decode threads are all lost: it hands back what it holds and exits, to be restarted."""

from __future__ import annotations

from gradientd.cli.exits import Exit
from gradientd.model import Status
from tests.hostile.blank import blank
from tests.real.conftest import Bench
from tests.real.console import Console

ONE_SHORT_DECODE = {
    "GRADIENT_DECODE_THREADS": "1",
    "GRADIENT_DECODE_TIMEOUT_MS": "500",
    "GRADIENT_WORKER_CONCURRENCY": "2",
}
PICTURES = {"one.png", "other.png"}


def test_lost_threads_end_the_worker_and_cost_the_waiting_job_nothing(bench: Bench) -> None:
    """Both pictures take seconds: whichever gets the only thread first loses it, the other waits and is handed back."""
    slow = blank(".png", 10_000, 10_000, 4, compression=1)
    for name in PICTURES:
        bench.storage.put(name, slow, "image/png")
        bench.push_id_job(name)
    with Console(env={**bench.env, **ONE_SHORT_DECODE}) as worker:
        assert worker.wait() == Exit.SOFTWARE
        (last_words,) = [line for line in worker.log if line["level"] == "fatal"]
        assert last_words["msg"].startswith("1 of 1 decode threads are lost")
        (failed,) = worker.events("Job failed for good: kept as a dead letter")
        assert failed["code"] == "decode_timeout"
        assert worker.stderr == ""
    assert bench.result(failed["storageKey"]).last_error == "The picture took more than 0.5 s to decode."
    (waiting,) = PICTURES - {failed["storageKey"]}
    assert bench.status(waiting) is Status.PENDING
    with Console("--once", env=bench.env) as once:
        assert once.wait() == Exit.DONE
    assert bench.result(waiting).attempts == 1
    assert bench.leftovers() == {}
