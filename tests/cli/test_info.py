"""`gradientd info` against a real server, by the real console script, in a pipe and on a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from typing import Any

import pytest

from gradientd.jobqueue import Connector, Fleet, Pace, Queue, keys, measure_pace
from tests.real.conftest import Bench, bench
from tests.real.console import SCRIPT, Console

__all__ = ["bench"]  # the fixture


def run(bench: Bench, *arguments: str) -> tuple[int, str, str]:
    with Console("info", *arguments, env=bench.env) as console:
        return console.wait(), console.stdout, console.stderr


def beat(bench: Bench, worker_id: str, **changes: Any) -> None:
    work = {"jobId": "j", "storageKey": "lakes/c\x1bomo.jpg", "phase": "decode", "forMs": 1200}
    heartbeat = {
        "state": "running", "host": "h", "pid": 1, "version": "1", "concurrency": 2, "startedAt": 1,
        "jobsProcessed": 1_234, "jobsFailed": 5, "jobs": [work], **changes,
    }  # fmt: skip
    queue = Queue(Connector.from_settings(bench.settings).client(socket_timeout_s=5, max_connections=1))
    queue.renew([], worker_id=worker_id, heartbeat_json=json.dumps(heartbeat))
    queue.close()


def now_ms(bench: Bench) -> int:
    seconds, micros = bench.redis.time()
    return int(seconds * 1000 + micros // 1000)


def pace(bench: Bench) -> Pace:
    client = Connector.from_settings(bench.settings).client(socket_timeout_s=5, max_connections=1)
    try:
        return measure_pace(client)
    finally:
        client.close()


def done(bench: Bench, count: int, *, apart_ms: float, took_ms: int = 100) -> None:
    """`count` results, the newest a moment ago."""
    now = now_ms(bench)
    bench.redis.zadd(keys.RECENT, {f"done/{number}.jpg": now - number * apart_ms for number in range(count)})
    bench.redis.hset(keys.RECENT_MS, mapping={f"done/{number}.jpg": took_ms + number for number in range(count)})


def test_queue_fleet_and_pace_are_told(bench: Bench) -> None:
    for number in range(90):
        bench.push_id_job(f"{number}.jpg", createdAt=now_ms(bench) - 120_000)
    bench.redis.rpush(keys.PROCESSING, "a", "b", "c")
    bench.redis.zadd(keys.LEASES, {"a": now_ms(bench) + 60_000, "b": now_ms(bench) - 1})
    bench.redis.zadd(keys.DELAYED, {"d": 1})
    bench.redis.hset(keys.DEAD, "e", "{}")
    bench.redis.zadd(keys.DEAD_INDEX, {"e": now_ms(bench)})
    done(bench, 90, apart_ms=100, took_ms=300)
    beat(bench, "host-1-abcd")
    beat(bench, "host-2-abcd", state="waiting", jobs=[])
    code, out, err = run(bench)
    assert (code, err) == (0, "")
    assert "queued        90  empty in about 59 s at this pace\n" in out
    assert "in work       3  1 lease, 1 expired: any worker takes them back\n" in out
    assert "delayed       1\n" in out
    assert "dead letters  1\n" in out
    assert re.search(r"^oldest job    2 min(?: \d+ s)? \(of the next 10\)$", out, re.MULTILINE)
    assert "last minute   1.5/s completed, 0.3 s each, 1.0/min failed\n" in out
    assert "2 workers, 1 of 4 slots busy\n" in out
    assert "  host-1-abcd  running   1,234 completed, 5 failed, heartbeat " in out
    assert '"lakes/c\\u001bomo.jpg" (decode)\n' in out
    assert "  host-2-abcd  waiting " in out


def test_empty_queue_without_a_fleet_promises_nothing(bench: Bench) -> None:
    code, out, _ = run(bench)
    assert code == 0
    assert "queued        0\n" in out
    assert "last minute   0/s completed, 0/s failed\n" in out
    assert "No worker has sent a heartbeat lately.\n" in out
    bench.push_id_job("a.jpg")
    done(bench, 3, apart_ms=1)
    assert "empty in" not in run(bench)[1], "nobody works"
    beat(bench, "host-1-abcd")
    assert "empty in" in run(bench)[1]
    bench.redis.set(keys.PAUSED, "1")
    assert "queued        1  PAUSED: `gradientd resume` ends it\n" in run(bench)[1]


def test_lost_worker_is_told_with_its_last_heartbeat(bench: Bench) -> None:
    beat(bench, "host-1-abcd")
    bench.redis.delete("gradientd:worker:host-1-abcd")
    assert "host-1-abcd  lost      last heard of " in run(bench)[1]


def test_json_is_one_object_with_everything(bench: Bench) -> None:
    bench.push_inline_job("a.jpg")
    beat(bench, "host-1-abcd")
    told = json.loads(run(bench, "--json")[1])
    leases = {"live": 0, "expired": 0}
    assert told["queue"] == {
        "queue": 1, "processing": 0, "delayed": 0, "dead": 0,
        "oldestJobSeconds": None, "leases": leases, "isPaused": False,
    }  # fmt: skip
    assert told["rates"] == {"completedPerSecond": 0.0, "failedPerSecond": 0.0, "processingMs": None}
    (worker,) = told["workers"]
    assert (worker["workerId"], worker["state"], worker["jobsProcessed"]) == ("host-1-abcd", "running", 1234)
    assert worker["jobs"] == [{"jobId": "j", "storageKey": "lakes/c\x1bomo.jpg", "phase": "decode", "forMs": 1200}]


def test_pace_is_that_of_the_last_minute(bench: Bench) -> None:
    assert pace(bench) == Pace(0.0, 0.0, None)
    done(bench, 120, apart_ms=1_000)
    assert pace(bench).completed_per_s == pytest.approx(1.0, abs=0.05)
    bench.redis.zadd(keys.DEAD_INDEX, {"new": now_ms(bench), "old": now_ms(bench) - 70_000})
    assert pace(bench).failed_per_s == pytest.approx(1 / 60)


def test_pace_of_a_fast_fleet_is_measured_over_what_is_known(bench: Bench) -> None:
    done(bench, keys.RECENT_MAX, apart_ms=5)
    assert pace(bench).completed_per_s == pytest.approx(200, rel=0.2)
    assert pace(bench).processing_ms == 199.5


def test_wrong_interval_is_a_usage_error(bench: Bench) -> None:
    for wrong in ("x", "0", "-1", "nan", "1e99"):
        code, _, err = run(bench, f"--watch={wrong}")
        assert code == 2
        assert f"must be a number of seconds, 0.1 or more, not '{wrong}'" in err


def test_redis_being_down_is_one_sentence(bench: Bench) -> None:
    with Console("info", env={**bench.env, "REDIS_URL": "redis://127.0.0.1:1/0"}) as console:
        assert console.wait() == 69
        assert console.stderr.startswith("gradientd: Redis cannot be reached: ")
        assert console.stderr.count("\n") == 1


class Terminal:
    """`gradientd info` on a terminal of 12 rows of 60 columns."""

    def __init__(self, *arguments: str, env: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 60, 0, 0))
        self.process = subprocess.Popen(
            [str(SCRIPT), "info", *arguments],
            env={"PATH": os.environ["PATH"], "TERM": "xterm", **env},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            preexec_fn=_own_the_terminal,
        )
        os.close(slave)
        self.shown = ""

    def read_until(self, text: str, timeout_s: float = 20.0) -> None:
        deadline = time.monotonic() + timeout_s
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            if select.select([self._master], [], [], 0.1)[0]:
                self.shown += os.read(self._master, 65_536).decode()

    def press_ctrl_c(self) -> int:
        os.write(self._master, b"\x03")
        code = self.process.wait(timeout=20)
        while select.select([self._master], [], [], 0.1)[0]:
            try:
                self.shown += os.read(self._master, 65_536).decode()
            except OSError:
                break
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)


def _own_the_terminal() -> None:
    """In the child, so that Ctrl-C there is SIGINT here."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_watch_redraws_the_terminal_in_place_until_ctrl_c(bench: Bench) -> None:
    for number in range(30):
        beat(bench, f"host-{number:02}-abcd")
    terminal = Terminal("--watch=0.1", env=bench.env)
    try:
        terminal.read_until("queued        0")
        bench.push_id_job("a.jpg")
        terminal.read_until("queued        1")
        assert terminal.press_ctrl_c() == 0
    finally:
        terminal.close()
    frames = terminal.shown.split("\x1b[H")[1:]
    assert len(frames) >= 2
    assert all(frame.count("\n") <= 11 for frame in frames[:-1]), "12 rows: one more would scroll"
    assert "\x1b[2J" not in terminal.shown, "clearing it all would flicker"
    assert "Traceback" not in terminal.shown
    assert "Interrupt" not in terminal.shown
    assert terminal.shown.endswith("\n"), "the prompt gets a line of its own"


