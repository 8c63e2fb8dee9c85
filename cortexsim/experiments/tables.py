"""Recordings, RDM movies and results as long tables: one number a row, with its place."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.files import atomic_path
from cortexsim.locks import holding
from cortexsim.progress import bar

if TYPE_CHECKING:
    import pandas
    import xarray

TIMES = ("time_ms", "time_ms_low", "time_ms_high")
SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
MOST_ROWS = 200_000_000  # some 10 GB of text
ROWS_AT_A_TIME = 500_000
RUNS, RUN = 20, 1000  # rows that are written to know how long a row is: so many runs of so many
BIG = 20_000_000  # bytes; a table of more has a bar


@dataclass(frozen=True)
class Part:
    """Rows of one kind: of one state of a recording, of a movie, of a result.

    Parameters
    ----------
    rows : int
        How many they are.
    sample : pandas.DataFrame
        Some of them.
    pieces : iterator of pandas.DataFrame
        All of them, a piece at a time.
    """

    rows: int
    sample: pandas.DataFrame
    pieces: Iterator[pandas.DataFrame]


def write_table(
    source: str | Path,
    out: str | Path,
    *,
    states: Sequence[str] | None = None,
    steps: Sequence[int] | None = None,
    variable: str | None = None,
    overwrite: bool = False,
    before: Callable[[int, int], None] | None = None,
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
    before : callable, optional
        Told the number of rows and about how many bytes they take, before any is written.

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
        count, size = sum(part.rows for part in parts), _bytes(parts, path)
        if not count:
            raise AnalysisError(f"{source}: nothing of what was asked for is populated; no rows")
        if before:
            before(count, size)
        _write(parts, path, bar(total=count, unit="rows", unit_scale=True, shown=size > BIG))
    return count


def _write(parts: Sequence[Part], path: Path, shown: Any) -> None:
    """A table a piece at a time."""
    first = True
    with atomic_path(path) as temporary, shown:
        for part in parts:
            for piece in part.pieces:
                piece.to_csv(
                    temporary,
                    sep=_separator(path),
                    index=False,
                    mode="w" if first else "a",
                    header=first,
                    compression="gzip" if path.suffix == ".gz" else None,
                )
                first = False
                shown.update(len(piece))


def _separator(path: Path) -> str:
    return "\t" if ".tsv" in path.suffixes else ","


def _bytes(parts: Sequence[Part], path: Path) -> int:
    """About how large a table becomes: of each kind of rows some are written."""
    size = 0.0
    for part in parts:
        text = part.sample.to_csv(sep=_separator(path), index=False, header=False).encode()
        written = gzip.compress(text) if path.suffix == ".gz" else text
        size += len(written) / max(1, len(part.sample)) * part.rows
    return round(size)


def _some(table: pandas.DataFrame) -> pandas.DataFrame:
    """A table, or runs of its rows from its first to its last."""
    if len(table) <= RUNS * RUN:
        return table
    starts = np.linspace(0, len(table) - RUN, RUNS).astype(int)
    return table.iloc[np.concatenate([np.arange(start, start + RUN) for start in starts])]


def _parts(
    source: Path,
    *,
    states: Sequence[str] | None,
    steps: Sequence[int] | None,
    variable: str | None,
) -> list[Part]:
    """The kinds of rows of a table."""
    from cortexsim.analysis.movie.store import open_movie
    from cortexsim.recording.opening import open_recording

    if source.suffix == ".nc":
        if states or steps:
            raise AnalysisError(f"{source} is a result; choose a variable of it, not states, steps")
        return [_of_result(source, variable)]
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
) -> list[Part]:
    """A part for each state."""
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
    heads = [_long(v[:1].load(), "value", {"state": name}, data) for name, v, data in chosen]
    columns = dict.fromkeys(column for head in heads for column in head)  # of all: one table
    columns["value"] = columns.pop("value", None)
    return [
        Part(
            values.size,
            _some(head.reindex(columns=list(columns))),
            _of_state(name, values, data, list(columns)),
        )
        for (name, values, data), head in zip(chosen, heads, strict=True)
    ]


def _of_state(
    name: str, values: xarray.DataArray, data: xarray.Dataset, columns: list[str]
) -> Iterator[pandas.DataFrame]:
    """Stimulus after stimulus."""
    at_a_time = max(1, ROWS_AT_A_TIME // (values.size // values.sizes["stimulus"]))
    for first in range(0, values.sizes["stimulus"], at_a_time):
        piece = values.isel(stimulus=slice(first, first + at_a_time)).load()
        yield _long(piece, "value", {"state": name}, data).reindex(columns=columns)


def _of_movie(
    movie: xarray.Dataset, states: Sequence[str] | None, steps: Sequence[int] | None
) -> list[Part]:
    """RDM after RDM."""
    frames = [
        (state, step)
        for state in _chosen(states, movie.state.values.tolist(), "state")
        for step in _chosen(steps, movie.step.values.tolist(), "step")
        if bool(movie.populated.sel(state=state, step=step))
    ]
    pairs = movie.sizes["pair"]
    _refuse_many(len(frames) * pairs)
    if not frames:
        return []
    sample = _some(_frame(movie, *frames[len(frames) // 2]))
    return [Part(len(frames) * pairs, sample, (_frame(movie, *at) for at in frames))]


def _frame(movie: xarray.Dataset, state: str, step: int) -> pandas.DataFrame:
    """One RDM."""
    import pandas

    rdm = movie.rdm.sel(state=state, step=step)
    times = {name: float(rdm[name]) for name in TIMES}
    return pandas.DataFrame(
        {
            "state": state,
            "step": step,
            **times,
            "first_id": rdm.first_id.values,
            "second_id": rdm.second_id.values,
            "dissimilarity": rdm.values,
        }
    )


def _of_result(path: Path, variable: str | None) -> Part:
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
    table = data[alike].to_dataframe().reset_index().dropna(subset=[first])
    return Part(len(table), _some(table), iter([table]))


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
