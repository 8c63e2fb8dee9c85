"""What is said of a masking experiment: its plan, and what came out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cortexsim.analysis.statistics.weibull import PARAMETERS
from cortexsim.console import DOTS, drawn, duration, figure_place
from cortexsim.errors import AnalysisError
from cortexsim.experiments.mask.results import LEAST, describe_threshold
from cortexsim.experiments.mask.statistics import BUNDLED, FEWEST, PRESENTATION
from cortexsim.locks import is_there

if TYPE_CHECKING:
    import xarray

    from cortexsim.experiments.mask.config import MaskConfig
    from cortexsim.experiments.mask.plan import MaskingPlan


def check_options(config: MaskConfig) -> None:
    """What can be refused before images are read."""
    out = Path(config.out)
    if out.suffix != ".nc":
        raise AnalysisError(f"--out {config.out!r} names no netCDF file; give e.g. masking.nc")
    figure = figure_place(config.figure, out.with_suffix(".png"))
    for path in (out, *([figure] if figure else [])):
        if is_there(path) and not config.overwrite and not config.plan:
            raise AnalysisError(f"{path} exists; give --overwrite to replace it, or another --out")
    for what, names in (("--model", config.model), ("--lesion", config.lesion)):
        if len(set(names)) < len(names):
            raise AnalysisError(f"{what} {' '.join(names)}: name each once")
    if config.statistics not in (PRESENTATION, BUNDLED):
        raise AnalysisError(f"--statistics {config.statistics!r}: give {PRESENTATION} or {BUNDLED}")
    if config.statistics == BUNDLED and config.calibrate_on is not None:
        raise AnalysisError(
            "--calibrate-on names images to estimate statistics on, and --statistics bundled takes "
            "them as they are; give one of them"
        )
    if config.calibration_images < FEWEST:
        raise AnalysisError(
            f"--calibration-images {config.calibration_images}: statistics need at least {FEWEST}"
        )
    if config.people_chance is not None and config.people is None:
        raise AnalysisError("--people-chance is of the trials of --people; give both, or neither")
    if min(config.n, config.permutations) < LEAST:
        raise AnalysisError(
            f"--n {config.n} and --permutations {config.permutations} must be at least {LEAST}"
        )


def print_plan(plans: Sequence[MaskingPlan], *, only: bool) -> None:
    """How many runs, and how long they take. only: nothing else is done."""
    for plan in plans:
        print(
            f"{plan.name}: {plan.stimuli:,} stimuli x {plan.soas} SOAs x {len(plan.conditions)} "
            f"presentations ({', '.join(plan.conditions)}) x {len(plan.lesions)} networks "
            f"({', '.join(plan.lesions)}) = {plan.runs:,} runs of {plan.steps} steps, "
            f"about {duration(plan.seconds)}"
        )
        if plan.calibration:
            print(
                f"  and before that each presentation of {plan.calibration:,} training images, to "
                "estimate the normalisation statistics under it"
            )
        if plan.caveat:
            print(f"  note: {plan.name} was {plan.caveat}")
    if plans and plans[0].soas <= PARAMETERS:
        print(
            f"note: {plans[0].soas} SOAs give accuracies and d', but no threshold and no slope: a "
            f"psychometric curve of {PARAMETERS} parameters needs at least {PARAMETERS + 1} SOAs"
        )
    print(
        f"together about {duration(sum(p.seconds for p in plans))} for the runs (measured on a "
        "small batch); statistics come on top" + (". Nothing was written." if only else "")
    )


def draw(result: xarray.Dataset, path: Path, people: xarray.Dataset | None = None) -> None:
    """Draw the result, beside people if there are any."""
    from cortexsim.plotting import save
    from cortexsim.plotting.masking import masking

    drawn(lambda: save(masking(result, people), path, dpi=DOTS), path, "the result")


def report(result: xarray.Dataset) -> None:
    """Accuracy and d' by SOA at the last readout, thresholds, and what lesions change."""
    print(
        f"chance {result.attrs['chance']:.3g}, n = {result.attrs['n']} stimuli; accuracy (d'), at "
        "the last readout that has an answer; intervals in the file"
    )
    bundled = json.loads(result.attrs["configuration"])["statistics"] == BUNDLED
    for warning in json.loads(result.attrs["warnings"]):
        misfit = (
            ". Statistics that do not fit a presentation do that (--statistics bundled): what "
            "follows is not the mask's alone"
        )
        print(f"warning: {warning}{misfit if bundled else ''}")
    print("  SOA, ms" + "".join(f"{s:>14g}" for s in result.soa_ms.values))
    for network in result.network.values:
        for lesion in result.lesion.values:
            of_network = result.sel(network=network, lesion=lesion)
            answered = of_network.accuracy.notnull().any(("mask", "soa_ms"))
            if not bool(answered.any()):
                continue
            readout = int(of_network.readout.values[answered.values][-1])
            print(
                f"{network}{'' if lesion == 'none' else f' without {lesion}'}, "
                f"readout at step {readout}{_trained_at(of_network, str(network), readout)}"
            )
            for kind in of_network["mask"].values:
                course = of_network.sel(mask=kind, readout=readout)
                row = "".join(
                    f"{a:>7.3f} ({d:.2f})".rjust(14)
                    for a, d in zip(course.accuracy.values, course.dprime.values, strict=True)
                )
                print(f"  {kind:8s}{row}   {describe_threshold(course)}")


