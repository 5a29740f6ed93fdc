import shutil
from pathlib import Path

import pytest

from benchmarks import instructions


def test_what_python_compiles_once_is_not_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Twenty million instructions a file that was new made the fixed picture look a third dearer, once."""
    is_compiled = False

    def run(path: Path, pictures: int, under: list[str]) -> str:
        nonlocal is_compiled
        compiling, is_compiled = 0 if is_compiled else 9_000, True
        return f"Collected : {1_000 + compiling + 50 * pictures}"

    monkeypatch.setattr(instructions, "_run", run)
    monkeypatch.setattr(instructions, "RECORD", tmp_path / "none.json")
    monkeypatch.setattr(shutil, "which", lambda name: name)
    section = instructions.measure(record=True)
    assert section is not None
    assert '": 50' in (tmp_path / "none.json").read_text()
