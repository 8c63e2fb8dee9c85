"""What partitions, selectivities and behaviour say: results that are told by their variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.words import best_place, counted, p_of

if TYPE_CHECKING:
    import xarray

# The variables that a result of each analysis has, and no other.
VARIABLES = {
    "partition": {"mean_over_units", "unique_a", "unique_b", "shared"},
    "selectivity_latency": {"onset", "peak", "eta2", "selective"},
    "error_consistency": {"kappa", "observed", "expected"},
    "cross_entropy": {"cross_entropy", "floor", "uniform"},
    "time_helps": {"gain", "interaction", "log_odds_interaction"},
    "confusion_consistency": {"rho", "reliability", "ceiling"},
    "image_consistency": {"value", "noise_corrected", "at_cap"},
    "compare_reaction_times": {"tau", "tau_tied", "coverage"},
    "speed_accuracy": {"fixed_accuracy", "accuracy", "coverage"},
    "solution_times": {"solved", "at_first", "dprime"},
    "reaction_times": {"time", "answered", "correct", "choice"},
    "early_late": {"mean", "difference", "difference_interval"},
}


def _interval(bounds: Any, confidence: float) -> str:
    """``95 % interval 0.10 to 0.20``."""
    low, high = np.asarray(bounds, dtype=float)
    return f"{100 * confidence:g} % interval {low:.2f} to {high:.2f}"


def summary_of_partition(result: xarray.Dataset) -> list[str]:
    """The parts where both together explain most."""
    both = result.mean_over_units.sel(part="r2_both")
    places, where = best_place(both)
    parts = result.isel(places)
    lines = [
        f"partition: mean R2 over {counted(result.sizes['unit'], 'unit')}, held out, largest of "
        f"{int(np.isfinite(both.values).sum())} for both together: {where}"
    ]
    for part in ("r2_both", "unique_a", "unique_b", "shared"):
        at = parts.sel(part=part)
        line = f"{part}: {float(at.mean_over_units):.2f}"
        if "interval" in at:
            line += f", {_interval(at.interval, result.attrs['confidence'])}"
        if f"bias_{part}" in parts:
            line += f"; bias {float(parts[f'bias_{part}']):+.2f}"
        lines.append(line)
    return lines


def summary_of_selectivity(result: xarray.Dataset) -> list[str]:
    """How many units are selective, and from when."""
    about, onset = result.attrs, result.onset.values
    lines = [
        f"selectivity_latency: {float(result.selective):.0%} of "
        f"{counted(onset.size, 'unit')} selective; {about['alpha']:.0%} expected without any "
        f"(p <= {about['alpha']:g}, corrected over times, not over units)"
    ]
    if np.isfinite(onset).any():
        low, middle, high = np.nanquantile(onset, (0.25, 0.5, 0.75))
        lines.append(
            f"onset of these ({about['axis']}): median {middle:g}, quartiles {low:g} to {high:g}"
        )
    return lines


def summary_of_error_consistency(result: xarray.Dataset) -> list[str]:
    """The largest kappa between two observers."""
    places, where = best_place(result.kappa)
    best, about = result.isel(places), result.attrs
    return [
        f"error_consistency: {counted(int(about['trials']), 'trial')}",
        f"largest kappa of {int(np.isfinite(result.kappa.values).sum())}: {where}: "
        f"{float(best.kappa):.2f}, {_interval(best.interval, about['confidence'])}; "
        f"p {p_of(best.p)} (not corrected); right or wrong together {float(best.observed):.0%}, "
        f"by chance {float(best.expected):.0%}",
    ]


def summary_of_cross_entropy(result: xarray.Dataset) -> list[str]:
    """The smallest cross-entropy, between what is best possible and knowing nothing."""
    about = result.attrs
    places, where = best_place(-result.cross_entropy)
    best = result.isel(places)
    return [
        f"cross_entropy: {int(about['stimuli'])} stimuli",
        f"smallest: {where}: {float(best.cross_entropy):.2f} nats, "
        f"{_interval(best.interval, about['confidence'])}; floor (the people's own entropy) "
        f"{float(result.floor):.2f}, uniform {float(result.uniform):.2f}",
    ]


def summary_of_time_helps(result: xarray.Dataset) -> list[str]:
    """The interaction of time and difficulty."""
    about = result.attrs
    gains = ", ".join(
        f"{g} {float(result.gain.sel(group=g)):+.2f} (n = {int(result['count'].sel(group=g))})"
        for g in map(str, result.group.values)
    )
    return [
        f"time_helps: gain of accuracy from early to late: {gains}",
        f"interaction {float(result.interaction):+.2f}, "
        f"{_interval(result.interaction_interval, about['confidence'])}; p {p_of(result.p)}",
    ]


def _consistency(name: str, variable: str) -> Any:
    """The summary of one of the two consistencies."""

    def summary(result: xarray.Dataset) -> list[str]:
        about, values = result.attrs, result[variable]
        places, where = best_place(values)
        best = result.isel(places)
        capped = []
        if "at_cap" in result:
            corrected = f"corrected {float(best.noise_corrected):.2f}"
            if not np.isfinite(best.noise_corrected):
                corrected = str(about["noise_corrected_text"])
            capped = [
                f"{float(result.at_cap):.0%} of the people's d' at the cap of {about['cap']:g}; "
                + corrected,
                f"of rates (no cap): {float(best.rate_value):.2f}, "
                f"{_interval(best.rate_interval, about['confidence'])}; corrected "
                f"{float(best.rate_noise_corrected):.2f} (reliability of the people "
                f"{float(result.rate_reliability):.2f})",
            ]
        return [
            f"{name}: {int(about['stimuli'])} stimuli, {about['n']} resamples",
            f"largest {variable} of {int(np.isfinite(values.values).sum())}: {where}: "
            f"{float(best[variable]):.2f}, {_interval(best.interval, about['confidence'])}",
            f"ceiling {float(result.ceiling):.2f} (reliability of the people "
            f"{float(result.reliability):.2f})",
            *capped,
        ]

    return summary


def summary_of_compared_times(result: xarray.Dataset) -> list[str]:
    """Kendall's tau of the reaction times, held out."""
    about = result.attrs
    return [
        f"compare_reaction_times: {int(about['stimuli'])} stimuli, {about['criterion']}, "
        f"{about['folds']} folds; answered {float(result.coverage):.0%}",
        f"tau {float(result.tau):.2f}, {_interval(result.interval, about['confidence'])}; "
        f"p {p_of(result.p)}",
    ]


