"""How alike RDMs are: every model RDM with every data RDM, and the noise ceiling of the data.

Most comparators are a cosine after each side was prepared on its own (centred, ranked, whitened),
so that all comparisons are one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cortexsim.analysis.rsa.whitener import Whitener
from cortexsim.errors import AnalysisError
from cortexsim.pairs import (
    conditions_of,
    refuse_constant,
    refuse_nan,
)
from cortexsim.shapes import Float
from cortexsim.threads import one_blas_thread, over_rows

ROWS = 128  # data RDMs of one task: prepared copies stay in the cache


@dataclass(frozen=True)
class Comparator:
    """One similarity of RDMs.

    Parameters
    ----------
    equation : str
        Of a model RDM a and a data RDM d.
    pool : {"unit", "z", "rank"}
        How the RDMs of subjects are made comparable before they are averaged.
    ranked : bool
        Of mid-ranks.
    centred : bool
        Less their mean.
    whitened : bool
        In the metric V^-1 of Diedrichsen et al. 2021.
    norm : {"own", "fixed"}
        ``fixed``: that of ranks without ties.
    sign : bool
        Kendall's.
    """

    equation: str
    pool: str
    ranked: bool = False
    centred: bool = False
    whitened: bool = False
    norm: str = "own"
    sign: bool = False


COMPARATORS: dict[str, Comparator] = {
    "pearson": Comparator("r(a, d)", "z", centred=True),
    "spearman": Comparator("r of mid-ranks", "rank", ranked=True, centred=True),
    "tau-a": Comparator("(concordant - discordant) / (P (P - 1) / 2)", "rank", sign=True),
    "rho-a": Comparator(
        "12 sum of centred rank products / (P^3 - P)",
        "rank",
        ranked=True,
        centred=True,
        norm="fixed",
    ),
    "cosine": Comparator("a.d / (|a| |d|)", "unit"),
    "cosine-whitened": Comparator(
        "a^T V^-1 d / sqrt(a^T V^-1 a  d^T V^-1 d)", "unit", whitened=True
    ),
    "pearson-whitened": Comparator(
        "the same of a and d less their means", "z", centred=True, whitened=True
    ),
}


def comparator_named(name: str) -> Comparator:
    """The comparator; AnalysisError that lists them all."""
    if not isinstance(name, str) or name not in COMPARATORS:
        raise AnalysisError(
            f"there is no comparator {name!r}; choose from {', '.join(COMPARATORS)}"
        )
    return COMPARATORS[name]


def keep_common(
    a: np.ndarray, d: np.ndarray, nan: str, *, whitened: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Both without the pairs that are NaN in any RDM, if that was asked for.

    Parameters
    ----------
    a : array of shape (model, pair)
        RDMs of models.
    d : array of shape (data, pair)
        RDMs of data.
    nan : {"refuse", "common"}
    whitened : bool
        The comparator needs all pairs.

    Returns
    -------
    tuple of array of shape (model, pair) and (data, pair)

    Raises
    ------
    AnalysisError
        Where too few pairs are left.
    """
    if nan == "refuse":
        return a, d  # data are checked chunk by chunk, while they are in the cache
    if nan != "common":
        raise AnalysisError(f"nan={nan!r} is not known; choose from refuse, common")
    exists = np.isfinite(a).all(0) & np.isfinite(d).all(0)
    if exists.all():
        return a, d
    if whitened:
        raise AnalysisError(
            f"{int((~exists).sum())} pairs are NaN; a whitened comparator needs all pairs. Leave "
            "out whole conditions"
        )
    if exists.sum() < 6:
        raise AnalysisError(
            f"only {int(exists.sum())} of {len(exists)} pairs are numbers in every RDM; at least 6 "
            "are needed"
        )
    return a[:, exists], d[:, exists]


def refuse(rdms: np.ndarray, what: str, c: Comparator) -> None:
    """AnalysisError for NaN and, where the comparator is not defined for them, constant RDMs."""
    refuse_nan(rdms, what)
    if c.centred or c.sign:
        refuse_constant(rdms, what)
    elif not rdms.any(-1).all():
        raise AnalysisError(
            f"{int((~rdms.any(-1)).sum())} of {rdms[..., 0].size} {what} are zero throughout; "
            "leave them out"
        )


