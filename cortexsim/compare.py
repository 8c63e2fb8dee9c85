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
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortexsim.cli import option, parse, run
from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    import xarray

METHODS = {
    "rsa": "similarity",
    "encoding": "encoding",
    "decoding": "decoding",
}  # and the module of comparison/ that does it
PERMUTATIONS = {"rsa": 1000, "encoding": 100, "decoding": 100}
# Options that mean nothing to the other methods, which refuse them.
ONLY = {
    "measure": ("rsa",),
    "comparator": ("rsa",),
    "resample": ("rsa",),
    "correction": ("rsa",),
    "fit_axis": ("rsa",),
    "policy": ("rsa", "encoding"),
    "estimator": ("encoding", "decoding"),
    "folds": ("encoding", "decoding"),
    "components": ("encoding",),
}
FEWEST = 20  # permutations: with fewer no p is below 0.05
NULLS = ("static", "untrained", "twin")  # steps in random orders are always there: they cost nothing


@dataclass(frozen=True)
class CompareConfig:
    """All settings of a comparison; saved in its result."""

    recording: str = option(text="the recording (or, for rsa, the RDM movie) of the images that the brain saw")
    neural: str | None = option(
        None,
        "a benchmark ('python -m cortexsim.neural list') or your own data: RDMs in .npz, .mat, .csv; a data set or BrainIO assembly in .nc",
    )
    target: str | None = option(
        None, "which variable of the neural data; needed where there are several, e.g. IT or EVC"
    )
    method: str = option("rsa", "how", choices=tuple(METHODS))
    measure: str = option("correlation", "rsa: of the network's RDMs: correlation, cosine, sqeuclidean")
    comparator: str = option("spearman", "rsa: of RDMs: spearman, pearson, rho-a, tau-a, cosine, cosine-whitened, ...")
    estimator: str | None = option(None, "encoding: ridge (default) or pls; decoding: ridge (default), logistic or lda")
    resample: tuple[str, ...] | None = option(
        None,
        "rsa: what the intervals generalise to: subject, condition or both; default both where there are several subjects",
    )
    n: int = option(1000, "bootstrap resamples")
    permutations: int | None = option(
        None, "of conditions, stimuli or labels, for the null; default 1000 for rsa, 100 where each needs new fits"
    )
    correction: str = option("holm", "of p-values over steps and networks", choices=("holm", "fdr", "max", "none"))
    nulls: tuple[str, ...] = option(
        NULLS,
        "controls: static (first pass, held), untrained, twin (feed-forward, as many parameters)",
        nargs="*",
        choices=NULLS,
    )
    stimuli: str | None = option(
        None,
        "the recorded images again, for the controls that must see them; needed for a folder or file, not for sample, cifar10 and benchmarks",
    )
    policy: str = option(
        "clip", "neural time bins that the steps cover only in part", choices=("refuse", "hold", "clip")
    )
    fit_axis: bool = option(False, "rsa, neural data with time: also fit onset and duration of a step to them")
    folds: int = option(5, "encoding, decoding: of the stimuli")
    components: int = option(25, "encoding with pls: how many components")
    seed: int = option(0, "of resamples, permutations, folds and the untrained network")
    out: str = option("comparison.nc", "netCDF file to write; the figure goes beside it")
    figure: bool = option(True, "draw the comparison")
    plan: bool = option(False, "say what would be compared, with what and how long it takes, and stop")
    overwrite: bool = option(False, "replace existing files")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of comparisons."""
    compare(parse(CompareConfig, arguments, "python -m cortexsim.compare", __doc__ or ""))
    return 0


def compare(config: CompareConfig) -> Path:
    """Do what ``config`` says; returns the path of the result."""
    out = Path(config.out)
    figure = out.with_suffix(".png")
    if config.neural is None:
        raise AnalysisError("--neural is missing: give a benchmark (python -m cortexsim.neural list) or a file")
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
    return importlib.import_module(f"cortexsim.experiments.compare.{METHODS[config.method]}").Job(config)


def write(result: xarray.Dataset, path: Path) -> None:
    """A netCDF file, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            result.to_netcdf(temporary, engine="netcdf4")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:  # what HDF5 cannot write, on a full disk say, is a RuntimeError
        raise AnalysisError(f"{path} cannot be written: {error}") from error


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
