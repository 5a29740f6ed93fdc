"""What a job cannot do without, on its own: a bare GET and the bare kernel, in a process that does nothing else.

It refuses to know a queue. As a program it reads orders (JSON, one a line) and answers with what each took.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from types import TracebackType

from benchmarks.stage import Stage, environment
from gradientd.imaging import generate_gradient
from gradientd.settings import parse_env
from gradientd.storage.client import make_client


@dataclass(frozen=True, slots=True)
class Spent:
    """What `count` pieces of work took together."""

    count: int
    wall_s: float
    cpu_s: float

    @property
    def rate(self) -> float:
        """Pieces of work a second."""
        return self.count / self.wall_s

    @property
    def cpu_ms(self) -> float:
        """CPU for one piece of work."""
        return self.cpu_s * 1000 / self.count


class Yardstick:
    """The process, as a context; `hub` gives it gevent and so many greenlets, as the worker has them."""

    def __init__(self, stage: Stage, hub: int = 0) -> None:
        self._env = environment(stage.settings)
        self._hub = hub

    def __enter__(self) -> Yardstick:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.bare", str(self._hub)],
            env={**os.environ, **self._env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def get(self, keys: Sequence[str]) -> Spent:
        """Read every object and throw it away."""
        return self._ask("get", keys)

    def kernel(self, keys: Sequence[str]) -> Spent:
        """Make the gradient of every object; its GET is not counted."""
        return self._ask("kernel", keys)

    def _ask(self, what: str, keys: Sequence[str]) -> Spent:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the yardstick's pipes are missing")
        stdin.write(json.dumps([what, list(keys)]) + "\n")
        stdin.flush()
        return Spent(**json.loads(stdout.readline()))


def serve(each: Callable[[Callable[[str], object], Sequence[str]], None]) -> None:
    """Answer orders from stdin until it ends; `each` calls a function for every key, in turn or side by side."""
    settings = parse_env()
    client = make_client(settings)

    def get(key: str) -> bytes:
        with client.get_object(Bucket=settings.master_bucket_name, Key=key)["Body"] as body:
            data: bytes = body.read()
        return data

    for line in sys.stdin:
        what, keys = json.loads(line)
        if what == "get":
            spent = _measured(partial(each, get, keys), len(keys))
        else:
            objects = {key: get(key) for key in set(keys)}
            spent = _measured(partial(_gradients, objects, keys), len(keys))
        print(json.dumps(asdict(spent)), flush=True)


def _gradients(objects: dict[str, bytes], keys: Sequence[str]) -> None:
    for key in keys:
        generate_gradient(objects[key])


def _measured(work: Callable[[], None], count: int) -> Spent:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Spent(count, time.perf_counter() - wall, time.process_time() - cpu)
