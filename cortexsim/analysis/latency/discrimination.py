"""When a state, an area or a unit tells stimuli apart: onset, time to half of the maximum and peak of decoding and of selectivity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.latency.onsets import first_run
from cortexsim.analysis.linear.classifiers import (
    Plan,
    balanced,
    checked_frame,
    classes_of,
    decoding_plan,
    guesses_at,
)
from cortexsim.analysis.linear.frames import Frames, frames
from cortexsim.analysis.linear.plan import projector
from cortexsim.analysis.statistics.draws import attributes, generator_of, share, whole_number
from cortexsim.analysis.statistics.intervals import corrected
from cortexsim.analysis.statistics.pvalues import TIE, max_statistic
from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    import xarray

MOMENTS = ("onset", "half_maximum", "peak")


def discrimination_latency(
    features: Any, labels: Any = None, *, estimator: str = "ridge", folds: int = 5, groups: Any = None, reduce: str | None = None, n: int = 1000,
    permutations: int = 200, alpha: float = 0.05, bins: int = 1, confidence: float = 0.95, states: str | Sequence[str] | None = None,
    steps: int | Sequence[int] | None = None, rng: int | np.random.Generator = 0,
) -> xarray.Dataset:  # fmt: skip
    """When the label of held-out stimuli can first be read from each state (or at each time of neural data), half of it, and best.

    With a(t) the balanced accuracy of ``decode`` and c the 1 - alpha quantile over permutations of the labels of the largest accuracy at any state
    and time, ``onset = min t: a(t), ..., a(t + bins - 1) > c``; ``half_maximum``: the first t from the onset on with a(t) >= (chance + max a)/2,
    interpolated from the step before; ``peak = argmax a``. All three are NaN without an onset.

    features, labels, estimator, folds, groups, reduce, states, steps: as in ``decode``; a recording, responses ``(stimulus or trial, time_ms, unit)``
        of spikes, MEG or EEG. n: resamples of stimuli (or groups), all times together, fits not repeated, each held against c. permutations: at
        least 20, every fit repeated. bins: consecutive times above c.

    Returns a Dataset by state (if there are states): onset, half_maximum, peak (in steps, or ms where the axis is time_ms; ``TimeAxis.time_ms`` turns
    steps, whole or not, into ms, ``low_ms`` and ``high_ms`` into the ends of their range), each with NAME_interval (bound; bias-corrected; an end that
    lies after the last time is NaN), first_populated, undefined (share of resamples without an onset), accuracy and p (state, step or time), chance,
    critical. A deterministic network has no noise but that of its stimuli: its onset says when labels become linearly readable at all.
    Raises AnalysisError for what ``decode`` refuses and fewer than 20 permutations.

    >>> import xarray
    >>> rng, y = np.random.default_rng(0), np.repeat(["cat", "dog"], 30)
    >>> x = rng.normal(size=(60, 5, 8)) + 2 * (y == "dog")[:, None, None] * (np.arange(5) >= 2)[:, None]
    >>> found = discrimination_latency(xarray.DataArray(x, dims=("stimulus", "step", "unit")), y, permutations=20, n=100)
    >>> float(found.onset), found.onset_interval.values.tolist()
    (3.0, [3.0, 3.0])
    """
    if whole_number(permutations, "permutations") < 20 or whole_number(bins, "bins") < 1:
        raise AnalysisError(
            f"permutations={permutations} and bins={bins}: an onset needs 20 permutations or more and at least one significant time"
        )
    share(alpha, "alpha")
    generator = generator_of(rng)
    x = frames(features, states, steps)
    plan = decoding_plan(
        x, labels, estimator, folds, groups, reduce, n, permutations, confidence, generator
    )
    if not len(plan.counts):
        raise AnalysisError("n=0 resamples give no interval; take at least 20, better 1000")
    observed, null, drawn = _accuracies(x, plan, projector(reduce, generator), reduce)
    critical = float(np.quantile(np.nanmax(null, axis=(1, 2)), 1 - alpha, method="higher"))
    settings = {
        "estimator": estimator,
        "folds": len(plan.folds),
        "reduce": reduce or "none",
        "n": len(plan.counts),
        "alpha": alpha,
        "bins": bins,
    }
    about = attributes(
        rng, **settings, permutations=permutations, confidence=confidence, stimuli=x.count, axis=x.axis
    )  # fmt: skip
    return _assembled(x, observed, null, drawn, critical, plan, bins, about)


def _accuracies(
    x: Frames, plan: Plan, project: Any, reduce: str | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Balanced accuracies ``(state, place)``, of every permutation, and of every resample of stimuli."""
    shape = (len(x.states), len(x.places))
    observed, null = np.full(shape, np.nan), np.full((len(plan.permutations), *shape), np.nan)
    drawn = np.full((len(plan.counts), *shape), np.nan)
    for f in x.all():
        guesses = guesses_at(
            {f: project(checked_frame(x, f, plan.estimator, reduce))}, f, plan, x.where(*f)
        )[f]
        right = guesses[0] == plan.numbers
        observed[f], drawn[(slice(None), *f)] = (
            balanced(right, plan.numbers),
            balanced(right, plan.numbers, plan.counts),
        )
        for k, order in enumerate(plan.permutations):
            true = plan.numbers[order]
            null[(k, *f)] = balanced(guesses[1 + k] == true, true)
    return observed, null, drawn


