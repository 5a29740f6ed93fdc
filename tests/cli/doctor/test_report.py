"""What the doctor says where all is well, what is a note, and how it bears servers and checks that misbehave."""

from __future__ import annotations

import time
from typing import Any

import pytest

from gradientd.cli import doctor
from gradientd.cli.exits import Exit
from tests.cli.doctor.consulting import Machine, as_documented_user, faults, run
from tests.cli.doctor.stand_ins import Silence
from tests.real.conftest import Bench
from tests.real.console import Console


def test_nothing_is_found_where_all_is_well_and_nothing_is_changed(bench: Bench, admin: Any) -> None:
    job_id = bench.push_id_job("lakes/como.jpg")
    bench.storage.put("lakes/como.jpg", b"0123456789", "image/jpeg")
    admin.config_resetstat()
    code, findings = run(as_documented_user(bench), "--read", "lakes/como.jpg")
    assert (code, faults(findings)) == (0, [])
    checked = {check for grade, check, _ in findings if grade == "ok"}
    assert checked >= {
        "settings", "gevent", "redis", "eviction", "persistence", "clock", "rights", "queue", "bucket", "codecs",
        "memory budget", "cores", "folders", "stop",
    }  # fmt: skip
    assert ("ok", "queue", "1 job queued, 0 in work, 0 delayed") in findings
    assert ("ok", "bucket", "lakes/como.jpg was read: 10 bytes") in findings
    assert sorted(admin.keys()) == sorted(["gradient:queue", f"gradient:job:{job_id}", "gradient:lakes/como.jpg"])
    writes = {"set", "del", "rpush", "lpush", "lmove", "blmove", "zadd", "hset", "lrem", "expire", "hdel", "zrem"}
    assert writes.isdisjoint(name.removeprefix("cmdstat_") for name in admin.info("commandstats"))


def test_what_matters_less_is_a_note_and_no_fault(bench: Bench, admin: Any) -> None:
    admin.set("gradientd:paused", "1")
    env = {**bench.env, "GRADIENT_WORKER_CONCURRENCY": "1000", "GRADIENT_OLD_SWITCH": "1"}
    code, findings = run({**env, "GRADIENT_DECODE_TIMEOUT_MS": "120000"})
    notes = [text for grade, _, text in findings if grade == "note"]
    assert code == Exit.DONE
    for told in (
        "GRADIENT_OLD_SWITCH is set, and nobody reads it", "GRADIENT_DECODE_TIMEOUT_MS (120000) is not below",
        "Redis keeps nothing on disk", "the fleet is paused", "1000 jobs at once on ",
    ):  # fmt: skip
        assert any(told in text for text in notes), (told, notes)


def test_servers_that_never_answer_are_found_in_bounded_time(bench: Bench) -> None:
    with Silence() as port:
        began = time.monotonic()
        env = {**bench.env, "REDIS_URL": f"redis://127.0.0.1:{port}/0", "S3_ENDPOINT": f"http://127.0.0.1:{port}"}
        code, findings = run(env)
    assert time.monotonic() - began < doctor.BOUND_S + 10  # a busy machine starts slowly
    assert code == Exit.UNAVAILABLE
    assert [check for check, _ in faults(findings)] == ["redis", "bucket"]


def test_surprise_inside_a_check_is_a_finding_and_no_traceback(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def surprise(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(doctor, "check_cores", surprise)
    code, findings = machine.doctor("--wait=40")
    assert code == Exit.SOME_FAILED
    assert faults(findings) == [("cores", "the check itself ended in an unforeseen ZeroDivisionError: oh")]


def test_table_has_a_remedy_below_each_finding(bench: Bench) -> None:
    with Console("doctor", "--wait=20", env={**bench.env, "S3_SECRET_KEY": "x"}) as console:
        assert console.wait() == Exit.UNAVAILABLE
        out = console.stdout
        assert console.stderr == ""
    lines = out.splitlines()
    places = [number for number, line in enumerate(lines) if line.startswith("fault")]
    assert len(places) == 2
    assert all("-> " in lines[number + 1] for number in places)
    assert lines[-1].startswith("2 faults, ")
    assert "\x1b" not in out
