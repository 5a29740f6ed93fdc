"""`gradientd enqueue --prefix` against real servers: a bucket whose pictures have no result yet."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import termios

import pytest

from gradientd.cli.wording import quoted
from gradientd.model import job_id_for
from tests.real.conftest import Bench, bench
from tests.real.console import SCRIPT, Console, wait_until

__all__ = ["bench"]  # the fixture


def run(bench: Bench, *arguments: str) -> tuple[int, str, str]:
    with Console("enqueue", *arguments, env=bench.env) as console:
        return console.wait(), console.stdout, console.stderr


def store(bench: Bench, *keys: str) -> None:
    for key in keys:
        bench.storage.put(key, b"x", "image/jpeg")


def settle(bench: Bench, key: str, status: str) -> None:
    fields = {"status": status, "attempts": 1, "createdAt": 1, "updatedAt": 1}
    bench.redis.set(f"gradient:{key}", json.dumps(fields))


def queued(bench: Bench) -> list[str]:
    ids: list[str] = bench.redis.lrange("gradient:queue", 0, -1)
    return ids


def read_to_the_end(descriptor: int) -> str:
    """What a terminal still holds when its other end is closed."""
    chunks: list[bytes] = []
    with contextlib.suppress(OSError):
        while chunk := os.read(descriptor, 4096):
            chunks.append(chunk)
    os.close(descriptor)
    return b"".join(chunks).decode()


def test_only_what_has_no_result_is_enqueued(bench: Bench) -> None:
    store(bench, "a/1.jpg", "a/2.jpg", "a/3.jpg", "a/4.jpg", "b/1.jpg")
    settle(bench, "a/1.jpg", "completed")
    settle(bench, "a/2.jpg", "failed")
    bench.push_id_job("a/3.jpg")
    arguments = ("--prefix", "a/", "--missing")
    assert run(bench, *arguments) == (0, "2 enqueued, 2 have a result already.\n", "")
    assert queued(bench) == [job_id_for("a/3.jpg"), job_id_for("a/4.jpg")]
    run(bench, *arguments)
    assert queued(bench) == [job_id_for("a/3.jpg"), job_id_for("a/4.jpg")]


def test_job_that_was_lost_counts_as_missing(bench: Bench) -> None:
    store(bench, "a.jpg")
    settle(bench, "a.jpg", "pending")
    assert run(bench, "--prefix", "", "--missing")[0] == 0
    assert queued(bench) == [job_id_for("a.jpg")]


def test_without_missing_everything_under_the_prefix_is_enqueued(bench: Bench) -> None:
    store(bench, "a/1.jpg", "a/2.jpg")
    settle(bench, "a/1.jpg", "completed")
    assert run(bench, "--prefix", "a/", "--guild", "g7")[:2] == (0, "2 enqueued.\n")
    assert json.loads(bench.redis.get("gradient:job:gradient-a-1.jpg"))["guildId"] == "g7"


def test_start_after_goes_on_where_it_stopped(bench: Bench) -> None:
    store(bench, "a/1.jpg", "a/2.jpg", "a/3.jpg")
    assert run(bench, "--prefix", "a/", "--missing", "--start-after", "a/1.jpg")[:2] == (0, "2 enqueued.\n")
    assert queued(bench) == [job_id_for("a/2.jpg"), job_id_for("a/3.jpg")]


def test_key_that_would_overwrite_the_queue_is_refused_and_the_rest_goes_on(bench: Bench) -> None:
    store(bench, "processing", "zoo.jpg")
    code, out, err = run(bench, "--prefix", "", "--missing")
    assert (code, out) == (1, "1 enqueued, 1 refused.\n")
    assert err.startswith("gradientd: processing was refused: ")
    assert bench.redis.type("gradient:processing") == "none"


def test_outage_says_where_it_stopped_and_the_rest_can_be_enqueued(bench: Bench) -> None:
    store(bench, *(f"a/{number:02}.jpg" for number in range(30)))
    bench.redis.set("gradient:queue", "another type")
    code, out, err = run(bench, "--prefix", "a/", "--missing", "--start-after", "a/04.jpg")
    assert (code, out) == (69, "")
    assert "to go on: --start-after a/04.jpg" in err
    assert "another type" in err
    assert err.count("\n") == 2
    bench.redis.delete("gradient:queue")
    code, out, _ = run(bench, "--prefix", "a/", "--missing", "--start-after", "a/04.jpg")
    assert (code, out) == (0, "25 enqueued.\n")


def test_interrupt_says_where_it_stopped_and_nothing_is_left_out(bench: Bench) -> None:
    keys = [f"a/{number:03}.jpg" for number in range(300)]
    store(bench, *keys)
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (40, 100))
    process = subprocess.Popen(
        [str(SCRIPT), "enqueue", "--prefix", "a/", "--missing"],
        env={"PATH": os.environ["PATH"], "COLUMNS": "100", **bench.env},
        stdin=slave, stdout=subprocess.PIPE, stderr=slave,
    )
    os.close(slave)
    wait_until(lambda: bench.redis.llen("gradient:queue"))
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    shown = read_to_the_end(master)
    done = bench.redis.llen("gradient:queue")
    assert " objects" in shown
    if process.returncode == 0:
        assert done == 300  # it was through before the signal came
        return
    assert (process.returncode, out) == (130, b"")
    assert f"--start-after a/{done - 1:03}.jpg" in shown or f"--start-after a/{done - 2:03}.jpg" in shown
    assert run(bench, "--prefix", "a/", "--missing", "--start-after", f"a/{done - 2:03}.jpg")[0] == 0
    assert queued(bench) == [job_id_for(key) for key in keys]


@pytest.mark.parametrize("arguments", [[], ["a.jpg", "--prefix", "a"], ["a.jpg", "--missing"]])
def test_keys_and_prefix_exclude_each_other(bench: Bench, arguments: list[str]) -> None:
    code, out, err = run(bench, *arguments)
    assert (code, out) == (2, "")
    assert "gradientd enqueue: error: " in err


@pytest.mark.parametrize("key", ["plain.jpg", "it's a lake.jpg", "new\nline 'ü' \\.jpg", "\udcff.jpg"])
def test_the_shell_gets_back_the_key_that_was_quoted(key: str) -> None:
    echoed = subprocess.run(["bash", "-c", f"printf %s {quoted(key)}"], capture_output=True, check=True).stdout
    assert echoed == key.encode(errors="surrogateescape")
