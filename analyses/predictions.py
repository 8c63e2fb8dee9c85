"""The three predictions of the memo's discussion as hypotheses.

Each has its null, an effect size, an interval and a corrected p.

How: CIFAR-10 test images flashed for one step (nominal 25 ms). Every number is of the same images;
intervals are 95 % percentiles over resamples of images; p-values are corrected (Holm) over the rows
that could have failed. Which these are is decided from the architecture alone, before anything is
run: without a loop through a state, or before it, a flash passes it by and an image that stays on
changes nothing once it has arrived, so that a feed-forward network has no row that a test could
decide ("not testable"; what it does is shown). A p below 1e-300 is given as 1e-300. Steps are fixed
beforehand: 4 (the first answer), 8 (the readout cortex4 was trained for), 12 (the end).

1. Temporal dynamics for flashed inputs. Effect: cosine distance of a state at step 8 from itself
when it was first reached, as a share of the distance between different images at step 8. At each
step the mean over images is subtracted first: what all images share (a state that fades, or that
drifts alike for all) says nothing of an image. Null: at most 5 % of that (deterministic nets differ
by rounding errors at least); one-sided t-test over images. Interval and test include the error of
the denominator. A state that is empty at step 8 although a loop leads through or to it has not
moved: no effect, p = 1.

2. Accuracy rises with time without a mask. Effects: accuracy at step 8 less that at step 4, and at
12 less that at 8. Null: no difference; exact two-sided McNemar test. A net without an answer to a
flash at the later step is shown the image until the end instead, and it is said so.

3. A mask disrupts the recurrent computation in each area. Effect: accuracy of a linear decoder
(trained on unmasked states of other images) at step 12, unmasked less masked (SOA 25 ms,
phase-scrambled), in each area. Null: no difference; exact McNemar test. Beside it the cosine and
RDM distance. A state that is empty at step 12 without a mask computes nothing then that could be
disrupted: no effect, p = 1 (or not testable). What a mask does before it can have arrived is 0
exactly.

Normalisation statistics by step are estimated anew on training images for predictions 2 and 3, each
under the presentation itself (flash, or flash and mask); prediction 1 is of a flash with those of
the weights file, which are of a flash. The readout of step 4 was never trained in cortex4 and the
twin, which never saw a mask, either.

Inputs: CIFAR-10 (downloaded by torchvision, or --data FILE.npz --train-count N), the bundled
networks.
Outputs: predictions.png, .pdf and predictions.json.
Run time: see "seconds" in predictions.json (smoke: 10 s on one core of an AMD EPYC), no GPU.

    python analyses/predictions.py --out figures
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats
from shared.common import WIDTH, Report
from shared.masking_runs import (
    MASKS,
    SEED,
    STEP_MS,
    STEPS,
    Budget,
    MaskingConfig,
    experiment,
    networks,
    test_images,
    training_images,
)

from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.analysis.statistics.pvalues import holm
from cortexsim.cli import parse, run

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cortexsim.models.graph import Graph
    from cortexsim.stimuli.images import Stimuli

FIRST, TRAINED, END = 4, 8, STEPS
NEGLIGIBLE = 0.05  # of the distance between different images
ALPHA = 0.05
LEAST_P = 1e-300  # smaller ones are no number of a computer, and no p is 0
BUDGETS = {"smoke": Budget(60, 0, 0, (1,), 40, 40), "cpu": Budget(1000, 0, 0, (1,), 1000)}
PREDICTIONS = {
    1: "areas have temporal dynamics even for flashed inputs",
    2: "performance rises with time without a mask",
    3: "a mask disrupts the recurrent computation in each area",
}
# How marks look, in grey too.
SUPPORTED = "#0072b2"
MISSING: dict[str, Any] = {"marker": "x", "color": "0.4", "ms": 7}
NULL: dict[str, Any] = {"color": "0.3", "ls": ":", "lw": 1.4}
CLAIM = "Memo, discussion: " + "; ".join(PREDICTIONS.values()) + "."


def main(arguments: Sequence[str] | None = None) -> int:
    """Test, correct, draw."""
    config = parse(MaskingConfig, arguments, "python analyses/predictions.py", __doc__ or "")
    from cortexsim.stimuli.datasets import load_images

    budget, images = (
        BUDGETS[config.budget],
        load_images(config.data, train_count=config.train_count),
    )
    report, stimuli = Report("predictions", config, CLAIM), test_images(images, budget.images)
    table: list[dict[str, Any]] = []
    for name in networks(config.networks):
        whole = experiment(
            name,
            stimuli,
            budget,
            masks=MASKS[:1],
            calibration=training_images(images, budget),
            decoded=len(stimuli),
        )
        table += (
            dynamics(name, stimuli, budget.n)
            + rising(name, whole, stimuli, n=budget.n)
            + disrupted(name, whole, budget.n)
        )
    family = correct(table)
    draw(report, table)
    shown = {
        "name": images.name,
        "test_images": f"the first {budget.images}",
        "sha256": images.sha256(),
        "notes": "; ".join(images.notes),
    }
    settings = {
        "n": budget.images,
        "resamples": budget.n,
        "seed": SEED,
        "flash_ms_nominal": STEP_MS,
        "steps": {"first": FIRST, "trained": TRAINED, "end": END},
        "mask": MASKS[0],
        "statistics_estimated_on": f"crops of the first {budget.calibration} training images",
        "negligible": NEGLIGIBLE,
        "correction": f"Holm over the {family} of {len(table)} rows that could have failed",
        "alpha": ALPHA,
    }
    report.numbers([shown], {"settings": settings, "predictions": PREDICTIONS, "table": table})
    return 0


def correct(table: list[dict[str, Any]]) -> int:
    """Holm's p-values over the rows that could have failed; returns how many these are."""
    possible = [row for row in table if row["testable"]]
    for row in table:
        row["p_holm"], row["supported"] = None, False
    for row, p in zip(possible, holm(np.array([row["p"] for row in possible])), strict=True):
        row["p_holm"] = p
        row["supported"] = bool(p < ALPHA and row["effect"] is not None and row["effect"] > 0)
    return len(possible)


