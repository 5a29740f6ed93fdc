"""The guide's JavaScript, run by Node: the packages that it wants are installed once, into the virtual environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.integration.snippets import snippet
from tests.missing import go_without

HOME = Path(sys.prefix) / "node-for-tests"
HERE = Path(__file__).parent


class NodeError(Exception):
    """What the guide's function threw."""


def node_home() -> Path:
    """A folder with everything installed that tests/integration/package.json names."""
    for program in ("node", "npm"):
        shutil.which(program) or go_without(f"{program} (apt-get install nodejs npm)")
    wanted, installed = (HERE / "package.json").read_text(), HOME / "installed.json"
    if not installed.exists() or installed.read_text() != wanted:
        HOME.mkdir(parents=True, exist_ok=True)
        (HOME / "package.json").write_text(wanted)
        install = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"]
        done = subprocess.run(install, cwd=HOME, capture_output=True, text=True, timeout=240)
        if done.returncode:
            go_without(f"what npm would install ({done.stderr.strip()[-300:]})")
        installed.write_text(wanted)
    return HOME


class Node:
    """A node process that calls the guide's functions. Use it as a context."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        (folder / "node_modules").symlink_to(node_home() / "node_modules")
        (folder / "package.json").write_text('{"type": "module"}')
        for name in ("producer.mjs", "reader.mjs"):
            (folder / name).write_text(snippet(name))
        shutil.copy(HERE / "drive.mjs", folder)
        self._process = subprocess.Popen(
            ["node", "drive.mjs"],
            cwd=folder,
            env={**os.environ, "REDIS_URL": redis_url},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Node:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def call(self, name: str, *arguments: Any) -> Any:
        """Call one function and wait for what it resolves to. Raises NodeError."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([name, *arguments]) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise NodeError(answer["error"])
        return answer["value"]
