"""Model RDMs with data RDMs: every one with every one, and what a perfect model could reach."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from cortexsim.analysis.rsa.comparators import (
    comparator_named,
    keep_common,
    pooled,
    refuse,
    similarity,
    whitener,
)
from cortexsim.analysis.rsa.patterns import computed_in, is_lazy
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.labelled.item_ids import by_names
from cortexsim.labelled.rdms import Rdms, labelled_rdms, same_conditions
from cortexsim.pairs import as_vectors, same_pairs


class NoiseCeiling(NamedTuple):
    """What a perfect model could reach given how subjects differ.

    Parameters
    ----------
    lower : float or array of shape (time,)
        Similarity with the mean of the others.
    upper : float or array of shape (time,)
        Similarity with the mean of all.
    """

    lower: Any
    upper: Any


@clear_errors
def compare(
    model_rdms: Any,
    data_rdms: Any,
    comparator: str = "spearman",
    *,
    sigma_k: Any = None,
    nan: str = "refuse",
) -> Any:
    """Similarity of every model RDM with every data RDM.

    pearson, spearman (ties have the mean of their ranks), tau-a and rho-a (ties count nothing,
    which is right where models predict ties), cosine, and the whitened cosine and correlation
    a^T V^-1 d / sqrt(a^T V^-1 a  d^T V^-1 d), where V is the covariance of RDM entries that share
    conditions, V_(ij)(kl) = ((e_i - e_j)^T S (e_k - e_l))^2.

    Parameters
    ----------
    model_rdms : array of shape (..., pair)
        An array or dask array, pairs in ``squareform`` order.
    data_rdms : array of shape (..., pair)
        The same pairs.
    comparator : str
        A key of ``COMPARATORS``.
    sigma_k : array of shape (condition, condition) or (condition,), optional
        S, the covariance of the patterns' noise over conditions, or its diagonal; None is the
        identity. For the whitened comparators only.
    nan : {"refuse", "common"}
        ``common``: only the pairs that are numbers in every RDM (not for the whitened ones, whose V
        needs all pairs).

    Returns
    -------
    array of shape (model axes, data axes)
        In [-1, 1]; dask-backed where an input is.

    Raises
    ------
    AnalysisError
        For NaN, different numbers of pairs, constant RDMs, square or asymmetric input.

    References
    ----------
    Nili et al. 2014; Diedrichsen et al. 2021; Schuett et al. 2023 (rho-a).

    Examples
    --------
    >>> a = [1, 2, 3, 4, 5, 6.0]
    >>> compare([a], [a, a[::-1]], "spearman")
    array([[ 1., -1.]])
    """
    sides = (labelled_rdms(model_rdms, "model RDMs"), labelled_rdms(data_rdms, "data RDMs"))
    known = same_conditions(sides)
    sigma_k = sigma_of(sigma_k, known)
    models, data = (side.values for side in known)
    if is_lazy(models, data):
        return lazy_compare(models, data, comparator, sigma_k=sigma_k, nan=nan)
    same_pairs(models, data)
    a, d = models.reshape(-1, models.shape[-1]), data.reshape(-1, data.shape[-1])
    c = comparator_named(comparator)
    a, d = keep_common(a, d, nan, whitened=c.whitened)
    whiten = whitener(c, comparator, sigma_k, a.shape[1])
    refuse(a, "model RDMs", c)
    return similarity(a, d, c, whiten).reshape((*models.shape[:-1], *data.shape[:-1]))


@clear_errors
def noise_ceiling(
    data_rdms: Any, comparator: str = "spearman", *, sigma_k: Any = None, nan: str = "refuse"
) -> NoiseCeiling:
    """The range in which the best possible model lies, given how much subjects differ.

    upper: mean similarity of each subject's RDM with the mean of all, that subject included (too
    good for any model). lower: with the mean of the others. The mean is over RDMs made comparable
    first: divided by their root mean square (cosine), z-scored (pearson) or ranked (spearman,
    rho-a, tau-a), so that it (nearly) maximises the average similarity.

    Parameters
    ----------
    data_rdms : array of shape (subject, ..., pair)
        At least 2 subjects; axes between are times (or anything else), each on its own.
    comparator : str
        A key of ``COMPARATORS``.
    sigma_k : array of shape (condition,) or (condition, condition), optional
        Of the whitened comparators, as in ``compare``.
    nan : {"refuse", "common"}
        What happens to pairs without a number, as in ``compare``.

    Returns
    -------
    NoiseCeiling

    Raises
    ------
    AnalysisError
        As ``compare`` does, and for fewer than 2 subjects.

    References
    ----------
    Nili et al. 2014, as in rsatoolbox's ``boot_noise_ceiling``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.random(66)
    >>> low, high = noise_ceiling(truth + 0.2 * rng.random((8, 66)), "pearson")
    >>> round(low, 3), round(high, 3)
    (0.979, 0.984)
    """
    labelled = labelled_rdms(data_rdms, "data RDMs")
    data = as_vectors(labelled.values, "data RDMs")
    if labelled.dims is not None:
        if "subject" not in labelled.dims:
            raise AnalysisError(
                f"data RDMs have the dimensions {(*labelled.dims, 'pair')}; a noise ceiling needs "
                "one called subject (.rename), whose differences it is about"
            )
        data = np.moveaxis(data, labelled.dims.index("subject"), 0)
    if data.ndim < 2 or len(data) < 2:
        raise AnalysisError(
            f"data RDMs of shape {data.shape}; a noise ceiling needs (subject, ..., pair) with at "
            "least 2 subjects"
        )
    c = comparator_named(comparator)
    sigma_k = sigma_of(sigma_k, [labelled])
    middle = data.shape[1:-1]
    lower, upper = [], []
    for d in np.moveaxis(data.reshape(len(data), -1, data.shape[-1]), 1, 0):
        d, _ = keep_common(d, d, nan, whitened=c.whitened)
        refuse(d, "data RDMs", c)
        whiten = whitener(c, comparator, sigma_k, d.shape[1])
        z = pooled(d, c)
        total, count = z.sum(0), len(z)
        for s in range(0 if c.sign or c.norm == "fixed" else count):
            if np.abs(total - z[s]).max() < 1e-12 * np.abs(z).max():
                raise AnalysisError(
                    f"without subject {s} the RDMs of the others cancel: their mean is zero "
                    "throughout and no ceiling is defined"
                )
        upper.append(similarity(total[None], d, c, whiten).mean())
        lower.append(
            np.mean(
                [
                    similarity(total[None] - z[s], d[s : s + 1], c, whiten)[0, 0]
                    for s in range(count)
                ]
            )
        )
    if not middle:
        return NoiseCeiling(float(lower[0]), float(upper[0]))
    return NoiseCeiling(np.reshape(lower, middle), np.reshape(upper, middle))


def sigma_of(sigma_k: Any, rdms: Sequence[Rdms]) -> Any:
    """A covariance of conditions in the order of those of the RDMs, where both name them."""
    names = next((r.ids for r in rdms if r.ids is not None), None)
    return sigma_k if names is None else by_names(sigma_k, names, "sigma_k", "the RDMs")


def lazy_compare(models: Any, data: Any, comparator: str, *, sigma_k: Any, nan: str) -> Any:
    """``compare`` of dask arrays: a dask array, one task for each two blocks of RDMs."""
    import dask.array as da

    comparator_named(comparator)
    a = models if is_lazy(models) else da.from_array(as_vectors(models, "model RDMs"), chunks=-1)
    d = data if is_lazy(data) else da.from_array(as_vectors(data, "data RDMs"), chunks=-1)
    for what, x in (("model RDMs", a), ("data RDMs", d)):
        computed_in(x.dtype)
        if not x.ndim or any(size != size for size in x.shape):
            raise AnalysisError(
                f"the {what} have shape {x.shape}; (..., pair) with known sizes is needed "
                "(compute_chunk_sizes())"
            )
    same_pairs(a, d)
    if nan not in ("refuse", "common"):
        raise AnalysisError(f"nan={nan!r} is not known; choose from refuse, common")
    if nan == "common":
        raise AnalysisError(
            "nan='common' looks at all RDMs at once, which lazy arrays cannot; leave out the "
            "pairs first, or compute the arrays"
        )
    left, right = tuple(range(a.ndim - 1)), tuple(range(a.ndim - 1, a.ndim + d.ndim - 2))
    return da.blockwise(
        partial(compare, comparator=comparator, sigma_k=sigma_k),
        left + right,
        a.rechunk({-1: -1}),
        (*left, -1),
        d.rechunk({-1: -1}),
        (*right, -1),
        dtype=np.float64,
        concatenate=True,
    )
