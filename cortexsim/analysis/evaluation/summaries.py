"""What an evaluation says, in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cortexsim.analysis.words import best_place, counted, p_of, pooled, whose

if TYPE_CHECKING:
    import xarray


def summary_of_evaluation(result: xarray.Dataset) -> list[str]:
    """The largest similarity, said to be that of how many: chosen, it is too good."""
    about, values = result.attrs, result.evaluation
    sizes = [counted(values.sizes[str(d)], str(d).removesuffix("_ms")) for d in values.dims]
    resampled = (
        f"{about['resample']} resampled {about['n']} times"
        if about["n"]
        else "nothing resampled, the spread is that of the subjects"
    )
    places, where = best_place(values)
    best = result.isel(places)
    low, high = best.interval.values
    lines = [
        f"evaluate: {about['comparator']}, {' x '.join(sizes)}, "
        f"{whose(about)}, {counted(about['conditions'], 'condition')}; "
        f"{resampled}",
        f"largest of {int(np.isfinite(values.values).sum())}: {where}: "
        f"{float(best.evaluation):.2f}, {100 * about['confidence']:g} % interval "
        f"{low:.2f} to {high:.2f}",
    ]
    correction = about["correction"]
    lower, upper = best.ceiling.values
    if np.isfinite(lower):
        lines.append(
            f"noise ceiling: {lower:.2f} to {upper:.2f}; p against the lower end "
            f"{p_of(best.p_ceiling_corrected)} ({correction})"
        )
    else:
        why = pooled(about) or "it needs two subjects or repeats"
        lines.append(f"noise ceiling: none, {why}")
    freedom = about.get("degrees_of_freedom", np.inf)
    test = f"t with {freedom:g} degrees of freedom, " if np.isfinite(freedom) else ""
    lines.append(f"p against zero {p_of(best.p_zero_corrected)} ({test}{correction})")
    if "p_permutation_corrected" in best:
        p = p_of(best.p_permutation_corrected)
        lines.append(f"p against permuted labels {p} (maximum over all)")
    fixed = about.get("conditions_fixed_in", "nothing")  # older results do not say
    if fixed != "nothing":
        lines.append(f"conditions fixed, so these speak of no other conditions: {fixed}")
    return lines


SUMMARIES = {"evaluate": summary_of_evaluation}
