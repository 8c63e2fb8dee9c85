"""What the neighbours all understand: observations x channels x times, from a state of a recording
or from neural responses.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.ids import unique_texts
from cortexsim.labelled.rdms import labelled_rdms

RESPONSES = ("responses", "rates")


@dataclass(frozen=True)
class Measured:
    """Activations or responses, with what is known of each axis.

    Attributes
    ----------
    values : array of shape (observation, channel, time)
        The last axis has length 1 if there was no such axis.
    observations, channels : dict of str to array
        Coordinates of these axes.
    times : dict of str to array, or None
        Coordinates of the times; None if there was no such axis.
    bins_ms : array of shape (time, 2) or None
        Start and end of each time, where they are known; None where no ms were declared.
    source : str
        Name of the network or of the data set.
    """

    values: np.ndarray
    observations: dict[str, np.ndarray]
    channels: dict[str, np.ndarray]
    times: dict[str, np.ndarray] | None
    bins_ms: np.ndarray | None
    source: str


def measured(data: Any, state: str | None = None) -> Measured:
    """The activations of a state of a recording, or responses of the benchmarks' layout.

    Parameters
    ----------
    data : path, xarray.DataTree, xarray.Dataset or xarray.DataArray
        A recording (its path, or the DataTree), or responses.
    state : str, optional
        The state of the recording; it is taken at the steps at which it is populated.

    Returns
    -------
    Measured
        The numbers, and what is known of their axes.

    Raises
    ------
    AnalysisError
        For a recording without ``state``, a state that is not there, and anything else.
    """
    if "pair" in getattr(data, "dims", ()) and state is None:
        raise AnalysisError(
            f"that is a {type(data).__name__} with a dimension pair, so RDMs; give the Dataset "
            "with the variable rdm and the ids of its stimuli, stimulus_id, that rdm_movie, "
            "neural.response_rdms and neural.from_rdms make (of another variable say variable=)"
        )
    if isinstance(data, (str, Path)):
        from cortexsim.recording.opening import open_recording

        data = open_recording(data)
    if "configuration" in getattr(data, "attrs", {}) and hasattr(data, "children"):
        return _of_state(data, state)
    if state is not None:
        raise AnalysisError(
            f"state={state!r} names a state of a recording; the data are a {type(data).__name__}"
        )
    variables = [v for v in RESPONSES if v in getattr(data, "data_vars", ())]
    if len(variables) != 1:
        raise AnalysisError(
            f"that is no recording, and no Dataset with {' or '.join(RESPONSES)} "
            f"(cortexsim.neural.from_responses makes one): a {type(data).__name__}"
            + (f" with {', '.join(map(str, data.data_vars))}" if hasattr(data, "data_vars") else "")
        )
    return _of_responses(data, variables[0])


def _of_state(tree: Any, state: str | None) -> Measured:
    """One state of a recording; units are numbered through its maps."""
    from cortexsim.timeaxis import TimeAxis

    known = json.loads(tree.attrs["configuration"])
    if state not in known["states"]:
        asked = "which state?" if state is None else f"the recording holds no state {state!r};"
        raise AnalysisError(f"{asked} Give state= one of {', '.join(known['states'])}")
    node = tree[state]
    populated = np.flatnonzero(node.populated.values)
    a = node.activation.isel(step=populated)
    values = np.moveaxis(a.values.reshape(a.shape[0], len(populated), -1), 1, 2)
    if a.dims[2:] == ("channel", "y", "x"):
        place = np.unravel_index(np.arange(values.shape[1]), a.shape[2:])
        channels = dict(zip(a.dims[2:], place, strict=True))
    else:
        channels = {
            str(k): v.values for k, v in a.coords.items() if v.dims == ("unit",) and k != "unit"
        }
    steps = node.step.values[populated]
    times = {
        "step": steps,
        **{k: node[k].values[populated] for k in ("time_ms", "time_ms_low", "time_ms_high")},
    }
    axis = TimeAxis.from_dict(known["time_axis"])
    bins = np.stack([axis.time_ms(steps), axis.time_ms(steps + 1)], 1) if axis.is_declared else None
    observations = {
        "stimulus_id": node.stimulus_id.values.astype(object),
        "label": node.label.values.astype(object),
    }
    channels = {
        "unit": np.arange(values.shape[1]),
        **channels,
        "state": np.full(values.shape[1], state, dtype=object),
    }
    return Measured(values, observations, channels, times, bins, str(known["model"]))


def _of_responses(data: Any, variable: str) -> Measured:
    """Responses: an observation for each stimulus, or for each of its repeats that was measured."""
    array = data[variable]
    lead = [d for d in ("stimulus", "repeat") if d in array.dims]
    rest = [d for d in ("unit", "time_ms") if d in array.dims]
    if set(array.dims) != {*lead, *rest} or "stimulus" not in lead or "unit" not in rest:
        raise AnalysisError(
            f"{variable} has dimensions {array.dims}; stimulus and unit are needed, repeat and "
            "time_ms are understood; average or select the others"
        )
    array = array.transpose(*lead, *rest)
    values = array.values.reshape(-1, *[array.sizes[d] for d in rest])
    values = values if "time_ms" in rest else values[..., None]
    count = array.sizes.get("repeat", 1)
    observations = {
        k: np.repeat(data[k].values.astype(object), count)
        for k in ("stimulus_id", "label")
        if k in data.coords
    }
    if "repeat" in lead:
        observations["repeat"] = np.tile(np.arange(count), array.sizes["stimulus"])
    kept = ~np.isnan(values).all((1, 2))  # a repeat that a stimulus does not have
    channels = {str(k): v.values for k, v in data.coords.items() if v.dims == ("unit",)}
    channels.setdefault("unit", np.arange(values.shape[1]))
    times, bins = None, None
    if "time_ms" in rest:
        centres, width = data.time_ms.values.astype(float), data.time_ms.attrs.get("bin_ms")
        times = {"time_ms": centres}
        bins = None if width is None else np.stack([centres - width / 2, centres + width / 2], 1)
    observations = {k: v[kept] for k, v in observations.items()}
    return Measured(
        values[kept], observations, channels, times, bins, str(data.attrs.get("name", "responses"))
    )


def ordered_rdms(data: Any, variable: str) -> Any:
    """The RDMs of a data set, their pairs those of its stimuli in ``squareform`` order.

    Parameters
    ----------
    data : xarray.Dataset
        With stimulus_id, the ids of the conditions.
    variable : str
        Its variable with a dimension ``pair``, in any order, also one that differs by subject.

    Returns
    -------
    xarray.DataArray
        ``(..., pair)``, without coordinates of the pairs.

    Raises
    ------
    AnalysisError
        Without stimulus_id, and where the pairs are not those of these stimuli.
    """
    rdm = data[variable].transpose(..., "pair")
    if "stimulus_id" not in data.coords:
        raise AnalysisError(
            f"{variable} comes without stimulus_id, the ids of its stimuli: give the whole "
            "Dataset, e.g. movie.sel(state='IT')"
        )
    ids = unique_texts(data.stimulus_id.values, "stimulus_id")
    known = labelled_rdms(rdm, f"RDMs {variable!r}").ordered(ids, "stimulus_id")
    of_pairs = [name for name, c in rdm.coords.items() if "pair" in c.dims]
    return rdm.drop_vars(of_pairs).copy(data=known.values)


def plain(values: np.ndarray) -> np.ndarray:
    """Text as fixed-width text, which other packages can compare and save; numbers as they are.

    Parameters
    ----------
    values : array
        The values.

    Returns
    -------
    array
        The same.
    """
    return np.array([str(v) for v in values]) if values.dtype.kind in "OSU" else np.asarray(values)