def looped(graph: Graph) -> frozenset[str]:
    """The states through which a loop of transitions leads, or to which one leads."""
    after: dict[str, set[str]] = {s.name: set() for s in graph.states}
    for t in graph.transitions:
        after[t.source].add(t.target)

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        ahead = [start]
        while ahead:
            for state in after[ahead.pop()] - seen:
                seen.add(state)
                ahead.append(state)
        return seen

    return frozenset().union(*(reached(s) for s in after if s in reached(s)))


def dynamics(name: str, stimuli: Stimuli, n: int) -> list[dict[str, Any]]:
    """Prediction 1 for every state."""
    import torch

    from cortexsim import load

    net = load(name)
    first: dict[str, list[np.ndarray]] = {s.name: [] for s in net.spec.graph.states}
    late: dict[str, list[np.ndarray]] = {s: [] for s in first}
    with torch.inference_mode():
        for start in range(0, len(stimuli), 100):
            fresh = set(first)
            for step, states in net.unroll([shown(net, stimuli, start)], TRAINED):
                for s, x in states.items():
                    if s in fresh:
                        first[s].append(x.flatten(1).numpy())
                        fresh.remove(s)
                    if step == TRAINED:
                        late[s].append(x.flatten(1).numpy())
    possible = looped(net.spec.graph)
    rows = []
    for s in first:
        null = (
            f"{s} at step {TRAINED} is at most {NEGLIGIBLE:.0%} as far from its first response "
            f"as from other images, the mean over images apart"
        )
        if not late[s]:
            why = f"{s} is empty at step {TRAINED}, long after the flash"
            row = entry(1, name, s, null=null, effect=None, interval=None, p=1.0, why=why)
        else:
            moved = movement(np.concatenate(first[s]), np.concatenate(late[s]), n)
            row = entry(1, name, s, null=null, unit="of the distance between images", **moved)
        rows.append(judged(row, s in possible))
    return rows


