"""Figures of behaviour: values by readout time with intervals and ceilings, speed against accuracy, when images are solved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.plotting.rsa import style

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes

GREYS = {"early": "0.25", "late": "0.55", "never": "0.85"}


def by_readout(axes: Axes, results: dict[str, xarray.Dataset], name: str) -> Axes:
    """A value by readout time for each network, with its interval. results: network -> Dataset with ``name`` and ``interval`` over one time axis."""
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


def level(axes: Axes, value: float, label: str, dash: Any = "--") -> None:
    """A horizontal line with its name: a ceiling, a floor, chance."""
    axes.axhline(value, color="black", lw=0.9, ls=dash, label=label)


def speed_and_accuracy(axes: Axes, results: dict[str, xarray.Dataset]) -> Axes:
    """Accuracy against mean reaction time over thresholds (line), and of answers of all images at one step (markers)."""
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
        axes.plot(result[axis].values, result.fixed_accuracy.values, color=colour, ls="", marker=marker, ms=5, mfc="none", label=f"{label}, at one step")  # fmt: skip
    axes.set(xlabel="mean step of the answer", ylabel="accuracy")
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def solved(axes: Axes, solutions: dict[str, xarray.Dataset]) -> Axes:
    """Share of images solved by each time; what is missing to 1 at the end was never solved."""
    for k, (label, one) in enumerate(solutions.items()):
        colour, dash, _ = style(k)
        times = np.sort(one.time.values[one.solved.values])
        share = np.arange(1, len(times) + 1) / one.sizes["stimulus"]
        last = float(one[one.attrs["axis"]].values[-1])
        axes.step([*times, last], [*share, share[-1] if len(share) else 0.0], where="post", color=colour, ls=dash, label=label)  # fmt: skip
    axes.set(xlabel="object solution time (steps)", ylabel="share of images solved", ylim=(0, 1))
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def groups(axes: Axes, results: dict[str, xarray.Dataset]) -> Axes:
    """Means of early-, late- and never-solved images with intervals, a cluster of bars for each network; counts above."""
    width = 0.26
    for k, result in enumerate(results.values()):
        for j, group in enumerate(result.group.values):
            one = result.sel(group=group)
            mean, (low, high) = float(one["mean"]), one.interval.values
            if not np.isfinite(mean):
                continue
            at = k + (j - 1) * width
            axes.bar(at, mean, width * 0.92, color=GREYS[str(group)], edgecolor="black", lw=0.6, label=f"solved {group}" if group != "never" else "never solved")  # fmt: skip
            axes.vlines(at, low, high, color="black", lw=1.2)
            axes.annotate(f"{int(one['count'])}", (at, high), (0, 2), textcoords="offset points", ha="center", fontsize="x-small")  # fmt: skip
    axes.set_xticks(range(len(results)), list(results))
    axes.set_xlim(-0.6, len(results) - 0.4)
    axes.spines[["top", "right"]].set_visible(False)
    return axes
