"""Condensed RDMs: vectors of pairs, their squares, and the checks that every analysis shares.

Pairs are in the order of scipy's squareform.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.plain import numbers as numbers
from cortexsim.shapes import Float, Int

# Units in the last place by which equal pairs may differ, in single and double precision.
ROUNDING = {4: 8, 8: 32}
LEAST = 4  # conditions: three give three pairs, of which no correlation can be told from chance


def conditions_of(pairs: int, what: str = "RDMs") -> int:
    """The number of conditions n of which ``pairs`` = n (n - 1) / 2.

    >>> conditions_of(4186)
    92
    """
    n = (1 + math.isqrt(1 + 8 * pairs)) // 2
    if n * (n - 1) // 2 != pairs:
        raise AnalysisError(
            f"the last axis of the {what} has {pairs} entries, which is no number of pairs: {n} "
            f"conditions have {n * (n - 1) // 2}, {n + 1} have {n * (n + 1) // 2}. Square RDMs "
            "become vectors with cortexsim.analysis.condensed(square)"
        )
    if n < LEAST:
        raise AnalysisError(
            f"the {what} have {pairs} pairs, i.e. {n} conditions; "
            f"at least {LEAST} conditions are needed"
        )
    return n


def condensed(square: Any, *, tolerance: float = 1e-6) -> np.ndarray:
    """Square RDMs to vectors of pairs; the two triangles are averaged.

    Parameters
    ----------
    square : array_like, (..., n, n)
        Dissimilarities of n conditions.
    tolerance : float
        By how much the triangles may differ, and the diagonal from 0, in parts of the largest
        entry.

    Returns
    -------
    np.ndarray, (..., pair)
        The dissimilarities of n (n - 1) / 2 pairs.

    Raises
    ------
    AnalysisError
        If the last two axes or the triangles differ, or if the diagonal is not zero.

    Examples
    --------
    >>> condensed([[0, 1, 2, 3], [1, 0, 4, 5], [2, 4, 0, 6], [3, 5, 6, 0]])
    array([1., 2., 3., 4., 5., 6.])
    """
    a = numbers(square, "RDMs")
    if isinstance(tolerance, bool) or not isinstance(tolerance, Real) or not tolerance >= 0:
        raise AnalysisError(f"tolerance={tolerance!r} is no number of at least 0, e.g. 1e-6")
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise AnalysisError(f"a square RDM has two equal last axes; found shape {a.shape}")
    n = a.shape[-1]
    if n < LEAST:
        raise AnalysisError(f"the RDM is {n} x {n}; at least {LEAST} conditions are needed")
    if np.isinf(a).any():
        raise AnalysisError(f"{int(np.isinf(a).sum())} entries of the RDM are infinite")
    i, j = pair_indices(n)
    upper, lower = a[..., i, j], a[..., j, i]
    if (np.isnan(upper) != np.isnan(lower)).any():
        raise AnalysisError(
            "the RDM is not symmetric: one triangle has NaN where the other has numbers"
        )
    largest = float(np.nanmax(np.abs(a), initial=0.0))
    apart = 2 * float(np.nanmax(np.abs(upper / 2 - lower / 2), initial=0.0))
    if apart > tolerance * largest:
        raise AnalysisError(
            f"the RDM is not symmetric: its triangles differ by up to {apart:.3g} (largest entry "
            f"{largest:.3g}). Average them first if that is what you mean: "
            "(m + m.swapaxes(-1, -2)) / 2"
        )
    diagonal = float(np.nanmax(np.abs(np.diagonal(a, axis1=-2, axis2=-1)), initial=0.0))
    if diagonal > tolerance * largest:
        raise AnalysisError(
            f"the diagonal of the RDM is not zero (up to {diagonal:.3g}): is this a similarity? "
            "A dissimilarity is 1 - similarity"
        )
    return upper / 2 + lower / 2


@clear_errors
def square(rdms: Any, *, diagonal: float = 0.0) -> np.ndarray:
    """Vectors of pairs to square RDMs.

    Parameters
    ----------
    rdms : array_like, (..., pair)
        Dissimilarities of the pairs of n conditions.
    diagonal : float
        What stands on the diagonal.

    Returns
    -------
    np.ndarray, (..., n, n)
        Symmetric.

    Examples
    --------
    >>> square(np.arange(6.0))[0]
    array([0., 0., 1., 2.])
    """
    a = numbers(rdms, "RDMs")
    if not a.ndim:
        raise AnalysisError("an RDM is a vector of pairs (..., pair); found a single number")
    if isinstance(diagonal, bool) or not isinstance(diagonal, Real):
        raise AnalysisError(f"diagonal={diagonal!r} is not a number, e.g. 0.0")
    n = conditions_of(a.shape[-1])
    squares = np.full((*a.shape[:-1], n, n), diagonal, dtype=a.dtype)
    i, j = pair_indices(n)
    squares[..., i, j] = a
    squares[..., j, i] = a
    return squares


def pair_indices(n: int) -> tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]]:
    """The two conditions of each pair, first < second: (0, 1), (0, 2), ..., (n-2, n-1)."""
    i, j = np.triu_indices(n, 1)
    return i, j


def pair_position(n: int) -> Int[np.ndarray, "n n"]:
    """Where the pair (i, j) stands in the vector.

    The diagonal, which stands nowhere, is 0 and must be masked by the caller.
    """
    position = np.zeros((n, n), dtype=np.int64)
    i, j = pair_indices(n)
    position[i, j] = position[j, i] = np.arange(len(i))
    return position


def pairs_among(index: Int[np.ndarray, " chosen"], n: int) -> Int[np.ndarray, " pair"]:
    """Where the pairs of chosen conditions, in their new order, stand among the pairs of n.

    >>> pairs_among(np.array([2, 0, 1]), 4).tolist()
    [1, 3, 0]
    """
    i, j = pair_indices(len(index))
    a, b = np.minimum(index[i], index[j]), np.maximum(index[i], index[j])
    return a * n - a * (a + 1) // 2 + b - a - 1


def conditions_in_pairs(
    pairs: Int[np.ndarray, "..."], n: int
) -> tuple[Int[np.ndarray, "..."], Int[np.ndarray, "..."]]:
    """The two conditions of pairs by their places in the vector.

    >>> [c.tolist() for c in conditions_in_pairs(np.array([0, 2, 3, 5]), 4)]
    [[0, 0, 1, 2], [1, 3, 2, 3]]
    """
    starts = np.arange(n) * (2 * n - 1 - np.arange(n)) // 2
    first = np.searchsorted(starts[: n - 1], pairs, side="right") - 1
    return first, pairs - starts[first] + first + 1


def as_vectors(rdms: Any, what: str) -> Float[np.ndarray, "..."]:
    """RDMs ``(..., pair)`` as a float array of at least float32.

    Raises
    ------
    AnalysisError
        If the last axis is no number of pairs, for square RDMs, and for none at all.
    """
    a = numbers(rdms, what)
    if a.ndim == 0:
        raise AnalysisError(
            f"the {what} are a single number; an RDM is a vector of pairs (..., pair)"
        )
    if a.ndim >= 2 and a.shape[-1] == a.shape[-2] and a.shape[-1] > 1:
        first = a.reshape(-1, *a.shape[-2:])[0]
        crumbs = 1e-6 * float(np.nanmax(np.abs(first), initial=0.0))
        if (np.nan_to_num(np.abs(np.diagonal(first))) <= crumbs).all() and np.allclose(
            first, first.T, rtol=0, atol=crumbs, equal_nan=True
        ):
            raise AnalysisError(
                f"the {what} of shape {a.shape} are square; give vectors of pairs: "
                "cortexsim.analysis.condensed(square)"
            )
    conditions_of(a.shape[-1], what)
    if a.size == 0:
        raise AnalysisError(f"there are no {what}: shape {a.shape}")
    return a


def same_pairs(models: np.ndarray, data: np.ndarray) -> int:
    """The common number of conditions; AnalysisError with both counts if they differ."""
    m, d = models.shape[-1], data.shape[-1]
    if m != d:
        n, k = conditions_of(m), conditions_of(d)
        raise AnalysisError(
            f"model RDMs have {m} pairs ({n} x {n} conditions), data RDMs have {d} pairs "
            f"({k} x {k}); both must be of the same conditions in the same order"
        )
    return conditions_of(m)


def refuse_nan(rdms: np.ndarray, what: str) -> None:
    """AnalysisError that counts the pairs which are NaN or infinite."""
    bad = ~np.isfinite(rdms)
    if bad.any():
        raise AnalysisError(
            f"{int(bad.sum()):,} of {bad.size:,} entries of the {what} are NaN or infinite (in "
            f"{int(bad.any(-1).sum())} of {bad[..., 0].size} RDMs); leave those conditions out, or "
            "give nan='common' to keep only the pairs that every RDM has"
        )


def refuse_constant(rdms: np.ndarray, what: str) -> None:
    """AnalysisError that names the RDMs of equal pairs only: nothing correlates with them."""
    flat = rdms.reshape(-1, rdms.shape[-1])
    rounding = ROUNDING[flat.dtype.itemsize] * np.finfo(flat.dtype).eps
    largest = np.maximum(np.abs(flat.max(1)), np.abs(flat.min(1)))
    same = np.flatnonzero(np.ptp(flat, axis=1) <= rounding * largest)
    if len(same):
        shown = ", ".join(map(str, same[:10])) + (" ..." if len(same) > 10 else "")
        raise AnalysisError(
            f"{len(same)} of {len(flat)} {what} are constant (number {shown}): all pairs are "
            f"{flat[same[0], 0]:g}, but for rounding, so no similarity is defined. Leave them out"
        )