def movement(first: np.ndarray, late: np.ndarray, n: int) -> dict[str, Any]:
    """How far states of images ``(image, unit)`` moved, as a share of their distance.

    Cosine distances of patterns less the mean over images. Resamples of images draw those of the
    numerator and of the denominator alike (an image is never compared with its copy). The test is
    that of mean(distance) - NEGLIGIBLE mean(apart) = 0, an average over images and one over pairs
    of images, which counts each image twice (the projection of Hoeffding 1948).
    """
    a, b = (x.astype(np.float64) - x.mean(0, dtype=np.float64) for x in (first, late))
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    moved, between = 1 - (a * b).sum(1), 1 - b @ b.T
    np.fill_diagonal(between, 0)
    count = len(moved)
    apart = between.sum(1) / (count - 1)
    each = moved - NEGLIGIBLE * (2 * apart - apart.mean())
    weights = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), size=n)
    pairs = (weights @ between * weights).sum(1) / (count**2 - (weights**2).sum(1))
    return {
        "effect": moved.mean() / apart.mean(),
        "interval": percentile_interval(weights @ moved / count / pairs).tolist(),
        "p": stats.ttest_1samp(each, 0, alternative="greater").pvalue,
    }


def shown(net: Any, stimuli: Stimuli, start: int) -> Any:
    """A batch of images as the network takes them."""
    from shared.pictures import shown_to
    from torch import from_numpy

    return shown_to(
        net,
        from_numpy(np.ascontiguousarray(stimuli.source[start : start + 100])).permute(0, 3, 1, 2),
    )


def judged(row: dict[str, Any], testable: bool) -> dict[str, Any]:
    """The row, without a p where nothing could have failed."""
    if testable:
        return row | {"testable": True}
    why = "not testable: no loop of transitions leads through or to it, as its graph says"
    return row | {"testable": False, "p": None, "why": why}


def rising(name: str, whole: xarray.Dataset, stimuli: Stimuli, *, n: int) -> list[dict[str, Any]]:
    """Prediction 2: two contrasts."""
    from cortexsim import load

    guess = whole.guess.isel(lesion=0, soa_ms=0).sel(mask="none")
    answers = {t: guess.sel(readout=t).values for t in (FIRST, TRAINED, END)}
    how = "flashed for one step"
    if (answers[TRAINED] < 0).any():
        answers, how = (
            held(name, stimuli),
            "on until the end, since a flash leaves no answer at later steps",
        )
    last = load(name).spec.graph.states[-1].name  # which is read out
    right = {t: a == whole.label.values for t, a in answers.items()}
    rows = []
    for early, late in ((FIRST, TRAINED), (TRAINED, END)):
        null = f"accuracy at step {late} is that at step {early}; image {how}"
        row = contrast(
            2,
            name,
            f"step {early} to {late}",
            null=null,
            more=right[late],
            less=right[early],
            n=n,
        )
        rows.append(judged(row, last in looped(load(name).spec.graph)))
    return rows


def held(name: str, stimuli: Stimuli) -> dict[int, np.ndarray]:
    """Answers to images that stay on."""
    import torch

    from cortexsim import load

    net, out = load(name), {t: [] for t in (FIRST, TRAINED, END)}
    with torch.inference_mode():
        for start in range(0, len(stimuli), 100):
            batch = shown(net, stimuli, start)
            for t, v in net.readouts([batch] * END, tuple(out)).items():
                out[t].append(v.argmax(1).numpy())
    return {t: np.concatenate(v) for t, v in out.items()}


def disrupted(name: str, whole: xarray.Dataset, n: int) -> list[dict[str, Any]]:
    """Prediction 3 for every state."""
    from cortexsim import load

    possible = looped(load(name).spec.graph)
    at = whole.isel(lesion=0, soa_ms=0).sel(step=END)
    labels = whole.label.values[: whole.sizes["decoded"]]
    rows = []
    for s in map(str, whole.state.values):
        one = at.sel(state=s)
        null = f"the decoder reads {s} at step {END} as well after a mask as without"
        plain, masked = (one.decoding_guess.sel(mask=m).values for m in ("none", MASKS[0]))
        if (plain < 0).any() or (masked < 0).any():
            why = f"{s} is empty at step {END} without a mask: there is nothing to disrupt"
            row = entry(3, name, s, null=null, effect=None, interval=None, p=1.0, why=why)
            rows.append(judged(row, s in possible))
            continue
        row = judged(
            contrast(3, name, s, null=null, more=plain == labels, less=masked == labels, n=n),
            s in possible,
        )
        beside = {
            k: {
                "value": one[k].sel(mask=MASKS[0]).values,
                "interval": one[f"{k}_interval"].sel(mask=MASKS[0]).values,
            }
            for k in ("distance", "rdm_distance")
        }
        rows.append(row | beside | {"distance_of_different_images": one.distance_images.values})
    return rows


