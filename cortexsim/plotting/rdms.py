"""RDMs of any layout: one, those of subjects or of times, or a movie of states and steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.pairs import conditions_of
from cortexsim.plotting.conditions import drawn_rdms, names_of_groups, order_of
from cortexsim.plotting.page import NARROW, PAGE, printed, sheet, wrapped
from cortexsim.plotting.rsa import heatmap, movie

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

MOST = 36  # RDMs that are drawn beside each other
MOVIE = ("state", "step", "pair")


@clear_errors
@printed
def rdms(
    data: Any,
    *,
    width_mm: float = PAGE,
    order: Any = None,
    groups: Any = None,
    percentile: bool = True,
) -> Figure:
    """Every RDM of a data set as an image: a movie, or subjects, times or states side by side.

    Parameters
    ----------
    data : xarray.Dataset or xarray.DataArray
        ``rdm (..., pair)``; a movie with state and step is drawn by :func:`movie`.
    width_mm : float
        Of the figure.
    order : array_like, optional
        As in ``heatmap``.
    groups : array_like, optional
        As in ``heatmap``.
    percentile : bool
        Ranks within each RDM instead of values.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    AnalysisError
        If there are more RDMs than can be seen, or none.

    Examples
    --------
    >>> import xarray
    >>> values = np.random.default_rng(0).random((3, 45))
    >>> figure = rdms(xarray.DataArray(values, dims=("subject", "pair")), width_mm=89)
    >>> [axes.get_title() for axes in figure.axes[:3]]
    ['subject 0', 'subject 1', 'subject 2']
    """
    if hasattr(data, "data_vars") and "populated" in data and set(MOVIE) <= {*data.rdm.dims}:
        return movie(data, order=order, groups=groups, percentile=percentile, width_mm=width_mm)
    values = data.rdm if hasattr(data, "data_vars") else data
    if not hasattr(values, "dims") or "pair" not in values.dims:
        raise AnalysisError(
            f"data is a {type(data).__name__} without the dimension pair; give RDMs, an array "
            "(..., pair) of xarray's, or a Dataset with rdm"
        )
    over = [str(d) for d in values.dims if d != "pair"]
    values = values.transpose(*over, "pair")
    count = int(np.prod([values.sizes[d] for d in over])) if over else 1
    if count > MOST:
        sizes = ", ".join(f"{d} ({values.sizes[d]})" for d in over)
        raise AnalysisError(
            f"{count} RDMs, by {sizes}, are more than can be seen ({MOST}); select some, e.g. "
            f"result.isel({over[-1]}=0)"
        )
    numbers, ids = drawn_rdms(values, "RDMs")
    if not np.isfinite(numbers).any():
        raise AnalysisError("every pair of these RDMs is NaN: there is nothing to draw")
    n = conditions_of(numbers.shape[-1])
    rows, named = order_of(order, n, ids), names_of_groups(groups, n, ids)
    flat = numbers.reshape(count, -1)
    limits = None if percentile else (float(np.nanmin(flat)), float(np.nanmax(flat)))
    columns = min(count, 3 if width_mm < NARROW else 6)
    lines = -(-count // columns)
    side = min(60.0, (width_mm - 24) / columns)
    figure = sheet(width_mm, lines * (side + 7) + 16)
    panels = figure.subplots(lines, columns, squeeze=False)
    image: Any = None
    for axes, rdm, title in zip(panels.flat, flat, _titles(values, over)):
        drawn = heatmap(
            axes,
            rdm,
            order=rows,
            groups=named,
            percentile=percentile,
            limits=limits,
            title=title,
        )
        image = drawn
        if count > 1:
            axes.set(xticks=[], yticks=[], xlabel="")
    for axes in panels.flat[count:]:
        axes.set_visible(False)
    about = {**getattr(data, "attrs", {}), **values.attrs}
    measure = about.get("measure")
    label = "percentile of dissimilarity" if percentile else "dissimilarity"
    label = wrapped(label + (f" ({measure})" if measure else ""), lines * side, 6.25)
    figure.colorbar(image, ax=panels, label=label, shrink=0.8)
    model = f"{about['model']}: " if about.get("model") else ""
    head = f"{model}{count} RDM{'s' if count > 1 else ''} of {n} stimuli"
    figure.suptitle(wrapped(head, 0.9 * width_mm))
    return figure


def _titles(values: xarray.DataArray, over: list[str]) -> list[str]:
    """What each RDM is of."""
    words = []
    for place in np.ndindex(*[values.sizes[d] for d in over]):
        parts = []
        for d, k in zip(over, place):
            name = values[d].values[k] if d in values.coords else k
            parts.append(str(name) if d == "state" else f"{d.removesuffix('_ms')} {name}")
        words.append("\n".join(parts))
    return words or [""]
