"""Figures of encoding and decoding: a score by state and step, with interval, ceiling and null."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.plotting.page import PAGE, printed, sheet, wrapped
from cortexsim.plotting.parts import legend_below, stretches, strip, style, whole_steps
from cortexsim.plotting.rsa import COLOURS

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Score:
    """What is drawn of a result.

    Parameters
    ----------
    name : str
        The variable.
    interval : str
        That of its bounds.
    words : str
        What it is.
    p : str
        The variable of its corrected p-values.
    null : str
        Against what they are.
    """

    name: str
    interval: str
    words: str
    p: str
    null: str


SCORES = {
    "encode": Score(
        "median_r",
        "interval",
        "held-out correlation r, median over units",
        "p_corrected",
        "above permuted stimuli, maximum statistic",
    ),
    "encode_difference": Score(
        "difference",
        "interval",
        "difference of r, first − second, median over units",
        "p_corrected",
        "different from 0, {correction}",
    ),
    "decode": Score(
        "accuracy",
        "interval",
        "balanced accuracy, held out",
        "p_corrected",
        "above permuted labels, maximum statistic",
    ),
    "discrimination_latency": Score(
        "accuracy",
        "accuracy_interval",
        "balanced accuracy, held out",
        "p",
        "above permuted labels, maximum statistic",
    ),
}
TIMES = ("step", "time_ms")
DIFFERENT = 0.05


@clear_errors
@printed
def scores(result: xarray.Dataset, *, width_mm: float = PAGE) -> Figure:
    """The score of ``encode``, ``encode_difference`` or ``decode`` by state and step.

    With intervals, the noise ceiling or chance, the null, and where p < 0.05 corrected in a strip
    above. Without steps or times states stand side by side.

    Parameters
    ----------
    result : xarray.Dataset
        What ``cortexsim.analysis.encode``, ``encode_difference``, ``decode`` or
        ``discrimination_latency`` returned.
    width_mm : float
        Of the figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    AnalysisError
        For another result, and for one with both steps and times, or other axes.

    Examples
    --------
    >>> from cortexsim.analysis import Inference, encode
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(40, 6))
    >>> y = x @ rng.normal(size=(6, 10)) + rng.normal(size=(40, 10))
    >>> figure = scores(encode(x, y, inference=Inference(n=50)), width_mm=89)
    >>> figure.axes[0].get_ylabel()
    'held-out correlation r, median\\nover units'
    """
    score = SCORES.get(str(result.attrs.get("analysis")))
    if score is None or score.name not in result:
        raise AnalysisError(
            f"no score of {', '.join(SCORES)} is in this result, which has "
            f"{', '.join(map(str, result.data_vars))}"
        )
    values = result[score.name]
    if any(str(d).startswith("test_") for d in values.dims):
        return _generalised(result, width_mm)
    over = [str(d) for d in values.dims if d in TIMES]
    rows = [str(d) for d in values.dims if d not in TIMES]
    if len(over) > 1:
        raise AnalysisError(
            f"{score.name} is by {' and by '.join(over)}; select one, e.g. result.isel({over[1]}=0)"
        )
    figure = sheet(width_mm, 62)
    axes = figure.subplots()
    if over:
        _courses(axes, result, score, over=over[0], rows=rows)
    else:
        _columns(axes, result, score, rows=rows)
    _levels(axes, result, score, over=over)
    axes.set_ylabel(wrapped(score.words, 50))
    axes.set_title(wrapped(_title(result), 0.8 * width_mm), fontsize="medium")
    axes.spines[["top", "right"]].set_visible(False)
    legend_below(figure, [axes], ncols=4)
    return figure


def _series(result: xarray.Dataset, rows: list[str]) -> list[tuple[str, xarray.Dataset]]:
    """One data set for each line or column, with its name."""
    if not rows:
        return [("", result)]
    whole = result.stack(__line=rows)
    names = [
        " − ".join(map(str, k)) if isinstance(k, tuple) else str(k) for k in whole["__line"].values
    ]
    return [(name, whole.isel(__line=k)) for k, name in enumerate(names)]


def _courses(
    axes: Axes, result: xarray.Dataset, score: Score, *, over: str, rows: list[str]
) -> None:
    """A line a state over steps or times."""
    x = np.asarray(result[over].values, dtype=float)
    series = _series(result, rows)
    half = np.median(np.diff(x)) / 2 if len(x) > 1 else 0.5
    marks = strip(axes, len(series)) if score.p in result else None
    for k, (name, line) in enumerate(series):
        colour, dash, marker = style(k)
        y = line[score.name].values
        look: dict[str, Any] = {"color": colour, "ls": dash, "marker": marker, "ms": 3.5}
        axes.plot(x, y, **look, label=name or str(score.name).replace("_", " "))
        if score.interval in line:
            low, high = line[score.interval].transpose("bound", ...).values
            shown = np.isfinite(low) & np.isfinite(high)
            band: dict[str, Any] = {"color": colour, "alpha": 0.18, "lw": 0}
            band |= {"label": _interval(result)} if k == 0 else {}
            axes.fill_between(x[shown], low[shown], high[shown], **band)
        if marks is not None:
            hit = line[score.p].values < DIFFERENT
            for a, b, on in stretches(hit.tolist()):
                if on:
                    marks.hlines(k, x[a] - half, x[b - 1] + half, color=colour, lw=2)
                    marks.plot(x[a] - half, k, marker=marker, ms=3.5, color=colour)
    axes.set_xlabel("time, ms after stimulus onset" if over == "time_ms" else "step of the network")
    if over == "step":
        whole_steps(axes.xaxis)
    if marks is not None:
        axes.plot([], [], color="0.3", lw=2, label=f"bars above: {_test(result, score)}")


def _columns(axes: Axes, result: xarray.Dataset, score: Score, *, rows: list[str]) -> None:
    """A bar a state, where there are no steps."""
    series = _series(result, rows)
    x, y = np.arange(len(series)), np.array([float(r[score.name]) for _, r in series])
    axes.bar(x, y, width=0.6, color="#56b4e9", edgecolor="black", lw=0.6, zorder=2)
    if score.interval in result:
        bounds = np.array([r[score.interval].values for _, r in series]).T
        axes.vlines(x, *bounds, color="black", lw=1.2, zorder=3, label=_interval(result))
    if score.p in result:
        marks = strip(axes, 1)
        hit = np.array([float(r[score.p]) < DIFFERENT for _, r in series])
        marks.scatter(x[hit], np.zeros(int(hit.sum())), marker="*", s=16, color="black")
        axes.scatter([], [], marker="*", s=16, color="black", label=_test(result, score))
    slant: dict[str, Any] = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(x, [name for name, _ in series], **(slant if len(series) > 6 else {}))
    axes.set_xlim(-0.7, len(series) - 0.3)


def _levels(axes: Axes, result: xarray.Dataset, score: Score, *, over: list[str]) -> None:
    """Noise ceiling, chance, null and zero."""
    if "reliability" in result and "reliable" in result:
        good = np.sqrt(result.reliability.where(result.reliable))
        top = float(good.median())
        axes.axhline(
            top, color="0.7", lw=3, zorder=0, label="noise ceiling: median √reliability of units"
        )
    elif score.name == "median_r":
        axes.plot([], [], ls="", label="no noise ceiling (no reliability was given)")
    if "chance" in result:
        axes.axhline(float(result.chance), color="black", ls=":", lw=0.8, label="chance")
    else:
        axes.axhline(0, color="black", lw=0.6)
    name = "null_high" if "null_high" in result else "critical"
    if name in result:
        limit = result[name]
        level = 100 * float(result.attrs.get("confidence", 0.95))
        what = f"{level:g} % of permutations below"
        if limit.ndim == 0:
            axes.axhline(float(limit), color="0.5", lw=0.8, ls=(0, (6, 2)), label=what)
        elif over and set(limit.dims) >= set(over):
            highest = limit.max([d for d in limit.dims if d not in over])
            x = np.asarray(result[over[0]].values, dtype=float)
            axes.plot(x, highest.values, color="0.5", lw=0.8, ls=(0, (6, 2)), label=what)


def _generalised(result: xarray.Dataset, width_mm: float) -> Figure:
    """Trained at one step, tested at another: a square a state."""
    states = [str(s) for s in result.state.values] if "state" in result.accuracy.dims else [""]
    axis = next(str(d) for d in result.accuracy.dims if d in TIMES)
    columns = min(len(states), 2 if width_mm < 120 else 3)
    rows = -(-len(states) // columns)
    side = min(70.0, (width_mm - 22) / columns)
    figure = sheet(width_mm, rows * (side + 4) + 14)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    chance = float(result.chance)
    x = np.asarray(result[axis].values, dtype=float)
    image: Any = None
    for axes, state in zip(panels.flat, states):
        of_state = result.sel(state=state) if state else result
        values = of_state.accuracy.transpose(axis, f"test_{axis}").values
        image = axes.pcolormesh(
            x,
            x,
            np.ma.masked_invalid(values),
            cmap=COLOURS,
            vmin=float(np.nanmin(result.accuracy.values)),
            vmax=float(np.nanmax(result.accuracy.values)),
            shading="nearest",
            rasterized=True,
        )
        axes.set(aspect="equal")
        axes.set_title(state, loc="left", fontweight="bold", fontsize="medium")
    for axes in panels.flat[len(states) :]:
        axes.set_visible(False)
    what = "ms" if axis == "time_ms" else "step"
    figure.supxlabel(f"tested at {what}", fontsize="small")
    figure.supylabel(f"trained at {what}", fontsize="small")
    bar = figure.colorbar(image, ax=panels, label="balanced accuracy\n(line: chance)", shrink=0.8)
    bar.ax.axhline(chance, color="white", lw=1.5)
    return figure


def _interval(result: xarray.Dataset) -> str:
    """What the band is."""
    about = result.attrs
    over = about.get("resample", "stimulus")
    level = f"{100 * about.get('confidence', 0.95):g} % interval"
    return f"{level}, {about.get('n', '?')} resamples of {over}"


def _test(result: xarray.Dataset, score: Score) -> str:
    names = {"holm": "Holm", "fdr": "FDR", "max": "maximum statistic", "none": "uncorrected"}
    correction = str(result.attrs.get("correction", "corrected"))
    how = score.null.format(correction=names.get(correction, correction))
    return f"p < {DIFFERENT:g} ({how})"


def _title(result: xarray.Dataset) -> str:
    about = result.attrs
    method = about.get("method", about.get("estimator", ""))
    units = f", {result.sizes['unit']} units" if "unit" in result.sizes else ""
    return f"{method}{', ' if method else ''}{about.get('stimuli', '?')} stimuli{units}"
