"""Hands pictures to a child process one by one and says what is wrong with how it took them.

It refuses to share a process with them: a crash or a hang is a finding, not the end of the run.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.hostile.case import Case

ROOT = Path(__file__).parents[2]
SLACK_KB = 8 * 1024
"""What the kernel and malloc may add to a figure."""
_RAW = re.compile(r"vips|libpng|libjpeg|tiff2|heif:|traceback|0x[0-9a-f]{4}|object at|error\(|\n", re.IGNORECASE)
"""Words of a library or of Python, which are not for the owner of a gallery."""


@dataclass(frozen=True)
class Answer:
    """What became of one picture; memory is what it took beyond the process at rest and its own bytes."""

    name: str
    code: str
    message: str
    seconds: float
    peak_kb: int
    estimate: int | None
    next_works: bool


class Examiner:
    """One child after another: a new one when the last crashed or hung. Use it as a context."""

    def __init__(
        self,
        budget_mb: int = 512,
        deadline_s: float = 30.0,
        grace_s: float = 5.0,
        child: Sequence[str] = ("-m", "tests.hostile.examine"),
    ) -> None:
        self._budget_mb = budget_mb
        self._deadline_s = deadline_s
        self._grace_s = grace_s
        self._command = [sys.executable, *child, str(budget_mb)]
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def ask(self, case: Case) -> Answer:
        """What becomes of a picture; code `crashed` or `hung` when the child did not answer."""
        data = case.make()
        child = self._child = self._child or self._start()
        watchdog = threading.Timer(self._deadline_s + self._grace_s, child.kill)
        watchdog.start()
        try:
            answer = self._exchange(child, data)
        finally:
            was_hung = not watchdog.is_alive()
            watchdog.cancel()
        if answer is None:
            self._end()
            code = "hung" if was_hung else "crashed"
            return Answer(case.name, code, f"exit code {child.returncode}", self._deadline_s, 0, None, False)
        return Answer(case.name, **answer)

    def faults(self, case: Case, answer: Answer) -> list[str]:
        """What is wrong with an answer, a sentence each."""
        found = []
        if answer.code not in case.ends:
            found.append(f"ended with {answer.code} ({answer.message!r}), not with {' or '.join(sorted(case.ends))}")
        if answer.code != "completed" and not is_clear(answer.message):
            found.append(f"its message is no clear sentence: {answer.message!r}")
        if answer.seconds > self._deadline_s:
            found.append(f"took {answer.seconds:.1f} s, over the deadline of {self._deadline_s:g} s")
        allowed_kb = self._budget_mb * 1024 if answer.estimate is None else answer.estimate // 1024
        if answer.peak_kb > allowed_kb + SLACK_KB:
            found.append(f"took {answer.peak_kb >> 10} MB where {allowed_kb >> 10} MB were admitted")
        if not answer.next_works:
            found.append("the next picture was not decoded as before")
        return found

    def _exchange(self, child: subprocess.Popen[bytes], data: bytes) -> dict[str, Any] | None:
        assert child.stdin
        assert child.stdout
        try:
            child.stdin.write(json.dumps({"size": len(data)}).encode() + b"\n" + data)
            child.stdin.flush()
        except BrokenPipeError:
            return None
        line = child.stdout.readline()
        answer: dict[str, Any] | None = json.loads(line) if line else None
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None


def is_clear(message: str) -> bool:
    """Whether a message is one sentence for a person: no library's words, no Python, an end."""
    return message.endswith(".") and len(message) < 200 and message[0].isupper() and not _RAW.search(message)