def _trained_at(of_network: xarray.Dataset, network: str, readout: int) -> str:
    """At which readout the network was trained, if that is another, and the effect there.

    of_network: of it as it is, or with one lesion.
    """
    step = json.loads(of_network.attrs.get("trained_readout", "{}")).get(network)
    if step is None or step == readout or step not in of_network.readout.values:
        return ""
    shortest = of_network.sel(readout=step).isel(soa_ms=0)
    words = []
    for mask in (m for m in map(str, of_network["mask"].values) if m != "none"):
        low, high = shortest.effect_interval.sel(mask=mask).transpose("bound").values
        words.append(f"{mask} {float(shortest.effect.sel(mask=mask)):.3f} [{low:.3f}, {high:.3f}]")
    soa = float(shortest.soa_ms)
    return (
        f" (trained at step {step}; loss by the mask there at an SOA of {soa:g} ms: "
        f"{', '.join(words)})"
    )


def report_people(result: xarray.Dataset, people: xarray.Dataset, *, n: int, seed: int) -> None:
    """How alike the masked curves are, for each network and mask and duration of a step."""
    from cortexsim.experiments.mask.people import beside_people

    theirs = people.sel(mask=[m for m in people["mask"].values if m != "none"]).squeeze("mask")
    print(
        f"people ({people.attrs['name']}, {people.attrs['participants']} participants): masked "
        f"{describe_threshold(theirs)}; network - people: mean difference of the masked curves, "
        "(accuracy - chance) / (1 - chance)"
    )
    for network in map(str, result.network.values):
        for mask in (str(m) for m in result["mask"].values if m != "none"):
            told = beside_people(result, people, network=network, mask=mask, n=n, seed=seed)
            print(f"  {network}, {mask}, readout at step {told.attrs['readout']}")
            for at in told.step_ms.values:
                print(f"    {at:g} ms a step: {_beside(told.sel(step_ms=at))}")


def _beside(told: xarray.Dataset) -> str:
    """One line: the difference and the ratio of thresholds, or why there is none."""
    if not bool(told.masked_difference.notnull()):
        return f"{int(told.soas)} SOAs in common, too few to compare"
    low, high = told.masked_difference_interval.values
    difference = f"{float(told.masked_difference):+.2f} [{low:+.2f}, {high:+.2f}]"
    if not bool(told.threshold_ratio.notnull()):
        return f"{difference}; no ratio of thresholds ({told.attrs['threshold_status']})"
    bound = str(told.threshold_bound.item())
    ratio = f"{bound} {float(told.threshold_ratio):.2f}".strip()
    return f"{difference}; threshold {ratio} times that of people"
