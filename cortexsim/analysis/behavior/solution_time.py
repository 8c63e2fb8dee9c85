"""Object solution times: when each image is first told from other objects as well as a threshold asks (Kar et al. 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.behavior.answers import answers
from cortexsim.analysis.behavior.image_dprime import CAP, image_dprimes
from cortexsim.analysis.statistics.draws import attributes, enough, generator_of, share
from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    import xarray

WHEN = ("early", "late", "never")


def solution_times(probability: Any, threshold: Any, labels: Any = None, *, pool: str = "rates", cap: float = CAP) -> xarray.Dataset:  # fmt: skip
    """The first time at which the d' (i1) of each image reaches its threshold, interpolated between times; images never solved are censored.

    With d(i, t) = ``image_dprimes`` at time t (one object versus the rest) and k the first time with d(i, t_k) >= threshold(i):

        time(i) = t_(k-1) + (threshold(i) - d(i, t_(k-1))) / (d(i, t_k) - d(i, t_(k-1))) (t_k - t_(k-1))

    An image that is solved at the first time is given that time (it may have been solved before: ``at_first``); one that never is has ``solved`` False
    and the last time. Rank correlations with other times: ``censored_tau(a.time, b.time, a.solved, b.solved)``; they do not depend on how many ms a
    step lasts.

    probability: ``(stimulus, step or time_ms, class)``, of ``read_answers`` (recordings, or responses with time_ms) or ``own_answers``. threshold: of
        d', one number, or one for each image, e.g. the i1 of people. labels: as in ``answers``. pool: how i1 pools distractors.

    Returns a Dataset by stimulus: time (in steps or ms), solved, at_first, threshold, dprime (stimulus, step or time_ms); coverage (share solved).
    Raises AnalysisError for thresholds beyond the cap, which no image could pass.
    Source: Kar et al. 2019, Nat Neurosci 22:974, methods; there the threshold is the monkey's i1 of the image.

    >>> p = np.array([[[0.5, 0.5], [0.6, 0.4], [0.9, 0.1]], [[0.5, 0.5], [0.4, 0.6], [0.1, 0.9]], [[0.5, 0.5], [0.6, 0.4], [0.8, 0.2]]])
    >>> found = solution_times(p, 1.0, [0, 1, 1])
    >>> found.time.values.round(2).tolist(), found.solved.values.tolist()
    ([2.65, 2.24, 3.0], [True, True, False])
    """
    import xarray

    a = answers(probability, labels)
    wanted = np.asarray(threshold, dtype=np.float64)
    if (
        wanted.shape not in ((), (len(a.numbers),))
        or not np.isfinite(wanted).all()
        or (wanted > cap).any()
    ):
        raise AnalysisError(
            f"thresholds have shape {wanted.shape} and a largest value of {np.max(wanted) if wanted.size else np.nan:g}; one d', or one for each of "
            f"{len(a.numbers)} images, of at most {cap:g} (the cap)"
        )
    d = np.stack([image_dprimes(a.probability[:, t], a.numbers, "i1", pool=pool, cap=cap) for t in range(len(a.times))], 1)  # fmt: skip
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
    courses: np.ndarray, times: np.ndarray, limit: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """When courses ``(item, time)`` first reach their limit ``(item,)``, interpolated, and whether they do; the last time where not."""
    above = courses >= limit[:, None]
    solved = np.asarray(above.any(1))
    at = above.argmax(1)
    before = np.maximum(at - 1, 0)
    rows = np.arange(len(courses))
    low, high = courses[rows, before], courses[rows, at]
    rise = high - low
    part = np.divide(limit - low, rise, out=np.ones(len(courses)), where=(at > 0) & (rise > 0))
    found = times[before] + part * (times[at] - times[before])
    return np.where(solved, found, times[-1]), solved


def early_late(
    solution: xarray.Dataset, values: Any, *, n: int = 1000, confidence: float = 0.95, rng: int | np.random.Generator = 0
) -> xarray.Dataset:  # fmt: skip
    """The mean of something about the images (how undecided people are, say) for images solved early, late and never, with intervals.

    Early: solved no later than the median of the solved ones; late: after it. The split is made once, of all images.

    solution: of ``solution_times``. values: ``(stimulus,)``. n: resamples of images.

    Returns a Dataset: mean, interval (bound), count by group (early, late, never); difference, difference_interval (bound): late less early.
    Groups without images are NaN.

    >>> p = np.array([[[0.9, 0.1], [0.9, 0.1]], [[0.6, 0.4], [0.1, 0.9]], [[0.8, 0.2], [0.8, 0.2]]])
    >>> early_late(solution_times(p, 0.8, [0, 1, 1]), [1.0, 2.0, 3.0])["mean"].values
    array([2., 1., 3.])
    """
    import xarray

    x = np.asarray(values, dtype=np.float64)
    if x.shape != solution.time.shape or not np.isfinite(x).all():
        raise AnalysisError(f"values have shape {x.shape}; one number for each of {solution.sizes['stimulus']} images is needed")  # fmt: skip
    enough(n, "resamples")
    share(confidence, "confidence")
    time, solved = solution.time.values, solution.solved.values
    middle = np.median(time[solved]) if solved.any() else np.nan
    member = np.stack([solved & (time <= middle), solved & (time > middle), ~solved], 1).astype(
        np.float64
    )
    counts = generator_of(rng).multinomial(len(x), np.full(len(x), 1 / len(x)), size=n)
    with np.errstate(invalid="ignore", divide="ignore"):
        point, drawn = (w @ (member * x[:, None]) / (w @ member) for w in (np.ones(len(x)), counts))
    tails = [50 - 50 * confidence, 50 + 50 * confidence]
    gaps = drawn[:, 1] - drawn[:, 0]

    def quantiles(v: np.ndarray) -> Any:
        return np.percentile(v[np.isfinite(v)], tails) if np.isfinite(v).any() else [np.nan, np.nan]

    return xarray.Dataset(
        {
            "mean": ("group", point),
            "interval": (("group", "bound"), [quantiles(drawn[:, k]) for k in range(3)]),
            "count": ("group", member.sum(0).astype(int)),
            "difference": float(point[1] - point[0]),
            "difference_interval": ("bound", quantiles(gaps)),
        },
        {"group": list(WHEN), "bound": ["lower", "upper"]},
        attributes(rng, n=n, confidence=confidence, median_time=float(middle)),
    )
