"""The pictures that contenders are measured on: photographs that well-known packages ship; or a folder's own.

It refuses to commit somebody else's picture: all of them stay in its cache folder.

Those of Debian's packages (packages.py) come as they are; those of scikit-image and scikit-learn are small and are
enlarged, each to one size where there are Debian's, each to every size where there are none.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyvips

from benchmarks import packages

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "gradientd-bench"

_SHIPPED = {
    "skimage": "data/{}",
    "sklearn": "datasets/images/{}",
}
_PHOTOGRAPHS = (
    ("skimage", "astronaut.png", 24.0),
    ("skimage", "chelsea.png", 6.0),
    ("skimage", "coffee.png", 24.0),
    ("skimage", "rocket.jpg", 24.0),
    ("skimage", "retina.jpg", 6.0),
    ("skimage", "hubble_deep_field.jpg", 24.0),
    ("skimage", "motorcycle_left.png", 12.0),
    ("skimage", "ihc.png", 6.0),
    ("sklearn", "china.jpg", 12.0),
    ("sklearn", "flower.jpg", 12.0),
)
"""Each with the size that it has beside Debian's, which are seldom that large."""
_MEGAPIXELS = (2.5, 6.0, 12.0, 24.0)
_ENLARGED = "scikit-image and scikit-learn, enlarged"
LEAST_MEGAPIXELS = 2.0
_SUFFIXES = frozenset({"jpg", "jpeg", "png", "webp", "gif", "tif", "tiff"})
"""What every contender can read."""
_GRAIN = 3.0
"""Enlarging leaves no fine detail; a camera's noise costs a decoder what detail costs it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A file to measure: where it is, and its kind (`baseline`, `progressive`, `png`, or another format's suffix).

    `origin` says whence it is.
    """

    path: Path
    kind: str
    megapixels: float
    origin: str = ""

    @property
    def name(self) -> str:
        """What to print."""
        return f"{self.path.stem} ({self.kind}, {self.megapixels:.1f} MP)"

    @property
    def subject(self) -> str:
        """What it shows: the same in every size."""
        return self.path.stem.partition("-")[0] if self.origin == _ENLARGED else self.path.stem

    @property
    def is_held_out(self) -> bool:
        """Whether no constant was searched for on it: its name decides; on the enlarged ones the first ones were."""
        return self.origin != _ENLARGED and hashlib.sha256(self.subject.encode()).digest()[-1] % 2 == 0


def collect(folder: Path | None = None) -> list[Picture]:
    """The pictures of `folder`, or those that packages ship, fetched or made on first use."""
    if folder is not None:
        found = [(path, str(folder)) for path in sorted(folder.rglob("*")) if path.is_file()]
    else:
        found = [(path, path.parent.name) for path in packages.fetch(CACHE)]
        found += [(path, _ENLARGED) for path in _enlarged(every_size=not found)]
    return [picture for path, origin in found if (picture := _look_at(path, origin))]


def describe(photographs: Sequence[Picture]) -> str:
    """How many there are of which origin, for the page."""
    counts = Counter(picture.origin for picture in photographs)
    return ", ".join(f"{count} of {origin}" for origin, count in sorted(counts.items()))


def large(photographs: Sequence[Picture]) -> list[Picture]:
    """Those that speed is measured on."""
    return [picture for picture in photographs if picture.megapixels >= LEAST_MEGAPIXELS]


def _look_at(path: Path, origin: str) -> Picture | None:
    kind = path.suffix.lower().lstrip(".")
    if kind not in _SUFFIXES:
        return None
    try:
        image = pyvips.Image.new_from_file(str(path))
    except pyvips.Error:
        return None
    if kind in ("jpg", "jpeg"):
        kind = "progressive" if image.get_typeof("jpeg-multiscan") and image.get("jpeg-multiscan") else "baseline"
    return Picture(path, kind, image.width * image.height / 1e6, origin)


def _enlarged(*, every_size: bool) -> Iterator[Path]:
    """Each photograph in one size or in all; the sizes take turns at being baseline, progressive or PNG."""
    CACHE.mkdir(parents=True, exist_ok=True)
    for number, (package, name, only) in enumerate(_PHOTOGRAPHS):
        for turn, megapixels in enumerate(_MEGAPIXELS):
            if not every_size and megapixels != only:
                continue
            kinds: list[tuple[str, dict[str, int]]] = [("baseline.jpg", {}), ("progressive.jpg", {"interlace": 1})]
            if megapixels < 10:
                kinds.append(("plain.png", {"compression": 6}))
            kind, options = kinds[(number + turn) % len(kinds)]
            path = CACHE / f"{Path(name).stem}-{megapixels:g}mp-{kind}"
            if not path.exists():
                _enlarge(_shipped(package, name), megapixels, seed=number).write_to_file(str(path), **options)
            yield path


def _shipped(package: str, name: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{package} is not installed: pip install '.[bench]'")
    return Path(spec.origin).parent / _SHIPPED[package].format(name)


def _enlarge(path: Path, megapixels: float, *, seed: int) -> pyvips.Image:
    image = pyvips.Image.new_from_file(str(path)).colourspace("srgb")
    image = image.resize((megapixels * 1e6 / (image.width * image.height)) ** 0.5, kernel="cubic")
    pixels = image.numpy()[:, :, :3]
    grain = np.random.default_rng(seed).normal(0, _GRAIN, (*pixels.shape[:2], 1)).astype(np.float32)
    noisy = np.clip(pixels + grain, 0, 255).astype(np.uint8)
    return pyvips.Image.new_from_array(noisy, interpretation="srgb")
