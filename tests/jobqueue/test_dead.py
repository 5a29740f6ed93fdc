"""Dead letters: what failed for good can be listed, tried again and forgotten."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gradientd.errors import DamagedImage, GradientdError, InvalidJob, NotAnImage
from gradientd.jobqueue import DeadLetters, Queue, dead, keys
from tests.jobqueue.conftest import GRADIENT, Bench, begin, fields_of, stored, take


@pytest.fixture
def letters(queue: Queue) -> DeadLetters:
    return DeadLetters(queue.client)


def damaged() -> GradientdError:
    error = DamagedImage("The picture ends in the middle.")
    error.format, error.width, error.height, error.byte_count = "jpeg", 400, 300, 1234
    return error


def fail(queue: Queue, storage_key: str = "g/album/a.jpg", error: GradientdError | None = None) -> str:
    job_id = queue.enqueue(fields_of(storage_key))
    taken, job = begin(queue)
    assert queue.fail(taken, job, storage_key, error or NotAnImage("This is a web page."))
    return job_id


def test_failed_job_leaves_its_reason_and_the_whole_job(queue: Queue, letters: DeadLetters) -> None:
    job_id = fail(queue, error=damaged())
    (letter,) = letters.list()
    assert (letter.name, letter.storage_key, letter.job_id) == ("g/album/a.jpg", "g/album/a.jpg", job_id)
    assert (letter.code, letter.message, letter.attempts) == ("damaged_image", "The picture ends in the middle.", 1)
    assert [letter.details[name] for name in ("format", "width", "height", "byteCount")] == ["jpeg", 400, 300, 1234]
    assert letter.failed_at_ms > 1_500_000_000_000
    assert letter.job().storage_key == "g/album/a.jpg"
    assert "lease" not in letter.details


def test_failed_result_says_why(bench: Bench, queue: Queue) -> None:
    fail(queue)
    result = stored(bench, "g/album/a.jpg")
    assert list(result) == ["status", "attempts", "lastError", "createdAt", "updatedAt"]
    assert (result["status"], result["attempts"], result["lastError"]) == ("failed", 1, "This is a web page.")


def test_one_letter_a_picture_the_newest(queue: Queue, letters: DeadLetters) -> None:
    fail(queue)
    fail(queue, error=damaged())
    assert [letter.code for letter in letters.list()] == ["damaged_image"]
    assert letters.count() == 1


def test_invalid_job_leaves_a_letter_under_its_identity_and_no_result(
    bench: Bench, queue: Queue, letters: DeadLetters
) -> None:
    bench.admin.rpush(keys.QUEUE, "odd-id")
    bench.admin.set(keys.job_key("odd-id"), '{"storageKey":"queue"}')
    taken = take(queue)
    with pytest.raises(InvalidJob) as caught:
        taken.parse()
    assert caught.value.storage_key is None
    assert queue.fail(taken, None, None, caught.value)
    (letter,) = letters.list()
    assert (letter.name, letter.storage_key, letter.code) == ("!odd-id", None, "invalid_job")
    assert set(bench.snapshot()) == {keys.DEAD, keys.DEAD_INDEX}


def test_list_filters_by_code_and_beginning_and_gives_the_newest_first(queue: Queue, letters: DeadLetters) -> None:
    fail(queue, "a/1")
    fail(queue, "a/2", damaged())
    fail(queue, "b/1")
    assert [letter.name for letter in letters.list(code="not_an_image")] == ["b/1", "a/1"]
    assert [letter.name for letter in letters.list(prefix="a/")] == ["a/2", "a/1"]
    assert [letter.name for letter in letters.list(code="not_an_image", prefix="a/")] == ["a/1"]
    assert [letter.name for letter in letters.list(limit=2)] == ["b/1", "a/2"]


def test_list_reads_page_by_page(queue: Queue, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead, "PAGE", 3)
    for number in range(10):
        fail(queue, f"k{number}")
    assert sorted(letter.name for letter in letters.list()) == sorted(f"k{number}" for number in range(10))


def test_only_so_many_letters_are_kept_the_newest(bench: Bench) -> None:
    queue = bench.queue(dead_letters_max=3)
    letters = DeadLetters(queue.client)
    for number in range(5):
        fail(queue, f"k{number}")
        bench.admin.zadd(keys.DEAD_INDEX, {f"k{number}": number})  # one millisecond is too coarse for this test
    assert sorted(letter.name for letter in letters.list()) == ["k2", "k3", "k4"]
    assert bench.admin.zcard(keys.DEAD_INDEX) == 3


def test_retry_of_an_id_job_gives_it_all_its_attempts_again(bench: Bench, queue: Queue, letters: DeadLetters) -> None:
    job_id = fail(queue)
    assert letters.retry("g/album/a.jpg") == job_id
    assert letters.count() == 0
    assert bench.admin.zcard(keys.DEAD_INDEX) == 0
    assert stored(bench, "g/album/a.jpg")["status"] == "pending"
    assert 0 < bench.admin.ttl(keys.job_key(job_id)) <= keys.JOB_TTL_S
    taken = take(queue)
    assert (taken.identity, taken.attempts, taken.inline) == (job_id, 0, False)


def test_retry_keeps_an_odd_id_and_unknown_fields(bench: Bench, queue: Queue, letters: DeadLetters) -> None:
    bench.admin.set(keys.job_key("odd-id"), json.dumps(fields_of(colour=[], attempts=2)))
    bench.admin.rpush(keys.QUEUE, "odd-id")
    taken, job = begin(queue)
    queue.fail(taken, job, job.storage_key, damaged())
    assert letters.retry(job.storage_key) == "odd-id"
    assert take(queue).parse().fields["colour"] == []


def test_retry_of_an_inline_job_keeps_its_form(bench: Bench, queue: Queue, letters: DeadLetters) -> None:
    bench.admin.lpush(keys.QUEUE, json.dumps({**fields_of(extra={}), "jobId": "uuid", "attempts": 2}))
    taken, job = begin(queue)
    queue.fail(taken, job, job.storage_key, damaged())
    bench.admin.hset(keys.ATTEMPTS, "uuid", 3)
    assert letters.retry(job.storage_key) == "uuid"
    taken = take(queue)
    assert (taken.identity, taken.inline, taken.attempts) == ("uuid", True, 0)
    assert taken.parse().fields["extra"] == {}
    assert stored(bench, job.storage_key)["status"] == "pending"
    assert letters.count() == 0


@pytest.mark.parametrize("element", ["{broken \udcff", "odd-id"])
def test_retry_of_a_job_that_cannot_be_read_pushes_it_as_it_was(
    bench: Bench, queue: Queue, letters: DeadLetters, element: str
) -> None:
    bench.admin.set(keys.job_key("odd-id"), "not json \udcff")
    bench.admin.rpush(keys.QUEUE, element)
    taken = take(queue)
    queue.fail(taken, None, None, InvalidJob("The job is not valid JSON."))
    assert not bench.admin.exists(keys.QUEUE)
    assert letters.retry(f"!{taken.identity}") == taken.identity
    again = take(queue)
    assert (again.element, again.payload) == (element, taken.payload)


def test_retry_of_a_job_that_could_not_be_read_leaves_the_data_that_its_id_has_got_meanwhile(
    bench: Bench, queue: Queue, letters: DeadLetters
) -> None:
    bench.admin.set(keys.job_key("odd-id"), "not json")
    bench.admin.rpush(keys.QUEUE, "odd-id")
    queue.fail(take(queue), None, None, InvalidJob("The job is not valid JSON."))
    newer = json.dumps(fields_of())
    bench.admin.set(keys.job_key("odd-id"), newer)
    assert letters.retry("!odd-id") == "odd-id"
    assert take(queue).payload == newer


def test_letter_is_retried_once(bench: Bench, queue: Queue, letters: DeadLetters) -> None:
    bench.admin.lpush(keys.QUEUE, json.dumps({**fields_of(), "jobId": "uuid"}))
    taken, job = begin(queue)
    queue.fail(taken, job, job.storage_key, damaged())
    assert letters.retry(job.storage_key) == "uuid"
    assert letters.retry(job.storage_key) is None
    assert queue.lengths().queue == 1


def test_retry_of_a_picture_that_is_queued_again_changes_nothing(
    bench: Bench, queue: Queue, letters: DeadLetters
) -> None:
    job_id = fail(queue)
    bench.admin.set(keys.job_key(job_id), json.dumps(fields_of(attempts=0)))  # a producer that knows no dead letters
    bench.admin.rpush(keys.QUEUE, job_id)
    assert letters.retry("g/album/a.jpg") == job_id
    assert queue.lengths().queue == 1


def test_retry_leaves_another_picture_s_job_alone(bench: Bench, queue: Queue, letters: DeadLetters) -> None:
    first = fail(queue, "a/b-c")
    assert queue.enqueue(fields_of("a-b/c")) == first
    second = letters.retry("a/b-c")
    assert second not in (None, first)
    assert bench.admin.lrange(keys.QUEUE, 0, -1) == [first, second]


def test_enqueue_removes_the_letter(queue: Queue, letters: DeadLetters) -> None:
    fail(queue)
    queue.enqueue(fields_of())
    assert letters.count() == 0


def test_complete_removes_the_letter(bench: Bench, queue: Queue, letters: DeadLetters) -> None:
    job_id = fail(queue)
    bench.admin.set(keys.job_key(job_id), json.dumps(fields_of()))
    bench.admin.rpush(keys.QUEUE, job_id)
    taken, job = begin(queue)
    queue.complete(taken, job, GRADIENT, 5)
    assert letters.count() == 0
    assert not bench.admin.exists(keys.DEAD_INDEX)


def test_purge_forgets(bench: Bench, queue: Queue, letters: DeadLetters) -> None:
    fail(queue, "a")
    fail(queue, "b")
    assert letters.purge(["a", "never was"]) == 1
    assert letters.purge([]) == 0
    assert [letter.name for letter in letters.list()] == ["b"]
    assert bench.admin.zcard(keys.DEAD_INDEX) == 1


def test_letter_and_its_place_in_the_index_go_in_one_step(
    queue: Queue, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(queue, "a")
    client: Any = queue.client
    sent: list[str] = []
    execute = client.execute_command

    def listening(*arguments: Any, **options: Any) -> Any:
        sent.append(arguments[0])
        return execute(*arguments, **options)

    monkeypatch.setattr(client, "execute_command", listening)
    monkeypatch.setattr(client, "pipeline", None)
    assert letters.purge(["a"]) == 1
    assert set(sent) <= {"EVALSHA", "SCRIPT LOAD"}


def test_letter_that_cannot_be_read_is_passed_over(bench: Bench, queue: Queue, letters: DeadLetters) -> None:
    fail(queue, "a")
    sound = json.loads(bench.admin.hget(keys.DEAD, "a"))
    changes: list[dict[str, Any]] = [
        {"attempts": float("inf")}, {"attempts": -1}, {"failedAt": 1e30}, {"failedAt": 10**400},
        {"width": float("nan")}, {"storageKey": 5}, {"payload": 5},
    ]  # fmt: skip
    odd = ["[]", "{}", "nonsense", '{"a":' * 5_000, *(json.dumps({**sound, **change}) for change in changes)]
    odd.append(json.dumps(sound).replace('"attempts": 1', '"attempts": 1e999'))
    bench.admin.hset(keys.DEAD, mapping={f"odd {number}": text for number, text in enumerate(odd)})
    bench.admin.zadd(keys.DEAD_INDEX, {"no letter": 1, **{f"odd {number}": 1 for number in range(len(odd))}})
    assert [letter.name for letter in letters.list()] == ["a"]
    assert letters.get("odd 0") is None
    assert letters.retry("odd 0") is None
