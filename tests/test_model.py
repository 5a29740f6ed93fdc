import json

import pytest

from gradientd.errors import InvalidJob
from gradientd.jsontext import to_json
from gradientd.model import (
    MAX_JOB_BYTES,
    Extra,
    Gradient,
    Job,
    Result,
    Status,
    collides_with_queue_keys,
    distinct_job_id_for,
    job_id_for,
)

FIELDS = {
    "guildId": "g1",
    "galleryName": "Lakes",
    "storageKey": "g1/lakes/a b.jpg",
    "itemId": "i1",
    "jobId": "0b9c7c1e-6f0f-4f0a-8a59-3a4a4c8f3b54",
}


def parse(**changes: object) -> Job:
    fields = {**FIELDS, **changes}
    return Job.parse(json.dumps({name: value for name, value in fields.items() if value is not ...}))


def test_inline_job_begins_with_no_attempts_and_no_time() -> None:
    job = parse()
    assert (job.attempts, job.created_at, job.inline) == (0, None, True)
    assert job.job_id == FIELDS["jobId"]


def test_id_job_takes_its_id_from_the_element() -> None:
    job = Job.parse(json.dumps({**FIELDS, "jobId": "something else"}), job_id="gradient-x")
    assert (job.job_id, job.inline) == ("gradient-x", False)


def test_unknown_fields_and_their_order_survive() -> None:
    text = to_json({"z": [], **FIELDS, "big": 12345678901234567890, "é": {"a": None}})
    job = Job.parse(text).with_attempts(2, created_at=1_700_000_000_000)
    fields = json.loads(job.to_json())
    assert list(fields) == ["z", *FIELDS, "big", "é", "attempts", "createdAt"]
    assert fields["z"] == []
    assert fields["big"] == 12345678901234567890
    assert (fields["attempts"], fields["createdAt"]) == (2, 1_700_000_000_000)


def test_first_created_at_survives_a_retry() -> None:
    assert parse(createdAt=5).with_attempts(1, created_at=9).created_at == 5


@pytest.mark.parametrize("filling", ["[" + "1e15," * 12_000 + "1]", '"' + "x" * (MAX_JOB_BYTES - 170) + '"'])
def test_job_that_could_not_be_read_again_with_its_attempts_is_refused_with_its_picture(filling: str) -> None:
    job = Job.parse(f'{to_json(FIELDS)[:-1]},"filling":{filling}}}')
    with pytest.raises(InvalidJob, match="longer") as caught:
        job.with_attempts(1, created_at=1_700_000_000_000)
    assert caught.value.storage_key == FIELDS["storageKey"]


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"guildId": ...}, "guildId"),
        ({"guildId": 7}, "guildId"),
        ({"guildId": "x" * 101}, "longer than 100"),
        ({"galleryName": ""}, "galleryName"),
        ({"itemId": None}, "itemId"),
        ({"jobId": ...}, "jobId"),
        ({"storageKey": "k" * 1025}, "longer than 1024"),
        ({"storageKey": "é" * 513}, "longer than 1024"),
        ({"storageKey": "queue"}, "reserved"),
        ({"storageKey": "job:1"}, "reserved"),
        ({"storageKey": "\ud800"}, "Unicode"),
        ({"attempts": -1}, "attempts"),
        ({"attempts": True}, "attempts"),
        ({"attempts": "1"}, "attempts"),
        ({"createdAt": 1.5}, "createdAt"),
    ],
)
def test_invalid_field_is_named(changes: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidJob, match=says):
        parse(**changes)


def test_names_and_the_storage_key_may_be_as_long_as_allowed() -> None:
    job = parse(guildId="é" * 100, galleryName="x" * 100, storageKey="é" * 512)
    assert (len(job.guild_id), len(job.gallery_name), len(job.storage_key)) == (100, 100, 512)


def test_sound_storage_key_of_an_invalid_job_is_kept_for_its_result() -> None:
    with pytest.raises(InvalidJob) as caught:
        parse(itemId=...)
    assert caught.value.storage_key == FIELDS["storageKey"]
    with pytest.raises(InvalidJob) as caught:
        parse(storageKey="processing")
    assert caught.value.storage_key is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '{"a":NaN}', "[" * 5000, '{"a":' + "9" * 5000 + "}", "{" + "x" * 70_000]
)
def test_text_that_is_no_job_is_refused(text: str) -> None:
    with pytest.raises(InvalidJob):
        Job.parse(text)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "[-1e999]"])
