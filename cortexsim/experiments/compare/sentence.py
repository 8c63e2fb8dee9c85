"""What a comparison says in the words of a paper, from the result alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.words import best_place, counted, p_of, pooled, whose

if TYPE_CHECKING:
    import xarray

TWIN = "twin"
NULLS = {
    "rsa": "relabelled conditions",
    "encoding": "permuted stimuli",
    "decoding": "permuted labels",
}
CORRECTIONS = {
    "holm": "Holm-corrected",
    "fdr": "FDR-corrected",
    "max": "corrected by the maximum statistic",
    "none": "not corrected",
}


def sentence(result: xarray.Dataset) -> str:
    """The largest score with interval, ceiling and tests; what is not there is said.

    The place is that of the largest value of the network that is judged, of all its states, steps
    and times: p-values are those that are corrected for having looked everywhere.

    Parameters
    ----------
    result : xarray.Dataset
        What ``cortexsim compare`` computed, by any method.

    Returns
    -------
    str
        A line; of decoders one for each property.

    Raises
    ------
    AnalysisError
        Where every value is NaN.
    """
    if "feature" in result.evaluation.dims:
        return "\n".join(
            _sentence(result.sel(feature=name), f"{name}: ".replace("_", " "))
            for name in map(str, result.feature.values)
        )
    return _sentence(result, "")


def _sentence(result: xarray.Dataset, lead: str) -> str:
    """One line of one data set."""
    about, network = result.attrs, str(result.network.values[0])
    places, _ = best_place(result.evaluation.isel(network=0, drop=True))
    at_best = result.isel(places)
    best = at_best.isel(network=0)
    names = (about.get("neural_name"), about.get("neural_variable"))
    brain = " ".join(dict.fromkeys(str(n) for n in names if n)) or "the brain"
    level = f"{100 * float(about.get('confidence', 0.95)):g} % interval"
    of = str(about.get("quantity", "similarity"))
    parts = [f"{of} {float(best.evaluation):.3f}"]
    if "interval" in best and np.isfinite(best.interval.values).all():
        low, high = best.interval.transpose("bound").values
        parts.append(f"{level} {low:.3f} to {high:.3f}{_over(about)}")
    else:
        parts.append("no interval (nothing was resampled)")
    parts += [_ceiling(at_best, about), _null(best, about), _twin(at_best, about)]
    return f"{lead}{network}, {_place(best)}, with {brain} ({_counts(result)}): {'; '.join(parts)}."


def _over(about: dict[str, Any]) -> str:
    """``(1,000 resamples of subject, condition)``."""
    if "n" not in about or "resample" not in about:
        return ""
    return f" ({int(about['n']):,} resamples of {about['resample']})"


def _place(best: xarray.Dataset) -> str:
    """State, step, its time and the range of that; the time of the brain where it has one."""
    state, step = str(best.state.item()), int(best.step.item())
    of_brain = "model_time_ms" in best.coords  # then time_ms is that of the data
    nominal = best.coords.get("model_time_ms" if of_brain else "time_ms")
    words = f"{state} at step {step}"
    if nominal is not None and str(nominal.attrs.get("units", "")).startswith("steps") is False:
        bounds = [best.coords.get(f"time_ms_{end}") for end in ("low", "high")]
        known = [float(b) for b in bounds if b is not None]
        if known != [float(step)] * len(known):  # as many ms as steps: nobody declared any
            ends = f", declared range {known[0]:g} to {known[1]:g}" if len(known) == 2 else ""
            words += f" ({float(nominal):g} ms{ends})"
    return words + (f", {float(best.time_ms):g} ms of the brain" if of_brain else "")


def _counts(result: xarray.Dataset) -> str:
    about = result.attrs
    stimuli, units = about.get("conditions"), about.get("units")
    counts = (
        "" if stimuli is None else f"{stimuli} {'stimulus' if stimuli == 1 else 'stimuli'}",
        whose({"subjects": result.sizes.get("neural_subject"), **about}),
        "" if units is None else counted(units, "unit"),
    )
    return ", ".join(words for words in counts if words)


def _ceiling(at_best: xarray.Dataset, about: dict[str, Any]) -> str:
    """The noise ceiling; of decoders chance and what can be read from the brain."""
    if about.get("method") == "decoding":
        chance = at_best.chance.isel(network=0) if "network" in at_best.chance.dims else None
        level = float(at_best.chance if chance is None else chance)
        return f"chance {level:.3f}; no noise ceiling (decoders have none)"
    if "ceiling" not in at_best:
        return "no noise ceiling (no repeats, no reliability)"
    rest = [d for d in at_best.ceiling.dims if d != "bound"]
    bounds = np.atleast_1d(at_best.ceiling.max(rest).values)
    if not np.isfinite(bounds).all():
        return f"no noise ceiling ({pooled(about) or 'one subject'}, no repeats)"
    return f"noise ceiling {' to '.join(f'{float(b):.3f}' for b in bounds)}"


def _null(best: xarray.Dataset, about: dict[str, Any]) -> str:
    """Against permutations, corrected by their maximum."""
    name = NULLS.get(str(about.get("method")), "permutations")
    if "p_permutation_corrected" not in best:
        return f"no test against {name} (no permutations)"
    p = float(best.p_permutation_corrected)
    words = f"{_zero(best, about)}against {name} p = {p_of(p)} (corrected by the maximum statistic)"
    if p < 0.05 and "interval" in best and float(best.interval.min()) <= 0:
        words += (
            ", though the interval holds 0: that p is of these subjects and stimuli, the interval "
            "of others like them"
        )
    return words


def _zero(best: xarray.Dataset, about: dict[str, Any]) -> str:
    """Whether others than these subjects and stimuli would be above 0."""
    if "p_zero_corrected" not in best or not np.isfinite(float(best.p_zero_corrected)):
        return ""
    how = CORRECTIONS.get(str(about.get("correction")), "corrected")
    return f"above 0 p = {p_of(best.p_zero_corrected)} ({how}); "


def _twin(at_best: xarray.Dataset, about: dict[str, Any]) -> str:
    """Against the feed-forward twin at the same place."""
    if TWIN not in at_best.network.values:
        return "no feed-forward twin was compared"
    theirs = float(at_best.evaluation.sel(network=TWIN))
    if not np.isfinite(theirs):
        return "the feed-forward twin has no value there"
    words = f"feed-forward twin {theirs:.3f}"
    if "p_pair_corrected" in at_best and TWIN in at_best.other_network.values:
        pairs = at_best.p_pair_corrected.isel(network=0)
        correction = str(about.get("correction", "corrected"))
    elif "best_difference_p_corrected" in at_best:
        pairs = at_best.best_difference_p_corrected.rename(network="other_network")
        correction = "holm"
    else:
        return f"{words} (not tested against it)"
    how = CORRECTIONS.get(correction, correction)
    return f"{words}, difference from it p = {p_of(float(pairs.sel(other_network=TWIN)))} ({how})"
