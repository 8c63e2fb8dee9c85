"""Answers: the probability of each class for each stimulus at each time.

From a readout fitted with cross-validation, or the network's own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.linear.classifiers import (
    checked_frame,
    fitted_classifier,
    prepared_by,
)
from cortexsim.analysis.linear.decoding_plan import decoding_plan
from cortexsim.analysis.linear.frames import frames
from cortexsim.analysis.linear.settings import projector
from cortexsim.analysis.statistics.draws import attributes
from cortexsim.analysis.statistics.settings import CrossValidation, Inference
from cortexsim.analysis.statistics.settled import only_folds, settled
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.labelled.arrays import Labelled, column, labelled, named
from cortexsim.milliseconds import times_of
from cortexsim.plain import numbers

if TYPE_CHECKING:
    import xarray

PROBABILISTIC = ("logistic", "lda")
_AXES = ("step", "time_ms")
SUM = 1e-3  # by how much probabilities may miss adding to 1: float16 logits


@dataclass(frozen=True)
class Answers:
    """Probabilities of classes, checked.

    Parameters
    ----------
    probability : array of shape (stimulus, time, class)
        Of a network.
    numbers : array of int of shape (stimulus,)
        The true class of each stimulus.
    times : array of shape (time,)
        Steps, or ms.
    classes : tuple of str
        Their names.
    axis : str
        ``step`` or ``time_ms``.
    items : Labelled
        The stimuli, with their ids where they are known.
    """

    probability: np.ndarray
    numbers: np.ndarray
    times: np.ndarray
    classes: tuple[str, ...]
    axis: str
    items: Labelled

    @property
    def ids(self) -> np.ndarray | None:
        """The ids of the stimuli, where they are known and more than places."""
        return None if self.items.counted else self.items.ids

    @property
    def named(self) -> bool:
        """Whether the classes have names, not numbers only."""
        return "class" in self.items.coords

    @property
    def correct(self) -> np.ndarray:
        """Whether the most probable class is the true one, ``(stimulus, time)``."""
        return self.probability.argmax(-1) == self.numbers[:, None]


@clear_errors
def read_answers(
    features: Any,
    labels: Any = None,
    *,
    estimator: str = "logistic",
    reduce: str | None = None,
    cv: CrossValidation = CrossValidation(),
    states: str | Sequence[str] | None = None,
    steps: int | Sequence[int] | None = None,
    rng: int | np.random.Generator = 0,
) -> xarray.DataArray:
    """The probability of every class for held-out stimuli, by cross-validated classifiers.

    At each time a classifier is fitted to the other stimuli, in the same folds at all times.

    Parameters
    ----------
    features : path, DataTree, array, DataArray or dict
        As in ``decode``.
    labels : array of shape (stimulus,), optional
        Default those of a recording.
    estimator : {"logistic", "lda"}
        ``logistic`` (multinomial, L2 penalty, C = 1) or ``lda`` (shrunk), after scaling every
        feature by the training stimuli.
    reduce : str, optional
        ``projection:K`` or ``pca:K``, as in ``decode``.
    cv : CrossValidation
        ``folds`` and ``groups``, as in ``decode``.
    states : str or sequence of str, optional
        Chosen from a recording; default all.
    steps : int or sequence of int, optional
        Chosen from a recording; default all.
    rng : int or numpy.random.Generator
        Seed or generator of the folds.

    Returns
    -------
    DataArray
        probability ``([state,] stimulus, step or time_ms, class)`` with label(stimulus), NaN
        where a state is not populated.

    Raises
    ------
    AnalysisError
        For what ``decode`` refuses, and estimators without probabilities.

    Examples
    --------
    >>> rng, y = np.random.default_rng(0), np.repeat(["cat", "dog"], 30)
    >>> p = read_answers(rng.normal(size=(60, 5)) + 3 * (y == "dog")[:, None], y)
    >>> p.dims, bool((p.sum("class") - 1 < 1e-9).all())
    (('stimulus', 'step', 'class'), True)
    """
    import xarray

    if estimator not in PROBABILISTIC:
        raise AnalysisError(
            f"{estimator!r} gives no probabilities of classes; choose from "
            f"{', '.join(PROBABILISTIC)}"
        )
    asked = settled(Inference(rng=rng), "read_answers")
    x = frames(features, states, steps)
    plan = decoding_plan(
        x,
        labels,
        estimator=estimator,
        reduce=reduce,
        cv=only_folds(cv, "read_answers"),
        inference=asked,
    )
    project = projector(reduce, asked.rng)
    probability = np.full((len(x.states), x.count, len(x.places), len(plan.classes)), np.nan)
    for state, place in x.all():
        where = x.where(state, place)
        values = project(checked_frame(x, (state, place), estimator, reduce))
        for train, test in plan.folds:
            prepare = prepared_by(values[train], plan, where)
            fitted = fitted_classifier(
                estimator, prepare(values[train]), plan.numbers[train], where=where
            )
            probability[state, test, place] = fitted.predict_proba(prepare(values[test]))
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
    dims = ("state", "stimulus", x.axis, "class")
    about = {"readout": "cross-validated", **about}
    result = xarray.DataArray(probability, coords, dims, "probability", about)
    return result if "state" in x.present else result.isel(state=0, drop=True)


@clear_errors
def own_answers(recording: Any) -> xarray.DataArray:
    """The probabilities of a recorded network's own readout: the softmax of its logits.

    Parameters
    ----------
    recording : path or DataTree
        Or what ``cortexsim.open_recording`` returns.

    Returns
    -------
    DataArray
        ``(stimulus, step, class)``; NaN at steps without logits.

    Raises
    ------
    AnalysisError
        If it holds no readout.
    """
    from pathlib import Path

    from cortexsim.recording.opening import open_recording

    tree = open_recording(recording) if isinstance(recording, (str, Path)) else recording
    if "readout" not in getattr(tree, "children", {}):
        raise AnalysisError(
            "the recording holds no readout (its last state is never populated, or that is no "
            "recording); fit one with read_answers"
        )
    logits = tree["readout"].logits.load()
    return softmax(logits).rename("probability").assign_attrs(readout="the network's own")


@clear_errors
def softmax(logits: Any) -> Any:
    """exp(z) / sum exp(z) over the classes, in float64.

    Parameters
    ----------
    logits : array of shape (..., class), DataArray or DataFrame
        Of a readout. ``class`` of a DataArray may be any of its dimensions.

    Returns
    -------
    array of shape (..., class)
        Probabilities; of a DataArray or DataFrame a DataArray with its ids.

    Raises
    ------
    AnalysisError
        For what is not an array of numbers, and a DataArray without the dimension class.

    Examples
    --------
    >>> softmax(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    array = named(logits, "logits")
    if array is None:
        return _softmax(numbers(logits, "logits").astype(np.float64), -1)
    if not hasattr(logits, "dims"):  # a table, whose columns are the classes
        array = array.rename(unit="class") if "unit" in array.dims else array
    if "class" not in array.dims:
        raise AnalysisError(
            f"the logits have the dimensions {array.dims}; one of them must be called class "
            "(.rename)"
        )
    axis = array.dims.index("class")
    return array.copy(data=_softmax(numbers(array, "logits").astype(np.float64), axis))


def _softmax(z: np.ndarray, axis: int) -> np.ndarray:
    e = np.exp(z - z.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def answers(probability: Any, labels: Any = None) -> Answers:
    """Probabilities of classes, checked, at the times at which they exist.

    Parameters
    ----------
    probability : array of shape (stimulus, step or time_ms, class)
        A plain array, or a DataArray.
    labels : array of shape (stimulus,), optional
        Names of classes of a DataArray with the coordinate class, or whole numbers from 0;
        default the coordinate label.

    Returns
    -------
    Answers
        Times without any probability are left out.

    Raises
    ------
    AnalysisError
        For other shapes, values that are no probabilities, and labels that are no class.
    """
    table = labelled(
        probability,
        "answers",
        dims=("stimulus", *_AXES, "class"),
        plain={3: ("stimulus", "step", "class")},
        optional=_AXES,
    )
    x, dims = table.values.astype(np.float64), table.dims
    if x.ndim != 3 or 0 in x.shape:
        raise AnalysisError(
            f"answers have dimensions {dims} and shape {x.shape}; probabilities (stimulus, step or "
            "time_ms, class) are needed. Choose a state first"
        )
    coords = table.coords
    times = coords.get(dims[1], np.arange(1, x.shape[1] + 1))
    if dims[1] == "time_ms":
        times = times_of(probability.time_ms.variable)
    exists = ~np.isnan(x).all((0, 2))
    times = numbers(times, "steps of answers").astype(np.float64)
    if times.shape != x.shape[1:2]:
        raise AnalysisError(f"answers have {x.shape[1]} times, and their {dims[1]} {times.shape}")
    x, times = x[:, exists], times[exists]
    sound = len(times) and np.isfinite(x).all() and not (x < 0).any()
    if not sound or (np.abs(x.sum(-1) - 1) > SUM).any():
        raise AnalysisError(
            "answers must be probabilities that add to 1 for each stimulus, at one time at least "
            "(logits go through cortexsim.analysis.softmax)"
        )
    if (np.diff(times) <= 0).any():
        raise AnalysisError("the times of answers must ascend")
    classes = [str(c) for c in coords.get("class", np.arange(x.shape[2]))]
    if labels is not None:
        names: Any = column(labels, "labels").like(table).values
    else:
        names = getattr(probability, "label", None)
    classes_of = class_numbers(names, len(x), classes)
    return Answers(x, classes_of, times, tuple(classes), dims[1], table)


def class_numbers(labels: Any, count: int, classes: Sequence[str]) -> np.ndarray:
    """The number of the class of each stimulus, from names or numbers."""
    if labels is None:
        raise AnalysisError("the answers carry no labels; give labels=[...], one for each stimulus")
    names = np.asarray(labels)
    if names.shape != (count,):
        raise AnalysisError(
            f"labels have shape {names.shape}; one for each of {count} stimuli is needed"
        )
    if names.dtype.kind in "iu" and not set(map(str, np.unique(names))) <= set(classes):
        if all(re.fullmatch(r"-?\d+", c) for c in classes):
            unknown = sorted(set(map(str, np.unique(names))) - set(classes))
            raise AnalysisError(
                f"the labels {', '.join(unknown[:5])} are none of the classes "
                f"{', '.join(classes[:20])}, which are numbers themselves"
            )
        if names.min() < 0 or names.max() >= len(classes):
            raise AnalysisError(
                f"labels run from {names.min()} to {names.max()}; there are {len(classes)} "
                "classes, from 0"
            )
        return names.astype(np.int64)
    place = {c: k for k, c in enumerate(classes)}
    unknown = sorted({str(v) for v in names} - set(place))
    if unknown:
        raise AnalysisError(
            f"the labels {', '.join(unknown[:5])} are none of the classes {', '.join(classes)}"
        )
    return np.array([place[str(v)] for v in names])
