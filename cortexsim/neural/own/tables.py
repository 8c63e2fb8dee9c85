"""Tables that people bring: .csv, .tsv and DataFrames, with the marks that their locale has."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.neural.layout import quoted

SUFFIXES = (".csv", ".tsv", ".txt")
MISSING = ("", "na", "n/a", "nan", "none", "null", "<na>")  # in small letters
MARKS = {",": "commas", ";": "semicolons", "\t": "tabs"}


@dataclass(frozen=True)
class Table:
    """Columns of cells: text of a file, or what a DataFrame has.

    Parameters
    ----------
    where : str
        What it is called in errors.
    columns : mapping of str to array of shape (row,)
        By name, in their order.
    comma : bool
        Whether decimals have a comma, as in tables separated by semicolons.
    unnamed : tuple of str
        Columns that the table has no name for, such as the index that pandas writes.
    """

    where: str
    columns: Mapping[str, np.ndarray]
    comma: bool = False
    unnamed: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def numbers(self, *names: str) -> np.ndarray:
        """Columns as float64; an empty cell is NaN.

        Parameters
        ----------
        *names : str
            Of the columns.

        Returns
        -------
        array of float64, shape (row,) or, of several columns, (row, column)
            The numbers.

        Raises
        ------
        AnalysisError
            It names the first cell that is no number.
        """
        cells = [self.columns[name] for name in names]
        where = f"{self.where}: {', '.join(names)}"
        if all(c.dtype.kind in "fiub" for c in cells):
            values = np.stack(cells, axis=1).astype(np.float64)
        else:
            values = numbers_of(np.stack(cells, axis=1), where=where, comma=self.comma)
        return values[:, 0] if len(names) == 1 else values

    def is_numeric(self, name: str) -> bool:
        """Whether a column has numbers only (yes and no are none), and at least one."""
        if self.columns[name].dtype.kind == "b":
            return False
        try:
            return bool((~np.isnan(self.numbers(name))).any())
        except AnalysisError:
            return False


def read_table(path: Path) -> Table:
    """A table in UTF-8 (with or without a byte-order mark), its columns as text.

    Cells are separated by commas, semicolons or tabs, whichever the header has; between semicolons
    decimals may have a comma.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Table
        One row at least.

    Raises
    ------
    AnalysisError
        For what is no such table, rows of another length, and names that occur twice.
    """
    header, *rows = rows_of(path)
    if twice := sorted({c for c in header if c and header.count(c) > 1}):
        raise AnalysisError(f"{path}: {len(twice)} columns stand twice in the header: {twice[0]!r}")
    cells = np.array(rows, dtype=str)
    kept = [k for k, c in enumerate(header) if c or (cells[:, k] != "").any()]  # else a mark
    unnamed = tuple(f"column {k + 1}" for k in kept if not header[k])
    columns = {header[k] or f"column {k + 1}": cells[:, k] for k in kept}
    return Table(path.name, columns, comma=separator(path) == ";", unnamed=unnamed)


def table_of(source: Any) -> Table:
    """A table from a path or a DataFrame.

    Parameters
    ----------
    source : path or pandas.DataFrame
        The table; the index of a DataFrame becomes columns, unless it only counts the rows.

    Returns
    -------
    Table
        One row at least.

    Raises
    ------
    AnalysisError
        As :func:`read_table`, and for what is neither.
    """
    if isinstance(source, (str, Path)):
        path = Path(source)
        if path.suffix.lower() not in SUFFIXES:
            raise AnalysisError(
                f"{path.name}: tables are read from {', '.join(SUFFIXES)}, or given as a DataFrame"
            )
        return read_table(path)
    if not is_frame(source):
        raise AnalysisError(
            f"the table is a {type(source).__name__}; give a .csv file or a pandas.DataFrame"
        )
    counted = type(source.index).__name__ == "RangeIndex" and source.index.name is None
    named = [n for n in source.index.names if n is not None]
    frame = source if counted else source.reset_index()
    if not len(frame):
        raise AnalysisError("the DataFrame has no rows")
    names = [str(c) for c in frame.columns]
    if len(set(names)) != len(names):
        raise AnalysisError("columns of the DataFrame have the same name; rename them")
    columns = {n: _cells(frame.iloc[:, k]) for k, n in enumerate(names)}
    return Table("the DataFrame", columns, unnamed=() if counted or named else (names[0],))


def _cells(column: Any) -> np.ndarray:
    """A column of a DataFrame; <NA> of pandas is NaN or None."""
    if getattr(column.dtype, "kind", "O") in "fiu":
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    if column.dtype == bool:
        return column.to_numpy()
    return np.array(
        [None if v is None or v != v else v for v in column.to_numpy(object, na_value=None)],
        dtype=object,
    )


def is_frame(source: Any) -> bool:
    """Whether a source is a pandas DataFrame."""
    return type(source).__module__.startswith("pandas") and hasattr(source, "columns")


def separator(path: Path) -> str:
    """The mark between the cells: the one of ``MARKS`` that the first line has most of."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        try:
            first = file.readline()
            if said := re.fullmatch(r"sep=(.)\s*", first):
                return said[1]
        except UnicodeDecodeError:
            return ","
    bare = re.sub(r'"[^"]*"', "", first)
    return max(MARKS, key=lambda mark: bare.count(mark))


