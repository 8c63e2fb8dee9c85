"""When each area begins to respond, in recordings and in the literature, beside when cortex4's states are first populated.

What comes out: V1 (360 units) begins at 35 ms by rate and by selectivity (95 % intervals 35 to 35 and 25 to 35 ms; the bins are 10 ms wide). IT (132 units) is
selective from 90 ms (85 to 95), and RDMs of half the trials agree from 90 ms on; its mean rate first falls (60 to 90 ms) and rises above the baseline at
150 ms only (145 to open). By selectivity IT is 55 ms later than V1 (50 to 65, p = 0.002); by rate 115 ms, but with an interval that is open at both ends.
On the memo's declared axis cortex4 populates V1 at 20-50 ms and IT at 80-200 ms (nominal 25 and 100): the onsets of selectivity lie in both ranges, and their
difference of 55 ms over three steps would be 18 ms a step (17 to 22), at or below the short end of the declared 20-50 ms. Of the literature, V1 at 66 +- 11 ms
(Schmolesky et al. 1998, flashed stimuli, anaesthesia) lies outside the range of V1; V2 and V4 lie inside theirs.

What is measured, in both recordings alike: the onset of the mean rate over units (``rate``), and the onset of the variance of the rates over stimuli
(``selectivity``): the first of three consecutive bins above the mean of the baseline by 3 of its standard deviations, with the bootstrap interval over
units. Bins are 10 ms in V1 (as published; the baseline has five of them) and 20 ms every 5 ms in IT. In IT the time from which RDMs of two halves of
the trials agree is given, too. The two recordings differ in more than the area: V1 under anaesthesia with sequences of frames (so that the baseline holds
the frame before), IT awake with single objects.

Inputs: benchmarks henaff-v1, zhang-desimone-it, latencies (downloaded, or from CORTEXSIM_DATA); the graph and the time axis of the bundled cortex4.
Outputs: neural_latency.png, neural_latency_courses.png (the time courses that the onsets come from), each also as .pdf, and neural_latency.json.
Run time: 12 s on one core of an AMD EPYC, no GPU.

    CORTEXSIM_DATA=FOLDER python analyses/neural_latency.py --out figures
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from shared.common import Config, Report, source

from cortexsim.cli import parse, run

SEED = 0
RESAMPLES = 1000
SPLITS = 50
AREAS = ("V1", "V2", "V4", "IT")
IN_TABLE = {"PIT": "IT", "AIT": "IT"}  # subdivisions
METHODS = ("onset", "half_maximum", "peak")
BINS = 3  # consecutive ones
CLAIM = (
    "Onset latencies of macaque V1 (Henaff et al. 2021) and IT (Zhang et al. 2011) measured alike, their difference, latencies from the literature, and the "
    "first populated step of each state of cortex4 on its declared time axis (25 ms a step, range 20 to 50 ms: a conjecture of the memo, not a fit)."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, compare, draw."""
    config = parse(Config, arguments, "python analyses/neural_latency.py", __doc__ or "")
    from cortexsim import neural
    from cortexsim.analysis import latency_difference

    report = Report("neural_latency", config, CLAIM)
    v1, it, table = (neural.load(name) for name in ("henaff-v1", "zhang-desimone-it", "latencies"))
    rates = neural.bin_spikes(it, 20, 5)
    courses = {"V1": of_stimuli(v1.psth), "IT": of_stimuli(neural.average(rates).responses)}
    measured = {
        area: {kind: population(x[kind], x["time_ms"]) for kind in ("rate", "selectivity")}
        for area, x in courses.items()
    }
    differences = {
        kind: latency_difference(
            courses["V1"][kind],
            courses["IT"][kind],
            courses["V1"]["time_ms"],
            second_times_ms=courses["IT"]["time_ms"],
            bins=BINS,
            n=RESAMPLES,
            rng=SEED,
        )
        for kind in ("rate", "selectivity")
    }
    halves = neural.reliability(
        rates, by="rdm", n=SPLITS, together="session", centre=True, rng=SEED
    )
    model = first_steps()
    rows = literature(table)
    results = {
        "measured": measured,
        "IT minus V1": {
            k: {
                "difference_ms": float(d.difference_ms),
                "interval": d.interval.values,
                "p": float(d.p),
                "undefined": float(d.undefined),
            }
            for k, d in differences.items()
        },
        "V1 by recording (authors' own latencies)": dict(
            zip(v1.recording.values, v1.session_latency_ms.values)
        ),
        "IT, agreement of RDMs of half the trials": agreement(halves),
        "model, declared": model,
        "literature": rows,
        "seed": SEED,
        "resamples": RESAMPLES,
        "criterion": f"3 sd above the baseline in {BINS} consecutive bins",
    }
    draw(report, measured, v1, model, rows)
    draw_courses(report, courses, measured, halves)
    report.numbers([source(b) for b in (v1, it, table)], results)
    return 0


