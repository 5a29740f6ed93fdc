"""What a worker knows and never tells: not in its log, not on its page, not on its command line."""

from __future__ import annotations

import secrets
import signal
from pathlib import Path
from urllib.request import urlopen

import redis

from gradientd.embedded import S3, Valkey, open_bucket
from gradientd.storage import Storage
from tests.real.console import Console, environment_of
from tests.real.pictures import jpeg

PASSWORD, TOKEN = secrets.token_hex(16), secrets.token_hex(16)


def test_secrets_stand_in_no_log_no_page_and_no_command_line(s3_server: S3) -> None:
    with Valkey(tcp=True) as valkey:
        settings = open_bucket(valkey, s3_server, f"secrets-{secrets.token_hex(4)}")
        storage = Storage(settings)
        storage.put("a.jpg", jpeg(), "image/jpeg")
        storage.close()
        admin = redis.Redis(port=valkey.port)
        admin.config_set("requirepass", PASSWORD)
        env = {
            **environment_of(settings),
            "REDIS_URL": f"redis://:{PASSWORD}@127.0.0.1:{valkey.port}/0",
            "GRADIENT_HTTP_ADDR": "127.0.0.1:0",
            "GRADIENT_HTTP_TOKEN": TOKEN,
            "LOG_LEVEL": "trace",
        }
        with Console("enqueue", "a.jpg", "missing.jpg", env=env) as producer:
            assert producer.wait() == 0
            told = producer.report()
        with Console(env=env) as worker:
            url = worker.wait_for("Serving HTTP")[0]["url"].rstrip("/")
            worker.wait_for("Job completed successfully")
            worker.wait_for("Job failed and will be tried again")
            told += "".join(urlopen(url + path).read().decode() for path in ("/metrics", "/health", "/readyz"))
            told += Path(f"/proc/{worker.process.pid}/cmdline").read_text()
            admin.config_set("requirepass", "another")  # and the words that it has for being turned away
            admin.client_kill_filter(_type="normal", skipme=True)
            worker.wait_for("Redis is unavailable: taking no jobs until it is back")
            worker.signal(signal.SIGTERM)
            assert worker.wait() == 0
            told += worker.report()
        admin.close()
    assert "a.jpg" in told
    for secret in (PASSWORD, TOKEN, settings.s3_secret_key, settings.s3_access_key):
        assert secret not in told