def rows_of(path: Path) -> list[list[str]]:
    """The rows of a table that are not empty, the header first, cells without blanks around them.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    list of list of str
        All of one length, two at least.

    Raises
    ------
    AnalysisError
        For a file that is not there or no table.
    """
    if not path.is_file():
        raise AnalysisError(f"there is no file {path}")
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = [
                [cell.strip() for cell in row]
                for row in csv.reader(file, delimiter=separator(path))
                if any(map(str.strip, row))
            ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise AnalysisError(f"{path} is not a table in UTF-8: {error}") from None
    if rows and rows[0][0] == "sep=":  # how spreadsheets say which mark separates
        rows = rows[1:]
    if len(rows) < 2 or len(rows[0]) < 2:
        found = f"its first line is {separator(path).join(rows[0])!r}" if rows else "it is empty"
        raise AnalysisError(
            f"{path} is no table with commas: {found}. A header and rows are needed, with ',' "
            "between and '.' in decimals (or ';' between, and ',' or '.' in decimals)"
        )
    short = [k for k, row in enumerate(rows, 1) if len(row) != len(rows[0])]
    if short:
        raise AnalysisError(
            f"{path}: row {short[0]} has {len(rows[short[0] - 1])} cells, the header "
            f"{len(rows[0])} (rows that are not empty are counted)"
        )
    return rows


def numbers_of(cells: Any, *, where: str, comma: bool = False) -> np.ndarray:
    """Cells as float64; an empty one is NaN, and so are NA and <NA>, as R and pandas write it.

    Parameters
    ----------
    cells : array of str, or of numbers
        The cells.
    where : str
        What they are called in errors.
    comma : bool
        Whether decimals may have a comma.

    Returns
    -------
    array of float64
        Of the same shape.

    Raises
    ------
    AnalysisError
        For what is no number, and for decimals with both marks.
    """
    cells = np.asarray(cells)
    if cells.dtype.kind in "fiub":
        return cells.astype(np.float64)
    if cells.dtype.kind == "O":  # of a DataFrame
        cells = np.array(["" if v is None or v != v else str(v) for v in cells.ravel()]).reshape(
            cells.shape
        )
    cells = cells.astype(str)
    if comma and (commas := np.char.find(cells, ",") >= 0).any():
        if (points := np.char.find(cells, ".") >= 0).any():
            examples = quoted([cells[commas][0], cells[points][0]])
            raise AnalysisError(
                f"{where}: decimals with a comma and with a point, {examples}; which separates "
                "thousands? Write all in one way"
            )
        cells = np.char.replace(cells, ",", ".")
    missing = np.isin(np.char.lower(cells), MISSING)
    try:
        return np.where(missing, "nan", cells).astype(np.float64)
    except ValueError:
        filled = (c for c in cells.ravel().tolist() if c.lower() not in MISSING)
        wrong = next(c for c in filled if not _is_number(c))
        raise AnalysisError(
            f"{where}: could not convert string to float: {wrong!r}; dissimilarities, responses "
            "and times are numbers with '.' in decimals"
        ) from None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def column_names(table: Table, words: Mapping[str, Any]) -> dict[str, str]:
    """Which column holds each word: that of this name, or the one that a caller named.

    Parameters
    ----------
    table : Table
        The table.
    words : mapping of str to object
        What the caller stated for each word; text is the name of a column.

    Returns
    -------
    dict of str to str
        Only words that have a column.

    Raises
    ------
    AnalysisError
        For a column that is not there.
    """
    names: dict[str, str] = {}
    for word, said in words.items():
        if isinstance(said, str):
            if said not in table.columns:
                raise AnalysisError(
                    f"{table.where} has no column {said!r} for {word}; it has "
                    f"{', '.join(table.columns)}"
                )
            names[word] = said
        elif word in table.columns:
            names[word] = word
    return names
