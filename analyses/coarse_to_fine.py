"""Coarse before fine: is it the architecture, or that the readout is supervised at every step?

How: the blog post on feedback networks says that supervision, not architecture, makes answers
coarse-to-fine. Two nets of equal depth, ``resnet1`` (one state, its weights shared over time:
recurrent) and ``resnet1-unshared`` (each step its own weights: feed-forward), each trained with the
loss at the last step only and with the loss at every step. From one readout of the fine classes at
every step: fine accuracy, and coarse accuracy (the superclass with the largest summed probability):
animal or vehicle for CIFAR-10, the 20 superclasses for CIFAR-100. Accuracies are also given as the
share of the last step's gain over chance; the lead is the time (in steps, linear between them) at
which 90 % of it is reached for the fine classes less that for the coarse ones (positive: coarse is
first), with an interval over test images: a first step alone can turn on one image. The
normalisation statistics of all steps are estimated anew on training images, so that trained and
other readout times are treated alike. Chance is the share of the largest superclass or class among
the test images.

Inputs: CIFAR-10 or -100 (downloaded by torchvision, or --data FILE.npz --train-count N). Outputs:
coarse_to_fine.png, .pdf and .json; the runs in runs/.
Run time: --budget smoke 20 s on one core of an AMD EPYC; others: measured and said before it
begins.

    python analyses/coarse_to_fine.py --budget cpu --out figures
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from shared.answers import answered_at
from shared.claims import Claim, Means
from shared.claims_figure import draw_claims
from shared.common import Report
from shared.curves import caption, judged, source, spread, stated
from shared.runs import Runs, RunsConfig, Trained, Wanted

from cortexsim.analysis.statistics.draws import draw as draw_counts
from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.cli import parse, run
from cortexsim.errors import AnalysisError

READOUT = 10
TIMES = tuple(range(1, READOUT + 1))
ANSWERS = {"test": TIMES}
"""The readout times whose answers a kept run holds."""
ENOUGH = 0.9
NETS = {
    f"{what}, {how}": Wanted.of(model, supervise=(word,))
    for what, model in (("recurrent", "resnet1"), ("feed-forward", "resnet1-unshared"))
    for how, word in (("last step", "last"), ("every step", "all"))
}
ANIMALS_OR_VEHICLES = "1 1 0 0 0 0 0 0 1 1"
"""Of CIFAR-10's airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck."""
SUPERCLASSES = (
    "4 1 14 8 0 6 7 7 18 3 3 14 9 18 7 11 3 9 7 11 6 11 5 10 7 6 13 15 3 15 0 11 1 10 12 14 "
    "16 9 11 5 5 19 8 8 15 13 14 17 18 10 16 4 17 4 2 0 17 4 18 17 10 3 2 12 12 16 12 1 9 19 "
    "2 10 0 1 16 12 9 13 15 13 16 19 2 4 6 19 5 5 8 19 18 1 2 15 6 0 17 8 14 13 "
)
"""The superclass of each of CIFAR-100's classes in alphabetical order: Krizhevsky 2009."""
COARSE = {
    len(text.split()): np.array(text.split(), dtype=int)
    for text in (ANIMALS_OR_VEHICLES, SUPERCLASSES)
}
CLAIM = (
    "Blog post on feedback networks: coarse-to-fine answers come from supervising the readout "
    "at every step, not from the recurrent architecture."
)


IN_STEPS = "steps to 90 % of the gain"
EARLY = (2, 3, 4, 5)
"""Steps whose answers are early."""
ALIKE = 0.05
"""Leads that differ by less than this share of the final gain are alike; set before any run."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, read out at every step, draw."""
    config = parse(RunsConfig, arguments, "python analyses/coarse_to_fine.py", __doc__ or "")
    runs = Runs(config)
    coarse = superclasses(len(runs.images.classes))
    by_wanted = runs.get(list(NETS.values()))
    trained = {name: by_wanted[wanted] for name, wanted in NETS.items()}
    report = Report("coarse_to_fine", config, CLAIM)
    hits = {name: [correct(t, runs, coarse) for t in seeds] for name, seeds in trained.items()}
    accuracy = {
        name: [{k: v.mean(0) for k, v in one.items()} for one in seeds]
        for name, seeds in hits.items()
    }
    labels = runs.images.test_y.numpy()
    chance = {"fine": largest(labels), "coarse": largest(coarse[labels])}
    wrong = {name: np.stack([mistakes(one) for one in seeds]) for name, seeds in hits.items()}
    results = {
        **stated(runs),
        "steps": list(TIMES),
        "superclasses": int(coarse.max()) + 1,
        "chance": chance,
        "enough": ENOUGH,
        "nets": {
            name: described(seeds, chance)
            | {
                "lead_of_coarse_in_steps": [lead_interval(one, chance) for one in hits[name]],
                "runs": [t.summary() for t in trained[name]],
            }
            for name, seeds in accuracy.items()
        },
        "sentences": [
            sentence(name, [lead_interval(one, chance) for one in seeds])
            for name, seeds in hits.items()
        ],
        "claims": judged(claims(chance), trained, runs, wrong=wrong),
    }
    draw(report, accuracy, chance, judged_=results["claims"], runs=runs)
    report.numbers([source(runs)], results)
    return 0


