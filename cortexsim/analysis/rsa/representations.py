"""How alike two sets of patterns are, without RDMs: CKA, Procrustes and shape distance."""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.labelled.arrays import patterns
from cortexsim.pairs import LEAST
from cortexsim.shapes import Float
from cortexsim.threads import free_threads


@clear_errors
@free_threads()
def cka(x: Any, y: Any, *, debiased: bool = False) -> Any:
    """Linear centred kernel alignment, in [0, 1].

    <K, L> / (|K| |L|) of the centred Gram matrices K = X X^T and L = Y Y^T. Invariant to rotations
    of the features, their shift, and the scale of all; equal to the whitened cosine of squared
    Euclidean RDMs.

    Parameters
    ----------
    x : array of shape (..., condition, feature)
        Patterns, in any unit.
    y : array of shape (..., condition, feature)
        Of the same conditions, any number of features, any unit.
    debiased : bool
        With the unbiased estimator of the inner products (diagonals left out, Song et al. 2012),
        which does not rise towards 1 when there are more features than conditions; independent
        patterns then give 0 on average, and values may be negative.

    Returns
    -------
    array of shape (axes of x, axes of y)

    Raises
    ------
    AnalysisError
        For NaN, different or fewer than 4 conditions, and patterns that are all the same.

    References
    ----------
    Kornblith et al. 2019; Nguyen et al. 2021 (debiased).

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(20, 5))
    >>> round(float(cka(x, 3 * x[:, ::-1] + 1)), 6)
    1.0
    """
    (a, lead_a), (b, lead_b) = _both(x, y)
    n = a.shape[1]
    k, other = (np.stack([g @ g.T for g in side]) for side in (a, b))
    flat = np.triu_indices(n, 1)

    def features(gram: np.ndarray) -> np.ndarray:
        if not debiased:
            return gram.reshape(len(gram), -1)
        # Centring of a matrix without diagonal such that rows of the rest add to zero (U-centring):
        # its inner products are the unbiased ones.
        g = gram * (1 - np.eye(n))
        rows = g.sum(2) / (n - 2)
        u = (
            g
            - rows[:, :, None]
            - rows[:, None]
            + (g.sum((1, 2)) / ((n - 1) * (n - 2)))[:, None, None]
        )
        return u[:, flat[0], flat[1]]

    p, q = features(k), features(other)
    for name, gram, u in (("x", k, p), ("y", other, q)):
        if (np.linalg.norm(u, axis=1) <= 1e-12 * np.linalg.norm(gram, axis=(1, 2))).any():
            raise AnalysisError(
                f"the patterns {name} are all equally similar to each other; no (debiased) "
                "alignment is defined"
            )
    size = np.sqrt(np.outer((p * p).sum(1), (q * q).sum(1)))
    return np.clip(p @ q.T / size, -1 if debiased else 0, 1).reshape((*lead_a, *lead_b))


@clear_errors
def procrustes(x: Any, y: Any) -> Any:
    """Procrustes distance |X - Y Q| for the best rotation (or reflection) Q, in [0, sqrt 2].

    Both are centred and scaled to |X| = |Y| = 1; d^2 = 2 - 2 |X^T Y|_*, with the nuclear norm.

    Parameters
    ----------
    x : array of shape (..., condition, feature)
        As in ``cka``, with its errors.
    y : array of shape (..., condition, feature)
        Of the same conditions.

    Returns
    -------
    array of shape (axes of x, axes of y)

    References
    ----------
    Schoenemann 1966; Williams et al. 2021.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(20, 5))
    >>> bool(procrustes(x, x[:, ::-1]) < 1e-6)
    True
    """
    return np.sqrt(np.maximum(2 - 2 * _overlap(x, y), 0))


@clear_errors
def shape_distance(x: Any, y: Any) -> Any:
    """Angular shape distance arccos |X^T Y|_* in radians, [0, pi/2].

    It is a metric, so that it can be clustered and embedded.

    Parameters
    ----------
    x : array of shape (..., condition, feature)
        As in ``cka``, with its errors.
    y : array of shape (..., condition, feature)
        Of the same conditions.

    Returns
    -------
    array of shape (axes of x, axes of y)

    References
    ----------
    Williams et al. 2021.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(20, 5))
    >>> bool(shape_distance(x, 2 * x) < 1e-6)
    True
    """
    return np.arccos(np.clip(_overlap(x, y), 0, 1))


@free_threads()
def _overlap(x: Any, y: Any) -> np.ndarray:
    """|X^T Y|_* of patterns of unit norm.

    The matrices are at most conditions x conditions, however many features there are.
    """
    (a, lead_a), (b, lead_b) = _both(x, y)
    left, right = ([_factor(p) for p in side] for side in (a, b))
    out = np.array([[np.linalg.svd(p @ q.T, compute_uv=False).sum() for q in right] for p in left])
    return np.minimum(out, 1).reshape((*lead_a, *lead_b))


def _factor(p: Float[np.ndarray, "condition feature"]) -> np.ndarray:
    """R with X = R^T Q^T: all that a rotation of the features leaves, scaled to unit norm."""
    r: Any = np.linalg.qr(p.T, mode="r")
    return r / float(np.linalg.norm(r))


def _both(x: Any, y: Any) -> list[tuple[np.ndarray, tuple[int, ...]]]:
    """Both sides in one order of conditions, by ids where both have them."""
    first, second = (patterns(values, f"patterns {name}") for values, name in ((x, "x"), (y, "y")))
    for side, name in ((first, "x"), (second, "y")):
        if side.values.shape[-2] < LEAST:
            raise AnalysisError(
                f"{name} has {side.values.shape[-2]} conditions; at least {LEAST} are needed"
            )
    return [_centred(first.values, "x"), _centred(second.like(first).values, "y")]


def _centred(a: np.ndarray, name: str) -> tuple[np.ndarray, tuple[int, ...]]:
    """``(item, condition, feature)`` in float64, centred over conditions, and the axes before."""
    if 0 in a.shape:
        raise AnalysisError(f"{name} has shape {a.shape}; (..., condition, feature) is needed")
    a = a.astype(np.float64)
    if not np.isfinite(a).all():
        raise AnalysisError(
            f"{int((~np.isfinite(a)).sum())} values of {name} are NaN or infinite; leave those "
            "conditions out"
        )
    flat = a.reshape(-1, *a.shape[-2:])
    largest = np.abs(flat).max(axis=(1, 2), keepdims=True)
    flat = flat / np.where(largest > 0, largest, 1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    if (np.abs(flat).max(axis=(1, 2)) <= 1e-14).any():
        raise AnalysisError(
            f"{name} has the same pattern for all conditions; no alignment is defined"
        )
    return flat, a.shape[:-2]
