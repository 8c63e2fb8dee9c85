"""Onset latencies of visual areas, from the literature: ``latencies.csv`` beside this file.

A reader's own table, ``latencies/latencies.csv`` in the folder of ``CORTEXSIM_DATA``, comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cortexsim.neural.benchmarks.benchmark import BenchmarkError
from cortexsim.neural.benchmarks.content import Arrays
from cortexsim.neural.benchmarks.pieces import measured

if TYPE_CHECKING:
    import xarray

TEXT = (
    "area",
    "spread_kind",
    "preparation",
    "stimulus",
    "source",
    "doi",
    "status",
    "spread_status",
    "note",
)
NUMBERS = ("mean_ms", "spread_ms")
STATUSES = ("read in the source", "secondary source")  # the note of the latter names its page


def build(files: dict[str, Arrays]) -> xarray.Dataset:
    """Onset latencies of the literature.

    Parameters
    ----------
    files : dict of str to dict of str to array
        What the files say, by the name of the file.

    Returns
    -------
    xarray.Dataset
        With mean_ms and spread_ms ``(row,)``, NaN where no number is known; area, preparation,
        source and status of each row.

    Raises
    ------
    BenchmarkError
        For a table of the reader's own without these columns, or with text for a number.
    """
    import xarray

    table = files["latencies.csv"]
    if absent := [name for name in (*NUMBERS, *TEXT) if name not in table]:
        raise BenchmarkError(
            f"the table of latencies in CORTEXSIM_DATA has no {', '.join(absent)}; it has "
            f"{', '.join(table) or 'no columns'}. Every column is needed, empty where nothing is "
            "known"
        )
    values = {
        name: measured(
            ("row",),
            _numbers(table[name], name),
            "latency",
            units="ms after stimulus onset",
            species="macaque",
            area="see the coordinate area",
        )
        for name in NUMBERS
    }
    return xarray.Dataset(values, {name: ("row", table[name]) for name in TEXT})


def _numbers(column: np.ndarray, name: str) -> np.ndarray:
    """The entries of a column, NaN where there is none."""
    try:
        return np.array([float(text) if text else np.nan for text in column])
    except ValueError as error:
        raise BenchmarkError(f"{name} of the table of latencies: {error}") from None