def of_stimuli(responses: Any) -> dict[str, np.ndarray]:
    """rate and selectivity of every unit ``(unit, time)``: the mean and the variance over stimuli, each in sd of its baseline."""
    x = responses.transpose("unit", "stimulus", "time_ms")
    times = x.time_ms.values
    out = {"time_ms": times}
    for kind, y in (("rate", x.mean("stimulus").values), ("selectivity", x.var("stimulus").values)):
        quiet = y[:, times < 0]
        spread = quiet.std(1, ddof=1)
        out[kind] = (
            (y - quiet.mean(1, keepdims=True)) / np.where(spread > 0, spread, np.inf)[:, None]
        )[spread > 0]
    return out


def population(courses: np.ndarray, times: np.ndarray) -> dict[str, Any]:
    """Latencies of the mean over units with intervals, and the quartiles of single units."""
    from cortexsim.analysis import population_latency

    out: dict[str, Any] = {"units": len(courses)}
    for method in METHODS:
        found = population_latency(courses, times, method, bins=BINS, n=RESAMPLES, rng=SEED)
        each = found.each.values
        out[method] = {
            "latency_ms": float(found.latency_ms),
            "interval": found.interval.values,
            "undefined": float(found.undefined),
            "units_with_a_latency": int(np.isfinite(each).sum()),
            "quartiles_of_units": np.nanpercentile(each, [25, 50, 75])
            if np.isfinite(each).any()
            else None,
        }
    return out


def agreement(halves: Any) -> dict[str, Any]:
    """From when RDMs of two halves of the trials agree: the first of three bins with an interval over splits above the largest r before onset."""
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
    out: dict[str, Any] = {"source": axis.source}
    for state in net.spec.graph.states:
        step = min(t for s, t in populated if s == state.name)
        out[state.name] = {
            "step": step,
            "time_ms": float(axis.time_ms(step)),
            "low_ms": float(axis.low_ms(step)),
            "high_ms": float(axis.high_ms(step)),
        }
    return out


def literature(table: Any) -> list[dict[str, Any]]:
    """The rows of the table for the four areas that give a mean."""
    found = []
    for row in table.to_dataframe().to_dict("records"):
        area = IN_TABLE.get(row["area"], row["area"])
        # Henaff's own number is among the data.
        if area in AREAS and np.isfinite(row["mean_ms"]) and "Henaff" not in row["source"]:
            found.append(
                {
                    k: row[k]
                    for k in (
                        "mean_ms",
                        "spread_ms",
                        "spread_kind",
                        "preparation",
                        "source",
                        "status",
                    )
                }
                | {"area": area, "given_as": row["area"]}
            )
    return found