def test_number_that_could_not_be_written_again_is_refused(number: str) -> None:
    with pytest.raises(InvalidJob, match="not valid JSON"):
        Job.parse(f'{to_json(FIELDS)[:-1]},"more":{number}}}')


def test_job_that_python_could_read_and_the_scripts_could_not_is_refused() -> None:
    assert parse(more=nested(400)).fields["more"]
    with pytest.raises(InvalidJob, match="nested too deep"):
        parse(more=nested(600))


def test_job_is_measured_in_bytes() -> None:
    assert parse(more="\udcff").fields["more"] == "\udcff"
    with pytest.raises(InvalidJob, match="longer than 65536 bytes"):
        Job.parse(to_json({**FIELDS, "more": "é" * 40_000}))


def test_job_ids_follow_the_storage_key() -> None:
    assert job_id_for("a/b-c") == job_id_for("a-b/c") == "gradient-a-b-c"
    assert distinct_job_id_for("a/b-c") != distinct_job_id_for("a-b/c")
    assert distinct_job_id_for("a/b-c").startswith("gradient-a-b-c-")


@pytest.mark.parametrize(
    ("key", "collides"), [("queue", True), ("delayed", True), ("job:", True), ("queue/a", False), ("jobs", False)]
)
def test_reserved_storage_keys(key: str, collides: bool) -> None:
    assert collides_with_queue_keys(key) is collides


def test_gradient_has_exactly_the_six_fields_in_order() -> None:
    gradient = Gradient(("#FF0000", "#00FF00"), "#FF0000", "#00FF00", "#000000", "data:image/jpeg;base64,AA")
    assert list(gradient.as_dict().items()) == [
        ("palette", ["#FF0000", "#00FF00"]),
        ("primary", "#FF0000"),
        ("secondary", "#00FF00"),
        ("foreground", "#000000"),
        ("css", "linear-gradient(135deg, #FF0000 0%, #00FF00 100%)"),
        ("blurDataUrl", "data:image/jpeg;base64,AA"),
    ]


def test_result_goes_to_the_wire_and_back() -> None:
    failed = Result(Status.FAILED, 4, 1, 2, last_error="no")
    assert list(failed.as_dict()) == ["status", "attempts", "lastError", "createdAt", "updatedAt"]
    assert Result.parse(to_json(failed.as_dict())) == failed
    completed = Result(Status.COMPLETED, 1, 1, 2, gradient={"css": "x"})
    assert list(completed.as_dict()) == ["status", "gradient", "attempts", "createdAt", "updatedAt"]


@pytest.mark.parametrize(
    "text",
    [
        "[]", "{}", '{"status":"odd"}', "x", '{"status":"completed","gradient":"x"}',
        '{"status":"completed","gradient":[1]}', '{"status":"completed","gradient":{"a":NaN}}',
        '{"status":"completed","gradient":{"a":[-1e999]}}', '{"status":"failed","lastError":[1]}',
        '{"status":"failed","attempts":1e999}', '{"a":' * 5000,
    ],
)
def test_what_is_no_result_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is the JSON parser's
        Result.parse(text)


def test_lone_surrogate_is_escaped_as_json_stringify_does() -> None:
    assert to_json({"a": "\ud800é"}) == '{"a":"\\ud800é"}'
    assert to_json({"a": "é"}) == '{"a":"é"}'


def test_extra_fields_follow_the_six_and_survive_the_way_through_a_stored_result() -> None:
    extras = {"version": 1, "shares": [1.0], "dimensions": {"width": 2, "height": 1, "aspectRatio": 2.0}}
    gradient = Gradient(("#FF0000",), "#FF0000", "#880000", "#FFFFFF", "data:,", extras)
    fields = gradient.as_dict()
    assert list(fields)[6:] == [Extra.DIMENSIONS, Extra.SHARES, Extra.VERSION]
    stored = to_json(Result(Status.COMPLETED, 1, 5, 6, gradient=fields).as_dict())
    assert Result.parse(stored).gradient == fields
    assert to_json(Result.parse(stored).as_dict()) == stored
    assert hash(gradient) == hash(Gradient(("#FF0000",), "#FF0000", "#880000", "#FFFFFF", "data:,"))
