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
MISSING = ("", "NA", "<NA>")
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
    rows : array of shape (row,), optional
        The names of the rows: a column without a name, as pandas and R write them, or an index.
    """

    where: str
    columns: Mapping[str, np.ndarray]
    comma: bool = False
    rows: np.ndarray | None = None

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
        """Whether a column has numbers only, and at least one."""
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
    names = header[1:] if not header[0] else header
    if twice := sorted({c for c in names if c and names.count(c) > 1}):
        raise AnalysisError(f"{path}: {len(twice)} columns stand twice in the header: {twice[0]!r}")
    cells = np.array(rows, dtype=str)
    if nameless := [k for k, c in enumerate(header) if k and not c and (cells[:, k] != "").any()]:
        raise AnalysisError(
            f"{path}: column {nameless[0] + 1} has no name in the header; it holds "
            f"{quoted(cells[:1, nameless[0]])}. Only the first may have none: the names of the rows"
        )
    columns = {c: cells[:, k] for k, c in enumerate(header) if c}
    row_names = None if header[0] else cells[:, 0]
    return Table(path.name, columns, comma=separator(path) == ";", rows=row_names)


def table_of(source: Any) -> Table:
    """A table from a path or a DataFrame.

    Parameters
    ----------
    source : path or pandas.DataFrame
        The table; of a DataFrame an index with names becomes columns, one of text without a name
        the names of the rows.

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
    frame = source.reset_index() if any(n is not None for n in source.index.names) else source
    if not len(frame):
        raise AnalysisError("the DataFrame has no rows")
    names = [str(c) for c in frame.columns]
    if len(set(names)) != len(names):
        raise AnalysisError("columns of the DataFrame have the same name; rename them")
    columns = {n: frame.iloc[:, k].to_numpy() for k, n in enumerate(names)}
    named = source.index.nlevels == 1 and source.index.name is None
    is_text = named and all(isinstance(v, str) for v in source.index)
    return Table("the DataFrame", columns, rows=source.index.to_numpy() if is_text else None)


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
    try:
        return np.where(np.isin(cells, MISSING), "nan", cells).astype(np.float64)
    except ValueError:
        filled = (c for c in cells.ravel().tolist() if c not in MISSING)
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
