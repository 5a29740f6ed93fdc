"""A small plot of the last half hour as SVG that needs no script and no inline style.

It refuses axes: what a reader must know stands beside it in words, and in its title for those who cannot see it.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradientd.web.history import INTERVAL_S, SAMPLES
from gradientd.web.page.markup import Markup, tag
from gradientd.web.page.wording import roughly

WIDTH, HEIGHT = 240.0, 48.0
SHORTEST_SPAN_S = 300.0
COLUMNS = 120
"""No screen shows more of so small a plot."""
Value = float | None


def sparkline(name: str, times_s: Sequence[float], values: Sequence[Value], unit: str = "") -> Markup:
    """`values` over `times_s` (monotonic seconds, oldest first); None leaves a gap."""
    span_s = min(max(SHORTEST_SPAN_S, _elapsed(times_s)), SAMPLES * INTERVAL_S)
    known = [value for value in values if value is not None]
    top = max([*known, 0.0]) or 1.0
    end_s = times_s[-1] if times_s else 0.0
    points = [
        (WIDTH * (1 - (end_s - at_s) / span_s), None if value is None else HEIGHT - 1 - value / top * (HEIGHT - 4))
        for at_s, value in zip(times_s, values, strict=True)
    ]
    title = f"{name} over the last {roughly(span_s)}: " + _told(known, unit)
    return tag(
        "svg",
        {"class": "plot", "viewBox": f"0 0 {WIDTH:.0f} {HEIGHT:.0f}", "preserveAspectRatio": "none", "role": "img"},
        tag("title", None, title),
        [_run(run) for run in _runs(_thinned(points))],
    )


def _elapsed(times_s: Sequence[float]) -> float:
    return times_s[-1] - times_s[0] if times_s else 0.0


def _told(known: Sequence[float], unit: str) -> str:
    if not known:
        return "nothing known yet"
    least, most, last = (f"{value:,.1f}".removesuffix(".0") + unit for value in (min(known), max(known), known[-1]))
    return f"{last} now, between {least} and {most}"


_Point = tuple[float, Value]


def _thinned(points: Sequence[_Point]) -> list[_Point]:
    """At most a point a column, its peak: a peak must not vanish."""
    columns: dict[int, _Point] = {}
    for x, y in points:
        column = int(x * COLUMNS / WIDTH)
        known = columns.get(column)
        if known is None or known[1] is None or (y is not None and y < known[1]):
            columns[column] = (x, y)
    return list(columns.values())


def _runs(points: Sequence[_Point]) -> list[list[tuple[float, float]]]:
    """The stretches between gaps."""
    runs: list[list[tuple[float, float]]] = [[]]
    for x, y in points:
        if y is None:
            runs.append([])
        else:
            runs[-1].append((x, y))
    return [run for run in runs if run]


def _run(points: Sequence[tuple[float, float]]) -> Markup:
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    first, last = points[0][0], points[-1][0]
    return tag(
        "g",
        None,
        tag("path", {"class": "area", "d": f"M{first:.1f},{HEIGHT:.0f} L{line} L{last:.1f},{HEIGHT:.0f} Z"}),
        tag("polyline", {"class": "line", "points": line}),
    )
