"""`gradientd doctor` finds what is planted, and nothing where all is well: the real script, real servers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.server import StreamServer

from gradientd.cli import doctor
from gradientd.cli.exits import Exit
from gradientd.cli.main import main
from gradientd.embedded import Valkey
from tests.jobqueue.conftest import ACL_FILE
from tests.real.conftest import Bench, bench
from tests.real.console import Console

__all__ = ["bench"]  # the fixture

PASSWORD = "a-password-of-the-tests"
LONG_ENOUGH_S = 40
ARGUMENTS = ["doctor", "--json", f"--wait={LONG_ENOUGH_S}"]
Finding = tuple[str, str, str]


def run(env: dict[str, str], *arguments: str) -> tuple[int, list[Finding]]:
    """The exit code, and each finding's grade, check and text; a fault or a note without a remedy is refused."""
    with Console(*ARGUMENTS, *arguments, env=env) as console:
        code = console.wait()
        assert console.stderr == ""
        return code, read(console.stdout)


def read(text: str) -> list[Finding]:
    told = json.loads(text)
    assert told["faults"] == sum(finding["grade"] == "fault" for finding in told["findings"])
    for finding in told["findings"]:
        assert finding["grade"] == "ok" or finding["remedy"], finding
    return [(finding["grade"], finding["check"], finding["finding"]) for finding in told["findings"]]


def faults(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(check, text) for grade, check, text in findings if grade == "fault"]


def only_fault(env: dict[str, str], code: int, check: str, *arguments: str) -> str:
    """The text of the one fault that there is, after looking that it is of this check and exits with this code."""
    got, findings = run(env, *arguments)
    assert [name for name, _ in faults(findings)] == [check], findings
    assert got == code
    return faults(findings)[0][1]


@pytest.fixture
def admin(bench: Bench) -> Iterator[Any]:
    """The server's own user, to plant things; everything is as it was afterwards."""
    yield bench.redis
    bench.redis.config_set("maxmemory-policy", "noeviction")
    bench.redis.config_set("maxmemory", 0)
    bench.redis.execute_command("ACL", "DELUSER", "gradientd")


def as_documented_user(bench: Bench, *changes: str) -> dict[str, str]:
    """The environment of the user of etc/redis-acl.conf, with `changes` to its rights."""
    rules = next(line for line in ACL_FILE.read_text().splitlines() if line.startswith("user ")).split()[2:]
    known = [rule.replace(">change-me", f">{PASSWORD}") for rule in rules]
    bench.redis.execute_command("ACL", "SETUSER", "gradientd", "reset", *known, *changes)
    url = bench.env["REDIS_URL"].replace("unix://", f"unix://gradientd:{PASSWORD}@")
    return {**bench.env, "REDIS_URL": url}


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


# -- the planted faults ----------------------------------------------------------------------------------------------


def test_1_wrong_settings_are_found_and_the_rest_is_looked_at_all_the_same(bench: Bench) -> None:
    env = {**bench.env, "GRADIENT_WORKER_CONCURRENCY": "many", "GRADIENT_JOB_MAX_RETRYS": "5", "MASTER_BUCKET_NAME": ""}
    code, findings = run(env)
    assert code == Exit.WRONG_SETTINGS
    assert faults(findings) == [
        ("settings", "MASTER_BUCKET_NAME is not set"),
        ("settings", "GRADIENT_WORKER_CONCURRENCY must be a whole number, not 'many'"),
        ("settings", "GRADIENT_JOB_MAX_RETRYS is set, and nobody reads it"),
    ]
    assert ("unknown", "bucket", "not asked: its settings are missing or wrong") in findings
    assert any(grade == "ok" and check == "rights" for grade, check, _ in findings), "Redis' settings were right"


def test_2_redis_that_is_down_is_found(bench: Bench) -> None:
    text = only_fault({**bench.env, "REDIS_URL": "redis://:hunter2@127.0.0.1:1/0"}, Exit.UNAVAILABLE, "redis")
    assert text.startswith("redis://127.0.0.1:1/0: Redis cannot be reached: ")


