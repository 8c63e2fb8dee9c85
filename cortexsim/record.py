"""Record what every state of a network does at every step: ``python -m cortexsim.record``.

With no arguments: the bundled cortex4 on 48 crops of the two photographs that scikit-learn ships, into recording.zarr, with a figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cortexsim.cli import parse, run
from cortexsim.experiments.record import RecordConfig, record

if TYPE_CHECKING:
    pass


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of recording."""
    config = parse(RecordConfig, arguments, "python -m cortexsim.record", __doc__ or "")
    record(config)
    return 0


if __name__ == "__main__":
    run(main)
