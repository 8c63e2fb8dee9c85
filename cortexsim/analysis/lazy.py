"""RDMs and comparisons of dask arrays: the same numbers, computed block by block on whatever scheduler or cluster dask has."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from cortexsim.analysis.rdm import (
    MEASURES,
    _check_arguments,
    _runs_first,
    _whitener,
    measure_named,
    pairs_of,
    rdms,
    refuse_flat,
)
from cortexsim.errors import AnalysisError


def is_lazy(*arrays: Any) -> bool:
    """Whether any of the arrays is a dask array (dask need not be installed)."""
    return any(type(a).__module__.startswith("dask") for a in arrays)


def lazy_rdms(patterns: Any, measure: str, *, noise: Any, runs: int | None, nan: str) -> Any:
    """``rdms`` of a dask array ``(..., condition, feature)``: a dask array ``(..., pair)``.

    Where each matrix of patterns is one block, blocks are computed whole. Where features are chunked (wider than a worker's memory), the kernel
    is summed over blocks of features, and only ``(condition, condition)`` matrices are ever whole.
    """
    import dask.array as da

    m = measure_named(measure)
    x = (
        patterns
        if patterns.dtype.kind == "f" and patterns.dtype.itemsize >= 4
        else patterns.astype(_computed_in(patterns.dtype))
    )
    if runs is not None and measure == "crossnobis":
        x = _runs_first(x, runs)
    _check_arguments(x, measure, noise, runs)
    core = 3 if measure == "crossnobis" else 2
    pairs = x.shape[-2] * (x.shape[-2] - 1) // 2
    lead = x.chunks[:-core]
    axis = -3 if measure == "crossnobis" else None
    if x.numblocks[-1] == 1 or nan == "pairwise":
        whole = x.rechunk(dict.fromkeys(range(x.ndim - core, x.ndim), -1))
        return whole.map_blocks(
            rdms, measure, noise=noise, runs=axis, nan=nan, dtype=x.dtype, chunks=(*lead, (pairs,)), drop_axis=_last(x.ndim, core), new_axis=[len(lead)]
        )  # fmt: skip
    x = x.rechunk(dict.fromkeys(range(x.ndim - core, x.ndim - 1), -1))
    mean = x.mean(axis=-1, keepdims=True)
    if noise is not None:
        whiten = _whitener(noise, x.shape[-1], np.empty(0, x.dtype))
        x = da.matmul(x, da.from_array(whiten(np.eye(x.shape[-1], dtype=x.dtype)), chunks=(x.chunks[-1], x.chunks[-1])))
    if m.centre:
        x = x - mean
    elif measure in ("sqeuclidean", "mahalanobis"):
        x = x - x.mean(axis=-2, keepdims=True)
    if measure == "crossnobis":
        total, k = x.sum(axis=-3), x.shape[-3]
        kernel = (_kernel(total, total) - _kernel(x, x).sum(axis=-3)) / (k * (k - 1))
        mean = mean.sum(axis=-3)
    elif measure == "poisson":
        rates = x.map_blocks(_rates, dtype=x.dtype)
        kernel = _kernel(rates, da.log(rates))
        kernel = (kernel + kernel.swapaxes(-1, -2)) / 2
    else:
        kernel = _kernel(x, x)
    kernel = kernel.rechunk({kernel.ndim - 2: -1, kernel.ndim - 1: -1})
    return da.map_blocks(
        _finish, kernel, mean.rechunk({mean.ndim - 2: -1, mean.ndim - 1: -1}), measure, x.shape[-1],
        dtype=x.dtype, chunks=(*lead, (pairs,)), drop_axis=_last(kernel.ndim, 2), new_axis=[len(lead)],
    )  # fmt: skip


def _last(ndim: int, count: int) -> list[int]:
    return list(range(ndim - count, ndim))


def _computed_in(dtype: np.dtype) -> str:
    if dtype.kind not in "fiub":
        raise AnalysisError(f"patterns are of type {dtype}; numbers are needed")
    return "float32" if dtype.kind == "f" else "float64"


def _rates(block: np.ndarray) -> np.ndarray:
    if (block < 0).any():
        raise AnalysisError(
            f"poisson is for rates and counts, which are not negative; the smallest value is {block.min():g}"
        )
    return MEASURES["poisson"].prepare(block)[0]


def _kernel(a: Any, b: Any) -> Any:
    import dask.array as da

    return da.matmul(a, b.swapaxes(-1, -2))


def _finish(kernel: np.ndarray, means: np.ndarray, measure: str, features: int) -> np.ndarray:
    m = MEASURES[measure]
    flat, rows = kernel.reshape(-1, *kernel.shape[-2:]), means.reshape(-1, means.shape[-2])
    done = []
    for k, mean in zip(flat, rows, strict=True):
        refuse_flat(k, m, measure, lambda mean=mean: mean, features)
        done.append(pairs_of(k, m, features))
    return np.stack(done).reshape(*kernel.shape[:-2], -1)


def lazy_compare(models: Any, data: Any, comparator: str, *, sigma_k: Any, nan: str) -> Any:
    """``compare`` of dask arrays: a dask array, one task for each block of model RDMs with each block of data RDMs."""
    import dask.array as da

    from cortexsim.analysis.comparators import comparator_named, compare
    from cortexsim.analysis.pairs import same_pairs

    comparator_named(comparator)
    a = models if is_lazy(models) else da.from_array(np.asarray(models), chunks=-1)
    d = data if is_lazy(data) else da.from_array(np.asarray(data), chunks=-1)
    same_pairs(a, d)
    if nan == "common":
        raise AnalysisError(
            "nan='common' looks at all RDMs at once, which lazy arrays cannot; leave out the pairs first, or compute the arrays"
        )
    left, right = "abcdefgh"[: a.ndim - 1], "ijklmnop"[: d.ndim - 1]
    return da.blockwise(
        partial(compare, comparator=comparator, sigma_k=sigma_k), left + right, a.rechunk({-1: -1}), left + "z", d.rechunk({-1: -1}), right + "z",
        dtype=np.float64, concatenate=True,
    )  # fmt: skip
