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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.cli import option, parse, run
from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    import xarray

    from cortexsim.experiments.mask.run import Design
    from cortexsim.models.protocol import Unrolls
    from cortexsim.stimuli.images import Preprocessing, Stimuli


@dataclass(frozen=True)
class MaskConfig:
    """All settings of a masking experiment; saved in its result."""

    model: tuple[str, ...] = option(
        ("cortex4",),
        "bundled networks, .safetensors files with their model cards beside them, or networks of others as record takes them (torchvision:NAME, FILE.py:FUNCTION)",
    )
    stimuli: str = option(
        "cifar10",
        "labelled images that the networks were not trained on: cifar10 (its test images), a folder, a .csv or an .npz, as record takes them",
    )
    limit: int | None = option(None, "show the first N stimuli only")
    soa_ms: tuple[float, ...] = option(
        (25.0, 50.0, 75.0, 100.0, 150.0), "from the onset of the image to that of the mask; the image is on for so long"
    )
    mask: tuple[str, ...] = option(
        ("phase",),
        "kinds of mask: white, pink, phase, blocks, checkerboard, grey, image (another one, of another class), texture:STATE (or texture:STATE@STEP)",
    )
    mask_ms: float = option(500.0, "how long the mask stays (longer than the run: until its end)")
    steps: int | None = option(None, "steps of a run; default as far as the network has normalisation statistics")
    lesion: tuple[str, ...] = option(
        ("none",),
        "networks to cross with the masks: none, feedback, lateral, skip, V4->V2, V4->V2@3-5 (departure steps); several in one: feedback+lateral",
    )
    step_ms: tuple[float, ...] = option(
        (20.0, 25.0, 50.0), "duration of a step: low, nominal, high", nargs=3, metavar=("LOW", "NOMINAL", "HIGH")
    )
    round: bool = option(False, "take the nearest whole number of steps for SOAs and masks that are none")
    compared: int = option(100, "stimuli of the RDMs that are compared; 0 for none")
    decoded: int = option(300, "stimuli that are decoded from the states; 0 for none")
    n: int = option(1000, "bootstrap resamples of stimuli")
    permutations: int = option(200, "of labels, for the null of decoding")
    seed: int = option(0, "of masks, resamples, projections, folds and permutations")
    batch_size: int = option(100, "images a batch")
    size: int | None = option(None, "image side in pixels; default as the model card declares")
    device: str = option("auto", "auto, cpu, cuda, cuda:N")
    out: str = option("masking.nc", "netCDF file to write; the figure goes beside it")
    figure: bool = option(True, "draw the result")
    plan: bool = option(False, "say what would be run and how long it takes, and stop")
    overwrite: bool = option(False, "replace existing files")


