"""The goals of several runs side by side.

It refuses to let a run that met a goal hide another that missed it.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.report import Goal, Section, Table

Runs = Sequence[Sequence[Section]]
"""What each run found."""


def table(runs: Runs) -> Table:
    """A row a goal, a column a run; a goal that some run could not judge says so there."""
    found = [{goal.text: goal for goal in _of(run)} for run in runs]
    known = {text: goal for goals in reversed(found) for text, goal in goals.items()}
    order = dict.fromkeys(text for goals in found for text in goals)
    heads = ["reached"] if len(runs) == 1 else [f"run {number + 1}" for number in range(len(runs))]
    return Table(
        ("", "wanted", *heads),
        tuple(
            (text, known[text].wanted, *(goals[text].reached if text in goals else "not judged" for goals in found))
            for text in order
        ),
    )


def missed(runs: Runs) -> list[Goal]:
    """Each goal that at least one run missed, once."""
    return list({goal.text: goal for run in runs for goal in _of(run) if not goal.is_met}.values())


def _of(run: Sequence[Section]) -> list[Goal]:
    return [goal for section in run for goal in section.goals]
