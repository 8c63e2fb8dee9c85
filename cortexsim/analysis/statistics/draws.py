"""Random draws: checked counts, groups that stay together, resamples as counts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.provenance import provenance

if TYPE_CHECKING:
    pass


def whole_number(value: Any, what: str) -> int:
    """An int; AnalysisError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise AnalysisError(f"{what}={value!r} is not a whole number")
    return int(value)


def labels(groups: Any, count: int, what: str) -> np.ndarray:
    """The number of the group of each member; without groups each is its own."""
    if groups is None:
        return np.arange(count)
    given = np.asarray(groups)
    if given.shape != (count,):
        raise AnalysisError(
            f"{what} has shape {given.shape}; one label for each of {count} is needed"
        )
    return np.unique(given, return_inverse=True)[1]


def generator_of(rng: Any) -> np.random.Generator:
    """A generator from a seed, or the one that was given."""
    if isinstance(rng, np.random.Generator):
        return rng
    if whole_number(rng, "rng") < 0:
        raise AnalysisError(f"rng={rng} must be a seed of at least 0, or a numpy.random.Generator")
    return np.random.default_rng(rng)


def draw(
    rng: np.random.Generator, n: int, groups: np.ndarray, resampled: bool, what: str
) -> np.ndarray:
    """Counts ``(resample, member)``: groups drawn with replacement, as many as there are."""
    if not resampled:
        return np.ones((1, len(groups)), dtype=np.int64)
    count = groups.max() + 1
    if count < 2:
        raise AnalysisError(f"all {what}s are in one group, which cannot be resampled")
    return rng.multinomial(count, np.full(count, 1 / count), size=n)[:, groups]


def group_counts(members: int, n: Any, rng: np.random.Generator) -> np.ndarray:
    enough(n, "resamples")
    return rng.multinomial(members, np.full(members, 1 / members), size=n).astype(np.float64)


def enough(n: Any, what: str) -> None:
    """AnalysisError for fewer resamples than an interval or a p-value needs."""
    if whole_number(n, "n") < 20:
        raise AnalysisError(
            f"n={n} {what} give no interval and no p-value below 0.05; take at least 20, better 1000"
        )


def share(value: Any, name: str) -> None:
    """AnalysisError for what is no number between 0 and 1."""
    if not isinstance(value, (int, float, np.number)) or not 0 < value < 1:
        raise AnalysisError(
            f"{name}={value!r} must lie between 0 and 1, e.g. {0.95 if name == 'confidence' else 0.05}"
        )


def attributes(rng: Any, **settings: Any) -> dict[str, Any]:
    """Settings, seed and provenance of a result."""
    seed = "a generator of the caller" if isinstance(rng, np.random.Generator) else int(rng)
    return {**settings, "seed": seed, "provenance": json.dumps(provenance("scipy", "xarray"))}


def weights_of(rng: np.random.Generator, n: int, count: int) -> np.ndarray:
    """Share of each item in each resample ``(resample, item)``."""
    return rng.multinomial(count, np.full(count, 1 / count), size=n) / count
