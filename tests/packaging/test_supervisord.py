"""etc/supervisord.conf as it is shipped, under a real supervisord.

Only its socket and pid file move out of /run, and what fails at once is not tried as often.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from gradientd.model import Status
from gradientd.settings import Settings
from tests.real.conftest import Bench
from tests.real.console import Console, wait_until
from tests.real.pictures import jpeg, large_jpeg

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PROCESSES = ("gradientd:gradientd-0", "gradientd:gradientd-1")


class Supervisord(Console):
    """A running supervisord, and the supervisorctl that talks to it."""

    def __init__(self, folder: Path, env: dict[str, str], startretries: int = 3) -> None:
        self._conf = folder / "supervisord.conf"
        shipped = (ROOT / "etc" / "supervisord.conf").read_text()
        ours = shipped.replace("/run/", f"{folder}/").replace("startretries=3", f"startretries={startretries}")
        self._conf.write_text(ours)
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        super().__init__("-n", "-c", str(self._conf), env={**env, "PATH": path}, script=BIN / "supervisord")

    def __enter__(self) -> Supervisord:
        return self

    def __exit__(self, *_: object) -> None:
        """Its processes go with it only when it is asked to end."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            self.wait()
        super().__exit__()

    def ctl(self, *command: str) -> str:
        asked = [str(BIN / "supervisorctl"), "-c", str(self._conf), *command]
        return subprocess.run(asked, capture_output=True, text=True, timeout=60).stdout

    def states(self) -> dict[str, str]:
        """Process name to state, such as RUNNING; empty while supervisord does not answer yet."""
        return dict(re.findall(r"^(gradientd:\S+) +([A-Z]+)\b", self.ctl("status"), re.MULTILINE))

    def pid(self, process: str) -> int:
        return int(self.ctl("pid", process))

    def wait_for_states(self, *states: str) -> None:
        """Wait until every process is in one of these states."""

        def are_all_so() -> bool:
            now = self.states()
            return now.keys() == set(PROCESSES) and set(now.values()) <= set(states)

        wait_until(are_all_so, 60, lambda: f"{states}:\n{self.ctl('status')}\n{self.report()}")


def test_processes_come_up_work_come_back_and_stop_with_exit_0(bench: Bench, tmp_path: Path) -> None:
    keys = [f"g1/{number}.jpg" for number in range(6)]
    for number, key in enumerate(keys):
        bench.storage.put(key, jpeg(seed=number), "image/jpeg")
    with Supervisord(tmp_path, bench.env) as supervisord:
        for key in keys:
            bench.push_id_job(key)
        wait_until(lambda: all(bench.status(key) is Status.COMPLETED for key in keys), 20, supervisord.report)
        supervisord.wait_for_states("RUNNING")

        killed, *_ = PROCESSES
        before = supervisord.pid(killed)
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: supervisord.stdout.count("Worker started") == len(PROCESSES) + 1, 20, supervisord.report)
        assert supervisord.pid(killed) != before

        supervisord.ctl("stop", "all")
        assert supervisord.states() == dict.fromkeys(PROCESSES, "STOPPED")
        assert supervisord.stdout.count("(exit status 0)") == len(PROCESSES), supervisord.report()
    assert bench.leftovers() == {}


def test_end_of_supervisord_waits_for_the_job_in_hand(bench: Bench, tmp_path: Path) -> None:
    bench.storage.put("g1/large.jpg", large_jpeg(), "image/jpeg")
    with Supervisord(tmp_path, bench.env) as supervisord:
        bench.push_id_job("g1/large.jpg")
        wait_until(lambda: bench.redis.llen("gradient:processing"), 20, supervisord.report)
        supervisord.signal(signal.SIGTERM)
        assert supervisord.wait() == 0
        assert "SIGKILL" not in supervisord.stdout
    assert bench.status("g1/large.jpg") is Status.COMPLETED
    assert bench.leftovers() == {}


def test_wrong_settings_end_in_sight_and_not_in_a_loop(tmp_path: Path) -> None:
    with Supervisord(tmp_path, {}, startretries=1) as supervisord:
        supervisord.wait_for_states("FATAL", "EXITED")  # the latter where the start alone takes more than startsecs
        starts = supervisord.stdout.count("spawned: ")
        assert starts <= len(PROCESSES) * 2
        assert supervisord.stdout.count("exit status 78") == starts
        assert "REDIS_URL is not set" in supervisord.stderr


def test_stop_wait_is_longer_than_the_grace_time_and_the_last_words() -> None:
    waited = re.search(r"^stopwaitsecs=(\d+)$", (ROOT / "etc" / "supervisord.conf").read_text(), re.MULTILINE)
    assert waited
    defaults = Settings("redis://redis", "http://s3", "key", "secret", "bucket")
    assert int(waited[1]) > defaults.longest_stop_s
