"""The settings that one analysis uses, with its own defaults; what it has no use for is refused."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from cortexsim.analysis.statistics.draws import generator_of
from cortexsim.analysis.statistics.settings import CrossValidation, Inference
from cortexsim.errors import AnalysisError

FIXED = ("splits", "inner_folds")  # of no use where no penalty is chosen


@dataclass(frozen=True, kw_only=True)
class Settled:
    """Settings of inference without anything left open.

    Parameters
    ----------
    resample : tuple of str
        The factors that a bootstrap draws.
    n : int
        Resamples.
    permutations : int
        Of the null.
    confidence : float
        Coverage of intervals.
    rng : numpy.random.Generator
        What is drawn from.
    seed : int or str
        What a result states about it.
    """

    resample: tuple[str, ...] = ()
    n: int = 0
    permutations: int = 0
    confidence: float = 0.95
    rng: np.random.Generator
    seed: int | str


def settled(inference: Inference, analysis: str, **defaults: Any) -> Settled:
    """The settings of inference of one analysis: its defaults where nothing was said.

    Parameters
    ----------
    inference : Inference
        What the caller gave.
    analysis : str
        Its name, for errors.
    **defaults
        The fields ``resample``, ``n`` and ``permutations`` that the analysis uses, with their
        defaults.

    Returns
    -------
    Settled
        Nothing is None; ``rng`` is a generator.

    Raises
    ------
    AnalysisError
        For what is no ``Inference``, and for fields that the analysis has no use for.

    Examples
    --------
    >>> settled(Inference(n=50), "decode", n=1000, permutations=0).n
    50
    """
    if not isinstance(inference, Inference):
        raise AnalysisError(
            f"inference is a {type(inference).__name__}; give cortexsim.analysis.Inference(n=..., "
            "permutations=..., confidence=..., rng=...)"
        )
    full = inference.completed(analysis, confidence=0.95, rng=0, **defaults)
    resample = full.resample or ()
    return Settled(
        resample=(resample,) if isinstance(resample, str) else tuple(resample),
        n=full.n or 0,
        permutations=full.permutations or 0,
        confidence=float(full.confidence),
        rng=generator_of(full.rng),
        seed=inference.seed,
    )


def only_folds(cv: CrossValidation, analysis: str) -> CrossValidation:
    """Cross-validation by disjoint folds with no penalty to choose; AnalysisError for more."""
    validated(cv)
    for field in fields(cv):
        value = getattr(cv, field.name)
        if field.name in FIXED and value != field.default:
            raise AnalysisError(
                f"{analysis} has no use for {field.name}={value!r}; it takes folds and groups"
            )
    return cv


def validated(cv: CrossValidation) -> CrossValidation:
    """AnalysisError for what is no ``CrossValidation``."""
    if not isinstance(cv, CrossValidation):
        raise AnalysisError(
            f"cv is a {type(cv).__name__}; give cortexsim.analysis.CrossValidation(folds=..., "
            "groups=...)"
        )
    return cv
