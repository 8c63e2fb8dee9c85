"""What a comparison with a brain and a masking experiment say, told by their variables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.words import best_place, p_of, pooled

if TYPE_CHECKING:
    import xarray

# Their variables and dimensions.
VARIABLES = {
    "masking": {"accuracy", "dprime", "effect", "threshold_ms", "guess"},
    "comparison": {"evaluation", "interval", "network"},
}
P_VALUES = {
    "p_zero_corrected": "against zero",
    "p_permutation_corrected": "against permutations",
}


def summary_of_comparison(result: xarray.Dataset) -> list[str]:
    """The best of the network that is judged, beside ceiling and controls at the same place."""
    about, network = result.attrs, str(result.network.values[0])
    values = result.evaluation.isel(network=0, drop=True)
    places, where = best_place(values)
    at_best = result.isel(places)
    best = at_best.isel(network=0)
    low, high = best.interval.values
    brain = " ".join(str(about[k]) for k in ("neural_name", "neural_variable") if k in about)
    lines = [
        f"compare: {network} with {brain or 'a brain'}, {about['conditions']} stimuli; "
        f"{about['quantity']}",
        f"largest of {int(np.isfinite(values.values).sum())}: {where}: "
        f"{float(best.evaluation):.2f}, interval {low:.2f} to {high:.2f}",
    ]
    tests = [f"{words} {p_of(best[name])}" for name, words in P_VALUES.items() if name in best]
    lines += [f"corrected p {'; '.join(tests)}"] if tests else []
    lines += [f"noise ceiling: {_ceiling(at_best)}"] if "ceiling" in result else []
    controls = [
        f"{name} {float(at_best.evaluation.isel(network=k)):.2f}"
        for k, name in enumerate(map(str, result.network.values))
        if k
    ]
    lines += [f"controls at the same place: {', '.join(controls)}"] if controls else []
    return lines


def _ceiling(at_best: xarray.Dataset) -> str:
    """One number or two bounds; whatever other dimension is left, its largest."""
    others = [d for d in at_best.ceiling.dims if d != "bound"]
    bounds = np.atleast_1d(at_best.ceiling.max(others).values)
    if not np.isfinite(bounds).all():
        return f"none, {pooled(at_best.attrs) or 'it needs two subjects or repeats'}"
    return " to ".join(f"{float(b):.2f}" for b in bounds)


def summary_of_masking(result: xarray.Dataset) -> list[str]:
    """The largest effect of a mask, and its threshold."""
    about = result.attrs
    places, where = best_place(result.effect)
    best: Any = result.isel(places)
    low, high = best.effect_interval.values
    without = result.accuracy.isel({**places, "mask": 0})
    lines = [
        f"mask: {', '.join(map(str, result.network.values))}; {about['n']} stimuli, chance "
        f"{about['chance']:.3g}",
        f"largest effect of {int(np.isfinite(result.effect.values).sum())}: {where}: accuracy "
        f"{float(without):.2f} without a mask, {float(best.accuracy):.2f} with it; difference "
        f"{float(best.effect):.2f}, 95 % interval {low:.2f} to {high:.2f}",
    ]
    status = str(best.threshold_status.item())
    if status == "ok":
        low, high = best.threshold_interval.values
        lines.append(
            f"threshold {float(best.threshold_ms):.0f} ms, 95 % interval {low:.0f} to {high:.0f}"
        )
    else:
        lines.append(f"threshold: none ({status})")
    statistics: dict[str, str] = json.loads(about.get("statistics", "{}"))
    lines += [f"statistics of {name}: {which}" for name, which in statistics.items()]
    warnings: list[str] = json.loads(about.get("warnings", "[]"))
    lines += [f"warning: {text}" for text in warnings]
    return lines


SUMMARIES = {"comparison": summary_of_comparison, "masking": summary_of_masking}
