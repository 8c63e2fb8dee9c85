"""What decoding fits: estimators, scaled features, and the guesses of one frame's classifiers."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from cortexsim.analysis.linear.decoding_plan import Plan
from cortexsim.analysis.linear.estimators import ESTIMATORS, ITERATIONS
from cortexsim.analysis.linear.frames import Frames
from cortexsim.analysis.linear.scores import finite_mean
from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.errors import AnalysisError
from cortexsim.plain import refuse_extreme
from cortexsim.shapes import Float, Int

WIDEST = 4096  # features of a covariance matrix
RANK = 1e-12  # eigenvalues below this share of the largest are rounding errors
ROTATED = ("logistic", "ridge")  # that do not see rotations of the features

Frame = tuple[int, int]  # index of the state, index of the place on the axis


def checked_frame(x: Frames, frame: Frame, estimator: str, reduce: str | None) -> np.ndarray:
    """One frame; AnalysisError where its covariance matrix would be too large."""
    values = x.frame(*frame)
    refuse_extreme(values, f"values of {x.where(*frame)}")
    if estimator == "lda" and values.shape[1] > WIDEST and reduce is None:
        raise AnalysisError(
            f"{x.where(*frame)} has {values.shape[1]} features, too many for the covariance matrix "
            "of lda; give reduce='pca:100' or 'projection:1000', or another estimator"
        )
    return values


def guesses_at(
    matrices: dict[Frame, np.ndarray], frame: Frame, plan: Plan, *, where: str
) -> dict[Frame, np.ndarray]:
    """What classifiers guess that are trained at one frame.

    Parameters
    ----------
    matrices : dict
        Frame -> patterns (stimulus, feature), the training frame among them.
    frame : tuple of int
        Where the classifiers are trained.
    plan : Plan
        Labels, folds and permutations.
    where : str
        The training frame in words, for errors.

    Returns
    -------
    dict
        Frame -> guesses of shape (1 + permutation, stimulus).
    """
    true = np.concatenate([plan.numbers[None], plan.numbers[plan.permutations]])
    guesses = {g: np.empty(true.shape, dtype=np.int64) for g in matrices}
    for train, test in plan.folds:
        prepare = prepared_by(matrices[frame][train], plan, where)
        inside = prepare(matrices[frame][train])
        outside = {g: prepare(m[test]) for g, m in matrices.items()}
        if plan.estimator == "ridge":
            for g, guessed in ridge_guesses(inside, true[:, train], outside).items():
                guesses[g][:, test] = guessed
            continue
        for k, y in enumerate(true):
            fitted = fitted_classifier(plan.estimator, inside, y[train], where=where)
            for g, m in outside.items():
                guesses[g][k, test] = fitted.predict(m)
    return guesses


def ridge_guesses(
    x: Float[np.ndarray, "stimulus feature"],
    numbers: Int[np.ndarray, "row stimulus"],
    tests: dict[Frame, np.ndarray],
) -> dict[Frame, np.ndarray]:
    """What ``RidgeClassifier`` guesses for each row of labels, all fitted at once.

    Targets of ridge regression are independent, so that permutations cost columns, not fits.
    """
    from sklearn.linear_model import Ridge

    classes = numbers.max() + 1
    signs = 2.0 * (numbers[..., None] == np.arange(classes)) - 1  # (row, stimulus, class)
    if classes == 2:
        signs = signs[..., 1:]
    targets = np.moveaxis(signs, 1, 0)
    fitted = Ridge(alpha=1.0).fit(x, targets.reshape(len(x), -1))
    guesses = {}
    for g, m in tests.items():
        scores = fitted.predict(m).reshape(len(m), *targets.shape[1:])
        if classes == 2:
            guesses[g] = (scores[..., 0] > 0).T.astype(np.int64)
        else:
            guesses[g] = scores.argmax(-1).T
    return guesses


@dataclass(frozen=True)
class Prepared:
    """Scaling of every feature by the training stimuli, then coordinates on axes.

    Parameters
    ----------
    mean : array of shape (feature,)
        Of the training stimuli.
    scale : array of shape (feature,)
        What features are divided by, of the training stimuli.
    axes : array of shape (feature, axis), optional
        None: the features themselves.
    """

    mean: np.ndarray
    scale: np.ndarray
    axes: np.ndarray | None

    def __call__(self, x: Float[np.ndarray, "stimulus feature"]) -> np.ndarray:
        scaled = (x - self.mean) / self.scale
        return scaled if self.axes is None else scaled @ self.axes


def prepared_by(x: Float[np.ndarray, "train feature"], plan: Plan, where: str) -> Prepared:
    """Scaling by training patterns.

    Axes are principal components: those asked for, or all, which is a rotation that changes
    nothing and saves time.
    """
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(x.astype(np.float64))
    plain = Prepared(scaler.mean_, scaler.scale_, None)
    if not plan.components and (plan.estimator not in ROTATED or x.shape[1] <= x.shape[0]):
        return plain
    most = min(x.shape[0] - 1, x.shape[1])
    if plan.components > most:
        raise AnalysisError(
            f"{where}: pca:{plan.components} of {x.shape[0]} training stimuli with {x.shape[1]} "
            f"features; give at most {most}"
        )
    scaled = plain(x)
    values, u = np.linalg.eigh(scaled @ scaled.T)
    kept = np.flatnonzero(values > RANK * max(values[-1], 1))[-plan.components :]
    return Prepared(scaler.mean_, scaler.scale_, scaled.T @ (u[:, kept] / np.sqrt(values[kept])))


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
    scores: dict[str, np.ndarray],
    trained: Frame,
    tested: Frame,
    *,
    guesses: Int[np.ndarray, "row stimulus"],
    plan: Plan,
    generalise: bool,
) -> None:
    """Guesses of a classifier trained at one frame and tested at another, counted."""
    at = (*trained, tested[1] if generalise else 0)
    right = guesses[0] == plan.numbers
    scores["accuracy"][at] = balanced(right, plan.numbers)
    for k, order in enumerate(plan.permutations):
        true = plan.numbers[order]
        scores["null"][(k, *at)] = balanced(guesses[1 + k] == true, true)
    if len(plan.counts):
        draws = balanced(right, plan.numbers, plan.counts)
        scores["interval"][(slice(None), *at)] = percentile_interval(draws, plan.confidence)
    if tested == trained:
        table = np.zeros((len(plan.classes),) * 2)
        np.add.at(table, (plan.numbers, guesses[0]), 1)
        scores["confusion"][(slice(None), slice(None), *trained)] = table


def fitted_classifier(
    estimator: str,
    x: Float[np.ndarray, "stimulus feature"],
    y: Int[np.ndarray, " stimulus"],
    *,
    where: str,
) -> Any:
    """A fitted classifier; AnalysisError if it did not converge."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            return ESTIMATORS[estimator]().fit(x, y)
        except ConvergenceWarning:
            raise AnalysisError(
                f"{where}: {estimator} did not converge in {ITERATIONS} iterations; give "
                "estimator='ridge', or reduce='pca:K'"
            ) from None


def balanced(
    right: np.ndarray,
    numbers: Int[np.ndarray, " stimulus"],
    counts: Int[np.ndarray, "resample stimulus"] | None = None,
) -> Any:
    """The mean over classes of the share of stimuli that are right; with counts of each resample.

    A class that a resample does not hold is left out of its mean.

    >>> balanced(np.array([True, False, True]), np.array([0, 0, 1]))
    0.75
    """
    weights = np.ones((1, len(numbers))) if counts is None else counts.astype(np.float64)
    member = (numbers[:, None] == np.arange(numbers.max() + 1)).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = finite_mean((weights * right) @ member / (weights @ member), axis=1)
    return float(shares[0]) if counts is None else shares
