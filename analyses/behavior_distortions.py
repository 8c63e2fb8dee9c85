"""Does time help hard images more?

Accuracy and reaction times of networks under the distortions of Geirhos et al. 2018, by readout
step.

How: CIFAR-10 test images under six graded distortions with the parameters of Geirhos et al. 2018
(``stimuli.distortions``; widths of blur as a share of the image), since the distorted photographs
themselves are not public with the trials. People saw other photographs, 224 pixels wide, for 200
ms, with a mask behind: their curves are drawn for orientation and ranked by level only; nothing
here compares people and networks image by image. Correspondence of classes: airplane, bird, car
(automobile), cat, dog, boat (ship), truck; the others of people's 16 categories and deer, frog,
horse are left out where people are shown. Gain: accuracy at the trained readout step less that at
the first readable step; interaction: the gain of the images at each level less that of the images
at the first level, on log odds too (accuracy has a floor and a ceiling), the same images at both,
resampled together. Reaction times: first step
at which the entropy of the readout is at most the median entropy of undistorted images at the
trained step (other images), censored at the last step; tau: ranks of levels by the networks' mean
reaction time and by people's mean of the medians of subjects.

Inputs: CIFAR-10 test images (downloaded by torchvision, or --data FILE.npz --train-count N), the
benchmark geirhos-behaviour, networks.
Outputs: behavior_distortions.png, .pdf and .json. Run time: about 2 min on one core of an AMD
EPYC (7 min beside other work), no GPU.

    python analyses/behavior_distortions.py --out figures
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from behavior import label_of, own_readout, plain_of
from shared.common import Report
from shared.common import source as cited
from shared.pictures import ShownConfig

from cortexsim.analysis import Inference
from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.cli import option, parse, run
from cortexsim.errors import AnalysisError
from cortexsim.plotting.parts import legend_below

SEED = 0
SAME = {
    "airplane": "airplane",
    "bird": "bird",
    "car": "automobile",
    "cat": "cat",
    "dog": "dog",
    "boat": "ship",
    "truck": "truck",
}
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
# The source's names of experiments and of conditions, where they differ from the levels.
CONDITIONS = {"colour": {"cr": 0.0, "bw": 1.0}}
LEVEL = {
    "colour": "0 in colour, 1 in grey",
    "contrast": "contrast (%)",
    "uniform-noise": "half-width of the noise (black to white: 1)",
    "low-pass": "SD of the blur (pixels of 224)",
    "phase-scrambling": "largest shift of phase (degrees)",
    "rotation": "rotation (degrees)",
}
CLAIM = (
    "Whether readout time helps distorted images more than less distorted ones (null: the same "
    "gain), in a recurrent network and its feed-forward twin; "
    "people's accuracy and reaction times on other photographs under the same manipulations "
    "beside them."
)


@dataclass(frozen=True)
class DistortionsConfig(ShownConfig):
    """The command line of this analysis."""

    nets: tuple[str, ...] = option(
        ("cortex4", "cortex4-twin"), "networks: bundled names or .safetensors files"
    )
    kinds: tuple[str, ...] = option(
        ("colour", "contrast", "uniform-noise", "low-pass", "phase-scrambling", "rotation"),
        "distortions",
    )
    images: int = option(
        500,
        "test images for each distortion and level, the first so many; as many others set the "
        "threshold",
    )
    resamples: int = option(1000, "of images, for the intervals")


def main(arguments: Sequence[str] | None = None) -> int:
    """Distort, answer, compare, draw."""
    config = parse(
        DistortionsConfig, arguments, "python analyses/behavior_distortions.py", __doc__ or ""
    )
    from cortexsim import load, neural
    from cortexsim.stimuli.datasets import load_images

    report = Report("behavior_distortions", config, CLAIM)
    images = load_images(config.data, train_count=config.train_count)
    if len(images.test_x) < 2 * config.images or len(images.classes) != len(CLASSES):
        raise AnalysisError(
            f"{len(images.test_x)} test images of {len(images.classes)} classes; "
            f"{2 * config.images} of CIFAR-10's ten are needed: give fewer --images"
        )
    trials = neural.load("geirhos-behaviour")
    people = {kind: of_people(trials, kind) for kind in config.kinds}
    found = {label_of(name): of_network(load(name), images, config) for name in config.nets}
    ranks = {
        name: {kind: ranked(one[kind], people[kind]) for kind in config.kinds}
        for name, one in found.items()
    }
    draw(report, found, people)
    here = {
        "name": images.name,
        "test_images": f"the first {config.images}, distorted",
        "sha256": images.sha256(),
    }
    settings = {
        "images": config.images,
        "resamples": config.resamples,
        "seed": SEED,
        "classes_of_people": SAME,
    }
    report.numbers(
        [here, cited(trials)],
        {
            "settings": settings,
            "nets": found,
            "people": people,
            "rank_of_reaction_times_by_level": ranks,
        },
    )
    return 0


def of_network(net: Any, images: Any, config: DistortionsConfig) -> dict[str, Any]:
    """By distortion.

    Accuracy by level and step with gains, interactions with the first level, and reaction times.
    """
    from cortexsim.analysis.behavior.reaction_time import entropy
    from cortexsim.stimuli.distortions import LEVELS

    count = config.images
    others = own_readout(net, images.test_x[count : 2 * count])
    threshold = float(np.median(entropy(others.sel(step=net.readout).values)))
    out: dict[str, Any] = {}
    for kind in config.kinds:
        said = [shown(net, images.test_x[:count], kind, level=level) for level in LEVELS[kind]]
        out[kind] = by_level(
            said, images.test_y[:count].numpy(), net.readout, threshold=threshold, config=config
        ) | {"levels": LEVELS[kind]}
    return out


def shown(net: Any, x: Any, kind: str, *, level: float) -> Any:
    """What the network answers to distorted images."""
    import torch

    from cortexsim.stimuli.distortions import distorted

    changed = distorted(x.permute(0, 2, 3, 1).numpy(), kind, level, seed=SEED)
    return own_readout(net, torch.from_numpy(np.ascontiguousarray(changed.transpose(0, 3, 1, 2))))


def by_level(
    said: list[Any], y: np.ndarray, readout: int, *, threshold: float, config: DistortionsConfig
) -> dict[str, Any]:
    """Numbers of one distortion, its levels in order of ``said``, the least distorted first."""
    from cortexsim.analysis import reaction_times, time_helps

    steps = [int(t) for t in said[0].step.values]
    correct = np.stack([p.values.argmax(-1) == y[:, None] for p in said])  # (level, stimulus, step)
    last = steps.index(readout)
    n = {"inference": Inference(n=config.resamples, rng=SEED)}
    hard, image = np.repeat([0.0, 1.0], len(y)), np.tile(np.arange(len(y)), 2)
    helps = [
        time_helps(np.concatenate([correct[0], c]), hard, early=0, late=last, image=image, **n)
        for c in correct[1:]
    ]
    same = np.isin(np.array(CLASSES, dtype=object)[y], list(SAME.values()))
    reacted = [reaction_times(p, threshold, y) for p in said]
    weights = np.random.default_rng(SEED).multinomial(
        len(y), np.full(len(y), 1 / len(y)), size=config.resamples
    ) / len(y)
    return {
        "steps": steps,
        "early_late_steps": [steps[0], readout],
        "accuracy": correct.mean(1),
        "accuracy_interval": percentile_interval(np.einsum("rs,lst->rlt", weights, correct)),
        "interaction_with_the_first_level": [plain_of(h) for h in helps],
        "entropy_threshold_bits": threshold,
        "reaction_time_steps": [float(r.time.mean()) for r in reacted],
        "reaction_time_same_classes": [float(r.time.values[same].mean()) for r in reacted],
        "answered": [float(r.coverage) for r in reacted],
        "images_of_same_classes": int(same.sum()),
    }


def of_people(trials: Any, kind: str) -> dict[str, Any]:
    """Accuracy and reaction time of people by level, of the classes that CIFAR-10 has, too.

    Means over subjects.
    """
    from cortexsim.stimuli.distortions import LEVELS

    here = trials.isel(
        trial=np.flatnonzero(
            (trials.experiment.values == kind) & np.isin(trials.label.values, list(SAME))
        )
    )
    names = CONDITIONS.get(kind, {})
    level = np.array(
        [
            names[c] if c in names else float(c.lstrip("c"))
            for c in here.condition.values.astype(str)
        ]
    )
    subjects = np.unique(here.subject.values)
    accuracy, times = (np.full((len(LEVELS[kind]), len(subjects)), np.nan) for _ in range(2))
    for i, wanted in enumerate(LEVELS[kind]):
        for j, subject in enumerate(subjects):
            mine = (level == wanted) & (here.subject.values == subject)
            right, rt = here.correct.values[mine], here.rt_ms.values[mine]
            if mine.any():
                accuracy[i, j] = right.mean()
                times[i, j] = np.nanmedian(rt[right]) if np.isfinite(rt[right]).any() else np.nan
    return {
        "levels": LEVELS[kind],
        "subjects": len(subjects),
        "trials": len(level),
        "accuracy": accuracy.mean(1),
        "accuracy_each": accuracy,
        "rt_ms": averaged(times),
        "rt_ms_each": times,
    }


def averaged(times: np.ndarray) -> np.ndarray:
    """Mean over the subjects who have a time; NaN where none has."""
    there = np.isfinite(times)
    return np.where(
        there.any(1), np.where(there, times, 0).sum(1) / np.maximum(there.sum(1), 1), np.nan
    )


def ranked(one: dict[str, Any], people: dict[str, Any]) -> dict[str, Any]:
    """Kendall's tau over levels of mean reaction times, of each subject too.

    N is the number of levels.
    """
    from scipy.stats import kendalltau

    ours = np.array(one["reaction_time_same_classes"])

    def tau(theirs: np.ndarray) -> float:
        there = np.isfinite(theirs)
        few = (
            there.sum() < 3 or len(np.unique(ours[there])) < 2 or len(np.unique(theirs[there])) < 2
        )
        return float("nan") if few else float(kendalltau(ours[there], theirs[there]).statistic)

    each = [tau(people["rt_ms_each"][:, k]) for k in range(people["subjects"])]
    return {
        "tau": tau(people["rt_ms"]),
        "tau_each_subject": each,
        "levels": int(np.isfinite(people["rt_ms"]).sum()),
    }


def draw(report: Report, found: dict[str, Any], people: dict[str, Any]) -> None:
    """A panel for each distortion: accuracy by level, early and late, and of people."""
    from matplotlib.figure import Figure

    from cortexsim.plotting.parts import style

    columns = min(3, len(people))
    rows = -(-len(people) // columns)
    figure = Figure(figsize=(4.2 * columns, 3.2 * rows + 0.9), layout="constrained")
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes, (kind, theirs) in zip(panels.flat, people.items()):
        x = np.arange(len(theirs["levels"]))
        for k, (name, one) in enumerate(found.items()):
            colour, _, marker = style(k)
            mine, steps = one[kind], one[kind]["steps"]
            changes = np.ptp(mine["accuracy"], axis=1).any()
            for step, dash, fill in zip(mine["early_late_steps"], (":", "-"), ("white", colour)):
                at = steps.index(step)
                if not changes and step != mine["early_late_steps"][-1]:
                    continue  # the same line twice
                axes.plot(
                    x,
                    mine["accuracy"][:, at],
                    color=colour,
                    ls=dash,
                    marker=marker,
                    mfc=fill,
                    ms=4,
                    label=f"{name}, " + (f"step {step}" if changes else "every step"),
                )
                low, high = mine["accuracy_interval"][:, :, at]
                axes.fill_between(
                    x, low, high, color=colour, alpha=0.15, lw=0, label="95 % intervals (images)"
                )
        axes.plot(
            x,
            theirs["accuracy"],
            color="black",
            ls="--",
            marker="x",
            ms=5,
            label="people, other photographs (chance 1/16)",
        )
        axes.axhline(0.1, color="0.5", lw=0.7, label="chance of the networks")
        axes.set_xticks(x, [f"{v:g}" for v in theirs["levels"]], fontsize="small")
        axes.set_title(kind, fontsize="medium", fontweight="bold")
        axes.set(xlabel=LEVEL[kind], ylim=(0, 1))
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[:, 0]:
        axes.set_ylabel("accuracy")
    for axes in panels.flat[len(people) :]:
        axes.set_visible(False)
    legend_below(figure, [panels[0, 0]], ncols=3)
    report.figure(figure)


if __name__ == "__main__":
    run(main)
