"""Recordings, RDM movies and results as long tables: one number a row, with its place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.files import atomic_path
from cortexsim.locks import holding

if TYPE_CHECKING:
    import pandas
    import xarray

TIMES = ("time_ms", "time_ms_low", "time_ms_high")
SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
MOST_ROWS = 200_000_000  # some 10 GB of text
ROWS_AT_A_TIME = 500_000


def write_table(
    source: str | Path,
    out: str | Path,
    *,
    states: Sequence[str] | None = None,
    steps: Sequence[int] | None = None,
    variable: str | None = None,
    overwrite: bool = False,
) -> int:
    """A recording, an RDM movie or a result as a file of text, one number a row.

    Of a recording: state, stimulus_id, label, step, its times, the unit (or channel, y, x; of the
    readout the class) and the value. Of a movie: state, step, its times, the two conditions and the
    dissimilarity. Of a result (.nc): its coordinates, and each variable that has the axes of the
    first (or of ``variable``) in a column. What is not populated has no row.

    Parameters
    ----------
    source : path
        A recording or movie (.zarr), or a result (.nc).
    out : path
        The file: .csv or .tsv, also .gz; whole or absent.
    states : sequence of str, optional
        Of a recording (``readout`` too) or movie; default all.
    steps : sequence of int, optional
        Default all.
    variable : str, optional
        Of a result, whose axes make the rows.
    overwrite : bool
        Replace a file that exists.

    Returns
    -------
    int
        The number of rows.

    Raises
    ------
    AnalysisError
        For another suffix, a file that exists, names that are not there, and tables of more than
        200 million rows.
    """
    path = Path(out)
    if not path.name.endswith(SUFFIXES):
        raise AnalysisError(f"--out {path}: a table ends in {', '.join(SUFFIXES)}")
    with holding(path, error=AnalysisError):
        if path.exists() and not overwrite:
            raise AnalysisError(f"{path} exists; give another name, or overwrite it")
        parts = _parts(Path(source), states=states, steps=steps, variable=variable)
        return _write(parts, path, source)


def _write(parts: Iterator[pandas.DataFrame], path: Path, source: str | Path) -> int:
    """A table a piece at a time; how many rows it has."""
    separator = "\t" if ".tsv" in path.suffixes else ","
    count = 0
    with atomic_path(path) as temporary:
        for k, part in enumerate(parts):
            part.to_csv(
                temporary,
                sep=separator,
                index=False,
                mode="a" if k else "w",
                header=not k,
                compression="gzip" if path.suffix == ".gz" else None,
            )
            count += len(part)
        if not count:
            raise AnalysisError(f"{source}: nothing of what was asked for is populated; no rows")
    return count


def _parts(
    source: Path,
    *,
    states: Sequence[str] | None,
    steps: Sequence[int] | None,
    variable: str | None,
) -> Iterator[pandas.DataFrame]:
    """The table a piece at a time."""
    from cortexsim.analysis.movie.store import open_movie
    from cortexsim.recording.opening import open_recording

    if source.suffix == ".nc":
        if states or steps:
            raise AnalysisError(f"{source} is a result; choose a variable of it, not states, steps")
        return _of_result(source, variable)
    if variable:
        raise AnalysisError(f"{source} is no result (.nc); choose states and steps, no variable")
    if _is_movie(source):
        return _of_movie(open_movie(source), states, steps)
    return _of_recording(open_recording(source), states, steps)


def _is_movie(source: Path) -> bool:
    """Whether a store says that it holds RDMs; what it is otherwise is told when it is opened."""
    from cortexsim.analysis.movie.store import FORMAT

    try:
        root = json.loads((source / "zarr.json").read_text())
        return bool(root["attributes"]["format"] == FORMAT)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _chosen(asked: Sequence[Any] | None, there: Sequence[Any], what: str) -> list[Any]:
    """What was asked for, all of which must be there."""
    if asked is None:
        return list(there)
    if missing := [a for a in asked if a not in there]:
        raise AnalysisError(
            f"there is no {what} {', '.join(map(str, missing))}; choose from "
            f"{', '.join(map(str, there))}"
        )
    return list(asked)


def _refuse_many(rows: int) -> None:
    if rows > MOST_ROWS:
        raise AnalysisError(
            f"a table of {rows:,} rows; at most {MOST_ROWS:,} are written: choose states and "
            "steps, record with keep='mean', or read the store (cortexsim.open_recording)"
        )


def _of_recording(
    tree: xarray.DataTree, states: Sequence[str] | None, steps: Sequence[int] | None
) -> Iterator[pandas.DataFrame]:
    """Stimulus after stimulus within each state."""
    known = json.loads(tree.attrs["configuration"])
    groups = [*known["states"], *(["readout"] if "readout" in tree.children else [])]
    groups = _chosen(states, groups, "state")
    chosen: list[tuple[str, xarray.DataArray, xarray.Dataset]] = []
    for name in groups:
        data = tree[name].dataset
        wanted = _chosen(steps, data.step.values.tolist(), "step")
        data = data.sel(step=[t for t in wanted if bool(data.populated.sel(step=t))])
        chosen.append((name, data["logits" if name == "readout" else "activation"], data))
    _refuse_many(sum(values.size for _, values, _ in chosen))
    chosen = [part for part in chosen if part[1].size]
    columns: dict[str, None] = {}  # of all groups, so that the file is one table
    for name, values, data in chosen:
        columns |= dict.fromkeys(_long(values[:1].load(), "value", {"state": name}, data))
    columns["value"] = columns.pop("value", None)
    for name, values, data in chosen:
        each = values.size // values.sizes["stimulus"]
        at_a_time = max(1, ROWS_AT_A_TIME // each)
        for first in range(0, values.sizes["stimulus"], at_a_time):
            part = values.isel(stimulus=slice(first, first + at_a_time)).load()
            yield _long(part, "value", {"state": name}, data).reindex(columns=list(columns))


def _of_movie(
    movie: xarray.Dataset, states: Sequence[str] | None, steps: Sequence[int] | None
) -> Iterator[pandas.DataFrame]:
    """RDM after RDM."""
    import pandas

    names = _chosen(states, movie.state.values.tolist(), "state")
    frames = [
        (state, step)
        for state in names
        for step in _chosen(steps, movie.step.values.tolist(), "step")
        if bool(movie.populated.sel(state=state, step=step))
    ]
    _refuse_many(len(frames) * movie.sizes["pair"])
    for state, step in frames:
        rdm = movie.rdm.sel(state=state, step=step)
        times = {name: float(rdm[name]) for name in TIMES}
        yield pandas.DataFrame(
            {
                "state": state,
                "step": step,
                **times,
                "first_id": rdm.first_id.values,
                "second_id": rdm.second_id.values,
                "dissimilarity": rdm.values,
            }
        )


def _of_result(path: Path, variable: str | None) -> Iterator[pandas.DataFrame]:
    """The variables of the axes of one of them."""
    from cortexsim.interop.netcdf import from_netcdf

    data = from_netcdf(path)
    names = [str(v) for v in getattr(data, "data_vars", ()) if data[v].dims]
    if not names:
        raise AnalysisError(
            f"{path} holds no variable with axes"
            + ("; it has groups: give the recording (.zarr)" if hasattr(data, "children") else "")
        )
    first = _chosen([variable] if variable else [names[0]], names, "variable")[0]
    alike = [v for v in names if data[v].dims == data[first].dims]
    _refuse_many(data[first].size)
    table = data[alike].to_dataframe().reset_index()
    yield table.dropna(subset=[first])


def _long(
    values: xarray.DataArray, name: str, constant: dict[str, Any], data: xarray.Dataset
) -> pandas.DataFrame:
    """One number a row: what it belongs to, along every axis, and the number."""
    import pandas

    places = np.indices(values.shape).reshape(values.ndim, -1)
    columns: dict[str, Any] = dict(constant)
    for dim, place in zip(values.dims, places, strict=True):
        if dim == "stimulus":
            for own in ("stimulus_id", "label"):
                columns[own] = values[own].values[place]
        elif dim == "step":
            for own in ("step", *TIMES):
                columns[own] = data[own].values[place]
        else:
            columns[str(dim)] = values[dim].values[place] if dim in values.coords else place
            for beside, c in values.coords.items():
                if c.dims == (dim,) and beside != dim:
                    columns[str(beside)] = c.values[place]
    return pandas.DataFrame({**columns, name: values.values.reshape(-1)})
