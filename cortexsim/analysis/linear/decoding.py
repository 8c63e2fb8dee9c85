"""Decoding: what a linear classifier reads about the label of a stimulus from each state at each step, or from neural responses at each time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.linear.classifiers import (
    Plan,
    checked_frame,
    count_guesses,
    decoding_plan,
    empty_scores,
    guesses_at,
)
from cortexsim.analysis.linear.frames import Frames, frames
from cortexsim.analysis.linear.plan import projector
from cortexsim.analysis.statistics.draws import generator_of
from cortexsim.analysis.statistics.pvalues import TIE, max_statistic
from cortexsim.provenance import provenance

if TYPE_CHECKING:
    import xarray


def decode(
    features: Any,
    labels: Any = None,
    *,
    estimator: str = "logistic",
    generalise: bool = False,
    folds: int = 5,
    groups: Any = None,
    reduce: str | None = None,
    n: int = 1000,
    permutations: int = 0,
    confidence: float = 0.95,
    states: str | Sequence[str] | None = None,
    steps: int | Sequence[int] | None = None,
    rng: int | np.random.Generator = 0,
    progress: bool = False,
) -> xarray.Dataset:
    """Balanced accuracy with which a linear classifier tells the labels of held-out stimuli, by state and step (or time).

    features: as in ``encode``; or neural responses, a DataArray ``(stimulus or trial, time_ms, unit)``. labels: one for each stimulus; default those
        of a recording. estimator: ``logistic`` (C = 1), ``ridge`` (alpha = 1) or ``lda`` (shrunk), scikit-learn's, after scaling every feature by the
        training stimuli.
    generalise: train at each step, test at every step (temporal generalisation); no test stimulus was in training at any step.
    folds: stratified by label; groups: a label for each stimulus; those of one label stay together (exemplars of an object, trials of a stimulus).
    reduce: ``projection:K`` (looks at no data) or ``pca:K`` (of the training stimuli). n: bootstrap resamples of stimuli (or groups), fits not
        repeated; 0 for none. permutations: of the labels over the stimuli of each fold (so that folds stay
        stratified), with every fit repeated; 0 for none.

    Returns a Dataset by (state, step), less the axes that the inputs do not have, with ``test_step`` beside step if ``generalise``: accuracy (mean
    over classes of the share that is right, over all folds), interval ``(bound, ...)``, chance (1 / classes), confusion ``(true, predicted)``
    (counts; trained and tested at the same step); with permutations null_high, p, p_corrected (maximum over all frames). NaN where a state is not
    populated.
    Raises AnalysisError for missing labels, classes with fewer stimuli than folds, values that are no number, and fits that do not converge.
    Sources: King & Dehaene 2014 (temporal generalisation); Brodersen et al. 2010 (balanced accuracy); Ojala & Garriga 2010 (permutations).

    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["cat", "dog"], 30)
    >>> result = decode(rng.normal(size=(60, 20)) + (y == "dog")[:, None], y, permutations=20)
    >>> bool(result.interval[0] > result.chance), float(result.p.round(3))
    (True, 0.048)
    """
    from tqdm import tqdm

    generator = generator_of(rng)
    x = frames(features, states, steps)
    plan = decoding_plan(
        x, labels, estimator, folds, groups, reduce, n, permutations, confidence, generator
    )
    project = projector(reduce, generator)
    out = empty_scores(x, plan, generalise)
    bar = tqdm(
        total=len(x.all()),
        desc="decoding",
        unit=" frames",
        disable=not progress,
        dynamic_ncols=True,
    )
    with bar:
        for state in range(len(x.states)):
            own = [f for f in x.all() if f[0] == state]
            held = {f: project(checked_frame(x, f, estimator, reduce)) for f in own if generalise}
            for f in own:
                matrices = (
                    held if generalise else {f: project(checked_frame(x, f, estimator, reduce))}
                )
                for g, guesses in guesses_at(matrices, f, plan, x.where(*f)).items():
                    count_guesses(out, f, g, guesses, plan, generalise)
                bar.update()
    settings = {
        "estimator": estimator,
        "folds": len(plan.folds),
        "reduce": reduce or "none",
        "n": len(plan.counts),
        "permutations": len(plan.permutations),
        "confidence": confidence,
        "stimuli": x.count,
        "seed": "a generator of the caller" if isinstance(rng, np.random.Generator) else int(rng),
        "interval_text": "percentiles over resamples of stimuli (or groups); the fits are not repeated",
        "null_text": "labels permuted over the stimuli of each fold, in training and test alike, every fit repeated",
        "provenance": json.dumps(provenance("scikit-learn", "xarray")),
    }
    return _assembled(out, x, plan, settings, generalise)


def _assembled(
    out: dict[str, np.ndarray], x: Frames, plan: Plan, settings: dict[str, Any], generalise: bool
) -> xarray.Dataset:  # fmt: skip
    """With coordinates, tests, and without the axes that the inputs did not have."""
    import xarray

    dims = ("state", x.axis, f"test_{x.axis}")
    null, accuracy = out.pop("null"), out["accuracy"]
    confusion = out.pop("confusion")
    variables: dict[str, Any] = {
        "accuracy": (dims, accuracy),
        "interval": (("bound", *dims), out["interval"]),
    }
    if not settings["n"]:
        del variables["interval"]
    if len(null):
        there = np.isfinite(accuracy)
        high = np.full(accuracy.shape, np.nan)
        high[there] = np.quantile(null[:, there], settings["confidence"], axis=0)
        p = (1 + (null >= accuracy - TIE).sum(0)) / (1 + len(null))
        variables["null_high"] = (dims, high)
        variables["p"] = (dims, np.where(there, p, np.nan))
        variables["p_corrected"] = (dims, max_statistic(accuracy, null, two_sided=False))
    variables["confusion"] = (("true", "predicted", *dims[:2]), confusion)
    variables["chance"] = ((), 1 / len(plan.classes))
    coords = {
        "state": np.array(x.states, dtype=object),
        x.axis: x.places,
        "populated": (dims[:2], x.populated),
        "true": plan.classes,
        "predicted": plan.classes,
        "bound": ["lower", "upper"],
        **x.coords,
    }
    result = xarray.Dataset(variables, coords, settings)
    if x.axis == "time_ms":
        result.time_ms.attrs["units"] = "ms after stimulus onset"
    gone = {"state", x.axis} - {*x.given} | (set() if generalise else {dims[2]})
    if generalise:
        result = result.assign_coords({dims[2]: (dims[2], x.places)})
    return result.isel(dict.fromkeys(gone & {*result.dims}, 0), drop=True) if gone else result
