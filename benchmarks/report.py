"""What a benchmark hands back: numbers with their spread, tables, and the goals they are held against.

It refuses to hide a miss: a goal that was not met is printed as one.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of a number that was measured several times, with the least and the most."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """What a goal is held against."""
        return statistics.median(self.values)

    def __format__(self, form: str) -> str:
        if len(self.values) == 1:
            return format(self.median, form)
        return f"{self.median:{form}} [{min(self.values):{form}} to {max(self.values):{form}}]"


def spread(values: Sequence[float]) -> Spread:
    """The spread of at least one value."""
    return Spread(tuple(values))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Round by round: each of ours over the one of theirs that was measured beside it."""
    return spread([one / other for one, other in zip(ours, theirs, strict=True)])


@dataclass(frozen=True, slots=True)
class Goal:
    """A number to reach: `value` must be at most `limit`, or at least where `at_least` says so.

    `why` is the reason of a miss, as far as it is known; it is shown only where there is one.
    """

    text: str
    value: float
    limit: float
    at_least: bool = False
    form: str = ".2f"
    why: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the number was reached."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @property
    def wanted(self) -> str:
        """The limit in words."""
        return f"at {'least' if self.at_least else 'most'} {self.limit:g}"

    @property
    def reached(self) -> str:
        """The value, and whether it will do."""
        return f"{self.value:{self.form}}" + ("" if self.is_met else " (missed)")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head; the first column is the name of the row."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """As GitHub shows it."""
        lines = [self.head, ("---", *["---:"] * (len(self.head) - 1)), *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def text(self) -> str:
        """In columns, for a terminal."""
        widths = [max(len(row[column]) for row in (self.head, *self.rows)) for column in range(len(self.head))]
        return "\n".join(self._line(row, widths) for row in (self.head, *self.rows))

    def _line(self, row: Sequence[str], widths: Sequence[int]) -> str:
        numbers = (f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        cells = [f"{row[0]:<{widths[0]}}", *numbers]
        return "  " + "  ".join(cells)


@dataclass(frozen=True, slots=True)
class Curves:
    """A panel of the plot: points by the name of each curve, what its axes say, and whether the lower is a log's."""

    across: str
    up: str
    by_name: Mapping[str, Sequence[tuple[float, float]]]
    is_log: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """What one benchmark found."""

    title: str
    about: str
    tables: tuple[Table, ...] = ()
    goals: tuple[Goal, ...] = ()
    curves: tuple[Curves, ...] = ()

    def text(self) -> str:
        """For a terminal."""
        return "\n".join(self._lines())

    def markdown(self) -> str:
        """For the page; the goals stand in a table of their own at its top."""
        return "\n\n".join([f"## {self.title}", self.about, *(table.markdown() for table in self.tables)])

    def _lines(self) -> Iterator[str]:
        yield f"{self.title}: {self.about}"
        yield from (table.text() for table in self.tables)
        for goal in self.goals:
            yield f"  {'met   ' if goal.is_met else 'MISSED'}  {goal.text}: {goal.reached}, {goal.wanted} wanted"
