"""What decoding fits: estimators, folds, permutations, and the guesses of one frame's classifiers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.linear.frames import SHOWN, Frames
from cortexsim.analysis.linear.plan import reduction
from cortexsim.analysis.linear.scores import mean_there
from cortexsim.analysis.linear.splits import permutations_of
from cortexsim.analysis.statistics.draws import draw, whole_number
from cortexsim.analysis.statistics.draws import labels as numbered
from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    pass


ITERATIONS = 5000


WIDEST = 4096  # features of a covariance matrix


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=ITERATIONS)


def _ridge() -> Any:
    from sklearn.linear_model import RidgeClassifier

    return RidgeClassifier()


def _lda() -> Any:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


ESTIMATORS: dict[str, Callable[[], Any]] = {"logistic": _logistic, "ridge": _ridge, "lda": _lda}


RANK = 1e-12  # eigenvalues below this share of the largest are rounding errors


ROTATED = ("logistic", "ridge")  # that do not see rotations of the features


@dataclass(frozen=True)
class Plan:
    """The same for every frame: labels as numbers, folds (train, test), permutations of the labels, and what a fit consists of."""

    classes: np.ndarray
    numbers: np.ndarray
    folds: list[tuple[np.ndarray, np.ndarray]]
    permutations: np.ndarray
    counts: np.ndarray  # (resample, stimulus)
    confidence: float
    estimator: str
    components: int  # of a PCA on the training stimuli; 0: none


def decoding_plan(
    x: Frames, labels: Any, estimator: str, folds: Any, groups: Any, reduce: str | None, n: Any, permutations: Any, confidence: Any,
    rng: np.random.Generator,
) -> Plan:  # fmt: skip
    """Labels, folds, resamples and permutations, checked."""
    if estimator not in ESTIMATORS:
        raise AnalysisError(
            f"there is no estimator {estimator!r}; choose from {', '.join(ESTIMATORS)}"
        )
    if whole_number(permutations, "permutations") < 0 or 0 != whole_number(n, "n") < 20:
        raise AnalysisError(
            f"permutations={permutations} must be 0 or more, and n={n} must be 0 or at least 20"
        )
    if not isinstance(confidence, (int, float, np.number)) or not 0 < confidence < 1:
        raise AnalysisError(f"confidence={confidence!r} must lie between 0 and 1, e.g. 0.95")
    classes, numbers = classes_of(x, labels)
    group = numbered(groups, x.count, "groups")
    k = whole_number(folds, "folds")
    least = min(len(np.unique(group[numbers == c])) for c in range(len(classes)))
    if k < 2 or least < k:
        few = [
            str(classes[c]) for c in range(len(classes)) if len(np.unique(group[numbers == c])) < k
        ]
        raise AnalysisError(
            f"{k} folds need {max(k, 2)} stimuli (or groups) of each label; {', '.join(few[:SHOWN]) or 'the smallest'} has {least}: "
            "give at least 2 folds and no more than that, or leave the label out"
        )
    name, count = reduction(reduce)
    made = _folds(numbers, group, k, rng, grouped=groups is not None)
    fold = np.empty(x.count, dtype=np.int64)
    for i, (_, test) in enumerate(made):
        fold[test] = i
    orders = permutations_of(group, permutations, rng, fold)
    counts = draw(rng, n, group, True, "stimulus") if n else np.empty((0, x.count), dtype=np.int64)
    return Plan(
        classes, numbers, made, orders, counts, float(confidence), estimator, count if name == "pca" else 0
    )  # fmt: skip


def classes_of(x: Frames, labels: Any) -> tuple[np.ndarray, np.ndarray]:
    """The different labels, and the number of that of each stimulus."""
    given = x.labels if labels is None else np.asarray(labels)
    if given is None:
        raise AnalysisError(
            "the features carry no labels; give labels=[...], one for each stimulus"
        )
    if given.shape != (x.count,):
        raise AnalysisError(
            f"labels have shape {given.shape}; one for each of {x.count} stimuli is needed"
        )
    missing = [k for k, v in enumerate(given) if v is None or v == "" or v != v]
    if missing:
        raise AnalysisError(
            f"{len(missing)} of {x.count} stimuli have no label (first: {', '.join(map(str, missing[:SHOWN]))}); leave them out, or give labels=[...]"
        )
    if given.dtype.kind == "f":
        raise AnalysisError(
            "labels are real numbers, which are no classes; give names or whole numbers (encode predicts quantities)"
        )
    classes, numbers = np.unique(
        given.astype(str) if given.dtype.kind == "O" else given, return_inverse=True
    )
    if len(classes) < 2:
        raise AnalysisError(
            f"all stimuli have the label {classes[0]!r}; at least two labels are needed"
        )
    return classes, numbers


def _folds(
    numbers: np.ndarray, group: np.ndarray, k: int, rng: np.random.Generator, *, grouped: bool
) -> list[tuple[np.ndarray, np.ndarray]]:  # fmt: skip
    """Stratified by label; AnalysisError where a fold would be trained without one of the labels."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    kind = StratifiedGroupKFold if grouped else StratifiedKFold
    seed = int(rng.integers(2**31))
    out = list(
        kind(k, shuffle=True, random_state=seed).split(
            np.zeros(len(numbers)), numbers, group if grouped else None
        )
    )
    if any(
        len(np.unique(numbers[train])) < numbers.max() + 1 or not len(test) for train, test in out
    ):
        raise AnalysisError(f"{k} folds of whole groups leave a fold without stimuli or a label without training; give fewer folds")  # fmt: skip
    return out


