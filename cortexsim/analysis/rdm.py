"""Representational dissimilarity matrices: patterns ``(..., condition, feature)`` in, vectors of pairs ``(..., pair)`` out.

Every measure is a kernel and a formula: rows are prepared (centred, whitened), one symmetric product K = Z Z^T holds all inner products, and
each pair's dissimilarity follows from K_ij, K_ii and K_jj. That one product is the cost; it runs at the speed of the BLAS (or the GPU).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cortexsim.analysis.pairs import LEAST, pair_indices
from cortexsim.errors import AnalysisError

COPY_BYTES = 256 << 20  # prepared rows are made at most this much at a time, however wide the patterns are
SMALL = 512  # up to so many conditions all pairs are gathered at once, beyond row by row


@dataclass(frozen=True)
class Measure:
    """One dissimilarity. prepare: rows -> (rows, rows or their partners). finish: (K_ij, K_ii, K_jj, features) -> dissimilarity.

    centre: rows lose their mean first. scale_free: a pattern without variance (correlation) or length (cosine) is an error.
    """

    prepare: Callable[[Any], tuple[Any, Any]]
    finish: Callable[[Any, Any, Any, int], Any]
    equation: str
    centre: bool = False
    scale_free: bool = False


def _library(x: Any) -> Any:
    return sys.modules["torch"] if type(x).__module__.startswith("torch") else np


def _same(x: Any) -> tuple[Any, Any]:
    return x, x


def _poisson(x: Any) -> tuple[Any, Any]:
    # A weak prior (rate 1, weight 0.1), as in Schuett et al. 2023, keeps the logarithm finite where nothing fired.
    rates = (x + 0.1) / 1.1
    return rates, _library(x).log(rates)


def _one_minus_cosine(k: Any, a: Any, b: Any, features: int) -> Any:
    return 1 - k / (a**0.5 * b**0.5)


def _mean_square(k: Any, a: Any, b: Any, features: int) -> Any:
    return _library(k).clip((a + b - 2 * k) / features, 0, None)


def _unbiased(k: Any, a: Any, b: Any, features: int) -> Any:
    return (a + b - 2 * k) / features


MEASURES: dict[str, Measure] = {
    "correlation": Measure(_same, _one_minus_cosine, "1 - r(x, y)", centre=True, scale_free=True),
    "cosine": Measure(_same, _one_minus_cosine, "1 - x.y / (|x| |y|)", scale_free=True),
    "sqeuclidean": Measure(_same, _mean_square, "|x - y|^2 / P"),
    "mahalanobis": Measure(_same, _mean_square, "(x - y)^T S^-1 (x - y) / P"),
    "crossnobis": Measure(_same, _unbiased, "mean over pairs of runs a != b of (x_a - y_a)^T S^-1 (x_b - y_b) / P"),
    "poisson": Measure(_poisson, _unbiased, "(x - y).(log x - log y) / P"),
}


def measure_named(name: str) -> Measure:
    """The measure; AnalysisError that lists them all."""
    if name not in MEASURES:
        raise AnalysisError(f"there is no measure {name!r}; choose from {', '.join(MEASURES)}")
    return MEASURES[name]


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
        from cortexsim.analysis.lazy import lazy_rdms

        return lazy_rdms(patterns, measure, noise=noise, runs=runs, nan=nan)
    x = _floating(patterns)
    if runs is not None and measure == "crossnobis":
        x = _runs_first(x, runs)
    _check_arguments(x, measure, noise, runs)
    lead, (n, features) = x.shape[: -3 if measure == "crossnobis" else -2], x.shape[-2:]
    items = x.reshape(-1, *x.shape[len(lead) :])
    whiten = _whitener(noise, features, x)
    if nan == "pairwise":
        from cortexsim.analysis.missing import pairwise_rdm

        results = [pairwise_rdm(item, measure, whiten) for item in items]
    else:
        results = [_one(item, m, measure, whiten) for item in items]
    return _library(x).stack(results).reshape(*lead, n * (n - 1) // 2)


def _one(x: Any, m: Measure, name: str, whiten: Callable[[Any], Any]) -> Any:
    """One RDM of ``(condition, feature)``, or of ``(run, condition, feature)`` for crossnobis."""
    if name == "crossnobis":
        runs = len(x)
        total = whiten(x.sum(axis=0))
        kernel = total @ total.T
        for run in x:  # the sum over pairs of different runs is the product of the sums less that within runs
            z = whiten(run)
            kernel -= z @ z.T
        kernel /= runs * (runs - 1)
    elif name in ("sqeuclidean", "mahalanobis"):
        # Distances do not change when the mean pattern is taken away; what cancels in K_ii + K_jj - 2 K_ij becomes small.
        kernel = gram(whiten(x - x.mean(axis=0, keepdims=True)), m)
    else:
        if name == "poisson" and bool((x < 0).any()):
            raise AnalysisError(
                f"poisson is for rates and counts, which are not negative; the smallest value is {float(x.min()):g}"
            )
        kernel = gram(x, m)
    refuse_flat(kernel, m, name, lambda: x.mean(axis=-1), x.shape[-1])
    return pairs_of(kernel, m, x.shape[-1])


def gram(x: Any, m: Measure) -> Any:
    """K = Z Z^T of rows ``(condition, feature)``, features in chunks where a copy of all would be large."""
    mean = x.mean(axis=-1, keepdims=True) if m.centre else None
    width = max(256, COPY_BYTES // (x.shape[0] * x.itemsize))
    kernel = None
    for start in range(0, x.shape[1], width):
        part = x[:, start : start + width]
        product = _product(*m.prepare(part if mean is None else part - mean))
        kernel = product if kernel is None else kernel.__iadd__(product)
    return kernel


def _product(a: Any, b: Any) -> Any:
    if a is b:
        return a @ a.T  # NumPy sees the symmetry and does half the work (syrk)
    k = a @ b.T
    return (k + k.T) / 2


def pairs_of(kernel: Any, m: Measure, features: int) -> Any:
    """Dissimilarities ``(pair,)`` from the kernel ``(condition, condition)``."""
    n = kernel.shape[0]
    if n <= SMALL or _library(kernel) is not np:
        i, j = pair_indices(n)
        d = kernel.diagonal()
        return m.finish(kernel[i, j], d[i], d[j], features)
    d = kernel.diagonal().copy()
    out = np.empty(n * (n - 1) // 2, kernel.dtype)
    start = 0
    for row in range(n - 1):
        stop = start + n - 1 - row
        out[start:stop] = m.finish(kernel[row, row + 1 :], d[row], d[row + 1 :], features)
        start = stop
    return out


def refuse_flat(kernel: Any, m: Measure, name: str, means: Callable[[], Any], features: int, *, first: int = 0) -> None:
    """AnalysisError for rows that are not finite or, where the measure divides by it, have no variance: the diagonal of K tells."""
    d = kernel.diagonal()
    if not bool(_library(d).isfinite(d).all()):
        rows = [i for i, value in enumerate(d.tolist(), start=first) if not np.isfinite(value)]
        raise AnalysisError(
            f"{_listed(rows)} of {len(d)} hold NaN, infinite or overflowing values; leave them out, or give nan='pairwise' to use for each "
            "pair the features that both have"
        )
    if not m.scale_free:
        return
    floor = 0.0 * d
    if name == "correlation":  # a constant row leaves rounding errors of its mean
        epsilon = float(np.finfo(str(d.dtype).removeprefix("torch.")).eps)
        floor = features * (4 * epsilon * means()) ** 2
    if bool((d <= floor).any()):
        rows = [i for i, flat in enumerate((d <= floor).tolist(), start=first) if flat]
        what = "no variance over features" if name == "correlation" else "length zero"
        raise AnalysisError(
            f"{_listed(rows)} of {len(d)} have {what}, so {name} is not defined for them; leave them out, or use sqeuclidean"
        )


def _listed(rows: list[int]) -> str:
    shown = ", ".join(map(str, rows[:10])) + (f" and {len(rows) - 10} more" if len(rows) > 10 else "")
    return f"condition{'s' if len(rows) > 1 else ''} {shown}"


def _floating(patterns: Any) -> Any:
    """As an array or tensor of float32 or float64."""
    if type(patterns).__module__.startswith("torch"):
        torch = sys.modules["torch"]
        if patterns.dtype in (torch.float32, torch.float64):
            return patterns
        return patterns.to(torch.float32 if patterns.dtype in (torch.float16, torch.bfloat16) else torch.float64)
    x = np.asarray(patterns)
    if x.dtype.kind not in "fiub":
        raise AnalysisError(f"patterns are of type {x.dtype}; numbers are needed")
    if x.dtype.kind != "f":
        return x.astype(np.float64)
    return x.astype(np.float32) if x.dtype.itemsize < 4 else x


def _runs_first(x: Any, runs: int) -> Any:
    """``(..., run, condition, feature)`` from any axis of runs."""
    if not -x.ndim <= runs < x.ndim or runs % x.ndim >= x.ndim - 2:
        raise AnalysisError(
            f"runs={runs} must be an axis of patterns {tuple(x.shape)} before the last two (condition, feature), e.g. runs=0"
        )
    return _library(x).moveaxis(x, runs, -3)


def _check_arguments(x: Any, name: str, noise: Any, runs: int | None) -> None:
    shape = tuple(x.shape)
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
    s = np.asarray(noise.cpu() if hasattr(noise, "cpu") else noise, dtype=np.float64)
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
    if _library(x) is np:
        return a.astype(x.dtype)
    return sys.modules["torch"].as_tensor(a, dtype=x.dtype, device=x.device)
