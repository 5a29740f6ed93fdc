"""The plot beside the page: one panel a section that has curves.

It refuses to depend on the clock or on fonts: the same numbers give the same file, and its words stay words.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report import Curves, Section

_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "gradientd",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
}


def draw(path: Path, sections: Sequence[Section]) -> None:
    """Write the panels side by side, two in a row."""
    panels = [(section.title, curves) for section in sections for curves in section.curves]
    rows = max(1, -(-len(panels) // 2))
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(10, 4 * rows), layout="constrained")
        for number, (title, curves) in enumerate(panels, start=1):
            _draw_panel(figure.add_subplot(rows, 2, number), title, curves)
        figure.savefig(path, metadata={"Date": None, "Creator": None})


def _draw_panel(axes: Axes, title: str, curves: Curves) -> None:
    for name, points in curves.by_name.items():
        across, up = zip(*points, strict=True)
        is_ours = name.startswith("gradientd")
        axes.plot(across, up, marker="o", markersize=4, linewidth=2.5 if is_ours else 1.2, label=name)
    axes.set(title=title, xlabel=curves.across, ylabel=curves.up)
    if curves.is_log:
        axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=7, frameon=False)