def checked_frame(x: Frames, f: tuple[int, int], estimator: str, reduce: str | None) -> np.ndarray:
    """One frame; AnalysisError where its covariance matrix would be too large."""
    values = x.frame(*f)
    if estimator == "lda" and values.shape[1] > WIDEST and reduce is None:
        raise AnalysisError(
            f"{x.where(*f)} has {values.shape[1]} features, too many for the covariance matrix of lda; give reduce='pca:100' or "
            "'projection:1000', or another estimator"
        )
    return values


def guesses_at(
    matrices: dict[tuple[int, int], np.ndarray], f: tuple[int, int], plan: Plan, where: str
) -> dict[tuple[int, int], np.ndarray]:  # fmt: skip
    """Guesses ``(1 + permutation, stimulus)`` at each frame of ``matrices`` by classifiers trained at frame f."""
    true = np.concatenate([plan.numbers[None], plan.numbers[plan.permutations]])
    out = {g: np.empty(true.shape, dtype=np.int64) for g in matrices}
    for train, test in plan.folds:
        prepare = prepared_by(matrices[f][train], plan, where)
        inside = prepare(matrices[f][train])
        outside = {g: prepare(m[test]) for g, m in matrices.items()}
        if plan.estimator == "ridge":
            for g, guesses in ridge_guesses(inside, true[:, train], outside).items():
                out[g][:, test] = guesses
            continue
        for k, y in enumerate(true):
            fitted = fitted_classifier(plan.estimator, inside, y[train], where)
            for g, m in outside.items():
                out[g][k, test] = fitted.predict(m)
    return out


def ridge_guesses(
    x: np.ndarray, numbers: np.ndarray, tests: dict[tuple[int, int], np.ndarray]
) -> dict[tuple[int, int], np.ndarray]:
    """What ``RidgeClassifier`` guesses for each row of ``numbers (1 + permutation, stimulus)``, all fitted at once: targets of ridge regression are
    independent, so that permutations cost columns, not fits."""
    from sklearn.linear_model import Ridge

    classes = numbers.max() + 1
    signs = 2.0 * (numbers[..., None] == np.arange(classes)) - 1  # (row, stimulus, class)
    if classes == 2:
        signs = signs[..., 1:]
    targets = np.moveaxis(signs, 1, 0)
    fitted = Ridge(alpha=1.0).fit(x, targets.reshape(len(x), -1))
    out = {}
    for g, m in tests.items():
        scores = fitted.predict(m).reshape(len(m), *targets.shape[1:])
        out[g] = (scores[..., 0] > 0).T.astype(np.int64) if classes == 2 else scores.argmax(-1).T
    return out


