"""How true palette, gradient and placeholder are, against the older worker's.

It refuses any measure but the mean CIEDE2000 to the picture, seen at 128 pixels.

A ratio is taken of the means over all pictures, in which busy pictures weigh more, and as the mean of the pictures' own
ratios, in which all weigh the same; a goal is judged by the larger one.
"""

from __future__ import annotations

import io
import statistics
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyvips
from PIL import Image

from benchmarks import older
from benchmarks.best_palette import least_error
from benchmarks.ciede2000 import Floats, ciede2000, lab_from_srgb
from benchmarks.pictures import Picture, describe
from benchmarks.report import Goal, Section, Table, spread
from gradientd.imaging import generate_gradient

SIDE = 128
_NAMES = ("palette", "gradient", "placeholder")
LEAST_ERROR = 0.01
"""A difference that nobody sees; keeps the ratio of two perfect palettes from being one of noise."""


@dataclass(frozen=True, slots=True)
class Errors:
    """Mean CIEDE2000 of one picture's palette, gradient and placeholder; the placeholder's bytes.

    `shape` is by how much the placeholder's aspect ratio is off the picture's.
    """

    palette: float
    gradient: float
    placeholder: float
    placeholder_bytes: int
    shape: float


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture as a person sees it: upright, sRGB, transparent parts white; `aspect` is that of the whole picture."""

    pixels: npt.NDArray[np.uint8]
    aspect: float

    @classmethod
    def of(cls, path: Path) -> Seen:
        """Look at a file."""
        image = pyvips.Image.thumbnail(str(path), SIDE, size="down", output_profile="srgb")
        if image.hasalpha():
            image = image.flatten(background=[255, 255, 255])
        whole = pyvips.Image.new_from_file(str(path)).autorot()
        return cls(image.colourspace("srgb").numpy(), whole.width / whole.height)


def measure(photographs: Sequence[Picture]) -> Section | None:
    """Every picture once: nothing here depends on the machine's load. None where the older worker cannot run."""
    if not older.is_available():
        print(f"  {older.MISSING}: there is nobody to compare the quality with", flush=True)
        return None
    ours, theirs, least = [], [], []
    with older.OlderWorker() as worker:
        for picture in photographs:
            seen = Seen.of(picture.path)
            ours.append(_errors_of_ours(picture.path.read_bytes(), seen))
            theirs.append(_errors_of_older(worker.ask(picture.path), seen))
            least.append(least_error(lab_from_srgb(seen.pixels)))
    return _section(photographs, ours, theirs, least)


def _errors_of_ours(data: bytes, seen: Seen) -> Errors:
    gradient = generate_gradient(data)
    return _errors(
        [_rgb(color) for color in gradient.palette],
        (_rgb(gradient.primary), _rgb(gradient.secondary)),
        b64decode(gradient.blur_data_url.partition(",")[2]),
        seen,
    )


def _errors_of_older(answer: older.Answer, seen: Seen) -> Errors:
    stops = answer.palette[0], answer.palette[min(1, len(answer.palette) - 1)]
    return _errors(answer.palette, stops, answer.placeholder, seen)


def _errors(
    palette: list[tuple[int, int, int]],
    stops: tuple[tuple[int, int, int], tuple[int, int, int]],
    placeholder: bytes,
    seen: Seen,
) -> Errors:
    lab = lab_from_srgb(seen.pixels)
    height, width, _ = seen.pixels.shape
    nearest = ciede2000(lab[:, :, np.newaxis], lab_from_srgb(palette)).min(axis=2)
    small = Image.open(io.BytesIO(placeholder)).convert("RGB")
    enlarged = small.resize((width, height), Image.Resampling.BILINEAR)
    return Errors(
        palette=float(nearest.mean()),
        gradient=float(ciede2000(lab, lab_from_srgb(css_gradient(*stops, width, height))).mean()),
        placeholder=float(ciede2000(lab, lab_from_srgb(np.asarray(enlarged))).mean()),
        placeholder_bytes=len(placeholder),
        shape=abs(small.width / small.height / seen.aspect - 1),
    )


