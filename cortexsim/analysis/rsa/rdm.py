"""Representational dissimilarity matrices: patterns ``(..., condition, feature)`` in, vectors of pairs ``(..., pair)`` out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from cortexsim.analysis.rsa.kernels import MEASURES as MEASURES
from cortexsim.analysis.rsa.kernels import (
    Measure,
    gram,
    library,
    measure_named,
    origin,
    pairs_of,
    refuse_flat,
    squarable,
)
from cortexsim.errors import AnalysisError
from cortexsim.pairs import LEAST, numbers


def rdms(
    patterns: Any, measure: str = "correlation", *, noise: Any = None, runs: int | None = None, nan: str = "refuse"
) -> Any:
    """Dissimilarities of all pairs of conditions, for every leading index of ``patterns``.

    correlation: 1 - r. cosine: 1 - x.y/(|x||y|). sqeuclidean: |x - y|^2 / P. mahalanobis: (x - y)^T S^-1 (x - y) / P.
    crossnobis: the same between different runs, averaged over ordered pairs of runs, so that noise averages to zero (it may be negative).
    poisson: symmetrised Kullback-Leibler divergence of Poisson rates, (x - y).(log x - log y) / P, after a prior (x + 0.1) / 1.1.
    P is the number of features, as in rsatoolbox; scipy's sqeuclidean is P times ours.

    patterns: ``(..., condition, feature)``, any unit; a NumPy array, a torch tensor (the work is done on its device) or a dask array
        (the result is lazy). float16 is computed in float32, integers in float64.
    noise: covariance S of the noise over features, ``(feature, feature)`` or its diagonal ``(feature,)``, for mahalanobis and crossnobis
        (there None is the identity); see ``sklearn.covariance.ledoit_wolf``.
    runs: for crossnobis, the axis of ``patterns`` that counts the independent runs.
    nan: ``"refuse"``, or ``"pairwise"``: each pair on the features that are finite in both (NaN if there are too few).

    Returns ``(..., pair)`` in the order of ``scipy.spatial.distance.squareform``, in the type of the computation.
    Raises AnalysisError for fewer than 4 conditions, NaN, patterns without variance (correlation) or length (cosine), negative rates
    (poisson), and a noise covariance that is not positive definite.
    Sources: Kriegeskorte et al. 2008; Walther et al. 2016 (crossnobis); Schuett et al. 2023 (poisson).

    >>> patterns = np.array([[1, 2, 3], [3, 2, 1], [1, 2, 4], [0, 5, 0.0]])
    >>> rdms(patterns).round(3)
    array([2.   , 0.018, 1.   , 1.982, 1.   , 1.189])
    """
    m = measure_named(measure)
    if nan not in ("refuse", "pairwise"):
        raise AnalysisError(f"nan={nan!r} is not known; choose from refuse, pairwise")
    if type(patterns).__module__.startswith("dask"):
        from cortexsim.analysis.rsa.lazy import lazy_rdms

        return lazy_rdms(patterns, measure, noise=noise, runs=runs, nan=nan)
    x = _floating(patterns, "patterns")
    if runs is not None and measure == "crossnobis":
        x = _runs_first(x, runs)
    _check_arguments(x, measure, noise, runs)
    lead, (n, features) = x.shape[: -3 if measure == "crossnobis" else -2], x.shape[-2:]
    items = x.reshape((-1, *x.shape[len(lead) :]))
    whiten = _whitener(noise, features, x)
    if nan == "pairwise":
        from cortexsim.analysis.rsa.missing import pairwise_rdm

        results = [pairwise_rdm(item, measure, whiten) for item in items]
    else:
        with np.errstate(all="ignore"):  # what overflows is refused where the kernel shows it
            results = [_one(item, m, measure, whiten) for item in items]
    return library(x).stack(results).reshape((*lead, n * (n - 1) // 2))


def _one(x: Any, m: Measure, name: str, whiten: Callable[[Any], Any]) -> Any:
    """One RDM of ``(condition, feature)``, or of ``(run, condition, feature)`` for crossnobis."""
    features = x.shape[-1]

    def sound(limit: float) -> Any:
        rows = (abs(x) < limit).all(axis=-1)  # NaN is not
        return rows.all(axis=0) if rows.ndim > 1 else rows

    if name == "poisson" and bool((x < 0).any()):
        raise AnalysisError(
            f"poisson is for rates and counts, which are not negative; the smallest value is {float(x.min()):g}"
        )
    mean = x.mean(axis=-1, keepdims=True) if m.centre == "rows" else None
    kernel = _crossed(x, whiten) if name == "crossnobis" else gram(whiten(x), m, mean)
    if m.scale_free and not _in_range(kernel.diagonal()) and bool(sound(float("inf")).all()):
        # Squares of very small or large values leave the range of the type; the measure does not depend on the scale of a row.
        largest = abs(x).max(axis=-1)
        largest = getattr(largest, "values", largest)
        x = x / library(x).where(largest > 0, largest, 1 + 0 * largest)[:, None]
        mean = x.mean(axis=-1, keepdims=True) if m.centre == "rows" else None
        kernel = gram(x, m, mean)
    refuse_flat(kernel, m, lambda: 0 if mean is None else mean[:, 0], features, sound=lambda: sound(squarable(x.dtype)))
    return pairs_of(kernel, m, features)


def _in_range(diagonal: Any) -> bool:
    small, large = (1e-25, 1e25) if diagonal.itemsize == 4 else (1e-200, 1e200)
    return bool(((diagonal > small) & (diagonal < large)).all())


def _crossed(x: Any, whiten: Callable[[Any], Any]) -> Any:
    """The kernel of pairs of different runs: the product of the sums less the products within runs, over K (K - 1)."""
    runs = len(x)
    centred = [whiten(run - origin(run)) for run in x]
    total = sum(centred[1:], centred[0])
    kernel = total @ total.T
    for z in centred:
        kernel -= z @ z.T
    return kernel / (runs * (runs - 1))


def _floating(patterns: Any, what: str) -> Any:
    """As an array or tensor of float32 or float64."""
    if type(patterns).__module__.startswith("torch"):
        torch = sys.modules["torch"]
        if patterns.dtype.is_complex:
            raise AnalysisError(f"{what} are of type {patterns.dtype}; real numbers are needed")
        x = patterns.detach()
        if x.dtype in (torch.float32, torch.float64):
            return x
        return x.to(torch.float32 if x.dtype in (torch.float16, torch.bfloat16) else torch.float64)
    return numbers(patterns, what)


def _runs_first(x: Any, runs: int) -> Any:
    """``(..., run, condition, feature)`` from any axis of runs."""
    if not isinstance(runs, (int, np.integer)) or isinstance(runs, bool):
        raise AnalysisError(
            f"runs={runs!r} is not an axis; give the number of the axis that counts the runs, e.g. runs=0"
        )
    if not -x.ndim <= runs < x.ndim or runs % x.ndim >= x.ndim - 2:
        raise AnalysisError(
            f"runs={runs} must be an axis of patterns {tuple(x.shape)} before the last two (condition, feature), e.g. runs=0"
        )
    return library(x).moveaxis(x, runs, -3)


def _check_arguments(x: Any, name: str, noise: Any, runs: int | None) -> None:
    shape = tuple(x.shape)
    if any(size != size for size in shape):  # dask's NaN for a size that is not known yet
        raise AnalysisError(
            f"patterns {shape} have sizes that are not known yet; call patterns.compute_chunk_sizes() first"
        )
    if x.ndim < 2:
        raise AnalysisError(f"patterns have shape {shape}; (..., condition, feature) is needed")
    if x.shape[-2] < LEAST:
        raise AnalysisError(f"patterns {shape} have {x.shape[-2]} conditions; at least {LEAST} are needed")
    if 0 in shape:
        raise AnalysisError(f"patterns {shape} are empty")
    if name == "crossnobis":
        if runs is None:
            raise AnalysisError(
                f"crossnobis is cross-validated over runs: say which axis of patterns {shape} counts them, e.g. runs=0 for "
                "(run, condition, feature)"
            )
        if x.shape[-3] < 2:
            raise AnalysisError(f"crossnobis needs at least 2 independent runs; axis {runs} has {x.shape[-3]}")
    elif runs is not None:
        raise AnalysisError(
            f"runs is for crossnobis; {name} is not cross-validated. Average the runs first, or ask for crossnobis"
        )
    if name == "mahalanobis" and noise is None:
        raise AnalysisError("mahalanobis needs noise, the covariance over features; without one it is sqeuclidean")
    if noise is not None and name not in ("mahalanobis", "crossnobis"):
        raise AnalysisError(f"noise is used by mahalanobis and crossnobis, not by {name}")


def _whitener(noise: Any, features: int, like: Any) -> Callable[[Any], Any]:
    """Rows x -> rows L^-1 x with S = L L^T, so that inner products become x^T S^-1 y."""
    if noise is None:
        return lambda x: x
    s = numbers(noise, "noise").astype(np.float64)
    if s.shape not in ((features,), (features, features)):
        raise AnalysisError(
            f"noise has shape {s.shape}; the patterns have {features} features: ({features}, {features}) or ({features},)"
        )
    advice = "estimate it with shrinkage, e.g. sklearn.covariance.ledoit_wolf(residuals)[0]"
    if not np.isfinite(s).all():
        raise AnalysisError(f"the noise covariance holds NaN or infinite values; {advice}")
    if s.ndim == 1:
        if (s <= 0).any():
            raise AnalysisError(f"{int((s <= 0).sum())} of {features} noise variances are not positive; {advice}")
        scale = _like(1 / np.sqrt(s), like)
        return lambda x: x * scale
    if not np.allclose(s, s.T, rtol=1e-6, atol=1e-8 * np.abs(s).max()):
        raise AnalysisError("the noise covariance is not symmetric")
    try:
        lower = np.linalg.cholesky(s)
    except np.linalg.LinAlgError:
        raise AnalysisError(f"the noise covariance is not positive definite; {advice}") from None
    from scipy.linalg import solve_triangular

    inverse = _like(solve_triangular(lower, np.eye(features), lower=True).T, like)
    return lambda x: x @ inverse


def _like(a: np.ndarray, x: Any) -> Any:
    """An array in the type, and on the device, of the patterns."""
    if library(x) is np:
        return a.astype(x.dtype)
    return sys.modules["torch"].as_tensor(a, dtype=x.dtype, device=x.device)
