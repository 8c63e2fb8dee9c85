"""How a statement is made from a sample: settings that every analysis shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Inference:
    """From a sample to a statement: resamples, nulls, confidence and correction.

    The same settings serve ``evaluate``, ``encode``, ``decode``, ``partition``, the latencies,
    behaviour and masking. A field that is None takes the default that the function documents; a
    function refuses a field that it has no use for.

    Parameters
    ----------
    resample : str or sequence of str, optional
        The factors that a bootstrap draws with replacement, e.g. ``("subject", "condition")``:
        what the interval generalises to.
    n : int, optional
        Bootstrap resamples, 1000 where nothing else is documented; 0 for none.
    permutations : int, optional
        Permutations of the null; 0 for none. The smallest p is 1 / (1 + permutations).
    confidence : float
        Coverage of intervals, between 0 and 1.
    correction : {"holm", "fdr", "max", "none"}, optional
        Of the p-values of one family of tests.
    rng : int or numpy.random.Generator
        Seed, or the generator to draw from.

    Examples
    --------
    >>> Inference(n=200, permutations=100, rng=1).confidence
    0.95
    """

    resample: str | tuple[str, ...] | None = None
    n: int | None = None
    permutations: int | None = None
    confidence: float = 0.95
    correction: str | None = None
    rng: int | np.random.Generator = 0


@dataclass(frozen=True, kw_only=True)
class CrossValidation:
    """Which stimuli are fitted and which are tested.

    Parameters
    ----------
    folds : int
        Disjoint test sets.
    groups : sequence of length stimulus, optional
        Labels; stimuli of one label are held out, drawn and permuted together.
    splits : {"folds", "shuffle"}
        Disjoint folds, or Brain-Score's ten random splits with a tenth held out.
    inner_folds : int
        Folds of the training stimuli that choose a penalty.

    Examples
    --------
    >>> CrossValidation(folds=10).splits
    'folds'
    """

    folds: int = 5
    groups: Any = None
    splits: str = "folds"
    inner_folds: int = 5
