"""The console script in a subprocess, as a supervisor would run it."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gradientd.settings import Settings

SCRIPT = Path(sys.executable).with_name("gradientd")


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that tell a process what `settings` say of the servers."""
    return {
        "REDIS_URL": settings.redis_url,
        "S3_ENDPOINT": settings.s3_endpoint,
        "S3_ACCESS_KEY": settings.s3_access_key,
        "S3_SECRET_KEY": settings.s3_secret_key,
        "MASTER_BUCKET_NAME": settings.master_bucket_name,
    }


class Console:
    """One running `gradientd`; its log is read from a file, so that it can be killed at any moment."""

    def __init__(self, *arguments: str, env: dict[str, str], script: Path = SCRIPT) -> None:
        self._out = tempfile.TemporaryFile("a+")  # noqa: SIM115 - closed by `close`
        self._err = tempfile.TemporaryFile("a+")  # noqa: SIM115 - closed by `close`
        self.process = subprocess.Popen(
            [str(script), *arguments],
            env={"PATH": os.environ["PATH"], "HOME": tempfile.gettempdir(), **env},
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._err,
            cwd=tempfile.gettempdir(),
        )

    def __enter__(self) -> Console:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._out.close()
        self._err.close()

    @property
    def stdout(self) -> str:
        return _read(self._out.fileno())

    @property
    def stderr(self) -> str:
        return _read(self._err.fileno())

    @property
    def log(self) -> list[dict[str, Any]]:
        """The log's lines; the last may still be in the making."""
        return [json.loads(line) for line in self.stdout.splitlines(keepends=True) if line.endswith("\n")]

    def events(self, message: str) -> list[dict[str, Any]]:
        """The log's lines with exactly this message."""
        return [line for line in self.log if line["msg"] == message]

    def wait_for(self, message: str, count: int = 1, timeout_s: float = 20.0) -> list[dict[str, Any]]:
        """Wait until the log has `count` lines with this message."""
        wait_until(lambda: len(self.events(message)) >= count, timeout_s, lambda: f"{message!r} in:\n{self.report()}")
        return self.events(message)

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def wait(self, timeout_s: float = 40.0) -> int:
        """The exit code."""
        deadline = time.monotonic() + timeout_s
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise AssertionError(f"gradientd did not exit:\n{self.report()}")
            time.sleep(0.01)
        return self.process.returncode

    def report(self) -> str:
        return f"{self.stdout}\n--- stderr ---\n{self.stderr}"


def run_on_terminal(*arguments: str, env: dict[str, str]) -> tuple[int, str]:
    """The exit code and everything that a terminal 100 columns wide was sent."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (40, 100))
    process = subprocess.Popen(
        [str(SCRIPT), *arguments],
        env={"PATH": os.environ["PATH"], **env},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    while process.poll() is None or select.select([master], [], [], 0)[0]:
        if select.select([master], [], [], 0.1)[0]:
            try:
                shown += os.read(master, 4096)
            except OSError:  # the other end is closed
                break
    os.close(master)
    return process.wait(timeout=10), shown.decode()


def wait_until(
    condition: Callable[[], object], timeout_s: float = 20.0, say: Callable[[], str] = lambda: "the condition"
) -> None:
    """Look every few milliseconds until `condition` holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s} s in vain for {say()}")
        time.sleep(0.01)


def _read(descriptor: int) -> str:
    """The whole file, by position: the child shares the offset of what it writes to."""
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, size, 0).decode(errors="replace")
