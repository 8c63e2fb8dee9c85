"""Compare a recording with a brain, step by step, beside noise ceiling, nulls and controls: ``python -m cortexsim.compare``.

Record the images that the brain saw, then compare:

  python -m cortexsim.record --stimuli kriegeskorte92 --steps 12 --out r.zarr
  python -m cortexsim.compare r.zarr --neural cichy92-fmri --target IT --out it.nc

rsa: RDMs of every state and step with those of the subjects. encoding: regression from every state and step to single units or voxels.
decoding: when a property of the images can be read from every state, beside when it can be read from the brain.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortexsim.cli import parse, run
from cortexsim.errors import AnalysisError
from cortexsim.experiments.compare.config import FEWEST, METHODS, ONLY, PERMUTATIONS, CompareConfig
from cortexsim.files import write

if TYPE_CHECKING:
    import xarray


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of comparisons."""
    compare(parse(CompareConfig, arguments, "python -m cortexsim.compare", __doc__ or ""))
    return 0


def compare(config: CompareConfig) -> Path:
    """Do what ``config`` says; returns the path of the result."""
    out = Path(config.out)
    figure = out.with_suffix(".png")
    if config.neural is None:
        raise AnalysisError(
            "--neural is missing: give a benchmark (python -m cortexsim.neural list) or a file"
        )
    for field in fields(config):
        methods = ONLY.get(field.name, tuple(METHODS))
        if config.method not in methods and getattr(config, field.name) != field.default:
            raise AnalysisError(
                f"--{field.name.replace('_', '-')} is for --method {' or '.join(methods)}, not for {config.method}; leave it out"
            )
    _check_out(config, out, figure)
    if config.permutations is None:
        config = replace(config, permutations=PERMUTATIONS[config.method])
    if 0 < (config.permutations or 0) < FEWEST:
        raise AnalysisError(
            f"{config.permutations} permutations cannot reach p < 0.05; give at least {FEWEST}, or 0 for no null"
        )
    job = _job(config)
    if config.plan:
        job.plan()
        return out
    result = job.run()
    result.attrs["configuration"] = json.dumps(config.__dict__)
    write(result, out)
    print(f"wrote {out}")
    if config.figure:
        _draw(result, figure)
    job.report(result)
    return out


def _check_out(config: CompareConfig, out: Path, figure: Path) -> None:
    """What can be refused of --out before anything is computed."""
    if out.suffix != ".nc":
        raise AnalysisError(f"--out {config.out!r} names no netCDF file; give e.g. comparison.nc")
    for path in (out, *([figure, by_time(figure)] if config.figure else [])):
        if path.is_dir():
            raise AnalysisError(f"{path} is a folder; give another --out")
        if path.exists() and not config.overwrite and not config.plan:
            raise AnalysisError(f"{path} exists; give --overwrite to replace it, or another --out")
    there = next(p for p in out.absolute().parents if p.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise AnalysisError(
            f"{out} cannot be written: {there} is {'not writable' if there.is_dir() else 'no folder'}; give another --out"
        )


def _job(config: CompareConfig) -> Any:
    """The job of the method."""
    return importlib.import_module(f"cortexsim.experiments.compare.{METHODS[config.method]}").Job(
        config
    )


def by_time(figure: Path) -> Path:
    """Where the second figure of data with time goes, every step with every time: ``a.png`` -> ``a_time.png``."""
    return figure.with_name(f"{figure.stem}_time.png")


def _draw(result: xarray.Dataset, path: Path) -> None:
    from cortexsim.plotting import comparison, save, time_by_time

    try:
        save(comparison(result), path)
        print(f"drew {path}")
        if {"step", "time_ms"} <= set(result.evaluation.dims):
            save(time_by_time(result), by_time(path))
            print(f"drew {by_time(path)}")
    except OSError as error:
        print(f"the figure could not be written ({error}); the result is complete", file=sys.stderr)


if __name__ == "__main__":
    run(main)
