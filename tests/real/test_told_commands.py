"""Every command that README, docs and --help tell of is run: here just as it stands there, or where the ledger says.

It refuses a command that nobody has run.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gradientd.cli.arguments import make_parser
from gradientd.errors import ObjectMissing
from gradientd.jobqueue import Connector, Queue
from tests.jobqueue.conftest import GRADIENT, begin
from tests.real.conftest import Bench
from tests.real.console import SCRIPT
from tests.real.pictures import jpeg

TOP = Path(__file__).parents[2]
KEY = "lakes/como.jpg"

ELSEWHERE = {
    r"make demo": "tests/cli/test_demo.py",
    r"make test": ".ci/run",
    r"make test ARGS=.tests/real/test_sentinel.py.": "tests/real/test_sentinel.py",
    r"make chaos .+": "tests/chaos/test_chaos.py",
    r"make hostile .+": "tests/hostile/test_pictures.py",
    r"make soak": "tests/soak/test_soak.py",
    r"pip install '\.\[binary\]'": "tests/packaging/test_wheel.py",
    r"gradientd": "tests/real/test_end_to_end.py",
    r"gradientd demo( ~/Pictures)?": "tests/cli/test_demo.py",
    r"gradientd info --watch 5": "tests/cli/test_info.py",
    r"GRADIENT_HTTP_ADDR=.+ gradientd": "tests/web/test_process.py",
    r"curl -H .+ localhost:9876/api/(status|dead/retry)": "tests/web/test_api.py",
    r"python -m benchmarks.scaling .+": "tests/benchmarks/test_scaling.py",
}
"""Commands that other tests run, with the servers, the time or the ports that they need."""
BY_HAND = {
    r"docker build .+": "a container engine; seen with buildah 1.28",
    r"docker run .+": "a container engine; seen with Docker's client on podman 4.3",
    r"PICTURES=~/Pictures docker compose .+ up": "a container engine; seen with Docker Compose 2.26 on podman 4.3",
    r"kubectl apply .+": "a cluster; seen up to `kubectl kustomize`, with kubectl 1.32",
    r"python -m benchmarks.scaling_check .+": "minutes; seen on two cores, docs/scaling.md has what it printed",
}
"""What no test can run: what it needs, and with what it was seen to work. It is run by whoever changes it."""


def blocks() -> Iterator[str]:
    """The shell blocks of README and docs; those with a name of their own are tests/integration's."""
    for path in (TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))):
        yield from re.findall(r"^```sh\n(.*?)^```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from parsers(below)


def examples(parser: argparse.ArgumentParser) -> list[str]:
    """A command ends where two blanks or the line do: the rest is its explanation."""
    _, _, told = (parser.epilog or "").partition("example")
    return re.findall(r"^  .*?(gradientd(?: \S+)+)", told, re.MULTILINE)


PARSERS = list(parsers(make_parser()))
LINES = [line.partition("  #")[0].strip() for block in blocks() for line in block.splitlines()]
TOLD = sorted(
    {line for line in LINES if line and not line.startswith("export ")}
    | {example for parser in PARSERS for example in examples(parser)} - {"gradientd COMMAND --help"}
)
RUN_HERE = [command for command in TOLD if not any(re.fullmatch(other, command) for other in (*ELSEWHERE, *BY_HAND))]


@pytest.fixture
def home(bench: Bench, tmp_path: Path) -> Path:
    """Somebody's home and servers, where `lakes/como.jpg` has a result, waits for another, and failed once for good."""
    for name in ("Pictures", ".zfunc", ".config/fish/completions", ".local/share/bash-completion/completions"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("Pictures/como.jpg", "lake.jpg", "heartbeat"):
        (tmp_path / name).write_bytes(jpeg())
    bench.storage.put(KEY, jpeg(), "image/jpeg")
    queue = Queue(Connector.from_settings(bench.settings).client(socket_timeout_s=5, max_connections=2))
    bench.push_inline_job(KEY)
    bench.push_inline_job(KEY)
    taken, job = begin(queue)
    queue.complete(taken, job, GRADIENT, 1)
    taken, job = begin(queue)
    queue.fail(taken, job, KEY, ObjectMissing("The object is missing."))
    queue.close()
    stored = bench.redis.get(f"gradient:{KEY}")
    bench.push_id_job(KEY)
    bench.redis.set(f"gradient:{KEY}", stored)
    return tmp_path


@pytest.mark.parametrize("command", RUN_HERE)
def test_command_does_what_it_is_told_for(command: str, bench: Bench, home: Path) -> None:
    env = {
        **bench.env,
        "PATH": f"{SCRIPT.parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "GRADIENT_HEARTBEAT_FILE": str(home / "heartbeat"),
    }
    done = subprocess.run(["bash", "-c", command], cwd=home, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "gradientd: " not in done.stderr


def test_what_the_ledger_names_is_told_and_is_there() -> None:
    for pattern in (*ELSEWHERE, *BY_HAND):
        assert any(re.fullmatch(pattern, command) for command in TOLD), pattern
    for place in ELSEWHERE.values():
        assert (TOP / place).is_file()
    assert len(RUN_HERE) > 20


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.prog)
def test_every_command_s_help_has_an_example_of_its_own(parser: argparse.ArgumentParser) -> None:
    assert examples(parser)
    assert all(example.startswith(parser.prog) for example in examples(parser))
