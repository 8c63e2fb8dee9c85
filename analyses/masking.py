"""A mask after the image: do the networks lose what people lose, at the SOAs at which people do?

How: every CIFAR-10 test image is on for the SOA, then a blank or a mask that stays (Tang et al.
2018: the SOA is the presentation time, a phase-scrambled mask follows). SOAs are 1 to 8 steps.
Normalisation statistics by step belong to a presentation: they are estimated anew under every SOA
and mask (and for every lesion) on training images that are shown in the same way; the statistics of
the weights file, which are those of an image shown at step 1 only, are run beside them at the
shortest and the longest SOA. Statistics that all steps share (of the pre-net; all of the twin's)
stay as they are. Curves by SOA are of the last readout step (12; the twin, which has no memory, has
an answer only while the image is on: step 4); what the mask costs at an SOA of one step is given at
every readout step, in points and as a share of the accuracy above chance, as of people. Intervals
are over images, of people over subjects (as wide as Student's is for so few). Accuracies are set
beside those of people as (accuracy - chance) / (1 - chance): people chose among 5 categories, the
networks among 10. Steps become ms by one factor, the declared 20 to 50 ms a step: the same curve
over steps is stretched, read at the SOAs of people by linear interpolation, never beyond the SOAs
that were shown. Threshold: the SOA halfway between chance and the asymptote of a Weibull. Images
and tasks differ: people saw occluded objects of 5 categories, the networks whole CIFAR-10 images.
Lesions: the masking effect of the net without feedback or without lateral transitions, less that of
the intact net (same images, same masks). Lesions lower the unmasked accuracy, too, which leaves
less to lose: both are given. Manipulations: our analogues of the occlusions of Maniquet et al. 2025
(control and 12; clutter and scrambling are left out: their definition is not in the data).

Inputs: CIFAR-10 (downloaded by torchvision, or --data FILE.npz --train-count N), tang-masking,
maniquet-masking, cortex4, cortex4-masked and cortex4-twin.
Outputs: masking.png, masking_controls.png, masking_states.png, also as .pdf, and masking.json.
Run time: see "seconds" in masking.json (smoke: 1 min on one core of an AMD EPYC), no GPU.

    python analyses/masking.py --out figures
    python analyses/masking.py --out figures --retell     the sentences again, from the numbers
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from shared import masking_pages as pages
from shared.common import Report, plain, retell, source
from shared.masked_people import (
    CHANCE,
    MANIPULATIONS,
    People,
    beside_people,
    correlated,
    interval,
    manipulated,
    tang,
)
from shared.masking_losses import losses, losses_of_people, retold, unmasked_course
from shared.masking_runs import (
    MASKS,
    SEED,
    STEP_MS,
    STEPS,
    Budget,
    MaskingConfig,
    experiment,
    fitted,
    networks,
    test_images,
    training_images,
)

from cortexsim import neural
from cortexsim.analysis.statistics.intervals import percentile_interval, widened
from cortexsim.cli import option, parse, run
from cortexsim.experiments.mask.curves import curves_of_network
from cortexsim.experiments.mask.statistics import Presented
from cortexsim.stimuli.images import Stimuli

if TYPE_CHECKING:
    import xarray

    from cortexsim.stimuli.image_set import ImageSet

DURATIONS = (20.0, 25.0, 30.0, 40.0, 50.0)  # of a step, ms: the declared range
LESIONS = ("none", "feedback", "lateral")
TOLD = (8, 12)
"""Readout steps of the sentences: that which cortex4 was trained for, and the last."""
CLAIM = (
    "Memo, discussion: a mask after a briefly flashed image disrupts recurrent computation. "
    "Measured: accuracy by SOA beside people (Tang et al. 2018), the "
    "masking effect by manipulation (Maniquet et al. 2025), and which lesions change it."
)


BUDGETS = {
    "smoke": Budget(60, 40, 20, (1, 2, 3, 4, 8), 40, 40),
    "cpu": Budget(1000, 300, 200, (1, 2, 3, 4, 6, 8), 1000),
}


@dataclass(frozen=True)
class RetellingConfig(MaskingConfig):
    """The command line of this analysis."""

    retell: bool = option(
        False, "say the sentences of OUT/masking.json anew from its numbers, and run nothing"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, compare, draw."""
    config = parse(RetellingConfig, arguments, "python analyses/masking.py", __doc__ or "")
    if config.retell:
        path = Path(config.out) / "masking.json"
        retell(path, lambda results: {**results, "sentences": retold(results, TOLD)})
        return 0
    from cortexsim.stimuli.datasets import load_images

    budget, images = (
        BUDGETS[config.budget],
        load_images(config.data, train_count=config.train_count),
    )
    report = Report("masking", config, CLAIM)
    brains = [neural.load(name) for name in ("tang-masking", "maniquet-masking")]
    people = tang(brains[0], budget.n, SEED)
    found, names = {}, networks(config.networks)
    for name in names:
        found[name] = of_network(name, images, budget)
        found[name]["people"] = compared(
            found[name]["whole"], people, found[name]["tasks"], maniquet=brains[1], budget=budget
        )
    report.figure(pages.beside_people(found, people, durations=DURATIONS, n=budget.n))
    report.figure(pages.controls(found), "controls")
    report.figure(pages.states(found), "states")
    settings = {
        "images": budget.images,
        "images_lesioned": budget.lesioned,
        "images_manipulated": budget.manipulated,
        "resamples": budget.n,
        "seed": SEED,
        "steps": STEPS,
        "step_ms_nominal": STEP_MS,
        "step_ms_compared": DURATIONS,
        "masks": MASKS,
        "normalisation": "(accuracy - chance) / (1 - chance)",
        "statistics_estimated_on": f"crops of the first {budget.calibration} training images",
        "readout_steps_of_sentences": TOLD,
    }
    theirs = losses_of_people(people)
    shown = {
        "name": images.name,
        "test_images": f"the first {budget.images}",
        "sha256": images.sha256(),
        "notes": "; ".join(images.notes),
    }
    results = {
        "settings": settings,
        "people": told(people) | {"losses": theirs},
        "networks": {n: numbers(one, budget) for n, one in found.items()},
    }
    results["sentences"] = retold(plain(results), TOLD)
    report.numbers([shown, *map(source, brains)], results)
    return 0


