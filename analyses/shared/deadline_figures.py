"""Panels of speed_accuracy.py: axes in, nothing out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.plotting.parts import style
from shared.deadlines import CHANCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def curves_panel(
    axes: Axes,
    people: dict[str, Any],
    names: Sequence[str],
    own: Sequence[int],
    *,
    predicted: np.ndarray,
) -> None:
    """People's accuracy by deadline with intervals, and a network's at the mapped steps."""
    for place, k in enumerate(own):
        colour, dash, marker = style(place)
        curve = people["curves"][names[k]]
        value, (low, high) = curve["accuracy"], curve["interval"]
        axes.errorbar(
            np.array(people["deadline_ms"]) + 8 * (place - 1),
            value,
            [value - low, high - value],
            color=colour,
            ls="",
            marker=marker,
            ms=6,
            capsize=2,
            label=f"people, {names[k]}",
        )
        axes.plot(people["deadline_ms"], predicted[k], color=colour, ls=dash, lw=1.4)
    axes.axhline(CHANCE, color="black", lw=0.8, ls=":")
    axes.set(xlabel="deadline, ms after image onset", ylim=(0, 1), xlim=(150, 1050))
    _bare(axes, "upper left")


def landscape_panel(
    axes: Axes, mappings: dict[str, dict[str, Any]], *, declared: tuple[float, float]
) -> None:
    """a against b: the fit and resamples of each network; the declared range shaded."""
    axes.axvspan(*declared, color="0.88", lw=0, label="the memo's 20 to 50 ms a step")
    for k, (name, one) in enumerate(mappings.items()):
        colour, _, marker = style(k)
        cloud = np.array(one["resamples_a_b"])
        axes.plot(cloud[:, 1], cloud[:, 0], ls="", marker=marker, ms=3, color=colour, alpha=0.25)
        axes.plot(
            one["b_ms"],
            one["a_ms"],
            ls="",
            marker=marker,
            ms=10,
            color=colour,
            mec="black",
            label=name,
        )
    axes.set(
        xlabel="b, ms a step (small: resamples)",
        ylabel="a, ms (all that is not steps)",
        xlim=(0, 310),
        ylim=(-20, 950),
    )
    axes.set_title("time of an answer = a + b · step", fontsize="medium", fontweight="bold")
    _bare(axes, "upper right")


def held_panel(axes: Axes, errors: dict[str, dict[str, Any]]) -> None:
    """Error in held-out people and conditions of every model, with intervals."""
    names = sorted(errors, key=lambda m: -errors[m]["value"])
    for y, name in enumerate(names):
        one = errors[name]
        low, high = one["interval"]
        bare = name in ("flat", "other conditions", "other people")
        axes.errorbar(
            one["value"],
            y,
            xerr=[[one["value"] - low], [high - one["value"]]],
            color="black" if bare else "#0072b2",
            marker="D" if bare else "o",
            mfc="white" if bare else "#0072b2",
            ms=5,
            capsize=2,
            ls="",
        )
    axes.set_yticks(range(len(names)), names, fontsize="x-small")
    axes.set(xlabel="error (RMSE of accuracy), held-out people and condition", xlim=(0, None))
    axes.set_title("held out (diamonds: without a network)", fontsize="medium", fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)


def steepness_panel(axes: Axes, people: dict[str, Any], found: dict[str, Any]) -> None:
    """Slope of people's curves against those of the mapped networks, a mark a condition."""
    x, (low, high) = (
        np.array(people["steepness_per_100_ms"]),
        np.array(people["steepness_interval"]).T,
    )
    top = float(high.max())
    for k, (name, one) in enumerate(found.items()):
        colour, _, marker = style(k)
        y, (bottom, above) = (
            np.array(one["steepness_per_100_ms"]),
            np.array(one["steepness_interval"]).T,
        )
        top = max(top, float(above.max()))
        r = one["category_correlation"]
        axes.errorbar(
            x,
            y,
            [y - bottom, above - y],
            [x - low, high - x],
            color=colour,
            ls="",
            marker=marker,
            ms=5,
            elinewidth=0.7,
            label=f"{name}; categories: r = {r:.2f}",
        )
    axes.plot([0, top], [0, top], color="black", ls=":", lw=0.8)
    halves = people["category_correlation_of_halves"]
    axes.plot([], [], ls="", label=f"halves of the people: r = {halves:.2f}")
    axes.set(
        xlabel="people: accuracy per 100 ms",
        ylabel="network, mapped: accuracy per 100 ms",
        ylim=(min(0, axes.get_ylim()[0]), 1.5 * top),
    )
    axes.set_title("steepness, a mark a condition", fontsize="medium", fontweight="bold")
    _bare(axes, "upper left")


def _bare(axes: Axes, where: str) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize="x-small", loc=where)
