"""Deadlines and readout steps: do networks gain accuracy over steps as people do over time?

How: 33 people named CIFAR-10 images when a beep asked for it, 200 to 1000 ms after onset (Kumbhar
et al.; answers within 100 ms of the deadline count, the source's rule); grey images at three levels
of noise and of blur, and colour and grey ones. Networks see CIFAR-10 test images (the source names
no image) with the distortions of the source's public code: noise in grey images of a tenth of the
contrast, cut at two standard deviations; Gaussian blur in pixels of 32. That people's images were
made so is inferred: their images are not public; noise at full contrast is given beside it. Which
level of the study of colour is grey is not said: its two levels are one curve, of the networks the
mean of both. Networks are read out at every step with an answer, shown as they were trained
(cortex4 and cortex4-masked see the image at step 1 and then a blank; the twin sees it always, and
its answer does not change after step 4: it is the null of a network without a course in time), with
the normalisation statistics of their weights files, which are of that presentation.

Mapping: time of an answer = a + b * step (read at nine quantiles of the times at which people
answered at a deadline), and one gain of the accuracy above chance (people also lapse, and some did
not know the keys); chance before the first answer, the last one held; a from 0 to 900 ms and b from
5 to 300 ms a step on a grid, least squares over conditions and deadlines. Intervals: 95 %
percentiles over participants (within studies) and images; those of people alone are as much wider
as Student's is for the 6, 7 and 20 people of the studies, the others are not, and rather too
narrow. The memo's 20, 25 and 50 ms a step: b
fixed, a free; a holds the motor time and all else that is not steps. No motor time is quoted from
elsewhere: it is this declared constant. Held out: participants of each study in two halves; a
mapping is fitted on one half without a condition and tested on the other half in that condition,
both ways, for every condition and many halvings; beside it the mean over the other conditions
(flat, and by deadline), and the same condition in the first half of the people, which is the
ceiling. Halves are drawn with replacement, so intervals hold people, images and halvings together.

Metrics of the source, as they are understood here: root mean squared error of curves; correlation
over categories, of the accuracy at 600 to 1000 ms, mean over conditions; steepness, the slope of
accuracy over deadlines.

Inputs: CIFAR-10 test images (downloaded by torchvision, or --data FILE.npz --train-count N), the
benchmark kumbhar-deadlines, networks.
Outputs: speed_accuracy.png, .pdf and .json.
Run time: see "seconds" in speed_accuracy.json (smoke: 30 s on one core of an AMD EPYC), no GPU.

    python analyses/speed_accuracy.py --out figures
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from behavior import label_of, own_readout
from behavior_distortions import CLASSES
from shared.common import Report
from shared.common import source as cited
from shared.deadlines import (
    A_MS,
    B_MS,
    CHANCE,
    CONDITIONS,
    CONTRAST,
    FULL_CONTRAST,
    SHOWN,
    SIDE,
    TOLERANCE_MS,
    Mapping,
    People,
    category_correlation,
    distorted,
    fitted,
    people_of,
    rmse,
    steepness,
    tried,
    weights_of,
)
from shared.pictures import ShownConfig

from cortexsim.analysis.statistics.draws import draw
from cortexsim.analysis.statistics.intervals import percentile_interval, widened
from cortexsim.cli import option, parse, run
from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    from cortexsim.stimuli.datasets import ImageSet

SEED = 0
MEMO_MS = (20.0, 25.0, 50.0)
"""A step: lowest, nominal and highest of the declared range."""
NULLS = ("flat", "other conditions")
CEILING = "other people"
FULL = ", noise at full contrast"
CLAIM = (
    "Whether a network's accuracy by readout step follows people's accuracy by deadline, clean and "
    "distorted, under deadline = a + b * step, and whether b lies in the memo's 20 to 50 ms. "
    "Nulls: no course in time, the course of other conditions, the feed-forward twin."
)


@dataclass(frozen=True)
class SpeedConfig(ShownConfig):
    """The command line of this analysis."""

    nets: tuple[str, ...] = option(
        ("cortex4", "cortex4-masked", "cortex4-twin"),
        "networks: bundled names or .safetensors files",
    )
    images: int = option(1000, "test images a condition, the first so many")
    resamples: int = option(1000, "of participants and images, for the intervals")
    halvings: int = option(200, "of the participants, for what is held out")


@dataclass(frozen=True)
class Answers:
    """Which images a network gets right, ``(condition, image, step)``, by condition of people."""

    steps: np.ndarray
    right: np.ndarray
    category: np.ndarray

    def accuracy(self, counts: np.ndarray | None = None) -> np.ndarray:
        """``(condition, step)``; counts ``(image,)``: how often each image is drawn."""
        if counts is None:
            return self.right.mean(1)
        return np.einsum("i,cis->cs", counts / counts.sum(), self.right)

    def by_category(self, counts: np.ndarray, categories: int) -> np.ndarray:
        """``(condition, category, step)``; NaN where a category was not drawn."""
        members = np.eye(categories)[self.category] * counts[:, None]
        with np.errstate(invalid="ignore"):
            return np.einsum("ik,cis->cks", members / members.sum(0), self.right)


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer, fit, hold out, draw."""
    config = parse(SpeedConfig, arguments, "python analyses/speed_accuracy.py", __doc__ or "")
    from cortexsim import neural
    from cortexsim.stimuli.datasets import load_images

    report = Report("speed_accuracy", config, CLAIM)
    images = load_images(config.data, train_count=config.train_count)
    brain = neural.load("kumbhar-deadlines")
    people, lenient = people_of(brain), people_of(brain, within_ms=None)
    classes = classes_of(images, people)
    networks: dict[str, Answers] = {}
    for name in config.nets:
        networks |= answers_of(name, images, classes, config)
    found = {name: of_network(one, people, lenient, config) for name, one in networks.items()}
    held = held_out(networks, people, config)
    theirs = of_people(people, lenient, config)
    draw_all(report, people, theirs, networks=networks, found=found, held=held)
    here = {
        "name": images.name,
        "test_images": f"the first {len(images.test_x[: config.images])}, distorted",
        "sha256": images.sha256(),
        "notes": "; ".join(images.notes),
    }
    results = {
        "settings": settings(config),
        "people": theirs,
        "networks": found,
        "held_out": held,
        "sentences": sentences(found, held, theirs),
    }
    report.numbers([here, cited(brain)], results)
    return 0


