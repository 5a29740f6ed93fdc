"""The older worker's function, in a node process of its own.

It refuses to pretend: without node it says so, and its column stays empty.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from benchmarks.pictures import CACHE

MISSING = "node and npm are not on this machine"

_HOME = CACHE / "older"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the older worker makes of a picture, and the CPU that it took."""

    palette: list[tuple[int, int, int]]
    placeholder: bytes
    cpu_ms: float


class OlderWorker:
    """A context manager that answers for one picture after the other."""

    def __enter__(self) -> OlderWorker:
        _install()
        self._process = subprocess.Popen(
            ["node", str(_HOME / "older.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate()

    def ask(self, path: Path) -> Answer:
        """Work on one picture."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the pipes to node are missing")
        stdin.write(f"{path}\n")
        stdin.flush()
        answer = json.loads(stdout.readline())
        return Answer([tuple(c) for c in answer["palette"]], b64decode(answer["placeholder"]), answer["cpuMs"])


def is_available() -> bool:
    """Whether node and npm are on this machine."""
    return shutil.which("node") is not None and shutil.which("npm") is not None


def _install() -> None:
    _HOME.mkdir(parents=True, exist_ok=True)
    if not (_HOME / "node_modules" / "sharp").exists():
        packages = ["sharp@0.35", "quantize@1.0"]
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(_HOME), *packages], check=True)
    shutil.copy(Path(__file__).with_name("older.mjs"), _HOME)
