"""Decoding: what a linear classifier reads about the label of a stimulus, and when.

From each state at each step, or from neural responses at each time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.linear.classifiers import (
    checked_frame,
    count_guesses,
    empty_scores,
    guesses_at,
)
from cortexsim.analysis.linear.decoding_plan import Plan, decoding_plan
from cortexsim.analysis.linear.frames import Frames, frames
from cortexsim.analysis.linear.nulls import null_tests
from cortexsim.analysis.linear.settings import projector
from cortexsim.analysis.statistics.settings import CrossValidation, Inference
from cortexsim.analysis.statistics.settled import only_folds, settled
from cortexsim.arguments import clear_errors
from cortexsim.progress import bar as progress_bar
from cortexsim.provenance import provenance
from cortexsim.threads import free_threads

if TYPE_CHECKING:
    import xarray

TEXT = {
    "interval_text": "percentiles over resamples of stimuli (or groups); the fits are not repeated",
    "null_text": "labels permuted over the stimuli of each fold, in training and test alike, every "
    "fit repeated",
}


@clear_errors
def decode(
    features: Any,
    labels: Any = None,
    *,
    estimator: str = "logistic",
    generalise: bool = False,
    reduce: str | None = None,
    cv: CrossValidation = CrossValidation(),
    inference: Inference = Inference(),
    states: str | Sequence[str] | None = None,
    steps: int | Sequence[int] | None = None,
    progress: bool = False,
) -> xarray.Dataset:
    """Balanced accuracy of a linear classifier on held-out stimuli, by state and step (or time).

    Parameters
    ----------
    features : path, DataTree, array, DataArray or dict
        As in ``encode``; or neural responses, a DataArray ``(stimulus or trial, time_ms, unit)``.
    labels : array of shape (stimulus,), optional
        Default those of a recording.
    estimator : {"logistic", "ridge", "lda"}
        C = 1, alpha = 1, shrunk: scikit-learn's, after scaling every feature by the training
        stimuli.
    generalise : bool
        Train at each step, test at every step (temporal generalisation); no test stimulus was in
        training at any step.
    reduce : str, optional
        ``projection:K`` (looks at no data) or ``pca:K`` (of the training stimuli).
    cv : CrossValidation
        ``folds``, stratified by label; ``groups``: stimuli of one label stay together (exemplars
        of an object, trials of a stimulus). Who is held out with whom follows from the ids and
        labels of the stimuli, and the seed.
    inference : Inference
        ``n``: bootstrap resamples of stimuli (or groups), fits not repeated, 1000; 0 for none.
        ``permutations``: of the labels over the stimuli of each fold (so that folds stay
        stratified), with every fit repeated; by default 0, none.
    states : str or sequence of str, optional
        Chosen from a recording; default all.
    steps : int or sequence of int, optional
        Chosen from a recording; default all.
    progress : bool
        Show a bar.

    Returns
    -------
    Dataset
        By (state, step), less the axes that the inputs do not have, with ``test_step`` beside
        step if ``generalise``: accuracy (mean over classes of the share that is right, over all
        folds), interval ``(bound, ...)``, chance (1 / classes), confusion ``(true, predicted)``
        (counts; trained and tested at the same step); with permutations null_high, p,
        p_corrected (maximum over all frames). NaN where a state is not populated.

    Raises
    ------
    AnalysisError
        For missing labels, classes with fewer stimuli than folds, values that are no number, and
        fits that do not converge.

    References
    ----------
    King & Dehaene 2014 (temporal generalisation); Brodersen et al. 2010 (balanced accuracy);
    Ojala & Garriga 2010 (permutations).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["cat", "dog"], 30)
    >>> x = rng.normal(size=(60, 20)) + (y == "dog")[:, None]
    >>> result = decode(x, y, inference=Inference(permutations=20))
    >>> bool(result.interval[0] > result.chance), float(result.p.round(3))
    (True, 0.048)
    """

    asked = settled(inference, "decode", n=1000, permutations=0)
    x = frames(features, states, steps)
    plan = decoding_plan(
        x,
        labels,
        estimator=estimator,
        reduce=reduce,
        cv=only_folds(cv, "decode"),
        inference=asked,
    )
    project = projector(reduce, asked.rng)
    scores = empty_scores(x, plan, generalise)

    def patterns(frame: tuple[int, int]) -> np.ndarray:
        return project(checked_frame(x, frame, estimator, reduce))

    bar = progress_bar(total=len(x.all()), doing="decoding", unit="frames", shown=progress)
    with bar:
        for state in range(len(x.states)):
            own = [f for f in x.all() if f[0] == state]
            of_state = {f: patterns(f) for f in own if generalise}
            for f in own:
                tested = of_state if generalise else {f: patterns(f)}
                with free_threads():
                    guessed = guesses_at(tested, f, plan, where=x.where(*f))
                for g, guesses in guessed.items():
                    count_guesses(scores, f, g, guesses=guesses, plan=plan, generalise=generalise)
                bar.update()
    settings = {
        "analysis": "decode",
        "estimator": estimator,
        "folds": len(plan.folds),
        "reduce": reduce or "none",
        "n": len(plan.counts),
        "permutations": len(plan.permutations),
        "confidence": asked.confidence,
        "stimuli": x.count,
        "seed": asked.seed,
        **TEXT,
        "provenance": json.dumps(provenance("scikit-learn", "xarray")),
    }
    return _assembled(scores, x, plan, settings=settings, generalise=generalise)


def _assembled(
    scores: dict[str, np.ndarray],
    x: Frames,
    plan: Plan,
    *,
    settings: dict[str, Any],
    generalise: bool,
) -> xarray.Dataset:
    """With coordinates, tests, and without the axes that the inputs did not have."""
    import xarray

    dims = ("state", x.axis, f"test_{x.axis}")
    accuracy, null = scores["accuracy"], scores["null"]
    variables: dict[str, Any] = {"accuracy": (dims, accuracy)}
    if settings["n"]:
        variables["interval"] = (("bound", *dims), scores["interval"])
    if len(null):
        tests = null_tests(accuracy, null, settings["confidence"])
        variables |= {name: (dims, values) for name, values in tests.items()}
    variables["confusion"] = (("true", "predicted", *dims[:2]), scores["confusion"])
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
    absent = {"state", x.axis} - {*x.present} | (set() if generalise else {dims[2]})
    if generalise:
        result = result.assign_coords({dims[2]: (dims[2], x.places)})
    return result.isel(dict.fromkeys(absent & {*result.dims}, 0), drop=True) if absent else result