def claims(chance: dict[str, float]) -> tuple[Claim, ...]:
    """That early answers, and coarse ones before fine ones, come from supervising every step."""

    def early(means: Means, name: str) -> np.ndarray:
        return means[name][..., [TIMES.index(t) for t in EARLY]].mean(-1)

    def lead(means: Means, name: str) -> np.ndarray:
        """Coarse less fine share of the final gain, mean over all steps but the first and last."""
        fine, rough = (gain(right, chance[kind]) for kind, right in curves(means[name]))
        return (rough - fine)[..., 1:-1].mean(-1)

    def lead_in_steps(means: Means, name: str) -> np.ndarray:
        """How much earlier coarse answers reach ``ENOUGH`` of their final gain."""
        fine, rough = (crossing(right, chance[kind]) for kind, right in curves(means[name]))
        return fine - rough

    def by_supervision(kind: str) -> tuple[Claim, Claim, Claim]:
        last, every = f"{kind}, last step", f"{kind}, every step"
        return (
            Claim(
                f"{kind} net: with the loss at every step, answers at steps 2 to 5 are better.",
                (last, every),
                lambda m: early(m, last) - early(m, every),
                low=0.0,
            ),
            Claim(
                f"{kind} net: with the loss at every step, coarse answers lead by more "
                "(mean share of the gain, steps 2 to 9).",
                (last, every),
                lambda m: lead(m, every) - lead(m, last),
                low=0.0,
            ),
            Claim(
                f"{kind} net: with the loss at every step, coarse answers lead by more "
                f"({IN_STEPS}).",
                (last, every),
                lambda m: lead_in_steps(m, every) - lead_in_steps(m, last),
                low=0.0,
            ),
        )

    recurrent, forward = "recurrent, last step", "feed-forward, last step"
    same = Claim(
        "With the loss at the last step, coarse answers lead alike in both architectures.",
        (recurrent, forward),
        lambda m: lead(m, recurrent) - lead(m, forward),
        low=-ALIKE,
        high=ALIKE,
    )
    return (*by_supervision("recurrent"), *by_supervision("feed-forward"), same)


