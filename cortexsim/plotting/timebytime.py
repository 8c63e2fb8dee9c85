"""Every step of a network with every time of a brain: one heat map a state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.words import counted, no_ceiling, whose
from cortexsim.arguments import clear_errors
from cortexsim.plotting.page import NARROW, PAGE, printed, sheet, wrapped
from cortexsim.plotting.parts import edges, legend_below, needs, style
from cortexsim.plotting.rsa import COLOURS

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CEILING_MM = 34  # height of the panel of the noise ceiling


@clear_errors
@printed
def time_by_time(
    result: xarray.Dataset, network: str | None = None, *, width_mm: float = PAGE
) -> Figure:
    """The evaluation of every step (rows) at every time of the neural data (columns).

    Cells are outlined where they are above their null. The white dashed line is the declared time
    axis, the thin ones its range; a state that is not populated at a step is hatched. A panel below
    has the noise ceiling at each time, and each state's largest value of all steps beside it.

    Parameters
    ----------
    result : xarray.Dataset
        With dimensions state, network, step and time_ms, as ``cortexsim.compare`` writes it for
        data with time.
    network : str, optional
        Which network; the first by default.
    width_mm : float
        Of the figure, printed: 89 is a column of a journal, 183 its page.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    needs(
        result,
        ("evaluation",),
        ("state", "network", "step", "time_ms"),
        over=("state", "network", "step", "time_ms"),
    )
    name = str(result.network.values[0]) if network is None else network
    r = result.sel(network=name).sortby(["time_ms", "step"])
    states = [str(s) for s in r.state.values]
    columns = min(1 if width_mm < NARROW else 2, len(states))
    rows = -(-len(states) // columns)
    tall = 18 + 3 * r.sizes["step"]
    figure = sheet(width_mm, 28 + tall * rows + CEILING_MM)
    grid = figure.add_gridspec(rows + 1, columns, height_ratios=[*[tall] * rows, CEILING_MM])
    first = figure.add_subplot(grid[0, 0])
    panels = [first] + [
        figure.add_subplot(grid[k // columns, k % columns], sharex=first, sharey=first)
        for k in range(1, len(states))
    ]
    lowest, highest = float(r.evaluation.min()), float(r.evaluation.max())
    x, y = edges(r.time_ms.values), edges(r.step.values)
    for k, (axes, state) in enumerate(zip(panels, states)):
        of_state = r.sel(state=state)
        cells = of_state.evaluation.transpose("step", "time_ms").values
        axes.set_facecolor("white")
        axes.patch.set(hatch="////", edgecolor="0.8")
        image = axes.pcolormesh(
            x,
            y,
            np.ma.masked_invalid(cells),
            cmap=COLOURS,
            vmin=lowest,
            vmax=highest,
            rasterized=True,
        )
        if "p_permutation_corrected" in of_state:
            p = of_state.p_permutation_corrected.transpose("step", "time_ms").values
            _outline(axes, x, y, p < 0.05)
        for coordinate, dash in (
            ("model_time_ms", "--"),
            ("time_ms_low", ":"),
            ("time_ms_high", ":"),
        ):
            if coordinate in of_state.coords:
                axes.plot(of_state[coordinate].values, r.step.values, color="white", ls=dash, lw=1)
        axes.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
        axes.set_title(state, loc="left", fontweight="bold", fontsize="medium")
        axes.tick_params(labelbottom=k + columns >= len(states), labelleft=not k % columns)
        if not k % columns:
            axes.set_ylabel("step of the network", fontsize="small")
    quantity = str(result.attrs.get("quantity", "similarity"))
    below = figure.add_subplot(grid[rows, :])
    _ceiling(below, r, x=x)
    below.set_ylabel(wrapped(quantity, CEILING_MM + 10, 6.25), fontsize="small")
    below.set_xlabel("time of the neural data, ms", fontsize="small")
    figure.colorbar(image, ax=panels, label=wrapped(quantity, 40, 6.25), shrink=0.8)
    text = (
        "outlined: above the null, p < 0.05 corrected; white: declared time axis and its range; "
        "hatched: not populated"
    )
    head = f"{name} and {result.attrs.get('neural_name', 'neural data')}{_counts(r)}\n{text}"
    figure.suptitle(wrapped(head, 0.9 * width_mm, 6.25), fontsize="small")
    legend_below(figure, [below], ncols=3 if width_mm < NARROW else 7)
    return figure


def _counts(r: xarray.Dataset) -> str:
    """``, 92 conditions, 15 subjects``, of what the result says."""
    conditions = r.attrs.get("conditions")
    counts = ("" if conditions is None else counted(conditions, "condition"), whose(r.attrs))
    return "".join(f", {words}" for words in counts if words)


def _outline(axes: Axes, x: np.ndarray, y: np.ndarray, hit: np.ndarray) -> None:
    """Lines around the cells that are hit, along their edges; the edge of the panel is one too."""
    from matplotlib.collections import LineCollection

    around = np.pad(hit, 1)
    rows, columns = np.nonzero(around[1:, 1:-1] != around[:-1, 1:-1])
    lines = [[(x[j], y[i]), (x[j + 1], y[i])] for i, j in zip(rows, columns)]
    rows, columns = np.nonzero(around[1:-1, 1:] != around[1:-1, :-1])
    lines += [[(x[j], y[i]), (x[j], y[i + 1])] for i, j in zip(rows, columns)]
    for colour, width in (("white", 2.2), ("black", 1.1)):
        axes.add_collection(
            LineCollection(
                lines, colors=colour, linewidths=width, capstyle="projecting", clip_on=False
            ),
            autolim=False,
        )


def _ceiling(axes: Axes, r: xarray.Dataset, *, x: np.ndarray) -> None:
    """The noise ceiling of each time as a band, and the largest value of each state."""
    t = r.time_ms.values.astype(float)
    for k, state in enumerate(r.state.values):
        colour, dash, marker = style(k)
        largest = r.evaluation.sel(state=state).max("step").values
        axes.plot(t, largest, color=colour, ls=dash, marker=marker, ms=3, lw=1, label=str(state))
    known = "ceiling" in r and np.isfinite(r.ceiling.values).any()
    if known:
        rest = [d for d in r.ceiling.dims if d not in ("bound", "time_ms")]
        bounds = r.ceiling.max(rest).transpose(..., "time_ms").values
        bounds = np.append(bounds, bounds[..., -1:], axis=-1)
        if bounds.ndim == 1:  # of encoding: one value, no band
            axes.step(x, bounds, color="0.5", lw=1.5, where="post", label="noise ceiling")
        else:
            band: dict[str, Any] = {"color": "0.6", "alpha": 0.5, "lw": 0, "step": "post"}
            axes.fill_between(x, *bounds, **band, label="noise ceiling")
    else:
        axes.plot([], [], ls="", label=no_ceiling(r.attrs))
    axes.axhline(0, color="black", lw=0.8)
    axes.set_xlim(x[0], x[-1])
    axes.set_title("largest of all steps (chosen by looking)", loc="left", fontsize="small")
    axes.spines[["top", "right"]].set_visible(False)
