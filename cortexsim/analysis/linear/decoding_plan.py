"""What all classifiers share: labels as numbers, folds, resamples, permutations of the labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cortexsim.analysis.linear.estimators import ESTIMATORS
from cortexsim.analysis.linear.frames import SHOWN, Frames, places_of
from cortexsim.analysis.linear.settings import reduction
from cortexsim.analysis.linear.splits import permutations_of
from cortexsim.analysis.statistics.draws import draw
from cortexsim.analysis.statistics.draws import labels as numbered
from cortexsim.analysis.statistics.settings import CrossValidation
from cortexsim.analysis.statistics.settled import Settled
from cortexsim.errors import AnalysisError
from cortexsim.labelled.arrays import column
from cortexsim.shapes import Int


@dataclass(frozen=True)
class Plan:
    """The same for every frame: labels, folds, permutations, and what a fit consists of.

    Parameters
    ----------
    classes : array of shape (class,)
        The different labels.
    numbers : array of int of shape (stimulus,)
        The class of each stimulus.
    folds : list of (train, test)
        Indices of stimuli.
    permutations : array of int of shape (permutation, stimulus)
        Orders of the labels.
    counts : array of int of shape (resample, stimulus)
        How often each stimulus is drawn.
    confidence : float
        Coverage of intervals.
    estimator : str
        A key of ``ESTIMATORS``.
    components : int
        Of a PCA on the training stimuli; 0: none.
    """

    classes: np.ndarray
    numbers: np.ndarray
    folds: list[tuple[np.ndarray, np.ndarray]]
    permutations: np.ndarray
    counts: np.ndarray
    confidence: float
    estimator: str
    components: int


def decoding_plan(
    x: Frames,
    labels: Any,
    *,
    estimator: str,
    reduce: str | None,
    cv: CrossValidation,
    inference: Settled,
) -> Plan:
    """Labels, folds, resamples and permutations, checked.

    Parameters
    ----------
    x : Frames
        What is decoded.
    labels : array of shape (stimulus,), optional
        Default those of a recording.
    estimator : str
        A key of ``ESTIMATORS``.
    reduce : str, optional
        ``projection:K`` or ``pca:K``.
    cv : CrossValidation
        Folds and groups.
    inference : Settled
        Resamples (0 for none), permutations, confidence.

    Returns
    -------
    Plan
        For all frames.

    Raises
    ------
    AnalysisError
        For missing labels, classes with fewer stimuli than folds, fewer than 20 resamples.
    """
    if estimator not in ESTIMATORS:
        raise AnalysisError(
            f"there is no estimator {estimator!r}; choose from {', '.join(ESTIMATORS)}"
        )
    n, rng = inference.n, inference.rng
    classes, numbers = classes_of(x, labels)
    group = places_of(x.items)
    if cv.groups is not None:
        group = numbered(column(cv.groups, "groups").like(x.items).values, x.count, "groups")
    k = int(cv.folds)
    sizes = [len(np.unique(group[numbers == c])) for c in range(len(classes))]
    if min(sizes) < k:
        small = [str(name) for name, size in zip(classes, sizes) if size < k]
        raise AnalysisError(
            f"{k} folds need {k} stimuli (or groups) of each label; "
            f"{', '.join(small[:SHOWN])} has {min(sizes)}: give at least 2 folds "
            "and no more than that, or leave the label out"
        )
    name, components = reduction(reduce)
    folds = _folds(numbers, group, k, rng=rng, grouped=cv.groups is not None)
    fold = np.empty(x.count, dtype=np.int64)
    for i, (_, test) in enumerate(folds):
        fold[test] = i
    orders = permutations_of(group, inference.permutations, rng, fold)
    counts = draw(rng, n, group, True, "stimulus") if n else np.empty((0, x.count), dtype=np.int64)
    return Plan(
        classes=classes,
        numbers=numbers,
        folds=folds,
        permutations=orders,
        counts=counts,
        confidence=inference.confidence,
        estimator=estimator,
        components=components if name == "pca" else 0,
    )


def classes_of(x: Frames, labels: Any) -> tuple[np.ndarray, np.ndarray]:
    """The different labels, and the number of that of each stimulus."""
    names = x.labels if labels is None else column(labels, "labels").like(x.items).values
    if names is None:
        raise AnalysisError(
            "the features carry no labels; give labels=[...], one for each stimulus"
        )
    missing = [k for k, v in enumerate(names) if v is None or v == "" or v != v]
    if missing:
        raise AnalysisError(
            f"{len(missing)} of {x.count} stimuli have no label (first: "
            f"{', '.join(map(str, missing[:SHOWN]))}); leave them out, or give labels=[...]"
        )
    if names.dtype.kind == "f":
        raise AnalysisError(
            "labels are real numbers, which are no classes; give names or whole numbers (encode "
            "predicts quantities)"
        )
    classes, numbers = np.unique(
        names.astype(str) if names.dtype.kind == "O" else names, return_inverse=True
    )
    if len(classes) < 2:
        raise AnalysisError(
            f"all stimuli have the label {classes[0]!r}; at least two labels are needed"
        )
    return classes, numbers


def _folds(
    numbers: Int[np.ndarray, " stimulus"],
    group: Int[np.ndarray, " stimulus"],
    k: int,
    *,
    rng: np.random.Generator,
    grouped: bool,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Stratified by label; AnalysisError where a fold would be trained without a label."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    kind = StratifiedGroupKFold if grouped else StratifiedKFold
    splitter = kind(k, shuffle=True, random_state=int(rng.integers(2**31)))
    order = np.argsort(group, kind="stable")  # of the ids, not of the stimuli
    groups = group[order] if grouped else None
    found = splitter.split(np.zeros(len(numbers)), numbers[order], groups)
    folds = [(np.sort(order[train]), np.sort(order[test])) for train, test in found]
    classes = numbers.max() + 1
    if any(len(np.unique(numbers[train])) < classes or not len(test) for train, test in folds):
        raise AnalysisError(
            f"{k} folds of whole groups leave a fold without stimuli or a label without training; "
            "give fewer folds"
        )
    return folds
