"""The whole stage: a real Valkey and a real S3 server behind the proxy, workers, peers, and the faults done to them.

It refuses to decide when: `run` follows a plan, `controls` its scenarios.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from gradientd.embedded import S3, Valkey, open_bucket
from gradientd.errors import RedisUnavailable
from gradientd.jobqueue import Queue, keys
from gradientd.storage import Storage
from tests.chaos.evidence import (
    ALL,
    Evidence,
    Fault,
    FaultKind,
    Order,
    PeerEvent,
    Periods,
    Snapshot,
    WorkerEvent,
    read_peer_log,
    read_worker_log,
)
from tests.chaos.keyspace import take_snapshot
from tests.chaos.member import Member
from tests.chaos.objects import make_object
from tests.chaos.plan import Injection, Placed
from tests.chaos.proxy import Mode, Proxy

PERIODS = Periods(lease_ms=3_000, orphan_grace_ms=10_000, job_timeout_ms=6_000, max_retries=3)
SETTINGS = {
    "GRADIENT_WORKER_CONCURRENCY": "4",
    "GRADIENT_WORKER_POLL_INTERVAL_MS": "200",
    "GRADIENT_JOB_MAX_RETRIES": str(PERIODS.max_retries),
    "GRADIENT_LEASE_MS": str(PERIODS.lease_ms),
    "GRADIENT_REAP_INTERVAL_MS": "500",
    "GRADIENT_ORPHAN_GRACE_MS": str(PERIODS.orphan_grace_ms),
    "GRADIENT_AUDIT_INTERVAL_MS": "6000",
    "GRADIENT_JOB_TIMEOUT_MS": str(PERIODS.job_timeout_ms),
    "GRADIENT_DECODE_TIMEOUT_MS": "4000",
    "GRADIENT_SHUTDOWN_GRACE_MS": "1500",
    "LOG_LEVEL": "debug",
    "LOG_FORMAT": "json",
}
"""Every period in proportion to its default, so that minutes show what would take days."""
PEER_WORK_S = (0.05, 1.5)
"""A peer's shortest and longest work; far below the orphan grace, as in production."""
LATE_S = 0.1
"""How long the servers get to carry out what hung in a hole."""


