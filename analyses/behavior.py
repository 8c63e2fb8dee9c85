"""Networks and people on the same photographs.

Errors, confusions, difficulty and reaction times by readout step (CIFAR-10 test images).

How: the network's own readout at every step at which IT is populated (steps that training did not
use have statistics estimated on training images), beside CIFAR-10H, the answers of some 50 people
to each of the 10,000 test images. Cross-entropy of the network with the people's answers;
Spearman's rho of the two matrices of confusions (ceiling: random halves of the answers);
correlation of image by image difficulty within objects (i1n of Rajalingham et al. 2018, on the
scale of probabilities, for most of people's d' lie at the cap; ceiling alike; people chose among
ten classes, so that i1 takes Luce's choice rule); error consistency (Cohen's kappa) of the network
with one random answer to each image, beside that of two such answers. Reaction time: the first step
at which the entropy of the readout has fallen to a threshold, fitted on other images than those it
is tested on (5 folds), ranked against the entropy of the people's answers (CIFAR-10H has no
reaction times in public form); images that never get there are censored. Object solution time: the
first time at which the i1 of an image (one object versus the rest) reaches a threshold,
interpolated; the threshold is the median i1 of other images at the trained readout of the first
network, the same for all. Steps are the network's; the memo puts one at 20 to 50 ms, on which no
rank here depends.

Inputs: CIFAR-10 test images (downloaded by torchvision, or --data FILE.npz --train-count N), the
benchmark cifar10h, networks (bundled names or .safetensors).
Outputs: behavior.png, .pdf and .json.
Run time: see "seconds" in behavior.json, no GPU.

    python analyses/behavior.py --out figures
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from shared.behavior_words import sentences, time_or_certainty
from shared.common import Report
from shared.common import source as cited
from shared.pictures import ShownConfig, shown_to

from cortexsim.analysis import Inference
from cortexsim.cli import option, parse, run
from cortexsim.errors import AnalysisError

STEPS = 12
SEED = 0
ALIKE = 0.95
"""Least share of test images whose label is what most people say: with fewer, the images are in
another order."""
CLAIM = (
    "Readout time and people: whether later answers of a recurrent network are closer to those "
    "of people than earlier ones, image by image, and "
    "whether images that people are undecided about take it longer. Null: the feed-forward "
    "twin, whose answers do not change after step 4."
)


@dataclass(frozen=True)
class BehaviorConfig(ShownConfig):
    """The command line of this analysis."""

    nets: tuple[str, ...] = option(
        ("cortex4", "cortex4-twin"), "networks: bundled names or .safetensors files"
    )
    images: int = option(10000, "test images, the first so many")
    timed_images: int = option(3000, "of these, for reaction and solution times")
    resamples: int = option(1000, "of images, for the intervals")
    permutations: int = option(200, "for the p values of reaction and solution times")


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer, compare, draw."""
    config = parse(BehaviorConfig, arguments, "python analyses/behavior.py", __doc__ or "")
    from cortexsim import load, neural
    from cortexsim.stimuli.datasets import load_images

    report, images, people = (
        Report("behavior", config, CLAIM),
        load_images(config.data, train_count=config.train_count),
        neural.load("cifar10h"),
    )
    x, y = images.test_x[: config.images], images.test_y[: config.images].numpy()
    counts = aligned(people, y)
    found, draws, threshold = {}, {}, None
    for name in config.nets:
        net = load(name)
        said = own_readout(net, x)
        if threshold is None:
            threshold = usual(
                said.sel(step=net.readout)[config.timed_images :], y[config.timed_images :]
            )
        draws[label_of(name)] = measured(said, counts, y, threshold=threshold, config=config)
        found[label_of(name)] = described(draws[label_of(name)]) | {
            "trained_readout": net.readout,
            "steps": said.step.values,
        }
    errors = {k: v["correct"] for k, v in draws.items()}
    draw(report, draws, threshold)
    settings = {
        "images": len(y),
        "timed_images": min(config.timed_images, len(y)),
        "dprime_threshold": threshold,
        "seed": SEED,
        "resamples": config.resamples,
    }
    results = {
        "settings": settings,
        "people": of_people(counts, y, config),
        "nets": found,
        "error_consistency_between_networks": between(errors, config),
        "sentences": sentences(found),
    }
    here = {
        "name": images.name,
        "test_images": f"the first {len(y)}",
        "sha256": images.sha256(),
        "notes": "; ".join(images.notes),
    }
    report.numbers([here, cited(people)], results)
    return 0


