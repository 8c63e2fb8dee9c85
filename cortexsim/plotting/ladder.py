"""The latency ladder: areas from early to late, each with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.plotting.parts import needs, uncut

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes


@clear_errors
@uncut
def latency_ladder(axes: Axes, result: xarray.Dataset) -> Axes:
    """The latency of each area with its interval, the earliest on top.

    Between neighbours stands by how much the later one is later, with interval and corrected p.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    result : xarray.Dataset
        What ``cortexsim.neural.latency_ladder`` returned.

    Returns
    -------
    matplotlib.axes.Axes
        The same.

    Raises
    ------
    AnalysisError
        For another data set.
    """
    needs(result, ("latency_ms", "interval", "difference_ms", "units"), ("area", "other"))
    result = result.sel(other=result.area.values)  # areas may have been chosen, or sorted
    areas = [str(a) for a in result.area.values]
    rows = -np.arange(len(areas), dtype=np.float64)
    low, high = result.interval.transpose("bound", "area").values
    axes.hlines(rows, low, high, color="0.3", lw=2)
    axes.plot(result.latency_ms.values, rows, "o", color="black")
    for k in range(len(areas) - 1):
        step = result.isel(area=k, other=k + 1)
        first, last = step.difference_interval.values
        words = (
            f"{float(step.difference_ms):+.3g} ms [{first:.3g}, {last:.3g}], p {float(step.p):.2g}"
        )
        axes.text(
            float(high.max()), rows[k] - 0.5, words, fontsize="x-small", va="center", ha="right"
        )
    labels = [f"{a} ({int(n)})" for a, n in zip(areas, result.units.values, strict=True)]
    axes.set_yticks(rows, labels)
    about = result.attrs
    axes.set(
        xlabel="ms after stimulus onset",
        ylabel="area (units)",
        ylim=(rows[-1] - 0.5, 0.5),
        title=f"{about['statistic']} of units, {about['species']}; "
        f"{100 * about['confidence']:g} % intervals over units",
    )
    axes.spines[["top", "right"]].set_visible(False)
    return axes
