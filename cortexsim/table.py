"""A recording, an RDM movie or a result as a long table: ``cortexsim table``.

cortexsim table recording.zarr --states IT --out it.csv
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cortexsim.cli import command, option, parse, run


@dataclass(frozen=True)
class TableConfig:
    """All settings of a table."""

    source: str = option(text="a recording or an RDM movie (.zarr), or a result (.nc)")
    out: str = option("table.csv", "the file to write: .csv or .tsv, also .gz")
    states: tuple[str, ...] | None = option(None, "states, readout too; default all")
    steps: tuple[int, ...] | None = option(None, "steps; default all")
    variable: str | None = option(None, "of a result: the variable whose axes make the rows")
    overwrite: bool = option(False, "replace an existing file")


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of tables."""
    from cortexsim.experiments.tables import write_table

    config = parse(TableConfig, arguments, "cortexsim table", __doc__ or "")
    rows = write_table(
        config.source,
        config.out,
        states=config.states,
        steps=config.steps,
        variable=config.variable,
        overwrite=config.overwrite,
    )
    print(f"wrote {config.out}: {rows:,} rows")
    return 0


if __name__ == "__main__":
    run(main)
