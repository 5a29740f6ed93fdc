"""What a container's PID 1 needs and an ordinary process has by default."""

from __future__ import annotations

import signal
import subprocess
import sys

TERMINATED_BEFORE_A_WORKER_RUNS = "import os, signal, gradientd.__main__; os.kill(os.getpid(), signal.SIGTERM)"


def test_sigterm_is_handled_before_the_worker_listens() -> None:
    ended = subprocess.run([sys.executable, "-c", TERMINATED_BEFORE_A_WORKER_RUNS], timeout=30)
    assert ended.returncode == 128 + signal.SIGTERM  # and not -SIGTERM, the default that PID 1 does not have
