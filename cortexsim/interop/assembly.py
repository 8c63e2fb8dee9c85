"""Brain-Score: activations and responses as assemblies, presentation x neuroid [x time_bin].

Brain-Score's own class lives in an environment of its own (numpy < 2), so what is made here is a
plain DataArray with the same dimensions and levels;
``cortexsim.brainscore.assembly.neuroid_assembly`` makes the class of it there, from memory or from
the file that ``write_assembly`` writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.interop.measured import Measured, measured, plain

if TYPE_CHECKING:
    import xarray


@clear_errors
def to_neuroid_assembly(
    data: Any,
    states: str | Sequence[str] | None = None,
    *,
    bins_ms: Any = None,
    policy: str = "refuse",
) -> xarray.DataArray:
    """A recording, or responses, as an assembly of Brain-Score.

    Presentations have stimulus_id and object_name (the label), repeats ``repetition``; neuroids
    neuroid_id, region, model and their place; time bins time_bin_start and time_bin_end in ms: a
    step each, those at which every state is populated.

    Parameters
    ----------
    data : path, xarray.DataTree or xarray.Dataset
        A recording, or responses.
    states : str or sequence of str, optional
        Of a recording, the states to take: their units become neuroids, ``region`` is the state.
    bins_ms : array_like of shape (bin, 2), optional
        Other bins, to which steps are mapped by overlap as :meth:`TimeAxis.bin_weights` does.
    policy : str
        What becomes of bins that are covered in part, see :meth:`TimeAxis.bin_weights`.

    Returns
    -------
    xarray.DataArray
        ``(presentation, neuroid, time_bin)``, or ``(presentation, neuroid)`` without time.

    Raises
    ------
    AnalysisError
        For states that are never populated together, and responses with times but without the width
        of their bins.
    CortexsimError
        For bins that are not covered.

    Examples
    --------
    >>> from cortexsim.neural import from_responses
    >>> ids = ["cat", "dog", "car"]
    >>> data = from_responses(np.ones((3, 2)), dims=("stimulus", "unit"), stimulus_id=ids)
    >>> assembly = to_neuroid_assembly(data)
    >>> assembly.dims, assembly.neuroid_id.values.tolist()
    (('presentation', 'neuroid'), ['own data.unit 1', 'own data.unit 2'])
    """
    names: list[str | None] = [*([states] if isinstance(states, str) else states or ())] or [None]
    parts = [measured(data, s) for s in names]
    first = parts[0]
    if first.times is None:
        return _assembled(parts, [first.values[..., 0]], None)
    if first.bins_ms is None and "step" in first.times:
        raise AnalysisError(
            f"no milliseconds were declared for the steps of {first.source}, and an assembly has "
            "time bins in ms; record with a cortexsim.TimeAxis(step_ms=...) (record --step-ms)"
        )
    if first.bins_ms is None:
        raise AnalysisError(
            "these responses do not say how wide their time bins are; give bin_ms when they are "
            "made (cortexsim.neural.from_responses)"
        )
    if bins_ms is not None:
        return _assembled(
            parts,
            [_binned(m, bins_ms, policy, data=data) for m in parts],
            np.asarray(bins_ms, dtype=float),
        )
    starts = [m.bins_ms[:, 0] for m in parts if m.bins_ms is not None]
    common = [t for t in starts[0] if all(t in s for s in starts)]
    if not common:
        raise AnalysisError(
            f"{', '.join(map(str, names))} are populated at no step together; ask for one at a time"
        )
    values = [m.values[..., np.isin(s, common)] for m, s in zip(parts, starts, strict=True)]
    return _assembled(parts, values, first.bins_ms[np.isin(starts[0], common)])


@clear_errors
def write_assembly(assembly: xarray.DataArray, path: str | Path) -> Path:
    """An assembly as the netCDF file that both environments read; whole or not at all.

    Parameters
    ----------
    assembly : xarray.DataArray
        What :func:`to_neuroid_assembly` made.
    path : path
        The file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    AnalysisError
        If there is something at ``path`` already, or it cannot be written.
    """
    from cortexsim.interop.netcdf import write_new

    if not hasattr(assembly, "dims") or assembly.dtype.kind not in "fiub":
        raise AnalysisError(
            f"the assembly is a {type(assembly).__name__} of type "
            f"{getattr(assembly, 'dtype', 'unknown')}; a DataArray of real numbers is needed, as "
            "to_neuroid_assembly gives"
        )
    names = [assembly.name or "assembly", *assembly.dims, *assembly.coords]
    if odd := [name for name in names if not isinstance(name, str)]:
        raise AnalysisError(f"{odd[0]!r} is the name of an axis or coordinate; files take texts")
    return write_new(assembly.to_dataset(name=names[0]), path)


def _assembled(
    parts: list[Measured], values: list[np.ndarray], bins: np.ndarray | None
) -> xarray.DataArray:
    """States side by side along the neuroids."""
    import xarray

    first = parts[0]
    neuroids: dict[str, np.ndarray] = {}
    for level in dict.fromkeys(k for m in parts for k in _levels(m)):
        columns = [_levels(m).get(level, np.full(m.values.shape[1], np.nan)) for m in parts]
        neuroids[level] = np.concatenate(columns)
    coords: dict[str, Any] = {k: ("neuroid", plain(v)) for k, v in neuroids.items()}
    renamed = {"stimulus_id": "stimulus_id", "label": "object_name", "repeat": "repetition"}
    coords |= {renamed[k]: ("presentation", plain(v)) for k, v in first.observations.items()}
    dims = ("presentation", "neuroid")
    whole = np.concatenate(values, 1)
    if bins is not None:
        dims = (*dims, "time_bin")  # type: ignore[assignment]
        coords |= {
            "time_bin_start": ("time_bin", bins[:, 0]),
            "time_bin_end": ("time_bin", bins[:, 1]),
        }
    return xarray.DataArray(
        whole, coords, dims, name=first.source, attrs={"identifier": first.source}
    )


def _levels(m: Measured) -> dict[str, np.ndarray]:
    """What Brain-Score wants to know of neuroids; ids say the network, the state and the unit."""
    region = m.channels.get("state", m.channels.get("area"))
    prefix = (
        [m.source] * m.values.shape[1]
        if "state" not in m.channels
        else [f"{m.source}.{s}" for s in m.channels["state"]]
    )
    out = {
        "neuroid_id": np.array(
            [f"{p}.{u}" for p, u in zip(prefix, m.channels["unit"], strict=True)], dtype=object
        )
    }
    out["region"] = (
        np.full(m.values.shape[1], "unknown", dtype=object) if region is None else region
    )
    out["model"] = np.full(m.values.shape[1], m.source, dtype=object)
    return out | {
        k: v for k, v in m.channels.items() if k not in ("state", "area", "unit", "neuroid_id")
    }


def _binned(m: Measured, bins_ms: Any, policy: str, *, data: Any) -> np.ndarray:
    """The steps of a state mapped to bins."""
    import json

    from cortexsim.recording.opening import open_recording
    from cortexsim.timeaxis import TimeAxis

    if m.times is None or "step" not in m.times:
        raise AnalysisError(
            "bins_ms maps steps of a network; responses have their own bins, which "
            "cortexsim.neural can average"
        )
    tree = open_recording(data) if isinstance(data, (str, Path)) else data
    axis = TimeAxis.from_dict(json.loads(tree.attrs["configuration"])["time_axis"])
    weights = axis.bin_weights(m.times["step"], bins_ms, policy=policy)
    return np.einsum("ont,bt->onb", m.values, weights.astype(m.values.dtype))
