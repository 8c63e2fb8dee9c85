"""One RDM of one matrix of patterns: its arguments checked, whitened, its kernel, its pairs."""

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
    origin,
    pairs_of,
    refuse_flat,
    squarable,
)
from cortexsim.analysis.rsa.near import all_alike, mended, of_alike
from cortexsim.errors import AnalysisError
from cortexsim.pairs import LEAST, numbers
from cortexsim.threads import free_threads

TINY = {True: 1e-17, False: 1e-150}  # by whether in single precision; smaller has no square


def single_rdm(x: Any, m: Measure, name: str, whiten: Callable[[Any], Any]) -> Any:
    """One RDM of ``(condition, feature)``, or of ``(run, condition, feature)`` for crossnobis."""
    features = x.shape[-1]

    def sound(limit: float) -> Any:
        rows = (abs(x) < limit).all(axis=-1)  # NaN is not
        return rows.all(axis=0) if rows.ndim > 1 else rows

    if name == "poisson" and bool((x < 0).any()):
        raise AnalysisError(
            "poisson is for rates and counts, which are not negative; the smallest value is "
            f"{float(x.min()):g}"
        )
    if all_alike(x, m):
        alike = of_alike(x, m)
        if alike is not None:
            return alike
    mean = x.mean(axis=-1, keepdims=True) if m.centre == "rows" else None
    kernel = _crossed(x, whiten) if name == "crossnobis" else gram(whiten(x), m, mean)
    if m.scale_free and not _in_range(kernel.diagonal()) and bool(sound(float("inf")).all()):
        # Squares of very small or large values leave the range of the type; the measure does not
        # depend on the scale of a row.
        largest = abs(x).max(axis=-1)
        largest = getattr(largest, "values", largest)
        x = x / library(x).where(largest > 0, largest, 1 + 0 * largest)[:, None]
        mean = x.mean(axis=-1, keepdims=True) if m.centre == "rows" else None
        kernel = gram(x, m, mean)
    refuse_flat(
        kernel,
        m,
        lambda: 0 if mean is None else mean[:, 0],
        features,
        sound=lambda: sound(squarable(x.dtype)),
    )
    if not m.scale_free and name != "poisson":
        _refuse_tiny(kernel, lambda: whiten(x - origin(x)))
    pairs = pairs_of(kernel, m, features)
    if m.scale_free and "64" in str(pairs.dtype):
        # What rounding leaves of equal patterns is no order of pairs.
        pairs[abs(pairs) < 16 * np.finfo(np.float64).eps] = 0
    if name == "crossnobis":  # not a distance between two rows, and never small beside its noise
        return pairs
    return mended(pairs, kernel.diagonal(), whiten(x), m, features)


def _refuse_tiny(kernel: Any, about_origin: Callable[[], Any]) -> None:
    """Refuse patterns whose squares are below what the type holds: all distances would be 0."""
    single = kernel.itemsize == 4
    smallest = TINY[single]
    if float(abs(kernel.diagonal()).max()) >= smallest**2:
        return
    largest = float(abs(about_origin()).max())
    if 0 < largest < smallest:
        raise AnalysisError(
            f"the patterns differ by {largest:.3g} at most, too little to be squared in "
            f"{'single' if single else 'double'} precision; give another unit"
            + (", or float64" if single else "")
        )


def _in_range(diagonal: Any) -> bool:
    small, large = (1e-25, 1e25) if diagonal.itemsize == 4 else (1e-200, 1e200)
    return bool(((diagonal > small) & (diagonal < large)).all())


def _crossed(x: Any, whiten: Callable[[Any], Any]) -> Any:
    """The kernel of pairs of different runs.

    The product of the sums less the products within runs, over K (K - 1).
    """
    runs = len(x)
    centred = [whiten(run - origin(run)) for run in x]
    total = sum(centred[1:], centred[0])
    kernel = total @ total.T
    for z in centred:
        kernel -= z @ z.T
    return kernel / (runs * (runs - 1))


