"""Figures of RDMs: heat maps and movies.

Axes in, axes out. Every colour map runs from dark to light, to be read in grey.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.pairs import conditions_of, square
from cortexsim.plotting.conditions import drawn_rdms, names_of_groups, order_of
from cortexsim.plotting.page import PAGE, printed, sheet, wrapped
from cortexsim.plotting.parts import in_ms, needs, stretches, uncut
from cortexsim.shapes import Float

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

COLOURS = "viridis"
NOTHING = "0.92"  # the diagonal, and pairs without a number


def percentiles(rdm: Float[np.ndarray, "*stack pair"]) -> Float[np.ndarray, "*stack pair"]:
    """Ranks of the pairs from 0 (the most similar pair) to 100.

    Parameters
    ----------
    rdm : array of shape (..., pair)
        The RDMs.

    Returns
    -------
    array of shape (..., pair)
        Ties share their mean rank, NaN stays NaN.

    Examples
    --------
    >>> percentiles(np.array([0.1, 0.4, 0.2, 0.9, 0.3, 0.3]))
    array([  0.,  80.,  20., 100.,  50.,  50.])
    """
    from scipy.stats import rankdata

    ranks = rankdata(rdm, axis=-1, nan_policy="omit")
    return 100 * (ranks - 1) / np.maximum(np.isfinite(rdm).sum(-1, keepdims=True) - 1, 1)


def _limits(limits: Any) -> tuple[float | None, float | None]:
    """Where the colours of an image begin and end, checked; None is its own range."""
    if limits is None:
        return None, None
    ends = np.asarray(limits) if isinstance(limits, (tuple, list, np.ndarray)) else np.array("")
    if ends.shape != (2,) or ends.dtype.kind not in "iuf" or not ends[0] <= ends[1]:
        raise AnalysisError(
            f"limits={limits!r}; give the two dissimilarities at which the colours begin and end, "
            "e.g. limits=(0, 2)"
        )
    return float(ends[0]), float(ends[1])


@clear_errors
@uncut
def heatmap(
    axes: Axes,
    rdm: Any,
    *,
    order: Any = None,
    groups: Any = None,
    percentile: bool = False,
    title: str = "",
    label: str = "dissimilarity",
    limits: tuple[float, float] | None = None,
) -> AxesImage:
    """One RDM as an image; the diagonal and pairs that are NaN stay light grey.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    rdm : array_like of shape (pair,) or (condition, condition)
        The RDM.
    order : array_like of int or str, shape (condition,), optional
        The conditions in the order to draw them: their places, or their ids.
    groups : array_like, DataArray or Series of shape (condition,), optional
        A name for each condition (before ordering), matched by id where both have ids; borders and
        names are drawn where it changes.
    percentile : bool
        Draw ranks from 0 to 100 instead of values.
    title : str
        Of the axes.
    label : str
        What the values are.
    limits : tuple of two float, optional
        Of the colours; by default all there is.

    Returns
    -------
    matplotlib.image.AxesImage
        Its label says what the colours are: ``figure.colorbar(image, label=image.get_label())``.

    Raises
    ------
    AnalysisError
        For an order that is no permutation, and for groups of another number or of other
        conditions.
    """
    import matplotlib

    values, ids = drawn_rdms(rdm, "RDM")
    if values.ndim != 1:
        raise AnalysisError(f"heatmap draws one RDM, found shape {values.shape}; select one")
    n = conditions_of(values.size)
    rows = order_of(order, n, ids)
    named = names_of_groups(groups, n, ids)
    if percentile:
        values, label = percentiles(values), f"percentile of {label}"
        limits = (0, 100) if limits is None else limits
    shown = square(values, diagonal=np.nan)[np.ix_(rows, rows)]
    low, high = _limits(limits)
    colours = matplotlib.colormaps[COLOURS].with_extremes(bad=NOTHING)
    image = axes.imshow(
        np.ma.masked_invalid(shown), cmap=colours, vmin=low, vmax=high, interpolation="nearest"
    )
    image.set_label(label)
    axes.set_title(title, fontsize="medium")
    if named is None:
        axes.set_xlabel(f"{n} conditions", fontsize="small")
        axes.set(xticks=[], yticks=[])
        return image
    runs = stretches([named[i] for i in rows])
    for first, _, _ in runs[1:]:
        for line in (axes.axhline, axes.axvline):
            line(first - 0.5, color="white", lw=0.8)
    middle, names = [(a + b - 1) / 2 for a, b, _ in runs], [name for *_, name in runs]
    axes.set_yticks(middle, names, fontsize="small")
    axes.set_xticks(middle, names, fontsize="small", rotation=90)
    axes.tick_params(length=0)
    return image


@clear_errors
@printed
def movie(
    dataset: xarray.Dataset,
    *,
    width_mm: float = PAGE,
    order: Any = None,
    groups: Any = None,
    percentile: bool = True,
) -> Figure:
    """The RDMs of every state (rows) at every step (columns).

    A dotted frame is a state that is not populated.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``rdm(state, step, pair)`` with time_ms, time_ms_low, time_ms_high, populated(state, step)
        and the attribute measure.
    width_mm : float
        Of the figure, printed: 89 is a column of a journal, 183 its page.
    order : optional
        As in ``heatmap``.
    groups : sequence, optional
        As in ``heatmap``.
    percentile : bool
        As in ``heatmap``; colours are the same in all panels (percentiles: ranks within each
        panel).

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    AnalysisError
        For another layout, and if nothing is populated.
    """
    needs(
        dataset,
        ("rdm", "populated", "time_ms", "time_ms_low", "time_ms_high"),
        ("state", "step", "pair"),
    )
    dataset = dataset.transpose("state", "step", "pair", ...)
    rdms, ids = drawn_rdms(dataset.rdm, "RDMs of this movie")
    populated = dataset.populated.values.astype(bool)
    if not populated.any():
        raise AnalysisError(
            "no state is populated at any step of this movie: there is nothing to draw"
        )
    states, n = [str(s) for s in dataset.state.values], conditions_of(rdms.shape[-1])
    rows, named = order_of(order, n, ids), names_of_groups(groups, n, ids)
    limits = (
        None
        if percentile
        else (float(np.nanmin(rdms[populated])), float(np.nanmax(rdms[populated])))
    )
    side = min(45.0, (width_mm - 30) / len(dataset.step), 190 / len(states))
    figure = sheet(width_mm, (side + 1.5) * len(states) + 26)
    grid = figure.subplots(len(states), len(dataset.step), squeeze=False)
    image = None
    for i, state in enumerate(states):
        for j, axes in enumerate(grid[i]):
            if not populated[i, j]:
                axes.set(xticks=[], yticks=[], aspect="equal", xlim=(0, 1), ylim=(0, 1))
                for spine in axes.spines.values():
                    spine.set(linestyle=":", color="0.7")
            else:
                image = heatmap(
                    axes,
                    rdms[i, j],
                    order=rows,
                    groups=named,
                    percentile=percentile,
                    limits=limits,
                )
                axes.set(xticks=[], yticks=[], xlabel="")
                for line in axes.lines:
                    line.set_linewidth(0.4)
            if j == 0:
                axes.set_ylabel(state, rotation=0, ha="right", va="center", fontsize="large")
    timed = in_ms(dataset)
    heads = zip(
        *(dataset[c].values for c in ("step", "time_ms", "time_ms_low", "time_ms_high")),
        strict=True,
    )
    # Each needs about 12 mm for the range of its time, 4 mm without times.
    every = -(-(13 if timed else 9) // max(1, int(side)))
    for k, (axes, (step, t, low, high)) in enumerate(zip(grid[0], heads, strict=True)):
        if k % every == 0:
            when = f"\n{t:g} ms\n({low:g}–{high:g})" if timed else ""
            axes.set_title(f"step {step}{when}", fontsize="x-small")
    assert image is not None
    measure = dataset.attrs.get("measure", "dissimilarity")
    label = (
        f"percentile of dissimilarity within each panel ({measure})"
        if percentile
        else f"dissimilarity ({measure})"
    )
    label = wrapped(label, max(22, side * len(states)), 6.25)
    figure.colorbar(image, ax=grid, label=label, shrink=0.8, pad=0.01, aspect=30)
    model = f"{dataset.attrs['model']}: " if dataset.attrs.get("model") else ""
    head = f"{model}RDMs of {n} stimuli, each state at each step; " + (
        "nominal ms after image onset (declared range)" if timed else "no ms were declared"
    )
    head += "" if populated.all() else "; dotted: not reached yet"
    figure.suptitle(wrapped(head, 0.9 * width_mm), fontsize="medium")
    if named is not None:
        runs = stretches([named[i] for i in rows])
        text = ", ".join(f"{name} ({b - a})" for a, b, name in runs)
        text = f"from the top left corner: {text}"
        figure.supxlabel(wrapped(text, 0.9 * width_mm, 6.25), fontsize="small")
    return figure
