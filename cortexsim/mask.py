"""The masking experiment on networks: ``python -m cortexsim.mask``.

Each stimulus is shown for the SOA, then a blank or a mask, as Tang et al. 2018 did with people. Out come accuracy and d' against the SOA for every mask and
readout time, thresholds, what the mask does to each state at each step, and which connections carry that (--lesion), all with intervals over stimuli.

  python -m cortexsim.mask --model cortex4 --stimuli cifar10 --limit 1000 --mask pink phase --lesion none feedback lateral --out masking.nc
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cortexsim.cli import parse, run
from cortexsim.errors import AnalysisError
from cortexsim.experiments.mask.config import MaskConfig
from cortexsim.experiments.mask.subject import Subject, masked, subject

if TYPE_CHECKING:
    import xarray

    from cortexsim.stimuli.images import Stimuli


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of masking."""
    mask(parse(MaskConfig, arguments, "python -m cortexsim.mask", __doc__ or ""))
    return 0


def mask(config: MaskConfig) -> Path:
    """Do what ``config`` says; returns the path of the result."""
    from cortexsim.files import write
    from cortexsim.models.weights import device_of
    from cortexsim.stimuli.images import check, load_stimuli

    out = Path(config.out)
    _check(config, out)
    stimuli, sha256 = check(load_stimuli(config.stimuli, limit=config.limit))
    subjects = [subject(name, config, stimuli) for name in config.model]
    _print_plan(subjects, stimuli, config)
    if config.plan:
        return out
    result = masked(subjects, stimuli, config, device=device_of(config.device))
    result.attrs |= {
        "configuration": json.dumps(config.__dict__),
        "stimuli": stimuli.name,
        "stimuli_sha256": sha256,
    }
    write(result, out)
    print(f"wrote {out}")
    if config.figure:
        _draw(result, out.with_suffix(".png"))
    _report(result)
    return out


def _check(config: MaskConfig, out: Path) -> None:
    """What can be refused before images are read."""
    from cortexsim.experiments.mask.results import LEAST

    if out.suffix != ".nc":
        raise AnalysisError(f"--out {config.out!r} names no netCDF file; give e.g. masking.nc")
    for path in (out, *([out.with_suffix(".png")] if config.figure else [])):
        if path.exists() and not config.overwrite and not config.plan:
            raise AnalysisError(f"{path} exists; give --overwrite to replace it, or another --out")
    for what, names in (("--model", config.model), ("--lesion", config.lesion)):
        if len(set(names)) < len(names):
            raise AnalysisError(f"{what} {' '.join(names)}: name each once")
    if min(config.n, config.permutations) < LEAST:
        raise AnalysisError(
            f"--n {config.n} and --permutations {config.permutations} must be at least {LEAST}"
        )


def _print_plan(subjects: Sequence[Subject], stimuli: Stimuli, config: MaskConfig) -> None:
    """How many runs, and how long they take."""
    from cortexsim.console import duration
    from cortexsim.experiments.mask.run import seconds_per_image
    from cortexsim.stimuli.trials import Masker

    total = 0.0
    for s in subjects:
        d, n = s.design, len(stimuli)
        masks = Masker(stimuli, s.nets["none"], s.preprocessing, seed=config.seed)
        began = time.perf_counter()
        for kind in d.masks:
            masks(kind, range(min(4, n)))
        each = (time.perf_counter() - began) / min(4, n) + seconds_per_image(
            s.nets, s.preprocessing, d
        )
        runs = n * len(d.soa_ms) * len(d.conditions) * len(s.nets)
        print(
            f"{s.name}: {n:,} stimuli x {len(d.soa_ms)} SOAs x {len(d.conditions)} presentations ({', '.join(d.conditions)}) x {len(s.nets)} networks "
            f"({', '.join(s.nets)}) = {runs:,} runs of {d.steps} steps, about {duration(each * n)}"
        )
        if s.caveat:
            print(f"  note: {s.name} was {s.caveat}")
        total += each * n
    print(
        f"together about {duration(total)} for the runs (measured on a small batch); statistics come on top"
        + (". Nothing was written." if config.plan else "")
    )


def _draw(result: xarray.Dataset, path: Path) -> None:
    from cortexsim.plotting import save
    from cortexsim.plotting.masking import masking

    try:
        save(masking(result), path)
        print(f"drew {path}")
    except OSError as error:
        print(f"the figure could not be written ({error}); the result is complete", file=sys.stderr)


def _report(result: xarray.Dataset) -> None:
    """Accuracy and d' by SOA at the last readout, thresholds, and what lesions change."""
    from cortexsim.experiments.mask.results import describe_threshold

    print(
        f"chance {result.attrs['chance']:.3g}, n = {result.attrs['n']} stimuli; accuracy (d'), at the last readout that has an answer; intervals in the file"
    )
    print("  SOA, ms" + "".join(f"{s:>14g}" for s in result.soa_ms.values))
    for network in result.network.values:
        for lesion in result.lesion.values:
            one = result.sel(network=network, lesion=lesion)
            there = one.accuracy.notnull().any(("mask", "soa_ms"))
            if not bool(there.any()):
                continue
            readout = int(one.readout.values[there.values][-1])
            print(
                f"{network}{'' if lesion == 'none' else f' without {lesion}'}, readout at step {readout}"
            )
            for kind in one["mask"].values:
                at = one.sel(mask=kind, readout=readout)
                row = "".join(
                    f"{a:>7.3f} ({d:.2f})".rjust(14)
                    for a, d in zip(at.accuracy.values, at.dprime.values, strict=True)
                )
                print(f"  {kind:8s}{row}   {describe_threshold(at)}")


if __name__ == "__main__":
    run(main)
