"""Split halves, and how reliable responses and their RDMs are at each time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.statistics.draws import generator_of, whole_number
from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.analysis.statistics.reliability import random_halves, spearman_brown
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.analysis.statistics.settled import settled
from cortexsim.analysis.statistics.sizes import at_most, room_for
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.neural.spikes.response_rdms import check_measure, rdms_of_responses
from cortexsim.neural.spikes.trials import Trials, trials_of
from cortexsim.provenance import provenance
from cortexsim.shapes import Float

if TYPE_CHECKING:
    import xarray

LEAST_STIMULI = 4  # of which a correlation over stimuli is computed


@clear_errors
def split_halves(
    data: Any, *, rng: int | np.random.Generator = 0, together: str | None = None
) -> xarray.Dataset:
    """The mean responses to each stimulus in two random halves of its trials.

    Parameters
    ----------
    data : xarray.Dataset or xarray.DataArray
        Single trials, as for ``average``.
    rng : int or numpy.random.Generator
        Seed or generator. A cell with an odd number of trials gives the larger half to either, at
        random.
    together : str, optional
        For trials of single units, the coordinate (``"session"``) of units recorded at once: their
        k-th trials were one presentation and go into the same half. Without it each unit's trials
        are split on their own; noise that units share then gets into both halves and passes for
        reliability of RDMs. Repeats of many units are always split by presentation.

    Returns
    -------
    xarray.Dataset
        With responses ``(half, [time_ms,] stimulus, unit)`` and trials ``(half, stimulus, unit)``;
        NaN where a half has no trials.

    Raises
    ------
    AnalysisError
        For what ``average`` refuses, and units of one session that saw different sequences.

    Examples
    --------
    >>> import xarray
    >>> repeats = xarray.DataArray(
    ...     np.ones((5, 2, 3)),
    ...     {"stimulus_id": ("stimulus", ["a", "b"])},
    ...     ("repeat", "stimulus", "unit"),
    ... )
    >>> sorted(split_halves(repeats).trials.values[:, 0, 0])
    [np.int32(2), np.int32(3)]
    """
    trials = trials_of(data, "split_halves", together)
    half = _halves_of_presentations(trials, generator_of(rng))
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
    """0 or 1 for each presentation: half of each stratum, drawn at random.

    The odd one goes to either.
    """
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


def _halves_of_presentations(trials: Trials, rng: np.random.Generator) -> np.ndarray:
    """The half of each trial, that of its presentation."""
    return _halves(rng, trials.stratum)[trials.presentation]


def _halves_of_units(trials: Trials, rng: np.random.Generator) -> np.ndarray:
    """The half of each trial, halves of equal size in each cell."""
    repeat = trials.repeat
    measured = np.zeros((int(repeat.max()) + 1, *trials.shape), dtype=bool)
    measured[repeat, trials.stimulus, trials.unit] = True
    return random_halves(measured, rng)[repeat, trials.stimulus, trials.unit].astype(np.int64)


@clear_errors
def reliability(
    data: Any,
    by: str = "unit",
    *,
    measure: str = "correlation",
    comparator: str = "spearman",
    centre: bool = False,
    together: str | None = None,
    splits: int = 100,
    inference: Inference = Inference(),
) -> xarray.Dataset:
    """Split-half reliability at each time.

    The correlation r of random halves, and 2 r / (1 + r) for all trials (Spearman-Brown). Stimuli
    of which a unit has fewer than two trials are left out for that unit; for RDMs and populations
    such units are left out (``attrs["units_left_out"]``). For RDMs the formula is an approximation:
    read r. Where r is not positive, reliability is r.

    By unit and for populations, the halves of every unit are of equal size, as in
    ``cortexsim.analysis.split_half_reliability``, so that units that miss different repeats do not
    seem less reliable. For RDMs the units of a presentation stay together, so that noise which they
    share is in one half only; where units miss different repeats, their halves are then of unequal
    size, and r is a little too small (0.365 for 0.386 in a simulation).

    Parameters
    ----------
    data : xarray.Dataset or xarray.DataArray
        Single trials, as for ``average``.
    by : {"unit", "population", "rdm"}
        ``"unit"``, r over stimuli of each unit; ``"population"``, r over stimuli and units of
        responses less each unit's mean over stimuli; ``"rdm"``, the similarity (``comparator``) of
        the RDMs (``measure``) of the halves.
    measure : str
        Dissimilarity of the RDMs, see ``cortexsim.analysis.rdms``.
    comparator : str
        Similarity of RDMs, see ``cortexsim.analysis.evaluate``.
    centre : bool
        For RDMs, take away each unit's mean over stimuli first, as in ``response_rdms``.
    together : str, optional
        See ``split_halves``; matters where units were recorded at once.
    splits : int
        Number of random splits.
    inference : Inference
        ``confidence`` of the interval; ``rng``.

    Returns
    -------
    xarray.Dataset
        With r and reliability ``([time_ms,] [unit,])``, interval ``(bound, ...)`` of the
        reliability over the splits, and splits, how many of them are defined (a unit without
        variance, or a constant RDM, is not): r is the mean of these. The interval tells how much
        the choice of split matters; it is no confidence interval over stimuli or units.

    Raises
    ------
    AnalysisError
        For what ``split_halves`` refuses, and if nothing has two trials.

    References
    ----------
    Spearman 1910; Brown 1910.

    Examples
    --------
    >>> import xarray
    >>> rng = np.random.default_rng(0)
    >>> signal = rng.normal(size=(40, 3))
    >>> repeats = signal + rng.normal(size=(10, 40, 3))
    >>> ids = {"stimulus_id": ("stimulus", [f"s{k}" for k in range(40)])}
    >>> data = xarray.DataArray(repeats, ids, ("repeat", "stimulus", "unit"))
    >>> reliability(data, splits=20).reliability.values.round(2)  # expected: 1 / 1.1 = 0.91
    array([0.93, 0.91, 0.86])
    """
    if by not in BY:
        raise AnalysisError(f"there is no reliability by {by!r}; choose from {', '.join(BY)}")
    if whole_number(splits, "splits") < 1:
        raise AnalysisError(f"splits={splits}: at least 1 random split is needed")
    at_most(splits, "splits")
    asked = settled(inference, "reliability")
    trials = trials_of(data, "reliability", together)
    enough = trials.counts() >= 2
    kept = _kept(trials, by, enough)
    size = {"split": splits, "time": trials.values.shape[1]}
    size |= {"unit": trials.shape[1]} if by == "unit" else {}
    room_for(size, "r of all splits", "give fewer splits, e.g. splits=100")
    score = BY[by](measure, comparator, centre)
    # Of populations only products of a unit with itself count, not the noise that units share.
    halves = _halves_of_presentations if by == "rdm" else _halves_of_units
    r = []
    for _ in range(splits):
        means = trials.means(halves(trials, asked.rng), 2)
        r.append(score(np.where(enough, means, np.nan)[..., kept]))
    settings = {
        "by": by,
        "n": splits,
        "seed": asked.seed,
        "confidence": asked.confidence,
        "formula": "2 r / (1 + r) where r > 0, else r",
        "interval_over": "random splits",
        "together": together or "each unit on its own",
        "units_left_out": int((~kept).sum()),
        "stimuli": trials.shape[0],
        "provenance": json.dumps(provenance("xarray", "scipy")),
    }
    if by == "rdm":
        settings |= {"measure": measure, "comparator": comparator, "centred": int(centre)}
    return _summary(np.array(r), trials, by, settings=settings, confidence=asked.confidence)


def _kept(trials: Trials, by: str, enough: np.ndarray) -> np.ndarray:
    """The units that can be split: all (each on its own stimuli), or those with two trials of every
    stimulus.
    """
    kept = np.asarray(enough.all(0)) | (by == "unit")
    if not kept.any() or not enough.any():
        raise AnalysisError(
            f"no unit has two trials of {'any' if by == 'unit' else 'every'} stimulus, so there "
            f"are no halves: the cells (stimulus, unit) have {trials.counts().min()} to "
            f"{trials.counts().max()} trials"
        )
    if trials.shape[0] < LEAST_STIMULI:
        raise AnalysisError(
            f"{trials.shape[0]} stimuli: at least {LEAST_STIMULI} are needed for a correlation "
            "over them"
        )
    return kept


def _summary(
    r: np.ndarray, trials: Trials, by: str, *, settings: dict[str, Any], confidence: float
) -> xarray.Dataset:
    """Means and quantiles over the splits ``r (split, time[, unit])`` that are defined."""
    defined = np.isfinite(r)
    count = defined.sum(0)
    with np.errstate(invalid="ignore"):
        mean = np.where(defined, r, 0).sum(0) / count
    interval = percentile_interval(r, confidence)
    out = {
        "r": mean,
        "reliability": spearman_brown(mean, keep_negative=True),
        "splits": count.astype(np.int32),
        "interval": spearman_brown(interval, keep_negative=True),
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


# Halves (half, time, stimulus, unit) -> r (time[, unit]).
Score = Callable[[np.ndarray], np.ndarray]


def _by_unit(measure: str, comparator: str, centre: bool) -> Score:
    def score(
        halves: Float[np.ndarray, "half time stimulus unit"],
    ) -> Float[np.ndarray, "time unit"]:
        return _correlation(halves[0], halves[1], axis=1)

    return score


def _by_population(measure: str, comparator: str, centre: bool) -> Score:
    def score(halves: Float[np.ndarray, " half time stimulus unit"]) -> Float[np.ndarray, " time"]:
        a, b = (halves - halves.mean(2, keepdims=True)).reshape(2, halves.shape[1], -1)
        return _correlation(a, b, axis=1)

    return score


def _by_rdm(measure: str, comparator: str, centre: bool) -> Score:
    from cortexsim.analysis.rsa.comparators import comparator_named
    from cortexsim.analysis.rsa.compare import compare

    comparator_named(comparator)
    check_measure(measure)

    def score(halves: Float[np.ndarray, " half time stimulus unit"]) -> Float[np.ndarray, " time"]:
        both = rdms_of_responses(halves, measure, centre)
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


def _correlation(
    a: Float[np.ndarray, "*shape"], b: Float[np.ndarray, "*shape"], axis: int
) -> Float[np.ndarray, "*reduced"]:
    """Pearson's r along an axis, of what is a number in both.

    NaN where fewer than 4 are, or nothing varies.
    """
    both = np.isfinite(a) & np.isfinite(b)
    n = both.sum(axis, keepdims=True)
    a, b = np.where(both, a, 0), np.where(both, b, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = [x.sum(axis, keepdims=True) / n for x in (a, b)]
        da, db = (np.where(both, x - m, 0) for x, m in zip((a, b), means, strict=True))
        va, vb = ((d**2).sum(axis) for d in (da, db))
        # Rounding of a constant.
        floors = [(1e-12 * np.abs(m)).squeeze(axis) ** 2 * n.squeeze(axis) for m in means]
        fine = (va > floors[0]) & (vb > floors[1]) & (n.squeeze(axis) >= LEAST_STIMULI)
        return np.where(fine, (da * db).sum(axis) / (np.sqrt(va) * np.sqrt(vb)), np.nan)


def _seed(rng: Any) -> int | str:
    return "a generator of the caller" if isinstance(rng, np.random.Generator) else int(rng)
