"""Figures as journals take them: a width in mm, letters of 6 pt or more, legends outside."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from cortexsim.errors import AnalysisError
from cortexsim.plotting.parts import MARKS, ROW

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMN, PAGE = 89.0, 183.0
"""Widths in mm of one and of two columns of a journal."""
TALLEST = 247.0  # mm, of what a journal prints on one page

SMALLEST, LARGEST = 6.0, 8.0  # pt, of letters at the printed size
MM = 1 / 25.4  # an inch is 25.4 mm
NARROW = 120.0  # mm: below it panels stand in one column
LOOK: Any = {
    "font.size": 7.5,
    "axes.titlesize": "medium",
    "axes.labelsize": "small",
    "xtick.labelsize": "small",
    "ytick.labelsize": "small",
    "legend.title_fontsize": "small",
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "hatch.linewidth": 0.4,
}


def printed(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """A function that draws a figure ``width_mm`` wide, made so that it can be printed.

    Parameters
    ----------
    draw : callable
        Takes ``width_mm`` and returns a figure.

    Returns
    -------
    callable
        The same; letters have 6 to 8 pt whatever ``draw`` gave them.
    """

    @functools.wraps(draw)
    def drawn(*arguments: Any, width_mm: float = PAGE, **settings: Any) -> Figure:
        import matplotlib

        checked = checked_width(width_mm)
        with matplotlib.rc_context(LOOK):
            figure = draw(*arguments, width_mm=checked, **settings)
            _make_room(figure)
            return readable(figure)

    return drawn


def checked_width(width_mm: Any) -> float:
    """The width of a figure.

    Parameters
    ----------
    width_mm : float
        89 is a column of a journal, 183 its page.

    Raises
    ------
    AnalysisError
        For what is no number from 60 to 1,000.

    Examples
    --------
    >>> checked_width(89)
    89.0
    """
    try:
        width = float(width_mm)
    except (TypeError, ValueError):
        width = math.nan
    if not 60 <= width <= 1000:
        raise AnalysisError(
            f"width_mm={width_mm!r} is no width of a figure; give mm from 60 to 1000, e.g. 89 "
            "(one column) or 183 (two)"
        )
    return width


def sheet(width_mm: float, height_mm: float) -> Figure:
    """An empty figure of that size.

    Parameters
    ----------
    width_mm, height_mm : float
        In mm.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width_mm * MM, height_mm * MM), layout="constrained")


def wrapped(text: str, width_mm: float, points: float = 7.5) -> str:
    """Lines no longer than a width; lines that stand in the text stay.

    Parameters
    ----------
    text : str
        Words.
    width_mm : float
        What a line may take.
    points : float
        The size of the letters; one is taken to be 0.58 of it wide.

    Examples
    --------
    >>> print(wrapped("of relabelled conditions, maximum statistic", 40))
    of relabelled conditions,
    maximum statistic
    """
    letters = max(8, int(width_mm / 25.4 * 72 / (0.58 * points)))
    return "\n".join("\n".join(wrap(line, letters)) for line in text.split("\n"))


def _make_room(figure: Figure) -> None:
    """A figure as much higher as its legend and its strips of marks are: panels stay as high.

    Unless it is then higher than a page: panels of such a figure become lower.
    """
    strips: dict[int, float] = {}  # inches, by row of panels
    for axes in figure.axes:
        place = axes.get_subplotspec()
        row = 0 if place is None else place.rowspan.start
        for child in axes.child_axes:
            if child.get_label() == MARKS:
                low, high = sorted(child.get_ylim())
                strips[row] = max(strips.get(row, 0.0), (high - low) * ROW / 72)
    more = sum(strips.values())
    more += sum(float(legend.get_window_extent().height) for legend in figure.legends) / figure.dpi
    figure.set_figheight(min(figure.get_figheight() + more, TALLEST * MM))


def readable(figure: Figure) -> Figure:
    """The same figure with all letters of 6 to 8 pt, those of ticks too.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        As it was drawn.
    """
    from matplotlib.axes import Axes
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        size = min(max(float(text.get_fontsize()), SMALLEST), LARGEST)  # type: ignore[attr-defined]
        text.set_fontsize(size)  # type: ignore[attr-defined]
    for axes in figure.findobj(Axes):
        for axis in (axes.xaxis, axes.yaxis):  # type: ignore[attr-defined]
            labels = axis.get_ticklabels()
            size = float(labels[0].get_fontsize()) if labels else SMALLEST
            # Ticks are made when they are drawn: these too have that size.
            axis.set_tick_params(labelsize=min(max(size, SMALLEST), LARGEST))
    figure.draw_without_rendering()
    return figure