def settings(config: SpeedConfig) -> dict[str, Any]:
    """What was chosen."""
    return {
        "images": config.images,
        "resamples": config.resamples,
        "halvings": config.halvings,
        "seed": SEED,
        "chance": CHANCE,
        "answers_within_ms": TOLERANCE_MS,
        "contrast_under_noise": CONTRAST,
        "conditions": {k: {"study": s, "levels": v} for k, (s, v) in CONDITIONS.items()},
        "a_ms": [A_MS[0], A_MS[-1]],
        "b_ms": [B_MS[0], B_MS[-1]],
        "memo_ms_a_step": MEMO_MS,
    }


# --------------------------------------------------------------------------------------- answers


def classes_of(images: ImageSet, people: People) -> np.ndarray:
    """The number of people's category for each class; numbers are CIFAR-10's in its order."""
    numbers = tuple(map(str, range(len(CLASSES))))
    names = CLASSES if images.classes == numbers else images.classes
    if set(people.categories) != set(names):
        raise AnalysisError(
            f"the images have the classes {', '.join(images.classes)}; people chose among "
            f"{', '.join(people.categories)}: give CIFAR-10"
        )
    return np.array([people.categories.index(c) for c in names])


def answers_of(
    name: str, images: ImageSet, classes: np.ndarray, config: SpeedConfig
) -> dict[str, Answers]:
    """What a network gets right under every condition; again with noise at full contrast."""
    import torch

    from cortexsim import load

    net = load(name)
    x = images.test_x[: config.images]
    if tuple(x.shape[2:]) != (SIDE, SIDE):
        raise AnalysisError(f"images of {tuple(x.shape[2:])} pixels; the distortions are of 32")
    pixels, y = x.permute(0, 2, 3, 1).contiguous().numpy(), images.test_y[: config.images].numpy()
    seen: dict[tuple[str, float], np.ndarray] = {}
    steps: list[int] = []

    def right(kind: str, level: float) -> np.ndarray:
        if (kind, level) not in seen:
            changed = distorted(pixels, kind, level, seed=SEED)
            said = own_readout(net, torch.from_numpy(changed.transpose(0, 3, 1, 2).copy()))
            steps[:] = [int(t) for t in said.step.values]
            seen[kind, level] = said.values.argmax(-1) == y[:, None]
        return seen[kind, level]

    made = {}
    for key, shown in (("", SHOWN), (FULL, FULL_CONTRAST)):
        each = [np.mean([right(*one) for one in shown[c]], 0) for c in CONDITIONS]
        made[label_of(name) + key] = Answers(np.array(steps), np.stack(each), classes[y])
    return made