def label_of(name: str) -> str:
    """A network's name without folder and ending."""
    return Path(name).stem if name.endswith(".safetensors") else name


def aligned(people: Any, labels: np.ndarray) -> np.ndarray:
    """Counts of answers for the first test images.

    AnalysisError unless nearly all labels are what most people say.
    """
    if len(labels) > people.sizes["stimulus"]:
        raise AnalysisError(
            f"{len(labels)} test images, but {people.sizes['stimulus']} with answers of people; "
            f"give --images {people.sizes['stimulus']}"
        )
    counts = people.counts.values[: len(labels)]
    agree = float((counts.argmax(1) == labels).mean())
    if agree < ALIKE:
        raise AnalysisError(
            f"what most people say is the label of {agree:.0%} of the test images ({ALIKE:.0%} "
            "or more expected): these are not the CIFAR-10 test images "
            "in their official order; with --data FILE.npz give --train-count 50000 if x holds "
            "all 60,000"
        )
    return counts


def own_readout(net: Any, images: Any, batch: int = 250) -> Any:
    """Probabilities ``(stimulus, step, class)`` of the network's own readout at every step at which
    there is one.
    """
    import torch
    import xarray

    from cortexsim.analysis import softmax

    steps = net.readable(min(STEPS, net.card.get("calibrated_to_step", net.readout)))
    parts = []
    with torch.inference_mode():
        for first in range(0, len(images), batch):
            logits = net.readouts(shown_to(net, images[first : first + batch]), steps)
            parts.append(np.stack([logits[t].numpy() for t in steps], 1))
    values = softmax(np.concatenate(parts))
    return xarray.DataArray(values, {"step": list(steps)}, ("stimulus", "step", "class"))


def measured(
    said: Any, counts: np.ndarray, y: np.ndarray, *, threshold: float, config: BehaviorConfig
) -> dict[str, Any]:
    """Everything about one network."""
    from cortexsim.analysis import (
        compare_reaction_times,
        confusion_consistency,
        cross_entropy,
        early_late,
        image_consistency,
        solution_times,
        speed_accuracy,
    )

    few = slice(0, config.timed_images)
    drawn = Inference(n=config.resamples, rng=SEED)
    n, more = {"inference": drawn}, {"inference": replace(drawn, permutations=config.permutations)}
    undecided = doubts(counts)[few]
    solution = solution_times(said[few], threshold, y[few])
    reactions = {
        c: reacted(
            compare_reaction_times, said[few], undecided, y=y[few], criterion=c, settings=more
        )
        for c in ("entropy", "confidence")
    }
    return {
        "correct": said.values.argmax(-1) == y[:, None],
        "cross_entropy": cross_entropy(said, counts, y, **n),
        "confusions": confusion_consistency(said, counts, y, **n),
        "difficulty_i1n": image_consistency(said, counts, y, metric="i1n", **n),
        "difficulty_i2n": image_consistency(said, counts, y, metric="i2n", **n),
        "errors": with_people(said, counts, y, config=config),
        "speed_accuracy": speed_accuracy(said[few], y[few], **n),
        "reaction_time": reactions,
        "time_or_certainty": time_or_certainty(
            said[few], reactions["entropy"], undecided, n=config.resamples, seed=SEED
        ),
        "last_step_doubt": last_doubt(said[few], undecided, more),
        "solution": solution,
        "solution_rank": solved_rank(solution, undecided, more),
        "solution_groups": early_late(solution, undecided, **n),
        "time_helps": helped(said, counts, y, settings=n),
    }


def usual(said: Any, y: np.ndarray) -> float:
    """The median i1 of images at one step: a threshold that half of the images pass there."""
    from cortexsim.analysis import image_dprimes

    if len(y) < 100:
        raise AnalysisError(
            f"{len(y)} test images are left to set the threshold of solution times on; give "
            "--timed-images at least 100 less than --images"
        )
    return float(np.median(image_dprimes(said.values, y, "i1")))


