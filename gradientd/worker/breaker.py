"""Whether a dependency serves: one log line when it stops serving and one when it serves again.

It refuses to know what a dependency is: it gets a probe, a function that raises DependencyError while it is down.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import gevent
from gevent.event import Event

from gradientd.errors import DependencyError

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0


def growing_pauses(first_s: float = FIRST_PAUSE_S, longest_s: float = LONGEST_PAUSE_S) -> Iterator[float]:
    """Pauses that double up to `longest_s`, each with up to 25 % of jitter on top: a fleet must not march in step."""
    pause = first_s
    while True:
        yield pause * (1 + random.random() / 4)  # noqa: S311 - jitter needs no cryptography
        pause = min(pause * 2, longest_s)


def problem_of(probe: Callable[[], None], logger: logging.Logger) -> DependencyError | None:
    """What a probe finds wrong, None when the dependency serves; what nobody foresaw is wrong too, and is logged."""
    try:
        probe()
    except DependencyError as exc:
        return exc
    except Exception as exc:  # the boundary that keeps a probe's surprise from ending the greenlet that asks
        logger.exception("An unforeseen error ended a probe: the dependency counts as unavailable")
        return DependencyError(f"An unforeseen error ended the probe: {type(exc).__name__}.")
    return None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a dependency is down, in one sentence, and for how long it has been."""

    code: str
    reason: str
    for_s: float


class Outage:
    """One dependency's state, told once a change."""

    def __init__(self, name: str, logger: logging.Logger) -> None:
        self.name = name
        self._logger = logger
        self._since: float | None = None
        self._error: DependencyError | None = None
        self.ended = 0
        """How many outages have come to their end."""
        self._up = Event()
        self._up.set()

    @property
    def is_on(self) -> bool:
        """Whether the dependency is down."""
        return self._since is not None

    @property
    def trouble(self) -> Trouble | None:
        """What is wrong, None while the dependency serves."""
        if self._since is None or self._error is None:
            return None
        return Trouble(self._error.code, str(self._error), time.monotonic() - self._since)

    def begin(self, error: DependencyError) -> bool:
        """The dependency failed; returns whether that is news."""
        if self._since is not None:
            return False
        self._since, self._error = time.monotonic(), error
        self._up.clear()
        self._logger.error(
            f"{self.name} is unavailable: taking no jobs until it is back",
            extra={"dependency": self.name, "code": error.code, "error": str(error)},
        )
        return True

    def end(self) -> None:
        """The dependency served."""
        if self._since is None:
            return
        down_s = round(time.monotonic() - self._since, 1)
        self._since = self._error = None
        self.ended += 1
        self._up.set()
        self._logger.info(f"{self.name} is back", extra={"dependency": self.name, "downSeconds": down_s})

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end, for at most `timeout_s`; returns whether the dependency is up."""
        return bool(self._up.wait(timeout_s))


class Breaker:
    """An outage that looks for its own end: while open it probes with growing jittered pauses."""

    def __init__(self, name: str, probe: Callable[[], None], logger: logging.Logger) -> None:
        self.outage = Outage(name, logger)
        self._probe = probe
        self._logger = logger
        self._prober: gevent.Greenlet[[], None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether the dependency is down."""
        return self.outage.is_on

    def trip(self, error: DependencyError) -> None:
        """Open the breaker; it closes by itself."""
        if self.outage.begin(error):
            self._prober = gevent.spawn(self._probe_until_healthy)

    def is_healthy(self) -> bool:
        """Probe once, now."""
        return problem_of(self._probe, self._logger) is None

    def close(self) -> None:
        """Stop probing."""
        if self._prober is not None:
            self._prober.kill()

    def _probe_until_healthy(self) -> None:
        for pause_s in growing_pauses():
            gevent.sleep(pause_s)
            if self.is_healthy():
                self.outage.end()
                return