def floating(patterns: Any, what: str) -> Any:
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


def runs_first(x: Any, runs: int) -> Any:
    """``(..., run, condition, feature)`` from any axis of runs."""
    if not isinstance(runs, (int, np.integer)) or isinstance(runs, bool):
        raise AnalysisError(
            f"runs={runs!r} is not an axis; give the number of the axis that counts the runs, e.g. "
            "runs=0"
        )
    if not -x.ndim <= runs < x.ndim or runs % x.ndim >= x.ndim - 2:
        raise AnalysisError(
            f"runs={runs} must be an axis of patterns {tuple(x.shape)} before the last two "
            "(condition, feature), e.g. runs=0"
        )
    return library(x).moveaxis(x, runs, -3)


def check_arguments(x: Any, name: str, noise: Any, runs: int | None) -> None:
    shape = tuple(x.shape)
    if any(size != size for size in shape):  # dask's NaN for a size that is not known yet
        raise AnalysisError(
            f"patterns {shape} have sizes that are not known yet; call "
            "patterns.compute_chunk_sizes() first"
        )
    if x.ndim < 2:
        raise AnalysisError(f"patterns have shape {shape}; (..., condition, feature) is needed")
    if x.shape[-2] < LEAST:
        raise AnalysisError(
            f"patterns {shape} have {x.shape[-2]} conditions; at least {LEAST} are needed"
        )
    if 0 in shape:
        raise AnalysisError(f"patterns {shape} are empty")
    if name == "crossnobis":
        if runs is None:
            raise AnalysisError(
                f"crossnobis is cross-validated over runs: say which axis of patterns {shape} "
                "counts them, e.g. runs=0 for "
                "(run, condition, feature)"
            )
        if x.shape[-3] < 2:
            raise AnalysisError(
                f"crossnobis needs at least 2 independent runs; axis {runs} has {x.shape[-3]}"
            )
    elif runs is not None:
        raise AnalysisError(
            f"runs is for crossnobis; {name} is not cross-validated. Average the runs first, or "
            "ask for crossnobis"
        )
    if name == "mahalanobis" and noise is None:
        raise AnalysisError(
            "mahalanobis needs noise, the covariance over features; without one it is sqeuclidean"
        )
    if noise is not None and name not in ("mahalanobis", "crossnobis"):
        raise AnalysisError(f"noise is used by mahalanobis and crossnobis, not by {name}")


@free_threads()
def pattern_whitener(noise: Any, features: int, like: Any) -> Callable[[Any], Any]:
    """Rows x -> rows L^-1 x with S = L L^T, so that inner products become x^T S^-1 y."""
    if noise is None:
        return lambda x: x
    s = numbers(noise, "noise").astype(np.float64)
    if s.shape not in ((features,), (features, features)):
        raise AnalysisError(
            f"noise has shape {s.shape}; the patterns have {features} features: ({features}, "
            f"{features}) or ({features},)"
        )
    advice = "estimate it with shrinkage, e.g. sklearn.covariance.ledoit_wolf(residuals)[0]"
    if not np.isfinite(s).all():
        raise AnalysisError(f"the noise covariance holds NaN or infinite values; {advice}")
    if s.ndim == 1:
        if (s <= 0).any():
            raise AnalysisError(
                f"{int((s <= 0).sum())} of {features} noise variances are not positive; {advice}"
            )
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


def is_lazy(*arrays: Any) -> bool:
    """Whether any of the arrays is a dask array (dask need not be installed)."""
    return any(type(a).__module__.startswith("dask") for a in arrays)


def computed_in(dtype: np.dtype) -> str:
    if dtype.kind not in "fiub":
        raise AnalysisError(f"patterns are of type {dtype}; numbers are needed")
    return "float32" if dtype.kind == "f" and dtype.itemsize <= 4 else "float64"