def summary_of_speed_accuracy(result: xarray.Dataset) -> list[str]:
    """The most accurate threshold, and what a fixed time gives."""
    about = result.attrs
    places, where = best_place(result.accuracy)
    best = result.isel(places)
    _, fixed = best_place(result.fixed_accuracy)
    return [
        f"speed_accuracy: {int(about['stimuli'])} stimuli, {about['criterion']}",
        f"largest accuracy: {where}: {float(best.accuracy):.2f}, "
        f"{_interval(best.accuracy_interval, about['confidence'])}, at a mean time of "
        f"{float(best.time):g}, answered {float(best.coverage):.0%}",
        f"at a fixed time at best {float(result.fixed_accuracy.max()):.2f} ({fixed})",
    ]


def _times(name: str, happened: str) -> Any:
    """The summary of solution times or of reaction times."""

    def summary(result: xarray.Dataset) -> list[str]:
        about, done = result.attrs, result[happened].values.astype(bool)
        line = (
            f"{name}: {happened} {int(done.sum())} of {int(about['stimuli'])} stimuli "
            f"({float(result.coverage):.0%})"
        )
        if done.any():
            low, middle, high = np.quantile(result.time.values[done], (0.25, 0.5, 0.75))
            line += f"; of these ({about['axis']}): median {middle:g}, quartiles {low:g}, {high:g}"
        return [line]

    return summary


def summary_of_early_late(result: xarray.Dataset) -> list[str]:
    """The difference between early and late solved images."""
    groups = ", ".join(
        f"{g} {float(result['mean'].sel(group=g)):.2f} (n = {int(result['count'].sel(group=g))})"
        for g in map(str, result.group.values)
    )
    confidence = result.attrs["confidence"]
    return [
        f"early_late: {groups}",
        f"difference {float(result.difference):+.2f}, "
        f"{_interval(result.difference_interval, confidence)}",
    ]


SUMMARIES = {
    "partition": summary_of_partition,
    "selectivity_latency": summary_of_selectivity,
    "error_consistency": summary_of_error_consistency,
    "cross_entropy": summary_of_cross_entropy,
    "time_helps": summary_of_time_helps,
    "confusion_consistency": _consistency("confusion_consistency", "rho"),
    "image_consistency": _consistency("image_consistency", "value"),
    "compare_reaction_times": summary_of_compared_times,
    "speed_accuracy": summary_of_speed_accuracy,
    "solution_times": _times("solution_times", "solved"),
    "reaction_times": _times("reaction_times", "answered"),
    "early_late": summary_of_early_late,
}
