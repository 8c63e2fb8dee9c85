"""One function that draws whatever an analysis returned, as it can be printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cortexsim.analysis.summaries import analysis_of
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.plotting.comparison import comparison
from cortexsim.plotting.latency import fitted_axis, latency
from cortexsim.plotting.masking import masking
from cortexsim.plotting.page import PAGE, checked_width, printed, sheet, wrapped
from cortexsim.plotting.parts import legend_below, whole_steps
from cortexsim.plotting.people import trials
from cortexsim.plotting.rdms import rdms
from cortexsim.plotting.recording import confidence, overview
from cortexsim.plotting.results import bars, curves
from cortexsim.plotting.scores import scores
from cortexsim.plotting.timebytime import time_by_time

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TIMES = ("time", "time_ms", "step")


@clear_errors
def plot(result: Any, *, width_mm: float = PAGE, **settings: Any) -> Figure:
    """The figure of a result, whatever analysis it is of, as it can be printed.

    Letters have 6 to 8 pt at the width that is asked for, legends stand outside the axes, marks of
    significance in a strip of their own, and lines differ by dash and marker too. The same as
    ``result.cortexsim.plot()``.

    Parameters
    ----------
    result : xarray.Dataset, DataArray or DataTree
        What ``evaluate``, ``encode``, ``encode_difference``, ``decode``, the latencies,
        ``fit_time_axis``, ``rdm_movie``, ``cortexsim compare`` or ``mask`` gave, people's trials,
        an RDM, a recording or its readout; also read back by ``interop.from_netcdf``.
    width_mm : float
        89 is a column of a journal, 183 its page.
    **settings : object
        What the drawing takes beside it: ``test`` (of curves), ``sort`` and ``top`` (of bars),
        ``order``, ``groups`` and ``percentile`` (of RDMs), ``people`` (of masking), ``image`` (of a
        recording).

    Returns
    -------
    matplotlib.figure.Figure
        ``cortexsim.plotting.save(figure, Path("a.pdf"))`` writes it (.pdf, .svg, .png).

    Raises
    ------
    AnalysisError
        For what cannot be drawn, naming what can; for settings that the drawing does not take.

    Examples
    --------
    >>> import numpy as np
    >>> from cortexsim.analysis import Inference, evaluate
    >>> one, other = np.random.default_rng(0).random((2, 45))
    >>> quick = Inference(n=100, permutations=100)
    >>> result = evaluate([one, other], [one + 0.1 * other, one], inference=quick)
    >>> figure = plot(result, width_mm=89)
    >>> round(figure.get_size_inches()[0] * 25.4)
    89
    >>> result.cortexsim.plot().axes[0].get_title()
    '2 subjects, 10 conditions'
    """
    kind = kind_of(result)
    if kind is None:
        raise AnalysisError(
            f"there is no figure of {_described(result)}; what can be drawn: "
            f"{'; '.join(f'{name} ({words})' for name, (words, _) in DRAWINGS.items())}"
        )
    checked_width(width_mm)
    draw = DRAWINGS[kind][1]
    taken = _settings_of(draw)
    unknown = [name for name in settings if name not in taken]
    if unknown:
        raise AnalysisError(
            f"the figure of {kind} does not take {', '.join(unknown)}; it takes "
            f"{', '.join(('width_mm', *taken))}"
        )
    return draw(result, width_mm=width_mm, **settings)


def kind_of(result: Any) -> str | None:
    """What a result is, as a key of ``DRAWINGS``; None if that is not known.

    Parameters
    ----------
    result : object
        Anything.

    Examples
    --------
    >>> import xarray
    >>> kind_of(xarray.Dataset({"rdm": ("pair", [1.0, 2.0, 1.5])}))
    'rdms'
    """
    import xarray

    if isinstance(result, xarray.DataTree):
        return "recording" if "configuration" in result.attrs else None
    if isinstance(result, xarray.DataArray):
        return "rdms" if "pair" in result.dims else None
    if not isinstance(result, xarray.Dataset):
        return None
    named = analysis_of(result)
    if named in DRAWINGS:
        return named
    names, dims = set(map(str, result.data_vars)), set(map(str, result.dims))
    if "evaluation" in names and {"state", "network"} <= dims:
        return "comparison"
    if {"accuracy", "effect", "distance", "soa_ms"} <= names | dims:
        return "masking"
    if "rdm" in names and "pair" in dims:
        return "rdms"
    if {"accuracy", "participant_accuracy"} <= names:
        return "trials"
    if {"logits", "populated"} <= names | set(map(str, result.coords)):
        return "readout"
    if "latency_ms" in names and dims == {"unit"}:
        return "latencies"
    return None


def _settings_of(draw: Callable[..., Any]) -> list[str]:
    """The settings of a drawing beside the result and the width."""
    import inspect

    names = list(inspect.signature(draw).parameters)[1:]
    return [name for name in names if name != "width_mm"]


def _described(result: Any) -> str:
    """What somebody wanted drawn, in words."""
    kind = type(result).__name__
    if hasattr(result, "data_vars"):
        named = result.attrs.get("analysis")
        of = f" of {named!r}" if named else ""
        return f"a {kind}{of} with {', '.join(map(str, result.data_vars)) or 'no variables'}"
    if hasattr(result, "shape"):
        hint = (
            ", which does not say what it is: give the data set that an analysis returned (of "
            "latencies, population_latency)"
        )
        return f"a {kind} of shape {tuple(result.shape)}{hint}"
    return f"a {kind}"


def _on_axes(draw: Callable[[Axes], object], *, width_mm: float, height_mm: float) -> Figure:
    """A figure of one panel, whose legend stands below it."""
    figure = sheet(width_mm, height_mm)
    axes = figure.subplots()
    draw(axes)
    legend = axes.get_legend()
    if legend is not None:
        legend.remove()
    axes.spines[["top", "right"]].set_visible(False)
    for text in (axes.title, axes.xaxis.label):
        text.set_text(wrapped(text.get_text(), 0.8 * width_mm))
    axes.yaxis.label.set_text(wrapped(axes.yaxis.label.get_text(), 55))
    legend_below(figure, [axes], ncols=4)
    return figure


@printed
def _evaluation(
    result: Any,
    *,
    width_mm: float,
    test: str | None = None,
    sort: bool = True,
    top: int | None = None,
) -> Figure:
    """Curves where there are steps or times, else bars."""
    over = [d for d in TIMES if "evaluation" in result and d in result.evaluation.dims]
    if set(over) == {"step", "time_ms"}:
        each = result.rename(model="state").expand_dims(network=["models"])
        data = {"neural_name": "data RDMs", "quantity": f"similarity ({_comparator(result)})"}
        return time_by_time(each.assign_attrs(data), width_mm=width_mm)
    if over:
        return _on_axes(
            lambda axes: curves(axes, result, test=test), width_mm=width_mm, height_mm=66
        )
    return _on_axes(
        lambda axes: bars(axes, result, sort=sort, top=top), width_mm=width_mm, height_mm=68
    )


def _comparator(result: Any) -> str:
    return str(result.attrs.get("comparator", "comparator not recorded"))


@printed
def _people(result: Any, *, width_mm: float) -> Figure:
    """People's trials."""
    return _on_axes(lambda axes: trials(axes, result), width_mm=width_mm, height_mm=64)


