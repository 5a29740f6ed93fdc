"""CPU per picture: ours, the peers' and the older worker's, as ratios to a bare libvips thumbnail.

It refuses to compare runs: every contender works on every picture in turn, and each ratio is of neighbours in time.
"""

from __future__ import annotations

import io
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import pyvips
from colorthief import ColorThief
from PIL import Image

from benchmarks import older
from benchmarks.pictures import Picture, describe
from benchmarks.report import Curves, Goal, Section, Spread, Table, ratios, spread
from gradientd.imaging import generate_gradient

OURS, BARE, OLDER = "gradientd", "libvips, bare thumbnail", "sharp + quantize"
COLORTHIEF = "colorthief"
SLOW_MEGAPIXELS = 7.0
"""colorthief takes seconds a picture: it sees small ones only, and each of them once."""
_SIZES = (2.5, 4.0, 6.0, 9.0, 12.0, 16.0, 24.0)
"""Megapixels; each picture counts among those of the size that its own is nearest to."""

Work = Callable[[Picture, bytes], float]
"""Works on one picture; returns the CPU it took in ms."""

Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True, slots=True)
class Row:
    """One picture, and the CPU (ms) that each contender took for it, round by round."""

    picture: Picture
    spent: dict[str, list[float]]

    def median(self, name: str) -> float:
        """A contender's CPU for this picture."""
        return statistics.median(self.spent[name])


def measure(photographs: Sequence[Picture], rounds: int) -> Iterator[Section]:
    """CPU by kind of picture, then by size."""
    with ExitStack() as stack:
        contenders = _contenders(stack)
        rows = [Row(picture, _measure(picture, contenders, rounds)) for picture in photographs]
    yield _by_kind(rows, list(contenders))
    yield _by_size(rows)


def bare_thumbnail(data: bytes) -> bytes:
    """The least that anybody has to do: one decode to 128 pixels."""
    return bytes(pyvips.Image.thumbnail_buffer(data, 128, size="down").write_to_memory())


def _contenders(stack: ExitStack) -> dict[str, Work]:
    found: dict[str, Work] = {
        BARE: _in_process(bare_thumbnail),
        OURS: _in_process(generate_gradient),
        "Pillow, draft + quantize": _in_process(_pillow),
        COLORTHIEF: _in_process(lambda data: ColorThief(io.BytesIO(data)).get_palette(5)),
    }
    if older.is_available():
        worker = stack.enter_context(older.OlderWorker())
        found[OLDER] = lambda picture, data: worker.ask(picture.path).cpu_ms
    else:
        print(f"  {older.MISSING}: {OLDER} does not take part", flush=True)
    return found


def _in_process(work: Callable[[bytes], object]) -> Work:
    def measured(picture: Picture, data: bytes) -> float:
        began = time.process_time()
        work(data)
        return (time.process_time() - began) * 1000

    return measured


def _pillow(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (128, 128))
    image.thumbnail((128, 128))
    return image.convert("RGB").quantize(5, Image.Quantize.MEDIANCUT)


def _measure(picture: Picture, contenders: dict[str, Work], rounds: int) -> dict[str, list[float]]:
    """The first round warms up and is not counted."""
    data = picture.path.read_bytes()
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, work in contenders.items():
            if name == COLORTHIEF and (turn != 1 or picture.megapixels > SLOW_MEGAPIXELS):
                continue
            cpu_ms = work(picture, data)
            if turn:
                spent[name].append(cpu_ms)
    told = ", ".join(f"{name} {statistics.median(ms):.1f}" for name, ms in spent.items() if ms)
    print(f"  {picture.name}: {told} ms", flush=True)
    return spent


def _by_kind(rows: Sequence[Row], names: Sequence[str]) -> Section:
    kinds = sorted({row.picture.kind for row in rows})
    groups = {kind: [row for row in rows if row.picture.kind == kind] for kind in kinds}
    everything = {**groups, "all": list(rows)}
    counted = ", ".join(f"{len(group)} {kind}" for kind, group in groups.items())
    return Section(
        "CPU per picture",
        f"{counted}, of {min(r.picture.megapixels for r in rows):.1f} to {max(r.picture.megapixels for r in rows):.1f} "
        "megapixels. The sums over the pictures as a ratio; then the median of the pictures' own ratios "
        "[least to most]; the mean CPU beside them. "
        f"{COLORTHIEF} only sees those up to {SLOW_MEGAPIXELS:g} megapixels. The pictures: "
        f"{describe([row.picture for row in rows])}.",
        tuple(_table(kind, group, names) for kind, group in everything.items()),
        tuple(_goals(everything, has_older=OLDER in names)),
    )


def _table(kind: str, group: Sequence[Row], names: Sequence[str]) -> Table:
    return Table(
        (kind, "÷ bare libvips", "of each picture", "CPU ms"),
        tuple(_line([row for row in group if row.spent[name]], name) for name in names),
    )


def _line(group: Sequence[Row], name: str) -> tuple[str, ...]:
    if not group:
        return name, "", "", ""
    mean_ms = statistics.mean(row.median(name) for row in group)
    return name, f"{_of_sums(group, name, BARE):.2f}", f"{_of_each(group, name, BARE):.2f}", f"{mean_ms:.1f}"


def _goals(groups: dict[str, list[Row]], *, has_older: bool) -> Iterator[Goal]:
    for kind, limit in (("baseline", 1.2), ("png", 1.2), ("progressive", 0.45), ("all", 0.6)):
        if kind in groups:
            what = "over the mixed set" if kind == "all" else f"on {kind}"
            yield Goal(f"CPU ÷ bare libvips, {what}", _of_sums(groups[kind], OURS, BARE), limit)
    for kind, limit in (("baseline", 1.9), ("progressive", 5.0)):
        if has_older and kind in groups:
            reached = _of_sums(groups[kind], OLDER, OURS)
            yield Goal(f"{OLDER}'s CPU ÷ ours, on {kind}", reached, limit, at_least=True)


def _of_sums(group: Sequence[Row], name: str, other: str) -> float:
    return sum(row.median(name) for row in group) / sum(row.median(other) for row in group)


def _of_each(group: Sequence[Row], name: str, other: str) -> Spread:
    return ratios([row.median(name) for row in group], [row.median(other) for row in group])


def _by_size(rows: Sequence[Row]) -> Section:
    groups: dict[tuple[str, float], list[Row]] = {}
    for row in rows:
        size = min(_SIZES, key=lambda known: abs(math.log(row.picture.megapixels / known)))
        groups.setdefault((row.picture.kind, size), []).append(row)
    lines, by_kind = [], dict[str, list[tuple[float, float]]]()
    for (kind, megapixels), group in sorted(groups.items()):
        ours = spread([row.median(OURS) for row in group])
        lines.append((f"{kind}, {megapixels:g} MP", f"{ours:.1f}", f"{_of_each(group, OURS, BARE):.2f}"))
        by_kind.setdefault(kind, []).append((megapixels, ours.median))
    return Section(
        "Growth with megapixels",
        "CPU of one picture in our function, among those nearest to a size; the spread is over photographs.",
        (Table(("", "CPU ms", "÷ bare libvips"), tuple(lines)),),
        curves=(Curves("megapixels", "CPU ms a picture", by_kind),),
    )
