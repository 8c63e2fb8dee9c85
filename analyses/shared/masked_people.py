"""People under masks, and how a model's curve over steps is set beside theirs in ms.

Used by masking.py, no figure of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from cortexsim.analysis.statistics.psychometric import Threshold
from cortexsim.analysis.statistics.pvalues import monte_carlo_p
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.errors import AnalysisError
from cortexsim.experiments.mask.curves import Curves, curves_of_people, normalised
from cortexsim.experiments.mask.people import beside, spearman
from cortexsim.experiments.mask.people import interval_of as interval
from cortexsim.experiments.mask.people import ratio as threshold_ratio
from cortexsim.neural import from_trials

EXPERIMENT = 1
CHANCE = 0.2
# Tang et al. 2018, experiment 1, as published; the trials must give these.
PUBLISHED = {False: (0.569, 0.651, 0.716, 0.730, 0.735), True: (0.251, 0.447, 0.553, 0.626, 0.718)}
OCCLUSIONS = [
    f"occlusion_{n}_{how}_{level}"
    for n in ("few_large", "many_small")
    for how in ("deletion", "blobs", "partial_viewing")
    for level in ("low", "high")
]
MANIPULATIONS = ("control", *OCCLUSIONS)
HIDDEN = {
    "low": 0.4,
    "high": 0.7,
}  # share of the image; chosen once, for the source's shares are not in the data
CELLS = {"few_large": 4, "many_small": 8}  # a side


@dataclass(frozen=True)
class People:
    """Curves by SOA.

    accuracy, interval ``([bound,] soa)`` of unmasked (False) and masked (True) trials; draws
    ``(resample, soa)`` over subjects.
    """

    soa_ms: np.ndarray
    subjects: int
    trials: int
    accuracy: dict[bool, np.ndarray]
    draws: dict[bool, np.ndarray]
    dprime: dict[bool, list[float]]
    threshold: Any
    threshold_draws: np.ndarray


def tang(brain: Any, n: int, seed: int) -> People:
    """Experiment 1 of Tang et al.

    2018; AnalysisError where the trials do not give the published accuracies.
    """
    mine = brain.isel(trial=np.flatnonzero(brain.experiment.values == EXPERIMENT))
    group = from_trials(mine, chance=CHANCE, each=False, inference=Inference(n=n, rng=seed))
    curves = curves_of_people(group)
    kinds = {False: group.sel(mask="none"), True: group.sel(mask="mask")}
    accuracy = {m: kinds[m].accuracy.values for m in kinds}
    for m, published in PUBLISHED.items():
        if np.abs(accuracy[m] - published).max() > 5e-4:
            raise AnalysisError(
                f"the trials of tang-masking give accuracies {accuracy[m].round(3).tolist()}, "
                f"published are {published}; these are other data"
            )
    return People(
        soa_ms=curves.soa,
        subjects=group.sizes["participant"],
        trials=mine.sizes["trial"],
        accuracy=accuracy,
        draws={m: (kinds[m].right_samples / kinds[m].trials_samples).values for m in kinds},
        dprime={m: kinds[m].dprime.values.tolist() for m in kinds},
        threshold=curves.threshold,
        threshold_draws=curves.threshold_draws,
    )


def curves_of(people: People) -> Curves:
    """People's curves as they are compared."""
    both = [
        normalised(np.concatenate([people.accuracy[m][None], people.draws[m]]), CHANCE)
        for m in (False, True)
    ]
    return Curves(people.soa_ms, *both, people.threshold, people.threshold_draws)


def network_curves(model: dict[str, Any]) -> Curves:
    """A network's curves as they are compared.

    model: steps ``(soa,)``, unmasked and masked ``(1 + resample, soa)`` normalised, threshold (of
    SOAs in steps) and its draws.
    """
    nothing = (np.nan, np.nan)
    at = Threshold(
        model["threshold_steps"], nothing, np.nan, np.nan, model["threshold_status"], np.nan
    )
    return Curves(model["steps"], model["unmasked"], model["masked"], at, model["threshold_draws"])


def beside_people(people: People, model: dict[str, Any], step_ms: float) -> dict[str, Any]:
    """Rank correlation of masked curve and masking effect, mean difference of masked curves,
    threshold ratio; with intervals over subjects and stimuli.
    """
    return beside(curves_of(people), network_curves(model), step_ms)


def ratio(people: People, model: dict[str, Any], step_ms: float) -> dict[str, Any]:
    """Threshold of the model over that of people.

    A bound where the model's lies outside the SOAs shown.
    """
    return threshold_ratio(curves_of(people), network_curves(model), step_ms)


# ---------------------------------------------------------------------------------- manipulations


def manipulated(image: np.ndarray, name: str, rng: np.random.Generator) -> np.ndarray:
    """Our analogue of one of Maniquet's occlusions, for ``(y, x, 3)`` uint8 images.

    deletion: squares in the mean colour of the image; blobs: dark discs; partial_viewing: all but
    round windows is mid-grey. few_large and many_small: of a grid of 4 x 4 or 8 x 8 cells; low and
    high: 40 % and 70 % of the cells hidden. The exact sizes of the source are not known here.
    """
    if name == "control":
        return image
    if name not in MANIPULATIONS:
        raise AnalysisError(
            f"there is no manipulation {name!r}; choose from {', '.join(MANIPULATIONS)}"
        )
    _, rest = name.split("_", 1)
    cells = CELLS["few_large" if rest.startswith("few") else "many_small"]
    hidden = HIDDEN[name.rsplit("_", 1)[1]]
    height, width = image.shape[:2]
    chosen = rng.permutation(cells**2) < round(hidden * cells**2)
    y, x = np.arange(height) * cells // height, np.arange(width) * cells // width
    cell = chosen.reshape(cells, cells)[y[:, None], x[None]]
    fy, fx = (
        (np.arange(height) + 0.5) * cells / height % 1 - 0.5,
        (np.arange(width) + 0.5) * cells / width % 1 - 0.5,
    )
    disc = np.hypot(fy[:, None], fx[None]) <= 0.5
    if "deletion" in name:
        return np.where(cell[..., None], image.mean((0, 1)).astype(np.uint8), image)
    if "blobs" in name:
        return np.where((cell & disc)[..., None], np.uint8(0), image)
    return np.where((~cell & disc)[..., None], image, np.uint8(128))


def correlated(
    mine: np.ndarray, theirs: np.ndarray, rng: np.random.Generator, *, permutations: int = 10000
) -> dict[str, Any]:
    """Spearman correlation over manipulations of model draws ``(1 + resample, task)`` with draws of
    people; p from permuted tasks, two-sided.
    """
    n = min(len(mine), len(theirs))
    rho = np.array([spearman(a, b) for a, b in zip(mine[:n], theirs[:n], strict=True)])
    if np.isnan(rho[0]):
        return {"value": None, "why": "no effect differs from another"}
    a, b = (stats.zscore(stats.rankdata(v[0])) for v in (mine, theirs))
    null = rng.permuted(np.tile(a, (permutations, 1)), axis=1) @ b / len(b)
    p = float(monte_carlo_p(rho[:1], null[:, None], two_sided=True)[0])
    return {
        "value": rho[0],
        "interval": interval(rho[1:]),
        "p_permutation": p,
        "tasks": mine.shape[1],
    }
