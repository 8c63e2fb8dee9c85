"""Every step of a network with every time of a brain: one heat map a state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.plotting.page import NARROW, PAGE, printed, sheet, wrapped
from cortexsim.plotting.parts import needs
from cortexsim.plotting.rsa import COLOURS

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure


@clear_errors
@printed
def time_by_time(
    result: xarray.Dataset, network: str | None = None, *, width_mm: float = PAGE
) -> Figure:
    """The evaluation of every step (rows) at every time of the neural data (columns).

    Outlined where it is above its null. The white dashed line is the declared time axis, the thin
    ones its range; a state that is not populated at a step is hatched.

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
    r = result.sel(network=name)
    states = [str(s) for s in r.state.values]
    columns = min(1 if width_mm < NARROW else 2, len(states))
    rows = -(-len(states) // columns)
    figure = sheet(width_mm, 28 + (18 + 3 * r.sizes["step"]) * rows)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    lowest, highest = float(r.evaluation.min()), float(r.evaluation.max())
    t, steps = r.time_ms.values.astype(float), r.step.values
    image: Any = None
    for axes, state in zip(panels.flat, states):
        of_state = r.sel(state=state)
        y = of_state.evaluation.transpose("step", "time_ms").values
        axes.set_facecolor("white")
        axes.patch.set(hatch="////", edgecolor="0.8")
        image = axes.pcolormesh(
            t,
            steps,
            np.ma.masked_invalid(y),
            cmap=COLOURS,
            vmin=lowest,
            vmax=highest,
            shading="nearest",
            rasterized=True,
        )
        if "p_permutation_corrected" in of_state:
            hit = (
                of_state.p_permutation_corrected.transpose("step", "time_ms").values < 0.05
            ).astype(float)
            if hit.any() and min(hit.shape) > 1:
                axes.contour(t, steps, hit, levels=[0.5], colors="white", linewidths=1.8)
                axes.contour(t, steps, hit, levels=[0.5], colors="black", linewidths=0.9)
        for coordinate, dash in (
            ("model_time_ms", "--"),
            ("time_ms_low", ":"),
            ("time_ms_high", ":"),
        ):
            if coordinate in of_state.coords:
                axes.plot(of_state[coordinate].values, steps, color="white", ls=dash, lw=1)
        axes.set(xlim=(t[0], t[-1]), ylim=(steps[0] - 0.5, steps[-1] + 0.5))
        axes.set_title(state, loc="left", fontweight="bold", fontsize="medium")
    for axes in panels.flat[len(states) :]:
        axes.set_visible(False)
    for axes in panels[-1]:
        axes.set_xlabel("time of the neural data, ms", fontsize="small")
    for axes in panels[:, 0]:
        axes.set_ylabel("step of the network", fontsize="small")
    quantity = str(result.attrs.get("quantity", "similarity"))
    figure.colorbar(image, ax=panels, label=wrapped(quantity, 40, 6.25), shrink=0.8)
    text = (
        "outlined: above the null, p < 0.05 corrected; white: declared time axis and its range; "
        "hatched: not populated"
    )
    head = f"{name} and {result.attrs.get('neural_name', 'neural data')}\n{text}"
    figure.suptitle(wrapped(head, 0.9 * width_mm, 6.25), fontsize="small")
    return figure