def test_watch_outlasts_an_outage(bench: Bench) -> None:
    terminal = Terminal("--watch=0.1", env={**bench.env, "REDIS_URL": "redis://127.0.0.1:1/0"})
    try:
        terminal.read_until("Redis cannot be reached")
        seen = terminal.shown.count("Redis cannot be reached")
        terminal.shown, before = "", terminal.shown
        terminal.read_until("Redis cannot be reached")
        assert seen >= 1
        assert terminal.press_ctrl_c() == 0
        assert "Traceback" not in before + terminal.shown
    finally:
        terminal.close()


def test_watch_as_json_is_a_stream_of_objects(bench: Bench) -> None:
    with Console("info", "--watch=0.1", "--json", env=bench.env) as console:
        deadline = time.monotonic() + 20
        while console.stdout.count("\n") < 3:
            assert time.monotonic() < deadline, console.report()
            time.sleep(0.05)
        console.signal(signal.SIGINT)
        assert console.wait() == 0
        assert console.stderr == ""
        assert all(json.loads(line)["queue"]["queue"] == 0 for line in console.stdout.splitlines())


def test_fleet_of_a_thousand_is_cut_and_says_so(bench: Bench) -> None:
    fleet = Fleet(bench.redis)
    for number in range(60):
        fleet.enlist(f"host-{number:02}-abcd")
    out = run(bench)[1]
    assert "  and 10 workers more: --json has them all\n" in out
    assert out.count("last heard of") == 50
    assert len(json.loads(run(bench, "--json")[1])["workers"]) == 60
