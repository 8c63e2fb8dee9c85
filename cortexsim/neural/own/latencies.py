"""Latencies that were measured already: one number a unit, set side by side by area."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.statistics.draws import attributes, generator_of, group_counts
from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.analysis.statistics.pvalues import corrected, t_quantile, t_test
from cortexsim.analysis.statistics.resampled_p import resampled_p
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.neural.layout import UNSTATED, About, described, quoted, texts
from cortexsim.neural.own.tables import column_names, table_of

if TYPE_CHECKING:
    import xarray

NAMES = ("latency_ms", "ms", "onset_ms", "latency")  # of the column of numbers
WORDS = ("area", "unit", "species", "subject")
STATISTICS = ("median", "mean")
SECONDS = 2.0  # no visual area answers so early: a table with such a median is not in ms


@clear_errors
def from_latencies(
    table: Any,
    *,
    area: str | None = None,
    unit: str | None = None,
    latency_ms: str | None = None,
    about: About = UNSTATED,
) -> xarray.Dataset:
    """A table of onset latencies, one a unit, in the layout of the benchmarks.

    Parameters
    ----------
    table : path or pandas.DataFrame
        A .csv, .tsv or DataFrame with the columns area and latency_ms (also: ms, onset_ms, latency)
        and, if any, unit, species and subject.
    area : str, optional
        What the table calls the column of areas.
    unit : str, optional
        What it calls the column of units.
    latency_ms : str, optional
        What it calls the column of latencies, in ms after stimulus onset.
    about : About
        What was recorded; a species here is that of all rows.

    Returns
    -------
    xarray.Dataset
        With latency_ms ``(unit,)``, NaN where a unit has none (an empty cell), and the coordinates
        area, species and, if the table has it, subject, of each unit.

    Raises
    ------
    AnalysisError
        For columns that are absent (it lists those that are there), times in seconds or before
        onset, and units that stand twice.

    Examples
    --------
    >>> import pandas
    >>> table = pandas.DataFrame({"area": ["V1", "V1", "IT"], "ms": [45.0, 52.0, 101.0]})
    >>> from_latencies(table).latency_ms.values
    array([ 45.,  52., 101.])
    """
    import xarray

    about.refuse("measure", "latencies have no dissimilarity")
    about.refuse("units", "latencies are in ms")
    read = table_of(table)
    said = {"area": area, "unit": unit, "latency_ms": latency_ms}
    names = column_names(read, {**dict.fromkeys(WORDS), **said})
    if "latency_ms" not in names:
        known = [c for c in NAMES if c in read.columns]
        names |= {"latency_ms": known[0]} if len(known) == 1 else {}
    for word in ("area", "latency_ms"):
        if word not in names:
            raise AnalysisError(
                f"{read.where} has no column {word}; it has {', '.join(read.columns)}. Say which: "
                f"{word}='...'"
            )
    values = read.numbers(names["latency_ms"])
    _check_times(values, read.where, names["latency_ms"])
    columns = {w: texts(read.columns[names[w]], w) for w in WORDS if w in names}
    if about.species is not None or "species" not in columns:
        columns["species"] = np.full(len(read), about.species or "unknown", dtype=object)
    columns["unit"] = _units(columns, read.where, len(read))
    areas = list(dict.fromkeys(columns["area"]))
    attrs = {
        "kind": "latency",
        "area": ", ".join(areas),
        "species": ", ".join(dict.fromkeys(columns["species"])),
        "units": "ms after stimulus onset",
    }
    return xarray.Dataset(
        {"latency_ms": ("unit", values, attrs)},
        {w: ("unit", column) for w, column in columns.items()},
        described(about.name or "own data", read.where),
    )


@clear_errors
def latency_ladder(
    data: xarray.Dataset, statistic: str = "median", *, inference: Inference = Inference()
) -> xarray.Dataset:
    """The latency of each area with its interval, and by how much areas differ.

        difference(area, other) = latency(other) - latency(area)

    Medians: units are drawn with replacement, in each area on its own. Means: Student's intervals
    and Welch's test, for percentiles of 5 to 8 units held the mean in 80 to 89 % of simulations
    and found a difference that was not there in 11 to 15 %. Units without a latency are left out
    and counted: of an area in which many do not respond the latency is that of those that do.

    Parameters
    ----------
    data : xarray.Dataset
        Of :func:`from_latencies`.
    statistic : {"median", "mean"}
        Of the units of an area.
    inference : Inference
        ``n``: resamples of units for medians, 1000; ``confidence``; ``correction`` of the p-values
        of all pairs of areas, by default Holm's; ``rng``.

    Returns
    -------
    xarray.Dataset
        latency_ms ``(area,)`` and interval ``(area, bound)``; difference_ms ``(area, other)``,
        difference_interval ``(area, other, bound)`` and p ``(area, other)``, two-sided and
        corrected (of means NaN where both areas' latencies are all equal); units and
        without_latency ``(area,)``, how many. Areas come from early to late.

    Raises
    ------
    AnalysisError
        For areas with fewer than two latencies, and for data that are no latencies.

    References
    ----------
    Efron & Tibshirani 1993, percentile interval; Welch 1947.

    Examples
    --------
    >>> import pandas
    >>> table = pandas.DataFrame(
    ...     {"area": ["IT"] * 5 + ["V1"] * 5, "ms": [101, 96, 110, 99, 104, 45, 52, 48, 41, 50]}
    ... )
    >>> ladder = latency_ladder(from_latencies(table))
    >>> ladder.area.values.tolist(), ladder.latency_ms.values.tolist()
    (['V1', 'IT'], [48.0, 101.0])
    >>> float(ladder.difference_ms.sel(area="V1", other="IT"))
    53.0
    """
    import xarray

    if statistic not in STATISTICS:
        raise AnalysisError(
            f"there is no statistic {statistic!r}; choose from {', '.join(STATISTICS)}"
        )
    asked = inference.completed("latency_ladder", n=1000, confidence=0.95, correction="holm", rng=0)
    by_area, without = _by_area(data)
    points = {a: float(getattr(np, statistic)(x)) for a, x in by_area.items()}
    areas = sorted(points, key=lambda a: points[a])
    count = len(areas)
    latency = np.array([points[a] for a in areas])
    inferred = _of_means if statistic == "mean" else _of_medians
    interval, p, bounds = inferred([by_area[a] for a in areas], asked)
    above = np.triu_indices(count, 1)
    if count > 1:
        p[above] = corrected(p[above], str(asked.correction))
        p.T[above] = p[above]
    return xarray.Dataset(
        {
            "latency_ms": ("area", latency),
            "interval": (("area", "bound"), interval),
            "difference_ms": (("area", "other"), latency[None, :] - latency[:, None]),
            "difference_interval": (("area", "other", "bound"), bounds),
            "p": (("area", "other"), p),
            "units": ("area", [len(by_area[a]) for a in areas]),
            "without_latency": ("area", [without[a] for a in areas]),
        },
        {"area": areas, "other": areas, "bound": ["lower", "upper"]},
        attributes(
            inference.rng,
            analysis="latency_ladder",
            statistic=statistic,
            n=asked.n,
            confidence=asked.confidence,
            correction=str(asked.correction),
            species=data.latency_ms.attrs.get("species", "unknown"),
        ),
    )


def _check_times(values: np.ndarray, where: str, column: str) -> None:
    """Latencies in ms, after onset."""
    finite = values[~np.isnan(values)]
    if not len(finite) or np.isinf(values).any():
        raise AnalysisError(f"{where}: the column {column!r} has no latencies, or infinite ones")
    if (finite <= 0).any():
        raise AnalysisError(
            f"{where}: {int((finite <= 0).sum())} latencies in {column!r} are 0 or before onset, "
            f"e.g. {finite[finite <= 0][0]:g}; leave the cell empty where a unit does not respond"
        )
    if np.median(finite) < SECONDS:
        raise AnalysisError(
            f"{where}: the median of {column!r} is {np.median(finite):g}, which looks like "
            "seconds. Give ms: 1000 * latencies"
        )


def _units(columns: dict[str, np.ndarray], where: str, count: int) -> np.ndarray:
    """A name for each unit, each once: with subject and area where the name alone is none."""
    if "unit" not in columns:
        return np.array([f"unit {k + 1}" for k in range(count)], dtype=object)
    names = columns["unit"]
    for words in ((), ("area",), ("subject",), ("subject", "area")):
        if not set(words) <= set(columns):
            continue
        whole = [" ".join([*(columns[w][k] for w in words), names[k]]) for k in range(count)]
        if len(set(whole)) == count:
            return np.array(whole, dtype=object)
    twice = sorted({w for w in whole if whole.count(w) > 1})
    raise AnalysisError(
        f"{where}: {len(twice)} units stand twice in one area, {quoted(twice)}; one latency each "
        "is needed. If animals number their units alike, add a column subject"
    )


def _by_area(data: Any) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """The latencies of each area, and how many units have none."""
    if "latency_ms" not in getattr(data, "data_vars", ()) or "area" not in data.coords:
        raise AnalysisError(
            f"the data are a {type(data).__name__} without latency_ms and area; give the latencies "
            "of single units, of cortexsim.neural.from_latencies (published means, as "
            "neural.load('latencies') has them, cannot be tested)"
        )
    values, area = data.latency_ms.values, data.area.values
    by_area = {str(a): values[area == a] for a in dict.fromkeys(area)}
    without = {a: int(np.isnan(x).sum()) for a, x in by_area.items()}
    by_area = {a: x[~np.isnan(x)] for a, x in by_area.items()}
    if few := [a for a, x in by_area.items() if len(x) < 2]:
        raise AnalysisError(
            f"{len(few)} areas have fewer than two latencies ({quoted(few)}), so that there is no "
            "interval; leave them out: data.sel(unit=data.area != '...')"
        )
    return by_area, without


def _of_means(areas: list[np.ndarray], asked: Inference) -> tuple[np.ndarray, ...]:
    """Student's intervals of means; Welch's p and intervals of their differences."""
    confidence, count = float(asked.confidence or 0), len(areas)
    of = np.array([x.mean() for x in areas])
    variance, dof = np.array([[x.var(ddof=1) / len(x), len(x) - 1] for x in areas]).T
    margin = [t_quantile(confidence, d) * np.sqrt(v) for v, d in zip(variance, dof, strict=True)]
    p, bounds = np.ones((count, count)), np.zeros((count, count, 2))
    for i, j in itertools.permutations(range(count), 2):
        v = variance[i] + variance[j]
        free = v**2 / (variance[i] ** 2 / dof[i] + variance[j] ** 2 / dof[j]) if v else 1.0
        p[i, j] = t_test(np.array(of[j] - of[i]), np.array(v), free, two_sided=True)
        far = t_quantile(confidence, free) * np.sqrt(v)
        bounds[i, j] = of[j] - of[i] + np.array([-far, far])
    return np.stack([of - margin, of + margin], 1), p, bounds


def _of_medians(areas: list[np.ndarray], asked: Inference) -> tuple[np.ndarray, ...]:
    """Percentile intervals of medians and of their differences, and p of these."""
    rng, count = generator_of(asked.rng), len(areas)
    draws = [_medians(x, n=asked.n, rng=rng) for x in areas]
    p, bounds = np.ones((count, count)), np.zeros((count, count, 2))
    for i, j in itertools.combinations(range(count), 2):
        difference = draws[j] - draws[i]
        p[i, j] = p[j, i] = resampled_p(difference)
        bounds[i, j] = percentile_interval(difference, asked.confidence)
        bounds[j, i] = -bounds[i, j, ::-1]
    return np.stack([percentile_interval(d, asked.confidence) for d in draws]), p, bounds


def _medians(values: np.ndarray, *, n: Any, rng: np.random.Generator) -> np.ndarray:
    """The medians of n resamples of units."""
    counts = group_counts(len(values), n, rng).astype(np.int64)
    order = np.sort(values)
    cumulative = counts[:, np.argsort(values, kind="stable")].cumsum(1)
    # The two middle ones of as many as there are: the first whose count reaches their rank.
    middle = ((len(values) - 1) // 2 + 1, len(values) // 2 + 1)
    places = [(cumulative >= rank).argmax(1) for rank in middle]
    return (order[places[0]] + order[places[1]]) / 2
