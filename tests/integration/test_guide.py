"""The guide itself: every snippet is run by a test, every link leads somewhere, what it says of numbers is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gradientd.jobqueue import keys
from gradientd.model import MAX_NAME_CHARS, MAX_STORAGE_KEY_BYTES
from tests.integration.snippets import GUIDE, SNIPPETS

TEXT = GUIDE.read_text(encoding="utf-8")
TESTS = "\n".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("*.py"))


@pytest.mark.parametrize("name", SNIPPETS)
def test_every_snippet_is_run(name: str) -> None:
    assert f'"{name}"' in TESTS


@pytest.mark.parametrize("anchor", re.findall(r"\]\(#([^)]+)\)", TEXT))
def test_every_anchor_is_a_heading(anchor: str) -> None:
    headings = re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_what_is_removed_on_the_way_back_is_all_that_does_not_end_by_itself() -> None:
    lasting = re.findall(r"^(gradientd:\S+) +\w+ +none ", keys.__doc__ or "", re.MULTILINE)
    assert lasting
    assert sorted(lasting) == sorted(set(re.findall(r"gradientd:[\w:]+", SNIPPETS["forget.sh"])))


def test_limits_are_those_of_the_code() -> None:
    assert f"(1 to {MAX_NAME_CHARS} characters)" in TEXT
    assert f"at most {MAX_STORAGE_KEY_BYTES} bytes" in TEXT
