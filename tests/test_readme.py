"""The README is true: its settings, its exit codes, its files."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from gradientd.cli.exits import Exit
from gradientd.settings import Settings

TOP = Path(__file__).parents[1]
README = (TOP / "README.md").read_text(encoding="utf-8")
SOURCE = (TOP / "gradientd" / "settings" / "__init__.py").read_text(encoding="utf-8")

READ = dict(re.findall(r'"(\w+)": r\.\w+\(\s*"([A-Z0-9_]+)"', SOURCE))
"""Settings' fields and the variable that each is read from."""
ROWS = {
    name: cells[1].strip()
    for line in README.splitlines()
    if line.startswith("| `") and len(cells := line.strip("|").split("|")) >= 3
    for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", cells[0])
}
"""The README's variables and their default."""


def test_every_setting_is_read_from_one_variable() -> None:
    assert set(READ) == {field.name for field in dataclasses.fields(Settings)}


def test_every_variable_has_its_row_and_every_row_its_variable() -> None:
    assert set(READ.values()) == set(ROWS)


@pytest.mark.parametrize("field", dataclasses.fields(Settings), ids=lambda field: field.name)
def test_default_in_the_readme_is_the_default_in_the_code(field: dataclasses.Field[object]) -> None:
    told = ROWS[READ[field.name]].strip("`")
    if field.default is dataclasses.MISSING:
        assert told == "required"
    elif isinstance(field.default, int) and told.isdigit():
        assert int(told) == field.default
    elif isinstance(field.default, str):
        assert told == field.default
    else:
        assert told


def test_every_exit_code_is_told() -> None:
    for code in Exit:
        assert f"| {code.value} |" in README


@pytest.mark.parametrize(
    ("page", "link"),
    [
        (page.relative_to(TOP).as_posix(), link)
        for page in sorted({*TOP.glob("*.md"), *TOP.glob("docs/*.md")})
        for link in sorted(set(re.findall(r"\]\((?!http)([^)#]+)", page.read_text(encoding="utf-8"))))
    ],
)
def test_every_link_of_every_page_leads_to_a_file(page: str, link: str) -> None:
    assert ((TOP / page).parent / link).exists()
