"""A recording, an RDM movie or a result as a long table: ``cortexsim table``.

cortexsim table recording.zarr --states IT --out it.csv
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cortexsim.cli import command, option, parse, run

LESS = {
    ".zarr": "for less choose --states and --steps, write .csv.gz, or take a recording made with "
    "--keep mean; all of it as netCDF: cortexsim.interop.to_netcdf",
    ".nc": "for less choose --variable or write .csv.gz",
}


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
    from pathlib import Path

    from cortexsim.console import note
    from cortexsim.experiments.tables import BIG, write_table
    from cortexsim.refusals import human

    config = parse(TableConfig, arguments, "cortexsim table", __doc__ or "")

    def before(rows: int, size: int) -> None:
        if size > BIG:
            less = LESS[".nc" if Path(config.source).suffix == ".nc" else ".zarr"]
            note(f"{config.out}: {rows:,} rows, about {human(size)}; {less}")

    rows = write_table(
        config.source,
        config.out,
        states=config.states,
        steps=config.steps,
        variable=config.variable,
        overwrite=config.overwrite,
        before=before,
    )
    print(f"wrote {config.out}: {rows:,} rows")
    return 0


if __name__ == "__main__":
    run(main)
