"""Figures of evaluations: bars, curves over time and tests between models, from the data set that
``analysis.evaluate`` returns.

Axes in, axes out. Models differ by marker and dash too, to be read in grey.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.words import counted, no_ceiling, whose
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.plotting.parts import (
    in_ms,
    last_time,
    legend_beside,
    needs,
    stretches,
    strip,
    style,
    uncut,
    whole_steps,
)

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

FEW = 10  # models up to which every pair of them is drawn
TESTS = {
    "p_cluster": "clusters",
    "p_zero_corrected": "above 0, {correction}",
    "p_permutation_corrected": "above relabelled conditions, maximum statistic",
}
STARS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))


@clear_errors
@uncut
def bars(axes: Axes, result: xarray.Dataset, *, sort: bool = True, top: int | None = None) -> Axes:
    """The evaluation of every model: bars with intervals, the noise ceiling as a band, tests as
    marks.

    In a strip above the panel: for up to 10 models, each line says that the model at its dot is
    better than those at its ticks; below these a point if significantly above evaluations with
    relabelled conditions, a triangle if above zero, a cross if below the lower end of the ceiling.
    All p values are the corrected ones.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    result : xarray.Dataset
        What ``cortexsim.analysis.evaluate`` returned, at one step and time.
    sort : bool
        Best first.
    top : int, optional
        Only so many of the best.

    Returns
    -------
    matplotlib.axes.Axes
        The same.

    Raises
    ------
    AnalysisError
        If result has steps or times: select one, or draw ``curves``.
    """
    needs(result, ("evaluation",), ("model",), over=())
    order = np.argsort(-result.evaluation.values, kind="stable")
    if top is not None and top < 1:
        raise AnalysisError(f"top={top} bars are none; give at least 1")
    if top is not None:
        order = order[:top]
    r = result.isel(model=order if sort else np.sort(order))
    if "other" in r.dims:
        r = r.sel(other=r.model.values)
    y, x = r.evaluation.values, np.arange(r.sizes["model"])
    names = [str(m) for m in r.model.values]
    axes.bar(
        x, y, width=0.7, color="#56b4e9", edgecolor="black", lw=0.6, zorder=2, label="evaluation"
    )
    low, high = min(0.0, float(np.nanmin(y))), max(0.0, float(np.nanmax(y)))
    if "interval" in r:
        interval = r.interval.transpose("bound", ...).values
        axes.vlines(x, *interval, color="black", lw=1.2, zorder=3, label=_resampled(r))
        low, high = min(low, float(np.nanmin(interval))), max(high, float(np.nanmax(interval)))
    high = max(high, _ceiling(axes, r))
    axes.axhline(0, color="black", lw=0.8)
    span, alpha = high - low, _alpha(r)
    axes.set_xlim(-0.7, len(x) - 0.3)
    _bar_marks(axes, r, y=y, alpha=alpha)
    many = len(x) > 20
    slant: dict[str, Any] = (
        {"rotation": 90} if many else {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
    )
    axes.set_xticks(
        x, names, fontsize=5.5 if len(x) > 40 else "x-small" if many else "small", **slant
    )
    axes.set(ylim=(low - 0.05 * span, high + 0.06 * span), ylabel=_similarity(r))
    left_out = (
        f", {r.sizes['model']} of {result.sizes['model']} models"
        if len(x) < result.sizes["model"]
        else ""
    )
    axes.set_title(_counts(r) + left_out, fontsize="medium")
    axes.spines[["top", "right"]].set_visible(False)
    legend_beside(axes)
    return axes


def _bar_marks(axes: Axes, r: xarray.Dataset, *, y: np.ndarray, alpha: float) -> None:
    """Tests of each model and of all pairs, in a strip above the panel."""
    x, how = np.arange(len(y)), f"p < {alpha:g} ({_correction(r)})"
    own: list[tuple[str, str, str, Any]] = [
        (
            "p_permutation_corrected",
            ".",
            f"above relabelled conditions, p < {alpha:g} (maximum statistic)",
            True,
        ),
        ("p_zero_corrected", "^", f"above 0, {how}", y > 0),
        ("p_ceiling_corrected", "x", f"below the noise ceiling, {how}", y < _floor(r)),
    ]
    own = [row for row in own if row[0] in r and np.isfinite(r[row[0]].values).any()]
    better = np.zeros((len(y), len(y)), bool)
    if "p_pair_corrected" in r and 1 < len(x) <= FEW:
        better = (r.p_pair_corrected.values < alpha) & (y[:, None] > y[None, :])
    winners = np.flatnonzero(better.any(1))
    if not len(winners) + len(own):
        return
    marks = strip(axes, len(winners) + len(own))
    for row, i in enumerate(winners[::-1]):
        worse = np.flatnonzero(better[i])
        marks.plot([min(i, worse[0]), max(i, worse[-1])], [row, row], color="black", lw=0.8)
        marks.plot(worse, np.full(len(worse), row), ls="", marker="|", ms=5, color="black")
        marks.plot(i, row, ls="", marker="o", ms=3.5, color="black")
    for row, (variable, marker, text, side) in enumerate(own, len(winners)):
        hit = (r[variable].values < alpha) & side
        mark: dict[str, Any] = {
            "marker": marker,
            "s": 16 if len(x) < 40 else 8,
            "color": "black",
            "lw": 0.8,
        }
        marks.scatter(x[hit], np.full(int(hit.sum()), row), **mark, label=text)
        axes.scatter([], [], **mark, label=text)  # for the legend
    if len(winners):
        text = f"model at the dot better than those at the ticks, {how}"
        axes.plot([], [], color="black", lw=0.8, marker="o", ms=3.5, label=text)


@clear_errors
@uncut
def curves(axes: Axes, result: xarray.Dataset, *, test: str | None = None) -> Axes:
    """The evaluation of every model over time or over steps.

    With intervals, the ceiling, and in a strip above the panel bars where p < alpha, a row a model;
    the legend says which p.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    result : xarray.Dataset
        What ``cortexsim.analysis.evaluate`` returned, with the dimension time, time_ms or step
        (time_ms is drawn if it is there).
    test : str, optional
        The p values of these bars; by default p_cluster if the result has it, or p_zero_corrected,
        which generalises as the intervals do, or p_permutation_corrected.

    Returns
    -------
    matplotlib.axes.Axes
        The same.

    Raises
    ------
    AnalysisError
        If result has neither time nor step, or both.
    """
    over = (
        [d for d in ("time", "time_ms", "step") if d in result.evaluation.dims]
        if "evaluation" in result
        else []
    )
    needs(result, ("evaluation",), ("model",), over=tuple(over))
    if len(over) != 1:
        present = " and ".join(over) or "neither"
        raise AnalysisError(
            f"curves needs the dimension time or step, found {present}; select one step, or draw "
            "bars"
        )
    dim = over[0]
    scale = "time_ms" if "time_ms" in result.coords and result.time_ms.dims == (dim,) else dim
    r = result.sortby(scale)
    x = np.asarray(r[scale].values, dtype=np.float64)
    names = [str(m) for m in r.model.values]
    tops = [_ceiling(axes, r, x=x, dim=dim), float(r.evaluation.max())]
    every = max(1, len(x) // 12)
    for i, name in enumerate(names):
        colour, dash, marker = style(i)
        of_model = r.isel(model=i)
        line: dict[str, Any] = {
            "color": colour,
            "ls": dash,
            "marker": marker,
            "ms": 4,
            "markevery": every,
        }
        axes.plot(x, of_model.evaluation.values, **line, label=name)
        if "interval" in r:
            low, high = of_model.interval.transpose("bound", ...).values
            axes.fill_between(x, low, high, color=colour, alpha=0.18, lw=0)
            tops.append(float(np.nanmax(high)))
    bottom = min(
        0.0, float(r.evaluation.min()), float(r.interval.min()) if "interval" in r else 0.0
    )
    top = float(np.nanmax(tops))
    tested = test or next((v for v in TESTS if v in r), None)
    if tested is not None and tested not in r:
        raise AnalysisError(
            f"the result has no {tested}; it has "
            f"{', '.join(str(v) for v in r if str(v).startswith('p_'))}"
        )
    if tested:
        _course_marks(axes, r, tested, x=x)
    span = top - bottom
    axes.axhline(0, color="black", lw=0.8)
    when = "time, ms" if dim != "step" else _of_steps(r)
    axes.set(xlabel=when if scale == "time_ms" else dim, ylabel=_similarity(r))
    axes.set_ylim(bottom - 0.05 * span, top + 0.05 * span)
    axes.set_title(_counts(r), fontsize="medium")
    if "interval" in r:
        shade: dict[str, Any] = {"color": style(0)[0], "alpha": 0.18, "lw": 0}
        axes.fill_between([], [], [], **shade, label=_resampled(r))
    legend_beside(axes)
    axes.spines[["top", "right"]].set_visible(False)
    if scale == "step":
        whole_steps(axes.xaxis)
    return axes


def _course_marks(axes: Axes, r: xarray.Dataset, tested: str, *, x: np.ndarray) -> None:
    """Where each model is significant: a row a model in a strip above the panel."""
    alpha, hits = _alpha(r), r[tested].transpose("model", ...).values < _alpha(r)
    half = np.median(np.diff(x)) / 2 if len(x) > 1 else 0.5
    marks = strip(axes, len(hits) if hits.any() else 1)
    for i, hit in enumerate(hits):
        colour, _, marker = style(i)
        for a, b, on in stretches(hit.tolist()):
            if on:
                marks.hlines(i, x[a] - half, x[b - 1] + half, color=colour, lw=2)
                marks.plot(x[a] - half, i, marker=marker, ms=3.5, color=colour)
    how = TESTS.get(tested, tested).format(correction=_correction(r))
    axes.plot([], [], color="0.3", lw=2, label=f"bars above: p < {alpha:g} ({how})")
    if not hits.any():  # above the panel: several may share one legend
        axes.text(
            0.0,
            1.02,
            f"no bars: p ≥ {alpha:g} everywhere",
            transform=axes.transAxes,
            fontsize="x-small",
            color="0.3",
        )


@clear_errors
@uncut
def significance(axes: Axes, result: xarray.Dataset) -> AxesImage:
    """All pairs of models: the darker, the smaller the corrected p.

    A plus or minus says whether the row is better or worse than the column. One star: p < 0.05,
    two: p < 0.01, three: p < 0.001.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    result : xarray.Dataset
        As for ``bars``.

    Returns
    -------
    matplotlib.image.AxesImage
        Its label says what the shades are.
    """
    import matplotlib

    needs(result, ("evaluation", "p_pair_corrected"), ("model", "other"), over=())
    result = result.sel(other=result.model.values)
    p, y = result.p_pair_corrected.transpose("model", "other").values, result.evaluation.values
    shades = -np.log10(np.maximum(p, 1e-4))
    grey = matplotlib.colormaps["Greys"].with_extremes(bad="white")
    image = axes.imshow(
        np.ma.masked_invalid(shades), cmap=grey, vmin=0, vmax=4, interpolation="nearest"
    )
    image.set_label(f"$-\\log_{{10}}p$ ({_correction(result)}; from 4 on alike)")
    for i, j in zip(*np.nonzero(np.isfinite(p) & (p < STARS[-1][0])), strict=True):
        stars = next(text for level, text in STARS if p[i, j] < level)
        sign = "+" if y[i] > y[j] else "−"
        colour = "white" if shades[i, j] > 2.2 else "black"
        axes.text(
            j,
            i,
            f"{sign}\n{stars}",
            ha="center",
            va="center",
            fontsize=7,
            linespacing=0.7,
            color=colour,
        )
    names = [str(m) for m in result.model.values]
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize="small")
    axes.set_yticks(range(len(names)), names, fontsize="small")
    axes.set(xlabel="than this model", ylabel="is better (+) or worse (−)")
    axes.set_title(f"{_counts(result)}\n* p < 0.05, ** p < 0.01, *** p < 0.001", fontsize="small")
    return image


def _of_steps(r: xarray.Dataset) -> str:
    """What the axis of the steps is, with the declared range where the result carries it."""
    if "time_ms_low" not in r.coords or "time_ms_high" not in r.coords:
        return "nominal time of the model's step, ms"
    if not in_ms(r):
        return "step of the model (no milliseconds were declared)"
    nominal, low, high = last_time(r)
    return (
        "nominal time of the model's step, ms\n"
        f"(declared range, e.g. of {nominal:g} ms: {low:g}–{high:g} ms)"
    )


def _ceiling(axes: Axes, r: xarray.Dataset, *, x: np.ndarray | None = None, dim: str = "") -> float:
    """The band of the noise ceiling; returns its top, -inf if there is none."""
    if "ceiling" not in r or not np.isfinite(r.ceiling.transpose("bound", ...).values).all(0).any():
        axes.plot([], [], ls="", label=no_ceiling(r.attrs))
        return -np.inf
    lower, upper = r.ceiling.transpose("bound", ...).values
    look: dict[str, Any] = {
        "color": "0.6",
        "alpha": 0.5,
        "lw": 0,
        "zorder": 1,
        "label": "noise ceiling, lower to upper",
    }
    if x is not None and dim in r.ceiling.dims:
        axes.fill_between(x, lower, upper, **look)
    else:
        axes.axhspan(float(lower), float(upper), **look)
    return float(np.nanmax(upper))


def _floor(r: xarray.Dataset) -> float:
    """The lower end of the ceiling, which tests are against; NaN if there is none."""
    return float(r.ceiling.transpose("bound", ...).values[0]) if "ceiling" in r else np.nan


def _alpha(r: xarray.Dataset) -> float:
    return float(r.attrs.get("alpha", 0.05))


def _correction(r: xarray.Dataset) -> str:
    names = {"holm": "Holm", "fdr": "FDR", "max": "maximum statistic", "none": "uncorrected"}
    correction = str(r.attrs.get("correction", "corrected"))
    return names.get(correction, correction)


def _similarity(r: xarray.Dataset) -> str:
    return f"similarity to the data RDMs ({r.attrs.get('comparator', 'comparator not recorded')})"


def _resampled(r: xarray.Dataset) -> str:
    """What the intervals are: '95 % interval, 1,000 resamples of subject, condition'."""
    if "interval" not in r:
        return ""
    level = f"{100 * r.attrs['confidence']:g} % interval" if "confidence" in r.attrs else "interval"
    n = f", {r.attrs['n']:,} resamples of {r.attrs.get('resample', '?')}" if "n" in r.attrs else ""
    return level + n


def _counts(r: xarray.Dataset) -> str:
    conditions = r.attrs.get("conditions")
    counts = (whose(r.attrs), "" if conditions is None else counted(conditions, "condition"))
    return ", ".join(words for words in counts if words)