@printed
def _readout(result: Any, *, width_mm: float) -> Figure:
    """The readout of a recording."""

    def draw(axes: Axes) -> None:
        confidence(axes, result)
        axes.set_xlabel("step of the network")
        axes.set_xlim(float(result.step.min()) - 0.5, float(result.step.max()) + 0.5)
        whole_steps(axes.xaxis)

    return _on_axes(draw, width_mm=width_mm, height_mm=60)


def _comparison(
    result: Any, *, width_mm: float = PAGE, by_time: bool = False, network: str | None = None
) -> Figure:
    """What ``compare`` wrote; with ``by_time`` every step with every time."""
    if by_time:
        return time_by_time(result, network, width_mm=width_mm)
    return comparison(result, width_mm=width_mm)


DRAWINGS: dict[str, tuple[str, Callable[..., Figure]]] = {
    "evaluate": ("similarities to the RDMs of a brain", _evaluation),
    "encode": ("regression to units", scores),
    "encode_difference": ("which frame predicts better", scores),
    "decode": ("labels read from states", scores),
    "population_latency": ("of the mean over members", latency),
    "latency_difference": ("of two areas", latency),
    "latency_ladder": ("of many areas", latency),
    "latencies": ("of units that were measured", latency),
    "discrimination_latency": ("when labels can be read", latency),
    "selectivity_latency": ("when units are selective", latency),
    "significance_onset": ("when an effect is significant", latency),
    "fit_time_axis": ("onset and duration of a step", fitted_axis),
    "comparison": ("what cortexsim compare wrote", _comparison),
    "masking": ("what cortexsim mask wrote", masking),
    "rdms": ("an RDM, RDMs of subjects or an RDM movie", rdms),
    "trials": ("people's trials, of neural.from_trials", _people),
    "recording": ("what cortexsim record wrote, opened", overview),
    "readout": ("the readout of a recording", _readout),
}
"""What is drawn: for each kind of result what it is, and how."""
