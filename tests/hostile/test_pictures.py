"""The hostile pictures in a child process: a short run of what `make hostile` does for long."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.hostile import corpus, damage
from tests.hostile.case import Case, case
from tests.hostile.examine import CLEAR_REFS
from tests.hostile.examiner import Answer, Examiner, is_clear

pytestmark = pytest.mark.skipif(not CLEAR_REFS.exists(), reason="needs Linux to measure the peak")

MUTATIONS = 400


@pytest.fixture(scope="module")
def examiner() -> Iterator[Examiner]:
    with Examiner() as examiner:
        yield examiner


def faults(examiner: Examiner, cases: Iterator[Case]) -> list[str]:
    return [f"{case.name}: {fault}" for case in cases for fault in examiner.faults(case, examiner.ask(case))]


def test_no_bomb_crashes_hangs_or_takes_more_memory_than_was_admitted(examiner: Examiner) -> None:
    assert faults(examiner, (case for case in corpus.bombs() if not case.is_large)) == []


def test_no_cut_and_no_flip_does(examiner: Examiner) -> None:
    assert faults(examiner, itertools.islice(damage.cases(), 0, None, 4)) == []


def test_no_mutation_does(examiner: Examiner) -> None:
    assert faults(examiner, map(damage.mutation, range(MUTATIONS))) == []


def test_same_seed_makes_the_same_picture() -> None:
    assert damage.mutation(7).make() == damage.mutation(7).make()
    assert len({damage.mutation(seed).make() for seed in range(50)}) > 45


def test_examiner_finds_a_wrong_end_a_raw_message_and_too_much_memory() -> None:
    picture = case("a picture", bytes, "limit_exceeded")
    answer = Answer("a picture", "damaged_image", "pngload_source: read error", 31.0, 90_000, 12 * 2**20, False)
    found = Examiner().faults(picture, answer)
    for word in ("ended with damaged_image", "no clear sentence", "over the deadline", "12 MB were admitted", "next"):
        assert any(word in fault for fault in found), word
    assert is_clear("The PNG picture is damaged: its end is missing.")


@pytest.mark.parametrize(
    ("program", "code"), [("import time; time.sleep(99)", "hung"), ("import os; os.abort()", "crashed")]
)
def test_examiner_outlives_a_child_that_hangs_or_crashes(program: str, code: str) -> None:
    picture = case("a picture", bytes, "completed")
    with Examiner(deadline_s=0.5, grace_s=0.5, child=("-c", program)) as examiner:
        assert examiner.ask(picture).code == code
        assert examiner.ask(picture).code == code
