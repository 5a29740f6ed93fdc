"""What a chaos run does and when: jobs and faults, drawn from a seed, so that the same seed does the same again.

It refuses to do any of it: `run` does. Times are seconds from the start.
"""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from gradientd.model import job_id_for
from tests.chaos.evidence import ALL, FaultKind, Order
from tests.chaos.proxy import Mode

WORKERS = ("gradientd-1", "gradientd-2", "gradientd-3")
PEERS = ("v1", "v2")
JOBS_PER_S = 6.0
LONGER_THAN_ALL_RETRIES_S = 18.0
"""Three retries end at the latest 2 + 4 + 8 s after the first attempt, and a quarter of that for jitter."""
CALM_S = 2.0
"""Before the first fault and after the last one."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A job and how a producer enqueues it.

    `how` is protocol (an ID, as documented), inline, or queue (by Queue.enqueue); `data` is the job key's text, the
    inline element, or the fields as JSON. `picture` names the object to upload, None when there is none.
    """

    at_s: float
    order: Order
    how: str
    fields: dict[str, Any] | None
    data: str | None = None
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class Injection:
    """One fault: `lasts_s` until it is healed, or until what was killed is started again."""

    at_s: float
    lasts_s: float
    kind: FaultKind
    target: str
    mode: Mode = Mode.PASS
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a run does in its loud part, each list in the order of time."""

    jobs: list[Placed]
    injections: list[Injection]


def make_plan(seed: int, seconds: float) -> Plan:
    """The plan of a run whose loud part lasts `seconds`."""
    chance = random.Random(seed)
    return Plan(list(_jobs(chance, seconds)), list(_injections(chance, seconds)))


# -- jobs --------------------------------------------------------------------------------------------------------------

PICTURES = {"small": 12, "progressive": 6, "large": 1}
"""Sound pictures by how often they come."""
BROKEN: dict[str, frozenset[str]] = {
    "missing": frozenset({"object_missing"}),
    "html": frozenset({"not_an_image"}),
    "truncated": frozenset({"damaged_image"}),
    "empty": frozenset({"empty_image"}),
    "nameless": frozenset({"invalid_job"}),
    "garbage": frozenset({"invalid_job"}),
    "ghost": frozenset(),
}
BROKEN_EVERY = 12


def _jobs(chance: random.Random, seconds: float) -> Iterator[Placed]:
    kinds = itertools.cycle(BROKEN)
    for number in range(int(seconds * JOBS_PER_S)):
        at_s = number / JOBS_PER_S
        if number % BROKEN_EVERY == BROKEN_EVERY - 1:
            yield _broken_job(chance, number, at_s, next(kinds))
        else:
            picture = chance.choices(list(PICTURES), list(PICTURES.values()))[0]
            how = chance.choices(["protocol", "inline", "queue"], [3, 3, 1])[0]
            yield sound_job(number, at_s, how, picture, uuid_of(chance))


def sound_job(number: int, at_s: float, how: str, picture: str = "small", inline_id: str = "") -> Placed:
    """A job that must be completed."""
    storage_key = f"sound/{number:05d}-{picture}.jpg"
    return _placed(at_s, storage_key, how, inline_id, frozenset(), picture)


def _broken_job(chance: random.Random, number: int, at_s: float, kind: str) -> Placed:
    storage_key, how = f"broken/{number:05d}-{kind}.jpg", chance.choice(["protocol", "inline"])
    job_id = job_id_for(storage_key)
    if kind == "ghost":
        return Placed(at_s, Order(job_id, storage_key, is_inline=False, is_ghost=True), "protocol", None)
    if kind == "garbage":
        return Placed(at_s, Order(job_id, None, is_inline=False, codes=BROKEN[kind]), "protocol", None, "{not json")
    picture = None if kind in ("missing", "nameless") else kind
    placed = _placed(at_s, storage_key, how, uuid_of(chance), BROKEN[kind], picture)
    if kind == "nameless" and placed.fields is not None:
        del placed.fields["galleryName"]
    return placed


def _placed(
    at_s: float, storage_key: str, how: str, inline_id: str, codes: frozenset[str], picture: str | None
) -> Placed:
    job_id = inline_id if how == "inline" else job_id_for(storage_key)
    fields = {"guildId": "g", "galleryName": "chaos", "storageKey": storage_key, "itemId": storage_key, "jobId": job_id}
    order = Order(job_id, storage_key, is_inline=how == "inline", codes=codes)
    return Placed(at_s, order, how, fields, picture=picture)


def uuid_of(chance: random.Random) -> str:
    """A UUID from the seed."""
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


# -- faults ------------------------------------------------------------------------------------------------------------

_Draw = Callable[[random.Random], tuple[FaultKind, str, float, Mode, dict[str, float]]]


def _signal(kind: FaultKind, targets: tuple[str, ...], least_s: float, most_s: float) -> _Draw:
    return lambda chance: (kind, chance.choice(targets), chance.uniform(least_s, most_s), Mode.PASS, {})


def _link(
    kind: FaultKind, targets: tuple[str, ...], mode: Mode, least_s: float, most_s: float, **ranges: tuple[float, float]
) -> _Draw:
    def draw(chance: random.Random) -> tuple[FaultKind, str, float, Mode, dict[str, float]]:
        numbers = {name: round(chance.uniform(*bounds), 3) for name, bounds in ranges.items()}
        if "after_bytes" in numbers:
            numbers["after_bytes"] = int(numbers["after_bytes"])
        return kind, chance.choice(targets), chance.uniform(least_s, most_s), mode, numbers

    return draw


_EVERYBODY = (ALL,)
DECK: tuple[_Draw, ...] = (
    _signal(FaultKind.KILL, WORKERS, 0.2, 3),
    _signal(FaultKind.KILL, WORKERS, 0.2, 3),
    _signal(FaultKind.KILL, PEERS, 0.2, 3),
    _signal(FaultKind.TERM, WORKERS, 0.2, 3),
    _signal(FaultKind.TERM, ("v1",), 0.2, 2),
    _signal(FaultKind.TERM, PEERS, 0.2, 2),
    _signal(FaultKind.STOP, WORKERS, 0.3, 1),
    _signal(FaultKind.STOP, WORKERS, 4, 6),
    _signal(FaultKind.STOP, PEERS, 0.3, 4),
    _signal(FaultKind.SERVER, _EVERYBODY, 0.1, 1),
    _signal(FaultKind.SERVER, _EVERYBODY, 3.5, 6),
    _link(FaultKind.REDIS_LINK, WORKERS, Mode.DELAY, 2, 4, seconds=(0.02, 0.2)),
    _link(FaultKind.REDIS_LINK, WORKERS + PEERS, Mode.CUT, 1, 3, after_bytes=(1, 200)),
    _link(FaultKind.REDIS_LINK, WORKERS + PEERS, Mode.BLACKHOLE, 1, 6),
    _link(FaultKind.REDIS_LINK, WORKERS + PEERS, Mode.RESET, 0.5, 3),
    _link(FaultKind.REDIS_LINK, WORKERS + PEERS, Mode.REFUSE, 1, 5),
    _link(FaultKind.REDIS_LINK, WORKERS + PEERS, Mode.LOSE_REPLY, 2, 4, rate=(0.1, 0.5)),
    _link(FaultKind.REDIS_LINK, WORKERS, Mode.LOSE_REPLY, 2, 4, rate=(0.1, 0.5)),
    _link(FaultKind.REDIS_LINK, _EVERYBODY, Mode.BLACKHOLE, 3.5, 6),
    _link(FaultKind.REDIS_LINK, _EVERYBODY, Mode.LOSE_REPLY, 1, 3, rate=(0.1, 0.4)),
    _link(FaultKind.S3_LINK, WORKERS, Mode.DELAY, 2, 6, seconds=(0.1, 0.6)),
    _link(FaultKind.S3_LINK, WORKERS, Mode.CUT, 2, 4, after_bytes=(500, 20_000)),
    _link(FaultKind.S3_LINK, WORKERS, Mode.BLACKHOLE, 2, 8),
    _link(FaultKind.S3_LINK, WORKERS, Mode.RESET, 1, 4),
    _link(FaultKind.S3_LINK, WORKERS, Mode.LOSE_REPLY, 2, 4, rate=(0.2, 0.8)),
    _link(FaultKind.S3_LINK, _EVERYBODY, Mode.REFUSE, 2, 6),
)
"""Every fault there is; a run goes through the whole deck, shuffled, before it begins again."""


def _injections(chance: random.Random, seconds: float) -> Iterator[Injection]:
    """Faults one after the other, never two on one place; and the long outage of the storage in the middle."""
    outage_s = min(LONGER_THAN_ALL_RETRIES_S, seconds / 3)
    outage = Injection(seconds / 2 - outage_s / 2, outage_s, FaultKind.S3_LINK, ALL, Mode.REFUSE)
    found, cards = [outage], list[_Draw]()
    at_s, every_s = CALM_S, min(2.0, (seconds - 2 * CALM_S) / len(DECK))
    while at_s < seconds - CALM_S:
        cards = cards or chance.sample(DECK, len(DECK))
        for card in cards:
            injection = _at(at_s, *card(chance))
            if not any(_meet(injection, other) for other in found):
                found.append(injection)
                cards.remove(card)
                break
        at_s += every_s * chance.uniform(0.6, 1.2)
    yield from sorted(found, key=lambda injection: injection.at_s)


def _at(
    at_s: float, kind: FaultKind, target: str, lasts_s: float, mode: Mode, numbers: dict[str, float]
) -> Injection:
    return Injection(round(at_s, 2), round(lasts_s, 2), kind, target, mode, numbers)


def _meet(one: Injection, other: Injection) -> bool:
    """Whether the end of one would heal the other."""
    overlap = one.at_s <= other.at_s + other.lasts_s and other.at_s <= one.at_s + one.lasts_s
    return overlap and not _places(one).isdisjoint(_places(other))


def _places(injection: Injection) -> set[tuple[str, str]]:
    """What is out of order while it lasts: a process, or a link; a fault of all links is one of each."""
    members = WORKERS + PEERS if injection.target == ALL else (injection.target,)
    if injection.kind in (FaultKind.SERVER, FaultKind.REDIS_LINK):
        return {("redis", member) for member in members}
    return {("s3" if injection.kind is FaultKind.S3_LINK else "process", member) for member in members}
