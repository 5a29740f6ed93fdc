"""What etc/ says, read as the programs that it is for would read it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ETC = Path(__file__).parents[2] / "etc"
KUBERNETES = ETC / "kubernetes"
SYSTEMD = ETC / "systemd"
UNITS = (SYSTEMD / "gradientd.service", SYSTEMD / "gradientd@.service")
PODS = (KUBERNETES / "deployment.yml", KUBERNETES / "once-job.yml")


@dataclass(frozen=True)
class Place:
    """Somewhere that a worker is run: the variables it gets, and how long it may take to stop."""

    name: str
    env: Mapping[str, str]
    grace_s: float


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def places() -> list[Place]:
    """Everywhere in etc/ that a worker runs."""
    return [_compose(), *map(_pod, PODS), *map(_unit, UNITS), _supervisord()]


def compose() -> Any:
    return read(ETC / "compose.yml")


def in_compose(value: str) -> str:
    """A value of compose.yml where the operator's environment sets nothing: `${NAME:-default}` is its default."""
    return re.sub(r"\$\{\w+:?-?([^}]*)\}", r"\1", value)


def compose_env(service: str) -> dict[str, str]:
    return {name: in_compose(value) for name, value in compose()["services"][service]["environment"].items()}


def container_of(path: Path) -> Any:
    (container,) = read(path)["spec"]["template"]["spec"]["containers"]
    return container


def unit_lines(path: Path) -> list[tuple[str, str]]:
    """A unit's settings in their order; a name may come more than once."""
    lines = path.read_text(encoding="utf-8").splitlines()
    settings = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return [(name, value) for name, _, value in settings]


def in_unit(path: Path, name: str) -> str:
    """The value of a setting that comes once."""
    (value,) = (value for found, value in unit_lines(path) if found == name)
    return value


def _compose() -> Place:
    service = compose()["services"]["gradientd"]
    return Place("compose.yml", compose_env("gradientd"), _seconds(service["stop_grace_period"]))


def _pod(path: Path) -> Place:
    env: dict[str, str] = {**read(KUBERNETES / "configmap.yml")["data"]}
    secret = read(KUBERNETES / "secret.example.yml")["stringData"]
    for variable in container_of(path)["env"]:
        env[variable["name"]] = secret[variable["valueFrom"]["secretKeyRef"]["key"]]
    return Place(path.name, env, read(path)["spec"]["template"]["spec"]["terminationGracePeriodSeconds"])


def _unit(path: Path) -> Place:
    shared = (SYSTEMD / "gradientd.env").read_text(encoding="utf-8")
    pairs = [*_pairs(line for line in shared.splitlines() if not line.startswith("#"))]
    pairs += _pairs(value for name, value in unit_lines(path) if name == "Environment")
    return Place(path.name, dict(pairs), float(in_unit(path, "TimeoutStopSec")))


def _supervisord() -> Place:
    text = (ETC / "supervisord.conf").read_text(encoding="utf-8")
    env = re.search(r"^environment=(.+)$", text, re.MULTILINE)
    wait = re.search(r"^stopwaitsecs=(\d+)$", text, re.MULTILINE)
    assert env
    assert wait
    return Place("supervisord.conf", dict(_pairs(env[1].split(","))), float(wait[1]))


def _pairs(lines: Iterator[str] | list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        for word in shlex.split(line):
            name, _, value = word.partition("=")
            yield name, value


def _seconds(duration: str) -> float:
    assert duration.endswith("s")
    return float(duration[:-1])
