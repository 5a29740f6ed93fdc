"""The guide's producers and readers, in Python and in Node, on a real server with a real worker."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gradientd import GradientWorker, Job, create_logger
from gradientd.jobqueue import Connector, Queue
from gradientd.model import distinct_job_id_for
from tests.integration.conftest import ApiServer, run_snippet
from tests.integration.snippets import snippet
from tests.real.conftest import Bench
from tests.real.pictures import jpeg

MONTH_S = 2_592_000
PICTURE = {"guildId": "g1", "galleryName": "Lakes", "storageKey": "lakes/como.jpg", "itemId": "como"}
ID = "gradient-lakes-como.jpg"


def picture(storage_key: str) -> dict[str, Any]:
    return {**PICTURE, "storageKey": storage_key}


def without_times(text: str) -> dict[str, Any]:
    return {name: value for name, value in json.loads(text).items() if name not in ("createdAt", "updatedAt")}


def store(bench: Bench, storage_key: str, status: str, updated_at: float | None = None) -> None:
    now_ms = round(time.time() * 1000)
    result = {"status": status, "attempts": 1, "createdAt": now_ms, "updatedAt": updated_at or now_ms}
    bench.redis.set(f"gradient:{storage_key}", json.dumps(result))


def work_off(bench: Bench) -> None:
    """Let a worker empty the queue."""
    worker = GradientWorker(None, create_logger("fatal", "json", io.StringIO()), bench.settings)
    worker.start()
    worker.drain()
    worker.stop()


def test_jobs_of_both_kinds_come_back_as_results(bench: Bench, api_server: ApiServer) -> None:
    for key in ("a/1.jpg", "a/2.jpg"):
        bench.storage.put(key, jpeg(), "image/jpeg")
    api_server.enqueue(picture("a/1.jpg"))
    api_server.enqueue_inline(picture("a/2.jpg"))
    assert api_server.results(["a/1.jpg"])["a/1.jpg"]["status"] == "pending"
    work_off(bench)
    results = api_server.results(["a/1.jpg", "never.jpg", "a/2.jpg"])
    assert list(results) == ["a/1.jpg", "never.jpg", "a/2.jpg"]
    assert results["never.jpg"] is None
    assert results["a/1.jpg"]["gradient"] == results["a/2.jpg"]["gradient"]
    assert results["a/1.jpg"]["gradient"]["css"].startswith("linear-gradient(135deg, #")
    assert bench.leftovers() == {}
    assert api_server.results([]) == {}


def test_snippet_writes_what_the_library_writes(bench: Bench, api_server: ApiServer) -> None:
    assert api_server.enqueue(PICTURE) == ID
    written = {key: bench.redis.get(key) for key in (f"gradient:job:{ID}", "gradient:lakes/como.jpg")}
    ttls = [bench.redis.ttl(key) for key in written]
    bench.redis.flushall()
    queue = Queue(Connector.from_settings(bench.settings).client(socket_timeout_s=5, max_connections=1))
    assert queue.enqueue(PICTURE) == ID
    for key, text in written.items():
        assert without_times(text) == without_times(bench.redis.get(key))
        assert list(json.loads(text)) == list(json.loads(bench.redis.get(key)))
    assert ttls == [bench.redis.ttl(key) for key in written]
    queue.close()


def test_two_pictures_that_meet_in_one_id_get_two(bench: Bench, api_server: ApiServer) -> None:
    for _ in range(2):  # the second time both have their jobs
        assert api_server.enqueue(picture("a/b-c")) == "gradient-a-b-c"
        assert api_server.enqueue(picture("a-b/c")) == distinct_job_id_for("a-b/c")
    assert bench.redis.lrange("gradient:queue", 0, -1) == ["gradient-a-b-c", distinct_job_id_for("a-b/c")]
    bench.redis.delete("gradient:job:gradient-a-b-c")
    assert api_server.enqueue(picture("a-b/c")) == distinct_job_id_for("a-b/c"), "its job goes on under its own ID"
    assert bench.redis.llen("gradient:queue") == 2


def test_many_that_enqueue_one_picture_at_once_make_one_job(bench: Bench, api_server: ApiServer) -> None:
    assert set(api_server.enqueue_at_once(PICTURE, 20)) == {ID}
    assert bench.redis.lrange("gradient:queue", 0, -1) == [ID]


@pytest.mark.parametrize(("before", "after"), [("completed", "completed"), ("failed", "pending")])
def test_picture_is_enqueued_again_over_an_old_result(
    bench: Bench, api_server: ApiServer, before: str, after: str
) -> None:
    store(bench, "lakes/como.jpg", before)
    api_server.enqueue(PICTURE)
    assert api_server.results(["lakes/como.jpg"])["lakes/como.jpg"]["status"] == after
    assert bench.redis.llen("gradient:queue") == 1


def test_pending_result_without_a_job_gets_one_again(bench: Bench, api_server: ApiServer) -> None:
    store(bench, "lakes/como.jpg", "pending")
    api_server.enqueue(PICTURE)
    assert bench.redis.llen("gradient:queue") == 1


@pytest.mark.parametrize("key", ["", "queue", "processing", "delayed", "job:x", "é" * 513])
def test_storage_keys_that_no_job_can_have_are_refused(bench: Bench, api_server: ApiServer, key: str) -> None:
    with pytest.raises(Exception, match="no job can have the storage key"):
        api_server.enqueue(picture(key))
    assert bench.redis.keys("*") == []


def test_longest_storage_key_is_taken(api_server: ApiServer) -> None:
    assert api_server.enqueue(picture("é" * 512))


def test_inline_job_goes_ahead_and_can_be_read(bench: Bench, api_server: ApiServer) -> None:
    bench.redis.rpush("gradient:queue", "waits already")
    job_id = api_server.enqueue_inline(PICTURE)
    job = Job.parse(bench.redis.lindex("gradient:queue", 0))
    assert (job.job_id, job.storage_key, job.inline) == (job_id, "lakes/como.jpg", True)


def test_reader_knows_when_a_picture_wants_a_job(tmp_path: Path) -> None:
    wants_a_job = run_snippet("reader.py", tmp_path)["wants_a_job"]
    now_ms, old_ms = time.time() * 1000, time.time() * 1000 - 3_700_000
    assert wants_a_job(None)
    for status, when_old in (("pending", True), ("processing", True), ("completed", False), ("failed", False)):
        assert not wants_a_job({"status": status, "updatedAt": now_ms})
        assert wants_a_job({"status": status, "updatedAt": old_ms}) is when_old


def test_library_enqueues_in_a_process_that_nobody_patched(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "library.py").write_text(snippet("library.py") + "\nprint(job_id)\n")
    env = {"PATH": os.environ["PATH"], **bench.env}
    done = subprocess.run([sys.executable, "library.py"], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"{ID}\n", "")
    assert bench.redis.lrange("gradient:queue", 0, -1) == [ID]


@pytest.fixture
def shell(bench: Bench, redis_cli: str) -> Callable[[str], str]:
    """Runs a snippet with sh; returns what it printed."""

    def run(name: str) -> str:
        env = {"PATH": os.path.dirname(redis_cli) + os.pathsep + os.environ["PATH"], **bench.env}
        done = subprocess.run(["sh", "-eu", "-c", snippet(name)], env=env, capture_output=True, text=True, timeout=20)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


def test_jobs_from_a_shell_are_worked_on(bench: Bench, shell: Callable[[str], str]) -> None:
    for key in ("lakes/como.jpg", "lakes/garda.jpg"):
        bench.storage.put(key, jpeg(), "image/jpeg")
    assert shell("enqueue.sh").split() == ["OK", "OK", "1"]
    assert bench.redis.ttl("gradient:lakes/como.jpg") > MONTH_S - 60
    assert shell("generation.sh").strip() == ID
    assert shell("enqueue-inline.sh").split() == ["2"]
    assert shell("generation.sh").startswith("{")
    assert shell("drained.sh").split() == ["2", "0", "0"]
    work_off(bench)
    assert shell("drained.sh").split() == ["0", "0", "0"]
    assert all(bench.result(key).gradient for key in ("lakes/como.jpg", "lakes/garda.jpg"))
    assert bench.leftovers() == {}


def test_nothing_of_gradientd_is_left_that_does_not_end_by_itself(bench: Bench, shell: Callable[[str], str]) -> None:
    bench.storage.put("lakes/como.jpg", jpeg(), "image/jpeg")
    shell("enqueue.sh")
    bench.push_inline_job("missing.jpg")
    bench.redis.hset("gradientd:attempts", "an-inline-job", 2)
    settings = dataclasses.replace(bench.settings, max_retries=0)
    work_off(dataclasses.replace(bench, settings=settings))
    assert bench.redis.hlen("gradientd:dead") == 1
    shell("forget.sh")
    assert [key for key in bench.redis.keys("gradientd:*") if bench.redis.ttl(key) == -1] == []