def of_network(name: str, images: ImageSet, budget: Budget) -> dict[str, Any]:
    """All that is run of one network."""
    calibration, stimuli = training_images(images, budget), test_images(images, budget.images)
    fits = fitted(name, calibration, budget, masks=MASKS)
    whole = experiment(name, stimuli, budget, masks=MASKS, calibration=calibration, fits=fits)
    bare: dict[str, Any] = {"masks": MASKS[:1], "compared": 0, "decoded": 0}
    one: dict[str, Any] = {"whole": whole, "lesions": None, "bundled": None}
    one["curve"] = curve(whole, MASKS[0], budget.n)
    if "twin" not in name:
        few = test_images(images, budget.lesioned)
        one["lesions"] = experiment(
            name,
            few,
            budget,
            calibration=calibration,
            lesions=LESIONS,
            soa_steps=(1, 2),
            **bare,
        )
        ends = (budget.soa_steps[0], budget.soa_steps[-1])
        one["bundled"] = experiment(name, stimuli, budget, soa_steps=ends, **bare)
    one["tasks"] = by_task(name, images, budget, whole=whole, calibration=calibration, fits=fits)
    return one


def cost(whole: xarray.Dataset, budget: Budget) -> dict[str, Any]:
    """What the mask of people costs at an SOA of one step, by readout step."""
    return losses(whole, MASKS[0], n=budget.n, seed=SEED)


def readout_of(whole: xarray.Dataset) -> int:
    """The last readout with an answer under every condition."""
    from cortexsim.plotting.masking import last_answer

    return last_answer(whole)


