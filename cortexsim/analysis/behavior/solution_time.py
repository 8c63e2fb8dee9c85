"""Object solution times: when each image is first told from other objects (Kar et al. 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.behavior.answers import answers
from cortexsim.analysis.behavior.image_dprime import CAP, image_dprimes
from cortexsim.analysis.statistics.draws import attributes, enough
from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.analysis.statistics.settled import settled
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.labelled.arrays import column
from cortexsim.plain import numbers
from cortexsim.shapes import Float

if TYPE_CHECKING:
    import xarray

WHEN = ("early", "late", "never")


@clear_errors
def solution_times(
    probability: Any,
    threshold: Any,
    labels: Any = None,
    *,
    pool: str = "rates",
    cap: float = CAP,
) -> xarray.Dataset:
    """The first time at which the d' (i1) of each image reaches its threshold, interpolated.

    With d(i, t) = ``image_dprimes`` at time t (one object versus the rest) and k the first time
    with d(i, t_k) >= threshold(i):

        time(i) = t_(k-1) + (threshold(i) - d(i, t_(k-1))) / (d(i, t_k) - d(i, t_(k-1)))
                  (t_k - t_(k-1))

    Images never solved are censored. An image that is solved at the first time is given that time
    (it may have been solved before: ``at_first``); one that never is has ``solved`` False and the
    last time. Rank correlations with other times: ``censored_tau(a.time, b.time,
    first_seen=a.solved, second_seen=b.solved)``; they do not depend on how many ms a step lasts.

    Parameters
    ----------
    probability : array of shape (stimulus, step or time_ms, class)
        Of ``read_answers`` (recordings, or responses with time_ms) or ``own_answers``.
    threshold : float, or array of shape (stimulus,)
        Of d', e.g. the i1 of people.
    labels : array of shape (stimulus,), optional
        Names of classes, or their numbers; default the coordinate label.
    pool : {"rates", "dprimes"}
        How i1 pools distractors, as in ``image_dprimes``.
    cap : float
        Largest absolute d', as in ``image_dprimes``.

    Returns
    -------
    Dataset
        By stimulus: time (in steps or ms), solved, at_first, threshold, dprime (stimulus, step or
        time_ms); coverage (share solved).

    Raises
    ------
    AnalysisError
        For thresholds beyond the cap, which no image could pass.

    References
    ----------
    Kar et al. 2019, Nat Neurosci 22:974, methods; the threshold is the monkey's i1 of the image.

    Examples
    --------
    >>> cat, dog = [[0.5, 0.5], [0.6, 0.4], [0.9, 0.1]], [[0.5, 0.5], [0.4, 0.6], [0.1, 0.9]]
    >>> p = np.array([cat, dog, [[0.5, 0.5], [0.6, 0.4], [0.8, 0.2]]])
    >>> result = solution_times(p, 1.0, [0, 1, 1])
    >>> result.time.values.round(2).tolist(), result.solved.values.tolist()
    ([2.65, 2.24, 3.0], [True, True, False])
    """
    import xarray

    a = answers(probability, labels)
    wanted = numbers(threshold, "thresholds").astype(np.float64)
    fits = wanted.shape in ((), (len(a.numbers),))
    if not fits or not np.isfinite(wanted).all() or (wanted > cap).any():
        raise AnalysisError(
            f"thresholds have shape {wanted.shape} and a largest value of "
            f"{np.max(wanted) if wanted.size else np.nan:g}; one d', or one for each of "
            f"{len(a.numbers)} images, of at most {cap:g} (the cap)"
        )
    by_time = [
        image_dprimes(a.probability[:, t], a.numbers, "i1", pool=pool, cap=cap)
        for t in range(len(a.times))
    ]
    d = np.stack(by_time, 1)
    limit = np.broadcast_to(wanted, (len(d),))
    time, solved = crossings(d, a.times, limit)
    coords: dict[str, Any] = {
        a.axis: a.times,
        "label": ("stimulus", np.array(a.classes, dtype=object)[a.numbers]),
    }
    if a.ids is not None:
        coords["stimulus_id"] = ("stimulus", a.ids)
    return xarray.Dataset(
        {
            "time": ("stimulus", time),
            "solved": ("stimulus", solved),
            "at_first": ("stimulus", d[:, 0] >= limit),
            "threshold": ("stimulus", limit),
            "dprime": (("stimulus", a.axis), d),
            "coverage": float(solved.mean()),
        },
        coords,
        attributes(0, pool=pool, cap=cap, axis=a.axis, stimuli=len(d)),
    )


def crossings(
    courses: Float[np.ndarray, "item time"],
    times: Float[np.ndarray, " time"],
    limit: Float[np.ndarray, " item"],
) -> tuple[np.ndarray, np.ndarray]:
    """When courses first reach their limit, interpolated, and whether they do.

    The last time where they do not.
    """
    above = courses >= limit[:, None]
    solved = np.asarray(above.any(1))
    at = above.argmax(1)
    before = np.maximum(at - 1, 0)
    rows = np.arange(len(courses))
    low, high = courses[rows, before], courses[rows, at]
    rise = high - low
    part = np.divide(limit - low, rise, out=np.ones(len(courses)), where=(at > 0) & (rise > 0))
    reached = times[before] + part * (times[at] - times[before])
    return np.where(solved, reached, times[-1]), solved


@clear_errors
def early_late(
    solution: xarray.Dataset, values: Any, *, inference: Inference = Inference()
) -> xarray.Dataset:
    """The mean of a property of the images for images solved early, late and never.

    How undecided people are, say. Early: solved no later than the median of the solved ones; late:
    after it. The split is made once, of all images.

    Parameters
    ----------
    solution : Dataset
        Of ``solution_times``.
    values : array of shape (stimulus,)
        The property.
    inference : Inference
        ``n``: resamples of images, 1000; ``confidence``; ``rng``.

    Returns
    -------
    Dataset
        mean, interval (bound), count by group (early, late, never); difference,
        difference_interval (bound): late less early. Groups without images are NaN.

    Raises
    ------
    AnalysisError
        For values of other images, and values that are no numbers.

    Examples
    --------
    >>> p = np.array([[[0.9, 0.1], [0.9, 0.1]], [[0.6, 0.4], [0.1, 0.9]], [[0.8, 0.2], [0.8, 0.2]]])
    >>> early_late(solution_times(p, 0.8, [0, 1, 1]), [1.0, 2.0, 3.0])["mean"].values
    array([2., 1., 3.])
    """
    import xarray

    stated = column(values, "values").like(column(solution.time, "solution times"))
    x = numbers(stated.values, "values").astype(np.float64)
    if x.shape != solution.time.shape or not np.isfinite(x).all():
        raise AnalysisError(
            f"values have shape {x.shape}; one number for each of {solution.sizes['stimulus']} "
            "images is needed"
        )
    asked = settled(inference, "early_late", n=1000)
    enough(asked.n, "resamples")
    time, solved = solution.time.values, solution.solved.values
    middle = np.median(time[solved]) if solved.any() else np.nan
    groups = [solved & (time <= middle), solved & (time > middle), ~solved]
    member = np.stack(groups, 1).astype(np.float64)
    counts = asked.rng.multinomial(len(x), np.full(len(x), 1 / len(x)), size=asked.n)
    with np.errstate(invalid="ignore", divide="ignore"):
        point, draws = (w @ (member * x[:, None]) / (w @ member) for w in (np.ones(len(x)), counts))
    gaps = draws[:, 1] - draws[:, 0]
    return xarray.Dataset(
        {
            "mean": ("group", point),
            "interval": (("group", "bound"), percentile_interval(draws, asked.confidence).T),
            "count": ("group", member.sum(0).astype(int)),
            "difference": float(point[1] - point[0]),
            "difference_interval": ("bound", percentile_interval(gaps, asked.confidence)),
        },
        {"group": list(WHEN), "bound": ["lower", "upper"]},
        attributes(
            inference.rng, n=asked.n, confidence=asked.confidence, median_time=float(middle)
        ),
    )
