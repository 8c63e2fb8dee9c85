"""When V1 and IT begin to respond, measured alike, and when cortex4's states are first populated.

Both recordings have the same bins (10 ms wide, every 10 ms, as V1 was published: IT's spikes are
counted in those of V1), the same window (-50 to 300 ms), the same baseline (five bins before 0) and
the same criterion: three consecutive bins above the mean of the baseline by 3 of its standard
deviations. What is measured is the mean rate over units and stimuli (``rate``), and the mean over
units of the variance of the rates over stimuli (``selectivity``; of IT it holds what noise is left
in the mean of 20 trials). Latencies are half maxima, which depend little on the noise of the
baseline; onsets, which do, are beside them. The difference of the areas has an interval over units,
wider by what two bins cannot tell.

Every course is shown in two units: as recorded (spikes/s), and with each unit divided by the
standard deviation of its own baseline. The onset of V1's rate is a bin earlier in the second (35
ms, not 45), and neither is the more right: as recorded, the baseline holds the end of the response
to the frame before, its standard deviation is large, and three of them are a large part of the
response (``limit``, a share of the peak), so that the bin at 35 ms is below. Divided, units with
such a baseline count for little; but the divisor is known from five bins only, so that the weights
of units are partly chance (``effective units``: (sum w)^2 / sum w^2).

The recordings differ in more than the area: V1 under anaesthesia, sequences of frames of which the
baseline holds the frame before; IT awake, single objects. In IT the time from which RDMs of two
halves of the trials agree (20 ms every 5 ms, all of its baseline) is given, too.

Inputs: benchmarks henaff-v1, zhang-desimone-it, latencies (downloaded, or from CORTEXSIM_DATA);
the graph and the time axis of the bundled cortex4.
Outputs: neural_latency.png, neural_latency_courses.png (the time courses that the latencies come
from), each also as .pdf, and neural_latency.json.
Run time: see "seconds" in neural_latency.json, no GPU.

    CORTEXSIM_DATA=FOLDER python analyses/neural_latency.py --out figures
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from shared.common import Config, Report, source
from shared.latency_figures import draw_areas, draw_courses

from cortexsim.analysis import Inference
from cortexsim.cli import parse, run

SEED = 0
RESAMPLES = 1000
SPLITS = 50
AREAS = ("V1", "V2", "V4", "IT")
IN_TABLE = {"PIT": "IT", "AIT": "IT"}  # subdivisions, in a reader's own table
METHODS = ("half_maximum", "onset", "peak")
KINDS = ("rate", "selectivity")
UNITS = {"as recorded": "spikes/s", "by baseline": "sd of the unit's baseline"}
BINS = 3  # consecutive ones
CLAIM = (
    "Latencies of macaque V1 (Henaff et al. 2021) and IT (Zhang et al. 2011) in the same bins, "
    "window and baseline and by the same criterion, their difference, latencies from the "
    "literature with how each was read, and the first populated step of each state of cortex4 on "
    "its declared time axis (25 ms a step, range 20 to 50 ms: a conjecture of the memo, not a fit)."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, compare, draw."""
    config = parse(Config, arguments, "python analyses/neural_latency.py", __doc__ or "")
    from cortexsim import neural

    report = Report("neural_latency", config, CLAIM)
    v1, it, table = (neural.load(name) for name in ("henaff-v1", "zhang-desimone-it", "latencies"))
    times = v1.psth.time_ms
    width = times.attrs["bin_ms"]
    counted = neural.average(neural.bin_spikes(it, width, width)).responses
    responses = {"V1": v1.psth, "IT": counted.sel(time_ms=times.values)}
    courses = {area: of_units(x) for area, x in responses.items()}
    measured = {
        area: {
            kind: {scale: population(c, times) for scale, c in by_scale.items()}
            for kind, by_scale in x.items()
        }
        for area, x in courses.items()
    }
    differences = {
        kind: {
            scale: {m: later(courses, kind, scale, times=times, method=m) for m in METHODS[:2]}
            for scale in UNITS
        }
        for kind in KINDS
    }
    halves = neural.reliability(
        neural.bin_spikes(it, 20, 5),
        by="rdm",
        together="session",
        centre=True,
        inference=Inference(rng=SEED),
        splits=SPLITS,
    )
    model, rows = first_steps(), literature(table)
    results = {
        "measured": measured,
        "IT minus V1": differences,
        "effective units": {area: effective_units(x) for area, x in responses.items()},
        "V1 by recording (authors' own latencies)": dict(
            zip(v1.recording.values, v1.session_latency_ms.values)
        ),
        "IT, agreement of RDMs of half the trials": agreement(halves),
        "model, declared": model,
        "literature": rows,
        "seed": SEED,
        "resamples": RESAMPLES,
        "units of courses": UNITS,
        "bin_ms": width,
        "window_ms": [times.values[0] - width / 2, times.values[-1] + width / 2],
        "bins of baseline": int((times.values < 0).sum()),
        "criterion": f"3 sd above the baseline in {BINS} consecutive bins",
    }
    authors = v1.session_latency_ms.values
    report.figure(
        draw_areas(measured, differences, authors=authors, model=model, rows=rows, areas=AREAS)
    )
    report.figure(draw_courses(courses, measured, times.values, halves=halves), "courses")
    report.numbers([source(b) for b in (v1, it, table)], results)
    return 0


