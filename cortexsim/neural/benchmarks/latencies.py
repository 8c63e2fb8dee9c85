"""Onset latencies of visual areas, from the literature: ``latencies.csv`` beside this file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cortexsim.neural.benchmarks.download import Arrays, parsed
from cortexsim.neural.benchmarks.loading import measured

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
STATUSES = ("read in the source", "secondary source", "quoted from memory")


def build(files: dict[str, Arrays]) -> xarray.Dataset:
    """mean_ms and spread_ms ``(row)``; area, preparation, source and status of each row. NaN where no number is known."""
    import xarray

    table = parsed(Path(__file__).with_name("latencies.csv").read_bytes())
    assert isinstance(table, dict)
    values = {
        name: measured(
            ("row",),
            np.array([float(t) if t else np.nan for t in table[name]]),
            "latency",
            "ms after stimulus onset",
            species="macaque",
            area="see the coordinate area",
        )
        for name in ("mean_ms", "spread_ms")
    }
    return xarray.Dataset(values, {name: ("row", table[name]) for name in TEXT})
