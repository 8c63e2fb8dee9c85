"""Onset, half of the maximum and peak of courses above a critical value."""

from __future__ import annotations

import numpy as np

from cortexsim.analysis.latency.onsets import first_run, largest_since, last_rise
from cortexsim.shapes import Float

MOMENTS = ("onset", "half_maximum", "peak")
TIE = 1e-10  # values of a course that differ by less are the same, computed along different ways


def moments(
    courses: Float[np.ndarray, "... time"],
    times: Float[np.ndarray, " time"],
    critical: float,
    *,
    level: float,
    bins: int,
    held: bool = True,
) -> dict[str, np.ndarray]:
    """Onset, half maximum and peak of courses: ``onset <= half_maximum <= peak``.

    Parameters
    ----------
    courses : array of shape (..., time)
        NaN in a course is below the critical value.
    times : array of shape (time,)
        In ms or steps.
    critical : float
        What a course must exceed.
    level : float
        Chance.
    bins : int
        Consecutive times above the critical value, and below half to have left it.
    held : bool
        Whether the half maximum is held between the other two, as in ``last_rise``; not so for
        resamples, of which none is left out.

    Returns
    -------
    dict
        A key of ``MOMENTS`` -> array of shape (...); NaN without an onset. The half maximum is the
        last crossing of half before the peak, NaN where that is earlier than the onset.

    Examples
    --------
    >>> course, steps = np.array([np.nan, 0.5, 0.6, 0.9]), np.arange(1.0, 5)
    >>> result = moments(course, steps, 0.55, level=0.5, bins=1)
    >>> {k: round(float(v), 3) for k, v in result.items()}
    {'onset': 3.0, 'half_maximum': 3.333, 'peak': 4.0}
    """
    defined = np.isfinite(courses)
    values = np.where(defined, courses, level)
    onset = first_run(defined & (values > critical + TIE), times, bins)
    response = np.where(np.isnan(onset)[..., None] | (times >= onset[..., None]), values, -np.inf)
    half = (level + response.max(-1)) / 2 - TIE
    return {
        "onset": onset,
        "half_maximum": last_rise(values, times, onset, level=half, bins=bins, held=held),
        "peak": largest_since(values, times, onset),
    }
