"""RDMs of patterns with missing values: each pair on the features that both conditions have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cortexsim.analysis.rsa.kernels import in_type
from cortexsim.errors import AnalysisError
from cortexsim.pairs import LEAST, pair_indices


def pairwise_rdm(x: Any, measure: str, whiten: Callable[[Any], Any]) -> Any:
    """One RDM ``(pair,)`` of ``(condition, feature)`` with NaN, computed in float64.

    crossnobis: of ``(run, condition, feature)``. A pair that shares fewer than two features, or is
    constant on those it shares where the measure divides by the variance, is NaN. Measures that
    weigh features by a noise covariance, or cross-validate, take conditions that are missing as a
    whole only.
    """
    if hasattr(x, "cpu"):
        import torch

        done = pairwise_rdm(
            x.detach().cpu().numpy(),
            measure,
            lambda rows: whiten(torch.as_tensor(rows).to(x)).cpu().numpy(),
        )
        return torch.as_tensor(done, dtype=x.dtype, device=x.device)
    if np.isinf(x).any():
        raise AnalysisError("patterns hold infinite values; only NaN counts as missing")
    if measure in ("mahalanobis", "crossnobis"):
        return _without_rows(x, measure, whiten)
    rows = x.astype(np.float64)
    has = np.isfinite(rows)
    if has.any() and np.abs(rows[has]).max() > 1e150:
        raise AnalysisError("patterns overflow when squared; divide them by their largest value")
    if measure == "poisson" and (rows[has] < 0).any():
        raise AnalysisError(
            "poisson is for rates and counts, which are not negative; the smallest value is "
            f"{rows[has].min():g}"
        )
    if measure in ("correlation", "cosine"):  # of which products of squares stay in range
        rows = rows / (np.abs(rows[has]).max(initial=0.0) or 1.0)
    m = has.astype(np.float64)
    shared = m @ m.T
    if measure == "correlation":  # centred rows lose less to cancellation below
        count = np.maximum(m.sum(1, keepdims=True), 1)
        rows = rows - np.where(has, rows, 0).sum(1, keepdims=True) / count
    elif (
        measure == "sqeuclidean"
    ):  # as do features less their means, on which distances do not depend
        rows = rows - np.where(has, rows, 0).sum(0) / np.maximum(m.sum(0), 1)
    rows = np.where(has, rows, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        full = _MEASURES[measure](rows, m, shared)
    full[shared < 2] = np.nan
    i, j = pair_indices(len(x))
    return in_type(full[i, j], x.dtype)


def _correlation(x: np.ndarray, m: np.ndarray, shared: np.ndarray) -> np.ndarray:
    total, squares = x @ m.T, (x * x) @ m.T
    variance = squares - total**2 / shared
    variance = np.where(variance > 1e-12 * squares, variance, np.nan)
    return 1 - (x @ x.T - total * total.T / shared) / np.sqrt(variance * variance.T)


def _cosine(x: np.ndarray, m: np.ndarray, shared: np.ndarray) -> np.ndarray:
    squares = (x * x) @ m.T
    return 1 - x @ x.T / np.sqrt(squares * squares.T)


def _sqeuclidean(x: np.ndarray, m: np.ndarray, shared: np.ndarray) -> np.ndarray:
    squares = (x * x) @ m.T
    return np.maximum(squares + squares.T - 2 * (x @ x.T), 0) / shared


def _poisson(x: np.ndarray, m: np.ndarray, shared: np.ndarray) -> np.ndarray:
    rates = m * (x + 0.1) / 1.1
    logs = np.log(np.where(m > 0, rates, 1))
    own, cross = (rates * logs) @ m.T, rates @ logs.T
    return (own + own.T - cross - cross.T) / shared


_MEASURES = {
    "correlation": _correlation,
    "cosine": _cosine,
    "sqeuclidean": _sqeuclidean,
    "poisson": _poisson,
}


def _without_rows(x: np.ndarray, measure: str, whiten: Callable[[Any], Any]) -> np.ndarray:
    """The RDM of the conditions that are there; NaN for pairs with one that is not."""
    from cortexsim.analysis.rsa.kernels import MEASURES
    from cortexsim.analysis.rsa.patterns import single_rdm

    missing = np.isnan(x)
    conditions = missing.any(axis=-1).reshape(-1, x.shape[-2])
    if (missing.all(axis=-1).reshape(conditions.shape) != conditions).any():
        raise AnalysisError(
            f"{measure} weighs or cross-validates features together, so a condition is there with "
            "all its features or not at all; "
            f"{int(conditions.any(0).sum())} conditions miss some of theirs. Leave those features "
            "out"
        )
    gone = conditions.any(0)
    n = len(gone)
    if n - gone.sum() < LEAST:
        raise AnalysisError(
            f"{n - gone.sum()} of {n} conditions are there; at least {LEAST} are needed"
        )
    i, j = pair_indices(n)
    out = np.full(len(i), np.nan, dtype=x.dtype)
    with np.errstate(all="ignore"):
        out[~gone[i] & ~gone[j]] = single_rdm(x[..., ~gone, :], MEASURES[measure], measure, whiten)
    return out
