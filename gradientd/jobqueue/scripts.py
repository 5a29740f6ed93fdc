"""The Lua scripts: read from their files, joined with the parts that they include, run by name.

It refuses to know what a script means: that stands in its header and in the Queue method of the same name.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any

import redis

from gradientd.jobqueue.translate import translated

_INCLUDE = re.compile(r"^-- include: (\w+)$", re.MULTILINE)
_Argument = str | int


@functools.cache
def source(name: str) -> str:
    """A script's text with every included part in it once, where it was first asked for."""
    included: set[str] = set()

    def read(part: str) -> str:
        text = (resources.files(__package__) / "lua" / f"{part}.lua").read_text(encoding="utf-8")
        return _INCLUDE.sub(include, text)

    def include(match: re.Match[str]) -> str:
        part = match[1]
        if part in included:
            return ""
        included.add(part)
        return read(part)

    return read(name)


class Scripts:
    """Runs scripts on one client. No I/O in the constructor."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._scripts: dict[str, Any] = {}

    def run(self, name: str, keys: Sequence[str], args: Sequence[_Argument]) -> Any:
        """Run a script by its name; a script that Redis has forgotten (SCRIPT FLUSH) is loaded again.

        Raises RedisUnavailable; the script may have run all the same when only its reply was lost.
        """
        script = self._scripts.get(name)
        if script is None:
            script = self._scripts[name] = self._client.register_script(source(name))
        with translated():
            return script(keys=keys, args=args)
