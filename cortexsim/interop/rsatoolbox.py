"""rsatoolbox: RDMs, and data sets with and without time, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.interop.measured import measured, ordered_rdms, plain
from cortexsim.neural.layout import About, described, labels_of, pair_coords, unique_texts
from cortexsim.neural.own.responses import from_responses

if TYPE_CHECKING:
    import xarray

AXIS = "axis of "  # a descriptor: the whole axis, of which unpopulated frames are left out
DIMS = "dims"


@clear_errors
def to_rsatoolbox(data: Any, *, state: str | None = None, variable: str = "rdm") -> Any:
    """RDMs, activations or responses as objects of rsatoolbox.

    RDMs of steps at which a state is not populated are left out. rdm_descriptors are the
    coordinates of each RDM (state, step, time_ms, subject, ...), pattern_descriptors and
    obs_descriptors stimulus_id and label, channel_descriptors the unit and its place,
    time_descriptors ``time``: ms after stimulus onset (of a step its nominal beginning).
    Dissimilarities follow the same conventions, so that numbers are the same.

    Parameters
    ----------
    data : path, xarray.DataTree or xarray.Dataset
        A Dataset with RDMs (an RDM movie; a benchmark), the path or DataTree of a recording, or
        responses.
    state : str, optional
        The state of a recording.
    variable : str
        Which variable holds the RDMs.

    Returns
    -------
    rsatoolbox.rdm.RDMs, rsatoolbox.data.TemporalDataset or rsatoolbox.data.Dataset
        RDMs; activations or responses; the last where there is no time.

    Raises
    ------
    AnalysisError
        For data without ids of stimuli, and if rsatoolbox is not installed.

    Examples
    --------
    >>> from cortexsim.neural import from_rdms
    >>> ids = ["cat", "dog", "car", "cup"]
    >>> theirs = to_rsatoolbox(from_rdms([[1.0, 2, 3, 4, 5, 6]], stimulus_id=ids))
    >>> theirs.n_cond, theirs.pattern_descriptors["stimulus_id"]
    (4, ['cat', 'dog', 'car', 'cup'])
    """
    if variable in getattr(data, "data_vars", ()) and "pair" in data[variable].dims:
        return _to_rdms(data, variable)
    rsatoolbox = _package()
    m = measured(data, state)
    # Their averages over repeats cannot hold the number of a repeat as an integer.
    observations = {
        k: list(v.astype(float) if v.dtype.kind == "i" else plain(v))
        for k, v in m.observations.items()
    }
    channels = {k: list(plain(v)) for k, v in m.channels.items()}
    about = {"source": m.source}
    if m.times is None:
        return rsatoolbox.data.Dataset(m.values[..., 0], about, observations, channels)
    times = {"time": list(m.times["time_ms"]), **{k: list(v) for k, v in m.times.items()}}
    return rsatoolbox.data.TemporalDataset(m.values, about, observations, channels, times)


@clear_errors
def from_rsatoolbox(
    theirs: Any, *, stimulus_id: str = "stimulus_id", dims: Sequence[str] | None = None
) -> xarray.Dataset:
    """``RDMs`` or a ``Dataset`` or ``TemporalDataset`` of rsatoolbox in our layout.

    Parameters
    ----------
    theirs : rsatoolbox.rdm.RDMs, rsatoolbox.data.Dataset or rsatoolbox.data.TemporalDataset
        Times of data sets must be in ms.
    stimulus_id : str
        The pattern or observation descriptor that names the stimuli.
    dims : sequence of str, optional
        The rdm_descriptors that are the axes of the RDMs, e.g. ``("state", "step")``; by default
        those from which ``to_rsatoolbox`` made them, else ``subject`` if there is such a
        descriptor, else ``model``.

    Returns
    -------
    xarray.Dataset
        With rdm ``(*dims, pair)``, NaN where there is no such RDM; or with responses as
        ``cortexsim.neural.from_responses`` makes them.

    Raises
    ------
    AnalysisError
        For descriptors that are not there, and for two RDMs at one place.

    Examples
    --------
    >>> from cortexsim.neural import from_rdms
    >>> ours = from_rdms([[1.0, 2, 3, 4, 5, 6]], stimulus_id=["cat", "dog", "car", "cup"])
    >>> from_rsatoolbox(to_rsatoolbox(ours)).rdm.values.tolist()
    [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]
    """
    if hasattr(theirs, "dissimilarities"):
        return _from_rdms(theirs, stimulus_id, dims)
    if not hasattr(theirs, "measurements"):
        raise AnalysisError(
            f"that is a {type(theirs).__name__}; give rsatoolbox's RDMs, Dataset or TemporalDataset"
        )
    ids = _descriptor(theirs.obs_descriptors, stimulus_id, "obs_descriptors")
    axes: tuple[str, ...] = ("trial", "unit")
    times = None
    if theirs.measurements.ndim == 3:
        axes, times = (
            (*axes, "time_ms"),
            theirs.time_descriptors.get("time_ms", theirs.time_descriptors["time"]),
        )
    label = theirs.obs_descriptors.get("label")
    unit = theirs.channel_descriptors.get("unit")
    return from_responses(
        theirs.measurements,
        dims=axes,
        stimulus_id=ids,
        time_ms=times,
        unit=unit,
        label=label,
        about=About(name="rsatoolbox"),
    )


def _package() -> Any:
    try:
        import rsatoolbox
    except ImportError:
        raise AnalysisError("rsatoolbox is not installed: pip install rsatoolbox") from None
    return rsatoolbox


def _to_rdms(data: xarray.Dataset, variable: str) -> Any:
    """One RDM for each place on the leading axes that holds one."""
    rdm = ordered_rdms(data, variable)
    lead = [str(d) for d in rdm.dims[:-1]]
    values = rdm.values.reshape(-1, rdm.sizes["pair"])
    kept = ~np.isnan(values).all(1)
    places = rdm.isel(pair=0, drop=True)
    descriptors: dict[str, Any] = {DIMS: ",".join(lead)}
    each: dict[str, Any] = {}
    for d in lead:
        axis = places[d].values if d in places.coords else np.arange(places.sizes[d])
        descriptors[AXIS + d] = plain(axis).tolist()
    for name in dict.fromkeys([*lead, *map(str, places.coords)]):
        coord = places.coords.get(name)
        if coord is not None and not coord.ndim:
            descriptors[name] = coord.item()
        elif coord is None or set(coord.dims) <= set(lead):
            # By position: an axis may hold one value twice, of which xarray would make a product.
            dims = [name] if coord is None else list(coord.dims)
            index = np.meshgrid(*[np.arange(places.sizes[d]) for d in lead], indexing="ij")
            flat = np.arange(places.sizes[name]) if coord is None else coord.values
            each[name] = list(plain(flat[tuple(index[lead.index(d)].ravel() for d in dims)])[kept])
    descriptors |= {
        str(k): v
        for k, v in data.attrs.items()
        if isinstance(v, (str, int, float)) and k not in descriptors
    }
    patterns = {
        k: [str(v) for v in data[k].values] for k in ("stimulus_id", "label") if k in data.coords
    }
    measure = data.attrs.get("measure") or rdm.attrs.get("measure")
    return _package().rdm.RDMs(values[kept], measure, descriptors, each, patterns)


def _from_rdms(theirs: Any, stimulus_id: str, dims: Sequence[str] | None) -> xarray.Dataset:
    import xarray

    known, each = theirs.descriptors, dict(theirs.rdm_descriptors)
    ids = unique_texts(
        list(_descriptor(theirs.pattern_descriptors, stimulus_id, "pattern_descriptors")),
        stimulus_id,
    )
    names: tuple[str, ...] = ("subject" if "subject" in each else "model",)
    if DIMS in known:
        names = tuple(d for d in str(known[DIMS]).split(",") if d)
    names = names if dims is None else tuple(dims)
    values = np.asarray(theirs.dissimilarities)
    if names == ("model",) and "model" not in each:
        each["model"] = each.get("name", range(len(values)))
    axes = {d: _axis(known.get(AXIS + d), _descriptor(each, d, "rdm_descriptors")) for d in names}
    place = tuple(
        np.array([_where(axes[d], v) for v in plain(np.asarray(each[d]))], dtype=int) for d in names
    )
    shape = tuple(map(len, axes.values()))
    if len(set(zip(*place, strict=True))) < len(values) and names:
        raise AnalysisError(
            f"several of the {len(values)} RDMs stand at one place of ({', '.join(names)}); name "
            "more descriptors with dims="
        )
    out = np.full((*shape, values.shape[1]), np.nan, values.dtype)
    out[place] = values if names else values[0]
    coords: dict[str, Any] = {
        d: (d, a.astype(object) if a.dtype.kind == "U" else a) for d, a in axes.items()
    }
    coords |= _others(each, names, place, shape=shape)
    coords |= {
        "stimulus_id": ("stimulus", ids),
        "label": ("stimulus", labels_of(theirs.pattern_descriptors.get("label"), len(ids))),
    }
    about = {k: v for k, v in known.items() if isinstance(v, (str, int, float)) and k != DIMS}
    coords |= {
        k: about.pop(k) for k in ("state", "step", "subject") if k in about and k not in coords
    }
    about = (
        described("rsatoolbox", "rsatoolbox")
        | about
        | {"measure": str(theirs.dissimilarity_measure)}
    )
    return xarray.Dataset({"rdm": ((*names, "pair"), out)}, coords | pair_coords(ids), about)


def _descriptor(descriptors: Any, name: str, what: str) -> Any:
    if name not in descriptors:
        raise AnalysisError(
            f"there is no {name!r} among the {what}; there are "
            f"{', '.join(map(str, descriptors)) or 'none'}. Say which one is meant"
        )
    return descriptors[name]


def _axis(whole: Any, values: Any) -> np.ndarray:
    """The values along an axis: as they were, else numbers ascending and texts in the order in
    which they come.
    """
    entries = plain(np.asarray(values))
    if whole is not None and np.isin(entries, plain(np.asarray(whole))).all():
        return plain(np.asarray(whole))
    order = np.unique(entries, return_index=True)
    return order[0] if entries.dtype.kind in "iuf" else entries[np.sort(order[1])]


def _where(axis: np.ndarray, value: Any) -> int:
    return int(np.flatnonzero(axis == value)[0])


def _others(
    each: dict[str, Any],
    names: tuple[str, ...],
    place: tuple[np.ndarray, ...],
    *,
    shape: tuple[int, ...],
) -> dict[str, Any]:
    """The other descriptors that belong to one axis: the same for all RDMs at one place of it, and
    there at every place.
    """
    out: dict[str, Any] = {}
    for name, values in each.items():
        if name in (*names, "index"):
            continue
        entries = plain(np.asarray(values))
        for d, at, size in zip(names, place, shape, strict=True):
            first = dict(zip(at[::-1].tolist(), entries[::-1].tolist(), strict=True))
            if len(first) == size and all(
                first[k] == v for k, v in zip(at.tolist(), entries.tolist(), strict=True)
            ):
                column = [first[k] for k in range(size)]
                out[name] = (
                    d,
                    np.array(column, dtype=object if entries.dtype.kind == "U" else entries.dtype),
                )
                break
    return out
