"""The demo on its real servers, and what it says of pictures that fail."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import pyvips

from gradientd.cli.demo import describe, find_pictures, run_demo
from gradientd.cli.exits import Exit
from gradientd.cli.page import Shown
from gradientd.embedded import S3, Valkey
from gradientd.imaging.gallery import SAMPLES


@pytest.fixture
def servers(valkey_server: Valkey, s3_server: S3) -> None:
    """Nothing but the certainty that they are installed."""


def write_picture(path: Path, colour: tuple[int, int, int] = (255, 0, 0)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pyvips.Image.black(60, 40, bands=3).linear(1, list(colour)).cast("uchar").write_to_file(str(path))
    return path


def run(*arguments: str | Path, out: Path) -> tuple[int, str]:
    stream = io.StringIO()
    return run_demo([str(argument) for argument in arguments], out, stream), stream.getvalue()


@pytest.mark.usefixtures("servers")
def test_given_files_and_folders_go_all_the_way(tmp_path: Path) -> None:
    single = write_picture(tmp_path / "rot & ünï.png")
    write_picture(tmp_path / "album" / "deep" / "blue.JPG", (0, 0, 255))
    (tmp_path / "album" / "notes.txt").write_text("not a picture")
    page = tmp_path / "page.html"
    code, said = run(single, tmp_path / "album", out=page)
    assert code == Exit.DONE
    assert "2 of 2 completed." in said
    assert "#FF0000" in said
    assert page.resolve().as_uri() in said
    html = page.read_text(encoding="utf-8")
    assert "rot &amp; ünï.png" in html
    assert "blue.JPG" in html


@pytest.mark.usefixtures("servers")
def test_failure_is_shown_with_its_reason_and_the_exit_code_is_1(tmp_path: Path) -> None:
    good = write_picture(tmp_path / "good.png")
    fake = tmp_path / "fake.jpg"
    fake.write_text("<!doctype html><title>404</title>")
    empty = tmp_path / "empty.jpg"
    empty.touch()
    page = tmp_path / "page.html"
    code, said = run(good, fake, empty, out=page)
    assert code == Exit.SOME_FAILED
    assert "1 of 3 completed." in said
    assert said.count("failed: ") == 2
    assert page.read_text(encoding="utf-8").count("<strong>Failed.</strong>") == 2


class Demo:
    """The console script painting its own pictures, with a temporary folder of its own."""

    def __init__(self, home: Path) -> None:
        self.page, self.temporary = home / "demo.html", home / "tmp"
        self.temporary.mkdir()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gradientd", "demo", "--out", str(self.page)],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(home),
                "TMPDIR": str(self.temporary),
                "PYTHONPATH": os.getcwd(),
                "PYTHONUNBUFFERED": "1",
            },
            cwd=home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def strike(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal to its whole process group while it paints; returns the exit code and what it said."""
        assert self.process.stdout is not None
        lines = [self.process.stdout.readline() for _ in range(2)]
        assert "Painting" in lines[1]
        os.killpg(self.process.pid, number)
        said, _ = self.process.communicate(timeout=60)
        return self.process.returncode, said


@pytest.mark.usefixtures("servers")
def test_console_script_paints_its_own_pictures_and_leaves_nothing_behind(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    said, _ = demo.process.communicate(timeout=120)
    assert demo.process.returncode == Exit.DONE, said
    assert f"{len(SAMPLES)} of {len(SAMPLES)} completed." in said
    assert all(sample.name in said for sample in SAMPLES)
    assert "\x1b[" not in said
    assert demo.page.stat().st_size > 200_000
    assert list(demo.temporary.iterdir()) == []


@pytest.mark.usefixtures("servers")
def test_interrupt_ends_the_demo_without_a_traceback_and_leaves_nothing_behind(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    assert demo.strike(signal.SIGINT) == (130, "")
    assert list(demo.temporary.iterdir()) == []


@pytest.mark.usefixtures("servers")
def test_nothing_survives_a_demo_that_is_killed(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    code, _ = demo.strike(signal.SIGKILL)
    assert code == -signal.SIGKILL
    deadline = time.monotonic() + 5
    while (folders := list(demo.temporary.glob("gradientd-*"))) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert folders == []


@pytest.mark.parametrize("argument", ["nowhere.jpg", "nowhere/"])
def test_missing_file_is_wrong_usage(tmp_path: Path, argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = run(tmp_path / argument, out=tmp_path / "page.html")
    assert code == Exit.USAGE
    assert "there is no file or folder" in capsys.readouterr().err


def test_folder_without_pictures_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, out=tmp_path / "page.html")[0] == Exit.USAGE
    assert "no picture" in capsys.readouterr().err


def test_page_that_cannot_be_written_is_told_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(out=tmp_path / "no" / "page.html")[0] == Exit.USAGE
    assert "no folder" in capsys.readouterr().err
    assert run(out=tmp_path)[0] == Exit.USAGE
    assert "cannot be written" in capsys.readouterr().err


def test_folder_gives_its_pictures_in_order_and_a_named_file_is_taken_as_it_is(tmp_path: Path) -> None:
    for name in ("b/2.webp", "a.PNG", "b/1.heic", "c.txt", "notes.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = list(find_pictures([str(tmp_path), str(tmp_path / "c.txt")]))
    assert [str(path.relative_to(tmp_path)) for path in found] == ["a.PNG", "b/1.heic", "b/2.webp", "c.txt"]


def test_table_has_swatches_on_a_terminal_and_codes_elsewhere() -> None:
    gradient = {"palette": ["#102030", "#FFFFFF"], "primary": "#102030", "secondary": "#FFFFFF"}
    item = Shown("a-name-that-is-much-too-long-for-a-table.jpg", "", 1, gradient, None, None, None)
    plain = "\n".join(describe([item], colours=0))
    assert "#102030 -> #FFFFFF  palette #102030 #FFFFFF" in plain
    assert "a-name-that-is-much-too…" in plain
    assert "\x1b" not in plain
    coloured = "\n".join(describe([item], colours=2**24))
    assert "\x1b[48;2;16;32;48m" in coloured
    assert "1 of 1 completed." in coloured


def test_table_fits_a_terminal_of_80_columns() -> None:
    gradient = {"palette": ["#102030"] * 5, "primary": "#102030", "secondary": "#FFFFFF"}
    item = Shown("a-name-that-is-much-too-long-for-a-table.jpg", "", 1, gradient, None, None, None)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(describe([item], colours=2**24))).splitlines()
    assert max(map(len, lines)) == 80
