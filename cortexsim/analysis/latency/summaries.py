"""What latencies and fitted time axes say, in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.words import whose

if TYPE_CHECKING:
    import xarray


def summary_of_population_latency(result: xarray.Dataset) -> list[str]:
    """The latency of a population, with its interval."""
    about = result.attrs
    return [
        f"population_latency: {about['method']}, {about['members']} members",
        f"{_time(result.latency_ms, about)}{_interval(result.interval, about)}; "
        f"{100 * float(result.undefined):.0f} % of resamples without a response",
    ]


def summary_of_latency_difference(result: xarray.Dataset) -> list[str]:
    """How much later the second area responds, with its interval and p."""
    about, (first, second) = result.attrs, result.latency_ms.values
    return [
        f"latency_difference: {about['method']}, {about['members']} members",
        f"second less first {_time(result.difference_ms, about)}"
        f"{_interval(result.interval, about)}, p {float(result.p):.2g} (two-sided); "
        f"{_time(first, about)} and {_time(second, about)}",
    ]


def summary_of_significance_onset(result: xarray.Dataset) -> list[str]:
    """When an effect is first significant over subjects, with the interval of that onset."""
    about, least = result.attrs, float(np.nanmin(result.p.values))
    return [
        f"significance_onset: {about['test']}, {about['subjects']} subjects, {about['flips']} "
        f"sign flips, chance {about['chance']:g}",
        f"onset {_ms(result.onset_ms)}{_interval(result.interval, about)}; smallest corrected p "
        f"{least:.2g}",
    ]


def summary_of_discrimination_latency(result: xarray.Dataset) -> list[str]:
    """Onset, half of the maximum and peak of each state, with the interval of the onset."""
    about, chance = result.attrs, float(result.chance)
    unit = "ms" if about["axis"] == "time_ms" else "steps"
    lines = [
        f"discrimination_latency: {about['estimator']}, {about['stimuli']} stimuli, chance "
        f"{chance:.2f}, critical accuracy {float(result.critical):.2f}, in {unit}"
    ]
    states = result.state.values if "state" in result.dims else [None]
    for state in states:
        row = result if state is None else result.sel(state=state)
        name = "" if state is None else f"{state}: "
        onset, half, peak = (_value(row[k]) for k in ("onset", "half_maximum", "peak"))
        lines.append(
            f"{name}onset {onset}{_interval(row.onset_interval, about)}, half of the maximum "
            f"{half}, peak {peak}; smallest corrected p {float(np.nanmin(row.p.values)):.2g}"
        )
    return lines


def summary_of_time_axis(result: xarray.Dataset) -> list[str]:
    """Onset and duration of a step that fit best, with intervals, and whether data say so."""
    about = result.attrs
    lines = [
        f"fit_time_axis: {about['comparator']}, {whose(about)}, {about['conditions']} conditions"
    ]
    for name, key in (("onset_ms", "constrained_onset"), ("step_ms", "constrained_step")):
        interval = _interval(result.interval.sel(parameter=name), about)
        lines.append(f"{name} {_value(result[name])}{interval}; constrained: {about[key]}")
    scores = {str(a): float(v) for a, v in zip(result.axis.values, result.held_out.values)}
    held_out = ", ".join(f"{k} {v:.3f}" for k, v in scores.items())
    return [
        *lines,
        f"held-out similarity: {held_out}",
        f"p {float(result.p_alignment):.2g} (conditions permuted), {float(result.p_order):.2g} "
        f"(steps permuted); the declared range: {about['fit_in_declared']}",
    ]


def _value(value: Any) -> str:
    """A number; ``none`` where there is none."""
    return f"{float(value):g}" if np.isfinite(float(value)) else "none"


def _time(value: Any, about: dict[str, Any]) -> str:
    """A time in ms, or in steps where nobody declared any."""
    if about.get("axis") != "step":
        return _ms(value)
    return f"{float(value):g} steps (no ms declared)" if np.isfinite(float(value)) else "none"


def _ms(value: Any) -> str:
    """A time in ms; ``none`` where there is none."""
    return f"{float(value):g} ms" if np.isfinite(float(value)) else "none"


def _interval(bounds: Any, about: dict[str, Any]) -> str:
    """Bounds in words; an end that no resample reaches is open."""
    low, high = (float(v) for v in np.asarray(bounds))
    upper = f"{high:g}" if np.isfinite(high) else "after the last time"
    lower = f"{low:g}" if np.isfinite(low) else "none"
    return f" ({100 * about['confidence']:g} % interval {lower} to {upper})"


SUMMARIES = {
    "population_latency": summary_of_population_latency,
    "latency_difference": summary_of_latency_difference,
    "significance_onset": summary_of_significance_onset,
    "discrimination_latency": summary_of_discrimination_latency,
    "fit_time_axis": summary_of_time_axis,
}