def contrast(
    which: int, name: str, what: str, *, null: str, more: np.ndarray, less: np.ndarray, n: int
) -> dict[str, Any]:
    """Difference of two shares of the same images; exact McNemar test."""
    gained, lost = int((more & ~less).sum()), int((less & ~more).sum())
    p = stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    difference = more.astype(float) - less
    return entry(
        which,
        name,
        what,
        null=null,
        effect=difference.mean(),
        interval=resampled(difference, n),
        p=p,
        unit="difference of accuracies",
    ) | {
        "accuracies": [more.mean(), less.mean()],
        "images_gained_and_lost": [gained, lost],
        "n": len(more),
    }


def entry(
    which: int,
    name: str,
    what: str,
    *,
    null: str,
    effect: Any,
    interval: Any,
    p: float,
    **more: Any,
) -> dict[str, Any]:
    """A row of the table."""
    return {
        "prediction": which,
        "hypothesis": PREDICTIONS[which],
        "network": name,
        "what": what,
        "null": null,
        "effect": effect,
        "interval": interval,
        "p": max(float(p), LEAST_P),
    } | more


def resampled(values: np.ndarray, n: int) -> list[float]:
    """95 % percentile interval of the mean over images."""
    counts = np.random.default_rng(SEED).multinomial(
        len(values), np.full(len(values), 1 / len(values)), size=n
    )
    return percentile_interval(counts @ values / len(values)).tolist()


def draw(report: Report, table: list[dict[str, Any]]) -> None:
    """A panel for each prediction, below each other.

    Effects with intervals, filled where the corrected p is below 0.05.
    """
    from matplotlib.figure import Figure

    panels = [[r for r in table if r["prediction"] == k] for k in PREDICTIONS]
    heights = [1 + len(rows) for rows in panels]
    figure = Figure(figsize=(WIDTH, 3.4 + 0.22 * sum(heights)), layout="constrained")
    for axes, rows, (k, text) in zip(
        figure.subplots(3, 1, height_ratios=heights), panels, PREDICTIONS.items()
    ):
        _panel(axes, rows)
        axes.set_title(f"{k}. {text}", loc="left", fontsize="medium", fontweight="bold")
    _legend(figure, sum(r["testable"] for r in table))
    report.figure(figure)


def _legend(figure: Figure, tests: int) -> None:
    """What the marks of all panels say."""
    from matplotlib.lines import Line2D

    mark: dict[str, Any] = {"ls": "", "marker": "o", "ms": 6, "color": "black"}
    entries = {
        f"as predicted, p < {ALPHA:g} (Holm, {tests} tests)": Line2D([], [], mfc=SUPPORTED, **mark),
        f"p ≥ {ALPHA:g}, or not as predicted": Line2D([], [], mfc="white", **mark),
        "nothing that could have failed, or to measure": Line2D([], [], **mark | MISSING),
        "95 % interval over images": Line2D([], [], color="black", lw=1.2),
        f"null of prediction 1: at most {NEGLIGIBLE:g}": Line2D([], [], **NULL),
    }
    figure.legend(
        entries.values(), entries.keys(), loc="outside lower center", ncols=2, frameon=False
    )


def _panel(axes: Axes, rows: list[dict[str, Any]]) -> None:
    for y, r in enumerate(rows):
        if r["effect"] is None or not r["testable"]:
            axes.plot(0, y, **MISSING)
            continue
        low, high = r["interval"]
        axes.plot([low, high], [y, y], color="black", lw=1.2)
        axes.plot(
            r["effect"],
            y,
            marker="o",
            ms=6,
            color="black",
            mfc=SUPPORTED if r["supported"] else "white",
        )
    axes.axvline(0, color="black", lw=0.8)
    if rows[0]["prediction"] == 1:
        axes.axvline(NEGLIGIBLE, **NULL)
    axes.set_yticks(range(len(rows)), [f"{r['network']}: {r['what']}" for r in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(
        {
            1: "distance moved since the first response (share of the distance between images)",
            2: "accuracy, later − earlier (share correct)",
            3: f"decoding accuracy at step {END}, unmasked − masked (share correct)",
        }[rows[0]["prediction"]]
    )
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    run(main)
