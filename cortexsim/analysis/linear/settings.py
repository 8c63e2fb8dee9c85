"""The linear map that is fitted: which method, which penalties, how patterns are reduced."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from cortexsim.analysis.statistics.draws import whole_number
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.plain import numbers

ALPHAS = np.logspace(-3, 5, 17)
RANKS = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20)
REDUCTIONS = ("projection", "pca")


@clear_errors
@dataclass(frozen=True, kw_only=True)
class Regression:
    """Which linear map from model units to neural responses is fitted, and on which device.

    Parameters
    ----------
    method : {"ridge", "pls", "reduced-rank"}
        ``ridge``: for each unit and time the one of ``alphas`` that predicts inner folds best.
        ``pls``: partial least squares, all units of a time together, as in Brain-Score.
        ``reduced-rank``: all units of a time through a few dimensions (Semedo et al. 2019), with
        one penalty and one rank for all of them, chosen on inner folds.
    alphas : sequence of float
        Penalties, relative to the mean squared length of a centred training pattern.
    components : int
        Of PLS; Brain-Score takes 25.
    ranks : sequence of int
        Of ``reduced-rank``: the dimensions that are tried; those above the number of units are
        that number.
    reduce : str, optional
        ``projection:K``, a sparse random projection (which is not fitted: it looks at no data),
        or ``pca:K``, the first principal components of the training stimuli.
    device : str, optional
        A torch device for the fits, e.g. ``cuda``; the processor unless another is asked for.

    Raises
    ------
    AnalysisError
        For penalties, components, ranks and reductions that are out of range, and for components
        and ranks that the method does not have.

    Examples
    --------
    >>> Regression(method="pls", components=10).reduce is None
    True
    """

    method: str = "ridge"
    alphas: Any = field(default_factory=lambda: ALPHAS)
    components: int = 25
    ranks: Any = RANKS
    reduce: str | None = None
    device: str | None = None

    def __post_init__(self) -> None:
        settings_of(self)
        defaults: dict[str, Any] = {f.name: f.default for f in fields(self)}
        for name, of in (("components", "pls"), ("ranks", "reduced-rank")):
            asked = getattr(self, name)
            if self.method != of and not np.array_equal(asked, defaults[name]):
                raise AnalysisError(
                    f"{name}={asked} is for method={of!r}, and the method is {self.method!r}, "
                    "which has no use for it; leave it out"
                )


@dataclass(frozen=True)
class Settings:
    """What one fit needs to know, checked.

    Parameters
    ----------
    alphas : array of shape (alpha,)
        In units of the mean squared length of a centred training pattern.
    components : int
        Of PLS.
    keep : int, optional
        Principal components of the training patterns that are used; None: all.
    ranks : array of int of shape (rank,)
        Of reduced-rank regression, the smallest first.
    """

    alphas: np.ndarray
    components: int
    keep: int | None
    ranks: np.ndarray = field(default_factory=lambda: np.array(RANKS))


def settings_of(regression: Regression) -> Settings:
    """The settings of the fits; AnalysisError for what is out of range."""
    alphas = regression.alphas
    grid = np.atleast_1d(numbers(alphas, "alphas").astype(np.float64))
    if grid.ndim != 1 or not grid.size or not (np.isfinite(grid) & (grid > 0)).all():
        raise AnalysisError(
            f"alphas={alphas!r} must be penalties above 0, e.g. numpy.logspace(-3, 5, 17)"
        )
    if whole_number(regression.components, "components") < 1:
        raise AnalysisError(
            f"components={regression.components} must be at least 1; Brain-Score takes 25"
        )
    listed = regression.ranks
    if not isinstance(listed, (list, tuple)):
        listed = np.atleast_1d(np.asarray(listed)).flat
    ranks = [whole_number(rank, "ranks") for rank in listed]
    if not ranks or min(ranks) < 1:
        raise AnalysisError(
            f"ranks={regression.ranks!r} must be whole numbers of at least 1, e.g. (1, 2, 3, 5, 8)"
        )
    name, count = reduction(regression.reduce)
    keep = count if name == "pca" else None
    return Settings(np.sort(grid), int(regression.components), keep, np.unique(ranks))


def reduction(reduce: str | None) -> tuple[str, int]:
    """The name and the number of ``projection:K`` or ``pca:K``."""
    if reduce is None:
        return "", 0
    name, _, number = str(reduce).partition(":")
    if name not in REDUCTIONS or not number.isdigit() or int(number) < 1:
        choices = ", ".join(f"{r}:K" for r in REDUCTIONS)
        raise AnalysisError(f"cannot reduce to {reduce!r}; choose from {choices}, None")
    return name, int(number)


def projector(reduce: str | None, rng: np.random.Generator) -> Any:
    """A function that projects patterns of more than K units to K, alike for one width."""
    from sklearn.random_projection import SparseRandomProjection

    name, count = reduction(reduce)
    seed = int(rng.integers(2**31))

    def project(x: np.ndarray) -> np.ndarray:
        if name != "projection" or x.shape[1] <= count:
            return x
        return SparseRandomProjection(count, random_state=seed, dense_output=True).fit_transform(x)

    return project
