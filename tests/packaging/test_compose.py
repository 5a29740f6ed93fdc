"""etc/compose.yml without containers: its servers' own command lines and its variables, on ports of this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from gradientd.embedded import Valkey
from gradientd.model import Result, Status
from tests.packaging.deployment import compose, compose_env
from tests.real.console import Console, wait_until
from tests.real.pictures import jpeg

DIR_CACHE_S = 1.0
"""For how long the service `s3` may show a folder as it was."""


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """The folder that compose mounts as the bucket: a picture, one with a loud suffix, and what is no picture."""
    bucket = tmp_path / "photos"
    (bucket / "lakes").mkdir(parents=True)
    (bucket / "lakes" / "como.jpg").write_bytes(jpeg(seed=1))
    (bucket / "GARDA.JPG").write_bytes(jpeg(seed=2))
    (bucket / "read.me").write_text("no picture")
    return tmp_path


@contextmanager
def s3(buckets: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The service `s3`: its command, its environment, and its health check, which must pass."""
    service = compose()["services"]["s3"]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]

    def here(text: str) -> str:
        return text.replace("127.0.0.1:8080", f"127.0.0.1:{port}").replace("--addr=:8080", f"--addr=127.0.0.1:{port}")

    program = str(Path(sys.executable).with_name("rclone"))
    if not Path(program).exists():
        found = shutil.which("rclone")
        if found is None and os.environ.get("CI") != "true":
            pytest.skip("rclone is not on this machine")
        assert found, "rclone is not on this machine (CI=true)"
        program = found
    command = [here(word).replace("/buckets", str(buckets)) for word in service["command"]]
    env = {name: here(value) for name, value in compose_env("s3").items()} | {"HOME": str(buckets)}
    asked, client, *question = service["healthcheck"]["test"]
    assert (asked, client) == ("CMD", "rclone")
    with subprocess.Popen([program, *command], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_until(lambda: _answers([program, *question], env), 20, lambda: "the health check of s3")
            yield port, env
        finally:
            server.terminate()


def _answers(command: list[str], env: dict[str, str]) -> bool:
    asked = subprocess.run(command, env=env, capture_output=True, text=True, timeout=30)
    return asked.returncode == 0 and "GARDA.JPG" in asked.stdout and "read.me" not in asked.stdout


def test_each_up_enqueues_the_pictures_of_the_folder_that_are_new_and_the_worker_does_them(
    valkey_server: Valkey, valkey: str, pictures: Path
) -> None:
    with s3(pictures) as (port, _), redis.Redis.from_url(valkey, decode_responses=True) as client:
        client.flushall()
        servers = {"REDIS_URL": valkey, "S3_ENDPOINT": f"http://127.0.0.1:{port}"}
        with Console(*compose()["services"]["enqueue"]["command"], env=compose_env("enqueue") | servers) as enqueue:
            assert enqueue.wait() == 0, enqueue.report()
            assert "2 enqueued" in enqueue.stdout
        own = {"GRADIENT_HTTP_ADDR": "127.0.0.1:0"}
        with Console(env=compose_env("gradientd") | servers | own) as worker:
            worker.wait_for("Job completed successfully", 2)
            worker.signal()
            assert worker.wait() == 0
        for key in ("lakes/como.jpg", "GARDA.JPG"):
            assert Result.parse(client.get(f"gradient:{key}")).status is Status.COMPLETED
        (pictures / "photos" / "lakes" / "new.jpg").write_bytes(jpeg(seed=3))
        time.sleep(DIR_CACHE_S)
        with Console(*compose()["services"]["enqueue"]["command"], env=compose_env("enqueue") | servers) as again:
            assert again.wait() == 0
            assert "1 enqueued, 2 have a result already" in again.stdout


def test_valkey_takes_its_command_line_and_keeps_the_queue_over_a_restart() -> None:
    program, *options = compose()["services"]["valkey"]["command"]
    assert program == "valkey-server"
    with Valkey(*options) as valkey:
        with redis.Redis.from_url(valkey.url, decode_responses=True) as client:
            assert client.config_get("protected-mode") == {"protected-mode": "no"}, "no other container"
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert client.config_get("maxmemory") == {"maxmemory": str(256 * 2**20)}
            client.rpush("gradient:queue", "a")
        valkey.stop()
        valkey.start()
        with redis.Redis.from_url(valkey.url, decode_responses=True) as client:
            assert client.lrange("gradient:queue", 0, -1) == ["a"]