@dataclass(frozen=True)
class Subject:
    """One network with its lesions, its preprocessing and the classes of the stimuli."""

    name: str
    nets: dict[str, Unrolls]
    preprocessing: Preprocessing
    labels: np.ndarray
    design: Design
    caveat: str


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of masking."""
    mask(parse(MaskConfig, arguments, "python -m cortexsim.mask", __doc__ or ""))
    return 0


def mask(config: MaskConfig) -> Path:
    """Do what ``config`` says; returns the path of the result."""
    from cortexsim.compare import write
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
    result.attrs |= {"configuration": json.dumps(config.__dict__), "stimuli": stimuli.name, "stimuli_sha256": sha256}
    write(result, out)
    print(f"wrote {out}")
    if config.figure:
        _draw(result, out.with_suffix(".png"))
    _report(result)
    return out


def masked(subjects: Sequence[Subject], stimuli: Stimuli, config: MaskConfig, *, device: Any = None) -> xarray.Dataset:
    """The results of all networks, one after the other."""
    import xarray

    from cortexsim.experiments.mask.results import masking_results
    from cortexsim.experiments.mask.run import run_masking
    from cortexsim.provenance import provenance
    from cortexsim.stimuli.trials import Masker

    found = []
    for s in subjects:
        masker = Masker(stimuli, s.nets["none"], s.preprocessing, seed=config.seed)
        answers = run_masking(
            s.nets, stimuli, s.labels, s.preprocessing, masker, s.design, device=device, progress=len(stimuli) > 500
        )
        found.append(
            masking_results(answers, network=s.name, n=config.n, permutations=config.permutations, seed=config.seed)
        )
    result = found[0] if len(found) == 1 else xarray.concat(found, "network", data_vars="all", coords="minimal", compat="override", join="outer", combine_attrs="override")  # fmt: skip
    if "guess" in result and result.guess.dtype.kind == "f":  # networks with other readout times
        result["guess"] = result.guess.fillna(-1).astype(np.int16)
    weights = {s.name: s.nets["none"].card.get("weights_sha256", "") for s in subjects}
    caveats = {s.name: s.caveat for s in subjects if s.caveat}
    return result.assign_coords(stimulus_id=("stimulus", list(stimuli.ids))).assign_attrs(
        weights_sha256=json.dumps(weights),
        caveats=json.dumps(caveats),
        provenance=json.dumps(provenance("xarray", "scikit-learn")),
    )


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
        raise AnalysisError(f"--n {config.n} and --permutations {config.permutations} must be at least {LEAST}")


def subject(name: str, config: MaskConfig, stimuli: Stimuli) -> Subject:
    """A network as asked for, everything about it checked: steps, lesions, labels, masks."""
    from cortexsim.experiments.chosen import lesioned, trained
    from cortexsim.experiments.mask.run import INTACT, Design, class_numbers
    from cortexsim.stimuli.trials import Masker
    from cortexsim.timeaxis import TimeAxis

    axis = TimeAxis(config.step_ms[1], config.step_ms[0], config.step_ms[2])
    net, preprocessing = trained(name, steps=config.steps, size=config.size)
    steps = config.steps or net.card.get("calibrated_to_step") or net.readout
    design = Design(
        config.soa_ms, config.mask, steps, config.mask_ms, axis, config.seed, config.round, config.batch_size, config.compared, config.decoded
    )  # fmt: skip
    nets = {INTACT: _answers(net, name)}
    for lesion in config.lesion:
        if lesion != INTACT:
            nets[lesion] = _answers(lesioned(net, lesion.split("+"), steps), name)
    for lesion, each in nets.items():
        design.readouts(each, name if lesion == INTACT else f"{name} without {lesion}")
    labels = class_numbers(
        stimuli.labels, nets[INTACT].card.get("classes") or [str(k) for k in range(nets[INTACT].classes)]
    )
    for kind in config.mask:
        Masker(stimuli, nets[INTACT], preprocessing, seed=config.seed).check(kind)
    return Subject(str(net.card.get("name", name)), nets, preprocessing, labels, design, caveat(nets[INTACT]))


def _answers(net: Unrolls, name: str) -> Unrolls:
    """AnalysisError for somebody else's network that gives no answers, or that iterates over one image and so takes no frames."""
    from cortexsim.models.foreign.external import External

    if isinstance(net, External) and not (net.feed_forward and net.classes):
        what = (
            "has no readout"
            if net.feed_forward
            else "iterates by itself over one image and cannot be shown a frame a step"
        )
        raise AnalysisError(f"{name} {what}; give a network that is run step by step and classifies")
    return net


def caveat(net: Unrolls) -> str:
    """What must be known of a network that was never trained with masks; empty for one that was."""
    from cortexsim.models.network import Network

    if net.card.get("presentation"):
        return ""
    if not isinstance(net, Network):
        return "made by somebody else and is fed frame by frame: no frame acts on another, so that a mask can only replace an image, not disrupt it"
    how = "at every step" if net.spec.graph.inhomogeneous else "at step 1 only, then blanks"
    return (
        f"trained, and its normalisation statistics by step estimated, with the image shown {how}, never with masks: accuracy under other presentations mixes "
        "what a mask disrupts with statistics that do not fit"
    )


def _print_plan(subjects: Sequence[Subject], stimuli: Stimuli, config: MaskConfig) -> None:
    """How many runs, and how long they take."""
    from cortexsim.experiments.mask.run import seconds_per_image
    from cortexsim.record import duration
    from cortexsim.stimuli.trials import Masker

    total = 0.0
    for s in subjects:
        d, n = s.design, len(stimuli)
        masks = Masker(stimuli, s.nets["none"], s.preprocessing, seed=config.seed)
        began = time.perf_counter()
        for kind in d.masks:
            masks(kind, range(min(4, n)))
        each = (time.perf_counter() - began) / min(4, n) + seconds_per_image(s.nets, s.preprocessing, d)
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
            print(f"{network}{'' if lesion == 'none' else f' without {lesion}'}, readout at step {readout}")
            for kind in one["mask"].values:
                at = one.sel(mask=kind, readout=readout)
                row = "".join(
                    f"{a:>7.3f} ({d:.2f})".rjust(14) for a, d in zip(at.accuracy.values, at.dprime.values, strict=True)
                )
                print(f"  {kind:8s}{row}   {describe_threshold(at)}")


if __name__ == "__main__":
    run(main)
