"""Redis: whether it answers, is of a kind that keeps a queue, and lets this user do what gradientd does.

It refuses to try a command out on the fleet's keys: rights are asked for, lengths are read.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradientd.cli.checks.finding import Finding, Grade
from gradientd.cli.wording import plural, span
from gradientd.errors import RedisUnavailable
from gradientd.jobqueue import (
    OPTIONAL,
    Connector,
    Queue,
    RedisClient,
    ServerSeen,
    forbidden_commands,
    look_at_server,
)
from gradientd.settings import Settings

TIMEOUT_S = 3.0
NOTED_SKEW_MS, WRONG_SKEW_MS = 5_000, 300_000
"""S3 servers refuse a signature whose clock is 15 minutes off; Redis' clock stands here for the right one."""
FULL = 0.9
_ACL = "etc/redis-acl.conf has a line that suffices."


def check_redis(settings: Settings) -> Iterator[Finding]:
    """Connect, look and ask."""
    connector = Connector.from_settings(settings)
    client = connector.client(socket_timeout_s=TIMEOUT_S, max_connections=1)
    try:
        yield from _check_server(client, connector.address)
        rights = list(_check_rights(client))
        yield from rights
        if all(finding.grade is not Grade.FAULT for finding in rights):
            yield from _check_queue(Queue(client))
    except RedisUnavailable as exc:
        yield Finding("redis", Grade.FAULT, f"{connector.address}: {exc}", _remedy(str(exc)), is_outage=True)
    finally:
        client.close()


def _remedy(reason: str) -> str:
    if "password" in reason:
        return "Correct user and password in REDIS_URL (or REDIS_URL_FILE): redis://user:password@host:6379/0"
    if "forbids" in reason:
        return f"Grant this Redis user what gradientd uses: {_ACL}"
    if "another type" in reason:
        return "See which of gradient:queue, gradient:processing, gradient:delayed has a wrong type, and who wrote it."
    return "Look at REDIS_URL, the network and the server; for TLS at rediss:// and GRADIENT_REDIS_CA_FILE."


def _check_server(client: RedisClient, address: str) -> Iterator[Finding]:
    seen = look_at_server(client)
    version = seen.version or "of unknown version"
    if seen.is_too_old:
        yield Finding(
            "redis",
            Grade.FAULT,
            f"{seen.name} {version} at {address} is too old: it has no BLMOVE",
            "Use Redis 6.2 or newer, or Valkey.",
        )
    else:
        yield Finding("redis", Grade.OK, f"{seen.name} {version} at {address}")
    if seen.is_cluster:
        yield Finding(
            "redis",
            Grade.FAULT,
            "this is a node of a Redis Cluster: the queue's fixed keys have no hash tags",
            "Use a single Redis, or one behind Sentinel.",
        )
    if seen.role in ("slave", "replica"):
        yield Finding(
            "redis",
            Grade.FAULT,
            "this is a replica, which takes no writes",
            "Point REDIS_URL at the primary, or let Sentinel find it: redis+sentinel://host:port,host:port/service/db",
        )
    yield from _check_memory(seen)
    yield from _check_disk(seen)
    yield from _check_clock(seen.clock_ahead_ms)


def _check_memory(seen: ServerSeen) -> Iterator[Finding]:
    if seen.eviction_policy is None:
        yield Finding("eviction", Grade.UNKNOWN, "this user may not run INFO", f"Grant +info: {_ACL}")
        return
    if seen.eviction_policy != "noeviction":
        yield Finding(
            "eviction",
            Grade.FAULT,
            f"maxmemory-policy is {seen.eviction_policy}: short of memory, Redis throws jobs and results away",
            "CONFIG SET maxmemory-policy noeviction, and in its configuration file too.",
        )
    else:
        yield Finding("eviction", Grade.OK, "maxmemory-policy is noeviction")
    if seen.max_memory and (seen.used_memory or 0) > FULL * seen.max_memory:
        yield Finding(
            "memory",
            Grade.FAULT,
            f"Redis uses {(seen.used_memory or 0) / 2**20:,.0f} of its {seen.max_memory / 2**20:,.0f} MB",
            "Raise maxmemory, or drain the queue: when it is full no job can be added or finished.",
        )


def _check_disk(seen: ServerSeen) -> Iterator[Finding]:
    if seen.is_disk_failing:
        yield Finding(
            "persistence",
            Grade.FAULT,
            "Redis failed to write to its disk, and will refuse writes",
            "See its log; most often the disk is full or its folder not writable.",
        )
    elif seen.has_append_only_file:
        yield Finding("persistence", Grade.OK, "the append-only file is on")
    elif seen.has_snapshots is False:
        yield Finding(
            "persistence",
            Grade.NOTE,
            "Redis keeps nothing on disk: queued jobs and results end with it",
            "CONFIG SET appendonly yes, and in its configuration file too; or be ready to enqueue again.",
        )
    elif seen.has_append_only_file is not None:
        on = "snapshots are on" if seen.has_snapshots else "whether there are snapshots this user may not know"
        yield Finding("persistence", Grade.OK, f"the append-only file is off; {on}")


def _check_clock(ahead_ms: float) -> Iterator[Finding]:
    off_ms = abs(ahead_ms)
    way = "behind" if ahead_ms > 0 else "ahead of"
    if off_ms < NOTED_SKEW_MS:
        yield Finding("clock", Grade.OK, "agrees with Redis'")
        return
    yield Finding(
        "clock",
        Grade.FAULT if off_ms >= WRONG_SKEW_MS else Grade.NOTE,
        f"this machine's clock is {span(off_ms)} {way} Redis'",
        "Set both by NTP: S3 servers refuse requests whose clock is 15 minutes off.",
    )


def _check_rights(client: RedisClient) -> Iterator[Finding]:
    forbidden = forbidden_commands(client)
    if forbidden is None:
        yield Finding("rights", Grade.UNKNOWN, "a Redis before 7.0 does not tell what it would forbid", _ACL)
        return
    needed = [command for command in forbidden if command not in OPTIONAL]
    if needed:
        names = sorted({_name(command) for command in needed})
        places = sorted({command.split()[1].partition(":")[0] + ":*" for command in needed if ":" in command})
        on = f" on {' and '.join(places)}" if places else ""
        yield Finding(
            "rights",
            Grade.FAULT,
            f"this Redis user may not run {', '.join(names)}{on}",
            f"Grant them, with ~gradient:* and ~gradientd:* as keys: {_ACL}",
        )
    else:
        yield Finding("rights", Grade.OK, "this user may run every command and script that is used")


def _name(command: str) -> str:
    return "script|load" if command.startswith("script") else command.split()[0]


def _check_queue(queue: Queue) -> Iterator[Finding]:
    lengths = queue.lengths()
    counts = f"{plural(lengths.queue, 'job')} queued, {lengths.processing:,} in work, {lengths.delayed:,} delayed"
    yield Finding("queue", Grade.OK, counts)
    if queue.is_paused():
        yield Finding("queue", Grade.NOTE, "the fleet is paused and takes no jobs", "gradientd resume")
