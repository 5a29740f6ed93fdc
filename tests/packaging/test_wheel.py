"""What is published, not what lies in the checkout: the wheel and the sdist are built, and the wheel is installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

import gradientd
from gradientd.model import Status
from tests.real.conftest import Bench
from tests.real.console import Console
from tests.real.pictures import jpeg, large_jpeg

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "build", "dist", "*.egg-info", "__pycache__", ".*_cache")


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{command} exited {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both, built from a copy: a build leaves traces in the tree and takes up those of earlier ones."""
    tree = tmp_path_factory.mktemp("build") / "gradientd"
    shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
    run(sys.executable, "-m", "build", "--no-isolation", cwd=tree)
    return tree / "dist"


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (wheel,) = dist.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a fresh venv that has the wheel, and its dependencies from the venv of the tests.

    A line in a .pth file only lengthens sys.path: the other venv's own .pth files, and so its editable gradientd,
    stay out of it.
    """
    venv = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=venv)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(venv), "platbase": str(venv)}))
    (site / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    python = venv / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python)
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=venv)
    return venv / "bin"


def test_wheel_holds_the_whole_package_and_nothing_else(dist: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    package = (dist.parent / "gradientd").rglob("*")
    assert packed == {str(file.relative_to(dist.parent)) for file in package if file.is_file()}
    assert "gradientd/py.typed" in packed  # and, because all is equal, the Lua and static files


def test_sdist_holds_what_its_own_make_test_needs(dist: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    needed = {"Makefile", "setup.cfg", "setup.py", "README.md", "LICENSE", "CHANGELOG.md", "tests/patched.py"}
    assert needed <= packed
    assert {"etc/supervisord.conf", "docs/demo.jpg", "benchmarks/ciede2000.py"} <= packed
    assert not [name for name in packed if "__pycache__" in name]


def test_console_script_of_the_wheel_runs_the_wheel(installed: Path, tmp_path: Path) -> None:
    assert run(installed / "gradientd", "--version", cwd=tmp_path) == f"gradientd {gradientd.__version__}\n"
    home = run(installed / "python", "-c", "import gradientd; print(gradientd.__file__)", cwd=tmp_path)
    assert Path(home).is_relative_to(installed.parent)


def test_console_script_of_the_wheel_drains_the_queue(bench: Bench, installed: Path) -> None:
    pictures = {"g1/small.jpg": jpeg(), "g1/progressive.jpg": jpeg(progressive=True), "g1/large.jpg": large_jpeg()}
    for number, (key, data) in enumerate(pictures.items()):
        bench.storage.put(key, data, "image/jpeg")
        bench.push_inline_job(key) if number % 2 else bench.push_id_job(key)
    with Console("--once", env=bench.env, script=installed / "gradientd") as console:
        assert console.wait() == 0, console.report()
        assert len(console.events("Job completed successfully")) == len(pictures)
    assert [bench.status(key) for key in pictures] == [Status.COMPLETED] * len(pictures)
    assert bench.leftovers() == {}
