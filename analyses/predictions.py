"""The three predictions of the memo's discussion, each as a hypothesis with its null, an effect size, an interval and a corrected p.

What comes out (1,000 images, Holm over 30 tests): 1 holds in cortex4 and cortex4-masked: long after a flash every state is on its way (distance from the first
response, as a share of that between different images: V1 1.58 and 2.02, V2 1.72 and 1.58, V4 1.58 and 1.21, IT 1.41 and 1.00). 2 holds early and not late:
cortex4 rises from 43.5 % at step 4 to 86.5 % at step 8 (+43.0 points [40.0, 46.1]) and falls to 82.8 % at step 12 (-3.7 [-5.4, -1.8]); cortex4-masked, trained at
both, rises from 73.6 % to 85.2 % (+11.6 [9.2, 14.0]) and stays (-0.8 [-1.9, 0.3]). 3 holds in some areas: cortex4 loses 8.1 points of decoding
in V2 [4.8, 11.3], 11.1 in V4 [7.6, 14.4] and 9.9 in IT [7.1, 12.5], not in V1 (4.0 [1.3, 6.8], p = 0.10); cortex4-masked, which was trained with masks, 4.5 in V1
[1.6, 7.1] and no more elsewhere (V2 4.2 [0.8, 7.3], p = 0.18; V4 2.4 [-0.3, 5.1], p = 1; IT 1.9 [0.1, 3.6], p = 0.55). The feed-forward twin shows
none of the three: its states are empty one step after a flash, and with the image on its accuracy is 88.5 % at every step.

How: CIFAR-10 test images flashed for one step (nominal 25 ms). Every number is of the same images; intervals are 95 % percentiles over resamples of images;
p-values are corrected over the whole table (Holm). Steps are fixed beforehand: 4 (the first answer), 8 (the readout cortex4 was trained for), 12 (the end).

1. Temporal dynamics for flashed inputs. Effect: cosine distance of a state at step 8 from itself when it was first
   reached, as a share of the distance between different images. Null: at most 5 % of that (deterministic nets differ by rounding errors at least); one-sided t-test
   over images. A state that is empty at step 8 has no dynamics to speak of: no effect, p = 1.
2. Accuracy rises with time without a mask. Effects: accuracy at step 8 less that at step 4, and at 12 less that at 8. Null: no difference; exact
   two-sided McNemar test. A net without an answer to a flash at the later step is shown the image until the end instead, and it is said so.
3. A mask disrupts the recurrent computation in each area. Effect: accuracy of a linear decoder (trained on unmasked states of other images) at step 12, unmasked less
   masked (SOA 25 ms, phase-scrambled), in each area. Null: no difference; exact McNemar test. Beside it the cosine and RDM distance. A state that is empty at
   step 12 without a mask computes nothing then that could be disrupted: no effect, p = 1. What a mask does before it can have arrived is 0 exactly.

The readout at steps that training never saw has statistics estimated on training images; that of step 4 was never trained
in cortex4 and the twin, which never saw a mask, either.

Inputs: CIFAR-10 (downloaded by torchvision, or --data FILE.npz --train-count N), the bundled networks.
Outputs: predictions.png, .pdf and predictions.json.
Run time: 1 min on one core of an AMD EPYC (smoke: 10 s), no GPU.

    python analyses/predictions.py --out figures
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
from masking import (
    MASKS,
    SEED,
    STEP_MS,
    STEPS,
    Budget,
    MaskingConfig,
    experiment,
    networks,
    test_images,
)
from scipy import stats
from shared.common import Report

from cortexsim.analysis.statistics.pvalues import holm
from cortexsim.cli import parse, run
from cortexsim.experiments.mask.disruption import cosine_distance

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes

    from cortexsim.stimuli.images import Stimuli

FIRST, TRAINED, END = 4, 8, STEPS
NEGLIGIBLE = 0.05  # of the distance between different images
ALPHA = 0.05
BUDGETS = {"smoke": Budget(60, 0, 0, (1,), 40), "cpu": Budget(1000, 0, 0, (1,), 1000)}
PREDICTIONS = {
    1: "areas have temporal dynamics even for flashed inputs",
    2: "performance rises with time without a mask",
    3: "a mask disrupts the recurrent computation in each area",
}
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
        whole = experiment(name, stimuli, budget, MASKS[:1], decoded=len(stimuli))
        table += (
            dynamics(name, stimuli, budget.n)
            + rising(name, whole, stimuli, budget.n)
            + disrupted(name, whole, budget.n)
        )
    for row, p in zip(table, holm(np.array([row["p"] for row in table])), strict=True):
        row["p_holm"], row["supported"] = (
            p,
            bool(p < ALPHA and row["effect"] is not None and row["effect"] > 0),
        )
    draw(report, table)
    shown = {
        "name": images.name,
        "test_images": f"the first {budget.images}",
        "sha256": images.sha256(),
        "notes": "; ".join(images.notes),
    }
    settings = {
        "n": budget.images, "resamples": budget.n, "seed": SEED, "flash_ms_nominal": STEP_MS, "steps": {"first": FIRST, "trained": TRAINED, "end": END},
        "mask": MASKS[0], "negligible": NEGLIGIBLE, "correction": f"Holm over {len(table)} tests", "alpha": ALPHA,
    }  # fmt: skip
    report.numbers([shown], {"settings": settings, "predictions": PREDICTIONS, "table": table})
    return 0


def dynamics(name: str, stimuli: Stimuli, n: int) -> list[dict[str, Any]]:
    """Prediction 1 for every state."""
    import torch

    from cortexsim import load

    net = load(name)
    distance: dict[str, list[np.ndarray]] = {s.name: [] for s in net.spec.graph.states}
    apart: dict[str, list[np.ndarray]] = {s: [] for s in distance}
    with torch.inference_mode():
        for start in range(0, len(stimuli), 100):
            first: dict[str, torch.Tensor] = {}
            for step, states in net.unroll([shown(net, stimuli, start)], TRAINED):
                for s, x in states.items():
                    at_once = first.setdefault(s, x.flatten(1))
                    if step == TRAINED:
                        distance[s].append(cosine_distance(at_once, x.flatten(1)).numpy())
                        apart[s].append(
                            cosine_distance(x.flatten(1), x.flatten(1).roll(1, 0)).numpy()
                        )
    rows = []
    for s in distance:
        null = f"{s} at step {TRAINED} is at most {NEGLIGIBLE:.0%} as far from its first response as from other images"
        if not distance[s]:
            rows.append(
                entry(
                    1,
                    name,
                    s,
                    null,
                    None,
                    None,
                    1.0,
                    why=f"{s} is empty at step {TRAINED}, long after the flash",
                )
            )
            continue
        far = np.concatenate(distance[s]) / np.concatenate(apart[s]).mean()
        p = stats.ttest_1samp(far, NEGLIGIBLE, alternative="greater").pvalue
        rows.append(
            entry(
                1,
                name,
                s,
                null,
                far.mean(),
                resampled(far, n),
                p,
                unit="of the distance between images",
            )
        )
    return rows


def shown(net: Any, stimuli: Stimuli, start: int) -> Any:
    """A batch of images as the network takes them."""
    from shared.runs import shown_to
    from torch import from_numpy

    return shown_to(
        net,
        from_numpy(np.ascontiguousarray(stimuli.source[start : start + 100])).permute(0, 3, 1, 2),
    )


def rising(name: str, whole: xarray.Dataset, stimuli: Stimuli, n: int) -> list[dict[str, Any]]:
    """Prediction 2: two contrasts."""
    guess = whole.guess.isel(lesion=0, soa_ms=0).sel(mask="none")
    answers = {t: guess.sel(readout=t).values for t in (FIRST, TRAINED, END)}
    how = "flashed for one step"
    if (answers[TRAINED] < 0).any():
        answers, how = (
            held(name, stimuli),
            "on until the end, since a flash leaves no answer at later steps",
        )
    right = {t: a == whole.label.values for t, a in answers.items()}
    rows = []
    for early, late in ((FIRST, TRAINED), (TRAINED, END)):
        null = f"accuracy at step {late} is that at step {early}; image {how}"
        rows.append(
            contrast(2, name, f"step {early} to {late}", null, right[late], right[early], n)
        )
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
    at = whole.isel(lesion=0, soa_ms=0).sel(step=END)
    labels = whole.label.values[: whole.sizes["decoded"]]
    rows = []
    for s in map(str, whole.state.values):
        one = at.sel(state=s)
        null = f"the decoder reads {s} at step {END} as well after a mask as without"
        plain, masked = (one.decoding_guess.sel(mask=m).values for m in ("none", MASKS[0]))
        if (plain < 0).any() or (masked < 0).any():
            rows.append(
                entry(
                    3,
                    name,
                    s,
                    null,
                    None,
                    None,
                    1.0,
                    why=f"{s} is empty at step {END} without a mask: there is no computation to disrupt",
                )
            )
            continue
        row = contrast(3, name, s, null, plain == labels, masked == labels, n)
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
    which: int, name: str, what: str, null: str, more: np.ndarray, less: np.ndarray, n: int
) -> dict[str, Any]:
    """Difference of two shares of the same images; exact McNemar test."""
    gained, lost = int((more & ~less).sum()), int((less & ~more).sum())
    p = stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    difference = more.astype(float) - less
    return entry(which, name, what, null, difference.mean(), resampled(difference, n), p, unit="difference of accuracies") | {
        "accuracies": [more.mean(), less.mean()], "images_gained_and_lost": [gained, lost], "n": len(more)
    }  # fmt: skip


def entry(
    which: int, name: str, what: str, null: str, effect: Any, interval: Any, p: float, **more: Any
) -> dict[str, Any]:
    """A row of the table."""
    return {"prediction": which, "hypothesis": PREDICTIONS[which], "network": name, "what": what, "null": null, "effect": effect, "interval": interval, "p": float(p)} | more  # fmt: skip


def resampled(values: np.ndarray, n: int) -> list[float]:
    """95 % percentile interval of the mean over images."""
    counts = np.random.default_rng(SEED).multinomial(
        len(values), np.full(len(values), 1 / len(values)), size=n
    )
    return np.percentile(counts @ values / len(values), [2.5, 97.5]).tolist()


def draw(report: Report, table: list[dict[str, Any]]) -> None:
    """A panel for each prediction: effects with intervals, filled where the corrected p is below 0.05."""
    from matplotlib.figure import Figure

    most = max(sum(r["prediction"] == k for r in table) for k in PREDICTIONS)
    figure = Figure(figsize=(14, 2.2 + 0.3 * most), layout="constrained")
    for axes, (k, text) in zip(figure.subplots(1, 3), PREDICTIONS.items()):
        rows = [r for r in table if r["prediction"] == k]
        _panel(axes, rows)
        axes.set_title(f"{k}. " + "\n".join(wrap(text, 42)), loc="left", fontsize="small")
    figure.suptitle(
        f"filled: p < {ALPHA:g} after Holm's correction over {len(table)} tests, in the predicted direction; ×: nothing to measure",
        fontsize="small",
    )
    report.figure(figure)


def _panel(axes: Axes, rows: list[dict[str, Any]]) -> None:
    for y, r in enumerate(rows):
        if r["effect"] is None:
            axes.plot(0, y, marker="x", color="0.4", ms=7)
            continue
        low, high = r["interval"]
        axes.plot([low, high], [y, y], color="black", lw=1.2)
        axes.plot(
            r["effect"],
            y,
            marker="o",
            ms=6,
            color="black",
            mfc="#0072b2" if r["supported"] else "white",
        )
    axes.axvline(0, color="black", lw=0.8)
    if rows[0]["prediction"] == 1:
        axes.axvline(NEGLIGIBLE, color="0.5", ls=":", lw=1)
    axes.set_yticks(
        range(len(rows)), [f"{r['network']}: {r['what']}" for r in rows], fontsize="x-small"
    )
    axes.invert_yaxis()
    unit = next((r["unit"] for r in rows if "unit" in r), "effect")
    axes.set_xlabel({1: f"distance moved since the first response\n({unit}; dotted: the null)", 2: "accuracy, later − earlier",
                     3: f"decoding accuracy at step {END},\nunmasked − masked"}[rows[0]["prediction"]])  # fmt: skip
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    run(main)