def moments(
    courses: np.ndarray, times: np.ndarray, critical: float, level: float, bins: int
) -> dict[str, np.ndarray]:
    """Onset, half maximum and peak of courses ``(..., time)`` above a critical value; NaN in a course is below it.

    >>> found = moments(np.array([np.nan, 0.5, 0.6, 0.9]), np.arange(1.0, 5), critical=0.55, level=0.5, bins=1)
    >>> {k: round(float(v), 3) for k, v in found.items()}
    {'onset': 3.0, 'half_maximum': 3.333, 'peak': 4.0}
    """
    there = np.isfinite(courses)
    values = np.where(there, courses, level)
    onset = first_run(there & (values > critical + TIE), times, bins)
    half = ((level + values.max(-1)) / 2)[..., None]
    reached = (values >= half - TIE) & (
        times >= np.where(np.isnan(onset), np.inf, onset)[..., None]
    )
    at = np.argmax(reached, -1)
    before = np.maximum(at - 1, 0)
    y1, y0 = (np.take_along_axis(values, i[..., None], -1)[..., 0] for i in (at, before))
    rising = (y0 < half[..., 0]) & (y1 > y0)
    part = np.where(rising, (half[..., 0] - y0) / np.where(rising, y1 - y0, 1.0), 1.0)
    found = {
        "onset": onset,
        "half_maximum": times[before] + part * (times[at] - times[before]),
        "peak": times[values.argmax(-1)],
    }
    return {k: np.where(np.isnan(onset), np.nan, v) for k, v in found.items()}


def _assembled(
    x: Frames, observed: np.ndarray, null: np.ndarray, drawn: np.ndarray, critical: float, plan: Plan, bins: int, about: dict[str, Any]
) -> xarray.Dataset:  # fmt: skip
    """Latencies and intervals of every state."""
    import xarray

    times, chance = np.asarray(x.places, dtype=np.float64), 1 / len(plan.classes)
    point = moments(observed, times, critical, chance, bins)
    again = moments(drawn, times, critical, chance, bins)
    first = np.where(x.populated.any(1), times[x.populated.argmax(1)], np.nan)
    variables: dict[str, Any] = {"first_populated": ("state", first)}
    for name in MOMENTS:
        bounds = [
            corrected(again[name][:, k], plan.confidence, point[name][k])
            for k in range(len(x.states))
        ]
        variables |= {
            name: ("state", point[name]),
            f"{name}_interval": (("state", "bound"), np.array(bounds)),
        }
    dims = ("state", x.axis)
    variables |= {
        "undefined": ("state", np.isnan(again["onset"]).mean(0)),
        "accuracy": (dims, observed),
        "p": (dims, max_statistic(observed, null, two_sided=False)),
        "chance": ((), chance),
        "critical": ((), critical),
    }
    coords = {
        "state": np.array(x.states, dtype=object),
        x.axis: x.places,
        "bound": ["lower", "upper"],
    }
    kept = {k: v for k, v in x.coords.items() if v[0] == x.axis}
    result = xarray.Dataset(variables, coords | kept, about)
    return result if "state" in x.given else result.isel(state=0, drop=True)


