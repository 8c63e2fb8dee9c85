"""The two figures of ``neural_latency``: areas beside the model, and the courses themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.plotting.parts import legend_below

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = {"rate": "o", "selectivity": "D"}
COLOURS = {"rate": "black", "selectivity": "0.4"}
SCALES = ("as recorded", "by baseline")
NAMES = {"half_maximum": "half maximum", "onset": "onset"}
LAST_MS = 250.0


def draw_areas(
    measured: dict[str, Any],
    differences: dict[str, Any],
    *,
    authors: np.ndarray,
    model: dict[str, Any],
    rows: list[dict[str, Any]],
    areas: Sequence[str],
) -> Figure:
    """One row an area: the model's range, recordings, literature; below, IT minus V1."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 8.2), layout="constrained")
    axes, below = figure.subplots(2, 1, height_ratios=(3, 1.3))
    for k, area in enumerate(areas):
        _first_populated(axes, -k, model[area])
        place = _recorded(axes, -k + 0.32, measured[area]) if area in measured else -k + 0.1
        if area == "V1":
            label = "V1: the authors' latency of each recording"
            axes.plot(
                authors, [place] * len(authors), "|", color="black", ms=9, mew=1.5, label=label
            )
            place -= 0.12
        for row in (r for r in rows if r["area"] == area):
            _published(axes, place, row)
            place -= 0.12
    axes.set_yticks(-np.arange(len(areas)), areas)
    first = min(0.0, axes.dataLim.x0 - 5)  # an interval may begin before the stimulus
    axes.set(xlabel="ms after stimulus onset", xlim=(first, LAST_MS))
    axes.set_ylim(-len(areas) + 0.45, 0.55)
    axes.set_title("Latency of the mean over units (as recorded)", fontsize="medium", loc="left")
    _differences(below, differences)
    for panel in (axes, below):
        panel.spines[["top", "right"]].set_visible(False)
    legend_below(figure, [axes], ncols=2)
    return figure


def _first_populated(axes: Axes, row: float, state: dict[str, Any]) -> None:
    """When a state of the model is first populated, with the declared range."""
    axes.barh(
        row,
        state["high_ms"] - state["low_ms"],
        left=state["low_ms"],
        height=0.84,
        color="#56b4e9",
        alpha=0.3,
        lw=0,
        label="cortex4: first populated, declared range",
    )
    axes.plot(
        [state["time_ms"]] * 2,
        [row - 0.42, row + 0.42],
        color="#0072b2",
        lw=2.5,
        label="cortex4: nominal (25 ms a step)",
    )


def _recorded(axes: Axes, place: float, area: dict[str, Any]) -> float:
    """Half maximum and onset of rate and selectivity; the place of the next line."""
    for kind, marker in MARKERS.items():
        for method, name in NAMES.items():
            found = area[kind]["as recorded"][method]
            filled = method == "half_maximum"
            for interval, width in (("interval with the bin", 1.0), ("interval", 3.0)):
                ends = np.nan_to_num(found[interval], nan=LAST_MS)
                axes.plot(ends, [place] * 2, color=COLOURS[kind], lw=width)
            axes.plot(
                found["latency_ms"],
                place,
                marker=marker,
                color=COLOURS[kind],
                mfc=COLOURS[kind] if filled else "white",
                ls="",
                label=f"recording: {name} of {kind}",
            )
            place -= 0.12
    return place


def _published(axes: Axes, place: float, row: dict[str, Any]) -> None:
    """A latency from the literature."""
    spread = row["spread_ms"] if row["spread_kind"] == "sd" else np.nan
    known = np.isfinite(spread)
    author, *_, year = row["source"].split(", J")[0].replace(",", "").split()
    axes.errorbar(
        row["mean_ms"],
        place,
        xerr=spread if known else None,
        marker="s",
        capsize=3,
        ls="",
        color="#d55e00",
        label=f"{author} et al. {year} ({row['status']}){', ± sd of cells' if known else ''}",
    )


