from pathlib import Path

import pytest
import pyvips

from benchmarks import packages, pictures
from benchmarks.pictures import Picture

APT = """#!/bin/sh
echo "$2" >> "{log}"
[ "$2" = gone ] && {{ echo "E: Unable to locate package gone" >&2; exit 100; }}
: > "$2_1_all.deb"
"""
DPKG = """#!/bin/sh
/bin/mkdir -p "$3" && /bin/cp -R "{tree}/." "$3"
"""


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with an apt-get and a dpkg-deb whose every package holds the same tree; returns apt-get's log."""
    tree, log = tmp_path / "tree", tmp_path / "log"
    for inside in ("Kite/contents/images/2560x1600.jpg", "Storm.jpg", "painted.jpg"):
        (tree / inside).parent.mkdir(parents=True, exist_ok=True)
        pyvips.Image.black(8, 6, bands=3).jpegsave(str(tree / inside))
    (tmp_path / "bin").mkdir()
    for name, script in (("apt-get", APT.format(log=log)), ("dpkg-deb", DPKG.format(tree=tree))):
        (tmp_path / "bin" / name).write_text(script)
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    shipped = {"one": ("Kite/contents/images/2560x1600.jpg", "Storm.jpg", "other-release.jpg"), "gone": ("any.jpg",)}
    monkeypatch.setattr(packages, "SHIPPED", shipped)
    return log


def test_photographs_of_a_package_are_kept_and_nothing_else(apt: Path, tmp_path: Path) -> None:
    found = list(packages.fetch(tmp_path / "cache"))
    assert [path.relative_to(tmp_path / "cache").as_posix() for path in found] == ["one/Kite.jpg", "one/Storm.png"]
    assert sorted(path.name for path in (tmp_path / "cache").rglob("*")) == ["Kite.jpg", "Storm.png", "one"]


def test_what_is_missing_is_said_and_what_is_there_is_not_fetched_again(
    apt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    list(packages.fetch(tmp_path / "cache"))
    told = capsys.readouterr().out
    assert "without the photographs of gone: E: Unable to locate package gone" in told
    assert "this version of one has no other-release.jpg" in told
    assert len(list(packages.fetch(tmp_path / "cache"))) == 2
    assert apt.read_text().split() == ["one", "gone", "gone"]


def test_machine_without_apt_goes_without_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(packages.fetch(tmp_path / "cache")) == []
    assert capsys.readouterr().out.count("without the photographs of") == len(packages.SHIPPED)


def test_folders_pictures_are_taken_as_they_are(tmp_path: Path) -> None:
    pyvips.Image.black(30, 20, bands=3).jpegsave(str(tmp_path / "plain.jpg"))
    pyvips.Image.black(30, 20, bands=3).jpegsave(str(tmp_path / "scans.jpg"), interlace=True)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "broken.png").write_bytes(b"no picture either")
    found = pictures.collect(tmp_path)
    assert [(picture.subject, picture.kind) for picture in found] == [("plain", "baseline"), ("scans", "progressive")]
    assert pictures.describe(found) == f"2 of {tmp_path}"


def test_about_half_of_the_photographs_are_held_out_and_always_the_same() -> None:
    names = [Path(inside).stem for inside in packages.SHIPPED["lomiri-wallpapers-16.04"]]
    held_out = [name for name in names if Picture(Path(f"{name}.jpg"), "baseline", 4.0, "any").is_held_out]
    assert held_out == [
        "Dragonfly_by_Bolly",
        "aitzgorri_by_Aitzol_Berasategi",
        "free_by_Peter_Nerlich",
        "greentock_by_Peter_Nerlich",
        "life_by_Aitzol_Berasategi",
        "sunset_by_Aitzol_Berasategi",
    ]
