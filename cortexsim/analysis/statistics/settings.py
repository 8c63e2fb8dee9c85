"""How a statement is made from a sample: settings that every analysis shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from cortexsim.analysis.statistics.draws import (
    enough,
    generator_of,
    in_order_of,
    labels,
    share,
    whole_number,
)
from cortexsim.analysis.statistics.pvalues import CORRECTIONS
from cortexsim.analysis.statistics.sizes import at_most
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError

FACTORS = ("subject", "condition")
LEAST_PERMUTATIONS = 3  # to try a call; fewer are no null at all
SPLITS = ("folds", "shuffle")


@clear_errors
@dataclass(frozen=True, kw_only=True)
class Inference:
    """From a sample to a statement: resamples, nulls, confidence and correction.

    The same settings serve ``evaluate``, ``encode``, ``decode``, ``partition``, the latencies,
    behaviour and masking. A field that is None takes the default that the function documents; a
    function refuses a field that it has no use for. Values out of range are refused here.

    Parameters
    ----------
    resample : str or sequence of str, optional
        The factors that a bootstrap draws with replacement, e.g. ``("subject", "condition")``:
        what the interval and the tests generalise to; ``()`` for none. What is not drawn is held
        fixed: without ``"condition"`` a test against zero says nothing of other conditions.
    n : int, optional
        Bootstrap resamples, at least 20, at most a million; 1000 where nothing else is documented;
        0 for none.
    groups : mapping of str to sequence, optional
        For a factor a label of each of its members; members of one label are drawn together
        (``{"subject": ...}``: sessions of a subject; ``{"condition": ...}``: exemplars of an
        object).
    permutations : int, optional
        Permutations of the null; 0 for none. The smallest p is 1 / (1 + permutations).
    confidence : float
        Coverage of intervals, between 0 and 1.
    correction : {"holm", "fdr", "max", "none"}, optional
        Of the p-values of one family of tests.
    rng : int or numpy.random.Generator
        Seed, or the generator to draw from.
    samples : bool
        Keep the estimates of the resamples in the result, as ``samples``.

    Raises
    ------
    AnalysisError
        For a value out of range.

    Examples
    --------
    >>> Inference(n=200, permutations=100, rng=1).confidence
    0.95
    """

    resample: str | Sequence[str] | None = None
    n: int | None = None
    groups: Mapping[str, Any] | None = None
    permutations: int | None = None
    confidence: float = 0.95
    correction: str | None = None
    rng: int | np.random.Generator = 0
    samples: bool = False

    def __post_init__(self) -> None:
        if self.n is not None and whole_number(self.n, "n") != 0:
            enough(self.n, "resamples")
        if self.permutations is not None:
            if whole_number(self.permutations, "permutations") < 0:
                raise AnalysisError(f"permutations={self.permutations} must be 0 or more")
            if 0 < self.permutations < LEAST_PERMUTATIONS:
                raise AnalysisError(
                    f"permutations={self.permutations}: the smallest p-value would be "
                    f"{1 / (1 + self.permutations):.2g}; take 1000 (19 are the least for 0.05, "
                    f"{LEAST_PERMUTATIONS} for a trial), or 0 for none"
                )
            at_most(self.permutations, "permutations")
        share(self.confidence, "confidence")
        if self.correction not in (None, *CORRECTIONS):
            raise AnalysisError(
                f"there is no correction {self.correction!r}; choose from {', '.join(CORRECTIONS)}"
            )
        if self.groups is not None and not isinstance(self.groups, Mapping):
            raise AnalysisError(
                f"groups is a {type(self.groups).__name__}; give the labels of a factor by its "
                "name, e.g. {'subject': [...]}"
            )
        generator_of(self.rng)

    def completed(self, function: str, **defaults: Any) -> Inference:
        """These settings with the defaults of one function where a field is None.

        Parameters
        ----------
        function : str
            Its name, for the message.
        **defaults : object
            Every field that the function uses, with its default.

        Returns
        -------
        Inference

        Raises
        ------
        AnalysisError
            For a field that is set and that the function has no use for.

        Examples
        --------
        >>> Inference(n=50).completed("encode", n=1000, permutations=200).permutations
        200
        >>> Inference(correction="fdr").completed("encode", n=1000)
        Traceback (most recent call last):
        cortexsim.errors.AnalysisError: encode has no use for correction='fdr'; leave it out
        """
        missing = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in defaults:
                if value is None:
                    missing[field.name] = defaults[field.name]
            elif value is not None and value is not field.default and value != field.default:
                raise AnalysisError(
                    f"{function} has no use for {field.name}={value!r}; leave it out"
                )
        return replace(self, **missing)

    def factors(
        self, known: Sequence[str] = FACTORS, *, subjects: int | None = None
    ) -> tuple[str, ...]:
        """What is resampled.

        Parameters
        ----------
        known : sequence of str
            The factors that can be.
        subjects : int, optional
            How many there are.

        Returns
        -------
        tuple of str
            In the order of ``known``.

        Raises
        ------
        AnalysisError
            For another factor, no resamples, and a single subject who is to be resampled.

        Examples
        --------
        >>> Inference(resample=["condition", "subject"]).factors()
        ('subject', 'condition')
        """
        choice = f"choose from {', '.join(known)}, both of them, or () for none"
        refusal = AnalysisError(f"cannot resample {self.resample!r}; {choice}")
        if self.resample is None:
            raise refusal
        try:
            asked = (self.resample,) if isinstance(self.resample, str) else tuple(self.resample)
        except TypeError:
            raise refusal from None
        if unknown := [r for r in asked if r not in known]:
            raise AnalysisError(f"cannot resample {unknown[0]!r}; {choice}")
        if asked and self.n == 0:
            raise AnalysisError(
                f"n={self.n} resamples give no interval; take at least 20, better 1000, or "
                "resample=()"
            )
        if "subject" in asked and subjects == 1:
            raise AnalysisError(
                "there is one subject, who cannot be resampled: give resample=('condition',), and "
                "the result speaks of this subject only"
            )
        return tuple(f for f in known if f in asked)

    def group_numbers(
        self, ids: Mapping[str, Any] | None = None, **members: int
    ) -> dict[str, np.ndarray]:
        """For each factor the number of the group ``(member,)`` that each member belongs to.

        Parameters
        ----------
        ids : mapping of str to array of str, optional
            Of the members of a factor, where they are known: labels that have ids too are matched.
        **members : int
            How many members each factor has that can be grouped.

        Returns
        -------
        dict of str to array of shape (member,)
            0, 1, ...; a factor without ``groups`` has a group for each member.

        Raises
        ------
        AnalysisError
            For other factors and for another number of labels.

        Examples
        --------
        >>> grouped = Inference(groups={"subject": ["a", "a", "b"]})
        >>> {k: v.tolist() for k, v in grouped.group_numbers(subject=3, condition=2).items()}
        {'subject': [0, 0, 1], 'condition': [0, 1]}
        """
        given = self.groups or {}
        if unknown := [name for name in given if name not in members]:
            raise AnalysisError(
                f"there are no groups of {unknown[0]!r}; choose from {', '.join(members)}"
            )
        known = ids or {}
        numbers: dict[str, np.ndarray] = {}
        for factor, count in members.items():
            what = f"groups[{factor!r}]"
            own = in_order_of(given.get(factor), known.get(factor), what)
            numbers[factor] = labels(own, count, what)
        return numbers

    @property
    def seed(self) -> int | str:
        """The seed, as a result records it."""
        if isinstance(self.rng, np.random.Generator):
            return "a generator of the caller"
        return int(self.rng)


@clear_errors
@dataclass(frozen=True, kw_only=True)
class ClusterTest:
    """A test of clusters of neighbouring points, instead of each point.

    Parameters
    ----------
    by : {"condition", "subject"}
        The null: permuted labels of conditions, that a model RDM has nothing to do with the data;
        or flips of the sign of whole subjects, that other subjects see the same conditions
        without an effect. The flips hold the conditions fixed: what all subjects share has a
        chance similarity to any model RDM, which does not shrink with more subjects. A model
        unrelated to the data got a false cluster in 22 to 40 % of simulations by subject, in 5 %
        by condition. By subject answers for these very conditions only, and warns
        (``FixedConditionsWarning``).
    threshold : float
        Points with a smaller uncorrected p form clusters, between 0 and 1.

    Raises
    ------
    AnalysisError
        For another null and a threshold out of range.

    Examples
    --------
    >>> ClusterTest()
    ClusterTest(by='condition', threshold=0.05)
    """

    by: str = "condition"
    threshold: float = 0.05

    def __post_init__(self) -> None:
        if self.by not in FACTORS:
            raise AnalysisError(
                f"clusters by {self.by!r} are not known; choose from {', '.join(FACTORS)}"
            )
        share(self.threshold, "threshold")


@clear_errors
@dataclass(frozen=True, kw_only=True)
class CrossValidation:
    """Which stimuli are fitted and which are tested.

    Values out of range are refused here; what the number of stimuli does not allow, by the
    function that knows it.

    Parameters
    ----------
    folds : int
        Disjoint test sets, at least 2.
    groups : sequence of length stimulus, optional
        Labels; stimuli of one label are held out, drawn and permuted together.
    splits : {"folds", "shuffle"}
        Disjoint folds, or Brain-Score's ten random splits with a tenth held out.
    inner_folds : int
        Folds of the training stimuli that choose a penalty, at least 2.

    Raises
    ------
    AnalysisError
        For a value out of range.

    Examples
    --------
    >>> CrossValidation(folds=10).splits
    'folds'
    >>> CrossValidation(folds=1)
    Traceback (most recent call last):
    cortexsim.errors.AnalysisError: 1 folds of the stimuli (or groups of them): give at least 2
    """

    folds: int = 5
    groups: Any = None
    splits: str = "folds"
    inner_folds: int = 5

    def __post_init__(self) -> None:
        if self.splits not in SPLITS:
            raise AnalysisError(
                f"there is no splits={self.splits!r}; choose from {', '.join(SPLITS)}"
            )
        if whole_number(self.folds, "folds") < 2:
            raise AnalysisError(
                f"{self.folds} folds of the stimuli (or groups of them): give at least 2"
            )
        if whole_number(self.inner_folds, "inner_folds") < 2:
            raise AnalysisError(
                f"inner_folds={self.inner_folds} of the training stimuli (or groups): give at "
                "least 2"
            )
        at_most(self.folds, "folds")
        at_most(self.inner_folds, "inner_folds")
