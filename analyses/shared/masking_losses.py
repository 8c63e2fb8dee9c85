"""What a mask costs at each readout step, beside people: points, and shares above chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.statistics.draws import draw
from cortexsim.analysis.statistics.intervals import percentile_interval, widened
from cortexsim.experiments.mask.people import interval_of
from shared.masked_people import CHANCE, People

if TYPE_CHECKING:
    import xarray


LEAST_ABOVE = 0.2
"""Accuracy above chance of which a share is said."""


def share_lost(unmasked: np.ndarray, masked: np.ndarray, chance: float) -> np.ndarray:
    """(unmasked - masked) / (unmasked - chance); NaN where nothing is above chance.

    >>> share_lost(np.array([0.6]), np.array([0.4]), 0.2)
    array([0.5])
    """
    above = np.asarray(unmasked, float) - chance
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(above > 0, (unmasked - masked) / above, np.nan)


def losses(
    result: xarray.Dataset, mask: str, *, n: int, seed: int, lesion: str = "none"
) -> dict[str, Any]:
    """Of one network at the shortest SOA: what the mask costs at each readout step.

    Intervals are over images, the same with and without the mask; each list has one entry a
    readout.
    """
    one = result.sel(lesion=lesion, mask=["none", mask]).isel(soa_ms=0)
    guess = one.guess.transpose("mask", "readout", "stimulus").values
    answered = (guess >= 0).all((0, 2))
    right = (guess == one.label.values)[:, answered]
    images = right.shape[-1]
    rng = np.random.default_rng([seed, 3])
    counts = draw(rng, n, np.arange(images), True, "stimulus")
    drawn = right @ counts.T / images  # (mask, readout, resample)
    points = right[0].mean(-1) - right[1].mean(-1)
    share = share_lost(right[0].mean(-1), right[1].mean(-1), result.attrs["chance"])
    shares = share_lost(*drawn, result.attrs["chance"])
    return {
        "soa_steps": int(one.soa_steps),
        "readout_steps": one.readout.values[answered],
        "unmasked": right[0].mean(-1),
        "loss": points,
        "loss_interval": [interval_of(d) for d in drawn[0] - drawn[1]],
        "share_above_chance": share,
        "share_interval": [interval_of(d) for d in shares],
    }


def losses_of_people(people: People) -> dict[str, Any]:
    """The same of people, one entry an SOA; intervals over subjects, as wide as Student's."""
    plain, masked = (people.accuracy[m] for m in (False, True))
    drawn = [people.draws[m] for m in (False, True)]
    confidence = widened(0.95, people.subjects)
    return {
        "soa_ms": people.soa_ms,
        "loss": plain - masked,
        "loss_interval": percentile_interval(drawn[0] - drawn[1], confidence).T,
        "share_above_chance": share_lost(plain, masked, CHANCE),
        "share_interval": percentile_interval(share_lost(*drawn, CHANCE), confidence).T,
    }


def at_step(found: dict[str, Any], step: int) -> dict[str, Any] | None:
    """The numbers of one readout step; None where there is no answer then."""
    steps = list(found["readout_steps"])
    if step not in steps:
        return None
    k = steps.index(step)
    return {name: v[k] if isinstance(v, list) else v for name, v in found.items()}


def unmasked_course(result: xarray.Dataset, readout: int) -> dict[str, Any]:
    """Accuracy without a mask by SOA at one readout step."""
    at = result.isel(lesion=0).sel(mask="none", readout=readout)
    return {
        "readout_step": readout,
        "soa_steps": at.soa_steps.values,
        "accuracy": at.accuracy.values,
        "interval": at.accuracy_interval.values,
    }


def sentences(
    name: str, mine: dict[str, Any], theirs: dict[str, Any], readouts: tuple[int, ...]
) -> list[str]:
    """What may be said of the losses, each with its readout step, beside people."""
    said = []
    for step in readouts:
        one = at_step(mine, step)
        if one is None:
            said.append(f"{name} has no answer under every presentation at readout step {step}.")
            continue
        value, low, high = (100 * v for v in (one["loss"], *one["loss_interval"]))
        change = (
            f"the mask costs {value:.1f} points [{low:.1f}, {high:.1f}]"
            if low > 0
            else f"with the mask it is better by {-value:.1f} points [{-high:.1f}, {-low:.1f}]"
            if high < 0
            else f"no loss is shown: {value:.1f} points [{low:.1f}, {high:.1f}]"
        )
        said.append(
            f"{name}, readout step {step}, SOA of {mine['soa_steps']} step: {change}, "
            f"{_share(one)}; people at {theirs['soa_ms'][0]:g} ms lose "
            f"{100 * theirs['loss'][0]:.1f} points, {theirs['share_above_chance'][0]:.0%} "
            f"[{theirs['share_interval'][0][0]:.0%}, {theirs['share_interval'][0][1]:.0%}]."
        )
    return said


def _share(one: dict[str, Any]) -> str:
    """The loss as a share of the accuracy above chance, where there is enough of that."""
    if one["unmasked"] - one["chance"] < LEAST_ABOVE:
        return (
            f"of which no share is said, as its accuracy without a mask, {one['unmasked']:.2f}, is "
            "near chance"
        )
    low, high = one["share_interval"]
    return f"{one['share_above_chance']:.0%} [{low:.0%}, {high:.0%}] of its accuracy above chance"


def retold(results: dict[str, Any], readouts: tuple[int, ...]) -> list[str]:
    """All sentences, from the numbers of masking.json and nothing else."""
    theirs = results["people"]["losses"]
    said = []
    for name, one in results["networks"].items():
        chance = {"chance": one["chance"]}
        said += sentences(name, one["losses"] | chance, theirs, readouts)
        if bundled := one.get("bundled_statistics"):
            which = f"{name} with the statistics of its weights file"
            said += sentences(which, bundled["losses"] | chance, theirs, readouts)
            said += [f"{w} (with these statistics)." for w in bundled["warnings"]]
        for lesion, found in one.get("lesions", {}).items():
            if lesion != "none" and isinstance(found, dict):
                which = f"{name} without {lesion}"
                said += sentences(which, found["losses"] | chance, theirs, readouts)
    return said
