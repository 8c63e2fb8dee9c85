"""The null of permuted condition labels.

What a model RDM reaches if its conditions have nothing to do with those of the data.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cortexsim.analysis.rsa.comparators import Comparator, prepared_rows, squared_norms
from cortexsim.analysis.rsa.whitener import Whitener
from cortexsim.pairs import pair_indices, pair_position
from cortexsim.shapes import Float, Int
from cortexsim.threads import one_blas_thread, over_rows

CHUNK = 256


def permuted(
    models: Float[np.ndarray, "model pair"],
    data: Sequence[Float[np.ndarray, "subject pair"]],
    c: Comparator,
    whiten: Whitener | None,
    permutations: Int[np.ndarray, "permutation condition"],
) -> list[Float[np.ndarray, "permutation model"]]:
    """Mean similarity over subjects, the condition labels of the data permuted, at some times.

    Permuting labels changes neither norms nor ranks, so the mean over subjects is one vector, and
    all permutations are one product with it. (Not so where a covariance of conditions is given:
    then the norms of the data change, and every permutation is computed on its own.)

    Parameters
    ----------
    models : array of shape (model, pair)
    data : sequence of arrays of shape (subject, pair)
        One a time.
    c : Comparator
    whiten : Whitener or None
        For comparators that whiten.
    permutations : array of shape (permutation, condition)
        Orders of the conditions.

    Returns
    -------
    list of arrays of shape (permutation, model)
        One a time.
    """
    if not len(permutations):
        return [np.empty((0, len(models))) for _ in data]
    position = pair_position(permutations.shape[1])
    if c.sign:
        return [_tau(models, of_time, permutations, position) for of_time in data]
    left = _left(models, c, whiten)
    return [_null(left, of_time, c, whiten, permutations, position) for of_time in data]


def _norms(x: np.ndarray, c: Comparator, whiten: Whitener | None) -> np.ndarray:
    """What similarities divide by, of every prepared row."""
    if c.norm == "own":
        return np.sqrt(squared_norms(x, whiten))
    return np.full(len(x), np.sqrt((x.shape[1] ** 3 - x.shape[1]) / 12))


def _left(models: np.ndarray, c: Comparator, whiten: Whitener | None) -> np.ndarray:
    """What of the models is multiplied with the data of every time."""
    a = prepared_rows(models, c, rescale=True)
    return (whiten.dual(a)[0] if whiten else a) / _norms(a, c, whiten)[:, None]


def _null(
    left: np.ndarray,
    data: np.ndarray,
    c: Comparator,
    whiten: Whitener | None,
    permutations: np.ndarray,
    position: np.ndarray,
) -> np.ndarray:
    """The null of one time."""
    i, j = pair_indices(permutations.shape[1])
    d = prepared_rows(data, c, rescale=True)
    null = np.empty((len(permutations), len(left)))
    if whiten is not None and whiten.inverse is not None:
        for k, p in enumerate(permutations):
            moved = d[:, position[p[i], p[j]]]
            null[k] = (left @ (moved / np.sqrt(squared_norms(moved, whiten))[:, None]).T).mean(1)
        return null
    mean = (d / _norms(d, c, whiten)[:, None]).mean(0)

    def some_rows(rows: slice) -> None:
        p = permutations[rows]
        null[rows] = mean[position[p[:, i], p[:, j]]] @ left.T

    with one_blas_thread():
        over_rows(some_rows, len(permutations), CHUNK)
    return null


def _tau(
    models: np.ndarray, data: np.ndarray, permutations: np.ndarray, position: np.ndarray
) -> np.ndarray:
    """The same for Kendall's tau, which is no inner product."""
    from cortexsim.analysis.rsa.ranks import orders
    from cortexsim.analysis.rsa.tau import sampled_tau

    n = permutations.shape[1]
    i, j = pair_indices(n)
    order_a, tied_a = orders(models)
    order_d, tied_d = orders(data)
    weight = np.ones(models.shape[1], dtype=np.int64)
    null = np.empty((len(permutations), len(models)))

    def some_rows(rows: slice) -> None:
        table = np.empty((len(models), len(data)))
        for k in range(rows.start, rows.stop):
            p = permutations[k]
            # Entry e of the data stands at where[e] once labels are permuted.
            where = np.empty(len(i), dtype=np.int32)
            where[position[p[i], p[j]]] = np.arange(len(i), dtype=np.int32)
            sampled_tau(order_a, tied_a, where[order_d], tied_d, weight, table)
            null[k] = table.mean(1)

    over_rows(some_rows, len(permutations), 16)
    return null
