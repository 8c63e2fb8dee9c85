"""NWB (Neurodata Without Borders): spikes of units around trials, in the layout of the benchmarks.

Pynwb is imported only here, and only when it is used.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.neural.layout import UNSTATED, About, described, texts, times_of
from cortexsim.neural.own.contents import is_text
from cortexsim.neural.own.response_layout import response_dataset

if TYPE_CHECKING:
    import xarray

TICK = 1e-9  # s: a spike that misses the edge of a bin by less, which rounding does, is on it
AREAS = ("area", "brain_area", "region", "location", "ecephys_structure_acronym")
TAKEN = (  # by the layout, or not one entry a unit
    *("spike_times", "obs_intervals", "electrodes", "electrode_group", "unit", "label", "area"),
    *("stimulus", "stimulus_id", "time_ms", "repeat", "trials", "responses"),
)


@clear_errors
def from_nwb(
    source: Any,
    *,
    window_ms: tuple[float, float],
    bin_ms: float,
    stimulus_id: str = "stimulus_id",
    onset: str = "start_time",
    table: str | None = None,
    about: About = UNSTATED,
) -> xarray.Dataset:
    """Firing rates of the units of an NWB file around each trial.

        rate = number of spikes in [edge, edge + bin_ms) / bin_ms, edges from the onset on

    Parameters
    ----------
    source : path or pynwb.NWBFile
        With a table of units (``spike_times`` in s) and one of trials, or of other intervals.
    window_ms : (float, float)
        First and last edge, ms after the onset of each trial: whole bins.
    bin_ms : float
        Width of the bins in ms.
    stimulus_id : str
        The column of the trials that names the stimulus. Trials without one (empty, NaN), or
        without an onset, are left out; ``notes`` counts them.
    onset : str
        The column of the trials with the time, in s, at which the stimulus appeared.
    table : str, optional
        Which table of intervals; ``trials`` by default, or the only one.
    about : About
        What was recorded; the area is that of the units (their column ``area``, ``location``, ...
        or where their electrodes are) unless it says otherwise.

    Returns
    -------
    xarray.Dataset
        With responses ``([repeat,] time_ms, stimulus, unit)`` in spikes/s and trials
        ``(stimulus,)``. Trials that do not lie within the ``obs_intervals`` of a unit are NaN. What
        the file knows of its units are coordinates of ``unit``.

    Raises
    ------
    AnalysisError
        If pynwb is not installed, and for files without spikes, trials or such columns; it lists
        those that are there.

    References
    ----------
    Rubel et al. 2022, eLife 11, e78362.

    Examples
    --------
    >>> from datetime import datetime, timezone
    >>> from pynwb import NWBFile
    >>> file = NWBFile("two trials", "example", datetime(2024, 1, 1, tzinfo=timezone.utc))
    >>> file.add_trial_column("stimulus_id", "name of the image")
    >>> file.add_trial(start_time=1.0, stop_time=1.5, stimulus_id="cat")
    >>> file.add_trial(start_time=2.0, stop_time=2.5, stimulus_id="dog")
    >>> file.add_unit(spike_times=[1.005, 1.015, 1.018, 2.001])
    >>> data = from_nwb(file, window_ms=(0, 20), bin_ms=10)
    >>> data.responses.sel(unit="0").values.tolist()
    [[100.0, 100.0], [200.0, 0.0]]
    """
    about.refuse("measure", "responses have no dissimilarity")
    edges = _edges(window_ms, bin_ms)
    with _opened(source) as (file, where):
        ids, onsets, notes = _trials(file, where, table=table, stimulus_id=stimulus_id, onset=onset)
        spikes, observed, per_unit = _units(file, where)
        names = texts(file.units.id[:], "the ids of the units")
        title = str(file.identifier or "")
        species = getattr(file.subject, "species", None)
    windows = onsets[:, None] + edges[[0, -1]] / 1000
    values = np.stack([_rates(s, onsets, edges) for s in spikes], axis=1)
    for k, intervals in enumerate(observed):
        if intervals is not None:
            values[~_within(intervals, windows), k] = np.nan
    if (lost := np.isnan(values).all((0, 2))).any():
        raise AnalysisError(
            f"{where}: unit {names[lost][0]!r} and {int(lost.sum()) - 1} more were observed in no "
            "whole trial (obs_intervals); are the times of trials and units of one clock?"
        )
    notes = "; ".join(filter(None, (notes, _outside(spikes, observed, windows, where=where))))
    areas = per_unit.get("area")
    attrs = {
        "area": about.area or ("unknown" if areas is None else ", ".join(sorted(set(areas)))),
        "species": about.species or species or "unknown",
        "units": about.units or "spikes/s",
    }
    return response_dataset(
        values,
        ("trial", "unit", "time_ms"),
        stimulus_id=ids,
        times=times_of((edges[:-1] + edges[1:]) / 2),
        unit=names,
        label=None,
        bin_ms=bin_ms,
        attrs=attrs,
        about=described(about.name or title or "own data", where, "pynwb", notes=notes),
        per_unit=per_unit,
    )


def _edges(window_ms: tuple[float, float], bin_ms: float) -> np.ndarray:
    """The edges of the bins in ms, checked."""
    try:
        start, stop = (float(v) for v in window_ms)
        width = float(bin_ms)
    except (TypeError, ValueError):
        raise AnalysisError(
            f"window_ms={window_ms!r}, bin_ms={bin_ms!r}: two edges and a width are needed, in ms, "
            "e.g. window_ms=(-50, 300), bin_ms=10"
        ) from None
    if not np.isfinite([start, stop, width]).all() or width <= 0 or stop <= start:
        raise AnalysisError(
            f"window_ms=({start:g}, {stop:g}), bin_ms={width:g}: the window must end after it "
            "begins, and the width of bins be positive"
        )
    count = round((stop - start) / width)
    if count < 1 or abs(start + count * width - stop) > 1e-6 * width:
        whole = start + max(1, count) * width
        raise AnalysisError(
            f"window_ms=({start:g}, {stop:g}) is not a whole number of bins of {width:g} ms; take "
            f"({start:g}, {whole:g})"
        )
    edges = start + width * np.arange(count + 1)
    times_of((edges[:-1] + edges[1:]) / 2, name="window_ms")  # refuses seconds
    return edges


@contextlib.contextmanager
def _opened(source: Any) -> Iterator[tuple[Any, str]]:
    """The file in memory or on disk, and what it is called in errors."""
    try:
        import pynwb
    except ImportError:
        raise AnalysisError(
            "NWB files are read through pynwb: pip install 'cortexsim[nwb]'"
        ) from None
    if isinstance(source, pynwb.NWBFile):
        yield source, "the NWB file"
        return
    if not isinstance(source, (str, Path)):
        raise AnalysisError(
            f"the source is a {type(source).__name__}; give an .nwb file or a pynwb.NWBFile"
        )
    path = Path(source)
    if not path.is_file():
        raise AnalysisError(f"there is no file {path}")
    with contextlib.ExitStack() as stack:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of versions of the format
                io = stack.enter_context(pynwb.NWBHDF5IO(str(path), "r"))
                file = io.read()
        except Exception as error:  # what h5py and hdmf say of a file that is none can be anything
            raise AnalysisError(
                f"{path} cannot be read as NWB: {type(error).__name__}: "
                f"{(str(error).splitlines() or [''])[0]}"
            ) from error
        yield file, path.name


def _tables(file: Any) -> dict[str, Any]:
    """The tables of intervals by name."""
    tables = {name: file.intervals[name] for name in (file.intervals or {})}
    for name in ("trials", "epochs"):
        if getattr(file, name, None) is not None:
            tables.setdefault(name, getattr(file, name))
    return tables


def _trials(
    file: Any, where: str, *, table: str | None, stimulus_id: str, onset: str
) -> tuple[np.ndarray, np.ndarray, str]:
    """The stimulus and the onset (s) of each trial, and a note of those that are left out."""
    tables = _tables(file)
    held = "; ".join(f"{name} with {', '.join(t.colnames)}" for name, t in tables.items())
    name = table or ("trials" if "trials" in tables or len(tables) != 1 else next(iter(tables)))
    if name not in tables:
        raise AnalysisError(
            f"{where} has no table {name!r}; it has {held or 'no tables of intervals'}"
            + (". Say which with table='...'" if tables else "")
        )
    for word, column in (("stimulus_id", stimulus_id), ("onset", onset)):
        if column not in tables[name].colnames:
            raise AnalysisError(
                f"{where}: the table {name!r} has no column {column!r}; there are {held}. Say "
                f"which with {word}='...'" + (" (and table='...')" if len(tables) > 1 else "")
            )
    ids = np.asarray(tables[name][stimulus_id][:])
    try:
        onsets = np.asarray(tables[name][onset][:], dtype=np.float64)
    except (TypeError, ValueError):
        raise AnalysisError(f"{where}: the column {onset!r} of {name!r} holds no times") from None
    if ids.ndim != 1 or onsets.ndim != 1:
        raise AnalysisError(
            f"{where}: the columns {stimulus_id!r} and {onset!r} of {name!r} must have one entry "
            "for each trial"
        )
    blank = np.array(
        [v is None or v != v or str(v).strip() == "" for v in ids.tolist()], dtype=bool
    )
    kept = ~blank & np.isfinite(onsets)
    if not kept.any():
        raise AnalysisError(
            f"{where}: none of the {len(kept)} trials of {name!r} has a stimulus ({stimulus_id}) "
            f"and an onset ({onset})"
        )
    left = len(kept) - int(kept.sum())
    note = f"{left} of {len(kept)} trials without {stimulus_id} or {onset} left out" if left else ""
    return texts(ids[kept], stimulus_id), onsets[kept], note


def _units(
    file: Any, where: str
) -> tuple[list[np.ndarray], list[np.ndarray | None], dict[str, np.ndarray]]:
    """The spikes (s) of each unit, when it was observed (None: always), and what is known of it."""
    units = file.units
    if units is None or "spike_times" not in units.colnames or not len(units):
        held = [*file.acquisition, *file.processing]
        raise AnalysisError(
            f"{where} has no units with spike_times; it has {', '.join(held) or 'no recordings'}. "
            "Sort the spikes first, or give the arrays to cortexsim.neural.from_responses"
        )
    count = len(units)
    spikes = [np.sort(np.asarray(units["spike_times"][k], dtype=np.float64)) for k in range(count)]
    observed: list[np.ndarray | None] = [None] * count
    if "obs_intervals" in units.colnames:
        observed = [
            np.asarray(units["obs_intervals"][k], dtype=np.float64).reshape(-1, 2)
            for k in range(count)
        ]
        observed = [o if o is not None and len(o) else None for o in observed]
    per_unit: dict[str, np.ndarray] = {}
    columns = {c.name: c for c in units.columns if not c.name.endswith("_index")}
    ragged = {c.name.removesuffix("_index") for c in units.columns if c.name.endswith("_index")}
    for name, column in columns.items():
        if name in TAKEN or name in ragged:
            continue
        values = np.asarray(column[:])
        if values.ndim == 1 and values.dtype.kind in "fiub":
            per_unit[name] = values
        elif values.ndim == 1 and is_text(values):
            per_unit[name] = np.array([str(v) for v in values.tolist()], dtype=object)
    area = next((columns[a][:] for a in AREAS if a in columns and a not in ragged), None)
    if area is None and "electrodes" in units.colnames:
        area = [_location(units["electrodes"][k]) for k in range(count)]
    if area is not None and all(str(a) for a in area):
        per_unit["area"] = texts([str(a) for a in area], "area")
    return spikes, observed, per_unit


def _location(electrodes: Any) -> str:
    """Where the electrodes of a unit are; several places are named together."""
    places = sorted({str(p) for p in electrodes["location"]}) if len(electrodes) else []
    return "/".join(places)


def _rates(spikes: np.ndarray, onsets: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Spikes/s ``(trial, bin)`` of one unit."""
    place = np.searchsorted(spikes, onsets[:, None] + edges / 1000 - TICK)
    return np.diff(place, axis=1) / ((edges[1:] - edges[:-1]) / 1000)