def by_task(
    name: str,
    images: ImageSet,
    budget: Budget,
    *,
    whole: xarray.Dataset,
    calibration: Stimuli,
    fits: Presented,
) -> dict[str, np.ndarray]:
    """Accuracy ``(1 + resample, task)`` of manipulated images shown a step, unmasked, masked.

    Statistics are those of training images without a manipulation.
    """
    rows: dict[str, list[np.ndarray]] = {"unmasked": [], "masked": []}
    plain = test_images(images, budget.manipulated)
    counts = np.random.default_rng(SEED).multinomial(
        len(plain), np.full(len(plain), 1 / len(plain)), size=budget.n
    )
    counts = np.concatenate([np.ones((1, len(plain)), int), counts])
    for task in MANIPULATIONS:
        pixels = np.stack(
            [
                manipulated(plain.read(i), task, np.random.default_rng([SEED, i]))
                for i in range(len(plain))
            ]
        )
        one = experiment(
            name,
            Stimuli(task, plain.ids, plain.labels, pixels),
            budget,
            masks=MASKS[:1],
            soa_steps=(1,),
            calibration=calibration,
            fits=fits,
            compared=0,
            decoded=0,
        )
        right = (
            one.guess.isel(lesion=0, soa_ms=0).sel(readout=readout_of(whole)).values
            == one.label.values
        )
        for key, k in (("unmasked", 0), ("masked", 1)):
            rows[key].append(counts @ right[k] / len(plain))
    return {k: np.stack(v, axis=1) for k, v in rows.items()}


def curve(whole: xarray.Dataset, mask: str, n: int) -> dict[str, Any]:
    """Normalised curves ``(1 + resample, soa)`` and thresholds in steps."""
    at = whole.isel(lesion=0).sel(readout=readout_of(whole), mask=["none", mask])
    right = at.guess.transpose("mask", "soa_ms", "stimulus").values == whole.label.values
    curves = curves_of_network(
        right, whole.soa_steps.values, chance=whole.attrs["chance"], n=n, seed=SEED
    )
    return {
        "steps": curves.soa,
        "unmasked": curves.unmasked,
        "masked": curves.masked,
        "threshold_status": curves.threshold.status.replace(" ms", " steps"),
        "threshold_steps": curves.threshold.threshold_ms,
        "threshold_interval_steps": curves.threshold.interval,
        "threshold_draws": curves.threshold_draws,
    }


def compared(
    whole: xarray.Dataset,
    people: People,
    tasks: dict[str, np.ndarray],
    *,
    maniquet: Any,
    budget: Budget,
) -> dict[str, Any]:
    """Beside people, for every mask and duration of a step."""
    rng = np.random.default_rng(SEED)
    effect = lambda m: maniquet.sel(masking=m, task=list(MANIPULATIONS))  # noqa: E731
    theirs = effect("no mask").accuracy.values - effect("mask").accuracy.values
    spread = np.hypot(effect("no mask").accuracy_sem.values, effect("mask").accuracy_sem.values)
    drawn = np.concatenate(
        [theirs[None], theirs + spread * rng.standard_normal((budget.n, len(theirs)))]
    )
    mine = tasks["unmasked"] - tasks["masked"]
    return {
        "tang": {
            mask: [beside_people(people, curve(whole, mask, budget.n), d) for d in DURATIONS]
            for mask in MASKS
        },
        "maniquet": {
            "tasks": MANIPULATIONS,
            "people_effect": theirs,
            "people_sem": spread,
            "model_effect": mine[0],
            "model_interval": [interval(mine[1:, k]) for k in range(mine.shape[1])],
            "model_unmasked": tasks["unmasked"][0],
            "spearman": correlated(mine, drawn, rng),
        },
    }


def told(people: People) -> dict[str, Any]:
    """People's curves as numbers."""
    word = {False: "unmasked", True: "masked"}
    return {
        "experiment": 1,
        "subjects": people.subjects,
        "trials": people.trials,
        "chance": CHANCE,
        "soa_ms": people.soa_ms,
        **{
            word[m]: {
                "accuracy": people.accuracy[m],
                "interval": percentile_interval(people.draws[m], widened(0.95, people.subjects)).T,
                "dprime": people.dprime[m],
            }
            for m in word
        },
        "threshold_masked": {
            "ms": people.threshold.threshold_ms,
            "interval": people.threshold.interval,
            "status": people.threshold.status,
        },
        "intervals": "95 %, over subjects, as wide as Student's",
    }