def doubts(counts: np.ndarray) -> np.ndarray:
    """Entropy of the answers of people to each image, in bits."""
    from cortexsim.analysis.behavior.reaction_time import entropy

    return entropy(counts / counts.sum(1, keepdims=True))


def reacted(
    compare: Any,
    said: Any,
    undecided: np.ndarray,
    *,
    y: np.ndarray,
    criterion: str,
    settings: dict[str, Any],
) -> Any:
    """Reaction times against the entropy of people; None where every threshold gives equal ones."""
    try:
        return compare(said, undecided, y, criterion=criterion, **settings)
    except AnalysisError:
        return None


def last_doubt(said: Any, undecided: np.ndarray, settings: dict[str, Any]) -> Any:
    """The control without time: the entropy of the last answer against that of people."""
    from cortexsim.analysis import censored_tau
    from cortexsim.analysis.behavior.reaction_time import entropy

    return censored_tau(entropy(said.values[:, -1]), undecided, **settings)


def solved_rank(solution: Any, undecided: np.ndarray, settings: dict[str, Any]) -> Any:
    """Solution times against the entropy of people, unsolved images censored.

    None where nothing is solved at different times.
    """
    from cortexsim.analysis import censored_tau

    try:
        return censored_tau(
            solution.time.values,
            undecided,
            first_seen=solution.solved.values,
            **settings,
        )
    except AnalysisError:
        return None


def with_people(said: Any, counts: np.ndarray, y: np.ndarray, *, config: BehaviorConfig) -> Any:
    """Error consistency of every readout step with one random answer of people to each image."""
    from cortexsim.analysis import error_consistency

    right = (said.values.argmax(-1) == y[:, None]).T
    return error_consistency(
        right,
        one_answer(counts, SEED)[0] == y,
        inference=Inference(n=config.resamples, permutations=config.permutations, rng=SEED),
    )


def one_answer(counts: np.ndarray, seed: int) -> np.ndarray:
    """Two different answers to each image, at random, ``(2, stimulus)``."""
    rng = np.random.default_rng(seed)
    first = (
        rng.random((len(counts), 1)) < np.cumsum(counts, 1) / counts.sum(1, keepdims=True)
    ).argmax(1)
    rest = counts - np.eye(counts.shape[1], dtype=counts.dtype)[first]
    second = (
        rng.random((len(counts), 1)) < np.cumsum(rest, 1) / rest.sum(1, keepdims=True)
    ).argmax(1)
    return np.stack([first, second])


def helped(
    said: Any, counts: np.ndarray, y: np.ndarray, *, settings: dict[str, Any]
) -> dict[str, Any]:
    """Gain from step 5 to 8 (or the ends, if it has no such steps) for images on which all people
    agree and on which they do not.
    """
    from cortexsim.analysis import time_helps

    steps = [int(t) for t in said.step.values]
    early, late = (5, 8) if {5, 8} <= set(steps) else (steps[0], steps[-1])
    hard = (counts.max(1) < counts.sum(1)).astype(float)
    correct = said.values.argmax(-1) == y[:, None]
    return {
        "steps": [early, late],
        "result": time_helps(
            correct, hard, early=steps.index(early), late=steps.index(late), **settings
        ),
    }


def of_people(counts: np.ndarray, y: np.ndarray, config: BehaviorConfig) -> dict[str, Any]:
    """What people agree on among themselves."""
    from cortexsim.analysis import Inference, censored_tau, error_consistency
    from cortexsim.analysis.behavior.people import split_answers

    few = slice(0, config.timed_images)
    a, b = (doubts(h) for h in split_answers(counts[few], np.random.default_rng(SEED)))
    answers = one_answer(counts, SEED)
    kappa = error_consistency(
        answers[0] == y,
        answers[1] == y,
        inference=Inference(n=config.resamples, permutations=0, rng=SEED),
    )
    return {
        "answers_per_image": counts.sum(1).mean(),
        "tau_of_entropies_of_halves": plain_of(
            censored_tau(a, b, inference=Inference(n=config.resamples, permutations=0, rng=SEED))
        ),
        "kappa_of_two_answers": plain_of(kappa),
        "share_of_images_all_agree_on": (counts.max(1) == counts.sum(1)).mean(),
    }


