"""Representational dissimilarity matrices: patterns in, vectors of pairs out."""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim.analysis.rsa.kernels import MEASURES as MEASURES
from cortexsim.analysis.rsa.kernels import (
    library,
    measure_named,
)
from cortexsim.analysis.rsa.patterns import (
    check_arguments,
    floating,
    pattern_whitener,
    runs_first,
    single_rdm,
)
from cortexsim.analysis.statistics.sizes import room_for
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.ids import texts
from cortexsim.labelled.arrays import FEATURES, named
from cortexsim.labelled.arrays import patterns as in_order
from cortexsim.labelled.item_ids import by_names
from cortexsim.labelled.rdms import pair_coords
from cortexsim.threads import free_threads


@clear_errors
@free_threads()
def rdms(
    patterns: Any,
    measure: str = "correlation",
    *,
    noise: Any = None,
    runs: int | str | None = None,
    nan: str = "refuse",
) -> Any:
    """Dissimilarities of all pairs of conditions, for every leading index of ``patterns``.

    correlation: 1 - r. cosine: 1 - x.y/(|x||y|). sqeuclidean: |x - y|^2 / P. mahalanobis:
    (x - y)^T S^-1 (x - y) / P. crossnobis: the same between different runs, averaged over ordered
    pairs of runs, so that noise averages to zero (it may be negative). poisson: symmetrised
    Kullback-Leibler divergence of Poisson rates, (x - y).(log x - log y) / P, after a prior
    (x + 0.1) / 1.1. P is the number of features, as in rsatoolbox; scipy's sqeuclidean is P times
    ours.

    Parameters
    ----------
    patterns : array of shape (..., condition, feature)
        Any unit; a NumPy array, a torch tensor (the work is done on its device) or a dask array
        (the result is lazy). float16 is computed in float32, integers in float64. Of a DataArray
        the dimensions are known by their names, in any order (one stimulus or condition, units or
        features, any of state, step, time_ms, subject, ...); so are a DataFrame's rows.
    measure : str
        A key of ``MEASURES``.
    noise : array of shape (feature, feature) or (feature,), optional
        Covariance S of the noise over features, or its diagonal, for mahalanobis and crossnobis
        (there None is the identity); see ``sklearn.covariance.ledoit_wolf``.
    runs : int or str, optional
        For crossnobis, the axis of ``patterns`` that counts the independent runs; of a DataArray
        the name of that dimension.
    nan : {"refuse", "pairwise"}
        ``pairwise``: each pair on the features that are finite in both (NaN if there are too few).

    Returns
    -------
    array of shape (..., pair)
        In the order of ``scipy.spatial.distance.squareform``, in the type of the computation; of a
        DataArray or DataFrame a DataArray, which carries the ids of the two conditions of each
        pair.

    Raises
    ------
    AnalysisError
        For fewer than 4 conditions, NaN, patterns without variance (correlation) or length
        (cosine), negative rates (poisson), and a noise covariance that is not positive definite.

    References
    ----------
    Kriegeskorte et al. 2008; Walther et al. 2016 (crossnobis); Schuett et al. 2023 (poisson).

    Examples
    --------
    >>> patterns = np.array([[1, 2, 3], [3, 2, 1], [1, 2, 4], [0, 5, 0.0]])
    >>> rdms(patterns).round(3)
    array([2.   , 0.018, 1.   , 1.982, 1.   , 1.189])
    """
    array = named(patterns, "patterns")
    if array is not None:
        return _of_named(array, measure, noise=noise, runs=runs, nan=nan)
    if isinstance(runs, str):
        raise AnalysisError(
            f"runs={runs!r} names a dimension, which a plain array does not have; give the number "
            "of the axis, e.g. runs=0"
        )
    m = measure_named(measure)
    if nan not in ("refuse", "pairwise"):
        raise AnalysisError(f"nan={nan!r} is not known; choose from refuse, pairwise")
    if type(patterns).__module__.startswith("dask"):
        from cortexsim.analysis.rsa.lazy import lazy_rdms

        return lazy_rdms(patterns, measure, noise=noise, runs=runs, nan=nan, of_block=rdms)
    x = floating(patterns, "patterns")
    if runs is not None and measure == "crossnobis":
        x = runs_first(x, runs)
    check_arguments(x, measure, noise, runs)
    lead, (n, features) = x.shape[: -3 if measure == "crossnobis" else -2], x.shape[-2:]
    items = x.reshape((-1, *x.shape[len(lead) :]))
    width = x.element_size() if hasattr(x, "element_size") else x.dtype.itemsize
    if getattr(getattr(x, "device", None), "type", "cpu") == "cpu":
        room_for(
            {"row": n, "column": n},
            "the products of all pairs of conditions",
            "give a dask array (patterns.chunk(...)), or record with --rdm: both stream",
            item=width,
        )
        room_for(
            {"RDM": len(items), "pair": n * (n - 1) // 2},
            "the RDMs",
            "compute them one state or time at a time, of fewer conditions, or as a dask array",
            item=width,
        )
    whiten = pattern_whitener(noise, features, x)
    if nan == "pairwise":
        from cortexsim.analysis.rsa.missing import pairwise_rdm

        results = [pairwise_rdm(item, measure, whiten) for item in items]
    else:
        with np.errstate(all="ignore"):  # what overflows is refused where the kernel shows it
            results = [single_rdm(item, m, measure, whiten) for item in items]
    return library(x).stack(results).reshape((*lead, n * (n - 1) // 2))


def _of_named(array: Any, measure: str, *, noise: Any, runs: Any, nan: str) -> Any:
    """RDMs of a DataArray: its axes found by their names, its ids carried on."""
    import xarray

    if runs is not None:
        run = array.dims[runs] if isinstance(runs, (int, np.integer)) else str(runs)
        if run not in array.dims:
            raise AnalysisError(f"runs={runs!r} is none of the dimensions {array.dims}")
        array = array.transpose(run, ...)
    patterns = in_order(array, "patterns")
    lead = patterns.dims[:-2]
    if runs is not None and run not in lead:
        raise AnalysisError(
            f"runs={runs!r} is {run}, along which are the conditions or the features; runs are one "
            f"of the other dimensions, {', '.join(lead) or 'of which there is none'}"
        )
    place = None if runs is None else lead.index(run)
    noise = _in_order_of_features(noise, array)
    values = rdms(patterns.values, measure, noise=noise, runs=place, nan=nan)
    dims = tuple(d for d in lead if runs is None or d != run)
    coords = {str(name): c.variable for name, c in array.coords.items() if set(c.dims) <= set(dims)}
    if patterns.ids is not None:
        coords |= pair_coords(np.arange(patterns.count) if patterns.counted else patterns.ids)
    attrs = {"measure": MEASURES[measure].equation, "units": "dissimilarity"}
    return xarray.DataArray(values, coords, (*dims, "pair"), "rdm", attrs)


def _in_order_of_features(noise: Any, array: Any) -> Any:
    """A noise covariance whose axes name the features, in the order of those of the patterns."""
    features = [str(d) for d in array.dims if d in FEATURES]
    if len(features) != 1 or features[0] not in array.indexes:
        return noise
    names = texts(array.indexes[features[0]].values, "the features of the patterns")
    return by_names(noise, names, "the noise", "the patterns")
