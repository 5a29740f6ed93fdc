"""The pictures that contenders are measured on: photographs that well-known packages ship, enlarged; or a folder's own.

It refuses to download, and to keep anything outside its cache folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyvips

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "gradientd-bench"

_SHIPPED = {
    "skimage": "data/{}",
    "sklearn": "datasets/images/{}",
}
_PHOTOGRAPHS = (
    ("skimage", "astronaut.png"),
    ("skimage", "chelsea.png"),
    ("skimage", "coffee.png"),
    ("skimage", "rocket.jpg"),
    ("skimage", "retina.jpg"),
    ("skimage", "hubble_deep_field.jpg"),
    ("skimage", "motorcycle_left.png"),
    ("skimage", "ihc.png"),
    ("sklearn", "china.jpg"),
    ("sklearn", "flower.jpg"),
)
_MEGAPIXELS = (2.5, 6.0, 12.0, 24.0)
LEAST_MEGAPIXELS = 2.0
_SUFFIXES = frozenset({"jpg", "jpeg", "png", "webp", "gif", "tif", "tiff"})
"""What every contender can read."""
_GRAIN = 3.0
"""Enlarging leaves no fine detail; a camera's noise costs a decoder what detail costs it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A file to measure: where it is, and its kind (`baseline`, `progressive`, `png`, or another format's suffix)."""

    path: Path
    kind: str
    megapixels: float

    @property
    def name(self) -> str:
        """What to print."""
        return f"{self.path.stem} ({self.kind}, {self.megapixels:.1f} MP)"


def collect(folder: Path | None = None) -> list[Picture]:
    """The pictures of `folder`, or the enlarged ones that packages ship, made on first use."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file()) if folder else list(_enlarged())
    return [picture for path in paths if (picture := _look_at(path))]


def large(photographs: Sequence[Picture]) -> list[Picture]:
    """Those that speed is measured on."""
    return [picture for picture in photographs if picture.megapixels >= LEAST_MEGAPIXELS]


def _look_at(path: Path) -> Picture | None:
    kind = path.suffix.lower().lstrip(".")
    if kind not in _SUFFIXES:
        return None
    try:
        image = pyvips.Image.new_from_file(str(path))
    except pyvips.Error:
        return None
    if kind in ("jpg", "jpeg"):
        kind = "progressive" if image.get_typeof("jpeg-multiscan") and image.get("jpeg-multiscan") else "baseline"
    return Picture(path, kind, image.width * image.height / 1e6)


def _enlarged() -> Iterator[Path]:
    """Each photograph in every size; the sizes take turns at being baseline, progressive or PNG."""
    CACHE.mkdir(parents=True, exist_ok=True)
    for number, (package, name) in enumerate(_PHOTOGRAPHS):
        for turn, megapixels in enumerate(_MEGAPIXELS):
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
