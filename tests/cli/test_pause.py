"""`gradientd pause` and `gradientd resume` against a real server."""

from __future__ import annotations

from tests.real.conftest import Bench, bench
from tests.real.console import Console
from tests.real.pictures import jpeg

__all__ = ["bench"]  # the fixture


def run(bench: Bench, command: str) -> tuple[int, str, str]:
    with Console(command, env=bench.env) as console:
        return console.wait(), console.stdout, console.stderr


def test_paused_queue_keeps_its_jobs_until_it_is_resumed(bench: Bench) -> None:
    bench.storage.put("a.jpg", jpeg(), "image/jpeg")
    bench.push_id_job("a.jpg")
    assert run(bench, "pause") == (0, "Paused: the fleet takes no more jobs.\n", "")
    with Console("--once", env=bench.env) as once:
        assert once.wait() == 75
    assert bench.status("a.jpg") == "pending"
    assert run(bench, "resume") == (0, "Resumed: the fleet takes jobs again.\n1 job in the queue.\n", "")
    with Console("--once", env=bench.env) as once:
        assert once.wait() == 0
    assert bench.status("a.jpg") == "completed"


def test_pausing_and_resuming_twice_says_so_and_is_no_error(bench: Bench) -> None:
    run(bench, "pause")
    bench.redis.zadd("gradientd:leases", {"somebody's": 2e12})
    assert run(bench, "pause") == (0, "The queue was paused already.\n1 job in work will be finished.\n", "")
    run(bench, "resume")
    assert run(bench, "resume") == (0, "The queue was not paused.\n0 jobs in the queue.\n", "")
