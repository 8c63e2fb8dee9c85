"""The linear classifiers that decode, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

ITERATIONS = 5000


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