class Fleet:
    """Use it as a context; nothing it started outlives it.

    `workers` maps each worker's name to how it is sabotaged, None for an honest one; `peers` are generations, v1 and
    v2. The harness itself reaches both servers directly, so that its acknowledgements are true. The storage is as far
    away as `storage_delay_s` makes it, each way, so that workers have jobs in their hands when something happens. Logs
    stay in `log_folder`, where one is given.
    """

    def __init__(
        self,
        workers: Mapping[str, str | None],
        peers: Sequence[str] = (),
        *,
        seed: int = 0,
        settings: Mapping[str, str] | None = None,
        storage_delay_s: float = 0.0,
        peer_work_s: tuple[float, float] = PEER_WORK_S,
        log_folder: Path | None = None,
    ) -> None:
        self._workers = workers
        self._peers = peers
        self._seed = seed
        self._settings = {**SETTINGS, **(settings or {})}
        self._storage_delay_s = storage_delay_s
        self._peer_work_s = peer_work_s
        self._log_folder = log_folder
        self._exits = ExitStack()
        self.members: dict[str, Member] = {}
        self.orders: list[Order] = []
        self.faults: list[Fault] = []
        self._open_faults: dict[int, tuple[int, str]] = {}

    def __enter__(self) -> Self:
        with ExitStack() as entered:
            folder = Path(entered.enter_context(tempfile.TemporaryDirectory(prefix="gradientd-chaos-")))
            if self._log_folder is not None:
                folder = self._log_folder
                folder.mkdir(parents=True)
            options = ("--appendonly", "yes", "--appendfsync", "always")
            self._valkey = entered.enter_context(Valkey(*options, tcp=True))
            self._s3 = entered.enter_context(S3())
            self._direct = open_bucket(self._valkey, self._s3)
            self._storage = Storage(self._direct)
            entered.callback(self._storage.close)
            self.redis = redis.Redis(
                port=self._valkey.port,
                decode_responses=True,
                encoding_errors="surrogateescape",
                socket_timeout=5.0,
                retry=Retry(NoBackoff(), 0),
            )
            entered.callback(self.redis.close)
            self._proxy = Proxy(self._links(), self._seed)
            entered.callback(self._proxy.close)
            for link in self._proxy.ports:
                self._let_pass(link)
            for name in (*self._workers, *self._peers):
                self.members[name] = self._member(name, folder)
                entered.callback(self.members[name].destroy)
            self._exits = entered.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exits.close()

    # -- jobs --------------------------------------------------------------------------------------------------------

    def upload(self, jobs: Iterable[Placed]) -> None:
        """Put every picture that the jobs name into the bucket."""
        for job in jobs:
            if job.picture is not None and job.order.storage_key is not None:
                data = make_object(job.picture, variant=len(self.orders))
                self._storage.put(job.order.storage_key, data, "image/jpeg")

    def enqueue(self, job: Placed) -> bool:
        """Enqueue as its producer does; False when Redis did not acknowledge it."""
        try:
            self._enqueue(job)
        except (redis.RedisError, RedisUnavailable, OSError):
            return False
        self.orders.append(job.order)
        return True

    def _enqueue(self, job: Placed) -> None:
        order, data = job.order, job.data if job.fields is None else json.dumps(job.fields, separators=(",", ":"))
        if job.how == "inline" and data is not None:
            self.redis.lpush(keys.QUEUE, data)
        elif job.how == "queue" and job.fields is not None:
            Queue(self.redis).enqueue({name: value for name, value in job.fields.items() if name != "jobId"})
        else:
            if data is not None:
                self.redis.set(keys.job_key(order.job_id), data, ex=keys.JOB_TTL_S)
            if data is not None and order.storage_key is not None:
                at_ms = now_ms()
                pending = {"status": "pending", "attempts": 0, "createdAt": at_ms, "updatedAt": at_ms}
                self.redis.set(keys.result_key(order.storage_key), json.dumps(pending), ex=keys.RESULT_TTL_S)
            self.redis.rpush(keys.QUEUE, order.job_id)

    # -- faults ------------------------------------------------------------------------------------------------------

    def begin(self, injection: Injection) -> None:
        """Do a fault; `end` ends it."""
        began_ms, target = now_ms(), injection.target
        match injection.kind:
            case FaultKind.KILL:
                target = self.members[injection.target].current.name
                self.members[injection.target].kill()
            case FaultKind.TERM:
                target = self.members[injection.target].current.name
                self.members[injection.target].term()
            case FaultKind.STOP:
                target = self.members[injection.target].current.name
                self.members[injection.target].stop()
            case FaultKind.SERVER:
                self._valkey.kill()
            case _:
                for link in self._links_of(injection):
                    self._proxy.set(link, injection.mode, **injection.numbers)
        self._open_faults[id(injection)] = began_ms, target

    def end(self, injection: Injection) -> None:
        """Heal a fault, or start again what was killed."""
        began_ms, target = self._open_faults.pop(id(injection))
        ended_ms = now_ms()
        match injection.kind:
            case FaultKind.KILL | FaultKind.TERM:
                ended_ms = began_ms
                self.members[injection.target].start()
            case FaultKind.STOP:
                self.members[injection.target].cont()
            case FaultKind.SERVER:
                self._valkey.start()
            case _:
                self._heal(injection)
        self.faults.append(Fault(injection.kind, target, began_ms, ended_ms, injection.mode))

    def _heal(self, injection: Injection) -> None:
        """Let the links pass again.

        At the end of a hole of all links the servers still get what hung in it, long after those who sent it gave up,
        as they do from a real network; only the answers are lost, so that no log tells of then as if it were now.
        """
        links = self._links_of(injection)
        if injection.mode is Mode.BLACKHOLE and injection.target == ALL:
            for link in links:
                self._proxy.set(link, Mode.LOSE_REPLY)
            time.sleep(LATE_S)
        for link in links:
            self._let_pass(link)

    def _let_pass(self, link: str) -> None:
        if link.startswith("s3-") and self._storage_delay_s:
            self._proxy.set(link, Mode.DELAY, seconds=self._storage_delay_s)
        else:
            self._proxy.set(link)

    def link_counts(self) -> dict[str, dict[str, int]]:
        """What every link has suffered."""
        return self._proxy.counts()

    # -- the end -----------------------------------------------------------------------------------------------------

    def settle(self, timeout_s: float) -> Snapshot:
        """Wait until nothing waits, runs or is remembered, for at most `timeout_s`; the keyspace then."""
        deadline = time.monotonic() + timeout_s
        while not (snapshot := take_snapshot(self.redis)).is_settled and time.monotonic() < deadline:
            time.sleep(0.25)
        return snapshot

    def evidence(self, snapshot: Snapshot) -> Evidence:
        """Everything for the checker; ends all members."""
        for member in self.members.values():
            if member.incarnations and member.current.process.poll() is None:
                member.term()
        exits = [end for member in self.members.values() for end in member.end_all()]
        told = [event for worker in self._workers for event in self.log_of(worker)]
        events = [event for event in told if isinstance(event, WorkerEvent)]
        surprises = [event for event in told if not isinstance(event, WorkerEvent)]
        peer_events = [event for peer in self._peers for event in self.log_of_peer(peer)]
        return Evidence(
            PERIODS,
            self.orders,
            snapshot,
            sorted(events, key=lambda event: event.at_ms),
            sorted(peer_events, key=lambda event: event.at_ms),
            self.faults,
            exits,
            surprises,
        )

    def log_of(self, worker: str) -> Iterator[WorkerEvent | tuple[str, str]]:
        """The events, and the exceptions, of all incarnations of a worker so far."""
        for incarnation in self.members[worker].incarnations:
            yield from read_worker_log(incarnation.name, incarnation.log)

    def log_of_peer(self, peer: str) -> Iterator[PeerEvent]:
        """The events of all incarnations of a peer so far."""
        for incarnation in self.members[peer].incarnations:
            yield from read_peer_log(incarnation.name, incarnation.log)

    # -- inside ------------------------------------------------------------------------------------------------------

    def _links(self) -> dict[str, int]:
        s3_port = int(self._s3.endpoint.rpartition(":")[2])
        redis_links = {f"redis-{name}": self._valkey.port for name in (*self._workers, *self._peers)}
        return {**redis_links, **{f"s3-{name}": s3_port for name in self._workers}}

    def _links_of(self, injection: Injection) -> list[str]:
        kind = "redis" if injection.kind is FaultKind.REDIS_LINK else "s3"
        members = (*self._workers, *self._peers) if kind == "redis" else tuple(self._workers)
        return [f"{kind}-{name}" for name in (members if injection.target == ALL else (injection.target,))]

    def _member(self, name: str, folder: Path) -> Member:
        redis_url = f"redis://127.0.0.1:{self._proxy.ports[f'redis-{name}']}/0"
        if name in self._peers:
            command = [sys.executable, "-m", "tests.chaos.peer", name, redis_url, str(self._seed)]
            command += map(str, self._peer_work_s)
            return Member(name, command, {}, folder)
        sabotage = self._workers[name]
        command = [str(Path(sys.executable).with_name("gradientd"))]
        if sabotage is not None:
            command = [sys.executable, "-m", "tests.chaos.sabotage", sabotage]
        env = {
            **self._settings,
            "REDIS_URL": redis_url,
            "S3_ENDPOINT": f"http://127.0.0.1:{self._proxy.ports[f's3-{name}']}",
            "S3_ACCESS_KEY": self._direct.s3_access_key,
            "S3_SECRET_KEY": self._direct.s3_secret_key,
            "MASTER_BUCKET_NAME": self._direct.master_bucket_name,
            "GRADIENT_HEARTBEAT_FILE": str(folder / f"{name}.heartbeat"),
        }
        return Member(name, command, env, folder)


def now_ms() -> int:
    """The clock of all evidence, Unix ms."""
    return round(time.time() * 1000)
