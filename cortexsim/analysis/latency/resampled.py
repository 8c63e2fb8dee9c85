"""The latency of a mean over members, and of the means of resamples of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cortexsim.analysis.latency.baseline import Courses
from cortexsim.analysis.latency.onsets import LATENCIES, RESAMPLED
from cortexsim.shapes import Float


class Resampled(NamedTuple):
    """The latency of a mean over members, and of the means of resamples of them.

    Parameters
    ----------
    point : float
        Held between onset and peak.
    free : float
        Not held, as the draws are not.
    draws : array of shape (resample,)
        NaN without a response.
    """

    point: float
    free: float
    draws: np.ndarray


def resampled(
    x: Courses, counts: Float[np.ndarray, "resample member"], method: str, *, k: float, bins: int
) -> Resampled:
    """The latency of the mean, and of each resampled mean, held against the same spread."""
    mean = x.values.mean(0)
    spread = mean[x.base].std(ddof=1)
    point, free = (
        float(find[method](mean, x.times, x.base, k=k, bins=bins))
        for find in (LATENCIES, RESAMPLED)
    )
    means = counts @ x.values / len(x.values)
    draws = RESAMPLED[method](means, x.times, x.base, k=k, bins=bins, spread=spread)
    return Resampled(point, free, draws)
