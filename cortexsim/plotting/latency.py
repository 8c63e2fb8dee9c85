"""Figures of latencies: of members, of two areas, of states, and of a fitted time axis."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.plotting.ladder import latency_ladder
from cortexsim.plotting.page import NARROW, PAGE, printed, sheet, wrapped
from cortexsim.plotting.parts import legend_below, needs, style, whole_steps
from cortexsim.plotting.rsa import COLOURS
from cortexsim.timeaxis import TimeAxis

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOMENTS = {"onset": "o", "half_maximum": "D", "peak": "s"}


@clear_errors
@printed
def latency(result: xarray.Dataset, *, width_mm: float = PAGE) -> Figure:
    """A latency with its interval, as the analysis that it is of has it.

    Of a population: the share of members that have begun by each time, and the latency of their
    mean. Of two areas: both, and by how much the second is later. Of states: onset, half of the
    maximum and peak. Of single units: the share that has begun, by area. Of many areas: the ladder.

    Parameters
    ----------
    result : xarray.Dataset
        What ``population_latency``, ``latency_difference``, ``discrimination_latency``,
        ``selectivity_latency``, ``significance_onset``, ``neural.from_latencies`` or
        ``neural.latency_ladder`` returned.
    width_mm : float
        Of the figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    AnalysisError
        For another data set.

    Examples
    --------
    >>> from cortexsim.analysis import population_latency
    >>> times = np.arange(-100.0, 200, 10)
    >>> noisy = np.random.default_rng(0).normal(size=(40, 30)) + 3 * (times > 75)
    >>> figure = latency(population_latency(noisy, times), width_mm=89)
    >>> figure.axes[0].get_xlabel()
    'ms after stimulus onset'
    """
    name = str(result.attrs.get("analysis"))
    if name == "latency_ladder":
        rows = result.sizes["area"]
        figure = sheet(width_mm, 30 + 11 * rows)
        latency_ladder(figure.subplots(), result)
        _wrap_title(figure.axes[0], width_mm)
        return figure
    drawings = {
        "population_latency": _population,
        "latency_difference": _difference,
        "discrimination_latency": _moments,
        "selectivity_latency": _units,
        "significance_onset": _significance,
    }
    draw = drawings.get(name, _units if _of_units(result) else None)
    if draw is None:
        raise AnalysisError(
            f"no latency is in this data set, which has {', '.join(map(str, result.data_vars))}; "
            f"the results that are drawn are of {', '.join((*drawings, 'latency_ladder'))}"
        )
    figure = sheet(width_mm, 58)
    draw(figure, result, width_mm)
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    legend_below(figure, figure.axes, ncols=3)
    return figure


def _of_units(result: xarray.Dataset) -> bool:
    """Whether these are latencies of units that somebody measured."""
    return "latency_ms" in result and result.latency_ms.dims == ("unit",)


def _begun(axes: Axes, latencies: np.ndarray, k: int, *, label: str) -> None:
    """The share of all members that have a latency up to each time."""
    colour, dash, _ = style(k)
    x = np.sort(latencies[np.isfinite(latencies)])
    share = np.arange(1, len(x) + 1) / max(1, len(latencies))
    if len(x):
        x, share = np.r_[x[0], x], np.r_[0.0, share]
    axes.step(x, share, where="post", color=colour, ls=dash, label=label)
    axes.set(ylim=(0, 1.03))
    axes.set_ylabel("share that has begun")


def _point(axes: Axes, at: float, bounds: Any, y: float, **look: Any) -> None:
    """A time with its interval; an end that is not known goes to the edge as an arrow."""
    if not np.isfinite(at):
        return
    low, high = (float(v) for v in np.asarray(bounds))
    label = look.pop("label", None)
    axes.plot([at], [y], ls="", label=label, **look)
    axes.plot([low if np.isfinite(low) else at, high if np.isfinite(high) else at], [y, y], lw=1.5)
    axes.lines[-1].set_color(look.get("color", "black"))
    if not np.isfinite(high):
        axes.annotate(
            "", (1, y), (at, y), xycoords=("axes fraction", "data"), textcoords="data",
            arrowprops={"arrowstyle": "->", "lw": 1.2, "color": look.get("color", "black")},
        )  # fmt: skip


def _unit(about: dict[str, Any]) -> str:
    """Of the latencies: ``ms``, or ``steps`` where nobody declared any."""
    return "steps" if about.get("axis") == "step" else "ms"


def _axis(about: dict[str, Any]) -> str:
    """What the axis of the latencies is."""
    return "step of the network" if about.get("axis") == "step" else "ms after stimulus onset"


def _population(figure: Figure, result: xarray.Dataset, width_mm: float) -> None:
    axes, about = figure.subplots(), result.attrs
    _begun(axes, result.each.values, 0, label="members, each by itself")
    at = float(result.latency_ms)
    if np.isfinite(at):
        low, high = result.interval.values
        axes.axvline(at, color="black", lw=1.2, label=f"mean of members: {at:g} {_unit(about)}")
        axes.axvspan(
            low,
            high if np.isfinite(high) else axes.get_xlim()[1],
            color="0.6",
            alpha=0.4,
            lw=0,
            label=_level(about, f"[{low:g}, {high:g}]" if np.isfinite(high) else f"from {low:g}"),
        )
    else:
        axes.plot([], [], ls="", label="their mean has no latency")
    axes.set_xlabel(_axis(about))
    axes.set_title(
        wrapped(f"{about['method'].replace('_', ' ')}, {about['members']} members", 0.8 * width_mm)
    )


def _difference(figure: Figure, result: xarray.Dataset, width_mm: float) -> None:
    rows = (2, 1) if width_mm < NARROW else (1, 2)
    (left, right), about = figure.subplots(*rows), result.attrs
    for k, at in enumerate(result.latency_ms.values):
        colour, _, marker = style(k)
        left.plot([at], [-k], marker=marker, color=colour, ms=5, ls="")
        words = f"{at:g} {_unit(about)}" if np.isfinite(at) else "none"
        left.annotate(words, (at, -k), (0, 5), textcoords="offset points", ha="center")
        left.axhline(-k, color="0.9", lw=0.6, zorder=0)
    left.set_yticks([0, -1], [f"{name} area" for name in result.area.values])
    left.set(ylim=(-1.5, 0.7), xlabel=_axis(about))
    left.margins(x=0.25)
    left.set_title(f"{about['method'].replace('_', ' ')}; members: {about['members']}")
    at = float(result.difference_ms)
    _point(right, at, result.interval.values, 0.0, color="black", marker="o", ms=5)
    right.axvline(0, color="black", ls=":", lw=0.8)
    words = (
        f"{at:+g} {_unit(about)}, p = {float(result.p):.2g}"
        if np.isfinite(at)
        else "none: no latency"
    )
    right.set_title(words)
    right.set_yticks([])
    right.set(ylim=(-1, 1))
    right.set_xlabel(wrapped(f"second − first, {_unit(about)} ({_level(about)})", 60))


def _moments(figure: Figure, result: xarray.Dataset, width_mm: float) -> None:
    axes, about = figure.subplots(), result.attrs
    states = [str(s) for s in result.state.values] if "state" in result.dims else [""]
    for k, state in enumerate(states):
        row = result.sel(state=state) if state else result
        for j, (name, marker) in enumerate(MOMENTS.items()):
            colour = style(j)[0]
            label: dict[str, Any] = {"label": name.replace("_", " of the ")} if k == 0 else {}
            axes.plot([], [], ls="", marker=marker, color=colour, ms=4, **label)
            bounds = row[f"{name}_interval"].values
            y = -k + 0.22 * (1 - j)
            _point(axes, float(row[name]), bounds, y, color=colour, marker=marker, ms=4)
        if not np.isfinite(float(row.onset)):
            axes.text(0.02, -k, "none", transform=axes.get_yaxis_transform(), va="center")
    axes.set_yticks(-np.arange(len(states)), states)
    axes.set_ylim(-len(states) + 0.4, 0.6)
    unit = _axis(about)
    axes.set_xlabel(f"{unit} ({_level(about)})")
    if about["axis"] == "step":
        axes.set_xlim(float(result.step.min()) - 0.5, float(result.step.max()) + 0.5)
        whole_steps(axes.xaxis)
    words = f"{about['estimator']}, {about['stimuli']} stimuli, chance {float(result.chance):.2f}"
    axes.set_title(wrapped(words, 0.8 * width_mm))


def _units(figure: Figure, result: xarray.Dataset, width_mm: float) -> None:
    axes = figure.subplots()
    measured = _of_units(result)
    values = (result.latency_ms if measured else result.onset).values.astype(float)
    groups = result["area"].values.astype(str) if "area" in result.coords and measured else None
    if groups is None or groups.ndim == 0:
        groups = np.full(len(values), "units")
    names = sorted(dict.fromkeys(groups), key=lambda g: np.nanmedian(values[groups == g]))
    for k, name in enumerate(names):
        mine = values[groups == name]
        _begun(axes, mine, k, label=f"{name} ({int(np.isfinite(mine).sum())} of {len(mine)})")
    axes.set_xlabel(_axis(result.attrs))
    axes.set_title("latency of units" if measured else "onset of selectivity of units")


def _significance(figure: Figure, result: xarray.Dataset, width_mm: float) -> None:
    axes, about = figure.subplots(), result.attrs
    needs(result, ("p", "onset_ms", "interval"), ())
    time = str(result.p.dims[-1])
    x = np.asarray(result[time].values, dtype=float)
    axes.plot(x, -np.log10(result.p.values), color=style(0)[0], label="corrected p")
    axes.axhline(-np.log10(0.05), color="black", ls=":", lw=0.8, label="p = 0.05")
    at = float(result.onset_ms)
    if np.isfinite(at):
        low, high = result.interval.values
        axes.axvline(at, color="black", label=f"onset {at:g} ms")
        axes.axvspan(
            low, high if np.isfinite(high) else x[-1], color="0.6", alpha=0.4, lw=0,
            label=_level(about),
        )  # fmt: skip
    else:
        axes.plot([], [], ls="", label="no onset")
    axes.set(xlabel="ms after stimulus onset", ylabel="−log10 p")
    axes.set_title(wrapped(f"{about['test']}, {about['subjects']} subjects", 0.8 * width_mm))


@clear_errors
@printed
def fitted_axis(result: xarray.Dataset, *, width_mm: float = PAGE) -> Figure:
    """The time axis that fits best: similarity by step and time, what was searched, and held out.

    Parameters
    ----------
    result : xarray.Dataset
        What ``cortexsim.analysis.fit_time_axis`` returned.
    width_mm : float
        Of the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Left: similarity of every step at every time, with the fitted axis as a line. Middle: the
        mean similarity along each axis that was searched; the cross is the best one with its
        interval. Right: similarity on stimuli that were held out.

    Raises
    ------
    AnalysisError
        For another data set.
    """
    needs(result, ("similarity", "objective", "held_out", "onset_ms", "step_ms"), ())
    narrow = width_mm < NARROW
    figure = sheet(width_mm, 165 if narrow else 68)
    ratios = {"width_ratios": [1.2, 1.2, 0.7]} if not narrow else {"height_ratios": [1, 1, 0.8]}
    left, middle, right = figure.subplots(*((3, 1) if narrow else (1, 3)), gridspec_kw=ratios)
    t, steps = result.time_ms.values.astype(float), result.step.values.astype(float)
    image = left.pcolormesh(
        t,
        steps,
        np.ma.masked_invalid(result.similarity.transpose("step", "time_ms").values),
        cmap=COLOURS,
        shading="nearest",
        rasterized=True,
    )
    onset, step = float(result.onset_ms), float(result.step_ms)
    fitted = TimeAxis.from_dict(json.loads(result.attrs["time_axis"]))
    left.plot(fitted.time_ms(steps), steps, color="white", lw=2.6)
    left.plot(fitted.time_ms(steps), steps, color="black", lw=1.2, marker=".", ms=4)
    left.set(xlim=(t[0], t[-1]), ylim=(steps[0] - 0.5, steps[-1] + 0.5))
    left.set(xlabel="time of the data, ms", ylabel="step of the network")
    whole_steps(left.yaxis)
    left.set_title("line: the fitted axis", fontsize="small")
    figure.colorbar(image, ax=left, label=f"similarity ({result.attrs['comparator']})")
    searched = middle.pcolormesh(
        result.step_duration.values.astype(float),
        result.onset.values.astype(float),
        np.ma.masked_invalid(result.objective.transpose("onset", "step_duration").values),
        cmap="Greys",
        shading="nearest",
        rasterized=True,
    )
    bounds = {p: result.interval.sel(parameter=p).values for p in ("onset_ms", "step_ms")}
    known = {p: np.where(np.isfinite(b), b, v) for (p, b), v in zip(bounds.items(), (onset, step))}
    for dash, colour in (("-", "white"), ("-", "#d55e00")):
        width = 3 if colour == "white" else 1.5
        middle.plot(known["step_ms"], [onset] * 2, color=colour, ls=dash, lw=width)
        middle.plot([step] * 2, known["onset_ms"], color=colour, ls=dash, lw=width)
    middle.set(xlabel="duration of a step, ms", ylabel="onset of step 1, ms")
    middle.set_title(
        f"onset {onset:g} ms, a step {step:g} ms\n(cross: {_level(result.attrs)})", fontsize="small"
    )
    figure.colorbar(searched, ax=middle, label="mean similarity")
    names = [str(a) for a in result.axis.values]
    look: dict[str, Any] = {"color": "#56b4e9", "ec": "black", "lw": 0.6}
    right.bar(range(len(names)), result.held_out.values, width=0.6, **look)
    right.set_xticks(range(len(names)), names, rotation=35, ha="right", rotation_mode="anchor")
    right.axhline(0, color="black", lw=0.6)
    right.set_ylabel("held-out similarity")
    right.spines[["top", "right"]].set_visible(False)
    aligned, ordered = float(result.p_alignment), float(result.p_order)
    words = f"p = {aligned:.2g} (conditions)\np = {ordered:.2g} (steps)"
    right.set_title(words, fontsize="small")
    return figure


def _level(about: dict[str, Any], bounds: str = "") -> str:
    """``95 % interval [3, 4] ms``."""
    words = f"{100 * float(about.get('confidence', 0.95)):g} % interval"
    return f"{words} {bounds} ms" if bounds else words


def _wrap_title(axes: Axes, width_mm: float) -> None:
    axes.set_title(wrapped(axes.get_title(), 0.85 * width_mm), fontsize="medium")