@dataclass(frozen=True)
class Prepared:
    """Scaling of every feature by the training stimuli, then, if there are axes, coordinates on them."""

    mean: np.ndarray
    scale: np.ndarray
    axes: np.ndarray | None

    def __call__(self, x: np.ndarray) -> np.ndarray:
        scaled = (x - self.mean) / self.scale
        return scaled if self.axes is None else scaled @ self.axes


def prepared_by(x: np.ndarray, plan: Plan, where: str) -> Prepared:
    """Of training patterns. axes: principal components, those asked for, or all, which is a rotation that changes nothing and saves time."""
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(x.astype(np.float64))
    plain = Prepared(scaler.mean_, scaler.scale_, None)
    if not plan.components and (plan.estimator not in ROTATED or x.shape[1] <= x.shape[0]):
        return plain
    if plan.components > min(x.shape[0] - 1, x.shape[1]):
        raise AnalysisError(
            f"{where}: pca:{plan.components} of {x.shape[0]} training stimuli with {x.shape[1]} features; give at most "
            f"{min(x.shape[0] - 1, x.shape[1])}"
        )
    scaled = plain(x)
    values, u = np.linalg.eigh(scaled @ scaled.T)
    there = np.flatnonzero(values > RANK * max(values[-1], 1))[-plan.components :]
    return Prepared(scaler.mean_, scaler.scale_, scaled.T @ (u[:, there] / np.sqrt(values[there])))


def empty_scores(x: Frames, plan: Plan, generalise: bool) -> dict[str, np.ndarray]:
    """Results by (state, place, place of the test), NaN where there will be none."""
    shape = (len(x.states), len(x.places), len(x.places) if generalise else 1)
    return {
        "accuracy": np.full(shape, np.nan),
        "interval": np.full((2, *shape), np.nan),
        "null": np.full((len(plan.permutations), *shape), np.nan),
        "confusion": np.full((len(plan.classes), len(plan.classes), *shape[:2]), np.nan),
    }


def count_guesses(
    out: dict[str, np.ndarray], f: tuple[int, int], g: tuple[int, int], guesses: np.ndarray, plan: Plan, generalise: bool
) -> None:  # fmt: skip
    """Guesses ``(1 + permutation, stimulus)`` of a classifier trained at f and tested at g, counted."""
    at = (*f, g[1] if generalise else 0)
    right = guesses[0] == plan.numbers
    out["accuracy"][at] = balanced(right, plan.numbers)
    for k, order in enumerate(plan.permutations):
        true = plan.numbers[order]
        out["null"][(k, *at)] = balanced(guesses[1 + k] == true, true)
    if len(plan.counts):
        draws = balanced(right, plan.numbers, plan.counts)
        out["interval"][(slice(None), *at)] = np.percentile(draws, [50 - 50 * plan.confidence, 50 + 50 * plan.confidence])  # fmt: skip
    if g == f:
        table = np.zeros((len(plan.classes),) * 2)
        np.add.at(table, (plan.numbers, guesses[0]), 1)
        out["confusion"][(slice(None), slice(None), *f)] = table


def fitted_classifier(estimator: str, x: np.ndarray, y: np.ndarray, where: str) -> Any:
    """A fitted classifier; AnalysisError if it did not converge."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            return ESTIMATORS[estimator]().fit(x, y)
        except ConvergenceWarning:
            raise AnalysisError(
                f"{where}: {estimator} did not converge in {ITERATIONS} iterations; give estimator='ridge', or reduce='pca:K'"
            ) from None


def balanced(right: np.ndarray, numbers: np.ndarray, counts: np.ndarray | None = None) -> Any:
    """The mean over classes of the share of stimuli that are right; with counts ``(resample, stimulus)`` one for each resample.

    A class that a resample does not hold is left out of its mean.

    >>> balanced(np.array([True, False, True]), np.array([0, 0, 1]))
    0.75
    """
    weights = np.ones((1, len(numbers))) if counts is None else counts.astype(np.float64)
    member = (numbers[:, None] == np.arange(numbers.max() + 1)).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        out = mean_there((weights * right) @ member / (weights @ member), axis=1)
    return float(out[0]) if counts is None else out
