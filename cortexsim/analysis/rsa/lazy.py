"""RDMs of dask arrays: the same numbers, block by block on whatever scheduler dask has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cortexsim.analysis.rsa.kernels import (
    MEASURES,
    in_type,
    measure_named,
    pairs_of,
    refuse_flat,
    squarable,
)
from cortexsim.analysis.rsa.patterns import (
    check_arguments,
    computed_in,
    pattern_whitener,
    runs_first,
)
from cortexsim.errors import AnalysisError


def lazy_rdms(
    patterns: Any,
    measure: str,
    *,
    noise: Any,
    runs: int | None,
    nan: str,
    of_block: Callable[..., np.ndarray],
) -> Any:
    """``rdms`` of a dask array ``(..., condition, feature)``: a dask array ``(..., pair)``.

    Where each matrix of patterns is one block, blocks are computed whole. Where features are
    chunked (wider than a worker's memory), the kernel is summed over blocks of features, and only
    ``(condition, condition)`` matrices are ever whole. of_block: ``rdms`` itself, for blocks that
    are whole.
    """
    import dask.array as da

    m = measure_named(measure)
    x = patterns.astype(computed_in(patterns.dtype))
    if runs is not None and measure == "crossnobis":
        x = runs_first(x, runs)
    check_arguments(x, measure, noise, runs)
    features, pairs = x.shape[-1], x.shape[-2] * (x.shape[-2] - 1) // 2
    pattern_whitener(noise, features, np.empty(0, x.dtype))  # what does not fit is refused now
    core = 3 if measure == "crossnobis" else 2
    lead, axis = x.chunks[:-core], -3 if measure == "crossnobis" else None
    if x.numblocks[-1] == 1 or nan == "pairwise":
        whole = x.rechunk(dict.fromkeys(range(x.ndim - core, x.ndim), -1))
        return whole.map_blocks(
            of_block,
            measure,
            noise=noise,
            runs=axis,
            nan=nan,
            dtype=x.dtype,
            chunks=(*lead, (pairs,)),
            drop_axis=_last(x.ndim, core),
            new_axis=[len(lead)],
        )
    x = x.rechunk(dict.fromkeys(range(x.ndim - core, x.ndim - 1), -1))
    # Without infinities and what overflows nothing warns on the way; the NaN in their place is
    # refused where the kernel shows it.
    kind = x.dtype
    x = x.map_blocks(_without_overflow, np.inf if m.scale_free else squarable(kind), dtype=kind)
    # In double precision: no row is ever whole, from which near pairs could be computed again.
    x = x.astype(np.float64)
    whiten = pattern_whitener(noise, features, np.empty(0, x.dtype))
    if m.scale_free:
        largest = abs(x).max(axis=-1, keepdims=True)
        x = x / da.where(largest > 0, largest, 1).astype(x.dtype)
    mean = x.mean(axis=-1, keepdims=True)
    if noise is not None:
        columns = x.chunks[-1]
        x = da.matmul(
            x, da.from_array(whiten(np.eye(features, dtype=x.dtype)), chunks=(columns, columns))
        )
    if measure == "poisson":
        rates = x.map_blocks(_rates, dtype=x.dtype)
        kernel = _kernel(_from_origin(rates), _from_origin(da.log(rates)))
        kernel = (kernel + kernel.swapaxes(-1, -2)) / 2
    else:
        x = x - mean if m.centre == "rows" else _from_origin(x) if m.centre == "columns" else x
        kernel = _kernel(x, x)
        if measure == "crossnobis":
            total, k = x.sum(axis=-3), x.shape[-3]
            kernel = (_kernel(total, total) - kernel.sum(axis=-3)) / (k * (k - 1))
            mean = mean.sum(axis=-3)
    kernel = kernel.rechunk({kernel.ndim - 2: -1, kernel.ndim - 1: -1})
    return da.map_blocks(
        _finish,
        kernel,
        mean.rechunk({mean.ndim - 2: -1, mean.ndim - 1: -1}),
        measure,
        features,
        kind,
        dtype=kind,
        chunks=(*lead, (pairs,)),
        drop_axis=_last(kernel.ndim, 2),
        new_axis=[len(lead)],
    )


def _from_origin(x: Any) -> Any:
    """Less the mean pattern, as ``kernels.origin`` does."""
    return x - x.mean(axis=-2, keepdims=True).map_blocks(
        np.nan_to_num, nan=0.0, posinf=0.0, neginf=0.0, dtype=x.dtype
    )


def _last(ndim: int, count: int) -> list[int]:
    return list(range(ndim - count, ndim))


def _without_overflow(block: np.ndarray, limit: float) -> np.ndarray:
    return np.where(np.abs(block) < limit, block, np.nan)


def _rates(block: np.ndarray) -> np.ndarray:
    if (block < 0).any():
        raise AnalysisError(
            "poisson is for rates and counts, which are not negative; the smallest value is "
            f"{block.min():g}"
        )
    return MEASURES["poisson"].prepare(block)[0]


def _kernel(a: Any, b: Any) -> Any:
    import dask.array as da

    return da.matmul(a, b.swapaxes(-1, -2))


def _finish(
    kernel: np.ndarray, means: np.ndarray, measure: str, features: int, kind: np.dtype
) -> np.ndarray:
    m = MEASURES[measure]
    flat, rows = kernel.reshape(-1, *kernel.shape[-2:]), means.reshape(-1, means.shape[-2])

    def one(k: np.ndarray, mean: np.ndarray) -> np.ndarray:
        refuse_flat(k, m, lambda: mean, features)
        return in_type(pairs_of(k, m, features), kind)

    done = [one(k, mean) for k, mean in zip(flat, rows, strict=True)]
    return np.stack(done).reshape(*kernel.shape[:-2], -1)