def selectivity_latency(
    features: Any, labels: Any = None, *, permutations: int = 1000, alpha: float = 0.05, bins: int = 1, states: str | None = None,
    steps: int | Sequence[int] | None = None, rng: int | np.random.Generator = 0,
) -> xarray.Dataset:  # fmt: skip
    """When each unit of one state (or area) first tells labels apart: one-way analysis of variance against permuted labels.

    ``eta2(t) = variance of the label means / variance over stimuli``; the null is the largest eta2 of the unit at any time, labels permuted over
    stimuli, so that a unit without selectivity has an onset with probability alpha.

    features: a recording with one of its states in ``states``, or a DataArray ``(stimulus or trial, step or time_ms, unit)``. labels: one for each
    stimulus. bins: consecutive significant times.

    Returns a Dataset: onset, peak (unit; NaN where none), eta2 (time, unit), p (time, unit; corrected over times, not over units), selective (share
    of units with an onset, alpha of which is expected without any selectivity).
    Raises AnalysisError for more than one state, missing labels, fewer than 20 permutations.

    >>> rng, y = np.random.default_rng(0), np.repeat([0, 1], 20)
    >>> x = rng.normal(size=(40, 4, 2)) + 3 * y[:, None, None] * (np.arange(4) >= 2)[:, None]
    >>> import xarray
    >>> selectivity_latency(xarray.DataArray(x, dims=("stimulus", "step", "unit")), y, permutations=99).onset.values.tolist()
    [3.0, 3.0]
    """
    import xarray

    if whole_number(permutations, "permutations") < 20 or whole_number(bins, "bins") < 1:
        raise AnalysisError(
            f"permutations={permutations} and bins={bins}: give at least 20 permutations and one bin"
        )
    share(alpha, "alpha")
    generator, x = generator_of(rng), frames(features, states, steps)
    if len(x.states) > 1:
        raise AnalysisError(
            f"units are those of one state; choose states= from {', '.join(x.states)}"
        )
    classes, numbers = classes_of(x, labels)
    orders = np.stack([numbers, *(generator.permutation(numbers) for _ in range(permutations))])
    member = np.eye(len(classes))[orders]  # (1 + permutation, stimulus, class)
    places = [p for _, p in x.all()]
    found = [_explained(x.frame(0, p), member) for p in range(len(x.places)) if p in places]
    values = np.full((1 + permutations, len(x.places), found[0].shape[1]), np.nan)
    values[:, places] = np.stack(found, 1)
    largest = np.sort(np.nanmax(values[1:], axis=1), axis=0)  # (permutation, unit)
    reached = np.stack([permutations - np.searchsorted(largest[:, u], values[0, :, u] - TIE) for u in range(values.shape[2])], 1)  # fmt: skip
    p = np.where(np.isnan(values[0]), np.nan, (1 + reached) / (1 + permutations))
    times = np.asarray(x.places, dtype=np.float64)
    onset = first_run((p <= alpha).T, times, bins)
    filled = np.where(np.isnan(values[0]), -1.0, values[0])
    return xarray.Dataset(
        {
            "onset": ("unit", onset),
            "peak": ("unit", np.where(np.isnan(onset), np.nan, times[filled.argmax(0)])),
            "eta2": ((x.axis, "unit"), values[0]),
            "p": ((x.axis, "unit"), p),
            "selective": float(np.isfinite(onset).mean()),
        },
        {x.axis: x.places, **{k: v for k, v in x.coords.items() if v[0] == x.axis}},
        attributes(
            rng, permutations=permutations, alpha=alpha, bins=bins, stimuli=x.count, axis=x.axis
        ),
    )


def _explained(x: np.ndarray, member: np.ndarray) -> np.ndarray:
    """Share of the variance of each unit ``(stimulus, unit)`` that lies between labels, ``(1 + permutation, unit)``; 0 for a constant unit."""
    centred = x.astype(np.float64) - x.mean(0, dtype=np.float64)
    total = (centred**2).sum(0)
    counts = member[0].sum(0)
    out = np.empty((len(member), x.shape[1]))
    for k, one in enumerate(member):
        out[k] = ((one.T @ centred) ** 2 / counts[:, None]).sum(0)
    flat = total <= 1e-24 * (np.abs(x).max(0).astype(np.float64) ** 2 + 1e-300) * len(x)
    return np.divide(out, total, out=np.zeros_like(out), where=~flat)
