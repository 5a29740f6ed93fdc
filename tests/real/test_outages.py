"""Dependencies that are away: nothing is charged, nothing is lost, one line a change of state."""

from __future__ import annotations

import dataclasses
import signal
import time

from gradientd.model import Status
from tests.real.conftest import Bench
from tests.real.console import Console, wait_until
from tests.real.pictures import jpeg

UNAVAILABLE = "{} is unavailable: taking no jobs until it is back"
BACK = "{} is back"


def test_missing_bucket_at_start_is_one_line_and_costs_no_attempt(bench: Bench) -> None:
    bench.storage.put("a.jpg", jpeg(), "image/jpeg")
    bench.push_id_job("a.jpg")
    env = {**bench.env, "MASTER_BUCKET_NAME": "not-there-yet"}
    with Console(env=env) as daemon:
        daemon.wait_for(UNAVAILABLE.format("Storage"))
        time.sleep(3)
        assert len(daemon.events(UNAVAILABLE.format("Storage"))) == 1
        assert bench.status("a.jpg") is Status.PENDING
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0
    with Console("--once", env=env) as once:
        assert once.wait() == 69
        assert once.stderr.count("\n") == 1
    with Console("--once", env=bench.env) as once:
        assert once.wait() == 0
    assert bench.result("a.jpg").attempts == 1


def test_bucket_that_appears_is_noticed_without_help(bench: Bench) -> None:
    settings = dataclasses.replace(bench.settings, master_bucket_name="late-bucket")
    bench.push_id_job("a.jpg")
    late = type(bench.storage)(settings)
    with Console(env={**bench.env, "MASTER_BUCKET_NAME": "late-bucket"}) as daemon:
        daemon.wait_for(UNAVAILABLE.format("Storage"))
        late.create_bucket()
        late.put("a.jpg", jpeg(), "image/jpeg")
        daemon.wait_for(BACK.format("Storage"))
        wait_until(lambda: bench.status("a.jpg") is Status.COMPLETED)
    assert bench.result("a.jpg").attempts == 1
    late.close()


def test_wrong_credentials_cost_no_attempt(bench: Bench) -> None:
    bench.storage.put("a.jpg", jpeg(), "image/jpeg")
    bench.push_id_job("a.jpg")
    with Console(env={**bench.env, "S3_SECRET_KEY": "wrong-secret-key"}) as daemon:
        lines = daemon.wait_for(UNAVAILABLE.format("Storage"))
        assert lines[0]["code"] == "storage_credentials"
        assert "wrong-secret-key" not in daemon.report()
    assert bench.status("a.jpg") in (Status.PENDING, Status.PROCESSING)


def test_redis_that_is_down_at_start_is_awaited(bench: Bench) -> None:
    env = {**bench.env, "REDIS_URL": "redis://:hunter2@127.0.0.1:1/0"}
    with Console(env=env) as daemon:
        daemon.wait_for(UNAVAILABLE.format("Redis"))
        time.sleep(2)
        assert len(daemon.events(UNAVAILABLE.format("Redis"))) == 1
        assert "hunter2" not in daemon.report()
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0


def test_read_only_redis_is_an_outage_that_ends(bench: Bench) -> None:
    bench.storage.put("a.jpg", jpeg(), "image/jpeg")
    with Console(env=bench.env) as daemon:
        daemon.wait_for("Worker started")
        bench.redis.replicaof("127.0.0.1", "1")
        daemon.wait_for(UNAVAILABLE.format("Redis"))
        time.sleep(2)
        assert len(daemon.events(UNAVAILABLE.format("Redis"))) == 1
        bench.redis.replicaof("NO", "ONE")
        bench.push_id_job("a.jpg")
        daemon.wait_for(BACK.format("Redis"))
        wait_until(lambda: bench.status("a.jpg") is Status.COMPLETED)
    assert bench.leftovers() == {}
