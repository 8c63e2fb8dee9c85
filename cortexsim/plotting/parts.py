"""What figures share: colours, dashes and markers, words for networks, legends, checks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Container, Iterable, Sequence
from itertools import pairwise
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

STATE_STYLES = [
    ("#0072b2", "-", "o"),
    ("#009e73", "--", "s"),
    ("#e69f00", "-.", "^"),
    ("#d55e00", ":", "D"),
    ("#cc79a7", "-", "v"),
    ("#56b4e9", "--", "P"),
]
BESIDE_LETTERS = 30  # of a line of a legend beside axes
MARKS = "marks"  # the label of a strip
ROW = 5.5  # pt: the height of a row of marks
# What the networks of a comparison are called in figures.
NETWORK_NAMES = {
    "static": "first pass, held",
    "untrained": "untrained network",
    "twin": "feed-forward twin",
}


def style(i: int) -> tuple[str, Any, str]:
    """Colour, dash and marker of a number.

    After six the dashes and markers shift against the colours.

    Parameters
    ----------
    i : int
        The number, from 0.

    Returns
    -------
    colour, dash, marker : str, Any, str
        As matplotlib knows them.
    """
    k = len(STATE_STYLES)
    return (STATE_STYLES[i % k][0], *STATE_STYLES[(i + i // k) % k][1:])


def styles_of(names: Sequence[str]) -> dict[str, tuple[str, Any, str]]:
    """The style of each name, in order of appearance.

    Parameters
    ----------
    names : sequence of str
        The names; one may stand several times.

    Returns
    -------
    dict of str to tuple
        For each name its :func:`style`.
    """
    return {name: style(i) for i, name in enumerate(dict.fromkeys(names))}


def stretches(names: Sequence[Any]) -> list[tuple[int, int, Any]]:
    """Stretches of equal neighbours.

    Parameters
    ----------
    names : sequence
        A name for each place.

    Returns
    -------
    list of tuple
        First, one past the last, and name of each stretch.
    """
    borders = [0, *(i for i in range(1, len(names)) if names[i] != names[i - 1]), len(names)]
    return [(a, b, names[a]) for a, b in pairwise(borders) if b > a]


def edges(centres: np.ndarray) -> np.ndarray:
    """Where the cells of these centres begin and end, half a distance from one to the next.

    Examples
    --------
    >>> edges([0, 10, 30])
    array([-5.,  5., 20., 40.])
    >>> edges([4])
    array([3.5, 4.5])
    """
    at = np.asarray(centres, dtype=np.float64)
    gaps = np.diff(at) if len(at) > 1 else np.ones(1)
    middles = at[:-1] + np.diff(at) / 2
    return np.concatenate([[at[0] - gaps[0] / 2], middles, [at[-1] + gaps[-1] / 2]])


def needs(
    dataset: xarray.Dataset,
    names: tuple[str, ...],
    dims: tuple[str, ...],
    *,
    over: tuple[str, ...] = ("state", "step", "pair"),
) -> None:
    """Refuse what cannot be drawn.

    Parameters
    ----------
    dataset : xarray.Dataset
        What a user wants drawn.
    names : tuple of str
        Variables that it needs.
    dims : tuple of str
        Dimensions that it needs.
    over : tuple of str
        The dimensions that the evaluation may have.

    Raises
    ------
    AnalysisError
        If variables or dimensions are missing, or if the evaluation has more of them than can be
        drawn.
    """
    missing = [n for n in names if n not in dataset] + [d for d in dims if d not in dataset.dims]
    if missing:
        raise AnalysisError(
            f"{', '.join(missing)} missing from the data set, which has "
            f"{', '.join(map(str, dataset.variables))}"
        )
    if "evaluation" in names:
        more = [str(d) for d in dataset.evaluation.dims if d not in ("model", *over)]
        if more:
            size = ", ".join(f"{d} ({dataset.sizes[d]})" for d in more)
            raise AnalysisError(
                f"the evaluation has also {size}; select one, e.g. result.isel({more[0]}=0)"
            )


def legend_below(
    figure: Figure, panels: Iterable[Axes], *, ncols: int, leave_out: Container[str] = ()
) -> None:
    """One legend for several panels, each label once, in as many columns as the figure holds.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        It stands below the panels of this figure.
    panels : iterable of matplotlib.axes.Axes
        Whose lines it explains; the first with a label counts.
    ncols : int
        Number of columns, at most.
    leave_out : container of str
        Labels that it does not show.
    """
    entries: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            if label not in leave_out:
                entries.setdefault(label, handle)
    most = min(ncols, len(entries))
    # Rather two columns of wrapped labels than one of long ones.
    tries = [(k, False) for k in range(most, 1, -1)] + [(2, True)] * (most > 1) + [(1, False)]
    letters = max(20, int(figure.bbox.width / figure.dpi * 72 / 2 / 3.7) - 11)
    for columns, broken in tries:
        legend = figure.legend(
            entries.values(),
            ["\n".join(wrap(k, letters)) for k in entries] if broken else list(entries),
            loc="outside lower center",
            ncols=columns,
            frameon=False,
            fontsize="small",
        )
        if columns == 1 or legend.get_window_extent().width < figure.bbox.width:
            return
        legend.remove()


def legend_beside(axes: Axes, **look: Any) -> None:
    """A legend to the right of the axes, whose lines are short enough to leave them room.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Whose lines it explains.
    **look
        As ``axes.legend`` takes it.
    """
    where: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1, 1)}
    legend = axes.legend(frameon=False, fontsize="small", **where, **look)
    for text in legend.get_texts():
        text.set_text("\n".join(wrap(text.get_text(), BESIDE_LETTERS)))


def uncut(draw: Callable[..., Any]) -> Callable[..., Any]:
    """A function that draws into axes, of which ``savefig`` then cuts nothing off.

    Legends stand beside the axes, long names left of them: a figure that nobody laid out makes
    room for them when it is drawn. One that has a layout, or was adjusted by hand, keeps it.

    Parameters
    ----------
    draw : callable
        Takes axes first.

    Returns
    -------
    callable
        The same.
    """

    @functools.wraps(draw)
    def drawn(axes: Axes, *arguments: Any, **settings: Any) -> Any:
        from matplotlib.layout_engine import TightLayoutEngine

        result = draw(axes, *arguments, **settings)
        figure = axes.get_figure(root=True)
        if (
            figure is not None
            and figure.get_layout_engine() is None
            and axes.get_subplotspec() is not None
            and _as_it_came(figure)
        ):
            figure.set_layout_engine(engine := TightLayoutEngine())
            engine.execute(figure)
            _wrap_title(axes)
            engine.execute(figure)  # slanted names begin elsewhere when the axes are narrower
        return result

    return drawn


def _wrap_title(axes: Axes) -> None:
    """A title, which stands over the middle of the axes, no wider than the figure is there."""
    figure, title = axes.get_figure(root=True), axes.title
    if figure is None or not title.get_text():
        return
    box, whole = axes.get_window_extent(), figure.bbox
    middle, width = (box.x0 + box.x1) / 2, title.get_window_extent().width
    most = 1.9 * min(middle - whole.x0, whole.x1 - middle)
    if width > most > 0:
        letters = max(10, int(len(title.get_text()) * most / width))
        title.set_text("\n".join(wrap(title.get_text(), letters)))


def _as_it_came(figure: Figure) -> bool:
    """Whether nobody moved the edges of its panels."""
    from matplotlib.gridspec import SubplotParams

    sides = ("left", "right", "bottom", "top", "wspace", "hspace")
    usual, found = SubplotParams(), figure.subplotpars
    return all(getattr(found, side) == getattr(usual, side) for side in sides)


def strip(axes: Axes, rows: int) -> Axes:
    """Room for marks above a panel, so that no mark takes room from what is measured.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        The panel; its own limits stay.
    rows : int
        Number of rows of marks, each ``ROW`` high.

    Returns
    -------
    matplotlib.axes.Axes
        A small one with the same x; row k from above is at y = k.
    """
    from matplotlib.transforms import Affine2D, ScaledTranslation, blended_transform_factory

    figure = axes.get_figure()
    assert figure is not None
    corner: Any = axes.transAxes
    points_above = (
        Affine2D().scale(1 / 72) + figure.dpi_scale_trans + ScaledTranslation(0, 1, corner)
    )
    above = axes.inset_axes(
        (0.0, 2.0, 1.0, ROW * rows),
        transform=blended_transform_factory(axes.transAxes, points_above),
        sharex=axes,
    )
    above.set_label(MARKS)
    above.set_ylim(rows - 0.4, -0.6)
    above.axis("off")
    above.patch.set_visible(False)
    return above


def whole_steps(axis: Axis) -> None:
    """Ticks at whole numbers only.

    Parameters
    ----------
    axis : matplotlib.axis.Axis
        Of steps.
    """
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins="auto", integer=True, steps=[1, 2, 5, 10]))


def in_ms(dataset: xarray.Dataset) -> bool:
    """Whether the times of its steps are ms that somebody declared, not the steps themselves.

    Parameters
    ----------
    dataset : xarray.Dataset
        With step, time_ms, time_ms_low and time_ms_high.
    """
    if str(dataset.time_ms.attrs.get("units", "")).startswith("steps"):
        return False
    steps = dataset.step.values
    return not all(
        (dataset[c].values == steps).all() for c in ("time_ms", "time_ms_low", "time_ms_high")
    )


def last_time(result: xarray.Dataset) -> tuple[float, float, float]:
    """When the last step of a network is.

    Parameters
    ----------
    result : xarray.Dataset
        With time_ms, time_ms_low and time_ms_high of each step.

    Returns
    -------
    nominal, low, high : float
        Its nominal time, and the declared range of it, in ms.
    """
    nominal, low, high = (
        float(result[c].values[-1]) for c in ("time_ms", "time_ms_low", "time_ms_high")
    )
    return nominal, low, high


def declared_range(result: xarray.Dataset) -> str:
    """The declared range of the last step, in words for an axis.

    Parameters
    ----------
    result : xarray.Dataset
        With time_ms, time_ms_low and time_ms_high of each step.

    Returns
    -------
    str
        In parentheses.
    """
    if not in_ms(result):
        return "(steps: no milliseconds were declared)"
    nominal, low, high = last_time(result)
    return f"(declared range of the last, {nominal:g} ms: {low:g}–{high:g} ms)"