def numbers(one: dict[str, Any], budget: Budget) -> dict[str, Any]:
    """Everything about one network."""
    whole, lesions = one["whole"], one["lesions"]
    at = whole.isel(lesion=0).sel(readout=readout_of(whole))
    by_mask = {
        str(m): {
            k: at[v].sel(mask=m).values
            for k, v in (
                ("accuracy", "accuracy"),
                ("interval", "accuracy_interval"),
                ("dprime", "dprime"),
                ("dprime_interval", "dprime_interval"),
                ("masking_effect", "effect"),
                ("masking_effect_interval", "effect_interval"),
                ("threshold_nominal_ms", "threshold_ms"),
                ("threshold_interval_nominal_ms", "threshold_interval"),
            )
        }
        | {"threshold_status": str(at.threshold_status.sel(mask=m).item())}
        for m in at["mask"].values
    }
    out: dict[str, Any] = {
        "readout_step": readout_of(whole),
        "n": whole.attrs["n"],
        "chance": whole.attrs["chance"],
        "soa_steps": whole.soa_steps.values,
        "weights_sha256": json.loads(whole.attrs["weights_sha256"]),
        "caveat": json.loads(whole.attrs["caveats"]),
        "statistics": json.loads(whole.attrs["statistics"]),
        "warnings": json.loads(whole.attrs["warnings"]),
        "losses": cost(whole, budget),
        "unmasked": [unmasked_course(whole, t) for t in TOLD if t in whole.readout],
        "by_mask": by_mask,
        "accuracy_by_readout": {
            str(m): whole.accuracy.isel(lesion=0).sel(mask=m).values for m in whole["mask"].values
        },
        "people": one["people"],
        "states": states(whole),
    }
    if (bundled := one["bundled"]) is not None:
        out["bundled_statistics"] = {
            "warnings": json.loads(bundled.attrs["warnings"]),
            "losses": cost(bundled, budget),
            "unmasked": [unmasked_course(bundled, t) for t in TOLD],
        }
    if lesions is not None:
        out["lesions"] = {
            "n": lesions.attrs["n"],
            "soa_steps": lesions.soa_steps.values,
            "readout_steps": lesions.readout.values,
        } | {
            str(lesion): {
                k: lesions[v].sel(lesion=lesion, mask=MASKS[0]).values
                for k, v in (
                    ("effect", "effect"),
                    ("interval", "effect_interval"),
                    ("change", "effect_change"),
                    ("change_interval", "effect_change_interval"),
                )
            }
            | {"unmasked": lesions.accuracy.sel(lesion=lesion, mask="none").values}
            | {"losses": losses(lesions, MASKS[0], n=budget.n, seed=SEED, lesion=str(lesion))}
            for lesion in lesions.lesion.values
        }
    return out


def states(whole: xarray.Dataset) -> dict[str, Any]:
    """Disruption of each state at the shortest SOA, by step."""
    at = whole.isel(lesion=0, soa_ms=0).sel(mask=MASKS[0])
    keep = (
        "distance",
        "distance_interval",
        "rdm_distance",
        "rdm_distance_interval",
        "decoding",
        "decoding_interval",
        "decoding_null_high",
        "decoding_p",
    )
    out = {k: {str(s): at[k].sel(state=s).values for s in at.state.values} for k in keep if k in at}
    plain = whole.isel(lesion=0, soa_ms=0).sel(mask="none")
    return out | {
        "distance_of_different_images": {
            str(s): at.distance_images.sel(state=s).values for s in at.state.values
        },
        "decoding_unmasked": {str(s): plain.decoding.sel(state=s).values for s in at.state.values},
    }


if __name__ == "__main__":
    run(main)
