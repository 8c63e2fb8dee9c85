"""What ``evaluate`` is given, checked and brought into one form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cortexsim.analysis.rsa.comparators import Comparator, refuse
from cortexsim.analysis.rsa.patterns import is_lazy
from cortexsim.analysis.statistics.clusters import LEAST
from cortexsim.analysis.statistics.draws import whole_number
from cortexsim.analysis.statistics.settings import ClusterTest, Inference
from cortexsim.errors import AnalysisError
from cortexsim.labelled.rdms import Rdms, labelled_rdms
from cortexsim.milliseconds import refuse_unordered, times_of
from cortexsim.pairs import as_vectors, pair_indices, same_pairs
from cortexsim.shapes import Bool, Float, Int

PLACES = ("step", "time_ms", "time")  # axes that are not the models', nor the subjects'
MODELS = ("model", "network", "state")
SUBJECTS = ("subject", "participant", "animal", "monkey", "session", "half", "repeat")
# Conditions, where they are resampled: fewer, and many resamples leave a fold with too few.
IN_A_FOLD = 8


@dataclass(frozen=True)
class Table:
    """RDMs with named axes.

    Parameters
    ----------
    values : array of shape (first, rest, pair)
    dims : tuple of str
        The names of the axes that the RDMs had, without the pairs.
    shape : tuple of int
        The sizes of these.
    coords : dict of str to (dims, values)
    """

    values: Any
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    coords: dict[str, tuple[Any, Any]]


def table(rdms: Rdms, first: str) -> Table:
    """RDMs as ``(first, rest, pair)``, with their names and coordinates.

    first: "model" or "subject". Of named axes, a model's step and a brain's time are the rest,
    whatever stands first.
    """
    names = {1: (), 2: (first,), 3: (first, "step" if first == "model" else "time")}
    values, dims, coords = rdms.values, rdms.dims, rdms.coords
    if values.ndim not in names:
        raise AnalysisError(
            f"{first} RDMs have shape {values.shape}; give ({first}, pair) or "
            f"({', '.join(names[3])}, pair)"
        )
    if dims is None:
        dims = names[values.ndim]
    else:
        values, dims, coords = _first_axis(rdms, first)
    if values.ndim == 1:
        values, dims = values[None], (first,)
    whole = values.reshape(values.shape[0], -1, values.shape[-1])
    if not is_lazy(whole):
        whole = whole.astype(np.float64)
    return Table(whole, dims, tuple(whole.shape[:2])[: len(dims)], coords)


def with_rows(t: Table, rows: slice) -> Table:
    """Some of the models or subjects of a table."""
    values = t.values[rows]
    coords = {k: (d, v[rows] if d[:1] == t.dims[:1] else v) for k, (d, v) in t.coords.items()}
    return Table(values, t.dims, (values.shape[0], *t.shape[1:]), coords)


def _first_axis(rdms: Rdms, first: str) -> tuple[Any, tuple[str, ...], dict[str, Any]]:
    """Values, axes and coordinates with the axis of models or subjects first, under that name."""
    assert rdms.dims is not None
    known = MODELS if first == "model" else SUBJECTS
    items = [d for d in rdms.dims if d in known]
    others = [d for d in rdms.dims if d not in (*known, *PLACES)]
    if not items and first == "model":
        items, others = others[:1], others[1:]
    if len(items) > 1 or (first == "subject" and others and not items):
        odd = (others or items)[-1]
        raise AnalysisError(
            f"the {rdms.what} have the dimensions {(*rdms.dims, 'pair')}; besides times "
            f"({', '.join(PLACES)}) there may be one of {', '.join(known)}. Choose one {odd} (.sel)"
            + (f", or rename it to {first} if it is that" if others else "")
        )
    values = rdms.values
    if not items:  # one model, or one subject
        return values[None], (first, *rdms.dims), rdms.coords
    place = rdms.dims.index(items[0])
    order = (place, *(k for k in range(values.ndim) if k != place))
    dims = (first, *(d for d in rdms.dims if d != items[0]))
    renamed = {items[0]: first}
    coords = {
        renamed.get(name, name): (tuple(renamed.get(d, d) for d in of), c)
        for name, (of, c) in rdms.coords.items()
        if set(of) <= set(rdms.dims)
    }
    return values.transpose(order), dims, coords


@dataclass(frozen=True)
class Inputs:
    """The RDMs that are evaluated, of the conditions of which anything is left.

    Parameters
    ----------
    models : array of shape (model, step, pair)
        Of NumPy or dask.
    data : array of shape (subject, time, pair)
    alive : bool array of shape (model, step)
        Which models exist.
    exists : bool array of shape (pair,) or None
        Which pairs exist in every RDM; None: all.
    components : dict of str to array of shape (component, pair)
        Those of weighted combinations.
    groups : int array of shape (condition,)
        The number of the group of each condition.
    conditions : int
        How many conditions are left.
    """

    models: Any
    data: Any
    alive: np.ndarray
    exists: np.ndarray | None
    components: dict[str, np.ndarray]
    groups: np.ndarray
    conditions: int

    @property
    def pairs(self) -> int:
        """How many pairs are compared."""
        return self.models.shape[-1] if self.exists is None else int(self.exists.sum())


def inputs_of(
    models: Table,
    data: Table,
    components: dict[str, np.ndarray],
    groups: Int[np.ndarray, " condition"],
    c: Comparator,
    nan: str,
) -> Inputs:
    """Checked RDMs; conditions of which nothing is left are no part of the sample."""
    flat, brain = models.values, data.values
    exists: np.ndarray | None = None
    if is_lazy(flat, brain):
        alive = lazily_alive(models, data, nan)
    else:
        alive = ~np.isnan(flat).all(-1)
        exists = existing(flat, alive, brain, c, nan)
    left = conditions_left(exists, len(groups))
    if exists is not None and not left.all():
        i, j = pair_indices(len(groups))
        kept = left[i] & left[j]
        flat, brain, exists = flat[..., kept], brain[..., kept], exists[kept]
        components = {k: v[:, kept] for k, v in components.items()}
        groups = np.unique(groups[left], return_inverse=True)[1]
        exists = None if exists.all() else exists
    return Inputs(flat, brain, alive, exists, components, groups, int(left.sum()))


def lazily_alive(models: Table, data: Table, nan: str) -> Bool[np.ndarray, "model step"]:
    """Which models exist, of dask arrays, whose numbers are checked later, where they are."""
    for what, t in (("model RDMs", models), ("data RDMs", data)):
        if is_lazy(t.values):
            as_vectors(np.asarray(t.values[0] if t.values.shape[1] > 1 else t.values[:, 0]), what)
    if nan == "common":
        raise AnalysisError(
            "nan='common' looks at all RDMs at once, which lazy arrays cannot; leave the pairs out "
            "first, or compute the arrays"
        )
    # One pair of each is enough to see what is not populated.
    alive = ~np.isnan(np.asarray(models.values[..., 0]))
    if not alive.any():
        raise AnalysisError("every model RDM is NaN throughout")
    return alive


def existing(
    models: Float[np.ndarray, "model step pair"],
    alive: Bool[np.ndarray, "model step"],
    data: Float[np.ndarray, "subject time pair"],
    c: Comparator,
    nan: str,
) -> Bool[np.ndarray, " pair"] | None:
    """Which pairs exist in every RDM (None: all).

    Raises
    ------
    AnalysisError
        For what no comparison is defined for.
    """
    if not alive.any():
        raise AnalysisError("every model RDM is NaN throughout")
    missing_in_some = None
    if nan == "common":
        exists = np.isfinite(models[alive]).all(0) & np.isfinite(data).all((0, 1))
        if not exists.all():
            if c.whitened:
                raise AnalysisError(
                    "pairs are missing, and a whitened comparator needs all; leave out whole "
                    "conditions"
                )
            if exists.sum() < 6:
                raise AnalysisError(
                    f"only {int(exists.sum())} of {len(exists)} pairs are numbers in every RDM; at "
                    "least 6 are needed"
                )
            missing_in_some = exists
    part = slice(None) if missing_in_some is None else missing_in_some
    refuse(models[alive][..., part], "model RDMs", c)
    refuse(data[..., part], "data RDMs", c)
    return missing_in_some


def conditions_left(
    exists: Bool[np.ndarray, " pair"] | None, conditions: int
) -> Bool[np.ndarray, " condition"]:
    """Which conditions are in any pair that exists."""
    if exists is None:
        return np.ones(conditions, dtype=bool)
    i, j = pair_indices(conditions)
    return np.isin(np.arange(conditions), np.concatenate([i[exists], j[exists]]))


def check_settings(
    inference: Inference,
    factors: tuple[str, ...],
    clusters: ClusterTest | None,
    nan: str,
    *,
    subjects: int,
) -> None:
    """AnalysisError for settings that contradict each other or the data."""
    if inference.correction == "max" and not factors:
        raise AnalysisError(
            "correction='max' needs the joint distribution of a bootstrap; resample something, or "
            "use holm or fdr"
        )
    if nan not in ("refuse", "common"):
        raise AnalysisError(f"nan={nan!r} is not known; choose from refuse, common")
    if clusters is None:
        return
    if clusters.by == "condition" and (inference.permutations or 0) < LEAST:
        raise AnalysisError(
            "clusters by condition permute condition labels; give permutations=1000, say"
        )
    if clusters.by == "subject" and subjects < 5:
        raise AnalysisError(
            f"clusters by subject flip signs of {subjects} subjects, which cannot reach p < 0.05; "
            "at least 5 are needed, or clusters by condition"
        )


def check_times(rdms: Any, *, clusters: bool) -> None:
    """An axis ``time_ms`` that says when must say it in ms; neighbours in clusters must be such."""
    if "time_ms" in getattr(rdms, "dims", ()) and "time_ms" in rdms.coords:
        times_of(rdms["time_ms"])
    if clusters and "step" in getattr(rdms, "dims", ()) and "step" in rdms.coords:
        refuse_unordered(rdms["step"].values, "step")


def check_axes(models: Table, data: Table) -> None:
    """An axis of the models and one of the data must not have the same name."""
    both = set(models.dims[1:]) & set(data.dims) | set(models.dims) & set(data.dims[1:])
    taken = both or {"bound", "other", "resample"} & {*models.dims, *data.dims}
    if taken:
        name = min(taken)
        raise AnalysisError(
            f"the axis {name!r} of one side would be that of the other, or of the result; rename "
            f"it, e.g. model_rdms.rename({{{name!r}: 'step'}})"
        )


def folds_of(
    rng: np.random.Generator,
    groups: Int[np.ndarray, " condition"],
    folds: Any,
    weighted: Any,
    *,
    resampled: bool,
) -> Int[np.ndarray, " condition"] | None:
    """The fold of each condition (groups stay together), or None."""
    if folds is None and not weighted:
        return None
    count, least = int(groups.max() + 1), IN_A_FOLD if resampled else 4
    wanted = max(2, min(5, count // (least + 2))) if folds is None else whole_number(folds, "folds")
    if wanted < 2 or count < least * wanted:
        why = (
            ", since a resample holds about two thirds of the conditions; do not resample them, or "
            "give fewer folds"
        )
        raise AnalysisError(
            f"{wanted} folds of {count} conditions (or groups of them): there must be 2 folds of "
            f"at least {least}{why if resampled else ''}"
        )
    return rng.permutation(np.arange(count) % wanted)[groups]


def components_of(
    weighted: Any, data: Table, c: Comparator, ids: np.ndarray | None
) -> dict[str, np.ndarray]:
    """The components of weighted combinations, checked, in the order of the data's conditions."""
    if weighted is None:
        return {}
    if not isinstance(weighted, Mapping):
        raise AnalysisError(
            f"weighted is a {type(weighted).__name__}; give a dictionary of name -> RDMs "
            "(component, pair)"
        )
    components = {}
    for name, rdms in weighted.items():
        labelled = labelled_rdms(rdms, f"components of {name!r}")
        a = np.asarray((labelled if ids is None else labelled.ordered(ids, "data RDMs")).values)
        a = a.astype(np.float64)
        if a.ndim != 2:
            raise AnalysisError(
                f"the components of {name!r} have shape {a.shape}; (component, pair) is needed"
            )
        same_pairs(a, data.values)
        refuse(a, f"components of {name!r}", c)
        components[str(name)] = a
    return components
