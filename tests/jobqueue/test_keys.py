"""The map of keys in keys.py is true: a life of the queue leaves nothing that is not on it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from gradientd.errors import NotAnImage
from gradientd.jobqueue import Audit, Fleet, Queue, forbidden_commands, keys, look_at_server, rights
from tests.jobqueue.conftest import ACL_FILE, GRADIENT, Bench, begin, fields_of, take

PLACEHOLDERS = ("{jobId}", "{storageKey}", "{id}")
HAS_NO_TTL = "none"


def mapped_keys() -> list[tuple[str, str, str]]:
    """(pattern, type, TTL) of each row, the more special patterns first."""
    rows = []
    for line in (keys.__doc__ or "").splitlines():
        row = re.match(r"^(gradientd?:\S+) +(string|list|zset|hash) +(.+?)  +", line)
        if row:
            pattern = re.escape(row[1])
            for placeholder in PLACEHOLDERS:
                pattern = pattern.replace(re.escape(placeholder), ".+")
            rows.append((pattern, row[2], row[3]))
    return sorted(rows, key=lambda row: row[0].count(".+") * 100 - len(row[0]))


def test_map_names_every_constant() -> None:
    constants = [
        value for name, value in vars(keys).items() if name.isupper() and isinstance(value, str) and ":" in value
    ]
    doc = keys.__doc__ or ""
    assert len(constants) >= 17
    assert [value for value in constants if value not in doc] == []


def test_every_key_has_the_type_and_ttl_that_the_map_says(bench: Bench, queue: Queue) -> None:
    bench.admin.rpush(keys.PROCESSING, "a peer's")
    for key in ("completed", "failed", "retried", "running", "waiting"):
        queue.enqueue(fields_of(key))
    queue.complete(*begin(queue, "1"), GRADIENT, 1)
    taken, job = begin(queue, "2")
    queue.fail(taken, job, "failed", NotAnImage("no"))
    queue.retry(*begin(queue, "3"), "why", 60_000)
    taken, _ = begin(queue, "4")
    queue.renew([(taken.identity, taken.token)], worker_id="host-1-abcd", heartbeat_json="{}")
    bench.admin.lpush(keys.QUEUE, json.dumps({**fields_of("inline"), "jobId": "3f0c-uuid"}))
    begin(queue, "5")
    Fleet(queue.client).enlist("host-1-abcd")
    queue.reap(worker_id="w")
    Audit(queue, worker_id="w", interval_ms=3_600_000, sleep=lambda _: None).run()
    queue.pause()
    seen_patterns = set()
    for key in bench.snapshot():
        pattern, kind, ttl = next(row for row in mapped_keys() if re.fullmatch(row[0], key))
        seen_patterns.add(pattern)
        assert bench.admin.type(key) == kind, key
        assert (bench.admin.ttl(key) == -1) == (ttl == HAS_NO_TTL), key
        if ttl.endswith(" s"):
            assert abs(bench.admin.ttl(key) - int(ttl[:-2].replace(" ", ""))) <= 2, key
    assert seen_patterns == {row[0] for row in mapped_keys()}


def test_documented_user_has_no_right_that_is_not_used() -> None:
    room = Path(keys.__file__).parent
    files = [path for path in [*room.glob("*.py"), *room.glob("lua/*.lua")] if path.name != "rights.py"]
    text = "\n".join(path.read_text() for path in files).lower()
    by_redis_py = {"auth", "evalsha", "script|load", "select"}
    rights = set(re.findall(r"\+([a-z|]+)", ACL_FILE.read_text()))
    assert len(rights) > 30
    assert {right for right in rights - by_redis_py if not re.search(rf"\b{right}\b", text)} == set()


def test_rights_that_are_asked_for_are_those_of_the_documented_user() -> None:
    by_redis_py = {"auth", "evalsha"}
    granted = set(re.findall(r"\+([a-z|]+)", ACL_FILE.read_text()))
    asked = {"script|load" if command.startswith("script") else command.split()[0] for command in rights.COMMANDS}
    assert asked == granted - by_redis_py


def test_documented_user_is_forbidden_nothing_and_a_narrower_one_is_told_what(real_bench: Bench) -> None:
    queue = real_bench.queue()
    assert forbidden_commands(queue.client) == ()
    real_bench.admin.execute_command("ACL", "SETUSER", "gradientd", "-zadd", "-info")
    assert forbidden_commands(queue.client) == (
        "zadd gradient:delayed 1 1", "zadd gradientd:leases 1 1", "zadd gradientd:dead:index 1 1", "info",
    )  # fmt: skip
    real_bench.admin.execute_command("ACL", "SETUSER", "gradientd", "+zadd", "resetkeys", "~gradient:*")
    forbidden = forbidden_commands(queue.client) or ()
    assert {command.split()[1].partition(":")[0] for command in forbidden if " " in command} == {"gradientd"}
    assert real_bench.snapshot() == {}, "nothing was tried out"
    queue.close()


def test_server_is_seen_with_and_without_the_right_to_ask(real_bench: Bench) -> None:
    queue = real_bench.queue()
    seen = look_at_server(queue.client)
    assert seen.name in ("Redis", "Valkey")
    assert seen.redis_version is not None
    assert not seen.is_too_old
    assert (seen.role, seen.eviction_policy, seen.max_memory, seen.is_cluster) == ("master", "noeviction", 0, False)
    assert (seen.has_append_only_file, seen.has_snapshots) == (False, None)
    assert abs(seen.clock_ahead_ms) < 1_000
    real_bench.admin.execute_command("ACL", "SETUSER", "gradientd", "-info", "+config")
    blind = look_at_server(queue.client)
    assert (blind.name, blind.version, blind.eviction_policy) == (seen.name, seen.version, None)
    assert blind.redis_version is not None
    assert blind.has_snapshots is False
    queue.close()


def test_ended_jobs_leave_no_trace_but_results_and_letters(bench: Bench, queue: Queue) -> None:
    for key in ("a", "b"):
        queue.enqueue(fields_of(key))
    queue.complete(*begin(queue, "1"), GRADIENT, 1)
    taken = take(queue, "2")
    queue.fail(taken, taken.parse(), "b", NotAnImage("no"))
    assert set(bench.snapshot()) == {
        "gradient:a", "gradient:b", keys.RECENT, keys.RECENT_MS, keys.DEAD, keys.DEAD_INDEX,
    }
