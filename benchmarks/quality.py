"""How true palette, gradient and placeholder are, against the older worker's: `python -m benchmarks.quality [FOLDER]`.

It refuses any measure but the mean CIEDE2000 to the picture, seen at 128 pixels.
"""

from __future__ import annotations

import argparse
import io
import statistics
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyvips
from PIL import Image

from benchmarks import older, pictures
from benchmarks.ciede2000 import Floats, ciede2000, lab_from_srgb
from gradientd.imaging import generate_gradient

SIDE = 128


@dataclass(frozen=True, slots=True)
class Errors:
    """Mean CIEDE2000 of one picture's palette, gradient and placeholder, and the placeholder's bytes."""

    palette: float
    gradient: float
    placeholder: float
    placeholder_bytes: int


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="pictures of your own (default: those of packages)")
    arguments = parser.parse_args()
    if not older.is_available():
        raise SystemExit("The older worker's function needs node and npm.")
    ours, theirs = [], []
    with older.OlderWorker() as worker:
        for picture in pictures.collect(arguments.folder, least_megapixels=0):
            seen = _as_seen(picture.path)
            ours.append(_errors_of_ours(picture.path.read_bytes(), seen))
            theirs.append(_errors_of_older(worker.ask(picture.path), seen))
    _print(ours, theirs)


def _as_seen(path: Path) -> npt.NDArray[np.uint8]:
    """What a person sees: upright, sRGB, transparent parts white."""
    image = pyvips.Image.thumbnail(str(path), SIDE, size="down", output_profile="srgb")
    if image.hasalpha():
        image = image.flatten(background=[255, 255, 255])
    pixels: npt.NDArray[np.uint8] = image.colourspace("srgb").numpy()
    return pixels


def _errors_of_ours(data: bytes, seen: npt.NDArray[np.uint8]) -> Errors:
    gradient = generate_gradient(data)
    return _errors(
        [_rgb(color) for color in gradient.palette],
        (_rgb(gradient.primary), _rgb(gradient.secondary)),
        b64decode(gradient.blur_data_url.partition(",")[2]),
        seen,
    )


def _errors_of_older(answer: older.Answer, seen: npt.NDArray[np.uint8]) -> Errors:
    stops = answer.palette[0], answer.palette[min(1, len(answer.palette) - 1)]
    return _errors(answer.palette, stops, answer.placeholder, seen)


def _errors(
    palette: list[tuple[int, int, int]],
    stops: tuple[tuple[int, int, int], tuple[int, int, int]],
    placeholder: bytes,
    seen: npt.NDArray[np.uint8],
) -> Errors:
    lab = lab_from_srgb(seen)
    height, width, _ = seen.shape
    nearest = ciede2000(lab[:, :, np.newaxis], lab_from_srgb(palette)).min(axis=2)
    enlarged = Image.open(io.BytesIO(placeholder)).convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
    return Errors(
        palette=float(nearest.mean()),
        gradient=float(ciede2000(lab, lab_from_srgb(css_gradient(*stops, width, height))).mean()),
        placeholder=float(ciede2000(lab, lab_from_srgb(np.asarray(enlarged))).mean()),
        placeholder_bytes=len(placeholder),
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


def _print(ours: list[Errors], theirs: list[Errors]) -> None:
    print(f"Mean CIEDE2000 over {len(ours)} pictures, ours as a ratio to the older worker's")
    for name in ("palette", "gradient", "placeholder"):
        mine = [getattr(errors, name) for errors in ours]
        other = [getattr(errors, name) for errors in theirs]
        ratios = [one / max(two, 0.01) for one, two in zip(mine, other, strict=True)]
        better = sum(ratio < 1 for ratio in ratios) / len(ratios)
        print(
            f"  {name:12} of the means {sum(mine) / sum(other):.3f}, median {statistics.median(ratios):.3f} "
            f"[{min(ratios):.3f} to {max(ratios):.3f}], better on {better:.0%}, ours {statistics.mean(mine):.2f}"
        )
    sizes = [statistics.median(errors.placeholder_bytes for errors in some) for some in (ours, theirs)]
    print(f"  placeholder bytes, median: ours {sizes[0]:.0f}, the older worker's {sizes[1]:.0f}")


if __name__ == "__main__":
    main()
