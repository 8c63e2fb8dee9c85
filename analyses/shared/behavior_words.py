"""What behavior.py may say, from its numbers: only what intervals bear out, of these nets alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim.analysis import Inference, censored_tau, comparable_taus
from cortexsim.analysis.behavior.reaction_target import fast_tau
from cortexsim.analysis.behavior.reaction_time import entropy
from cortexsim.analysis.statistics.draws import draw
from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.errors import AnalysisError

MEASURES = {
    "cross_entropy": ("cross_entropy", "cross-entropy with people's answers", -1),
    "confusions": ("rho", "Spearman's rho of confusions", 1),
    "difficulty_i1n": ("rate_value", "r of i1n on the scale of probabilities", 1),
}
"""Key, variable, words, and whether more (1) or less (-1) of it is closer to people."""
UNCHANGED = "its answers do not change, so that nothing could differ"


def as_coarse(
    values: np.ndarray, times: np.ndarray, seen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Times, and whether seen: in the order of ``values``, ties and censoring those of ``times``.

    >>> as_coarse(np.array([0.3, 0.1, 0.2]), np.array([4, 4, 5]), np.array([True, True, False]))
    (array([5, 4, 4]), array([False,  True,  True]))
    """
    order = np.lexsort((~seen, times))
    made, known = np.empty_like(times), np.empty_like(seen)
    place = np.argsort(values, kind="stable")
    made[place], known[place] = times[order], seen[order]
    return made, known


def time_or_certainty(
    said: Any, reacted: Any, undecided: np.ndarray, *, n: int, seed: int
) -> dict[str, Any] | None:
    """Do reaction times follow people's doubts more than the certainty of the last answer does?

    Taus are compared of the same ties and censoring only (``comparable_taus``): the entropies of
    the last step get those of the reaction times. None without reaction times.
    """
    if reacted is None:
        return None
    times, seen = reacted.time.values, reacted.answered.values
    last = entropy(said.values[:, -1])
    coarse, known = as_coarse(last, times, seen)
    inference = Inference(n=n, permutations=0, rng=seed)
    results = {
        "reaction time": censored_tau(times, undecided, first_seen=seen, inference=inference),
        "certainty": censored_tau(coarse, undecided, first_seen=known, inference=inference),
    }
    comparable_taus(*results.values())
    try:
        comparable_taus(
            results["reaction time"], censored_tau(last, undecided, inference=inference)
        )
        uncut = "the tau of the entropies as they are could be compared, too"
    except AnalysisError as error:
        uncut = str(error)
    counts = draw(np.random.default_rng(seed), n, np.arange(len(times)), True, "stimulus")
    steps = np.unique(times, return_inverse=True)[1]
    cut = np.unique(coarse, return_inverse=True)[1]

    def gap(row: np.ndarray | None) -> float:
        mine = fast_tau(steps, seen, undecided, counts=row)
        return mine - fast_tau(cut, known, undecided, counts=row)

    return {
        "tau": {k: float(r.tau) for k, r in results.items()},
        "interval": {k: r.interval.values.tolist() for k, r in results.items()},
        "concordance_weighted": {k: float(r.concordance_weighted) for k, r in results.items()},
        "reach": float(results["reaction time"].reach),
        "difference": gap(None),
        "difference_interval": percentile_interval(np.array([gap(c) for c in counts])).tolist(),
        "uncut_entropies": uncut,
    }


def sentences(nets: dict[str, Any]) -> list[str]:
    """Of each net by step, of nets beside the first, of time and certainty, of hard images."""
    said = []
    for name, one in nets.items():
        said += [by_step(name, one, measure) for measure in MEASURES]
        said.append(certainty(name, one["time_or_certainty"]))
        said.append(hard(name, one["time_helps"]))
    (first, mine), *others = nets.items()
    for name, other in others:
        said += [beside(first, mine, name, other, measure=m) for m in MEASURES]
    return said


def _at(one: dict[str, Any], measure: str, step: int) -> tuple[float, np.ndarray]:
    """Value and interval at a step."""
    k = list(one["steps"]).index(step)
    found = one[measure]
    bounds = "rate_interval" if measure == "difficulty_i1n" else "interval"
    return float(found[MEASURES[measure][0]][k]), np.array(found[bounds])[:, k]


def _apart(a: np.ndarray, b: np.ndarray) -> int:
    """1 if the first interval lies above the second, -1 below, 0 if they overlap."""
    return int(a[0] > b[1]) - int(a[1] < b[0])