def css_gradient(first: npt.ArrayLike, second: npt.ArrayLike, width: int, height: int) -> Floats:
    """What a browser paints for `linear-gradient(135deg, first, second)` (CSS Images 3): sRGB, (height, width, 3)."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    reached = ((x - width / 2) + (y - height / 2)) / (width + height) + 0.5
    start, end = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    painted: Floats = start + (end - start) * reached[:, :, np.newaxis]
    return painted


def _rgb(color: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(color[1:])
    return red, green, blue


def _section(
    photographs: Sequence[Picture], ours: Sequence[Errors], theirs: Sequence[Errors], least: Sequence[float]
) -> Section:
    both = list(zip(ours, theirs, strict=True))
    held_out = [pair for pair, picture in zip(both, photographs, strict=True) if picture.is_held_out]
    found = {name: Compared.of(name, both) for name in _NAMES}
    our_bytes, their_bytes = (statistics.median(e.placeholder_bytes for e in some) for some in (ours, theirs))
    bound = statistics.mean(least) / statistics.mean(e.palette for e in theirs)
    rows = [found[name].row(name) for name in _NAMES]
    if held_out:
        rows += [Compared.of(name, held_out).row(f"{name}, {len(held_out)} held out") for name in _NAMES]
    rows.append(("palette, the best that was found", f"{statistics.mean(least):.2f}", "", f"{bound:.3f}", "", ""))
    ratio = f"{our_bytes / their_bytes:.3f}"
    rows.append(("placeholder, bytes", f"{our_bytes:.0f}", f"{their_bytes:.0f}", ratio, "", ""))
    palettes = found["palette"].each
    better = sum(ratio < 1 for ratio in palettes) / len(ours)
    return Section(
        "Quality",
        f"Mean CIEDE2000 over {len(ours)} pictures: of each pixel to its nearest palette colour (5 colours; the older "
        "worker's are MMCQ's), to the CSS gradient, and to the placeholder enlarged bilinearly; bytes by their median. "
        "Goals are judged by the larger of both ratios. Constants were searched for on those not held out; "
        "the rule for the gradient's second stop was chosen with all of them in sight. "
        "What five colours can reach at all was searched for from random starts, by the same measure. "
        f"The pictures: {describe(photographs)}.",
        (Table(("", "ours", "older worker", "ratio of the means", "mean ratio", "of each picture"), tuple(rows)),),
        (
            Goal(
                "Palette's error ÷ MMCQ's", found["palette"].ratio, 0.75, form=".3f",
                why=f"on these pictures the best five colours that were found by search reach {bound:.3f}",
            ),
            Goal("Share of pictures with a better palette than MMCQ's", better, 0.99, at_least=True, form=".3f"),
            Goal("Palette's error ÷ MMCQ's, on the worst picture", max(palettes), 1.05, form=".3f"),
            Goal("Placeholder's error ÷ the older worker's", found["placeholder"].ratio, 0.55, form=".3f"),
            Goal("Placeholder's median bytes ÷ the older worker's", our_bytes / their_bytes, 1.0, form=".3f"),
            Goal("Placeholder's shape, most off the picture's", max(e.shape for e in ours), 0.03, form=".3f"),
            Goal("Gradient's error ÷ the older worker's", found["gradient"].ratio, 0.98, form=".3f"),
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compared:
    """An error over several pictures: the means of ours and of the older worker's, and the pictures' own ratios."""

    ours: float
    theirs: float
    each: tuple[float, ...]

    @classmethod
    def of(cls, name: str, pairs: Sequence[tuple[Errors, Errors]]) -> Compared:
        """Compare the errors of a name; the first of a pair is ours."""
        ours, theirs = ([getattr(pair[side], name) for pair in pairs] for side in (0, 1))
        each = tuple(max(a, LEAST_ERROR) / max(b, LEAST_ERROR) for a, b in zip(ours, theirs, strict=True))
        return cls(statistics.mean(ours), statistics.mean(theirs), each)

    @property
    def of_means(self) -> float:
        """The ratio of the means."""
        return self.ours / self.theirs

    @property
    def ratio(self) -> float:
        """The less favourable of the two ratios."""
        return max(self.of_means, statistics.mean(self.each))

    def row(self, name: str) -> tuple[str, ...]:
        """A line of the table."""
        mean = statistics.mean(self.each)
        means = f"{self.ours:.2f}", f"{self.theirs:.2f}"
        return name, *means, f"{self.of_means:.3f}", f"{mean:.3f}", f"{spread(self.each):.3f}"
