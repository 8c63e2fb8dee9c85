"""Compare a recording with a brain, step by step: ``python -m cortexsim.compare``.

Beside noise ceiling, nulls and controls. Record the images that the brain saw, then compare:

  python -m cortexsim.record --stimuli kriegeskorte92 --steps 12 --out r.zarr
  python -m cortexsim.compare r.zarr --neural cichy92-fmri --target IT --out it.nc

rsa: RDMs of every state and step with those of the subjects.
encoding: regression from every state and step to single units or voxels.
decoding: when a property of the images can be read from every state, beside when it can be read
from the brain.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cortexsim.cli import command, parse, run
from cortexsim.experiments.compare.config import PERMUTATIONS, CompareConfig
from cortexsim.files import write

if TYPE_CHECKING:
    from cortexsim.experiments.compare.settings import Settings


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of comparisons."""
    compare(parse(CompareConfig, arguments, "python -m cortexsim.compare", __doc__ or ""))
    return 0


def compare(config: CompareConfig) -> Path:
    """Do what ``config`` says; returns the path of the result."""
    from cortexsim.console import comparison as console
    from cortexsim.experiments.compare.brain import load_brain
    from cortexsim.experiments.compare.jobs import job_of
    from cortexsim.experiments.compare.recorded import open_shown

    out = Path(config.out)
    console.check_options(config)
    if config.permutations is None:
        config = replace(config, permutations=PERMUTATIONS[config.method])
    job = job_of(
        config.method,
        open_shown(config.recording),
        load_brain(config.neural or ""),
        target=config.target,
        settings=_settings(config),
    )
    if config.plan:
        console.print_plan(job.plan())
        return out
    result = job.run()
    result.attrs["configuration"] = json.dumps(config.__dict__)
    write(result, out)
    print(f"wrote {out}")
    if config.figure:
        console.draw(result, console.figure_path(out))
    console.report(result)
    return out


def _settings(config: CompareConfig) -> Settings:
    """How to compare, as an object."""
    from cortexsim.experiments.compare.settings import Settings

    return Settings(
        measure=config.measure,
        comparator=config.comparator,
        estimator=config.estimator,
        resample=config.resample,
        n=config.n,
        permutations=config.permutations or 0,
        correction=config.correction,
        nulls=config.nulls,
        stimuli=config.stimuli,
        policy=config.policy,
        fit_axis=config.fit_axis,
        folds=config.folds,
        components=config.components,
        seed=config.seed,
    )


if __name__ == "__main__":
    run(main)
