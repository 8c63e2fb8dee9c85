"""RDMs from tables: one row for each pair, or one square."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.neural.align import align
from cortexsim.neural.layout import quoted, texts, times_of, unique_texts
from cortexsim.neural.own.tables import numbers_of, rows_of, separator
from cortexsim.neural.own.words import Found

LONG = ("first", "second", "dissimilarity")
LEADING = ("subject", "session", "time_ms")


def read_csv(path: Path, stimulus_id: Any = None) -> Found:
    """RDMs from a table: a long one, or one square.

    Parameters
    ----------
    path : Path
        A .csv file with the columns first, second, dissimilarity and perhaps subject, session and
        time_ms; or with one square, ids in the header and in the first column.
    stimulus_id : array_like of shape (n,), optional
        The order of the stimuli; that of the file by default.

    Returns
    -------
    dict of str to array
        RDMs ``([subject,] [session,] [time_ms,] n, n)`` as ``values``, and what the table says of
        their axes.

    Raises
    ------
    AnalysisError
        For files that are no such table, and pairs that are absent or contradict each other.
    """
    return _read(path, rows_of(path), stimulus_id)


def read_frame(frame: Any, stimulus_id: Any = None) -> Found:
    """RDMs from a DataFrame: a long one, or one square with the ids as columns and as index.

    Parameters
    ----------
    frame : pandas.DataFrame
        As :func:`read_csv` has it.
    stimulus_id : array_like of shape (n,), optional
        The order of the stimuli of a long one.

    Returns
    -------
    dict of str to array
        As :func:`read_csv`; a square whose columns only count has no ids.

    Raises
    ------
    AnalysisError
        As :func:`read_csv`.
    """
    names = [str(c) for c in frame.columns]
    if set(LONG) & set(names):
        cells = [["" if v is None or v != v else str(v) for v in row] for row in frame.to_numpy()]
        return _read(Path("the DataFrame"), [names, *cells], stimulus_id)
    if names == [str(k) for k in range(len(names))]:
        return {"values": frame.to_numpy()}
    index = [str(i) for i in frame.index]
    if index == [str(k) for k in range(len(index))]:
        return {"values": frame.to_numpy(), "stimulus_id": names}
    rows = [[i, *row] for i, row in zip(index, frame.to_numpy().tolist(), strict=True)]
    return _wide(Path("the DataFrame"), [["", *names], *rows])


def _read(path: Path, rows: list[list[str]], stimulus_id: Any) -> Found:
    """Rows with a header, as either kind of table."""
    if set(LONG) <= set(rows[0]):
        if not rows[0][0]:  # the names of the rows, which pandas and R write
            rows = [row[1:] for row in rows]
        return _long(path, rows, stimulus_id)
    if set(LONG) & set(rows[0]):
        raise AnalysisError(
            f"{path}: the columns {', '.join(LONG)} are needed; found {', '.join(rows[0])}"
        )
    return _wide(path, rows)


def _numbers(path: Path, cells: Any) -> np.ndarray:
    comma = path.is_file() and separator(path) == ";"
    return numbers_of(cells, where=str(path), comma=comma)


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
    """One row for each pair (of each subject, in each session, at each time)."""
    columns = {name: np.array([row[k] for row in rows[1:]]) for k, name in enumerate(rows[0])}
    unknown = [name for name in columns if name not in (*LONG, *LEADING)]
    if unknown or len(columns) != len(rows[0]):
        raise AnalysisError(
            f"{path}: columns {quoted(unknown or rows[0])} are not understood; {', '.join(LONG)}, "
            f"{', '.join(LEADING)} are"
        )
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
    read: Found = {"stimulus_id": ids}
    place = {s: k for k, s in enumerate(ids)}
    index = [np.array([place[s] for s in columns[c]], dtype=np.int64) for c in ("first", "second")]
    shape: list[int] = [len(ids), len(ids)]
    dims = [d for d in LEADING if d in columns]
    for dim in reversed(dims):
        named, code = _axis(path, dim, columns[dim])
        read[dim] = named
        index.insert(0, code)
        shape.insert(0, len(named))
    if "session" in dims:  # more axes than their number tells
        read["dims"] = tuple(dims)
    read["values"] = _filled(
        path, tuple(index), tuple(shape), values=_numbers(path, columns["dissimilarity"]), ids=ids
    )
    return read


def _axis(path: Path, dim: str, column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The entries of an axis before the pairs, and which one each row has."""
    if dim == "time_ms":
        times, code = np.unique(_numbers(path, column), return_inverse=True)
        return times_of(times), code
    names, first, code = np.unique(column, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))  # in the order of the file
    return names[np.argsort(first)], rank[code]


def _filled(
    path: Path,
    index: tuple[np.ndarray, ...],
    shape: tuple[int, ...],
    *,
    values: np.ndarray,
    ids: np.ndarray,
) -> np.ndarray:
    """Squares from rows; a pair that stands in one order only is mirrored, one that is absent is
    refused.
    """
    flat = np.ravel_multi_index(index, shape)
    seen, counts = np.unique(flat, return_counts=True)
    if (counts > 1).any():
        *_, i, j = np.unravel_index(seen[counts > 1][0], shape)
        raise AnalysisError(
            f"{path}: {int((counts > 1).sum())} pairs stand more than once, the first is "
            f"{ids[i]!r}, {ids[j]!r}"
            + ("" if len(shape) > 3 else "; are a subject or a time missing as columns?")
        )
    filled = np.zeros(shape, dtype=bool)
    filled.reshape(-1)[flat] = True
    squares = np.zeros(shape)
    squares.reshape(-1)[flat] = values
    filled_t, squares_t = filled.swapaxes(-1, -2), squares.swapaxes(-1, -2)
    absent = ~(filled | filled_t) & ~np.eye(shape[-1], dtype=bool)
    if absent.any():
        *_, i, j = np.argwhere(absent)[0]
        raise AnalysisError(
            f"{path}: {int(absent.sum()) // 2} of "
            f"{absent.size // shape[-1] * (shape[-1] - 1) // 2} pairs are absent, the first is "
            f"{ids[i]!r}, {ids[j]!r}; an unknown dissimilarity is a row with an empty cell (and "
            "nan='keep')"
        )
    return np.where(filled, squares, squares_t)