def draw(
    report: Report,
    measured: dict[str, Any],
    v1: Any,
    model: dict[str, Any],
    rows: list[dict[str, Any]],
) -> None:
    """One row an area: the model's range, the recordings, the literature."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 5.2), layout="constrained")
    axes = figure.subplots()
    looks = {"rate": ("o", "black"), "selectivity": ("D", "0.45")}
    for k, area in enumerate(AREAS):
        m = model[area]
        axes.barh(
            -k,
            m["high_ms"] - m["low_ms"],
            left=m["low_ms"],
            height=0.72,
            color="#56b4e9",
            alpha=0.35,
            lw=0,
            label="cortex4: first populated, declared range",
        )
        axes.plot(
            [m["time_ms"]] * 2,
            [-k - 0.36, -k + 0.36],
            color="#0072b2",
            lw=2.5,
            label="cortex4: nominal (25 ms a step)",
        )
        place = -k + 0.26
        for kind, (marker, colour) in looks.items():
            if area in measured:
                found = measured[area][kind]["onset"]
                low, high = found["interval"]
                axes.plot(
                    [low, high if np.isfinite(high) else 250], [place] * 2, color=colour, lw=1.4
                )
                if not np.isfinite(high):  # too many resamples without a response
                    axes.plot(
                        [250],
                        [place],
                        marker=">",
                        color=colour,
                        ls="",
                        ms=6,
                        label="interval open to the right",
                    )
                if np.isfinite(found["latency_ms"]):
                    axes.plot(
                        found["latency_ms"],
                        place,
                        marker=marker,
                        color=colour,
                        ls="",
                        label=f"recording: onset of {kind}, 95 % interval over units",
                    )
                place -= 0.12
        if area == "V1":
            axes.plot(
                v1.session_latency_ms.values,
                [place] * v1.sizes["recording"],
                marker="|",
                ls="",
                color="black",
                ms=9,
                label="V1: the authors' latency of each recording",
            )
            place -= 0.12
        for row in (r for r in rows if r["area"] == area):
            sd = row["spread_ms"] if row["spread_kind"] == "sd" else np.nan
            style = {"color": "#d55e00"} if "1998" in row["source"] else {"color": "#009e73"}
            who = f"{row['source'].split(',')[0] + ' et al. 1998' if '1998' in row['source'] else row['source'].split(',')[0]} ({row['status']})"
            axes.errorbar(
                row["mean_ms"],
                place,
                xerr=None if np.isnan(sd) else sd,
                marker="s" if "1998" in row["source"] else "^",
                capsize=3,
                ls="",
                **style,
                label=f"{who}{', ± sd' if np.isfinite(sd) else ''}",
            )
            place -= 0.11
    axes.set_yticks(-np.arange(len(AREAS)), AREAS)
    axes.set(xlabel="ms after stimulus onset", xlim=(0, 255), ylim=(-len(AREAS) + 0.45, 0.55))
    axes.spines[["top", "right"]].set_visible(False)
    entries = dict(zip(*axes.get_legend_handles_labels()[::-1]))
    figure.legend(
        entries.values(),
        entries.keys(),
        loc="outside lower center",
        ncols=2,
        frameon=False,
        fontsize="small",
    )
    report.figure(figure)


def draw_courses(
    report: Report, courses: dict[str, Any], measured: dict[str, Any], halves: Any
) -> None:
    """The courses with their onsets; below, the agreement of RDMs in IT."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6.6), layout="constrained")
    panels = figure.subplots(3, 1, sharex=True)
    for axes, (area, x) in zip(panels, courses.items()):
        for kind, colour, dash in (("rate", "#0072b2", "-"), ("selectivity", "#d55e00", "--")):
            peak = x[kind].mean(0).max()
            mean, error = (
                x[kind].mean(0) / peak,
                x[kind].std(0, ddof=1) / np.sqrt(len(x[kind])) / peak,
            )
            axes.plot(
                x["time_ms"],
                mean,
                color=colour,
                ls=dash,
                label=f"{kind} (± s.e. over {len(x[kind])} units)",
            )
            axes.fill_between(
                x["time_ms"], mean - error, mean + error, color=colour, alpha=0.25, lw=0
            )
            onset = measured[area][kind]["onset"]["latency_ms"]
            if np.isfinite(onset):
                axes.axvline(
                    onset, color=colour, ls=dash, lw=1, label=f"onset of {kind}: {onset:g} ms"
                )
        axes.axhline(0, color="black", lw=0.6)
        axes.set_ylabel(f"{area}\nshare of its peak")
        axes.legend(frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
    low, high = halves.interval.transpose("bound", ...).values
    panels[2].plot(
        halves.time_ms.values,
        halves.reliability.values,
        color="black",
        label=f"of the mean of {SPLITS} splits",
    )
    panels[2].fill_between(
        halves.time_ms.values, low, high, color="0.8", lw=0, label="95 % of splits"
    )
    panels[2].axhline(0, color="black", lw=0.6)
    panels[2].set(
        ylabel="IT: reliability of RDMs\n(Spearman-Brown)",
        xlabel="ms after stimulus onset",
        xlim=(-200, 500),
    )
    panels[2].legend(frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
    report.figure(figure, "courses")


if __name__ == "__main__":
    run(main)