def of_units(responses: Any) -> dict[str, dict[str, np.ndarray]]:
    """Rate and selectivity of every unit ``(unit, time)``, each in both units of ``UNITS``.

    The baseline is subtracted. Units whose baseline does not vary cannot be divided by its
    standard deviation, and are left out of those that are.
    """
    x = responses.transpose("unit", "stimulus", "time_ms")
    before = x.time_ms.values < 0
    courses = {}
    for kind, y in zip(KINDS, (x.mean("stimulus").values, x.var("stimulus").values)):
        above = y - y[:, before].mean(1, keepdims=True)
        spread = y[:, before].std(1, ddof=1)
        scaled = above[spread > 0] / spread[spread > 0, None]
        courses[kind] = dict(zip(UNITS, (above, scaled)))
    return courses


def effective_units(responses: Any) -> dict[str, Any]:
    """How many units a mean is of, of which each is divided by its baseline's sd.

    effective = (sum w)^2 / sum w^2, w = 1 / sd of the baseline
    """
    rate = responses.mean("stimulus").transpose("unit", "time_ms").values
    before = responses.time_ms.values < 0
    spread = rate[:, before].std(1, ddof=1)
    weights = 1 / spread[spread > 0]
    heaviest = np.sort(weights)[::-1][: len(weights) // 10]
    return {
        "units": len(rate),
        "of them with a baseline that varies": len(weights),
        "effective": weights.sum() ** 2 / (weights**2).sum(),
        "share of the weight of the heaviest tenth": heaviest.sum() / weights.sum(),
    }


def population(courses: np.ndarray, times: Any) -> dict[str, Any]:
    """Latencies of the mean over units with intervals, and the quartiles of single units."""
    from cortexsim.analysis import population_latency

    width, mean = times.attrs["bin_ms"], courses.mean(0)
    limit = 3 * mean[times.values < 0].std(ddof=1) / mean.max()
    found: dict[str, Any] = {"units": len(courses), "limit, as a share of the peak": limit}
    for method in METHODS:
        result = population_latency(
            courses, times, method, bins=BINS, inference=Inference(n=RESAMPLES, rng=SEED)
        )
        each = result.each.values
        interval = result.interval.values
        found[method] = {
            "latency_ms": float(result.latency_ms),
            "interval": interval,
            "interval with the bin": interval + width * np.array([-1.0, 1.0]),
            "undefined": float(result.undefined),
            "units_with_a_latency": int(np.isfinite(each).sum()),
            "quartiles_of_units": np.nanpercentile(each, [25, 50, 75])
            if np.isfinite(each).any()
            else None,
        }
    return found


def later(
    courses: dict[str, Any], kind: str, scale: str, *, times: Any, method: str
) -> dict[str, Any]:
    """How much later IT responds than V1."""
    from cortexsim.analysis import latency_difference

    result = latency_difference(
        *(courses[area][kind][scale] for area in ("V1", "IT")),
        times,
        second_times_ms=times,
        method=method,
        bins=BINS,
        inference=Inference(n=RESAMPLES, rng=SEED),
    )
    return {
        "difference_ms": float(result.difference_ms),
        "interval": result.interval.values,
        "p": float(result.p),
        "undefined": float(result.undefined),
        "resolution_ms": float(result.resolution_ms),
    }


def agreement(halves: Any) -> dict[str, Any]:
    """From when RDMs of two halves of the trials agree.

    The first of three bins in which r is above the largest r before onset.
    """
    times, r = halves.time_ms.values, halves.r.values
    before = r[times < 0]
    above = r > np.nanmax(before)
    since = next(
        (times[k] for k in range(len(times) - 2) if times[k] > 0 and above[k : k + 3].all()), np.nan
    )
    return {
        "from_ms": since,
        "largest_before_onset": np.nanmax(before),
        "mean_before_onset": np.nanmean(before),
        "largest": np.nanmax(r),
        "at_ms": times[np.nanargmax(r)],
        "splits": SPLITS,
    }


def first_steps() -> dict[str, Any]:
    """When each state of cortex4 is first populated, on the declared axis."""
    from cortexsim import TimeAxis, load
    from cortexsim.models import schedule

    net, axis = load("cortex4"), TimeAxis()
    populated = schedule(net.spec.graph, net.readout).populated
    steps: dict[str, Any] = {"source": axis.source}
    for state in net.spec.graph.states:
        step = min(t for s, t in populated if s == state.name)
        steps[state.name] = {
            "step": step,
            "time_ms": float(axis.time_ms(step)),
            "low_ms": float(axis.low_ms(step)),
            "high_ms": float(axis.high_ms(step)),
        }
    return steps


def literature(table: Any) -> list[dict[str, Any]]:
    """The rows of the table for the four areas that give a mean; Henaff's is among the data."""
    kept = ("mean_ms", "spread_ms", "spread_kind", "preparation", "source", "status", "note")
    rows = []
    for row in table.to_dataframe().to_dict("records"):
        area = IN_TABLE.get(row["area"], row["area"])
        if area in AREAS and np.isfinite(row["mean_ms"]) and "Henaff" not in row["source"]:
            rows.append({k: row[k] for k in kept} | {"area": area, "given_as": row["area"]})
    return rows


if __name__ == "__main__":
    run(main)
