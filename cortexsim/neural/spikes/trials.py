"""Single trials sorted by stimulus, unit and presentation, and their averages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.ids import quoted, texts
from cortexsim.labelled.arrays import refuse_single
from cortexsim.labelled.item_ids import ids_of
from cortexsim.milliseconds import times_of
from cortexsim.plain import refuse_extreme
from cortexsim.shapes import Float, Int

if TYPE_CHECKING:
    import xarray


def variable_of(data: Any, names: tuple[str, ...], who: str, *, timed: bool = False) -> Any:
    """The DataArray to work on: the data set's variable of one of these names, or the array itself.

    Parameters
    ----------
    data : xarray.Dataset or xarray.DataArray
        What a user hands over.
    names : tuple of str
        Variables that will do.
    who : str
        The function that asks, for errors.
    timed : bool
        Whether it needs times.

    Returns
    -------
    xarray.DataArray
        The variable.

    Raises
    ------
    AnalysisError
        If there is none, or several, or no times where they are needed.
    """
    if hasattr(data, "data_vars"):
        matching = [n for n in names if n in data.data_vars]
        if len(matching) != 1:
            raise AnalysisError(
                f"{who} needs a data set with one of {', '.join(names)}; it has "
                f"{', '.join(map(str, data.data_vars)) or 'no variables'}"
            )
        array = data[matching[0]]
    elif hasattr(data, "dims") and hasattr(data, "coords"):
        array = data
    else:
        raise AnalysisError(
            f"{who} needs an xarray Dataset or DataArray; found {type(data).__name__}. For an "
            "array: xarray.DataArray(array, coords={'time_ms': centres_of_bins}, "
            "dims=('trial', 'time_ms')), or cortexsim.neural.from_responses"
        )
    if timed and ("time_ms" not in array.dims or "time_ms" not in array.coords):
        raise AnalysisError(
            f"{who} needs the dimension and coordinate time_ms; found dimensions "
            f"{tuple(array.dims)}"
        )
    refuse_single(array, who)
    if not array.size:
        raise AnalysisError(f"{who}: the data are empty, {dict(array.sizes)}")
    if array.dtype.kind not in "fiub":
        raise AnalysisError(f"{who} needs real numbers; the data are of type {array.dtype}")
    if "time_ms" in array.dims:
        if "time_ms" not in array.coords:
            raise AnalysisError(
                f"{who}: the dimension time_ms has no coordinate, so that its places are no times; "
                "give them: .assign_coords(time_ms=centres_of_bins), in ms after stimulus onset"
            )
        times_of(array.time_ms)
    return array


@dataclass(frozen=True)
class Trials:
    """Trials of units.

    Attributes
    ----------
    values : array of shape (trial, time)
        The responses.
    stimulus, unit, presentation : array of int, shape (trial,)
        Codes. A presentation is what units recorded together saw at once.
    stratum : array of int, shape (presentation,)
        Among which presentations halves are drawn.
    repeat : array of int, shape (trial,)
        Number of the trial in its cell (stimulus, unit): the repeat where repeats are known.
    template : xarray.Dataset
        Coordinates of the result: stimulus, unit, time_ms.
    attrs : dict of str to Any
        Attributes of the variable.
    """

    values: np.ndarray
    stimulus: np.ndarray
    unit: np.ndarray
    presentation: np.ndarray
    stratum: np.ndarray
    repeat: np.ndarray
    template: xarray.Dataset  # coordinates of the result: stimulus, unit, time_ms
    attrs: dict[str, Any]  # of the variable

    @property
    def shape(self) -> tuple[int, int]:
        """Number of stimuli and of units."""
        return self.template.sizes["stimulus"], self.template.sizes["unit"]

    def counts(self) -> Int[np.ndarray, "stimulus unit"]:
        """Trials in each cell.

        Returns
        -------
        array of int, shape (stimulus, unit)
            How many there are.
        """
        s, u = self.shape
        return np.bincount(self.stimulus * u + self.unit, minlength=s * u).reshape(s, u)

    def means(
        self, group: Int[np.ndarray, " trial"] | None = None, groups: int = 1
    ) -> Float[np.ndarray, "group time stimulus unit"]:
        """Means of the trials of each group; NaN where there are none.

        Parameters
        ----------
        group : array of int, shape (trial,), optional
            The group of each trial; one group by default.
        groups : int
            How many there are.

        Returns
        -------
        array of shape (group, time, stimulus, unit)
            The means.
        """
        from scipy.sparse import csr_array

        s, u = self.shape
        cell = self.stimulus * u + self.unit + (0 if group is None else group * s * u)
        n = np.bincount(cell, minlength=groups * s * u)
        order = np.argsort(cell, kind="stable")
        chosen = csr_array(
            (np.ones(len(cell)), order, np.concatenate([[0], np.cumsum(n)])),
            shape=(len(n), len(cell)),
        )
        with np.errstate(invalid="ignore"):
            mean = (chosen @ self.values) / n[:, None]
        return np.moveaxis(mean.reshape(groups, s, u, -1), 3, 1)


@clear_errors
def average(data: Any) -> xarray.Dataset:
    """The mean response of each unit to each stimulus.

    Parameters
    ----------
    data : xarray.Dataset or xarray.DataArray
        Single trials of single units, rates ``(trial, [time_ms])`` with ``unit(trial)`` and
        ``stimulus_id(trial)``; or of many units, responses ``([subject,] [session,] repeat,
        [time_ms,] stimulus, unit)``, NaN where a trial is missing. A data set whose responses have
        neither is returned as it is.

    Returns
    -------
    xarray.Dataset
        With responses ``([subject,] [session,] [time_ms,] stimulus, unit)`` and trials
        ``([subject,] [session,] stimulus, unit)``, how many each mean is of. A cell without trials
        is NaN; ``responses.attrs["cells_without_trials"]`` counts them.

    Raises
    ------
    AnalysisError
        If the trials do not say of which unit and stimulus they are.

    Examples
    --------
    >>> import xarray
    >>> coords = {
    ...     "unit": ("trial", ["n1", "n1", "n2"]),
    ...     "stimulus_id": ("trial", ["cat", "cat", "cat"]),
    ...     "time_ms": [5.0],
    ... }
    >>> data = average(xarray.DataArray([[2.0], [4.0], [7.0]], coords, ("trial", "time_ms")))
    >>> data.responses.values, data.trials.values
    (array([[[3., 7.]]]), array([[2, 1]], dtype=int32))
    """
    has_responses = "responses" in getattr(data, "data_vars", ())
    if has_responses and not {"repeat", "trial"} & set(data.responses.dims):
        return data  # of one presentation each, or means already
    people = [d for d in ("subject", "session") if d in getattr(data, "dims", ())]
    if people:
        return _average_of_each(data, people[0])
    trials = trials_of(data, "average")
    counts = trials.counts()
    means = trials.means()[0]
    dims: tuple[str, ...] = ("time_ms", "stimulus", "unit")
    if "time_ms" not in trials.template.coords:
        means, dims = means[0], dims[1:]
    attrs = {**trials.attrs, "cells_without_trials": int((counts == 0).sum())}
    return trials.template.assign(
        responses=(dims, means, attrs),
        trials=(
            ("stimulus", "unit"),
            counts.astype(np.int32),
            {"kind": "count", "units": "trials"},
        ),
    )


def _average_of_each(data: Any, dim: str) -> xarray.Dataset:
    """The averages of each subject, or session, side by side."""
    import xarray

    parts = [average(data.isel({dim: k})) for k in range(data.sizes[dim])]
    empty = sum(p.responses.attrs["cells_without_trials"] for p in parts)
    joined = xarray.concat(
        [p.drop_vars(dim, errors="ignore") for p in parts],
        data[dim].variable.to_index_variable() if dim in data.coords else dim,
        data_vars="all",
        coords="minimal",
        compat="override",
        combine_attrs="override",
        join="override",
    )
    joined.responses.attrs["cells_without_trials"] = empty
    return joined


def trials_of(data: Any, who: str, together: str | None = None) -> Trials:
    """Single trials from either layout.

    Parameters
    ----------
    data : xarray.Dataset or xarray.DataArray
        As for :func:`average`.
    who : str
        The function that asks, for errors.
    together : str, optional
        The coordinate of trials whose equal values say that units were recorded at once.

    Returns
    -------
    Trials
        The trials.

    Raises
    ------
    AnalysisError
        If the trials do not say of which unit and stimulus they are.
    """
    array = variable_of(data, ("rates", "responses"), who)
    refuse_extreme(array.values, f"responses given to {who}")
    attrs = {"kind": "responses", **array.attrs}
    about = data.attrs if hasattr(data, "data_vars") else {}
    if "trial" in array.dims:
        return _of_single_units(array, attrs, about, who=who, together=together)
    if together is not None:
        raise AnalysisError(
            "together is for trials of single units; the repeats of a stimulus are of all units "
            "at once already"
        )
    if "repeat" in array.dims:
        return _of_many_units(array, attrs, about, who=who)
    raise AnalysisError(
        f"{who} needs single trials: (trial, [time_ms]) of single units, or (repeat, [time_ms,] "
        f"stimulus, unit); found {tuple(array.dims)}"
    )


def _of_single_units(
    array: Any, attrs: dict[str, Any], about: dict[str, Any], *, who: str, together: str | None
) -> Trials:
    """Each trial is of one unit."""
    import xarray

    extra = [str(d) for d in array.dims if d not in ("trial", "time_ms")]
    missing = [
        c for c in ("unit", "stimulus_id") if c not in array.coords or array[c].dims != ("trial",)
    ]
    if extra or missing:
        raise AnalysisError(
            f"{who}: trials have dimensions (trial, [time_ms]) and the coordinates unit(trial), "
            f"stimulus_id(trial); found {tuple(array.dims)}"
            + (f" without {' and '.join(missing)}" if missing else "")
        )
    values = (
        array.transpose("trial", ...)
        .values.reshape(array.sizes["trial"], -1)
        .astype(np.float64, copy=False)
    )
    if not np.isfinite(values).all():
        bad = ~np.isfinite(values).all(1)
        raise AnalysisError(
            f"{who}: {int(bad.sum())} of {len(bad)} trials hold NaN or infinite values; leave "
            "those trials out"
        )
    units, unit = _codes(array["unit"].values, f"{who}: unit")
    ids, stimulus = _codes(array["stimulus_id"].values, f"{who}: stimulus_id")
    coords: dict[str, Any] = {
        "stimulus_id": ("stimulus", ids),
        "unit": ("unit", units),
    }
    coords |= _inherited(array, {"unit": unit, "stimulus": stimulus})
    coords.setdefault("label", ("stimulus", np.full(len(ids), "", dtype=object)))
    if "time_ms" in array.coords:
        coords["time_ms"] = array.time_ms.variable
    if together is None:
        presentation, stratum = np.arange(len(unit)), stimulus * len(units) + unit
    else:
        presentation, stratum = _recorded_together(array, unit, stimulus, together=together)
    return Trials(
        values,
        stimulus,
        unit,
        presentation,
        stratum,
        _ranks(stimulus * len(units) + unit),
        xarray.Dataset(coords=coords, attrs=about),
        attrs,
    )


def _ranks(cell: np.ndarray) -> np.ndarray:
    """The number of each trial among those of its cell, 0, 1, ..."""
    order = np.argsort(cell, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(cell[order]) != 0])
    rank = np.empty(len(cell), dtype=np.int64)
    rank[order] = np.arange(len(cell)) - np.repeat(starts, np.diff(np.r_[starts, len(cell)]))
    return rank


def _codes(values: Any, what: str) -> tuple[np.ndarray, np.ndarray]:
    """The different names, sorted, and the number of each."""
    names = texts(values, what)
    unique, code = np.unique(names.astype(str), return_inverse=True)
    return unique.astype(object), code


def _inherited(array: Any, codes: dict[str, np.ndarray]) -> dict[str, Any]:
    """Coordinates of trials that are the same in all trials of a unit (its session) or of a
    stimulus (its label) become theirs.
    """
    out: dict[str, Any] = {}
    for name, coord in array.coords.items():
        if coord.dims != ("trial",) or name in (
            "unit",
            "stimulus_id",
            "trial",
            "stimulus",
            "time_ms",
        ):
            continue
        for dim, code in (("stimulus", codes["stimulus"]),) if name == "label" else codes.items():
            first = np.unique(code, return_index=True)[1]
            if (coord.values[first][code] == coord.values).all():
                out[str(name)] = (dim, coord.values[first])
                break
    return out


def _recorded_together(
    array: Any, unit: np.ndarray, stimulus: np.ndarray, *, together: str
) -> tuple[np.ndarray, np.ndarray]:
    """The presentation of each trial: the k-th trials of all units of a session are one.

    And the stratum of each presentation.
    """
    if together not in array.coords or array[together].dims != ("trial",):
        of_trials = [str(k) for k, c in array.coords.items() if c.dims == ("trial",)]
        raise AnalysisError(
            f"together={together!r} is no coordinate of trials; there are {', '.join(of_trials)}"
        )
    session = np.unique(array[together].values.astype(str), return_inverse=True)[1]
    order = np.lexsort((np.arange(len(unit)), unit, session))
    starts = np.flatnonzero(
        np.r_[True, np.diff(unit[order]) != 0] | np.r_[True, np.diff(session[order]) != 0]
    )
    rank = np.empty(len(unit), dtype=np.int64)
    rank[order] = np.arange(len(unit)) - np.repeat(starts, np.diff(np.r_[starts, len(unit)]))
    _, first, index = np.unique(
        session * (rank.max() + 1) + rank, return_index=True, return_inverse=True
    )
    differ = stimulus != stimulus[first][index]
    if differ.any():
        bad = np.unique(array[together].values[differ].astype(str))
        raise AnalysisError(
            f"together={together!r}: the units of {quoted(bad)} were not shown the same sequence "
            "of stimuli, so their k-th trials are not one presentation; leave together out if "
            "they were recorded apart"
        )
    return index, stimulus[first] * (session.max() + 1) + session[first]


def _of_many_units(array: Any, attrs: dict[str, Any], about: dict[str, Any], *, who: str) -> Trials:
    """Each repeat of a stimulus is one presentation to all units; NaN is a missing trial."""
    import xarray

    wanted = ["repeat", *(["time_ms"] if "time_ms" in array.dims else []), "stimulus", "unit"]
    stated = ids_of(array, "stimulus", "trials")[0] if "stimulus" in array.dims else None
    if set(array.dims) != set(wanted) or stated is None:
        raise AnalysisError(
            f"{who}: repeats have dimensions (repeat, [time_ms,] stimulus, unit) and stimulus_id; "
            f"found {tuple(array.dims)}"
        )
    x = array.transpose("repeat", "stimulus", "unit", ...).values.astype(np.float64)
    shape = x.shape[:3]
    x = x.reshape(*shape, -1)
    present = ~np.isnan(x).any(-1)
    if (present != ~np.isnan(x).all(-1)).any() or np.isinf(x).any():
        raise AnalysisError(
            f"{who}: trials hold infinite values, or NaN at some times only; leave those trials out"
        )
    repeat, stimulus, unit = np.nonzero(present)
    # Presentations (stimulus, repeat) of which any unit has a trial.
    shown = np.flatnonzero(present.any(2).T)
    presentation = np.searchsorted(shown, stimulus * shape[0] + repeat)
    coords = {k: c.variable for k, c in array.coords.items() if "repeat" not in c.dims}
    template = xarray.Dataset(coords=coords, attrs=about)
    template = template.assign_coords(stimulus_id=("stimulus", stated))
    if "unit" not in template.coords:
        template = template.assign_coords(unit=("unit", [f"unit {k + 1}" for k in range(shape[2])]))
    return Trials(
        x[present],
        stimulus,
        unit,
        presentation,
        shown // shape[0],
        repeat,
        template,
        attrs,
    )
