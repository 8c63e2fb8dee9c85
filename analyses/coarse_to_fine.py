"""Coarse before fine: is it the architecture, or that the readout is supervised at every step?

What comes out (budget cpu: 2,000 images of 16 x 16 pixels, 4 epochs, one seed; too little to decide): supervising every step makes early answers good
in both nets: 90 % of the final gain is there at step 2 (coarse and fine) in the recurrent net and at steps 2 (coarse) and 3 (fine) in the feed-
forward one, instead of step 4 (both) and steps 5 and 7 with the loss at the last step only. So how early depends on the supervision, in both
architectures, as the post says; that coarse classes lead is seen in the feed-forward nets only (by 2 steps and 1) and in neither recurrent one.

How: the blog post on feedback networks says that supervision, not architecture, makes answers coarse-to-fine. Two nets of equal depth, ``resnet1``
(one state, its weights shared over time: recurrent) and ``resnet1-unshared`` (each step its own weights: feed-forward), each trained with the loss at
the last step only and with the loss at every step. From one readout of the fine classes at every step: fine accuracy, and coarse accuracy (the
superclass with the largest summed probability): animal or vehicle for CIFAR-10, the 20 superclasses for CIFAR-100. Accuracies are also given as the
share of the last step's gain over chance; the lead is the first step with 90 % of it for the fine classes less that for the coarse ones (positive:
coarse is first). The normalisation statistics of all steps are estimated anew on training images, so that trained and other readout times are treated
alike. Chance is the share of the largest superclass or class among the test images.

Inputs: CIFAR-10 or -100 (downloaded by torchvision, or --data FILE.npz --train-count N). Outputs: coarse_to_fine.png, .pdf and .json; the runs in
runs/.
Run time: --budget smoke 20 s on one core of an AMD EPYC; others: measured and said before it begins.

    python analyses/coarse_to_fine.py --budget cpu --out figures
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from shared.common import Report
from shared.curves import caption, source, spread, stated
from shared.runs import Runs, RunsConfig, Wanted, answers_at

from cortexsim.cli import parse, run
from cortexsim.errors import AnalysisError

READOUT = 10
TIMES = tuple(range(1, READOUT + 1))
ENOUGH = 0.9
NETS = {
    f"{what}, {how}": Wanted.of(model, supervise=(word,))
    for what, model in (("recurrent", "resnet1"), ("feed-forward", "resnet1-unshared"))
    for how, word in (("last step", "last"), ("every step", "all"))
}
ANIMALS_OR_VEHICLES = (
    1,
    1,
    0,
    0,
    0,
    0,
    0,
    0,
    1,
    1,
)  # of CIFAR-10's airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck
# Krizhevsky 2009: the superclass of each of CIFAR-100's classes in alphabetical order.
SUPERCLASSES = (
    4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11, 6, 11, 5, 10, 7, 6, 13, 15, 3, 15, 0, 11, 1, 10, 12, 14, 16, 9, 11, 5, 5,
    19, 8, 8, 15, 13, 14, 17, 18, 10, 16, 4, 17, 4, 2, 0, 17, 4, 18, 17, 10, 3, 2, 12, 12, 16, 12, 1, 9, 19, 2, 10, 0, 1, 16, 12, 9, 13, 15, 13,
    16, 19, 2, 4, 6, 19, 5, 5, 8, 19, 18, 1, 2, 15, 6, 0, 17, 8, 14, 13,
)  # fmt: skip
COARSE = {10: np.array(ANIMALS_OR_VEHICLES), 100: np.array(SUPERCLASSES)}
CLAIM = "Blog post on feedback networks: coarse-to-fine answers come from supervising the readout at every step, not from the recurrent architecture."


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, read out at every step, draw."""
    config = parse(RunsConfig, arguments, "python analyses/coarse_to_fine.py", __doc__ or "")
    runs = Runs(config)
    coarse = superclasses(len(runs.images.classes))
    trained = runs.get(list(NETS.values()))
    report = Report("coarse_to_fine", config, CLAIM)
    curves = {
        name: [accuracies(*answers_at(t, runs, "test", TIMES), coarse) for t in trained[wanted]]
        for name, wanted in NETS.items()
    }
    labels = runs.images.test_y.numpy()
    chance = {"fine": largest(labels), "coarse": largest(coarse[labels])}
    draw(report, curves, chance, runs)
    results = {
        **stated(runs), "steps": list(TIMES), "superclasses": int(coarse.max()) + 1, "chance": chance, "enough": ENOUGH,
        "nets": {name: described(seeds, chance) | {"runs": [t.summary() for t in trained[NETS[name]]]} for name, seeds in curves.items()},
    }  # fmt: skip
    report.numbers([source(runs)], results)
    return 0