def test_3_wrong_redis_password_is_found_and_not_told(bench: Bench, admin: Any) -> None:
    env = as_documented_user(bench)
    wrong = {**env, "REDIS_URL": env["REDIS_URL"].replace(PASSWORD, "hunter2")}
    text = only_fault(wrong, Exit.UNAVAILABLE, "redis")
    assert text.endswith("Redis refuses the user name or the password.")
    assert "hunter2" not in text


def test_4_eviction_policy_is_found(bench: Bench, admin: Any) -> None:
    admin.config_set("maxmemory-policy", "allkeys-lru")
    text = only_fault(as_documented_user(bench), Exit.SOME_FAILED, "eviction")
    assert text.startswith("maxmemory-policy is allkeys-lru: ")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (["-zadd", "-lrem"], "this Redis user may not run lrem, zadd on gradient:* and gradientd:*"),
        (["resetkeys", "~gradient:*"], " on gradientd:*"),
        (["-time"], "forbids this user a command or a key"),
        (["-evalsha"], "forbids this user a command or a key"),
    ],
)
def test_5_too_narrow_rights_are_found(bench: Bench, admin: Any, change: list[str], told: str) -> None:
    code, findings = run(as_documented_user(bench, *change))
    assert code in (Exit.SOME_FAILED, Exit.UNAVAILABLE)
    ((check, text),) = faults(findings)
    assert check in ("rights", "redis")
    assert told in text


def test_6_redis_that_is_too_old_is_found(bench: Bench) -> None:
    with OldRedis() as url:
        code, findings = run({**bench.env, "REDIS_URL": url})
    assert code == Exit.UNAVAILABLE, "it has no scripts either"
    assert ("redis", f"Redis 5.0.14 at {url} is too old: it has no BLMOVE") in faults(findings)


def test_7_missing_bucket_is_found(bench: Bench) -> None:
    text = only_fault({**bench.env, "MASTER_BUCKET_NAME": "no-such-bucket"}, Exit.UNAVAILABLE, "bucket")
    assert text.startswith("The bucket 'no-such-bucket' does not exist")


def test_8_wrong_s3_secret_is_found_and_not_told(bench: Bench) -> None:
    text = only_fault({**bench.env, "S3_SECRET_KEY": "hunter2"}, Exit.UNAVAILABLE, "bucket")
    assert "SignatureDoesNotMatch" in text
    assert "hunter2" not in text


def test_9_storage_that_is_down_is_found(bench: Bench) -> None:
    text = only_fault({**bench.env, "S3_ENDPOINT": "http://127.0.0.1:1"}, Exit.UNAVAILABLE, "bucket")
    assert "http://127.0.0.1:1 cannot be reached" in text


def test_10_missing_codec_is_found(bench: Bench) -> None:
    code, findings = run_in_python(
        "from gevent import monkey; monkey.patch_all()\n"
        "import pyvips; pyvips.operation_block_set('VipsForeignLoadWebp', True)",
        bench.env,
    )
    assert code == Exit.SOME_FAILED
    assert faults(findings) == [("codecs", "this libvips does not decode WebP: such pictures will fail")]


def test_11_missing_libvips_is_found(bench: Bench) -> None:
    code, findings = run_in_python(
        "from gevent import monkey; monkey.patch_all()\nimport sys; sys.modules['pyvips'] = None", bench.env
    )
    assert code == Exit.SOME_FAILED
    assert faults(findings) == [("codecs", "libvips cannot be loaded (ModuleNotFoundError)")]


def test_12_unpatched_process_is_found(bench: Bench) -> None:
    code, findings = run_in_python("", bench.env)
    assert code == Exit.SOME_FAILED
    ((check, text),) = faults(findings)
    assert check == "gevent"
    assert text.startswith("this process is not patched (socket, ssl, threading, time)")


def test_14_wait_that_is_shorter_than_the_grace_time_is_found(bench: Bench) -> None:
    env = {**bench.env, "GRADIENT_SHUTDOWN_GRACE_MS": "40000"}
    text = only_fault(env, Exit.SOME_FAILED, "stop")
    assert "the supervisor (--wait) kills after 40 s, the grace time is 40 s" in text


