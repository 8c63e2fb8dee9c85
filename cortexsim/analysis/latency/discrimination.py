"""When a state or an area tells stimuli apart: onset, half of the maximum and peak of decoding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.latency.courses import places_of
from cortexsim.analysis.latency.moments import MOMENTS, moments
from cortexsim.analysis.linear.classifiers import balanced, checked_frame, guesses_at
from cortexsim.analysis.linear.decoding_plan import Plan, decoding_plan
from cortexsim.analysis.linear.frames import Frames, frames
from cortexsim.analysis.linear.settings import projector
from cortexsim.analysis.statistics.draws import FEWER, attributes, share, whole_number
from cortexsim.analysis.statistics.intervals import interval_around
from cortexsim.analysis.statistics.pvalues import max_statistic, null_high
from cortexsim.analysis.statistics.settings import CrossValidation, Inference
from cortexsim.analysis.statistics.settled import only_folds, settled
from cortexsim.analysis.statistics.sizes import room_for
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    import xarray


@clear_errors
def discrimination_latency(
    features: Any,
    labels: Any = None,
    *,
    estimator: str = "ridge",
    reduce: str | None = None,
    alpha: float = 0.05,
    bins: int = 1,
    cv: CrossValidation = CrossValidation(),
    inference: Inference = Inference(),
    states: str | Sequence[str] | None = None,
    steps: int | Sequence[int] | None = None,
) -> xarray.Dataset:
    """When the label of held-out stimuli can first be read from each state, half of it, and best.

    With a(t) the balanced accuracy of ``decode`` and c the 1 - alpha quantile over permutations of
    the labels of the largest accuracy at any state and time,

        onset = min t: a(t), ..., a(t + bins - 1) > c
        peak = argmax a(t), t >= onset
        half_maximum = max t <= peak: a crosses (chance + a(peak)) / 2 upwards

    with half_maximum interpolated from the step before, and ``onset <= half_maximum <= peak`` as in
    ``latencies``: NaN where half is crossed earlier. All three are NaN without an onset. A
    deterministic network has no noise but that of its stimuli: its onset says when labels become
    linearly readable at all.

    Parameters
    ----------
    features : path, DataTree, array, DataArray or dict
        A recording, or responses ``(stimulus or trial, time_ms, unit)`` of spikes, MEG or EEG; as
        in ``decode``.
    labels : array of shape (stimulus,), optional
        Default those of a recording.
    estimator : {"logistic", "ridge", "lda"}
        As in ``decode``.
    reduce : str, optional
        ``projection:K`` or ``pca:K``, as in ``decode``.
    alpha : float
        Significance level, over all states and times.
    bins : int
        Consecutive times above c.
    cv : CrossValidation
        ``folds`` and ``groups``, as in ``decode``.
    inference : Inference
        ``n``: resamples of stimuli (or groups), 1000, all times together, fits not repeated, each
        held against c. ``permutations``: 200, at least 20, every fit repeated.
    states : str or sequence of str, optional
        Chosen from a recording; default all.
    steps : int or sequence of int, optional
        Chosen from a recording; default all.

    Returns
    -------
    Dataset
        By state (if there are states): onset, half_maximum, peak (in steps, or ms where the axis
        is time_ms; ``TimeAxis.time_ms`` turns steps, whole or not, into ms, ``low_ms`` and
        ``high_ms`` into the ends of their range), each with NAME_interval (bound; bias-corrected;
        an end that lies after the last time is NaN), first_populated, undefined (share of
        resamples without an onset), accuracy and p (state, step or time), chance, critical.

    Raises
    ------
    AnalysisError
        For what ``decode`` refuses and fewer than 20 permutations.

    Examples
    --------
    >>> import xarray
    >>> rng, y = np.random.default_rng(0), np.repeat(["cat", "dog"], 30)
    >>> signal = 2 * (y == "dog")[:, None] * (np.arange(5) >= 2)
    >>> x = rng.normal(size=(60, 5, 8)) + signal[:, :, None]
    >>> x = xarray.DataArray(x, dims=("stimulus", "step", "unit"))
    >>> result = discrimination_latency(x, y, inference=Inference(permutations=20, n=100))
    >>> float(result.onset), result.onset_interval.values.tolist()
    (3.0, [3.0, 3.0])
    """
    asked = settled(inference, "discrimination_latency", n=1000, permutations=200)
    if asked.permutations < 20 or whole_number(bins, "bins") < 1:
        raise AnalysisError(
            f"permutations={asked.permutations} and bins={bins}: an onset needs 20 permutations or "
            "more and at least one significant time"
        )
    share(alpha, "alpha")
    x = frames(features, states, steps)
    rows = {"permutation": asked.permutations, "stimulus": x.count}
    room_for(rows, "the permuted labels", "give fewer permutations")
    frame = {"state": len(x.states), x.axis: len(x.places)}
    room_for({"resample": asked.n} | frame, "the accuracies of all resamples", FEWER)
    plan = decoding_plan(
        x,
        labels,
        estimator=estimator,
        reduce=reduce,
        cv=only_folds(cv, "discrimination_latency"),
        inference=asked,
    )
    if not len(plan.counts):
        raise AnalysisError("n=0 resamples give no interval; take at least 20, better 1000")
    scores = _accuracies(x, plan, projector(reduce, asked.rng), reduce=reduce)
    largest = np.nanmax(scores["null"], axis=(1, 2))
    about = attributes(
        inference.rng,
        analysis="discrimination_latency",
        estimator=estimator,
        folds=len(plan.folds),
        reduce=reduce or "none",
        n=len(plan.counts),
        alpha=alpha,
        bins=bins,
        permutations=asked.permutations,
        confidence=asked.confidence,
        stimuli=x.count,
        axis=x.axis,
    )
    critical = float(null_high(largest, 1 - alpha))
    return _assembled(x, scores, plan, critical=critical, bins=bins, about=about)


def _accuracies(
    x: Frames, plan: Plan, project: Any, *, reduce: str | None
) -> dict[str, np.ndarray]:
    """Balanced accuracies ``(state, place)``, of every permutation, of every resample."""
    shape = (len(x.states), len(x.places))
    observed, null = np.full(shape, np.nan), np.full((len(plan.permutations), *shape), np.nan)
    draws = np.full((len(plan.counts), *shape), np.nan)
    for f in x.all():
        patterns = project(checked_frame(x, f, plan.estimator, reduce))
        guesses = guesses_at({f: patterns}, f, plan, where=x.where(*f))[f]
        right = guesses[0] == plan.numbers
        observed[f] = balanced(right, plan.numbers)
        draws[(slice(None), *f)] = balanced(right, plan.numbers, plan.counts)
        for k, order in enumerate(plan.permutations):
            true = plan.numbers[order]
            null[(k, *f)] = balanced(guesses[1 + k] == true, true)
    return {"observed": observed, "null": null, "draws": draws}


def _assembled(
    x: Frames,
    scores: dict[str, np.ndarray],
    plan: Plan,
    *,
    critical: float,
    bins: int,
    about: dict[str, Any],
) -> xarray.Dataset:
    """Latencies and intervals of every state."""
    import xarray

    times, chance = places_of(x), 1 / len(plan.classes)
    point = moments(scores["observed"], times, critical, level=chance, bins=bins)
    free, again = (
        moments(scores[k], times, critical, level=chance, bins=bins, held=False)
        for k in ("observed", "draws")
    )
    first = np.where(x.populated.any(1), times[x.populated.argmax(1)], np.nan)
    variables: dict[str, Any] = {"first_populated": ("state", first)}
    for name in MOMENTS:
        bounds = [
            interval_around(again[name][:, k], plan.confidence, point[name][k], free=free[name][k])
            for k in range(len(x.states))
        ]
        variables[name] = ("state", point[name])
        variables[f"{name}_interval"] = (("state", "bound"), np.array(bounds))
    dims = ("state", x.axis)
    p = max_statistic(scores["observed"], scores["null"], two_sided=False)
    variables |= {
        "undefined": ("state", np.isnan(again["onset"]).mean(0)),
        "accuracy": (dims, scores["observed"]),
        "p": (dims, p),
        "chance": ((), chance),
        "critical": ((), critical),
    }
    coords = {
        "state": np.array(x.states, dtype=object),
        x.axis: x.places,
        "bound": ["lower", "upper"],
    }
    along = {k: v for k, v in x.coords.items() if v[0] == x.axis}
    result = xarray.Dataset(variables, coords | along, about)
    return result if "state" in x.present else result.isel(state=0, drop=True)
