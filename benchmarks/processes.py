"""One process that does four jobs at once, or two that do two each, on two cores: `python -m benchmarks.processes`.

It refuses to compare runs: in each round both do the same batch, one after the other, while the other idles.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pyvips

from benchmarks import pictures
from benchmarks.contenders import Batch, Gradientd
from benchmarks.report import ratios, spread
from benchmarks.stage import ONE_PIXEL, Stage, open_stage
from gradientd.storage import Storage

SHAPES = ((1, 4), (2, 2))
"""How many processes, and how many jobs each does at once."""
SMALLER_SIDES = (1024, 256)
SMALL_JOBS = 480


def batches(stage: Stage) -> Iterator[tuple[str, Sequence[str]]]:
    """What to do, each with its name: photographs, the same made smaller, and the smallest picture."""
    photographs = list(stage.photographs)
    yield "photographs of 2 to 25 MP", photographs * 3
    storage = Storage(stage.settings)
    for side in SMALLER_SIDES:
        smaller = [f"{side}/{key}" for key in photographs]
        for key, picture in zip(smaller, stage.photographs.values(), strict=True):
            image = pyvips.Image.thumbnail(str(picture.path), side)
            storage.put(key, image.jpegsave_buffer(Q=80, strip=True), "image/jpeg")
        yield f"JPEGs of {side} pixels", smaller * (SMALL_JOBS // len(smaller))
    yield "one pixel", [ONE_PIXEL] * SMALL_JOBS


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="One process or several, on the same cores")
    parser.add_argument("--rounds", type=int, default=5, help="how often each does each batch (5)")
    rounds = parser.parse_args().rounds
    print("| pictures | one process × 4, a second | two × 2, a second | ratio | CPU ms, one | CPU ms, two |")
    print("|---|---:|---:|---:|---:|---:|")
    with open_stage(pictures.large(pictures.collect())) as stage, ExitStack() as stack:
        shapes = [stack.enter_context(Gradientd(stage, jobs, processes=count)) for count, jobs in SHAPES]
        for name, keys in batches(stage):
            one, two = _measured(shapes, keys, rounds)
            rates = [[batch.rate for batch in turns] for turns in (one, two)]
            cpu = [spread([batch.cpu_ms for batch in turns]) for turns in (one, two)]
            cells = (f"{spread(rates[0]):.0f}", f"{spread(rates[1]):.0f}", f"{ratios(rates[1], rates[0]):.2f}")
            print("|", " | ".join((name, *cells, f"{cpu[0]:.1f}", f"{cpu[1]:.1f}")), "|", flush=True)


def _measured(shapes: Sequence[Gradientd], keys: Sequence[str], rounds: int) -> list[list[Batch]]:
    turns = [[shape.run(keys) for shape in shapes] for _ in range(rounds)]
    return [list(column) for column in zip(*turns, strict=True)]


if __name__ == "__main__":
    main()
