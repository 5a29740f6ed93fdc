"""A gradientd with one of its rules switched off: `python -m tests.chaos.sabotage NAME`, else as the console script.

It refuses to be a setting: only the chaos run's negative controls start it, to see that the checker can fail.
"""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402 - nothing may be imported before the patch
from collections.abc import Callable  # noqa: E402

from gradientd.cli.main import main  # noqa: E402
from gradientd.jobqueue import Audit, Queue, Reaped, scripts  # noqa: E402
from gradientd.worker.leases import LeaseKeeper  # noqa: E402

WITHOUT_TOKENS = {
    "complete": {
        "local is_stale = owner and owner ~= token": "local is_stale = false",
        "if owner == token then": "if true then",
    },
    "retry": {"if owner ~= token then": "if false then"},
    "fail": {"if owner ~= token then": "if false then"},
    "release": {"if redis.call('HGET', owners, identity) ~= token then return 0 end": ""},
}
"""What makes a script act on whatever lease there is."""

END_OF_TIME_MS = 2**52


def switch_off_the_reaper() -> None:
    """Expired leases and orphans stay where they are."""
    Queue.reap = lambda self, *, worker_id: Reaped([], [], [], 0)  # type: ignore[method-assign]


def switch_off_the_audit() -> None:
    """Jobs in no list stay in no list."""
    Audit.run = lambda self: []  # type: ignore[method-assign]


def ignore_lease_tokens() -> None:
    """A worker ends a job whoever holds its lease."""
    _rewrite_scripts(WITHOUT_TOKENS)


def ignore_the_orphan_grace() -> None:
    """An element without a lease is requeued as soon as it is seen again."""
    _rewrite_scripts({"reap": {"now_ms - tonumber(first_seen_ms) >= orphan_grace_ms": "true"}})


def reap_late() -> None:
    """A reaping is sent without asking for the time, and carried out whenever it arrives."""
    Queue._now_ms = lambda self: END_OF_TIME_MS  # type: ignore[method-assign]


def _rewrite_scripts(changes: dict[str, dict[str, str]]) -> None:
    """Change what scripts say; each text must be found, or the control would prove nothing."""
    honest = scripts.source

    def source(name: str) -> str:
        text = honest(name)
        for fence, hole in changes.get(name, {}).items():
            if fence not in text:
                raise RuntimeError(f"{name}.lua has no {fence!r} any more")
            text = text.replace(fence, hole)
        return text

    scripts.source = source  # type: ignore[assignment]


def reap_without_unbroken_renewals() -> None:
    """A worker judges others at once, also after an outage."""
    LeaseKeeper.may_reap = property(lambda self: True)  # type: ignore[assignment]


SABOTAGES: dict[str, Callable[[], None]] = {
    "reaper-off": switch_off_the_reaper,
    "audit-off": switch_off_the_audit,
    "tokens-ignored": ignore_lease_tokens,
    "grace-ignored": ignore_the_orphan_grace,
    "late-reaping": reap_late,
    "renewals-unchecked": reap_without_unbroken_renewals,
}

if __name__ == "__main__":
    SABOTAGES[sys.argv.pop(1)]()
    sys.exit(main())
