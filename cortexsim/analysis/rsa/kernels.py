"""The measures of dissimilarity, each a kernel and a formula.

Rows are prepared (centred, whitened), one symmetric product K = Z Z^T holds all inner products, and
each pair's dissimilarity follows from K_ij, K_ii and K_jj. That one product is the cost; it runs at
the speed of the BLAS (or the GPU).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.pairs import pair_indices

COPY_BYTES = (
    256 << 20
)  # prepared rows are made at most this much at a time, however wide the patterns are
TENSOR_WIDTH = (
    2048  # features of one product of tensors, whose float32 sums lose more digits than NumPy's
)
SMALL = 512  # up to so many conditions all pairs are gathered at once, beyond row by row


ADVICE = "leave them out, or give nan='pairwise' to use for each pair the features that both have"


@dataclass(frozen=True)
class Measure:
    """One dissimilarity.

    Parameters
    ----------
    prepare : callable
        From rows to (rows, rows or their partners).
    finish : callable
        From (K_ij, K_ii, K_jj, features) to the dissimilarity, where a scale-free measure is given
        the roots of K_ii and K_jj.
    equation : str
        Of two patterns x and y.
    centre : {"", "rows", "columns"}
        ``rows``: each pattern loses its mean. ``columns``: the dissimilarity does not change when
        the mean pattern is taken away, and what cancels in K_ii + K_jj - 2 K_ij becomes small.
    scale_free : bool
        A pattern without variance (correlation) or length (cosine) is an error.
    """

    prepare: Callable[[Any], tuple[Any, Any]]
    finish: Callable[[Any, Any, Any, int], Any]
    equation: str
    centre: str = ""
    scale_free: bool = False


def library(x: Any) -> Any:
    return sys.modules["torch"] if type(x).__module__.startswith("torch") else np


def _same(x: Any) -> tuple[Any, Any]:
    return x, x


def _poisson(x: Any) -> tuple[Any, Any]:
    # A weak prior (rate 1, weight 0.1), as in Schuett et al. 2023, keeps the logarithm finite where
    # nothing fired.
    rates = (x + 0.1) / 1.1
    return rates, library(x).log(rates)


def _one_minus_cosine(k: Any, a: Any, b: Any, features: int) -> Any:
    return 1 - k / (a * b)


def _mean_square(k: Any, a: Any, b: Any, features: int) -> Any:
    return library(k).clip((a + b - 2 * k) / features, 0, None)


def _unbiased(k: Any, a: Any, b: Any, features: int) -> Any:
    return (a + b - 2 * k) / features


MEASURES: dict[str, Measure] = {
    "correlation": Measure(_same, _one_minus_cosine, "1 - r(x, y)", centre="rows", scale_free=True),
    "cosine": Measure(_same, _one_minus_cosine, "1 - x.y / (|x| |y|)", scale_free=True),
    "sqeuclidean": Measure(_same, _mean_square, "|x - y|^2 / P", centre="columns"),
    "mahalanobis": Measure(_same, _mean_square, "(x - y)^T S^-1 (x - y) / P", centre="columns"),
    "crossnobis": Measure(
        _same,
        _unbiased,
        "mean over pairs of runs a != b of (x_a - y_a)^T S^-1 (x_b - y_b) / P",
        centre="columns",
    ),
    "poisson": Measure(_poisson, _unbiased, "(x - y).(log x - log y) / P", centre="columns"),
}


def measure_named(name: str) -> Measure:
    """The measure; AnalysisError that lists them all."""
    if not isinstance(name, str) or name not in MEASURES:
        raise AnalysisError(f"there is no measure {name!r}; choose from {', '.join(MEASURES)}")
    return MEASURES[name]


def gram(x: Any, m: Measure, mean: Any = None) -> Any:
    """K = Z Z^T of rows ``(condition, feature)``.

    Features come in chunks where a copy of all would be large. mean: of the rows, to be taken away.
    """
    width = (
        TENSOR_WIDTH if library(x) is not np else max(256, COPY_BYTES // (x.shape[0] * x.itemsize))
    )
    kernel = None
    for start in range(0, x.shape[1], width):
        part = x[:, start : start + width]
        a, b = m.prepare(part if mean is None else part - mean)
        if m.centre == "columns":
            same = a is b
            a = a - origin(a)
            b = a if same else b - origin(b)
        part_of_it = product(a, b)
        kernel = part_of_it if kernel is None else kernel.__iadd__(part_of_it)
    return kernel


def origin(x: Any) -> Any:
    """About the mean pattern ``(1, feature)``, of at most 128 rows spread over all.

    0 where it is not finite, so that a NaN stays in its own row.
    """
    mean = x[:: max(1, len(x) // 64)].mean(axis=0, keepdims=True)
    return library(x).nan_to_num(mean, nan=0.0, posinf=0.0, neginf=0.0)


def squarable(dtype: Any) -> float:
    """Values beyond it overflow when many of them are squared and added."""
    return 1e16 if "32" in str(dtype) else 1e150


def product(a: Any, b: Any) -> Any:
    """The products of all pairs of rows, symmetric."""
    if a is b:
        return a @ a.T  # NumPy sees the symmetry and does half the work (syrk)
    k = a @ b.T
    return (k + k.T) / 2


def lengths(diagonal: Any, m: Measure) -> Any:
    """What ``finish`` wants of the diagonal of K: lengths for a scale-free measure, or squares."""
    return diagonal**0.5 if m.scale_free else diagonal


def pairs_of(kernel: Any, m: Measure, features: int) -> Any:
    """Dissimilarities ``(pair,)`` from the kernel ``(condition, condition)``."""
    n = kernel.shape[0]
    if n <= SMALL or library(kernel) is not np:
        i, j = pair_indices(n)
        d = lengths(kernel.diagonal(), m)
        return m.finish(kernel[i, j], d[i], d[j], features)
    d = lengths(kernel.diagonal().copy(), m)
    out = np.empty(n * (n - 1) // 2, kernel.dtype)
    start = 0
    for row in range(n - 1):
        stop = start + n - 1 - row
        out[start:stop] = m.finish(kernel[row, row + 1 :], d[row], d[row + 1 :], features)
        start = stop
    return out


def in_type(pairs: np.ndarray, dtype: Any) -> np.ndarray:
    """Distances in double precision in the type of their patterns; refused where it holds none."""
    if pairs.dtype == dtype:
        return pairs
    with np.errstate(over="ignore", under="ignore"):
        typed = pairs.astype(dtype)
    known = pairs[np.isfinite(pairs)]
    largest = float(np.abs(known).max(initial=0.0))
    if largest and not np.finfo(dtype).tiny < largest < np.finfo(dtype).max:
        raise AnalysisError(
            f"the distances, up to {largest:.3g}, are beyond the type of the patterns, {dtype}; "
            "give another unit, or float64"
        )
    return typed


def refuse_flat(
    kernel: Any,
    m: Measure,
    means: Callable[[], Any],
    features: int,
    *,
    first: int = 0,
    sound: Callable[[], Any] | None = None,
    advice: str = ADVICE,
) -> None:
    """AnalysisError for rows that are not finite or have no variance: the diagonal of K tells.

    The variance counts where the measure divides by it. means: of the rows, for how exact a zero
    variance can be. sound: which rows hold only finite values that can be squared, where that can
    still be asked.
    """
    d = kernel.diagonal()
    if not bool(library(d).isfinite(d).all()):
        bad = [i for i, value in enumerate(d.tolist(), start=first) if not np.isfinite(value)]
        unsound = (
            [i for i, fine in enumerate(sound().tolist(), start=first) if not fine]
            if sound
            else bad
        )
        raise AnalysisError(
            f"{_listed(unsound or bad)} of {len(d)} hold NaN, infinite values or values too large "
            f"to square; {advice}"
        )
    if not m.scale_free:
        return
    floor = 0.0 * d
    if m.centre == "rows":  # a constant row leaves rounding errors of its mean
        epsilon = float(np.finfo(str(d.dtype).removeprefix("torch.")).eps)
        floor = features * (16 * epsilon * means()) ** 2
    if bool((d <= floor).any()):
        rows = [i for i, flat in enumerate((d <= floor).tolist(), start=first) if flat]
        what, name = (
            ("no variance over features", "correlation")
            if m.centre == "rows"
            else ("length zero", "cosine")
        )
        raise AnalysisError(
            f"{_listed(rows)} of {len(d)} have {what}, so {name} is not defined for them; leave "
            "them out, or use sqeuclidean"
        )


def _listed(rows: list[int]) -> str:
    shown = ", ".join(map(str, rows[:10])) + (
        f" and {len(rows) - 10} more" if len(rows) > 10 else ""
    )
    return f"condition{'s' if len(rows) > 1 else ''} {shown}"
