"""One process of the fleet and all its incarnations: started, signalled, and remembered by their logs.

It refuses to know what runs in it: a gradientd, a sabotaged one, or a peer.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.evidence import Exit

REPOSITORY = Path(__file__).parents[2]
KILLED, TERMINATED, AS_TOLD = -signal.SIGKILL, -signal.SIGTERM, 0
READY_BY_LOG = '"Worker started"'
"""Before this line SIGTERM may end a process at once, since it has nothing in its hands."""


@dataclass
class Incarnation:
    """One process; `expected` are the exit codes that what was done to it allows."""

    name: str
    process: subprocess.Popen[bytes]
    out: Path
    err: Path
    expected: list[int] = field(default_factory=list)

    @property
    def log(self) -> str:
        """What it has written to stdout so far."""
        return self.out.read_text(encoding="utf-8", errors="replace")

    @property
    def is_ready(self) -> bool:
        """Whether a worker has said that it works."""
        return READY_BY_LOG in self.log

    def to_exit(self) -> Exit:
        """How it ended; it must have ended."""
        expected = list(self.expected)
        if AS_TOLD in expected and not self.is_ready:
            expected += [TERMINATED, 128 + signal.SIGTERM]
        return Exit(self.name, self.process.wait(), tuple(expected), self.err.read_text(errors="replace"))


class Member:
    """A place in the fleet: `name`, the command that fills it, and everybody who ever did."""

    def __init__(self, name: str, command: Sequence[str], env: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.incarnations: list[Incarnation] = []
        self._command = command
        self._env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "HOME": str(folder), **env}
        self._folder = folder

    def start(self) -> None:
        """Start a new incarnation; the last one may still be on its way out."""
        name = f"{self.name}.{len(self.incarnations) + 1}"
        out, err = self._folder / f"{name}.out", self._folder / f"{name}.err"
        with out.open("ab") as stdout, err.open("ab") as stderr:
            process = subprocess.Popen(
                self._command,
                env=self._env,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        self.incarnations.append(Incarnation(name, process, out, err))

    @property
    def current(self) -> Incarnation:
        """The newest incarnation."""
        return self.incarnations[-1]

    def kill(self) -> None:
        """End the current incarnation at once."""
        self.current.expected.append(KILLED)
        self.current.process.kill()

    def term(self) -> None:
        """Ask the current incarnation to end."""
        self.current.expected.append(AS_TOLD)
        self.current.process.terminate()

    def stop(self) -> None:
        """Freeze the current incarnation."""
        self.current.process.send_signal(signal.SIGSTOP)

    def cont(self) -> None:
        """Thaw it."""
        self.current.process.send_signal(signal.SIGCONT)

    def end_all(self, timeout_s: float = 20.0) -> Iterator[Exit]:
        """Wait for every incarnation's end, by force in the end; how each one ended."""
        for incarnation in self.incarnations:
            try:
                incarnation.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                incarnation.process.kill()
            yield incarnation.to_exit()

    def destroy(self) -> None:
        """Leave no process behind."""
        for incarnation in self.incarnations:
            if incarnation.process.poll() is None:
                incarnation.process.kill()
            incarnation.process.wait()