def _differences(axes: Axes, differences: dict[str, Any]) -> None:
    """How much later IT is than V1, in words beside every line."""
    place, ticks = 0.0, []
    for method, name in NAMES.items():
        for kind in MARKERS:
            for scale in SCALES:
                found = differences[kind][scale][method]
                recorded = scale == SCALES[0]
                colour = "black" if recorded else "0.55"
                low, high = found["interval"]
                axes.plot([low, high], [place] * 2, color=colour, lw=2, ls="-" if recorded else ":")
                middle = found["difference_ms"]
                axes.plot(middle, place, marker=MARKERS[kind], color=colour, ls="")
                words = f"{middle:.0f} [{low:.0f}, {high:.0f}] ms, p {found['p']:.2g}"
                axes.text(142, place, words, va="center", fontsize="small")
                ticks.append((place, f"{name} of {kind}, {scale}"))
                place -= 1
        place -= 0.4
    axes.axvline(0, color="black", lw=0.8)
    axes.set_yticks(*zip(*ticks), fontsize="small")
    axes.set(xlim=(-60, 220), xlabel="IT minus V1, ms (95 % interval over units and bins)")


def draw_courses(
    courses: dict[str, Any], measured: dict[str, Any], times: np.ndarray, *, halves: Any
) -> Figure:
    """The courses in both units with their onsets; below, the agreement of RDMs in IT."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 8), layout="constrained")
    grid = figure.add_gridspec(3, 2)
    for row, (area, by_kind) in enumerate(courses.items()):
        for column, (kind, by_scale) in enumerate(by_kind.items()):
            axes = figure.add_subplot(grid[row, column])
            _course(axes, times, by_scale, found=measured[area][kind])
            axes.set_title(f"{area}: {kind}", fontsize="medium", loc="left")
            axes.set(xlim=(-50, 300), xlabel="ms after stimulus onset")
            axes.set_ylabel("share of its peak" if column == 0 else "")
    _agreement(figure.add_subplot(grid[2, :]), halves)
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _course(
    axes: Axes, times: np.ndarray, by_scale: dict[str, np.ndarray], *, found: dict[str, Any]
) -> None:
    """The mean over units in both units, each as a share of its peak, with its onset."""
    for scale, colour, dash in zip(SCALES, ("black", "0.5"), ("-", "--")):
        mean = by_scale[scale].mean(0)
        error = by_scale[scale].std(0, ddof=1) / np.sqrt(len(by_scale[scale])) / mean.max()
        mean = mean / mean.max()
        onset = found[scale]["onset"]["latency_ms"]
        half = found[scale]["half_maximum"]["latency_ms"]
        says = f"{scale}: onset {onset:.0f}, half {half:.0f} ms"
        axes.plot(times, mean, color=colour, ls=dash, label=says)
        axes.fill_between(times, mean - error, mean + error, color=colour, alpha=0.2, lw=0)
        axes.axvline(onset, ymax=0.72, color=colour, ls=dash, lw=1)
    axes.axhline(0, color="black", lw=0.6)
    axes.set_ylim(top=2.0)  # the legend is above what is drawn
    axes.legend(frameon=False, fontsize="small", loc="upper left")


def _agreement(axes: Axes, halves: Any) -> None:
    """The reliability of IT's RDMs over time."""
    low, high = halves.interval.transpose("bound", ...).values
    times = halves.time_ms.values
    axes.plot(times, halves.reliability.values, color="black", label="mean of splits")
    axes.fill_between(times, low, high, color="0.8", lw=0, label="95 % of splits")
    axes.axhline(0, color="black", lw=0.6)
    axes.set_title(
        "IT: reliability of RDMs (Spearman-Brown), bins of 20 ms every 5 ms",
        fontsize="medium",
        loc="left",
    )
    axes.set(xlabel="ms after stimulus onset", xlim=(-200, 500))
    axes.legend(frameon=False, fontsize="small", loc="upper left")
