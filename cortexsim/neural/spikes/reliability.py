"""Split halves, and how reliable responses and their RDMs are at each time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.neural.own.layout import pair_coords
from cortexsim.neural.spikes.trials import Trials, trials_of, variable_of
from cortexsim.provenance import provenance

if TYPE_CHECKING:
    import xarray

NEEDS_MORE = ("crossnobis", "mahalanobis")  # runs, or a noise covariance
LEAST_STIMULI = 4  # of which a correlation over stimuli is computed


def split_halves(
    data: Any, *, rng: int | np.random.Generator = 0, together: str | None = None
) -> xarray.Dataset:
    """The mean responses to each stimulus in two random halves of its trials.

    data: single trials, as for ``average``. A cell with an odd number of trials gives the larger half to either, at random.
    together: for trials of single units, the coordinate (``"session"``) of units recorded at once: their k-th trials were one presentation and
        go into the same half. Without it each unit's trials are split on their own; noise that units share then gets into both halves and passes for
        reliability of RDMs. Repeats of many units are always split by presentation.

    Returns a Dataset with responses ``(half, [time_ms,] stimulus, unit)`` and trials ``(half, stimulus, unit)``; NaN where a half has no trials.
    Raises AnalysisError for what ``average`` refuses, and units of one session that saw different sequences.

    >>> import xarray
    >>> repeats = xarray.DataArray(np.ones((5, 2, 3)), {"stimulus_id": ("stimulus", ["a", "b"])}, ("repeat", "stimulus", "unit"))
    >>> sorted(split_halves(repeats).trials.values[:, 0, 0])
    [np.int32(2), np.int32(3)]
    """
    from cortexsim.analysis.statistics.draws import generator_of

    trials = trials_of(data, "split_halves", together)
    half = _halves(generator_of(rng), trials.stratum)[trials.presentation]
    means = trials.means(half, 2)
    s, u = trials.shape
    counts = np.bincount(
        (half * s + trials.stimulus) * u + trials.unit, minlength=2 * s * u
    ).reshape(2, s, u)
    timed = "time_ms" in trials.template.coords
    dims = ("half", *(["time_ms"] if timed else []), "stimulus", "unit")
    return trials.template.assign(
        responses=(
            dims,
            means if timed else means[:, 0],
            {**trials.attrs, "seed": _seed(rng), "together": together or "each unit on its own"},
        ),
        trials=(
            ("half", "stimulus", "unit"),
            counts.astype(np.int32),
            {"kind": "count", "units": "trials"},
        ),
    )


def _halves(rng: np.random.Generator, stratum: np.ndarray) -> np.ndarray:
    """0 or 1 for each presentation: half of each stratum, drawn at random; the odd one goes to either."""
    order = np.argsort(stratum + rng.random(len(stratum)))  # within a stratum in random order
    sorted_stratum = stratum[order]
    starts = np.flatnonzero(np.r_[True, np.diff(sorted_stratum) != 0])
    sizes = np.diff(np.r_[starts, len(order)])
    out = np.empty(len(order), dtype=np.int64)
    out[order] = (
        np.arange(len(order))
        - np.repeat(starts, sizes)
        + np.repeat(rng.integers(0, 2, len(starts)), sizes)
    ) % 2
    return out


def spearman_brown(r: Any) -> Any:
    """The reliability of the whole from the correlation of its halves: 2 r / (1 + r).

    Sources: Spearman 1910; Brown 1910.

    >>> spearman_brown(0.5).round(3)
    np.float64(0.667)
    """
    r = np.asarray(r, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(r > -1, 2 * r / (1 + r), -np.inf)[()] + 0 * r


def reliability(
    data: Any,
    by: str = "unit",
    *,
    n: int = 100,
    rng: int | np.random.Generator = 0,
    measure: str = "correlation",
    comparator: str = "spearman",
    centre: bool = False,
    together: str | None = None,
    confidence: float = 0.95,
) -> xarray.Dataset:
    """Split-half reliability at each time: the correlation r of random halves, and 2 r / (1 + r) for all trials (Spearman-Brown).

    data: single trials, as for ``average``.
    by: ``"unit"``, r over stimuli of each unit; ``"population"``, r over stimuli and units of responses less each unit's mean over stimuli;
        ``"rdm"``, the similarity (``comparator``) of the RDMs (``measure``) of the halves.
    n, rng: random splits; seed or generator. together: see ``split_halves``; matters where units were recorded at once.
    centre: for RDMs, take away each unit's mean over stimuli first, as in ``response_rdms``.

    Returns a Dataset with r and reliability ``([time_ms] [, unit])``, interval ``(bound, ...)`` of the reliability over the splits, and splits,
    how many of them are defined (a unit without variance, or a constant RDM, is not): r is the mean of these. The interval tells how much the choice
    of split matters; it is no confidence interval over stimuli or units. Stimuli of which a unit has fewer than two trials are left out for that
    unit; for RDMs and populations such units are left out (``attrs["units_left_out"]``). For RDMs the formula is an approximation: read r.
    Raises AnalysisError for what ``split_halves`` refuses, and if nothing has two trials.
    Sources: Spearman 1910; Brown 1910.

    >>> rng = np.random.default_rng(0)
    >>> signal = rng.normal(size=(40, 3))
    >>> import xarray
    >>> repeats = signal + rng.normal(size=(10, 40, 3))
    >>> data = xarray.DataArray(repeats, {"stimulus_id": ("stimulus", [f"s{k}" for k in range(40)])}, ("repeat", "stimulus", "unit"))
    >>> reliability(data, n=20).reliability.values.round(2)  # expected: 1 / (1 + 1 / 10) = 0.91
    array([0.93, 0.91, 0.86])
    """
    from cortexsim.analysis.statistics.draws import generator_of, whole_number

    if by not in BY:
        raise AnalysisError(f"there is no reliability by {by!r}; choose from {', '.join(BY)}")
    if whole_number(n, "n") < 1 or not 0 < confidence < 1:
        raise AnalysisError(
            f"n={n}, confidence={confidence}: at least 1 split, and a confidence between 0 and 1, are needed"
        )
    generator = generator_of(rng)
    trials = trials_of(data, "reliability", together)
    enough = trials.counts() >= 2
    kept = _kept(trials, by, enough)
    score = BY[by](measure, comparator, centre)
    r = []
    for _ in range(n):
        means = trials.means(_halves(generator, trials.stratum)[trials.presentation], 2)
        r.append(score(np.where(enough, means, np.nan)[..., kept]))
    settings = {
        "by": by, "n": n, "seed": _seed(rng), "confidence": confidence, "formula": "2 r / (1 + r)", "interval_over": "random splits",
        "together": together or "each unit on its own", "units_left_out": int((~kept).sum()),
        "stimuli": trials.shape[0], "provenance": json.dumps(provenance("xarray", "scipy")),
    }  # fmt: skip
    if by == "rdm":
        settings |= {"measure": measure, "comparator": comparator, "centred": int(centre)}
    return _summary(np.array(r), trials, by, settings, confidence)


def _kept(trials: Trials, by: str, enough: np.ndarray) -> np.ndarray:
    """The units that can be split: all (each on its own stimuli), or those with two trials of every stimulus."""
    kept = np.asarray(enough.all(0)) | (by == "unit")
    if not kept.any() or not enough.any():
        raise AnalysisError(
            f"no unit has two trials of {'any' if by == 'unit' else 'every'} stimulus, so there are no halves: the cells (stimulus, unit) have "
            f"{trials.counts().min()} to {trials.counts().max()} trials"
        )
    if trials.shape[0] < LEAST_STIMULI:
        raise AnalysisError(
            f"{trials.shape[0]} stimuli: at least {LEAST_STIMULI} are needed for a correlation over them"
        )
    return kept


def _summary(
    r: np.ndarray, trials: Trials, by: str, settings: dict[str, Any], confidence: float
) -> xarray.Dataset:
    """Means and quantiles over the splits ``r (split, time[, unit])`` that are defined."""
    defined = np.isfinite(r)
    count = defined.sum(0)
    with np.errstate(invalid="ignore"):
        mean = np.where(defined, r, 0).sum(0) / count
    tails = (1 - confidence) / 2
    interval = np.full((2, *mean.shape), np.nan)
    some = count > 0
    interval[:, some] = np.nanquantile(
        np.where(defined, r, np.nan)[:, some], [tails, 1 - tails], axis=0
    )
    out = {
        "r": mean,
        "reliability": spearman_brown(mean),
        "splits": count.astype(np.int32),
        "interval": spearman_brown(interval),
    }
    timed = "time_ms" in trials.template.coords
    dims = (*(["time_ms"] if timed else []), *(["unit"] if by == "unit" else []))
    if not timed:
        out = {k: v[:, 0] if k == "interval" else v[0] for k, v in out.items()}
    variables = {k: (("bound", *dims) if k == "interval" else dims, v) for k, v in out.items()}
    result = (
        trials.template.assign(variables)
        .drop_dims("stimulus")
        .assign_coords(bound=["lower", "upper"])
    )
    if by != "unit":
        result = result.drop_dims("unit")
    result.attrs = {**trials.template.attrs, **settings}
    return result


Score = Callable[
    [np.ndarray], np.ndarray
]  # halves (half, time, stimulus, unit) -> r (time[, unit])


def _by_unit(measure: str, comparator: str, centre: bool) -> Score:
    def score(halves: np.ndarray) -> np.ndarray:
        return _correlation(halves[0], halves[1], axis=1)

    return score


def _by_population(measure: str, comparator: str, centre: bool) -> Score:
    def score(halves: np.ndarray) -> np.ndarray:
        a, b = (halves - halves.mean(2, keepdims=True)).reshape(2, halves.shape[1], -1)
        return _correlation(a, b, axis=1)

    return score


def _by_rdm(measure: str, comparator: str, centre: bool) -> Score:
    from cortexsim.analysis.rsa.comparators import comparator_named
    from cortexsim.analysis.rsa.compare import compare

    comparator_named(comparator)
    _check_measure(measure)

    def score(halves: np.ndarray) -> np.ndarray:
        both = _rdms(halves, measure, centre)
        out = np.full(both.shape[1], np.nan)
        for t in np.flatnonzero(np.isfinite(both).all((0, 2)) & (np.ptp(both, axis=2) > 0).all(0)):
            out[t] = compare(both[0, t], both[1, t], comparator)
        return out

    return score


BY: dict[str, Callable[[str, str, bool], Score]] = {
    "unit": _by_unit,
    "population": _by_population,
    "rdm": _by_rdm,
}


def _correlation(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
    """Pearson's r along an axis, of what is a number in both; NaN where fewer than 4 are, or nothing varies."""
    there = np.isfinite(a) & np.isfinite(b)
    n = there.sum(axis, keepdims=True)
    a, b = np.where(there, a, 0), np.where(there, b, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = [x.sum(axis, keepdims=True) / n for x in (a, b)]
        da, db = (np.where(there, x - m, 0) for x, m in zip((a, b), means, strict=True))
        va, vb = ((d**2).sum(axis) for d in (da, db))
        floors = [
            (1e-12 * np.abs(m)).squeeze(axis) ** 2 * n.squeeze(axis) for m in means
        ]  # rounding of a constant
        fine = (va > floors[0]) & (vb > floors[1]) & (n.squeeze(axis) >= LEAST_STIMULI)
        return np.where(fine, (da * db).sum(axis) / np.sqrt(va * vb), np.nan)


def response_rdms(
    data: Any, measure: str = "correlation", *, centre: bool = False
) -> xarray.Dataset:
    """The RDM of mean responses at each time, over units.

    data: a Dataset with responses ``(..., [time_ms,] stimulus, unit)``, or such a DataArray. measure: see ``cortexsim.analysis.rdms``.
    centre: take away each unit's mean over stimuli first, so that differences in rate between units, common to all stimuli, do not count.

    Returns a Dataset with rdm ``(..., [time_ms,] pair)``. Where the measure is not defined (a stimulus to which all units respond alike, for
    correlation) the RDM is NaN throughout; ``rdm.attrs["undefined"]`` counts them.
    Raises AnalysisError for single trials (average them first), NaN, and measures that need more than patterns.

    >>> from cortexsim.neural.own.rdms import from_responses
    >>> patterns = [[1, 2, 3], [3, 2, 1], [1, 2, 4], [0, 5, 0.0]]
    >>> data = from_responses(patterns, dims=("stimulus", "unit"), stimulus_id=list("abcd"))
    >>> response_rdms(data).rdm.values.round(3)
    array([2.   , 0.018, 1.   , 1.982, 1.   , 1.189])
    """
    import xarray

    from cortexsim.analysis.rsa.rdm import MEASURES

    array = variable_of(data, ("responses", "rates"), "response_rdms")
    _check_measure(measure)
    if (
        {"trial", "repeat"} & set(array.dims)
        or not {"stimulus", "unit"} <= set(array.dims)
        or "stimulus_id" not in array.coords
    ):
        raise AnalysisError(
            f"RDMs are of mean responses (..., [time_ms,] stimulus, unit) with stimulus_id; found {tuple(array.dims)}: see cortexsim.neural.average"
        )
    array = array.transpose(
        ..., *(["time_ms"] if "time_ms" in array.dims else []), "stimulus", "unit"
    )
    values = array.values.astype(np.float64)
    if (missing := ~np.isfinite(values)).any():
        units = np.flatnonzero(missing.reshape(-1, values.shape[-1]).any(0))
        raise AnalysisError(
            f"{len(units)} of {values.shape[-1]} units lack a response to some stimulus; leave them out: data.dropna('unit')"
        )
    rdm = _rdms(values.reshape(-1, *values.shape[-2:]), measure, centre).reshape(
        *values.shape[:-2], -1
    )
    dims = (*array.dims[:-2], "pair")
    attrs = {
        "kind": "rdm", **{k: array.attrs[k] for k in ("area", "species") if k in array.attrs}, "units": "dissimilarity",
        "measure": MEASURES[measure].equation + (" of responses less each unit's mean" if centre else ""),
        "undefined": int(np.isnan(rdm).all(-1).sum()),
    }  # fmt: skip
    coords = {k: c.variable for k, c in array.coords.items() if "unit" not in c.dims}
    return xarray.Dataset(
        {"rdm": (dims, rdm, attrs)},
        coords | pair_coords(values.shape[-2]),
        data.attrs if isinstance(data, xarray.Dataset) else {},
    )


def _check_measure(measure: str) -> None:
    from cortexsim.analysis.rsa.kernels import measure_named

    measure_named(measure)
    if measure in NEEDS_MORE:
        raise AnalysisError(
            f"{measure} needs runs or a noise covariance: use cortexsim.analysis.rdms on the responses"
        )


def _rdms(patterns: np.ndarray, measure: str, centre: bool) -> np.ndarray:
    """RDMs ``(..., pair)`` of patterns ``(..., stimulus, unit)``; NaN where a scale-free measure meets a pattern without variance or length."""
    from cortexsim.analysis.rsa.rdm import MEASURES, rdms

    x = patterns - patterns.mean(-2, keepdims=True) if centre else patterns
    n = x.shape[-2]
    size = np.abs(patterns).max(-1)  # what centring leaves of equal responses is rounding of these
    spread = np.ptp(x, axis=-1) if MEASURES[measure].centre == "rows" else np.abs(x).max(-1)
    fine = (spread > 1e-12 * size).all(-1) | (not MEASURES[measure].scale_free)
    out = np.full((*x.shape[:-2], n * (n - 1) // 2), np.nan)
    if fine.any():
        out[fine] = rdms(x[fine], measure)
    return out


def _seed(rng: Any) -> int | str:
    return "a generator of the caller" if isinstance(rng, np.random.Generator) else int(rng)
