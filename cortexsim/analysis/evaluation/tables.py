"""What ``evaluate`` is given, checked and brought into one form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cortexsim.analysis.rsa.comparators import Comparator, refuse
from cortexsim.analysis.rsa.patterns import is_lazy
from cortexsim.analysis.statistics import pvalues as testing
from cortexsim.analysis.statistics.draws import whole_number
from cortexsim.errors import AnalysisError
from cortexsim.pairs import as_vectors, pair_indices, same_pairs

FACTORS = ("subject", "condition")
IN_A_FOLD = (
    8  # conditions, where they are resampled: fewer, and many resamples leave a fold with too few
)


@dataclass(frozen=True)
class Table:
    """RDMs with named axes: ``values (first, rest, pair)``, the names of the axes and their coordinates."""

    values: Any
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    coords: dict[str, tuple[Any, Any]]


def table(rdms: Any, first: str) -> Table:
    """RDMs as ``(first, rest, pair)`` with the names and coordinates of a DataArray, if it is one."""
    names = {1: (), 2: (first,), 3: (first, "step" if first == "model" else "time")}
    coords: dict[str, tuple[Any, Any]] = {}
    dims: tuple[str, ...] | None = None
    values = rdms
    if hasattr(rdms, "dims") and hasattr(rdms, "coords"):
        dims = tuple(
            first if k == 0 and rdms.ndim > 1 else str(d) for k, d in enumerate(rdms.dims[:-1])
        )
        renamed = dict(zip(map(str, rdms.dims[:-1]), dims, strict=True))
        for name, coord in rdms.coords.items():
            if coord.dims and all(str(d) in renamed for d in coord.dims):
                key = renamed.get(str(name), str(name))
                coords[key] = (tuple(renamed[str(d)] for d in coord.dims), coord.values)
        values = rdms.data
    values = (
        values
        if is_lazy(values)
        else as_vectors(values, f"{'model' if first == 'model' else 'data'} RDMs").astype(
            np.float64
        )
    )
    if values.ndim not in names:
        raise AnalysisError(
            f"{first} RDMs have shape {values.shape}; give ({first}, pair) or ({first}, {'step' if first == 'model' else 'time'}, pair)"
        )
    dims = names[values.ndim] if dims is None else dims
    whole = (
        values.reshape(1, 1, -1)
        if values.ndim == 1
        else values.reshape(values.shape[0], -1, values.shape[-1])
    )
    if values.ndim == 1:
        dims = (first,)
    return Table(whole, dims, tuple(whole.shape[:2])[: len(dims)], coords)


def lazy_inputs(models: Table, data: Table, nan: str) -> np.ndarray:
    """Which models exist, of dask arrays, whose numbers are checked later, where they are."""
    for what, t in (("model RDMs", models), ("data RDMs", data)):
        if is_lazy(t.values):
            as_vectors(np.asarray(t.values[0] if t.values.shape[1] > 1 else t.values[:, 0]), what)
    if nan == "common":
        raise AnalysisError(
            "nan='common' looks at all RDMs at once, which lazy arrays cannot; leave the pairs out first, or compute the arrays"
        )
    alive = ~np.isnan(
        np.asarray(models.values[..., 0])
    )  # one pair of each is enough to see what is not populated
    if not alive.any():
        raise AnalysisError("every model RDM is NaN throughout")
    return alive


def existing(
    models: np.ndarray, alive: np.ndarray, data: np.ndarray, c: Comparator, nan: str
) -> np.ndarray | None:  # fmt: skip
    """Which pairs exist in every RDM (None: all); AnalysisError for what no comparison is defined for."""
    if not alive.any():
        raise AnalysisError("every model RDM is NaN throughout")
    here = None
    if nan == "common":
        exists = np.isfinite(models[alive]).all(0) & np.isfinite(data).all((0, 1))
        if not exists.all():
            if c.whitened:
                raise AnalysisError(
                    "pairs are missing, and a whitened comparator needs all; leave out whole conditions"
                )
            if exists.sum() < 6:
                raise AnalysisError(
                    f"only {int(exists.sum())} of {len(exists)} pairs are numbers in every RDM; at least 6 are needed"
                )
            here = exists
    part = slice(None) if here is None else here
    refuse(models[alive][..., part], "model RDMs", c)
    refuse(data[..., part], "data RDMs", c)
    return here


def conditions_there(here: np.ndarray | None, conditions: int) -> np.ndarray:
    """Which conditions are in any pair that exists: the others are no part of the sample."""
    if here is None:
        return np.ones(conditions, dtype=bool)
    i, j = pair_indices(conditions)
    return np.isin(np.arange(conditions), np.concatenate([i[here], j[here]]))


def factors_of(resample: Any, groups: np.ndarray, n: Any) -> tuple[str, ...]:
    """What is resampled, in a fixed order."""
    try:
        asked = (resample,) if isinstance(resample, str) else tuple(resample)
    except TypeError:
        raise AnalysisError(
            f"cannot resample {resample!r}; choose from subject, condition, both of them, or () for none"
        ) from None
    if unknown := [r for r in asked if r not in FACTORS]:
        raise AnalysisError(
            f"cannot resample {unknown[0]!r}; choose from subject, condition, both of them, or () for none"
        )
    if "subject" in asked and groups.max() < 1:
        raise AnalysisError(
            "there is one subject, who cannot be resampled: give resample=('condition',), and the result speaks of this subject only"
        )
    if asked and whole_number(n, "n") < 20:
        raise AnalysisError(
            f"n={n} resamples tell nothing about an interval; take at least 20, better 1000"
        )
    return tuple(f for f in FACTORS if f in asked)


def check_settings(
    correction: str, factors: tuple[str, ...], permutations: Any, clusters: str | None, threshold: Any, confidence: Any, nan: str, groups: np.ndarray
) -> None:  # fmt: skip
    """Settings that are unknown or contradict each other."""
    if correction not in testing.CORRECTIONS:
        raise AnalysisError(
            f"there is no correction {correction!r}; choose from {', '.join(testing.CORRECTIONS)}"
        )
    if correction == "max" and not factors:
        raise AnalysisError(
            "correction='max' needs the joint distribution of a bootstrap; resample something, or use holm or fdr"
        )
    for name, value in (("confidence", confidence), ("cluster_threshold", threshold)):
        if not isinstance(value, (int, float, np.number)) or not 0 < value < 1:
            raise AnalysisError(
                f"{name}={value!r} must lie between 0 and 1, e.g. {0.95 if name == 'confidence' else 0.05}"
            )
    if nan not in ("refuse", "common"):
        raise AnalysisError(f"nan={nan!r} is not known; choose from refuse, common")
    if clusters not in (None, *FACTORS):
        raise AnalysisError(
            f"clusters={clusters!r} is not known; choose from subject, condition, None"
        )
    if whole_number(permutations, "permutations") < 0:
        raise AnalysisError(f"permutations={permutations} must be 0 or more")
    if clusters == "condition" and permutations < 20:
        raise AnalysisError(
            "clusters='condition' permutes condition labels; give permutations=1000, say"
        )
    if clusters == "subject" and groups.max() < 4:
        raise AnalysisError(
            f"clusters='subject' flips signs of {groups.max() + 1} subjects, which cannot reach p < 0.05; at least 5 are needed, or "
            "clusters='condition'"
        )


def check_axes(models: Table, data: Table) -> None:
    """An axis of the models and one of the data must not have the same name."""
    both = set(models.dims[1:]) & set(data.dims) | set(models.dims) & set(data.dims[1:])
    if both or {"bound", "other", "resample"} & {*models.dims, *data.dims}:
        name = sorted(both or {"bound", "other", "resample"} & {*models.dims, *data.dims})[0]
        raise AnalysisError(
            f"the axis {name!r} of one side would be that of the other, or of the result; rename it, e.g. "
            f"model_rdms.rename({{{name!r}: 'step'}})"
        )


def folds_of(
    rng: np.random.Generator, groups: np.ndarray, folds: Any, weighted: Any, *, resampled: bool
) -> np.ndarray | None:
    """The fold of each condition (groups stay together), or None."""
    if folds is None and not weighted:
        return None
    count, least = int(groups.max() + 1), IN_A_FOLD if resampled else 4
    wanted = max(2, min(5, count // (least + 2))) if folds is None else whole_number(folds, "folds")
    if wanted < 2 or count < least * wanted:
        raise AnalysisError(
            f"{wanted} folds of {count} conditions (or groups of them): there must be 2 folds of at least {least}"
            + (
                ", since a resample holds about two thirds of the conditions; do not resample them, or give fewer folds"
                if resampled
                else ""
            )
        )
    return rng.permutation(np.arange(count) % wanted)[groups]


def components_of(weighted: Any, data: Table, c: Comparator) -> dict[str, np.ndarray]:
    """The components of weighted combinations, checked."""
    if weighted is None:
        return {}
    if not isinstance(weighted, Mapping):
        raise AnalysisError(
            f"weighted is a {type(weighted).__name__}; give a dictionary of name -> RDMs (component, pair)"
        )
    out = {}
    for name, rdms in weighted.items():
        a = as_vectors(rdms, f"components of {name!r}").astype(np.float64)
        if a.ndim != 2:
            raise AnalysisError(
                f"the components of {name!r} have shape {a.shape}; (component, pair) is needed"
            )
        same_pairs(a, data.values)
        refuse(a, f"components of {name!r}", c)
        out[str(name)] = a
    return out
