"""One run: every section that was asked for, on the same pictures and the same servers.

It refuses to go on after a contender that did not do its work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks import end_to_end, growth, instructions, kernel, latency, memory, overhead, quality
from benchmarks.pictures import LEAST_MEGAPIXELS, Picture, collect, large
from benchmarks.report import Section
from benchmarks.stage import Stage, open_stage

Run = tuple[Section, ...]
"""What one run found."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for; `folder` holds pictures to use instead of the packages', `record` keeps the instructions."""

    sections: tuple[str, ...]
    rounds: int
    folder: Path | None
    record: bool


class Ground:
    """What the sections stand on: the pictures, and both servers once somebody asks for them. Use it as a context."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rounds = plan.rounds
        self._exit = ExitStack()

    def __enter__(self) -> Ground:
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    @cached_property
    def pictures(self) -> list[Picture]:
        """All of them."""
        found = collect(self.plan.folder)
        if not large(found):
            raise SystemExit(f"No picture of {LEAST_MEGAPIXELS:g} megapixels or more in {self.plan.folder}")
        return found

    @cached_property
    def photographs(self) -> list[Picture]:
        """Those large enough to measure speed on."""
        return large(self.pictures)

    @cached_property
    def stage(self) -> Stage:
        """Both servers, started now."""
        return self._exit.enter_context(open_stage(self.photographs))


_MEASURES: dict[str, Callable[[Ground], Iterable[Section | None]]] = {
    "kernel": lambda ground: kernel.measure(ground.photographs, ground.rounds),
    "quality": lambda ground: [quality.measure(ground.pictures)],
    "overhead": lambda ground: [overhead.measure(ground.stage, ground.rounds)],
    "latency": lambda ground: [latency.measure(ground.stage)],
    "memory": lambda ground: [memory.measure(ground.stage)],
    "growth": lambda ground: [growth.measure(ground.stage, ground.rounds)],
    "end-to-end": lambda ground: [end_to_end.measure(ground.stage, ground.rounds)],
    "instructions": lambda ground: [instructions.measure(record=ground.plan.record)],
}


def once(plan: Plan, number: int = 1, runs: int = 1) -> Run:
    """Measure, and print each section as soon as it is known."""
    with Ground(plan) as ground:
        return tuple(_sections(ground, f"run {number} of {runs}, " if runs > 1 else ""))


def _sections(ground: Ground, prefix: str) -> Iterator[Section]:
    for name in ground.plan.sections:
        print(f"\n== {prefix}{name}", flush=True)
        for section in _MEASURES[name](ground):
            if section is not None:
                print(section.text(), flush=True)
                yield section
