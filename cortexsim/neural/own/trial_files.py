"""Tables of single trials as people have them: files, tables in memory, data sets."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError


def columns_of(trials: Any) -> tuple[dict[str, np.ndarray], str]:
    """The columns of a table of trials, and what it is called.

    Parameters
    ----------
    trials : path, DataFrame, mapping, or xarray.Dataset
        A .csv, .csv.gz or .tsv; columns by name; or what is ``(trial,)`` of a data set.

    Returns
    -------
    columns : dict of str to array
    name : str

    Raises
    ------
    AnalysisError
        For what is no such table, has no rows, or rows of different lengths.
    """
    if isinstance(trials, (str, Path)):
        return _from_file(Path(trials)), Path(trials).name
    if hasattr(trials, "data_vars"):
        if "trial" not in trials.dims:
            raise AnalysisError(
                f"the data set has the dimensions {tuple(trials.dims)}; single trials are "
                "variables over 'trial', e.g. neural.load('tang-masking')"
            )
        single = {str(k): v.values for k, v in trials.variables.items() if v.dims == ("trial",)}
        return _full(single), str(trials.attrs.get("name", "own data"))
    names = getattr(trials, "columns", None)
    if names is None and not isinstance(trials, Mapping):
        raise AnalysisError(
            f"trials is a {type(trials).__name__}; give the path of a .csv, a DataFrame, columns "
            "by name, or a data set of single trials"
        )
    listed = list(trials if names is None else names)
    return _full({str(k): np.asarray(trials[k], dtype=object) for k in listed}), "own data"


def _full(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    lengths = {k: np.shape(v) for k, v in columns.items()}
    if len(set(lengths.values())) > 1 or any(len(shape) != 1 for shape in lengths.values()):
        raise AnalysisError(f"the columns of the table of trials are not alike: {lengths}")
    if not columns or not len(next(iter(columns.values()))):
        raise AnalysisError("the table of trials has no rows")
    return columns


def _from_file(path: Path) -> dict[str, np.ndarray]:
    """A table of text; tabs between the cells of a .tsv, or what its header shows."""
    if not path.is_file():
        raise AnalysisError(f"there is no file {path}")
    opened = gzip.open if path.suffix == ".gz" else open
    kind = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if kind.lower() not in (".csv", ".tsv", ".txt"):
        raise AnalysisError(f"{path.name}: trials are read from .csv, .tsv or .txt, also .gz")
    try:
        with opened(path, "rt", newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            marks = {mark: first.count(mark) for mark in (",", "\t", ";")}
            file.seek(0)
            rows = [r for r in csv.reader(file, delimiter=max(marks, key=marks.__getitem__)) if r]
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise AnalysisError(f"{path} cannot be read as a table: {error}") from None
    if len(rows) < 2:
        raise AnalysisError(f"{path} has no trials; a header and one row a trial are needed")
    header, *rows = ([cell.strip() for cell in row] for row in rows)
    if odd := [str(k) for k, row in enumerate(rows, 2) if len(row) != len(header)]:
        raise AnalysisError(f"{path}: row {', '.join(odd[:5])} has not {len(header)} cells")
    if len(set(header)) < len(header):
        raise AnalysisError(f"{path}: a name stands twice in the header {', '.join(header)}")
    return {n: np.array(c, dtype=object) for n, c in zip(header, zip(*rows), strict=True)}
