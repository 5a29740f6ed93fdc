"""CPU per picture, ours and the peers', as ratios to a bare libvips thumbnail: `python -m benchmarks.kernel [FOLDER]`.

It refuses to compare runs: every contender works on every picture in turn, and each ratio is of neighbours in time.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pyvips
from colorthief import ColorThief
from PIL import Image

from benchmarks import older, pictures
from gradientd.imaging import generate_gradient

Contender = Callable[[pictures.Picture, bytes], float]
"""Works on one picture; returns the CPU it took in ms."""

Image.MAX_IMAGE_PIXELS = None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="pictures of your own (default: those of packages)")
    parser.add_argument("--rounds", type=int, default=5, help="times each contender sees each picture (%(default)s)")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        contenders = _contenders(stack)
        rows = [
            (picture, _measure(picture, contenders, arguments.rounds)) for picture in pictures.collect(arguments.folder)
        ]
    _print(rows, list(contenders))


def _contenders(stack: ExitStack) -> dict[str, Contender]:
    found: dict[str, Contender] = {
        "libvips": _in_process(lambda data: pyvips.Image.thumbnail_buffer(data, 128, size="down").write_to_memory()),
        "gradientd": _in_process(generate_gradient),
        "pillow": _in_process(_pillow),
        "colorthief": _in_process(lambda data: ColorThief(io.BytesIO(data)).get_palette(5)),
    }
    if older.is_available():
        worker = stack.enter_context(older.OlderWorker())
        found["older"] = lambda picture, data: worker.ask(picture.path).cpu_ms
    return found


def _in_process(work: Callable[[bytes], object]) -> Contender:
    def measured(picture: pictures.Picture, data: bytes) -> float:
        began = time.process_time()
        work(data)
        return (time.process_time() - began) * 1000

    return measured


def _pillow(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (128, 128))
    image.thumbnail((128, 128))
    return image.convert("RGB").quantize(5, Image.Quantize.MEDIANCUT)


def _measure(picture: pictures.Picture, contenders: dict[str, Contender], rounds: int) -> dict[str, list[float]]:
    data = picture.path.read_bytes()
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, work in contenders.items():
            if name == "colorthief" and turn > 1:
                continue  # seconds a picture: once is enough
            cpu_ms = work(picture, data)
            if turn:
                spent[name].append(cpu_ms)
    print(picture.name, {name: round(statistics.median(ms), 1) for name, ms in spent.items()}, flush=True)
    return spent


def _print(rows: list[tuple[pictures.Picture, dict[str, list[float]]]], names: list[str]) -> None:
    print("\nCPU as a ratio to bare libvips: of the means over the set; median [least to most] of the pictures")
    kinds = sorted({picture.kind for picture, _ in rows})
    for kind in [*kinds, "all"]:
        chosen = [spent for picture, spent in rows if kind in (picture.kind, "all")]
        bare = [statistics.median(spent["libvips"]) for spent in chosen]
        print(f"{kind} ({len(chosen)} pictures, bare libvips {statistics.mean(bare):.1f} ms)")
        for name in names:
            ms = [statistics.median(spent[name]) for spent in chosen]
            ratios = [one / other for one, other in zip(ms, bare, strict=True)]
            spread = f"{statistics.median(ratios):.2f} [{min(ratios):.2f} to {max(ratios):.2f}]"
            print(f"  {name:12} {sum(ms) / sum(bare):6.2f}   {spread}")


if __name__ == "__main__":
    main()