def superclasses(classes: int) -> np.ndarray:
    """The superclass of each class."""
    if classes not in COARSE:
        raise AnalysisError(
            f"the images have {classes} classes; superclasses are known for CIFAR-10 and CIFAR-100 only"
        )
    return COARSE[classes]


def largest(labels: np.ndarray) -> float:
    """What always saying the most frequent label would get right."""
    return float(np.bincount(labels).max() / len(labels))


def accuracies(
    logits: dict[int, np.ndarray], labels: np.ndarray, coarse: np.ndarray
) -> dict[str, np.ndarray]:
    """Fine and coarse accuracy at every step."""
    members = np.eye(coarse.max() + 1)[coarse]  # (class, superclass)
    fine, rough = [], []
    for t in TIMES:
        p = np.exp(logits[t] - logits[t].max(1, keepdims=True)).astype(np.float64)
        fine.append((p.argmax(1) == labels).mean())
        rough.append(((p @ members).argmax(1) == coarse[labels]).mean())
    return {"fine": np.array(fine), "coarse": np.array(rough)}


def described(seeds: list[dict[str, np.ndarray]], chance: dict[str, float]) -> dict[str, Any]:
    """Curves over seeds, as accuracy and as share of the final gain over chance, and the lead of coarse over fine."""
    out: dict[str, Any] = {}
    for kind in ("fine", "coarse"):
        out[kind] = {
            "accuracy": [spread([one[kind][k] for one in seeds]) for k in range(len(TIMES))],
            "reached_at_step": [when(one[kind], chance[kind]) for one in seeds],
        }
        out[kind]["share_of_the_final_gain"] = [
            [gain(one[kind], chance[kind])[k] for one in seeds] for k in range(len(TIMES))
        ]
    pairs = zip(out["fine"]["reached_at_step"], out["coarse"]["reached_at_step"], strict=True)
    out["lead_of_coarse_in_steps"] = [None if f is None or c is None else f - c for f, c in pairs]
    return out


def gain(accuracy: np.ndarray, chance: float) -> np.ndarray:
    """(accuracy - chance) / (accuracy at the last step - chance); NaN where the net never learnt."""
    final = accuracy[-1] - chance
    return (accuracy - chance) / final if final > 0 else np.full(len(accuracy), np.nan)


def when(accuracy: np.ndarray, chance: float) -> int | None:
    """The first step with ``ENOUGH`` of the final gain."""
    reached = np.flatnonzero(gain(accuracy, chance) >= ENOUGH)
    return TIMES[reached[0]] if len(reached) else None


def draw(
    report: Report,
    curves: dict[str, list[dict[str, np.ndarray]]],
    chance: dict[str, float],
    runs: Runs,
) -> None:
    """A panel for each net: fine and coarse accuracy by step."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.5, 7), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    for axes, (name, seeds) in zip(panels.flat, curves.items()):
        for kind, colour, dash, marker in (
            ("coarse", "#0072b2", "-", "o"),
            ("fine", "#d55e00", "--", "^"),
        ):
            for k, one in enumerate(seeds):
                axes.plot(
                    TIMES,
                    one[kind],
                    color=colour,
                    ls=dash,
                    marker=marker,
                    ms=5,
                    label=f"{kind} classes" if k == 0 else None,
                )
            axes.axhline(chance[kind], color=colour, ls=":", lw=1)
        axes.set_title(
            f"{name.split(', ')[0]} net, loss at {'the ' if 'last' in name else ''}{name.split(', ')[1]}",
            fontsize="medium",
        )
        axes.spines[["top", "right"]].set_visible(False)
        axes.set(ylim=(0, 1), xticks=TIMES)
    for axes in panels[1]:
        axes.set_xlabel("readout step")
    for axes in panels[:, 0]:
        axes.set_ylabel("accuracy (dotted: largest class)")
    panels[0, 0].legend(frameon=False)
    figure.suptitle(caption(runs), fontsize="small")
    report.figure(figure)


if __name__ == "__main__":
    run(main)
