"""What a result says, in a few lines above its own representation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from cortexsim.analysis import summaries_of_experiments as experiments
from cortexsim.analysis import summaries_of_parts as unnamed
from cortexsim.analysis.evaluation import summaries as evaluation
from cortexsim.analysis.latency import summaries as latency
from cortexsim.analysis.linear import summaries as linear
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    import xarray

# From the attribute ``analysis`` of a result, or what its variables say it is, to the lines that
# sum it up.
SUMMARIES: dict[str, Callable[[Any], list[str]]] = {
    **evaluation.SUMMARIES,
    **linear.SUMMARIES,
    **latency.SUMMARIES,
    **unnamed.SUMMARIES,
    **experiments.SUMMARIES,
}


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


@clear_errors
def summary(result: xarray.Dataset) -> Summary:
    """The result in words: the best value or the latency, its interval, corrected p-values.

    Parameters
    ----------
    result : xarray.Dataset
        Of an analysis that is a key of ``SUMMARIES``, which its attribute ``analysis`` names or
        its variables tell; also of the commands ``compare`` and ``mask``.

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
    >>> import numpy as np
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
    p against zero 3.4e-08 (t with 7 degrees of freedom, holm)
    p against permuted labels 0.0099 (maximum over all)
    """
    analysis = analysis_of(result)
    if analysis not in SUMMARIES:
        raise AnalysisError(
            f"there is no summary of a result of {analysis!r}; choose from {', '.join(SUMMARIES)}"
        )
    return Summary("\n".join(SUMMARIES[analysis](result)), result)


def analysis_of(result: Any) -> str | None:
    """Which analysis a result is of: what it says itself, else what its variables tell.

    Parameters
    ----------
    result : object
        A data set, perhaps.
    """
    names = set(getattr(result, "data_vars", ())) | set(getattr(result, "dims", ()))
    # Of experiments first: a comparison keeps what its evaluation said of itself.
    for analysis, needed in experiments.VARIABLES.items():
        if needed <= names:
            return analysis
    named = getattr(result, "attrs", {}).get("analysis")
    if named is not None:
        return str(named)
    return next((k for k, needed in unnamed.VARIABLES.items() if needed <= names), None)
