"""Whether outputs are what was written: ``cortexsim verify PATH ...``.

Every file is read and compared with its checksums: recordings, RDM movies, netCDF files, weights
with their cards, checkpoints of training, packages for Brain-Score, the numbers of figures. The
exit status is 1 where something is damaged.

  cortexsim verify recording.zarr masking.nc
  cortexsim verify runs/          all outputs in a folder
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from cortexsim.cli import command, option, parse, run
from cortexsim.errors import UncheckedWarning


@dataclass(frozen=True)
class VerifyConfig:
    """What to verify."""

    paths: tuple[str, ...] = option(text="outputs, or folders of outputs", metavar="PATH")


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of verifying."""
    return verify(parse(VerifyConfig, arguments, "cortexsim verify", __doc__ or ""))


def verify(config: VerifyConfig) -> int:
    """Do what ``config`` says; returns the exit status: 1 if something is damaged."""
    from cortexsim.experiments.verify.outputs import verified

    sound = True
    for path in config.paths:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UncheckedWarning)  # said below
            verdicts = verified(path)
        for verdict in verdicts:
            sound &= verdict.is_sound
            files = f"{verdict.files:,} file{'s' * (verdict.files != 1)}"
            if not verdict.is_sound:
                print(f"{verdict.path}: DAMAGED ({verdict.kind})", file=sys.stderr)
                for text in (*verdict.damaged, *filter(None, [verdict.advice])):
                    print(f"  {text}", file=sys.stderr)
            elif verdict.checked:
                print(f"{verdict.path}: sound ({verdict.kind}, {files})")
            else:
                print(
                    f"{verdict.path}: can be read ({verdict.kind}); it carries no checksums, so "
                    "that damage may go unnoticed"
                )
    return 0 if sound else 1


if __name__ == "__main__":
    run(main)