def of_network(
    one: Answers, people: People, lenient: People, config: SpeedConfig
) -> dict[str, Any]:
    """The mapping of a network with intervals, at the memo's steps too, and the metrics."""
    drawn = resampled(one, people, config)
    fits = {"free": interval_of_fit(one, people, drawn, None)}
    for b in MEMO_MS:
        fits[f"{b:g} ms a step"] = interval_of_fit(one, people, drawn, b)
    other = fit(lenient.accuracy(), one, lenient, None)
    return {
        "steps": one.steps,
        "accuracy": dict(zip(CONDITIONS, one.accuracy(), strict=True)),
        "changes_with_steps": bool(np.ptp(one.right, axis=2).any()),
        "mapping": fits,
        "mapping_of_all_answers": {
            "a_ms": other.a_ms,
            "b_ms": other.b_ms,
            "gain": other.gain,
            "rmse": other.rmse,
        },
        **metrics(one, people, drawn),
    }


Drawn = list[tuple[np.ndarray, np.ndarray]]
"""How often each participant and each image is drawn, for every resample."""


def resampled(one: Answers, people: People, config: SpeedConfig) -> Drawn:
    """Resamples of participants (within studies) and of images."""
    rng = np.random.default_rng(SEED)
    counts = draw(rng, config.resamples, np.arange(one.right.shape[1]), True, "image")
    return [(people.resampled(rng), c) for c in counts]


def fit(
    target: np.ndarray, one: Answers, people: People, b_ms: float | None, keep: Any = slice(None)
) -> Mapping:
    """The mapping of the conditions ``keep``."""
    return fitted(target[keep], one.accuracy()[keep], tried(one.steps, people.times_ms, b_ms))


def interval_of_fit(
    one: Answers, people: People, drawn: Drawn, b_ms: float | None
) -> dict[str, Any]:
    """a, b, gain, error and the time of the first answer, with intervals."""
    pairs = tried(one.steps, people.times_ms, b_ms)
    best = fitted(people.accuracy(), one.accuracy(), pairs)
    every = [fitted(people.accuracy(w), one.accuracy(c), pairs) for w, c in drawn]
    values = np.array([[m.a_ms, m.b_ms, m.gain, m.rmse] for m in every])
    first = values[:, 0] + one.steps[0] * values[:, 1]
    out: dict[str, Any] = {}
    for k, name in enumerate(("a_ms", "b_ms", "gain", "rmse")):
        out[name] = getattr(best, name)
        out[f"{name}_interval"] = percentile_interval(values[:, k]).tolist()
    out["first_answer_ms"] = best.a_ms + one.steps[0] * best.b_ms
    out["first_answer_ms_interval"] = percentile_interval(first).tolist()
    out["at_a_bound"] = best.a_ms in (A_MS[0], A_MS[-1]) or (
        b_ms is None and best.b_ms in (B_MS[0], B_MS[-1])
    )
    in_range = (values[:, 1] >= MEMO_MS[0]) & (values[:, 1] <= MEMO_MS[-1])
    out["share_of_resamples_in_the_declared_range"] = float(in_range.mean())
    if b_ms is None:
        out["resamples_a_b"] = values[:200, :2]
    return out