def _closer(sign: int, measure: str) -> str:
    return {1: "closer to people", -1: "less close to people", 0: "not told apart (overlap)"}[
        sign * MEASURES[measure][2]
    ]


def by_step(name: str, one: dict[str, Any], measure: str) -> str:
    """The trained readout beside the first."""
    early, late = int(one["steps"][0]), int(one["trained_readout"])
    (a, first), (b, then) = (_at(one, measure, t) for t in (early, late))
    later = f"later is {_closer(_apart(then, first), measure)}"
    if np.ptp(one[measure][MEASURES[measure][0]]) == 0:
        later = UNCHANGED
    return (
        f"{name}, {MEASURES[measure][1]}: {b:.3f} [{then[0]:.3f}, {then[1]:.3f}] at readout step "
        f"{late}, {a:.3f} [{first[0]:.3f}, {first[1]:.3f}] at step {early}: {later}"
        f"{_cap(one, measure)}."
    )


def beside(
    name: str, one: dict[str, Any], other_name: str, other: dict[str, Any], *, measure: str
) -> str:
    """Two nets at their trained readouts."""
    (a, mine), (b, theirs) = (_at(o, measure, int(o["trained_readout"])) for o in (one, other))
    verdict = _closer(_apart(mine, theirs), measure)
    return (
        f"{name} beside {other_name}, {MEASURES[measure][1]} at the trained readout steps "
        f"{one['trained_readout']} and {other['trained_readout']}: {a:.3f} "
        f"[{mine[0]:.3f}, {mine[1]:.3f}] and {b:.3f} [{theirs[0]:.3f}, {theirs[1]:.3f}]: {name} is "
        f"{verdict}{_cap(one, measure)}. This is of these two nets, one seed each, not of two "
        "architectures."
    )


def _cap(one: dict[str, Any], measure: str) -> str:
    """How many of people's d' lie at the cap, where it matters."""
    if measure != "difficulty_i1n":
        return ""
    share = float(np.ravel(one[measure]["at_cap"])[0])
    return f" ({share:.0%} of people's d' lie at the cap: none of d' is said)"


def certainty(name: str, found: dict[str, Any] | None) -> str:
    """Whether time tells more than certainty does."""
    if found is None:
        return f"{name}: its answers do not change, so that it has no reaction times."
    low, high = found["difference_interval"]
    tau, c = found["tau"], found["concordance_weighted"]
    order = np.sign(tau["reaction time"] - tau["certainty"])
    agree = order == np.sign(c["reaction time"] - c["certainty"])
    if low <= 0 <= high:
        verdict = "which follows people's doubts more is not told"
    elif not agree:
        verdict = "tau and concordance disagree on which follows more, so that none is named"
    else:
        which = "the reaction time" if order > 0 else "the certainty"
        verdict = f"{which} follows people's doubts more"
    return (
        f"{name}: tau with people's entropy {tau['reaction time']:.3f} of the reaction time, "
        f"{tau['certainty']:.3f} of the certainty of the last answer with the same ties and "
        f"censoring (difference {found['difference']:+.3f} [{low:+.3f}, {high:+.3f}]; concordance "
        f"{c['reaction time']:.3f} and {c['certainty']:.3f}): {verdict}."
    )


def hard(name: str, found: dict[str, Any]) -> str:
    """Whether time helps images that people disagree on more, on both scales."""
    result, (early, late) = found["result"], found["steps"]
    scales = {
        "accuracy": (result["interaction"], result["interaction_interval"]),
        "log odds": (result["log_odds_interaction"], result["log_odds_interval"]),
    }
    signs = []
    words = []
    for scale, (value, (low, high)) in scales.items():
        signs.append(int(low > 0) - int(high < 0))
        words.append(f"{float(value):+.3f} [{low:+.3f}, {high:+.3f}] in {scale}")
    if not any(np.any(part) for scale in scales.values() for part in scale):
        verdict = UNCHANGED
    elif signs[0] == signs[1] == 0:
        verdict = "not shown"
    elif signs[0] == signs[1]:
        verdict = "more" if signs[0] > 0 else "less"
    else:
        verdict = "not decided: it depends on the scale"
    return (
        f"{name}, readout steps {early} to {late}: does time help images on which people disagree "
        f"more than others? {' and '.join(words)}: {verdict}."
    )
