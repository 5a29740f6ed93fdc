"""The one place that decides what a failure means.

It refuses to carry out what it decides: attempts do.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Callable

from gradientd.errors import DependencyError, GradientdError, Policy


class Verdict(enum.Enum):
    """What becomes of a job whose attempt failed."""

    RETRY = "retry"
    FAIL = "fail"
    RELEASE = "release"


def judge(error: GradientdError, *, attempts: int, max_retries: int, is_healthy: Callable[[], bool]) -> Verdict:
    """What a failure means: the error's own policy, the retries left, and for an ambiguous one the probe's word.

    `attempts` counts this attempt too: with 3 retries, attempts 1 to 3 are tried again and attempt 4 fails for good.
    """
    policy = error.policy
    if isinstance(error, DependencyError) and error.probe_decides and is_healthy():
        policy = Policy.RETRY
    if policy is Policy.DEPENDENCY:
        return Verdict.RELEASE
    if policy is Policy.RETRY and attempts <= max_retries:
        return Verdict.RETRY
    return Verdict.FAIL


def retry_delay_ms(attempts: int) -> int:
    """2, 4, 8 … seconds after attempt 1, 2, 3 …, plus at most 25 % of jitter, never less."""
    delay_ms: int = 2**attempts * 1000
    return delay_ms + random.randrange(delay_ms // 4)  # noqa: S311 - jitter needs no cryptography
