"""People under masks, and how a model's curve over steps is set beside theirs in ms: used by masking.py, no figure of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from cortexsim.analysis.statistics.detection import dprime
from cortexsim.analysis.statistics.psychometric import fit_weibull, threshold
from cortexsim.errors import AnalysisError

EXPERIMENT = 1
CHANCE = 0.2
# Tang et al. 2018, experiment 1, as published; the trials must give these.
PUBLISHED = {False: (0.569, 0.651, 0.716, 0.730, 0.735), True: (0.251, 0.447, 0.553, 0.626, 0.718)}
LEAST_SOAS = 4
OCCLUSIONS = [f"occlusion_{n}_{how}_{level}" for n in ("few_large", "many_small") for how in ("deletion", "blobs", "partial_viewing") for level in ("low", "high")]  # fmt: skip
MANIPULATIONS = ("control", *OCCLUSIONS)
HIDDEN = {
    "low": 0.4,
    "high": 0.7,
}  # share of the image; chosen once, for the source's shares are not in the data
CELLS = {"few_large": 4, "many_small": 8}  # a side


@dataclass(frozen=True)
class People:
    """Curves by SOA. accuracy, interval ``([bound,] soa)`` of unmasked (False) and masked (True) trials; draws ``(resample, soa)`` over subjects."""

    soa_ms: np.ndarray
    subjects: int
    trials: int
    accuracy: dict[bool, np.ndarray]
    draws: dict[bool, np.ndarray]
    dprime: dict[bool, list[float]]
    threshold: Any
    threshold_draws: np.ndarray


def tang(brain: Any, n: int, seed: int) -> People:
    """Experiment 1 of Tang et al. 2018; AnalysisError where the trials do not give the published accuracies."""
    mine = brain.isel(trial=np.flatnonzero(brain.experiment.values == EXPERIMENT))
    soa, masked, correct = mine.soa_ms.values, mine.masked.values, mine.correct.values
    who, subject = np.unique(mine.subject.values, return_inverse=True)
    soas = np.unique(soa)
    _, said = np.unique(
        np.concatenate([mine.label.values, mine.response.values]), return_inverse=True
    )
    label, response = said[: len(soa)], said[len(soa) :]
    counts = np.random.default_rng(seed).multinomial(
        len(who), np.full(len(who), 1 / len(who)), size=n
    )
    accuracy, draws, d, k_drawn, n_drawn = {}, {}, {}, {}, {}
    for m in (False, True):
        here = [(masked == m) & (soa == s) for s in soas]
        right = np.stack([np.bincount(subject[h], correct[h], len(who)) for h in here])
        shown = np.stack([np.bincount(subject[h], minlength=len(who)) for h in here])
        accuracy[m] = right.sum(1) / shown.sum(1)
        k_drawn[m], n_drawn[m] = counts @ right.T, counts @ shown.T
        draws[m] = k_drawn[m] / n_drawn[m]
        d[m] = [float(dprime(label[h], response[h], 5)) for h in here]
        if np.abs(accuracy[m] - PUBLISHED[m]).max() > 5e-4:
            raise AnalysisError(
                f"the trials of tang-masking give accuracies {accuracy[m].round(3).tolist()}, published are {PUBLISHED[m]}; these are other data"
            )
        if m:
            total, of = right.sum(1), shown.sum(1)
    found = threshold(soas, total, of, CHANCE, (k_drawn[True], n_drawn[True]))
    return People(
        soas, len(who), len(soa), accuracy, draws, d, found, fit_weibull(soas, k_drawn[True], n_drawn[True], CHANCE).within(soas)
    )  # fmt: skip


def normalised(accuracy: np.ndarray, chance: float) -> np.ndarray:
    """(accuracy - chance) / (1 - chance): people chose among 5 categories, the networks among 10."""
    return (accuracy - chance) / (1 - chance)


def interval(drawn: np.ndarray) -> list[float]:
    """95 % percentiles; order statistics, for thresholds may be 0 or infinite."""
    d = drawn[~np.isnan(drawn)]
    return (
        [float(v) for v in np.quantile(d, [0.025, 0.975], method="inverted_cdf")]
        if len(d)
        else [np.nan, np.nan]
    )


def at_people(
    model: np.ndarray, steps: np.ndarray, step_ms: float, soa_ms: np.ndarray
) -> np.ndarray:
    """A model's curve ``(..., soa)`` over SOAs in steps, read at the SOAs of people if a step lasts ``step_ms``; linear between, NaN outside."""
    x = steps * step_ms
    out = np.full((*model.shape[:-1], len(soa_ms)), np.nan)
    for k, s in enumerate(soa_ms):
        if x[0] - 1e-9 <= s <= x[-1] + 1e-9:
            j = min(max(int(np.searchsorted(x, s)) - 1, 0), len(x) - 2)
            w = (s - x[j]) / (x[j + 1] - x[j])
            out[..., k] = (1 - w) * model[..., j] + w * model[..., j + 1]
    return out


