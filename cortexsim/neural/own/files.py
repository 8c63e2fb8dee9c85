"""Files that people bring: arrays by name from .npz and .mat, RDMs from .csv."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.neural.align import align
from cortexsim.neural.own.layout import quoted, texts, times_of, unique_texts

Found = dict[
    str, Any
]  # values, and whatever of stimulus_id, label, subject, time_ms, unit the file names
WORDS = ("stimulus_id", "label", "subject", "time_ms", "unit")
LONG = ("first", "second", "dissimilarity")


def read_arrays(path: Path) -> dict[str, Any]:
    """Every array of an .npz or .mat file by its name; fields of structs as ``struct.field``.

    Raises AnalysisError for a file that is not there, of another kind, cut off, or that would have to run code to be read.
    """
    if not path.is_file():
        raise AnalysisError(
            f"there is no file {path}" + (" (it is a folder)" if path.is_dir() else "")
        )
    if path.suffix.lower() not in READERS:
        raise AnalysisError(
            f"{path.name}: files are read from {', '.join(READERS)} (and RDMs from .csv)"
        )
    try:
        return READERS[path.suffix.lower()](path)
    except AnalysisError:
        raise
    except (
        Exception
    ) as error:  # what a parser says of a file that is not what its name says can be anything
        raise AnalysisError(f"{path} cannot be read: {type(error).__name__}: {error}") from error


def _npz(path: Path) -> dict[str, Any]:
    out = {}
    # NumPy leaves a file open whose end is missing, if it opened it itself.
    with open(path, "rb") as raw:
        file = np.load(raw, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise AnalysisError(f"{path} holds one array without a name; save it with numpy.savez")
        for name in file.files:
            try:
                out[name] = file[name]
            except ValueError as error:
                if "pickle" not in str(error):
                    raise
                raise AnalysisError(
                    f"{path}: {name!r} is saved as Python objects, which could run code when read; save text as {name}.astype(str)"
                ) from None
    return out


def _mat(path: Path) -> dict[str, Any]:
    from scipy.io import loadmat

    try:
        found = loadmat(path, simplify_cells=True)
    except NotImplementedError:  # version 7.3, which is HDF5
        found = _hdf(path)
    return _flat({k: v for k, v in found.items() if not k.startswith("__")})


def _hdf(path: Path) -> dict[str, Any]:
    try:
        import h5py
    except ImportError:
        raise AnalysisError(
            f"{path} is a MATLAB file of version 7.3 (HDF5), which needs h5py: pip install h5py; or save it in MATLAB with '-v7'"
        ) from None

    def value(node: Any) -> Any:
        if isinstance(node, h5py.Group):
            return {k: value(node[k]) for k in node}
        data = node[()]
        if "MATLAB_empty" in node.attrs:
            return np.empty(0)
        data = np.asarray(data).T  # MATLAB stores columns first
        if node.dtype == h5py.ref_dtype:
            return np.array([value(file[r]) for r in data.ravel(order="F")] + [None], dtype=object)[
                :-1
            ]
        if node.attrs.get("MATLAB_class") == b"char":
            lines = ["".join(map(chr, row)).rstrip() for row in np.atleast_2d(data)]
            return lines[0] if len(lines) == 1 else np.array(lines)
        return np.squeeze(data)

    with h5py.File(path) as file:
        return {k: value(file[k]) for k in file if not k.startswith("#")}


def _flat(found: Any, name: str = "") -> dict[str, Any]:
    """Structs and arrays of structs as ``a.b`` and ``a[0].b``."""
    if isinstance(found, dict):
        parts = {f"{name}.{k}" if name else k: v for k, v in found.items()}
    elif isinstance(found, (list, np.ndarray)) and any(
        isinstance(v, dict) for v in np.ravel(found)[:1]
    ):
        parts = {f"{name}[{k}]": v for k, v in enumerate(np.ravel(found))}
    else:
        return {name: found}
    return {k: v for part, inner in parts.items() for k, v in _flat(inner, part).items()}


READERS: dict[str, Callable[[Path], dict[str, Any]]] = {".npz": _npz, ".mat": _mat}


def pick(
    path: Path,
    variable: str | None,
    fits: Callable[[tuple[int, ...], int | None], bool],
    wanted: str,
) -> Found:
    """The one array of a file that fits (its shape, and the number of stimuli if the file names them), with the words the file has for its axes."""
    arrays = read_arrays(path)
    words = {k: arrays[k] for k in WORDS if k in arrays}
    count = np.size(words["stimulus_id"]) if "stimulus_id" in words else None
    shapes = {
        k: np.shape(v)
        for k, v in arrays.items()
        if k not in WORDS and np.asarray(v).dtype.kind in "fiub"
    }
    listed = ", ".join(f"{k} {shape}" for k, shape in shapes.items()) or "no numbers"
    if variable is not None:
        if variable not in shapes:
            raise AnalysisError(f"{path} holds no array {variable!r}; it holds {listed}")
        return {"values": arrays[variable], **words}
    candidates = [k for k, shape in shapes.items() if fits(shape, count)]
    if len(candidates) != 1:
        raise AnalysisError(
            f"{path} holds {len(candidates) or 'no'} arrays that could be {wanted}: "
            + (", ".join(f"{k} {shapes[k]}" for k in candidates) or f"it holds {listed}")
            + ". Say which with variable='...'"
        )
    return {"values": arrays[candidates[0]], **words}


def read_csv(path: Path, stimulus_id: Any = None) -> Found:
    """RDMs ``([subject,] [time_ms,] n, n)`` from a table: long (first, second, dissimilarity[, subject][, time_ms]) or one square.

    stimulus_id: the order of the stimuli; None is that of the file.
    """
    if not path.is_file():
        raise AnalysisError(f"there is no file {path}")
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = [
                [cell.strip() for cell in row]
                for row in csv.reader(file)
                if any(map(str.strip, row))
            ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise AnalysisError(f"{path} is not a table in UTF-8: {error}") from None
    if len(rows) < 2 or len(rows[0]) < 2:
        found = f"its first line is {','.join(rows[0])!r}" if rows else "it is empty"
        raise AnalysisError(
            f"{path} is no table with commas: {found}. A header and rows are needed, with ',' between and '.' in decimals"
        )
    short = [k for k, row in enumerate(rows, 1) if len(row) != len(rows[0])]
    if short:
        raise AnalysisError(
            f"{path}: row {short[0]} has {len(rows[short[0] - 1])} cells, the header {len(rows[0])} (rows that are not empty are counted)"
        )
    if set(LONG) <= set(rows[0]):
        return _long(path, rows, stimulus_id)
    if set(LONG) & set(rows[0]):
        raise AnalysisError(
            f"{path}: the columns {', '.join(LONG)} are needed; found {', '.join(rows[0])}"
        )
    return _wide(path, rows)


def _numbers(path: Path, cells: Any) -> np.ndarray:
    """Cells as float64; an empty one is NaN."""
    cells = np.asarray(cells)
    try:
        return np.where(cells == "", "nan", cells).astype(np.float64)
    except ValueError as error:
        raise AnalysisError(
            f"{path}: {error}; dissimilarities and times are numbers with '.' in decimals"
        ) from None


def _wide(path: Path, rows: list[list[str]]) -> Found:
    """A square with the ids in the header and in the first column."""
    ids = unique_texts(rows[0][1:], f"the header of {path.name}")
    first = unique_texts([row[0] for row in rows[1:]], f"the first column of {path.name}")
    order = align(first, ids, what=(f"the first column of {path.name}", "its header"))
    if len(first) != len(ids):
        raise AnalysisError(
            f"{path}: {len(first)} rows and {len(ids)} columns; a square has as many of both"
        )
    return {"values": _numbers(path, [row[1:] for row in rows[1:]])[order], "stimulus_id": ids}


def _long(path: Path, rows: list[list[str]], stimulus_id: Any) -> Found:
    """One row for each pair (of each subject, at each time)."""
    columns = {name: np.array([row[k] for row in rows[1:]]) for k, name in enumerate(rows[0])}
    unknown = [name for name in columns if name not in (*LONG, "subject", "time_ms")]
    if unknown or len(columns) != len(rows[0]):
        raise AnalysisError(
            f"{path}: columns {quoted(unknown or rows[0])} are not understood; {', '.join(LONG)}, subject, time_ms are"
        )
    out: Found = {}
    both = np.concatenate([columns["first"], columns["second"]])
    names, where = np.unique(both, return_index=True)
    ids = texts(names[np.argsort(where)], f"the ids of {path.name}")
    if stimulus_id is not None:
        wanted = unique_texts(stimulus_id, "stimulus_id")
        ids = ids[align(ids, wanted, what=(path.name, "stimulus_id"))]
        kept = np.isin(columns["first"], ids.astype(str)) & np.isin(
            columns["second"], ids.astype(str)
        )
        columns = {name: column[kept] for name, column in columns.items()}
    out["stimulus_id"] = ids
    place = {s: k for k, s in enumerate(ids)}
    index = [np.array([place[s] for s in columns[c]], dtype=np.int64) for c in ("first", "second")]
    shape: list[int] = [len(ids), len(ids)]
    if "time_ms" in columns:
        times, code = np.unique(_numbers(path, columns["time_ms"]), return_inverse=True)
        out["time_ms"] = times_of(times)
        index.insert(0, code)
        shape.insert(0, len(times))
    if "subject" in columns:
        subjects, first, code = np.unique(
            columns["subject"], return_index=True, return_inverse=True
        )
        rank = np.argsort(np.argsort(first))  # in the order of the file
        out["subject"] = subjects[np.argsort(first)]
        index.insert(0, rank[code])
        shape.insert(0, len(subjects))
    out["values"] = _filled(
        path, tuple(index), tuple(shape), _numbers(path, columns["dissimilarity"]), ids
    )
    return out


def _filled(
    path: Path,
    index: tuple[np.ndarray, ...],
    shape: tuple[int, ...],
    values: np.ndarray,
    ids: np.ndarray,
) -> np.ndarray:
    """Squares from rows; a pair that stands in one order only is mirrored, one that is absent is refused."""
    flat = np.ravel_multi_index(index, shape)
    seen, counts = np.unique(flat, return_counts=True)
    if (counts > 1).any():
        *_, i, j = np.unravel_index(seen[counts > 1][0], shape)
        raise AnalysisError(
            f"{path}: {int((counts > 1).sum())} pairs stand more than once, the first is {ids[i]!r}, {ids[j]!r}"
            + ("" if len(shape) > 3 else "; are a subject or a time missing as columns?")
        )
    there = np.zeros(shape, dtype=bool)
    there.reshape(-1)[flat] = True
    out = np.zeros(shape)
    out.reshape(-1)[flat] = values
    there_t, out_t = there.swapaxes(-1, -2), out.swapaxes(-1, -2)
    absent = ~(there | there_t) & ~np.eye(shape[-1], dtype=bool)
    if absent.any():
        *_, i, j = np.argwhere(absent)[0]
        raise AnalysisError(
            f"{path}: {int(absent.sum()) // 2} of {absent.size // shape[-1] * (shape[-1] - 1) // 2} pairs are absent, the first is "
            f"{ids[i]!r}, {ids[j]!r}; an unknown dissimilarity is a row with an empty cell (and nan='keep')"
        )
    return np.where(there, out, out_t)
