"""Subjects joined by the ids of their stimuli."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.ids import unique_texts
from cortexsim.neural.align import select_stimuli

if TYPE_CHECKING:
    import xarray


@clear_errors
def stack(
    datasets: Sequence[xarray.Dataset] | Mapping[str, xarray.Dataset],
    names: Any = None,
    *,
    dim: str = "subject",
) -> xarray.Dataset:
    """Data sets of several subjects as one, each in the order of the stimuli of the first.

    Parameters
    ----------
    datasets : sequence of xarray.Dataset, or mapping of name to such
        RDMs (``from_rdms``, ``response_rdms``) or responses (``from_responses``) of the same
        stimuli, in any order.
    names : array_like of str of shape (subject,), optional
        Names of the subjects; default the keys of a mapping, else "subject 1", ...
    dim : str
        The new dimension: subject, or session.

    Returns
    -------
    xarray.Dataset
        With ``dim`` as the first dimension of every variable.

    Raises
    ------
    AnalysisError
        For other stimuli, other times, other units (make RDMs of each first, which need none), and
        data sets that have that dimension already.

    Examples
    --------
    >>> from cortexsim.neural.own.rdms import from_rdms
    >>> one = from_rdms([1, 2, 3, 4, 5, 6], stimulus_id=list("abcd"))
    >>> other = from_rdms([6, 5, 3, 4, 2, 1], stimulus_id=list("dcba"))
    >>> stack([one, other]).rdm.values
    array([[1., 2., 3., 4., 5., 6.],
           [1., 2., 3., 4., 5., 6.]])
    """
    import xarray

    if isinstance(datasets, Mapping):
        names = list(datasets) if names is None else names
        datasets = list(datasets.values())
    if not len(datasets):
        raise AnalysisError("there are no data sets to stack")
    for k, data in enumerate(datasets):
        if not isinstance(data, xarray.Dataset) or "stimulus_id" not in data.coords:
            raise AnalysisError(
                f"data set {k} is a {type(data).__name__} without stimulus_id; give data sets of "
                "from_rdms, response_rdms or from_responses"
            )
        if data.stimulus_id.ndim != 1:
            raise AnalysisError(
                f"stimulus_id of data set {k} has dimensions {data.stimulus_id.dims}; (stimulus,) "
                "is needed"
            )
        if dim in data.dims:
            raise AnalysisError(f"data set {k} has the dimension {dim!r} already; choose one of it")
    first, *others = datasets
    count = len(datasets)
    called = unique_texts(
        [f"{dim} {k + 1}" for k in range(count)] if names is None else names, dim, count
    )
    ids = first.stimulus_id.values
    parts = [select_stimuli(first, ids)]  # in its own order: refuses pairs that contradict it
    for name, data in zip(called[1:], others, strict=True):
        _check_same(first, data, str(called[0]), str(name))
        parts.append(select_stimuli(data, ids))
    if "repeat" in first.dims or any("repeat" in p.dims for p in parts):
        parts = _same_repeats(parts)
    joined = xarray.concat(  # all keywords: xarray's defaults change
        [p.drop_vars(dim, errors="ignore") for p in parts],
        xarray.IndexVariable(dim, called.astype(object)),
        data_vars="all",
        coords="minimal",
        compat="override",
        combine_attrs="override",
        join="override",
    )
    return joined.assign_attrs(first.attrs)


def _check_same(first: xarray.Dataset, data: xarray.Dataset, name: str, other: str) -> None:
    """Variables, stimuli, times and units of two subjects are the same."""
    if set(first.data_vars) != set(data.data_vars):
        raise AnalysisError(
            f"{name} has {', '.join(map(str, first.data_vars))}, {other} has "
            f"{', '.join(map(str, data.data_vars))}; stack data sets of one kind"
        )
    if extra := sorted(set(map(str, data.stimulus_id.values)) - set(first.stimulus_id.values)):
        raise AnalysisError(
            f"{other} has {len(extra)} stimuli that {name} has not, e.g. {extra[0]!r}; choose "
            "those of both first (cortexsim.neural.select_stimuli)"
        )
    for axis in ("time_ms", "unit"):
        if (axis in first.dims) != (axis in data.dims):
            raise AnalysisError(f"one of {name} and {other} has the axis {axis}, the other not")
        if axis in first.dims and not np.array_equal(first[axis].values, data[axis].values):
            raise AnalysisError(
                f"{name} and {other} differ in {axis}"
                + (
                    "; units of different subjects are not the same: make RDMs of each first "
                    "(cortexsim.neural.response_rdms), and stack those"
                    if axis == "unit"
                    else "; bring both to the same bins first"
                )
            )


def _same_repeats(parts: list[xarray.Dataset]) -> list[xarray.Dataset]:
    """As many repeats for all, NaN where a subject has fewer."""
    parts = [p if "repeat" in p.dims else p.expand_dims(repeat=1) for p in parts]
    most = max(p.sizes["repeat"] for p in parts)
    return [p.pad(repeat=(0, most - p.sizes["repeat"])) for p in parts]