def beside_people(people: People, model: dict[str, Any], step_ms: float) -> dict[str, Any]:
    """Rank correlation of masked curve and masking effect, mean difference of masked curves, threshold ratio; with intervals over subjects and stimuli.

    model: steps ``(soa,)``, unmasked and masked ``(1 + resample, soa)`` normalised, threshold (of SOAs in steps) and its draws. Rank correlations of few
    SOAs are coarse, and curves that both rise have one of 1 by that alone: the difference and the ratio say more.
    """
    soa = people.soa_ms
    theirs = {m: np.concatenate([people.accuracy[m][None], people.draws[m]]) for m in (False, True)}
    n = min(len(theirs[True]), len(model["masked"]))
    mine = {
        m: at_people(model[k][:n], model["steps"], step_ms, soa)
        for m, k in ((False, "unmasked"), (True, "masked"))
    }
    there = np.isfinite(mine[True][0])
    out: dict[str, Any] = {"step_ms": step_ms, "soa_ms_compared": soa[there]}
    if there.sum() >= LEAST_SOAS:
        them = {m: normalised(theirs[m][:n, there], CHANCE) for m in theirs}
        me = {m: mine[m][:, there] for m in mine}
        pairs = {
            "masked_curve": (me[True], them[True]),
            "masking_effect": (me[False] - me[True], them[False] - them[True]),
        }
        for name, (a, b) in pairs.items():
            rho = np.array([_spearman(x, y) for x, y in zip(a, b, strict=True)])
            out[f"spearman_{name}"] = {"value": rho[0], "interval": interval(rho[1:])}
        gap = (me[True] - them[True]).mean(1)
        out["masked_model_minus_people"] = {"value": gap[0], "interval": interval(gap[1:])}
    return out | {"threshold_ratio": ratio(people, model, step_ms)}


def ratio(people: People, model: dict[str, Any], step_ms: float) -> dict[str, Any]:
    """Threshold of the model over that of people; a bound where the model's lies outside the SOAs shown."""
    status = model["threshold_status"]
    first, last = model["steps"][0] * step_ms, model["steps"][-1] * step_ms
    their = people.threshold.threshold_ms
    out: dict[str, Any] = {"status": status, "people_ms": their}
    if status == "ok":
        m = min(len(model["threshold_draws"]), len(people.threshold_draws))
        drawn = model["threshold_draws"][:m] * step_ms / people.threshold_draws[:m]
        return out | {
            "model_ms": model["threshold_steps"] * step_ms,
            "value": model["threshold_steps"] * step_ms / their,
            "interval": interval(drawn),
        }
    if status.startswith("below"):
        return out | {"value": None, "at_most": first / their}
    return (
        out | {"value": None, "at_least": last / their}
        if status.startswith("above")
        else out | {"value": None}
    )


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation; NaN where one side does not vary. Differences by rounding are ties."""
    a, b = (stats.rankdata(np.round(v, 9)) for v in (a, b))
    return float(np.corrcoef(a, b)[0, 1]) if np.ptp(a) and np.ptp(b) else np.nan


# ---------------------------------------------------------------------------------------------------- manipulations


def manipulated(image: np.ndarray, name: str, rng: np.random.Generator) -> np.ndarray:
    """Our analogue of one of Maniquet's occlusions, for ``(y, x, 3)`` uint8 images.

    deletion: squares in the mean colour of the image; blobs: dark discs; partial_viewing: all but round windows is mid-grey. few_large and many_small: of
    a grid of 4 x 4 or 8 x 8 cells; low and high: 40 % and 70 % of the cells hidden. The exact sizes of the source are not known here.
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
    mine: np.ndarray, theirs: np.ndarray, rng: np.random.Generator, permutations: int = 10000
) -> dict[str, Any]:
    """Spearman correlation over manipulations of model draws ``(1 + resample, task)`` with draws of people; p from permuted tasks, two-sided."""
    n = min(len(mine), len(theirs))
    rho = np.array([_spearman(a, b) for a, b in zip(mine[:n], theirs[:n], strict=True)])
    if np.isnan(rho[0]):
        return {"value": None, "why": "no effect differs from another"}
    a, b = (stats.zscore(stats.rankdata(v[0])) for v in (mine, theirs))
    null = rng.permuted(np.tile(a, (permutations, 1)), axis=1) @ b / len(b)
    p = (1 + (np.abs(null) >= abs(rho[0]) - 1e-12).sum()) / (1 + permutations)
    return {
        "value": rho[0],
        "interval": interval(rho[1:]),
        "p_permutation": p,
        "tasks": mine.shape[1],
    }
