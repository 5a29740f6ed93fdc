"""Each script's header is its contract: keys, arguments and codes are compared with what Python really sends."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from importlib import resources
from typing import Any

import fakeredis
import pytest

from gradientd.errors import NotAnImage
from gradientd.jobqueue import Audit, Begun, Completion, Connector, DeadLetters, Queue, Taken, codes, keys, rights
from gradientd.jobqueue.scripts import Scripts, source
from gradientd.model import MAX_JOB_BYTES, Job
from tests.jobqueue.conftest import GRADIENT, fields_of

LUA = resources.files("gradientd.jobqueue") / "lua"
NAMES = sorted(path.name.removesuffix(".lua") for path in LUA.iterdir() if not path.name.startswith("_"))
CODES: dict[str, type[IntEnum]] = {
    "acquire": codes.AcquireCode,
    "begin": Begun,
    "complete": Completion,
    "drop": codes.DropCode,
    "enqueue": codes.EnqueueCode,
    "fail": codes.FailCode,
    "lock": codes.LockCode,
    "reap": codes.ReapCode,
    "release": codes.ReleaseCode,
    "retry": codes.RetryCode,
    "revive": codes.ReviveCode,
}
FREES_MEMORY_FIRST = ("complete", "retry", "fail", "release", "drop", "promote", "reap", "renew")
PLACEHOLDERS = ("{jobId}", "{storageKey}", "{id}")


@dataclass(frozen=True)
class Header:
    keys: list[str]
    args: list[str]
    codes: dict[str, int]
    has_more_keys: bool
    has_more_args: bool


def header_of(name: str) -> Header:
    text = (LUA / f"{name}.lua").read_text()
    comment = text.split("\n\n", 1)[0]
    sections = re.split(r"^-- ([A-Z]+)$", comment, flags=re.MULTILINE)
    by_title = dict(zip(sections[1::2], sections[2::2], strict=True))
    rows = {title: re.findall(r"^-- +(\d+) (\S+)(.*)$", body, re.MULTILINE) for title, body in by_title.items()}
    assert sections[0].startswith(f"-- {name}: ")
    assert list(by_title) == ["KEYS", "ARGV", "RETURNS", "INVARIANT"]
    for title in ("KEYS", "ARGV"):
        assert [int(number) for number, _, _ in rows[title]] == list(range(1, len(rows[title]) + 1))
    return Header(
        keys=[key for _, key, _ in rows["KEYS"]],
        args=[name.rstrip(",") for _, name, _ in rows["ARGV"]],
        codes={code.rstrip(","): int(number) for number, code, _ in rows["RETURNS"] if code.isupper()},
        has_more_keys="and so on" in by_title["KEYS"],
        has_more_args="and so on" in by_title["ARGV"],
    )


@pytest.mark.parametrize("name", NAMES)
def test_header_names_every_code_that_python_knows(name: str) -> None:
    expected = {code.name: code.value for code in CODES[name]} if name in CODES else {}
    assert header_of(name).codes == expected


@pytest.mark.parametrize("name", NAMES)
def test_header_counts_the_keys_and_arguments_that_the_script_reads(name: str) -> None:
    header, text = header_of(name), (LUA / f"{name}.lua").read_text()
    for table, declared, open_ended in (
        ("KEYS", header.keys, header.has_more_keys),
        ("ARGV", header.args, header.has_more_args),
    ):
        read = {int(number) for number in re.findall(rf"{table}\[(\d+)\]", text)}
        expected = set(range(1, len(declared) + 1)) - ({len(declared)} if open_ended else set())
        assert read == expected


def test_scripts_and_python_agree_on_the_longest_job() -> None:
    assert f"\nlocal MAX_JOB_BYTES = {MAX_JOB_BYTES}\n" in (LUA / "_job.lua").read_text()


class RecordingScripts(Scripts):
    """Keeps what it was asked to run."""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self.calls: dict[str, tuple[list[str], list[Any]]] = {}

    def run(self, name: str, keys: Any, args: Any) -> Any:
        self.calls[name] = (list(keys), list(args))
        return super().run(name, keys, args)


@pytest.fixture(scope="module")
def calls() -> dict[str, tuple[list[str], list[Any]]]:
    """One call of every script, as the public methods make them."""
    queue = Queue(
        Connector.from_client(fakeredis.FakeRedis(server=fakeredis.FakeServer())).client(
            socket_timeout_s=1, max_connections=2
        )
    )
    queue.scripts = recorder = RecordingScripts(queue.client)
    error = NotAnImage("no")

    def begun(storage_key: str) -> tuple[Taken, Job]:
        queue.enqueue(fields_of(storage_key))
        taken = queue.acquire("token").taken
        assert taken is not None
        job = taken.parse().with_attempts(1, created_at=1)
        queue.begin(taken, job)
        return taken, job

    queue.release(*begun("released"))
    queue.client.flushall()
    queue.drop(begun("dropped")[0])
    queue.retry(*begun("retried"), "why", 0)
    queue.complete(*begun("completed"), GRADIENT, 1)
    taken, job = begun("failed")
    queue.fail(taken, job, "failed", error)
    queue.promote()
    queue.renew([("identity", "token")], worker_id="w", heartbeat_json="{}")
    queue.reap(worker_id="w")
    queue.client.set(keys.job_key("limbo"), "{}")
    queue.client.hset(keys.ATTEMPTS, "stray", 1)
    queue.enqueue(fields_of("waiting"))
    Audit(queue, worker_id="w", interval_ms=1_000, sleep=lambda _: None).run()
    letters = DeadLetters(queue.client)
    letters._scripts = recorder
    queue.client.lpush(keys.QUEUE, "{")
    broken = queue.acquire("token").taken
    assert broken is not None
    queue.fail(broken, None, None, error)
    letters.retry(f"!{broken.identity}")
    letters.purge(["failed"])
    recorder.run("rights", [], rights.COMMANDS)
    return recorder.calls


@pytest.mark.parametrize("name", NAMES)
def test_python_sends_the_keys_and_arguments_that_the_header_names(
    name: str, calls: dict[str, tuple[list[str], list[Any]]]
) -> None:
    header, (sent_keys, sent_args) = header_of(name), calls[name]
    if header.has_more_keys:
        assert len(sent_keys) >= len(header.keys)
    else:
        assert len(sent_keys) == len(header.keys)
    for sent, declared in zip(sent_keys, header.keys, strict=False):
        pattern = re.escape(declared)
        for placeholder in PLACEHOLDERS:
            pattern = pattern.replace(re.escape(placeholder), ".*")
        assert re.fullmatch(pattern, sent), f"{sent} is not {declared}"
    if header.has_more_args:
        assert len(sent_args) >= len(header.args)
    else:
        assert len(sent_args) == len(header.args)


@pytest.mark.parametrize("name", FREES_MEMORY_FIRST)
def test_first_write_frees_memory(name: str) -> None:
    """Out of memory, Redis lets a script through whose first write does: so no write may come before it."""
    code = re.sub(r"--.*", "", source(name))
    main = code[code.rindex("KEYS[1]") :]
    writes = r"(take_out\(|'(LREM|ZREM|SET|HSET|HDEL|DEL|ZADD|RPUSH|LPUSH|LMOVE|EXPIRE)')"
    first = next(match[0] for match in re.finditer(writes, main) if not is_inside_a_function(main, match.start()))
    assert first in ("take_out(", "'LREM'", "'ZREM'")


def is_inside_a_function(code: str, place: int) -> bool:
    """Whether a local function, which begins and ends in the first column, is open at this place."""
    before = code[:place]
    return before.rfind("\nlocal function") > before.rfind("\nend")


@pytest.mark.parametrize("name", NAMES)
def test_no_script_has_a_shebang_or_encodes_json(name: str) -> None:
    assert not source(name).startswith("#!")
    assert "cjson.encode" not in source(name)


@pytest.mark.parametrize("name", NAMES)
def test_every_include_is_resolved_once(name: str) -> None:
    text = source(name)
    assert "-- include:" not in text
    functions = re.findall(r"^local function (\w+)", text, re.MULTILINE)
    assert len(functions) == len(set(functions))