def metrics(one: Answers, people: People, drawn: Drawn) -> dict[str, Any]:
    """Correlation over categories and steepness at the free mapping, with intervals."""
    whole = fit(people.accuracy(), one, people, None)
    read = weights_of(one.steps, np.array([[whole.a_ms, whole.b_ms]]), people.times_ms)[0]
    late = read[people.deadline_ms >= 600].mean(0)
    count = len(people.categories)

    def measured(w: np.ndarray | None, c: np.ndarray) -> tuple[float, np.ndarray]:
        mine = one.by_category(c, count) @ late
        curve = CHANCE + whole.gain * (one.accuracy(c) - CHANCE) @ read.T
        r = category_correlation(mine, people.by_category(w))
        return r, steepness(curve, people.deadline_ms)

    r, slope = measured(None, np.ones(one.right.shape[1]))
    each = [measured(w, c) for w, c in drawn]
    slopes = percentile_interval(np.array([s for _, s in each]))
    return {
        "category_correlation": r,
        "category_correlation_interval": percentile_interval(
            np.array([v for v, _ in each])
        ).tolist(),
        "steepness_per_100_ms": slope,
        "steepness_interval": slopes.T,
    }


def of_people(people: People, lenient: People, config: SpeedConfig) -> dict[str, Any]:
    """Curves with intervals over participants, their steepness, how alike halves of them are."""
    rng = np.random.default_rng(SEED)
    weights = [people.resampled(rng) for _ in range(config.resamples)]
    drawn = np.array([people.accuracy(w) for w in weights])
    count = {s: int((people.study == s).sum()) for s in np.unique(people.study)}
    confidence = [widened(0.95, count[study]) for study, _ in CONDITIONS.values()]
    slopes = np.array([steepness(a, people.deadline_ms) for a in drawn])

    def interval(values: np.ndarray, k: int) -> np.ndarray:
        """Over the few participants of the study of a condition."""
        return percentile_interval(values[:, k], confidence[k])

    halves = [people.halves(rng) for _ in range(config.halvings)]
    alike = [category_correlation(people.by_category(a), people.by_category(b)) for a, b in halves]
    first = people.deadline_ms[0]
    middle = people.times_ms[0, people.times_ms.shape[1] // 2]
    return {
        "median_answer_at_the_first_deadline_ms": {"deadline_ms": first, "median_ms": middle},
        "participants": count,
        "intervals": "95 %, over the participants of a study, as wide as Student's for so few",
        "share_of_trials_kept": people.kept,
        "share_of_trials_with_an_answer": lenient.kept,
        "deadline_ms": people.deadline_ms,
        "curves": {
            c: {"accuracy": people.accuracy()[k], "interval": interval(drawn, k)}
            for k, c in enumerate(CONDITIONS)
        },
        "curves_of_all_answers": dict(zip(CONDITIONS, lenient.accuracy(), strict=True)),
        "steepness_per_100_ms": steepness(people.accuracy(), people.deadline_ms),
        "steepness_interval": [interval(slopes, k) for k in range(len(CONDITIONS))],
        "category_correlation_of_halves": float(np.mean(alike)),
        "category_correlation_of_halves_interval": percentile_interval(np.array(alike)).tolist(),
    }


# --------------------------------------------------------------------------------------- held out


def held_out(networks: dict[str, Answers], people: People, config: SpeedConfig) -> dict[str, Any]:
    """Errors in people and conditions that nothing was fitted on, of networks, nulls and people."""
    rng = np.random.default_rng([SEED, 1])
    models = {
        f"{name}, {how}": (name, b)
        for name in networks
        for how, b in (("free", None), *((f"{b:g} ms a step", b) for b in MEMO_MS))
    }
    pairs = {
        (name, b): tried(one.steps, people.times_ms, b)
        for name, one in networks.items()
        for b in (None, *MEMO_MS)
    }
    count = next(iter(networks.values())).right.shape[1]
    images = draw(rng, config.halvings, np.arange(count), True, "image")
    errors: dict[str, list[float]] = {m: [] for m in (*models, *NULLS, CEILING)}
    for counts in images:
        accuracy = {name: one.accuracy(counts) for name, one in networks.items()}
        halves = [people.accuracy(w) for w in people.halves(rng)]
        squares: dict[str, list[float]] = {m: [] for m in errors}
        for train, test in (halves, halves[::-1]):
            for k in range(len(CONDITIONS)):
                others = np.arange(len(CONDITIONS)) != k
                guesses = {
                    "flat": np.full(len(test[k]), train[others].mean()),
                    "other conditions": train[others].mean(0),
                    CEILING: train[k],
                }
                for model, (name, b) in models.items():
                    best = fitted(train[others], accuracy[name][others], pairs[name, b])
                    mine = accuracy[name][k : k + 1]
                    guesses[model] = best.predicted(mine, networks[name].steps, people.times_ms)[0]
                for model, guess in guesses.items():
                    squares[model].append(rmse(guess, test[k]))
        for model, each in squares.items():
            errors[model].append(float(np.mean(each)))
    return described(errors, list(networks))


def described(errors: dict[str, list[float]], networks: list[str]) -> dict[str, Any]:
    """Means and intervals, and differences of the same halvings and images."""
    every = {m: np.array(v) for m, v in errors.items()}

    def told(values: np.ndarray) -> dict[str, Any]:
        return {"value": values.mean(), "interval": percentile_interval(values).tolist()}

    out: dict[str, Any] = {"rmse": {m: told(v) for m, v in every.items()}, "differences": {}}
    for name in networks:
        free = every[f"{name}, free"]
        rivals = [*NULLS, CEILING, *(f"{name}, {b:g} ms a step" for b in MEMO_MS)]
        rivals += [f"{n}, free" for n in networks if n != name and (FULL in n) == (FULL in name)]
        for rival in rivals:
            out["differences"][f"{name}, free less {rival}"] = told(free - every[rival])
    return out


def sentences(found: dict[str, Any], held: dict[str, Any], people: dict[str, Any]) -> list[str]:
    """What may be said, from the numbers."""
    said = []
    pressed = people["median_answer_at_the_first_deadline_ms"]
    for name, one in found.items():
        said.append(mapped(name, one, held))
        for b in MEMO_MS:
            at = one["mapping"][f"{b:g} ms a step"]
            low, high = at["a_ms_interval"]
            said.append(
                f"{name}, {b:g} ms a step: a = {at['a_ms']:.0f} ms [{low:.0f}, {high:.0f}] is left "
                f"for the motor time and all else; at the deadline of {pressed['deadline_ms']:.0f} "
                f"ms, when people answer at chance, keys were pressed after "
                f"{pressed['median_ms']:.0f} ms (median)."
            )
        rivals = [*NULLS, CEILING]
        if one["changes_with_steps"]:  # else every b is the same, and nothing could differ
            rivals += [f"{name}, {b:g} ms a step" for b in MEMO_MS]
        rivals += [f"{n}, free" for n in found if n != name and (FULL in n) == (FULL in name)]
        for rival in rivals:
            gap = held["differences"][f"{name}, free less {rival}"]
            lower, upper = gap["interval"]
            verdict = (
                "smaller than" if upper < 0 else "larger than" if lower > 0 else "not told from"
            )
            said.append(
                f"{name}, free: error in held-out people and conditions {verdict} that of {rival} "
                f"({100 * gap['value']:+.1f} points [{100 * lower:+.1f}, {100 * upper:+.1f}])."
            )
        low, high = one["category_correlation_interval"]
        said.append(
            f"{name}: correlation over categories {one['category_correlation']:.2f} "
            f"[{low:.2f}, {high:.2f}]; halves of the people "
            f"{people['category_correlation_of_halves']:.2f}."
        )
    return said


def mapped(name: str, one: dict[str, Any], held: dict[str, Any]) -> str:
    """The fitted mapping in words, and how the steps of the memo do in held-out people."""
    free = one["mapping"]["free"]
    first = (
        f"first answer at {free['first_answer_ms']:.0f} ms "
        f"[{free['first_answer_ms_interval'][0]:.0f}, {free['first_answer_ms_interval'][1]:.0f}], "
        f"a gain of {free['gain']:.2f}"
    )
    if not one["changes_with_steps"]:
        return f"{name}: {first}; its answers do not change after that, so that b is not known."
    low, high = free["b_ms_interval"]
    left_out = high < MEMO_MS[0] or low > MEMO_MS[-1]
    worse = [
        f"{b:g}"
        for b in MEMO_MS
        if held["differences"][f"{name}, free less {name}, {b:g} ms a step"]["interval"][1] < 0
    ]
    bound = f", at the bound of the grid (a = {free['a_ms']:.0f} ms)" if free["at_a_bound"] else ""
    return (
        f"{name}: b = {free['b_ms']:.0f} ms a step [{low:.0f}, {high:.0f}]{bound}; the interval "
        f"{'leaves out' if left_out else 'holds a part of'} the declared 20 to 50 ms; in held-out "
        f"people and conditions {'none' if not worse else ' and '.join(worse)} of 20, 25 and 50 ms "
        f"a step is worse than the free fit; {first}."
    )


# ---------------------------------------------------------------------------------------- figures


def draw_all(
    report: Report,
    people: People,
    theirs: dict[str, Any],
    *,
    networks: dict[str, Answers],
    found: dict[str, Any],
    held: dict[str, Any],
) -> None:
    """Curves with the mapped network, the mapping's errors, what is held out, steepness."""
    from matplotlib.figure import Figure
    from shared.deadline_figures import curves_panel, held_panel, landscape_panel, steepness_panel

    name, one = next(iter(networks.items()))
    figure = Figure(figsize=(14, 8.4), layout="constrained")
    rows = figure.subfigures(2)
    panels = np.array([rows[0].subplots(1, 3, sharey=True), rows[1].subplots(1, 3)])
    whole = fit(people.accuracy(), one, people, None)
    predicted = whole.predicted(one.accuracy(), one.steps, people.times_ms)
    for axes, study in zip(panels[0], ("noise", "blur", "colour and grey")):
        own = [k for k, c in enumerate(CONDITIONS) if c.startswith(study)]
        curves_panel(axes, theirs, list(CONDITIONS), own, predicted=predicted)
        axes.set_title(study, fontsize="medium", fontweight="bold")
    panels[0, 0].set_ylabel(f"accuracy (lines: {name}, mapped)")
    landscape_panel(
        panels[1, 0],
        {n: o["mapping"]["free"] for n, o in found.items() if o["changes_with_steps"]},
        declared=(MEMO_MS[0], MEMO_MS[-1]),
    )
    held_panel(
        panels[1, 1], {m: v for m, v in held["rmse"].items() if FULL not in m or "free" in m}
    )
    steepness_panel(panels[1, 2], theirs, {n: o for n, o in found.items() if FULL not in n})
    report.figure(figure)


if __name__ == "__main__":
    run(main)