def similarity(
    a: np.ndarray,
    d: np.ndarray,
    c: Comparator,
    whiten: Whitener | None,
) -> Float[np.ndarray, "model data"]:
    """``compare`` of checked vectors ``(model, pair)`` and ``(data, pair)``, of any number type."""
    if c.sign:
        from cortexsim.analysis.rsa.tau import tau_a

        refuse(d, "data RDMs", c)
        return tau_a(a, d)
    pairs = a.shape[1]
    left = prepared_rows(a, c, rescale=True)
    left, own = whiten.dual(left) if whiten else (left, np.einsum("ij,ij->i", left, left))
    fixed = (pairs**3 - pairs) / 12
    left = np.ascontiguousarray(left / (np.sqrt(own)[:, None] if c.norm == "own" else 1))
    similarities = np.empty((len(a), len(d)))

    def some_rows(rows: slice) -> None:
        # NaN, constant and zero RDMs, and squares out of range, show in the norms for free; only
        # then is each looked for.
        with np.errstate(invalid="ignore", over="ignore", under="ignore"):
            if c.ranked and not np.isfinite(d[rows].sum()):
                refuse(d, "data RDMs", c)
            right, norms, sound = _with_norms(d[rows], c, whiten)
            if not sound:
                refuse(d, "data RDMs", c)
                right = prepared_rows(d[rows], c, rescale=True)
                norms = squared_norms(right, whiten)
        similarities[:, rows] = (left @ right.T) / (np.sqrt(norms) if c.norm == "own" else fixed)

    with one_blas_thread():
        over_rows(some_rows, len(d), ROWS)
    return np.clip(similarities, -1, 1, out=similarities)


def prepared_rows(x: np.ndarray, c: Comparator, *, rescale: bool = False) -> np.ndarray:
    """Rows ``(row, pair)`` as float64, ranked and centred as the comparator asks.

    rescale: to a largest entry of 1, which no similarity sees.
    """
    if c.ranked:
        from cortexsim.analysis.rsa.ranks import rank_rows

        ranks = np.empty(x.shape)
        rank_rows(np.ascontiguousarray(x), ranks)
        return ranks
    x = x.astype(np.float64, copy=False)
    x = largest_one(x) if rescale else x
    return x - x.mean(axis=1, keepdims=True) if c.centred else x


def squared_norms(x: np.ndarray, whiten: Whitener | None) -> np.ndarray:
    """Of every row, in the metric V^-1 if there is a whitening."""
    return whiten.norms(x) if whiten else np.einsum("ij,ij->i", x, x)


def _with_norms(
    x: np.ndarray, c: Comparator, whiten: Whitener | None
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Rows whose product with prepared models is right, and their squared norms.

    The last says whether these can be trusted. A centred model does not see the mean of the data,
    so that rows need not be centred: their norms follow from sums over the raw rows, in one pass,
    unless the mean is so large that digits would cancel.
    """
    if c.ranked or (whiten is not None and whiten.inverse is not None):
        right = prepared_rows(x, c)
        norms = squared_norms(right, whiten)
        return (
            right,
            norms,
            bool(
                (
                    (norms > 1e-200) & (norms < 1e200) & (norms > 1e-24 * x.shape[1] * x[:, 0] ** 2)
                ).all()
            ),
        )
    from cortexsim.analysis.rsa.rows import moments

    right = np.ascontiguousarray(x, dtype=np.float64)
    totals, squares = np.empty(len(x)), np.empty(len(x))
    moments(right, totals, squares)
    norms, pairs = squares, x.shape[1]
    mean = totals / pairs if c.centred else np.zeros(len(x))
    if whiten is not None:
        norms = whiten.norms(right, squares, mean)
    elif c.centred:
        norms = squares - totals * mean
    return (
        right,
        norms,
        bool(((squares > 1e-200) & (squares < 1e200) & (norms > 1e-6 * squares)).all()),
    )


def largest_one(x: np.ndarray) -> np.ndarray:
    """Every row divided by its largest absolute entry."""
    largest = np.abs(x).max(axis=-1, keepdims=True)
    return x / np.where(largest > 0, largest, 1)


def whitener(c: Comparator, name: str, sigma_k: Any, pairs: int) -> Whitener | None:
    """The whitening of RDMs of so many pairs, for a comparator that asks for it."""
    if c.whitened:
        return Whitener(sigma_k, conditions_of(pairs))
    if sigma_k is not None:
        raise AnalysisError(
            f"sigma_k is for cosine-whitened and pearson-whitened; {name} does not use it"
        )
    return None


def _unit(d: np.ndarray) -> np.ndarray:
    return d / np.sqrt(np.mean(d**2, axis=1, keepdims=True))


def _z(d: np.ndarray) -> np.ndarray:
    return (d - d.mean(1, keepdims=True)) / d.std(1, keepdims=True)


def _rank(d: np.ndarray) -> np.ndarray:
    from cortexsim.analysis.rsa.ranks import centred_ranks

    return centred_ranks(d)


POOLS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"unit": _unit, "z": _z, "rank": _rank}


def pooled(
    d: Float[np.ndarray, "subject pair"], c: Comparator
) -> Float[np.ndarray, "subject pair"]:
    """The RDMs of subjects made comparable, so that their sum is the best single RDM."""
    return POOLS[c.pool](largest_one(d.astype(np.float64)))
