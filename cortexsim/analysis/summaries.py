"""What a result says, in a few lines above its own representation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True)
class Summary:
    """A result and what it says; printed, and shown in a notebook, one above the other.

    Parameters
    ----------
    text : str
        A few lines.
    result : xarray.Dataset
        As it was given.
    """

    text: str
    result: xarray.Dataset

    def __str__(self) -> str:
        return f"{self.text}\n\n{self.result}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.text)}</pre>{self.result._repr_html_()}"


def summary(result: xarray.Dataset) -> Summary:
    """The result in words: the best value, its interval and ceiling, corrected p-values.

    Parameters
    ----------
    result : xarray.Dataset
        Of an analysis that is a key of ``SUMMARIES``, which its attribute ``analysis`` names.

    Returns
    -------
    Summary
        ``text`` alone, or printed above the data set. The data set itself is not changed.

    Raises
    ------
    AnalysisError
        For another data set.

    Examples
    --------
    >>> from cortexsim.analysis import Inference, evaluate
    >>> rng = np.random.default_rng(0)
    >>> truth, other = rng.random((2, 190))
    >>> brain = truth + rng.normal(0, 0.3, (8, 190))
    >>> quick = Inference(n=200, permutations=100)
    >>> result = evaluate([truth, other], brain, comparator="pearson", inference=quick)
    >>> print(summary(result).text)
    evaluate: pearson, 2 models, 8 subjects, 20 conditions; subject, condition resampled 200 times
    largest of 2: model 0: 0.71, 95 % interval 0.64 to 0.77
    noise ceiling: 0.66 to 0.75; p against the lower end 0.062 (holm)
    p against zero 3.4e-08 (holm); against permuted labels 0.0099 (maximum over all)
    """
    analysis = getattr(result, "attrs", {}).get("analysis")
    if analysis not in SUMMARIES:
        raise AnalysisError(
            f"there is no summary of a result of {analysis!r}; choose from {', '.join(SUMMARIES)}"
        )
    return Summary("\n".join(SUMMARIES[analysis](result)), result)


def largest(values: xarray.DataArray) -> dict[str, int]:
    """Where the largest value stands, a place for each dimension; AnalysisError for all NaN."""
    if not np.isfinite(values.values).any():
        raise AnalysisError(f"every {values.name} is NaN; there is nothing to sum up")
    at = np.unravel_index(int(np.nanargmax(values.values)), values.shape)
    return dict(zip(map(str, values.dims), map(int, at), strict=True))


def place_of(values: xarray.DataArray, at: Mapping[str, int]) -> str:
    """A place in words: ``model IT, step 3``."""
    named = {d: values[d].values[k] if d in values.coords else k for d, k in at.items()}
    return ", ".join(f"{d} {v:g}" if _number(v) else f"{d} {v}" for d, v in named.items())


def p_of(value: Any) -> str:
    """A p-value with two digits.

    Examples
    --------
    >>> p_of(0.0123), p_of(float("nan"))
    ('0.012', 'not known')
    """
    return f"{float(value):.2g}" if np.isfinite(value) else "not known"


def counted(number: int, what: str) -> str:
    """``1 subject``, ``2 subjects``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def _number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number))


def _evaluation(result: xarray.Dataset) -> list[str]:
    """The largest similarity, said to be that of how many: chosen, it is too good."""
    about, values = result.attrs, result.evaluation
    sizes = [counted(values.sizes[str(d)], str(d)) for d in values.dims]
    resampled = (
        f"{about['resample']} resampled {about['n']} times"
        if about["n"]
        else "nothing resampled, the spread is that of the subjects"
    )
    at = largest(values)
    best = result.isel(at)
    low, high = best.interval.values
    lines = [
        f"evaluate: {about['comparator']}, {' x '.join(sizes)}, "
        f"{counted(about['subjects'], 'subject')}, {counted(about['conditions'], 'condition')}; "
        f"{resampled}",
        f"largest of {int(np.isfinite(values.values).sum())}: {place_of(values, at)}: "
        f"{float(best.evaluation):.2f}, {100 * about['confidence']:g} % interval "
        f"{low:.2f} to {high:.2f}",
    ]
    correction = about["correction"]
    lower, upper = best.ceiling.values
    if np.isfinite(lower):
        lines.append(
            f"noise ceiling: {lower:.2f} to {upper:.2f}; p against the lower end "
            f"{p_of(best.p_ceiling_corrected)} ({correction})"
        )
    else:
        lines.append("noise ceiling: none, it needs two subjects")
    null = f"p against zero {p_of(best.p_zero_corrected)} ({correction})"
    if "p_permutation_corrected" in best:
        p = p_of(best.p_permutation_corrected)
        null += f"; against permuted labels {p} (maximum over all)"
    return [*lines, null]


# From the attribute ``analysis`` of a result to the lines that sum it up.
SUMMARIES: dict[str, Callable[[Any], list[str]]] = {"evaluate": _evaluation}
