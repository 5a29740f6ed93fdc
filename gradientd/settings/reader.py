"""Reads environment variables one by one: as text, numbers, files, secrets; keeps every mistake for one report.

It refuses to know which variables there are, and to show a secret's value.
"""

from __future__ import annotations

import difflib
import os
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from environs import Env, EnvError

from gradientd.model import Extra
from gradientd.settings.checks import Check, is_host

_FAMILY = "GRADIENT_"


class Reader:
    """Reads one variable at a time and keeps every problem; an empty variable counts as absent."""

    def __init__(self) -> None:
        self._env = Env()
        self._asked: set[str] = set()
        self.problems: list[str] = []

    def unknown(self) -> dict[str, str | None]:
        """The variables of our family that nobody asked for, and what each may have been meant to be."""
        names = sorted(name for name in os.environ if name.startswith(_FAMILY) and name not in self._asked)
        meant = {name: difflib.get_close_matches(name, self._asked, n=1, cutoff=0.85) for name in names}
        return {name: close[0] if close else None for name, close in meant.items()}

    def text(self, name: str, *, required: bool = False, check: Check | None = None) -> str | None:
        """The value without spaces around it; None when it is absent."""
        self._asked.add(name)
        value = self._env.str(name, default="").strip()
        if not value:
            if required:
                self.problems.append(f"{name} is not set")
            return None
        self._check(name, value, check)
        return value

    def secret(self, name: str, *, required: bool = True, check: Check | None = None) -> str | None:
        """A secret, from NAME or from the file that NAME_FILE names."""
        by_file = f"{name}_FILE"
        value, path = self.text(name), self.text(by_file)
        if path is None:
            if value is not None:
                self._check(name, value, check)
            elif required:
                self.problems.append(f"{name} is not set (nor {by_file})")
            return value
        if value is not None:
            self.problems.append(f"{name} and {by_file} are both set: keep one")
            return None
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except OSError as exc:
            self.problems.append(f"{by_file} names a file that cannot be read: {path!r} ({exc.strerror})")
        except ValueError:
            self.problems.append(f"{by_file} names a file that is not UTF-8 text: {path!r}")
        else:
            self._check(by_file, value, check if value else _say_empty)
        return value

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        """One of a few words, however they are written."""
        value = (self.text(name) or default).lower()
        if value not in choices:
            self.problems.append(f"{name} must be one of {', '.join(choices)}, not {value!r}")
        return value

    def number(self, name: str, default: int, *, least: int, most: int = 2**53) -> int:
        """A whole number within bounds; the default where it is absent or wrong."""
        text = self.text(name)
        if text is None:
            return default
        try:
            value = self._env.int(name)
        except EnvError:
            self.problems.append(f"{name} must be a whole number, not {text!r}")
            return default
        if not least <= value <= most:
            bound = f"at least {least}" if value < least else f"at most {most}"
            self.problems.append(f"{name} must be {bound}, not {value}")
            return default
        return value

    def file(self, name: str) -> str | None:
        """The path of a file that is there."""
        return self.text(name, check=lambda path: None if Path(path).is_file() else f"names no file: {path!r}")

    def address(self, name: str) -> tuple[str, int] | None:
        """host:port to listen on; the host is empty for every interface."""
        text = self.text(name)
        if text is None:
            return None
        try:
            parts = urlsplit(f"//{text}")
            is_place = is_host(parts.hostname) or text.startswith(":")
            if is_place and parts.port is not None and parts.netloc == text and "@" not in text:
                return parts.hostname or "", parts.port
        except ValueError:
            pass
        self.problems.append(f"{name} must look like 127.0.0.1:9876, [::1]:9876 or :9876, not {text!r}")
        return None

    def extras(self, name: str) -> tuple[Extra, ...]:
        """A comma list of Extra, in the wire's order; a hash only where the package that makes it is there."""
        names = {part.strip() for part in (self.text(name) or "").split(",")} - {""}
        unknown = sorted(names - set(Extra))
        if unknown:
            self.problems.append(f"{name} knows {', '.join(Extra)}, not {', '.join(map(repr, unknown))}")
        extras = tuple(extra for extra in Extra if extra in names)
        missing = [extra for extra in extras if extra.package and find_spec(extra.package) is None]
        self.problems.extend(f"{name} cannot be had in full: {extra.remedy}" for extra in missing)
        return extras

    def _check(self, name: str, value: str, check: Check | None) -> None:
        problem = check(value) if check else None
        if problem:
            self.problems.append(f"{name} {problem}")


def _say_empty(_: str) -> str:
    return "names an empty file"
