"""Orientation, spatial frequency, colour and contrast of gratings in a rapid stream.

When each state of cortex4 tells them, beside the EEG of 16 people.

How: the 256 gratings of Grootswagers et al. 2024 (4 levels of each feature, crossed), one every 150
ms and every 50 ms without blanks: 6 and 2 steps of nominally 25 ms. Each grating is the target of
two streams, after 300 ms of others drawn at random and before as many as follow within the window.
Decoded: the level of each feature (4 classes, chance 0.25; ridge classifier on mean and standard
deviation over space of every channel, 4 folds over images, so that an image is decoded by
classifiers trained on other images) from each state at each step relative to the target's first,
steps before it included. Onset: first accuracy above the 95 % quantile of the largest accuracy at
any state and step under permuted labels; half of the maximum and peak; intervals over images, fits
not repeated. EEG: the source's accuracies of 16 people (its training and test images are the same
ones, in other sequences), onset by sign flips over subjects (maximum statistic, two times), peak of
the mean with its interval over subjects, beside what the source reports.

The network has no noise of its own: what varies is the images before. Its normalisation is specific
to the step, and a stream is longer than any presentation it was trained on, so its statistics are
estimated anew, at every step, on streams of CIFAR-10 training images under the same presentation
(none of the gratings). cortex4 was trained with one image at step 1 and carries its states on
through identity shortcuts without a leak: in a stream they grow, and the figure's JSON says how
much. Its feed-forward twin, with the same treatment, holds nothing longer than a step.

Time: step 1 of the target is at 25 ms (range 20 to 50) on the declared axis; the SOA in ms is
that of the nominal step. Inputs: benchmark grootswagers-eeg (downloaded, or from CORTEXSIM_DATA),
CIFAR-10 training images (--data), networks.
Outputs: rsvp_features.png, rsvp_features_times.png, also as .pdf, and rsvp_features.json.
The twin, told at 0.97, shows that the decoder works; there is no published network here, and no
similarity with a brain is computed. Run time: see "seconds" in rsvp_features.json; --budget smoke
20 s. No GPU.

    python analyses/rsvp_features.py --out figures
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from behavior import label_of, plain_of
from shared.common import WIDTH, Report
from shared.common import source as cited
from shared.pictures import ShownConfig

from cortexsim.analysis import CrossValidation, Inference
from cortexsim.cli import option, parse, run
from cortexsim.errors import AnalysisError
from cortexsim.plotting.parts import legend_below
from cortexsim.timeaxis import TimeAxis

SEED = 0
SOAS_MS = (150.0, 50.0)
CONTEXT_MS = 300.0  # before the target
WINDOW_MS = 400.0  # from the target's onset
BEFORE = 2  # steps before the target that are decoded, too
FOLDS = 4
BUDGETS = {
    "smoke": (1, 5, 60, 20),
    "cpu": (2, 1, 300, 100),
}  # repeats, every k-th step, calibration streams, permutations
CLAIM = (
    "When each state of a recurrent network and its feed-forward twin tells four features of "
    "gratings in a stream, at two rates, against the EEG of people. "
    "Descriptive; null of each onset: permuted labels. Statistics of the network estimated on "
    "streams of CIFAR-10 training images."
)


@dataclass(frozen=True)
class RsvpConfig(ShownConfig):
    """The command line of this analysis."""

    nets: tuple[str, ...] = option(
        ("cortex4", "cortex4-twin"), "networks: bundled names or .safetensors files"
    )
    budget: str = option("cpu", "smoke: seconds; cpu: minutes", choices=tuple(BUDGETS))
    resamples: int = option(500, "of images (network) and subjects (EEG), for the intervals")


def main(arguments: Sequence[str] | None = None) -> int:
    """Show streams, decode, compare, draw."""
    config = parse(RsvpConfig, arguments, "python analyses/rsvp_features.py", __doc__ or "")
    from cortexsim import load, neural
    from cortexsim.stimuli.datasets import load_images

    report = Report("rsvp_features", config, CLAIM)
    brain, images = (
        neural.load("grootswagers-eeg"),
        load_images(config.data, train_count=config.train_count),
    )
    axis = TimeAxis()
    eeg = {soa: of_people(brain.sel(soa_ms=soa), config) for soa in SOAS_MS}
    found: dict[str, Any] = {}
    for name in config.nets:
        for soa in SOAS_MS:
            found[f"{label_of(name)}, SOA {soa:g} ms"] = of_network(
                load(name), brain, images, soa_ms=soa, axis=axis, config=config
            )
    draw_courses(report, found, eeg, brain=brain, config=config)
    draw_times(report, found, eeg, brain=brain, axis=axis)
    repeats, _, calibrated, permutations = BUDGETS[config.budget]
    settings = {
        "soa_ms": SOAS_MS,
        "step_ms": axis.as_dict(),
        "repeats": repeats,
        "calibration_streams": calibrated,
        "permutations": permutations,
        "folds": FOLDS,
        "features": "mean and standard deviation over space of every channel",
        "estimator": "ridge",
        "seed": SEED,
        "images": brain.sizes["stimulus"],
        "subjects": brain.sizes["subject"],
    }
    here = {
        "name": images.name,
        "use": f"{calibrated} streams of training images, cropped as in training, for statistics",
        "sha256": images.sha256(),
    }
    kept = {
        k: {f: plain_of(r) for f, r in v["decoding"].items()} | {"size": v["size"]}
        for k, v in found.items()
    }
    report.numbers(
        [cited(brain), here],
        {
            "settings": settings,
            "networks": kept,
            "people": {f"SOA {k:g} ms": v for k, v in eeg.items()},
        },
    )
    return 0


# ---------------------------------------------------------------------------------------- streams


@dataclass(frozen=True)
class Stream:
    """One rate on the grid of steps.

    target: the place of the target in the stream; first: its first step.
    """

    soa_ms: float
    frames: list[str]
    count: int
    first: int

    @classmethod
    def of(cls, soa_ms: float, axis: TimeAxis) -> Stream:
        from cortexsim.stimuli.forms import rsvp

        before = round(CONTEXT_MS / soa_ms)
        count = before + int(np.ceil(WINDOW_MS / soa_ms))
        steps = round(count * soa_ms / axis.step_ms)
        frames = rsvp(count, soa_ms=soa_ms, target=before).frames(axis, steps)
        return cls(soa_ms, frames, count, frames.index("image") + 1)


def shown_stream(
    stream: Stream, pictures: Any, targets: np.ndarray, *, rng: np.random.Generator
) -> list[Any]:
    """Frames of each step for a batch.

    The targets, and around each of them other pictures at random.
    """
    from cortexsim.stimuli.presentation import compose

    others = np.stack(
        [
            rng.permutation(np.delete(np.arange(len(pictures)), t))[: stream.count - 1]
            for t in targets
        ]
    )
    shown = {"image": pictures[targets]} | {
        f"image {k + 1}": pictures[others[:, k]] for k in range(stream.count - 1)
    }
    return compose(stream.frames, shown)


def calibrated(net: Any, images: Any, stream: Stream, *, count: int) -> Any:
    """A copy of the network with the statistics of all steps estimated on streams of training
    images.
    """
    import torch
    from shared.pictures import training_shown_to

    from cortexsim import calibrate

    pictures = training_shown_to(net, images.train_x[: 4 * count])
    if len(pictures) < max(count, stream.count):
        raise AnalysisError(
            f"{len(pictures)} training images are too few for {count} streams of {stream.count}"
        )
    rng = np.random.default_rng([SEED, 1])
    frames = shown_stream(stream, pictures, rng.permutation(len(pictures))[:count], rng=rng)
    with torch.inference_mode():
        return calibrate(copy.deepcopy(net), frames, len(stream.frames), batch_size=125, redo=True)


def of_network(
    net: Any,
    brain: Any,
    images: Any,
    *,
    soa_ms: float,
    axis: TimeAxis,
    config: RsvpConfig,
    states: Sequence[str] = (),
    features: Sequence[str] = (),
) -> dict[str, Any]:
    """Decoding of features from states (default all), and how large states are over the stream."""
    import torch

    from cortexsim.stimuli.images import Preprocessing

    repeats, every, streams, permutations = BUDGETS[config.budget]
    stream = Stream.of(soa_ms, axis)
    own = calibrated(net, images, stream, count=streams)
    p = net.card["preprocessing"]
    pictures = Preprocessing(tuple(p["size"]), tuple(p["mean"]), tuple(p["std"]))(
        list(brain.image.values)
    )
    rng, count = np.random.default_rng([SEED, 2]), len(pictures)
    steps = range(stream.first - BEFORE, len(stream.frames) + 1, every)
    kept: dict[str, dict[int, list[np.ndarray]]] = {
        s.name: {t: [] for t in steps} for s in net.spec.graph.states
    }
    size: dict[str, list[float]] = {s.name: [] for s in net.spec.graph.states}
    with torch.inference_mode():
        for repeat in range(repeats):
            for targets in np.array_split(np.arange(count), 4):
                frames = shown_stream(stream, pictures, targets, rng=rng)
                for step, states in own.unroll(frames, len(stream.frames)):
                    for name, h in states.items():
                        if repeat == 0 and targets[0] == 0:
                            size[name].append(float(h.square().mean().sqrt()))
                        if step in kept[name]:
                            kept[name][step].append(pooled(h))
    told_from = {name: stacked(kept[name], stream.first) for name in states or kept}
    which = np.tile(np.arange(count), repeats)
    return {
        "decoding": {
            f: decoded(
                told_from, brain[f].values[which], which, permutations=permutations, config=config
            )
            for f in features or map(str, brain.feature.values)
        },
        "size": size,
    }


def pooled(h: Any) -> np.ndarray:
    """Mean and standard deviation over space of every channel, ``(stimulus, 2 channel)``.

    Where a grating's bars lie does not matter, nor to EEG.
    """
    import torch

    return torch.cat([h.mean((2, 3)), h.std((2, 3), correction=0)], 1).numpy()


def stacked(values: dict[int, list[np.ndarray]], first: int) -> Any:
    """``(stimulus, step, unit)`` with steps counted from the target's first, which is 1.

    NaN where the state is not there.
    """
    import xarray

    width = next(v[0].shape for parts in values.values() if (v := parts))[1]
    rows = max(sum(len(p) for p in parts) for parts in values.values())
    data = np.full((rows, len(values), width), np.nan, dtype=np.float32)
    for k, parts in enumerate(values.values()):
        if parts:
            data[:, k] = np.concatenate(parts)
    return xarray.DataArray(
        data, {"step": [t - first + 1 for t in values]}, ("stimulus", "step", "unit")
    )


def decoded(
    features: dict[str, Any],
    levels: np.ndarray,
    which: np.ndarray,
    *,
    permutations: int,
    config: RsvpConfig,
) -> Any:
    """When each state tells the levels of a feature."""
    from cortexsim.analysis import discrimination_latency

    return discrimination_latency(
        features,
        levels.astype(str),
        inference=Inference(permutations=permutations, n=config.resamples, rng=SEED),
        cv=CrossValidation(groups=which, folds=FOLDS),
    )


# ----------------------------------------------------------------------------------------- people


def of_people(brain: Any, config: RsvpConfig) -> dict[str, Any]:
    """Of every feature.

    Onset over subjects, half of the maximum and peak of the mean, and the source's own numbers.
    """
    from cortexsim.analysis import population_latency, significance_onset

    out = {}
    times = brain.time_ms.values
    for feature in map(str, brain.feature.values):
        one = brain.sel(feature=feature)
        x = one.accuracy.transpose("subject", "time_ms").values
        onset = significance_onset(
            x, times, chance=0.25, bins=2, inference=Inference(n=config.resamples, rng=SEED)
        )
        out[feature] = {
            "onset_ms": float(onset.onset_ms),
            "onset_interval_ms": onset.interval.values,
            "undefined": float(onset.undefined),
        }
        for name in ("half_maximum", "peak"):
            found = population_latency(
                x, times, name, inference=Inference(n=config.resamples, rng=SEED)
            )
            out[feature] |= {
                f"{name}_ms": float(found.latency_ms),
                f"{name}_interval_ms": found.interval.values,
            }
        for name in ("onset", "peak"):
            out[feature][f"source_{name}_ms"] = float(one[f"{name}_ms"])
            out[feature][f"source_{name}_interval_ms"] = one[f"{name}_interval_ms"].values
    return out


# ---------------------------------------------------------------------------------------- figures


def draw_courses(
    report: Report, found: dict[str, Any], eeg: dict[float, Any], *, brain: Any, config: RsvpConfig
) -> None:
    """A block of rows for each network, in it a row for each feature; a column for each rate.

    Accuracy by time, the EEG on the right axis.
    """
    from matplotlib.figure import Figure

    from cortexsim.plotting.rsvp import features_by_time

    names, rates = [str(f) for f in brain.feature.values], len(SOAS_MS)
    rows = len(found) // rates * len(names)
    figure = Figure(figsize=(WIDTH, 1.4 * rows + 1.2), layout="constrained")
    panels = figure.subplots(rows, rates, sharex="col", squeeze=False)
    # (network, feature, rate) -> a column of panels for each network and rate
    columns = panels.reshape(-1, len(names), rates).swapaxes(1, 2).reshape(-1, len(names))
    for column, (title, one) in zip(columns, found.items(), strict=True):
        soa = float(title.split()[-2])
        for axes, feature in zip(column, names):
            people = brain.accuracy.sel(soa_ms=soa, feature=feature).transpose("subject", "time_ms")
            features_by_time(axes, one["decoding"][feature], people, axis=TimeAxis())
        column[0].set_title(title, fontsize="medium", fontweight="bold")
        column[-1].set_xlabel("ms after onset (network: nominal)")
        column[-1].tick_params(labelbottom=True)
    for axes, feature in zip(panels[:, 0], names * rows):
        axes.set_ylabel(f"{feature.replace('_', ' ')}\naccuracy", fontsize="small")
    legend_below(figure, [panels[0, 0]], ncols=4)
    report.figure(figure)


def draw_times(
    report: Report, found: dict[str, Any], eeg: dict[float, Any], *, brain: Any, axis: TimeAxis
) -> None:
    """Onsets and peaks with intervals: a panel for each network and rate."""
    from matplotlib.figure import Figure

    from cortexsim.plotting.rsvp import moments_by_feature

    rows = -(-len(found) // 2)
    figure = Figure(figsize=(WIDTH, 3.1 * rows + 1.4), layout="constrained")
    panels = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False)
    for axes, (title, one) in zip(panels.flat, found.items()):
        moments_by_feature(axes, one["decoding"], eeg[float(title.split()[-2])], axis=axis)
        axes.set_title(title, fontsize="medium", fontweight="bold")
    for axes in panels[-1]:
        axes.set_xlabel("ms after onset of the grating")
    panels[0, 0].plot([], [], color="0.4", lw=2, label="95 % interval")
    panels[0, 0].plot([], [], color="0.75", lw=0.8, label="range of 20 to 50 ms a step")
    entries = {
        k: v for axes in panels.flat for k, v in zip(*axes.get_legend_handles_labels()[::-1])
    }
    # Marks first, those of the EEG after all states.
    order = sorted(entries, key=lambda label: (": " not in label, label.startswith("EEG")))
    figure.legend(
        [entries[label] for label in order],
        order,
        loc="outside lower center",
        ncols=4,
        frameon=False,
        fontsize="small",
    )
    report.figure(figure, "times")


if __name__ == "__main__":
    run(main)
