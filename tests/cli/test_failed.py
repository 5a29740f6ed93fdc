"""`gradientd failed …` against a real server, by the real console script."""

from __future__ import annotations

import json

import pytest

from gradientd.model import distinct_job_id_for, job_id_for
from tests.real.conftest import Bench, bench
from tests.real.console import Console
from tests.real.pictures import jpeg

__all__ = ["bench"]  # the fixture


@pytest.fixture
def letters(bench: Bench) -> list[str]:
    """Three pictures that failed for good, in the order in which they did."""
    keys = ["bad/one.svg", "bad/two.svg", "other/three.jpg"]
    bench.storage.put(keys[0], b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml")
    bench.storage.put(keys[1], b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml")
    bench.storage.put(keys[2], b"<html></html>", "image/jpeg")
    for number, key in enumerate(keys):
        bench.push_inline_job(key) if number == 1 else bench.push_id_job(key)
        with Console("--once", env=bench.env) as once:
            assert once.wait() == 1
    return keys


def run(bench: Bench, *arguments: str) -> tuple[int, str, str]:
    with Console("failed", *arguments, env=bench.env) as console:
        return console.wait(), console.stdout, console.stderr


def test_letters_are_listed_newest_first_and_filtered(bench: Bench, letters: list[str]) -> None:
    code, out, err = run(bench, "list")
    assert (code, err) == (0, "")
    assert [line.split("\t")[2] for line in out.splitlines()] == letters[::-1]
    assert [line.split("\t")[1] for line in out.splitlines()] == [
        "not_an_image",
        "unsupported_format",
        "unsupported_format",
    ]
    assert run(bench, "list", "--code", "not_an_image")[1].count("\n") == 1
    assert run(bench, "list", "--prefix", "bad/", "--limit", "1")[1].split("\t")[2] == "bad/two.svg"
    first = json.loads(run(bench, "list", "--json")[1].splitlines()[0])
    assert (first["storageKey"], first["code"], first["attempts"]) == (letters[2], "not_an_image", 1)


def test_one_letter_is_shown_whole(bench: Bench, letters: list[str]) -> None:
    code, out, _ = run(bench, "show", letters[0])
    assert code == 0
    assert "unsupported_format" in out
    assert "SVG" in out
    assert json.loads(run(bench, "show", letters[0], "--json")[1])["storageKey"] == letters[0]
    code, _, err = run(bench, "show", "nobody.jpg")
    assert code == 1
    assert "nobody.jpg" in err


def test_retry_gives_all_attempts_again_in_the_jobs_own_form(bench: Bench, letters: list[str]) -> None:
    for key in letters[:2]:
        bench.storage.put(key, jpeg(), "image/jpeg")
    code, out, _ = run(bench, "retry", *letters[:2])
    assert code == 0
    assert len(out.splitlines()) == 2
    elements = bench.redis.lrange("gradient:queue", 0, -1)
    assert sorted(element.startswith("{") for element in elements) == [False, True]
    with Console("--once", env=bench.env) as once:
        assert once.wait() == 0
    for key in letters[:2]:
        assert bench.result(key).status == "completed"
        assert bench.result(key).attempts == 1
    assert bench.redis.hkeys("gradientd:dead") == [letters[2]]
    assert bench.leftovers() == {}


def test_purge_forgets_what_the_filter_chooses(bench: Bench, letters: list[str]) -> None:
    assert run(bench, "purge", "--prefix", "bad/")[:2] == (0, "2 forgotten\n")
    assert bench.redis.hkeys("gradientd:dead") == [letters[2]]
    assert run(bench, "purge", "--all")[:2] == (0, "1 forgotten\n")
    assert run(bench, "list")[:2] == (0, "")


@pytest.mark.parametrize("action", ["retry", "purge"])
def test_name_of_no_letter_exits_1(bench: Bench, letters: list[str], action: str) -> None:
    assert run(bench, action, letters[0], "nobody.jpg")[0] == 1
    assert bench.redis.hexists("gradientd:dead", letters[0]) is False


def test_letter_that_cannot_be_retried_keeps_no_other_from_it(bench: Bench, letters: list[str]) -> None:
    for job_id in (job_id_for(letters[2]), distinct_job_id_for(letters[2])):
        bench.redis.set(f"gradient:job:{job_id}", "not a job")
    code, out, err = run(bench, "retry", "--all")
    assert code == 1
    assert [line.split("\t")[0] for line in out.splitlines()] == letters[1::-1]
    assert err.startswith(f"gradientd: {letters[2]} cannot be queued again: ")


@pytest.mark.parametrize("arguments", [["retry"], ["purge"], ["purge", "a.jpg", "--all"]])
def test_nothing_is_retried_or_purged_by_accident(bench: Bench, arguments: list[str]) -> None:
    code, _, err = run(bench, *arguments)
    assert code == 2
    assert "--all" in err
