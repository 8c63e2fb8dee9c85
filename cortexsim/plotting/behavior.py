"""Figures of behaviour: values by readout time with intervals and ceilings, speed against accuracy,
when images are solved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.plotting.parts import style

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes

GREYS = {"early": "0.25", "late": "0.55", "never": "0.85"}


def by_readout(axes: Axes, results: dict[str, xarray.Dataset], name: str) -> Axes:
    """A value by readout time for each network, with its interval.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    results : dict of str to xarray.Dataset
        For each network ``name`` and ``interval`` over one time axis.
    name : str
        The variable.

    Returns
    -------
    matplotlib.axes.Axes
        The same.
    """
    for k, (label, result) in enumerate(results.items()):
        colour, dash, marker = style(k)
        axis = str(result[name].dims[0])
        low, high = result.interval.transpose("bound", ...).values
        axes.plot(
            result[axis].values,
            result[name].values,
            color=colour,
            ls=dash,
            marker=marker,
            ms=4,
            label=label,
        )
        axes.fill_between(result[axis].values, low, high, color=colour, alpha=0.2, lw=0)
    axes.set_xlabel("readout step")
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def level(axes: Axes, value: float, label: str, *, dash: Any = "--") -> None:
    """A horizontal line with its name: a ceiling, a floor, chance.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    value : float
        Height of the line.
    label : str
        Its name.
    dash : str or tuple
        Its dashes, as matplotlib knows them.
    """
    axes.axhline(value, color="black", lw=0.9, ls=dash, label=label)


def speed_and_accuracy(axes: Axes, results: dict[str, xarray.Dataset]) -> Axes:
    """Accuracy against mean reaction time.

    A line over thresholds; markers for answers of all images at one step.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    results : dict of str to xarray.Dataset
        For each network what ``cortexsim.analysis`` found of its reaction times.

    Returns
    -------
    matplotlib.axes.Axes
        The same.
    """
    for k, (label, result) in enumerate(results.items()):
        colour, dash, marker = style(k)
        axis = result.attrs["axis"]
        low, high = result.accuracy_interval.transpose("bound", ...).values
        axes.plot(
            result.time.values,
            result.accuracy.values,
            color=colour,
            ls=dash,
            label=f"{label}, when certain",
        )
        axes.fill_between(result.time.values, low, high, color=colour, alpha=0.2, lw=0)
        axes.plot(
            result[axis].values,
            result.fixed_accuracy.values,
            color=colour,
            ls="",
            marker=marker,
            ms=5,
            mfc="none",
            label=f"{label}, at one step",
        )
    axes.set(xlabel="mean step of the answer", ylabel="accuracy")
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def solved(axes: Axes, solutions: dict[str, xarray.Dataset]) -> Axes:
    """Share of images solved by each time; what is missing to 1 at the end was never solved.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    solutions : dict of str to xarray.Dataset
        For each network its object solution times.

    Returns
    -------
    matplotlib.axes.Axes
        The same.
    """
    for k, (label, solved) in enumerate(solutions.items()):
        colour, dash, _ = style(k)
        times = np.sort(solved.time.values[solved.solved.values])
        share = np.arange(1, len(times) + 1) / solved.sizes["stimulus"]
        last = float(solved[solved.attrs["axis"]].values[-1])
        axes.step(
            [*times, last],
            [*share, share[-1] if len(share) else 0.0],
            where="post",
            color=colour,
            ls=dash,
            label=label,
        )
    axes.set(xlabel="object solution time (steps)", ylabel="share of images solved", ylim=(0, 1))
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def groups(axes: Axes, results: dict[str, xarray.Dataset]) -> Axes:
    """Means of early-, late- and never-solved images with intervals.

    A cluster of bars for each network; counts above.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    results : dict of str to xarray.Dataset
        For each network the means by group.

    Returns
    -------
    matplotlib.axes.Axes
        The same.
    """
    width = 0.26
    for k, result in enumerate(results.values()):
        for j, group in enumerate(result.group.values):
            of_group = result.sel(group=group)
            mean, (low, high) = float(of_group["mean"]), of_group.interval.values
            if not np.isfinite(mean):
                continue
            at = k + (j - 1) * width
            axes.bar(
                at,
                mean,
                width * 0.92,
                color=GREYS[str(group)],
                edgecolor="black",
                lw=0.6,
                label=f"solved {group}" if group != "never" else "never solved",
            )
            axes.vlines(at, low, high, color="black", lw=1.2)
            axes.annotate(
                f"{int(of_group['count'])}",
                (at, high),
                (0, 2),
                textcoords="offset points",
                ha="center",
                fontsize="x-small",
            )
    axes.set_xticks(range(len(results)), list(results))
    axes.set_xlim(-0.6, len(results) - 0.4)
    axes.spines[["top", "right"]].set_visible(False)
    return axes
