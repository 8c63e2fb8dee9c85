"""The settings that one analysis uses, with its own defaults; what it has no use for is refused."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from cortexsim.analysis.statistics.draws import generator_of, share, whole_number
from cortexsim.analysis.statistics.settings import CrossValidation, Inference
from cortexsim.errors import AnalysisError

INFERENCE = Inference()  # each analysis fills in its own defaults
CROSS_VALIDATION = CrossValidation()
OPEN = ("resample", "n", "permutations", "correction")  # None: the default of the analysis
FIXED = ("splits", "inner_folds")  # of no use where no penalty is chosen


@dataclass(frozen=True, kw_only=True)
class Settled:
    """Settings of inference without anything left open.

    Parameters
    ----------
    resample : str or tuple of str
        What a bootstrap draws.
    n : int
        Resamples.
    permutations : int
        Of the null.
    confidence : float
        Coverage of intervals.
    correction : str
        Of p-values.
    rng : numpy.random.Generator
        What is drawn from.
    seed : int or str
        What a result states about it.
    """

    resample: Any = ()
    n: int = 0
    permutations: int = 0
    confidence: float = 0.95
    correction: str = "none"
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
        The fields ``resample``, ``n``, ``permutations`` and ``correction`` that the analysis
        uses, with their defaults.

    Returns
    -------
    Settled
        Nothing is None; ``rng`` is a generator.

    Raises
    ------
    AnalysisError
        For fields that the analysis has no use for, a confidence outside 0 to 1, fewer than 0
        permutations, and seeds below 0.

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
    values = {field: getattr(inference, field) for field in OPEN}
    for field, value in values.items():
        if value is not None and field not in defaults:
            raise AnalysisError(
                f"{analysis} has no use for {field}={value!r}; it takes "
                f"{', '.join([*defaults, 'confidence', 'rng'])}"
            )
    share(inference.confidence, "confidence")
    rng = generator_of(inference.rng)
    used = {k: v if values[k] is None else values[k] for k, v in defaults.items()}
    for field in ("n", "permutations"):
        if whole_number(used.get(field, 0), field) < 0:
            raise AnalysisError(f"{field}={used[field]} must be 0 or more")
    seed = seed_of(inference.rng)
    return Settled(**used, confidence=float(inference.confidence), rng=rng, seed=seed)


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


def seed_of(rng: int | np.random.Generator) -> int | str:
    """The seed that a result states; a generator of the caller has none to state."""
    return "a generator of the caller" if isinstance(rng, np.random.Generator) else int(rng)