def curves(wrong: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Accuracy by step of the fine and of the coarse classes, from what :func:`mistakes` gives."""
    return zip(("fine", "coarse"), np.split(1 - wrong, 2, axis=-1), strict=True)


def superclasses(classes: int) -> np.ndarray:
    """The superclass of each class."""
    if classes not in COARSE:
        raise AnalysisError(
            f"the images have {classes} classes; superclasses are known for CIFAR-10 and "
            "CIFAR-100 only"
        )
    return COARSE[classes]


def largest(labels: np.ndarray) -> float:
    """What always saying the most frequent label would get right."""
    return float(np.bincount(labels).max() / len(labels))


def correct(trained: Trained, runs: Runs, coarse: np.ndarray) -> dict[str, np.ndarray]:
    """Which test images ``(image, step)`` get the right class, and the right superclass."""
    hits = {}
    for kind, groups in (("fine", None), ("coarse", coarse)):
        given, labels = answered_at(trained, runs, "test", times=TIMES, groups=groups)
        hits[kind] = np.stack([given[t] == labels for t in TIMES], axis=1)
    return hits


def mistakes(hits: dict[str, np.ndarray]) -> np.ndarray:
    """1 where an answer is wrong: the steps of the fine classes, then those of the coarse ones."""
    return 1.0 - np.concatenate([hits["fine"], hits["coarse"]], axis=1)


def described(seeds: list[dict[str, np.ndarray]], chance: dict[str, float]) -> dict[str, Any]:
    """Curves over seeds, as accuracy and as share of the final gain over chance, and the lead of
    coarse over fine.
    """
    out: dict[str, Any] = {}
    for kind in ("fine", "coarse"):
        out[kind] = {
            "accuracy": [spread([one[kind][k] for one in seeds]) for k in range(len(TIMES))],
            "reached_at_step": [float(crossing(one[kind], chance[kind])) for one in seeds],
        }
        out[kind]["share_of_the_final_gain"] = [
            [gain(one[kind], chance[kind])[k] for one in seeds] for k in range(len(TIMES))
        ]
    return out


def gain(accuracy: np.ndarray, chance: float) -> np.ndarray:
    """(accuracy - chance) / (accuracy at the last step - chance); NaN where a net never learnt."""
    above = accuracy - chance
    final = above[..., -1:]
    return above / np.where(final > 0, final, np.nan)


def crossing(accuracy: np.ndarray, chance: float) -> np.ndarray:
    """When ``ENOUGH`` of the final gain is first reached ``(..., step)`` -> ``(...)``.

    In steps, linear between them; the first step if it has as much; NaN where a net never learnt.

    >>> float(crossing(np.array([0.1, 0.5, *[1.0] * 8]), 0.1).round(2))
    2.82
    """
    share = gain(accuracy, chance)
    there = share >= ENOUGH
    at = there.argmax(-1)
    here = np.take_along_axis(share, at[..., None], -1)[..., 0]
    before = np.take_along_axis(share, np.maximum(at - 1, 0)[..., None], -1)[..., 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.array(TIMES)[at] - np.where(at > 0, (here - ENOUGH) / (here - before), 0)
    return np.where(there.any(-1), step, np.nan)


def lead_interval(
    hits: dict[str, np.ndarray], chance: dict[str, float], *, draws: int = 2000, seed: int = 0
) -> dict[str, Any]:
    """The lead of coarse over fine classes in one net, with an interval over test images."""
    images = len(hits["fine"])
    counts = draw_counts(np.random.default_rng(seed), draws, np.arange(images), True, "image")
    weights = np.concatenate([np.full((1, images), 1 / images), counts / images])
    at = {kind: crossing(weights @ hits[kind], chance[kind]) for kind in ("fine", "coarse")}
    lead = at["fine"] - at["coarse"]
    known = np.isfinite(lead[1:])
    interval = percentile_interval(lead[1:][known]).tolist() if known.all() else [None, None]
    return {"value": lead[0], "interval": interval, "resamples_with_a_lead": known.mean()}


def sentence(name: str, leads: list[dict[str, Any]]) -> str:
    """What may be said of a lead: nothing of an architecture from one seed, nor from few images."""
    words, signs = [], []
    for one in leads:
        low, high = one["interval"]
        if low is None:
            words.append("not defined in every resample")
            signs.append(0)
            continue
        words.append(f"{one['value']:+.2f} steps [{low:+.2f}, {high:+.2f}]")
        signs.append(int(low > 0) - int(high < 0))
    if len(leads) < 2:
        verdict = "one seed decides nothing"
    elif set(signs) == {1}:
        verdict = "coarse answers lead in every seed"
    elif set(signs) == {-1}:
        verdict = "fine answers lead in every seed"
    else:
        verdict = "no lead is shown"
    return f"{name}: lead of coarse over fine classes {', '.join(words)}: {verdict}."


def draw(
    report: Report,
    accuracy: dict[str, list[dict[str, np.ndarray]]],
    chance: dict[str, float],
    *,
    judged_: list[dict[str, Any]],
    runs: Runs,
) -> None:
    """A panel for each net: fine and coarse accuracy by step; below what becomes of the claims."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 11), layout="constrained")
    above, shares, steps = figure.subfigures(3, 1, height_ratios=[7, 2.4, 1.6])
    in_steps = [one for one in judged_ if IN_STEPS in one["claim"]]
    in_points = [one for one in judged_ if IN_STEPS not in one["claim"]]
    draw_claims(shares.subplots(), in_points, unit="difference of shares, points")
    draw_claims(steps.subplots(), in_steps, unit="difference of leads, steps", times=1)
    panels = above.subplots(2, 2, sharex=True, sharey=True)
    for axes, (name, seeds) in zip(panels.flat, accuracy.items()):
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
            f"{name.split(', ')[0]} net, loss at "
            f"{'the ' if 'last' in name else ''}{name.split(', ')[1]}",
            fontsize="medium",
        )
        axes.spines[["top", "right"]].set_visible(False)
        axes.set(ylim=(0, 1), xticks=TIMES)
    for axes in panels[1]:
        axes.set_xlabel("readout step")
    for axes in panels[:, 0]:
        axes.set_ylabel("accuracy (dotted: largest class)")
    panels[0, 0].legend(frameon=False)
    figure.suptitle(caption(runs, judged_), fontsize="small")
    report.figure(figure)


if __name__ == "__main__":
    run(main)