def _outside(
    spikes: list[np.ndarray],
    observed: list[np.ndarray | None],
    windows: np.ndarray,
    *,
    where: str,
) -> str:
    """A note of trials before the first or after the last spike of all units; refused if all are.

    Such trials have rates of 0, also if nothing was recorded: units with ``obs_intervals`` say so.
    """
    if all(intervals is not None for intervals in observed):
        return ""
    every = np.sort(np.concatenate(spikes))
    if not len(every):
        raise AnalysisError(f"{where}: none of the {len(spikes)} units has a spike")
    lost = (windows[:, 0] > every[-1]) | (windows[:, 1] < every[0])
    if lost.all():
        raise AnalysisError(
            f"{where}: all {len(lost)} trials, from {windows.min():g} to {windows.max():g} s, lie "
            f"before the first or after the last spike ({every[0]:g} to {every[-1]:g} s); are the "
            "times of trials and units in seconds, and of one clock?"
        )
    if not lost.any():
        return ""
    return (
        f"{int(lost.sum())} of {len(lost)} trials lie before the first or after the last spike "
        "of all units: their rates are 0"
    )


def _within(intervals: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Whether each window (s) lies in one of the intervals, those that meet being one."""
    merged: list[list[float]] = []
    for start, stop in intervals[np.argsort(intervals[:, 0], kind="stable")].tolist():
        if merged and start <= merged[-1][1] + TICK:
            merged[-1][1] = max(merged[-1][1], stop)
        else:
            merged.append([start, stop])
    starts, stops = np.array(merged).T
    k = np.searchsorted(starts, windows[:, 0] + TICK, side="right") - 1
    return (k >= 0) & (windows[:, 1] <= stops[np.maximum(k, 0)] + TICK)
