"""What a fit of responses needs beside patterns and responses: splits, resamples, permutations, settings; drawn once and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.linear.splits import Split, permutations_of, splits_of
from cortexsim.analysis.statistics.draws import draw, labels, whole_number
from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    import torch

    from cortexsim.analysis.linear.regression import Settings
    from cortexsim.analysis.linear.scores import Responses

ALPHAS = np.logspace(-3, 5, 17)
FACTORS = ("stimulus", "unit")
RELIABLE = (
    0.1  # units of a lower split-half reliability are left out of what is corrected for noise
)
REDUCTIONS = ("projection", "pca")


@dataclass(frozen=True)
class Plan:
    """What every frame is fitted and judged with: the same splits, resamples and permutations, so that frames can be compared."""

    method: str
    settings: Settings
    splits: list[Split]
    counts: np.ndarray  # (resample, stimulus)
    units: np.ndarray  # (resample, unit): those drawn
    factors: tuple[str, ...]
    permutations: np.ndarray  # (permutation, stimulus)
    confidence: float
    least: float


def torch_device(device: str | None) -> torch.device:
    """The device of the fits; the processor unless another is asked for."""
    from cortexsim.models.weights import device_of

    return device_of(device or "cpu")


def plan_of(
    method: str, scheme: str, folds: Any, inner_folds: Any, alphas: Any, components: Any, reduce: str | None, groups: Any, least: Any, resample: Any,
    n: Any, permutations: Any, confidence: Any, y: Responses, rng: np.random.Generator,
) -> Plan:  # fmt: skip
    """Everything that is drawn, once, and the settings, checked."""
    from cortexsim.analysis.linear.regression import METHODS

    if method not in METHODS:
        raise AnalysisError(f"there is no method {method!r}; choose from {', '.join(METHODS)}")
    count, _, units = y.values.shape
    group = labels(groups, count, "groups")
    factors = factors_of(resample, n)
    if whole_number(permutations, "permutations") < 0:
        raise AnalysisError(f"permutations={permutations} must be 0 or more")
    for name, value in (("confidence", confidence), ("least_reliability", least)):
        if not isinstance(value, (int, float, np.number)) or not 0 < value < 1:
            raise AnalysisError(f"{name}={value!r} must lie between 0 and 1, e.g. {0.95 if name == 'confidence' else RELIABLE}")  # fmt: skip
    drawn = rng.integers(units, size=(n, units)) if "unit" in factors else np.arange(units)[None]
    return Plan(
        method,
        settings_of(alphas, components, reduce),
        splits_of(scheme, group, folds, inner_folds, rng),
        draw(rng, n, group, "stimulus" in factors, "stimulus"),
        drawn,
        factors,
        permutations_of(group, permutations, rng),
        float(confidence),
        float(least),
    )


def settings_of(alphas: Any, components: Any, reduce: str | None) -> Settings:
    """The settings of the fits; AnalysisError for what is out of range."""
    from cortexsim.analysis.linear.regression import Settings

    grid = np.atleast_1d(np.asarray(alphas, dtype=np.float64))
    if grid.ndim != 1 or not grid.size or not (np.isfinite(grid) & (grid > 0)).all():
        raise AnalysisError(
            f"alphas={alphas!r} must be penalties above 0, e.g. numpy.logspace(-3, 5, 17)"
        )
    if whole_number(components, "components") < 1:
        raise AnalysisError(f"components={components} must be at least 1; Brain-Score takes 25")
    name, count = reduction(reduce)
    return Settings(np.sort(grid), int(components), count if name == "pca" else None)


def reduction(reduce: str | None) -> tuple[str, int]:
    """The name and the number of ``projection:K`` or ``pca:K``."""
    if reduce is None:
        return "", 0
    name, _, number = str(reduce).partition(":")
    if name not in REDUCTIONS or not number.isdigit() or int(number) < 1:
        raise AnalysisError(
            f"cannot reduce to {reduce!r}; choose from {', '.join(f'{r}:K' for r in REDUCTIONS)}, None"
        )
    return name, int(number)


def projector(reduce: str | None, rng: np.random.Generator) -> Any:
    """A function that projects patterns with more than K units to K, of ``projection:K``; the same for all frames of one width."""
    from sklearn.random_projection import SparseRandomProjection

    name, count = reduction(reduce)
    seed = int(rng.integers(2**31))

    def project(x: np.ndarray) -> np.ndarray:
        if name != "projection" or x.shape[1] <= count:
            return x
        return SparseRandomProjection(count, random_state=seed, dense_output=True).fit_transform(x)

    return project


def factors_of(resample: Any, n: Any) -> tuple[str, ...]:
    """What is resampled, in a fixed order."""
    asked = (resample,) if isinstance(resample, str) else tuple(resample)
    if unknown := [r for r in asked if r not in FACTORS]:
        raise AnalysisError(
            f"cannot resample {unknown[0]!r}; choose from {', '.join(FACTORS)}, both, or () for none"
        )
    if asked and whole_number(n, "n") < 20:
        raise AnalysisError(
            f"n={n} resamples tell nothing about an interval; take at least 20, better 1000"
        )
    return tuple(f for f in FACTORS if f in asked)
