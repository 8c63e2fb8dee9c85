"""Answers: the probability of each class for each stimulus at each time, from a readout fitted with cross-validation or the network's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.linear.classifiers import (
    checked_frame,
    decoding_plan,
    fitted_classifier,
    prepared_by,
)
from cortexsim.analysis.linear.frames import frames
from cortexsim.analysis.linear.plan import projector
from cortexsim.analysis.statistics.draws import attributes, generator_of
from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    import xarray

PROBABILISTIC = ("logistic", "lda")
SUM = 1e-3  # by how much probabilities may miss adding to 1: float16 logits


@dataclass(frozen=True)
class Answers:
    """probability ``(stimulus, time, class)``, the number of the true class of each stimulus, the times (steps or ms), and names."""

    probability: np.ndarray
    numbers: np.ndarray
    times: np.ndarray
    classes: tuple[str, ...]
    axis: str
    ids: np.ndarray | None

    @property
    def correct(self) -> np.ndarray:
        """Whether the most probable class is the true one, ``(stimulus, time)``."""
        return self.probability.argmax(-1) == self.numbers[:, None]


def read_answers(
    features: Any, labels: Any = None, *, estimator: str = "logistic", folds: int = 5, groups: Any = None, reduce: str | None = None,
    states: str | Sequence[str] | None = None, steps: int | Sequence[int] | None = None, rng: int | np.random.Generator = 0,
) -> xarray.DataArray:  # fmt: skip
    """The probability of every class for held-out stimuli: at each time a classifier fitted to the others, the same folds at all times.

    features, labels, folds, groups, reduce, states, steps: as in ``decode``. estimator: ``logistic`` (multinomial, L2 penalty, C = 1) or ``lda``
    (shrunk), after scaling every feature by the training stimuli.

    Returns probability ``([state,] stimulus, step or time_ms, class)`` with label(stimulus), NaN where a state is not populated.
    Raises AnalysisError for what ``decode`` refuses, and estimators without probabilities.

    >>> rng, y = np.random.default_rng(0), np.repeat(["cat", "dog"], 30)
    >>> found = read_answers(rng.normal(size=(60, 5)) + 3 * (y == "dog")[:, None], y)
    >>> found.dims, bool((found.sum("class") - 1 < 1e-9).all())
    (('stimulus', 'step', 'class'), True)
    """
    import xarray

    if estimator not in PROBABILISTIC:
        raise AnalysisError(
            f"{estimator!r} gives no probabilities of classes; choose from {', '.join(PROBABILISTIC)}"
        )
    generator, x = generator_of(rng), frames(features, states, steps)
    plan = decoding_plan(x, labels, estimator, folds, groups, reduce, 0, 0, 0.95, generator)
    project = projector(reduce, generator)
    out = np.full((len(x.states), x.count, len(x.places), len(plan.classes)), np.nan)
    for state, place in x.all():
        where = x.where(state, place)
        values = project(checked_frame(x, (state, place), estimator, reduce))
        for train, test in plan.folds:
            prepare = prepared_by(values[train], plan, where)
            fitted = fitted_classifier(
                estimator, prepare(values[train]), plan.numbers[train], where
            )
            out[state, test, place] = fitted.predict_proba(prepare(values[test]))
    coords: dict[str, Any] = {
        "state": np.array(x.states, dtype=object),
        x.axis: x.places,
        "class": plan.classes,
        "label": ("stimulus", plan.classes[plan.numbers]),
        **{k: v for k, v in x.coords.items() if v[0] == x.axis},
    }
    if x.ids is not None:
        coords["stimulus_id"] = ("stimulus", x.ids)
    about = attributes(
        rng, estimator=estimator, folds=len(plan.folds), reduce=reduce or "none", stimuli=x.count
    )
    result = xarray.DataArray(
        out, coords, ("state", "stimulus", x.axis, "class"), "probability", attrs={"readout": "cross-validated", **about}
    )  # fmt: skip
    return result if "state" in x.given else result.isel(state=0, drop=True)


def own_answers(recording: Any) -> xarray.DataArray:
    """The probabilities of a recorded network's own readout: the softmax of its logits, ``(stimulus, step, class)``; NaN where there are none.

    recording: its path, or what ``cortexsim.open_recording`` returns. Raises AnalysisError if it holds no readout.
    """
    from pathlib import Path

    from cortexsim.recording.schema import open_recording

    tree = open_recording(recording) if isinstance(recording, (str, Path)) else recording
    if "readout" not in getattr(tree, "children", {}):
        raise AnalysisError(
            "the recording holds no readout (its last state is never populated, or that is no recording); fit one with read_answers"
        )
    logits = tree["readout"].logits.load()
    return (
        logits.copy(data=softmax(logits.values))
        .rename("probability")
        .assign_attrs(readout="the network's own")
    )


def softmax(logits: np.ndarray) -> np.ndarray:
    """exp(z) / sum exp(z) over the last axis, in float64.

    >>> softmax(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    z = np.asarray(logits, dtype=np.float64)
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def answers(probability: Any, labels: Any = None) -> Answers:
    """Probabilities ``(stimulus, step or time_ms, class)``, checked, at the times at which they exist.

    labels: names of classes of a DataArray with the coordinate class, or whole numbers from 0; default the coordinate label.
    Raises AnalysisError for other shapes, values that are no probabilities, and labels that are no class.
    """
    x = np.asarray(getattr(probability, "values", probability), dtype=np.float64)
    dims = tuple(map(str, getattr(probability, "dims", ("stimulus", "step", "class"))))
    if (
        x.ndim != 3
        or dims[0] != "stimulus"
        or dims[2] != "class"
        or dims[1] not in ("step", "time_ms")
        or 0 in x.shape
    ):
        raise AnalysisError(
            f"answers have dimensions {dims} and shape {x.shape}; probabilities (stimulus, step or time_ms, class) are needed. Choose a state first"
        )
    coords = getattr(probability, "coords", {})
    times = np.asarray(
        coords[dims[1]].values if dims[1] in coords else np.arange(1, x.shape[1] + 1),
        dtype=np.float64,
    )
    there = ~np.isnan(x).all((0, 2))
    x, times = x[:, there], times[there]
    if (
        not len(times)
        or not np.isfinite(x).all()
        or (x < 0).any()
        or (np.abs(x.sum(-1) - 1) > SUM).any()
    ):
        raise AnalysisError(
            "answers must be probabilities that add to 1 for each stimulus, at one time at least (logits go through cortexsim.analysis.softmax)"
        )
    if (np.diff(times) <= 0).any():
        raise AnalysisError("the times of answers must ascend")
    classes = (
        [str(c) for c in coords["class"].values] if "class" in coords else [str(k) for k in range(x.shape[2])]
    )  # fmt: skip
    given = coords["label"].values if labels is None and "label" in coords else labels
    ids = np.asarray(coords["stimulus_id"].values) if "stimulus_id" in coords else None
    return Answers(x, class_numbers(given, len(x), classes), times, tuple(classes), dims[1], ids)


def class_numbers(labels: Any, count: int, classes: Sequence[str]) -> np.ndarray:
    """The number of the class of each stimulus, from names or numbers."""
    if labels is None:
        raise AnalysisError("the answers carry no labels; give labels=[...], one for each stimulus")
    given = np.asarray(labels)
    if given.shape != (count,):
        raise AnalysisError(
            f"labels have shape {given.shape}; one for each of {count} stimuli is needed"
        )
    if given.dtype.kind in "iu" and not set(map(str, np.unique(given))) <= set(classes):
        if given.min() < 0 or given.max() >= len(classes):
            raise AnalysisError(
                f"labels run from {given.min()} to {given.max()}; there are {len(classes)} classes, from 0"
            )
        return given.astype(np.int64)
    where = {c: k for k, c in enumerate(classes)}
    unknown = sorted({str(v) for v in given} - set(where))
    if unknown:
        raise AnalysisError(
            f"the labels {', '.join(unknown[:5])} are none of the classes {', '.join(classes)}"
        )
    return np.array([where[str(v)] for v in given])
