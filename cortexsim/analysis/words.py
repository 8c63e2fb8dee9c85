"""Results in words: the best place, p-values, counts, whose RDMs they are of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    import xarray


def best_place(values: xarray.DataArray) -> tuple[dict[str, int], str]:
    """Where the largest value stands.

    Parameters
    ----------
    values : DataArray
        Of any dimensions; NaN is no value.

    Returns
    -------
    places : dict of str to int
        An index for each dimension, as ``isel`` takes it.
    words : str
        The same in words, by the coordinates where there are any.

    Raises
    ------
    AnalysisError
        Where every value is NaN.

    Examples
    --------
    >>> import xarray
    >>> r = xarray.DataArray([[0.1, 0.4], [0.7, 0.2]], {"model": ["V4", "IT"]}, ("model", "time"))
    >>> best_place(r)
    ({'model': 1, 'time': 0}, 'model IT, time 0')
    """
    if not np.isfinite(values.values).any():
        raise AnalysisError(f"every {values.name} is NaN; there is nothing to sum up")
    at = np.unravel_index(int(np.nanargmax(values.values)), values.shape)
    places = dict(zip(map(str, values.dims), map(int, at), strict=True))
    named = {d: values[d].values[k] if d in values.coords else k for d, k in places.items()}
    words = [_place(d, v) for d, v in named.items()]
    return places, ", ".join(words) or "the only one"


def p_of(value: Any) -> str:
    """A p-value with two digits.

    Examples
    --------
    >>> p_of(0.0123), p_of(float("nan"))
    ('0.012', 'not known')
    """
    return f"{float(value):.2g}" if np.isfinite(value) else "not known"


def counted(number: int, what: str) -> str:
    """``1 subject``, ``2 subjects``; of a dimension ``6 times``.

    Examples
    --------
    >>> counted(1, "subject"), counted(6, "time_ms")
    ('1 subject', '6 times')
    """
    return f"{number} {what.removesuffix('_ms')}{'' if number == 1 else 's'}"


def pooled(about: Mapping[str, Any]) -> str:
    """``one RDM of two animals pooled``; '' of RDMs of single subjects, and where nothing says it.

    The attribute ``pooled`` of RDMs of a brain names whose responses one RDM was made of.

    Examples
    --------
    >>> pooled({"subjects": 1, "pooled": "two animals"}), pooled({"subjects": 1})
    ('one RDM of two animals pooled', '')
    """
    one = about.get("subjects") == 1 and about.get("pooled")
    return f"one RDM of {one} pooled" if one else ""


def pooled_attribute(rdms: Any, subjects: int) -> dict[str, str]:
    """What RDMs of a brain say of :func:`pooled`, for the attributes of a result.

    Examples
    --------
    >>> import xarray
    >>> pooled_attribute(xarray.DataArray([0.1], attrs={"pooled": "two animals"}), 1)
    {'pooled': 'two animals'}
    """
    said = getattr(rdms, "attrs", {}).get("pooled")
    return {"pooled": str(said)} if said and subjects == 1 else {}


def whose(about: Mapping[str, Any]) -> str:
    """How many subjects a result is of, or that its one RDM is of several; '' if it does not say.

    Examples
    --------
    >>> whose({"subjects": 15}), whose({"subjects": 1, "pooled": "two animals"})
    ('15 subjects', 'one RDM of two animals pooled')
    """
    subjects = about.get("subjects")
    return pooled(about) or ("" if subjects is None else counted(int(subjects), "subject"))


def no_ceiling(about: Mapping[str, Any]) -> str:
    """That RDMs have no noise ceiling, and why.

    Examples
    --------
    >>> no_ceiling({"subjects": 1, "pooled": "two animals"})
    'no noise ceiling (one RDM of two animals pooled)'
    """
    return f"no noise ceiling ({pooled(about) or 'it needs 2 subjects'})"


def _place(dim: str, value: Any) -> str:
    """``IT`` of a state, ``175 ms`` of a time."""
    if not isinstance(value, (int, float, np.number)):
        return f"{dim} {value}"
    return f"{value:g} ms" if dim == "time_ms" else f"{dim} {value:g}"