@pytest.fixture
def machine(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Machine:
    for name, value in bench.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    return Machine(tmp_path, capsys)


class Machine:
    """A file system whose /proc, /sys and /run say what a test wants; the doctor runs in this process."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._root = root
        self._capsys = capsys

    def write(self, path: str, text: str = "") -> None:
        (self._root / path).parent.mkdir(parents=True, exist_ok=True)
        (self._root / path).write_text(text)

    def doctor(self, *arguments: str) -> tuple[int, list[Finding]]:
        code = main(["doctor", "--json", *arguments])
        return code, read(self._capsys.readouterr().out)


@pytest.mark.parametrize(
    ("lines", "grade", "told"),
    [
        ("", "fault", "kills after 10 s, the grace time is 25 s: jobs in work are killed with the worker"),
        ("stopwaitsecs=30 ; not enough", "note", "kills after 30 s, the grace time is 25 s: handing back may take"),
        ("stopwaitsecs=40", "ok", "kills after 40 s, the grace time is 25 s"),
        ('environment=A="b",GRADIENT_SHUTDOWN_GRACE_MS="60000"\nstopwaitsecs=40', "fault", "the grace time is 60 s"),
        ("stopwaitsecs=40\nstopsignal=QUIT", "fault", "stops the worker by QUIT"),
        ("stopwaitsecs=soon", "fault", "supervisord's configuration cannot be read (ValueError)"),
    ],
)
def test_13_supervisord_that_does_not_wait_is_found(
    machine: Machine, tmp_path: Path, lines: str, grade: str, told: str
) -> None:
    (tmp_path / "main.conf").write_text("[supervisord]\n[include]\nfiles = conf.d/*.conf\n")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "worker.conf").write_text(
        f"[program:other]\ncommand=sleep 1\n[program:gradientd]\ncommand=/usr/bin/gradientd\n{lines}\n"
    )
    code, findings = machine.doctor("--supervisord", str(tmp_path / "main.conf"))
    assert [(found, told in text) for found, check, text in findings if check == "stop"] == [(grade, True)]
    assert code == (Exit.SOME_FAILED if grade == "fault" else Exit.DONE)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (
            {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": f"{512 * 2**20}\n"},
            "GRADIENT_MEMORY_BUDGET_MB is 512, and the cgroup's limit is 512 MB",
        ),
        (
            {
                "proc/self/cgroup": "0::/kube/pod/c\n",
                "sys/fs/cgroup/kube/pod/c/memory.max": "max\n",
                "sys/fs/cgroup/kube/pod/memory.max": f"{600 * 2**20}\n",
            },
            "and the cgroup's limit is 600 MB",
        ),
        (
            {
                "proc/self/cgroup": "5:memory:/docker/c\n0::/\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{256 * 2**20}\n",
            },
            "and the cgroup's limit is 256 MB",
        ),
        ({"proc/meminfo": "MemFree: 1 kB\nMemTotal:      400000 kB\n"}, "and this machine's memory is 390 MB"),
    ],
)
def test_15_memory_budget_over_the_limit_is_found(machine: Machine, files: dict[str, str], told: str) -> None:
    for path, text in files.items():
        machine.write(path, text)
    code, findings = machine.doctor("--wait=40")
    assert code == Exit.SOME_FAILED
    ((check, text),) = faults(findings)
    assert (check, told in text) == ("memory budget", True), text


def test_16_heartbeat_that_cannot_be_written_is_found(bench: Bench) -> None:
    env = {**bench.env, "GRADIENT_HEARTBEAT_FILE": "/no-such-folder/heartbeat"}
    text = only_fault(env, Exit.SOME_FAILED, "folders")
    assert "/no-such-folder/heartbeat cannot be written" in text


def test_17_full_redis_is_found(bench: Bench, admin: Any) -> None:
    admin.config_set("maxmemory", admin.info("memory")["used_memory"])
    text = only_fault(as_documented_user(bench), Exit.SOME_FAILED, "memory")
    assert text.startswith("Redis uses ")


def test_18_replica_is_found(bench: Bench) -> None:
    with Valkey("--replicaof", "127.0.0.1", "1") as replica:
        text = only_fault({**bench.env, "REDIS_URL": replica.url}, Exit.SOME_FAILED, "redis")
    assert text == "this is a replica, which takes no writes"


def test_19_queue_that_was_overwritten_is_found(bench: Bench) -> None:
    bench.redis.set("gradient:queue", "a result of somebody's")
    text = only_fault(bench.env, Exit.UNAVAILABLE, "redis")
    assert "holds a value of another type" in text


# -- what is no fault, and what cannot be seen -----------------------------------------------------------------------


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


def test_without_the_right_to_ask_it_is_unknown_and_says_so(bench: Bench, admin: Any) -> None:
    code, findings = run(as_documented_user(bench, "-info"))
    assert (code, faults(findings)) == (0, [])
    assert ("unknown", "eviction", "this user may not run INFO") in findings


def test_processor_quota_is_seen(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.write("proc/self/cgroup", "0::/\n")
    machine.write("sys/fs/cgroup/cpu.max", "50000 100000\n")
    monkeypatch.setenv("GRADIENT_WORKER_CONCURRENCY", "4")
    monkeypatch.setenv("GRADIENT_DECODE_THREADS", "4")
    _, findings = machine.doctor("--wait=40")
    assert any(grade == "note" and "4 pictures are decoded at once on 0.5 of " in text for grade, _, text in findings)


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (".dockerenv", "a container cannot see its own stop time-out, and Docker's default is 10 s"),
        ("var/run/secrets/kubernetes.io/x", "a pod cannot see its own grace period, and Kubernetes' default is 30 s"),
        ("x", "no supervisor was found here; a stop takes up to 35 s"),
    ],
)
def test_wait_that_cannot_be_seen_is_asked_for(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, told: str
) -> None:
    machine.write(file)
    monkeypatch.chdir(tmp_path)  # where no supervisord.conf is
    code, findings = machine.doctor()
    assert code == Exit.DONE
    assert ("unknown", "stop", told) in findings


@pytest.mark.parametrize(("span", "grade"), [("20s", "fault"), ("1min 30s", "ok"), ("infinity", "ok")])
def test_systemd_is_asked_for_its_wait(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, span: str, grade: str
) -> None:
    machine.write("run/systemd/system/x")
    machine.write(
        "bin/systemctl",
        "#!/bin/sh\n"
        f"printf 'Id=gradientd.service\\nLoadState=loaded\\nTimeoutStopUSec={span}\\n\\n'\n"
        "printf 'Id=gradientd@1.service\\nLoadState=not-found\\nTimeoutStopUSec=1s\\n'\n",
    )
    (tmp_path / "bin" / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.chdir(tmp_path)
    _, findings = machine.doctor()
    ((found, text),) = [(grade, text) for grade, check, text in findings if check == "stop"]
    assert found == grade
    assert text.startswith("systemd (gradientd.service) kills after ")


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


# -- what is planted -------------------------------------------------------------------------------------------------


def run_in_python(before: str, env: dict[str, str]) -> tuple[int, list[Finding]]:
    """The doctor in an interpreter that something was done to first."""
    script = f"{before}\nimport sys\nfrom gradientd.cli.main import main\nsys.exit(main({ARGUMENTS}))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return done.returncode, read(done.stdout)


class OldRedis:
    """Answers INFO as Redis 5 did, and knows neither HELLO nor the rest."""

    def __enter__(self) -> str:
        self._server = StreamServer(("127.0.0.1", 0), self._answer)
        self._server.start()
        return f"redis://127.0.0.1:{self._server.server_port}/0"

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def _answer(self, connection: Any, _: object) -> None:
        stream = connection.makefile("rwb", buffering=0)
        while line := stream.readline():
            words = []
            for _word in range(int(line[1:])):
                size = int(stream.readline()[1:])
                words.append(stream.read(size + 2)[:-2].upper())
            replies = {
                b"INFO": b"$25\r\nredis_version:5.0.14\r\na:b\r\n",
                b"TIME": f"*2\r\n$10\r\n{int(time.time()):010}\r\n$1\r\n0\r\n".encode(),
            }
            stream.write(replies.get(words[0], b"-ERR unknown command\r\n"))


class Silence:
    """Takes connections and says nothing."""

    def __enter__(self) -> int:
        self._server = StreamServer(("127.0.0.1", 0), lambda connection, _: gevent.sleep(600))
        self._server.start()
        return int(self._server.address[1])

    def __exit__(self, *_: object) -> None:
        self._server.stop(timeout=0)