def between(errors: dict[str, np.ndarray], config: BehaviorConfig) -> dict[str, Any]:
    """Error consistency of each network at its last step with every other."""
    from cortexsim.analysis import error_consistency

    out, names = {}, list(errors)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            kappa = error_consistency(
                errors[one][:, -1],
                errors[other][:, -1],
                inference=Inference(n=config.resamples, permutations=config.permutations, rng=SEED),
            )
            out[f"{one} and {other}, last steps"] = plain_of(kappa)
    return out


def plain_of(result: Any) -> Any:
    """A Dataset as a dictionary of numbers; long ones (by stimulus) left out."""
    if result is None or not hasattr(result, "data_vars"):
        return result
    kept = {str(k): v.values for k, v in result.data_vars.items() if "stimulus" not in v.dims}
    settings = {k: v for k, v in result.attrs.items() if k != "provenance"}
    return (
        kept
        | {str(c): result[c].values for c in result.coords if "stimulus" not in result[c].dims}
        | {"settings": settings}
    )


def described(one: dict[str, Any]) -> dict[str, Any]:
    """What the JSON keeps of a network."""
    out: dict[str, Any] = {"accuracy": one["correct"].mean(0)}
    for key, value in one.items():
        if key == "correct":
            continue
        out[key] = (
            {k: plain_of(v) for k, v in value.items()}
            if isinstance(value, dict)
            else plain_of(value)
        )
    return out


def of_rates(difficulty: Any) -> Any:
    """The scale of probabilities in place of d', most of which lie at the cap."""
    reliability = float(difficulty.rate_reliability)
    return difficulty.assign(
        value=difficulty.rate_value,
        interval=difficulty.rate_interval,
        ceiling=np.sqrt(reliability) if reliability > 0 else np.nan,
    )


def draw(report: Report, found: dict[str, Any], threshold: float) -> None:
    """Six panels."""
    from matplotlib.figure import Figure

    from cortexsim.plotting.behavior import by_readout, groups, level, solved, speed_and_accuracy

    figure = Figure(figsize=(13, 7.6), layout="constrained")
    panels = figure.subplots(2, 3).ravel()
    first = next(iter(found.values()))
    by_readout(panels[0], {k: v["cross_entropy"] for k, v in found.items()}, "cross_entropy")
    level(panels[0], float(first["cross_entropy"].floor), "entropy of the people's answers (floor)")
    panels[0].set(
        ylabel="cross-entropy with people (nats)",
        ylim=(0, None),
        title="A  surprise at what people say",
    )
    by_readout(panels[1], {k: v["confusions"] for k, v in found.items()}, "rho")
    level(panels[1], float(first["confusions"].ceiling), "ceiling of the people")
    panels[1].set(
        ylabel="Spearman's rho of confusions",
        ylim=(0, 1),
        title="B  which class is taken for which",
    )
    rates = {k: of_rates(v["difficulty_i1n"]) for k, v in found.items()}
    by_readout(panels[2], rates, "value")
    level(panels[2], float(next(iter(rates.values())).ceiling), "ceiling of the people")
    panels[2].set(
        ylabel="r of difficulty within objects (i1n, rates)",
        ylim=(0, 1),
        title="C  which images are hard",
    )
    speed_and_accuracy(panels[3], {k: v["speed_accuracy"] for k, v in found.items()})
    panels[3].set_title("D  answering when certain")
    solved(panels[4], {k: v["solution"] for k, v in found.items()})
    panels[4].set_title(f"E  images solved (d' of {threshold:.2f}); the rest is censored")
    groups(panels[5], {k: v["solution_groups"] for k, v in found.items()})
    panels[5].set(
        ylabel="entropy of the people's answers (bits)",
        title="F  which images are solved late (counts above)",
        ylim=(0, None),
    )
    for axes in panels:
        entries = dict(zip(*axes.get_legend_handles_labels()[::-1]))
        axes.legend(entries.values(), entries.keys(), frameon=False, fontsize="small")
        axes.title.set(fontsize="medium", fontweight="bold")
    report.figure(figure)


if __name__ == "__main__":
    run(main)
