"""What every contender meets: one Valkey, one S3 server, the same pictures in one bucket.

It refuses to let contenders share a queue: each has a database of Valkey's to itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

import psutil
import pyvips
import redis

from benchmarks import pictures
from gradientd.embedded import S3, Valkey, open_bucket
from gradientd.settings import Settings
from gradientd.storage import Storage

ONE_PIXEL = "one-pixel.png"
DATABASES = 128


@dataclass(frozen=True, slots=True)
class Stage:
    """Both servers, and what is in the bucket: `photographs` by their keys, and ONE_PIXEL."""

    settings: Settings
    servers: tuple[int, ...]
    photographs: Mapping[str, pictures.Picture]
    databases: Iterator[int]

    def own_settings(self) -> Settings:
        """The settings of one more contender, on a database that is nobody else's."""
        return dataclasses.replace(self.settings, redis_url=f"{self.settings.redis_url}?db={next(self.databases)}")

    def servers_cpu_s(self) -> float:
        """CPU seconds that both servers have used."""
        return sum(cpu_s(psutil.Process(pid)) for pid in self.servers)


@contextmanager
def open_stage(photographs: Sequence[pictures.Picture]) -> Iterator[Stage]:
    """Start both servers and fill the bucket."""
    with Valkey("--databases", str(DATABASES)) as valkey, S3() as s3:
        settings = open_bucket(valkey, s3)
        storage = Storage(settings)
        by_key = {f"photographs/{number}-{picture.path.name}": picture for number, picture in enumerate(photographs)}
        for key, picture in by_key.items():
            storage.put(key, picture.path.read_bytes(), "application/octet-stream")
        storage.put(ONE_PIXEL, one_pixel(), "image/png")
        storage.close()
        yield Stage(settings, (valkey.pid, s3.pid), by_key, count(1))


def one_pixel() -> bytes:
    """The smallest picture: what a job costs apart from its picture."""
    pixel = pyvips.Image.black(1, 1, bands=3).linear(1, [200, 120, 40]).cast("uchar")
    return bytes(pixel.pngsave_buffer(strip=True))


def open_redis(settings: Settings) -> redis.Redis:
    """A client for a contender's database."""
    client: redis.Redis = redis.Redis.from_url(settings.redis_url, decode_responses=True)
    return client


def environment(settings: Settings) -> dict[str, str]:
    """The variables that tell a process what `settings` say of the servers."""
    return {
        "REDIS_URL": settings.redis_url,
        "S3_ENDPOINT": settings.s3_endpoint,
        "S3_ACCESS_KEY": settings.s3_access_key,
        "S3_SECRET_KEY": settings.s3_secret_key,
        "MASTER_BUCKET_NAME": settings.master_bucket_name,
    }


def cpu_s(process: psutil.Process) -> float:
    """CPU seconds of a process, of its children, and of those of its children that have ended."""
    total = 0.0
    for member in (process, *process.children(recursive=True)):
        try:
            times = member.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def machine_cpu_s() -> float:
    """CPU seconds that this machine has used, for whomever."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))
