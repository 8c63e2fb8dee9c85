"""x, F(x) and x + F(x) apart: what the lateral transitions of cortex4 add to a state.

And what is lost without them.

How: after the blog post that reads a residual block as local recurrence, x is the activity that a
state holds and passes on through its identity shortcut, F(x) what its lateral transition computes
from it (so that x of a later step holds the F(x) of earlier ones), x + F(x) the output of the
block; what arrives from the state below (feed-forward) and above (feedback) is kept apart as well.
All are read from one run (``Network.unroll(drive=True)``) at the step at which they arrive. Norm:
Euclidean over all units, mean over images. Cosine: of x and F(x) of the same image. Decodability:
balanced accuracy of a linear ridge classifier of 10 classes, 5 folds, on a random projection to 256
dimensions (chance 0.1). The null of the recurrent part is its lesion: F silenced, x still
delivered, in all states or in one, beside lesions that take the shortcut too, and of feedback.
Weights are those of the intact net. So are the normalisation statistics of the rows above; the
answers of the lesioned nets are given with these and with statistics by step that are estimated
anew under each lesion on training images: what is lost with the former only is the fit of the
statistics, not what the transition computes. Intervals of accuracy: 95 % over images.

Inputs: CIFAR-10 test images (downloaded by torchvision, or --data FILE.npz --train-count N), the
bundled cortex4.
Outputs: local_recurrence.png, .pdf and .json.
Run time: see "seconds" in local_recurrence.json, no GPU.

    python analyses/local_recurrence.py --out figures
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from shared.common import Report
from shared.pictures import ShownConfig, shown_to, training_shown_to

from cortexsim.analysis import Inference
from cortexsim.cli import option, parse, run

STEPS = 12
SEED = 0
REDUCE = "projection:256"
RESAMPLES = 200
PARTS = ("x", "F(x)", "x + F(x)", "feed-forward", "feedback", "state")
STYLES = {
    "x": ("#0072b2", "-", "o"),
    "F(x)": ("#d55e00", "--", "^"),
    "x + F(x)": ("#009e73", "-.", "s"),
    "feed-forward": ("#e69f00", ":", "D"),
    "feedback": ("#cc79a7", ":", "v"),
    "state": ("black", "-", ""),
}
CLAIM = (
    "Blog post on local recurrence: x is the input-driven activity, F(x) the recurrent one, x "
    "+ F(x) the output. Descriptive: size, "
    "direction and linear decodability of each in cortex4 by state and step, and the lesion of "
    "F as the null of the recurrent part."
)


@dataclass(frozen=True)
class RecurrenceConfig(ShownConfig):
    """The command line of this analysis."""

    images: int = option(500, "test images whose parts are decoded")
    lesion_images: int = option(2000, "test images for the answers of the lesioned nets")
    calibration: int = option(500, "training images for statistics under each lesion")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, measure, draw."""
    config = parse(
        RecurrenceConfig, arguments, "python analyses/local_recurrence.py", __doc__ or ""
    )
    from cortexsim import load
    from cortexsim.stimuli.datasets import load_images

    report = Report("local_recurrence", config, CLAIM)
    images, net = load_images(config.data, train_count=config.train_count), load("cortex4")
    labels = images.test_y[: config.images].numpy()
    x = shown_to(net, images.test_x[: config.images])
    parts = delivered(net, x)
    intact = {state: measures(here, labels) for state, here in parts.items()}
    silent = delivered(net.lesioned("lateral", keep_shortcut=True), x)
    without = {state: decoded(here["state"], labels) for state, here in silent.items()}
    more = slice(0, config.lesion_images)
    tested = shown_to(net, images.test_x[more]), images.test_y[more].numpy()
    nets = lesioned(net)
    own = on_their_own(nets, training_shown_to(net, images.train_x[: config.calibration]))
    answers = {name: readout_accuracy(one, *tested) for name, one in nets.items()}
    answers_own = {name: readout_accuracy(one, *tested) for name, one in own.items()}
    draw(report, intact, without, answers=(answers, answers_own), readout=net.readout)
    settings = {
        "net": "cortex4",
        "readout_step": net.readout,
        "images_decoded": config.images,
        "images_of_lesions": config.lesion_images,
        "statistics_estimated_on": f"crops of the first {config.calibration} training images",
        "estimator": "ridge",
        "folds": 5,
        "reduce": REDUCE,
        "resamples": RESAMPLES,
        "seed": SEED,
        "steps": list(range(1, STEPS + 1)),
        "chance": 0.1,
    }
    source = {
        "name": images.name,
        "test_images": f"the first {config.images} and {config.lesion_images}",
        "sha256": images.sha256(),
        "notes": "; ".join(images.notes),
    }
    report.numbers(
        [source],
        {
            "settings": settings,
            "intact": intact,
            "states_with_lateral_F_silenced": without,
            "accuracy_of_the_readout": answers,
            "accuracy_with_statistics_of_the_lesion": answers_own,
            "interval_at_the_trained_readout": {
                what: {
                    name: share_interval(one[str(net.readout)], len(tested[1]))
                    for name, one in found.items()
                    if str(net.readout) in one
                }
                for what, found in (("intact's statistics", answers), ("own", answers_own))
            },
        },
    )
    return 0


def delivered(net: Any, x: Any) -> dict[str, dict[str, dict[int, np.ndarray]]]:
    """Of each state, part and step of arrival: ``(stimulus, unit)`` float32."""
    import torch

    graph = net.spec.graph
    order = [s.name for s in graph.states]
    found: dict[str, dict[str, dict[int, np.ndarray]]] = {
        name: {p: {} for p in PARTS} for name in order
    }
    with torch.no_grad():
        for step, states, drive in net.unroll(x, STEPS, drive=True):
            for name, total in states.items():
                terms = {k: v.flatten(1).numpy() for k, v in drive[name].items()}
                own, shortcut = terms.get(f"{name}->{name}"), terms.get(f"{name}->{name} shortcut")
                k = order.index(name)
                here = {
                    "x": shortcut,
                    "F(x)": own,
                    "x + F(x)": None if own is None or shortcut is None else shortcut + own,
                    "feed-forward": terms.get("input" if k == 0 else f"{order[k - 1]}->{name}"),
                    "feedback": terms.get(f"{order[k + 1]}->{name}")
                    if k + 1 < len(order)
                    else None,
                    "state": total.flatten(1).numpy(),
                }
                for part, value in here.items():
                    if value is not None:
                        found[name][part][step] = value
    return found


def measures(here: dict[str, dict[int, np.ndarray]], labels: np.ndarray) -> dict[str, Any]:
    """Norm and decodability of every part, and the cosine of x with F(x), by step.

    None where there is none.
    """
    steps = range(1, STEPS + 1)
    norms = {
        p: [float(np.linalg.norm(v[t], axis=1).mean()) if t in v else None for t in steps]
        for p, v in here.items()
    }
    cosine = [
        _cosine(here["x"][t], here["F(x)"][t]) if t in here["x"] and t in here["F(x)"] else None
        for t in steps
    ]
    return {
        "norm": norms,
        "cosine_of_x_and_F(x)": [c and c[0] for c in cosine],
        "cosine_sd_over_images": [c and c[1] for c in cosine],
        "decodability": {p: decoded(v, labels) for p, v in here.items()},
    }


def _cosine(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    value = (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    return float(value.mean()), float(value.std())


def decoded(values: dict[int, np.ndarray], labels: np.ndarray) -> dict[str, list[Any]]:
    """Balanced accuracy and its bootstrap interval at every step."""
    from cortexsim.analysis import decode

    out: dict[str, list[Any]] = {"accuracy": [], "interval": []}
    for step in range(1, STEPS + 1):
        result = (
            decode(
                values[step],
                labels,
                estimator="ridge",
                reduce=REDUCE,
                inference=Inference(n=RESAMPLES, rng=SEED),
            )
            if step in values
            else None
        )
        out["accuracy"].append(None if result is None else float(result.accuracy))
        out["interval"].append(None if result is None else result.interval.values.tolist())
    return out


def lesioned(net: Any) -> dict[str, Any]:
    """The intact net and its lesions."""
    nets = {
        "intact": net,
        "F of all lateral transitions silenced": net.lesioned("lateral", keep_shortcut=True),
    }
    for s in net.spec.graph.states:
        nets[f"F of {s.name}->{s.name} silenced"] = net.lesioned(
            f"{s.name}->{s.name}", keep_shortcut=True
        )
    nets["lateral transitions blocked, shortcut too"] = net.lesioned("lateral")
    nets["feedback blocked"] = net.lesioned("feedback")
    return nets


def on_their_own(nets: dict[str, Any], x: Any) -> dict[str, Any]:
    """The same nets with statistics by step estimated on images; weights are shared."""
    import torch

    from cortexsim.models.calibration import estimate

    made = {}
    for name, net in nets.items():
        fitted = copy.deepcopy(net, {id(p): p for p in net.parameters()})
        fitted.eval()
        with torch.no_grad():
            runs = (fitted.unroll(x[k : k + 250], STEPS) for k in range(0, len(x), 250))
            made[name] = estimate(fitted, runs, STEPS, redo=True, keep_shared=True)
    return made


def share_interval(share: float, count: int) -> list[float]:
    """Of a share of images (Wilson)."""
    from scipy.stats import binomtest

    return list(binomtest(round(share * count), count).proportion_ci(method="wilson"))


def readout_accuracy(net: Any, x: Any, labels: np.ndarray) -> dict[str, float]:
    """By step; only steps at which the last state is populated."""
    import torch

    right: dict[int, int] = {}
    with torch.no_grad():
        for first in range(0, len(x), 500):
            for step, states in net.unroll(x[first : first + 500], STEPS):
                if net.spec.graph.output_state in states:
                    guess = net.read(states[net.spec.graph.output_state], step).argmax(1).numpy()
                    right[step] = right.get(step, 0) + int(
                        (guess == labels[first : first + 500]).sum()
                    )
    return {str(step): n / len(x) for step, n in right.items()}


def draw(
    report: Report,
    intact: dict[str, Any],
    without: dict[str, Any],
    *,
    answers: tuple[dict[str, Any], dict[str, Any]],
    readout: int,
) -> None:
    """Rows: norms, cosine, decodability; a column for each state.

    Below, the answers of the lesioned nets, with the intact one's statistics and with their own.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 12), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[3, 1.3])
    panels = top.subplots(3, len(intact), sharex=True, sharey="row")
    steps = np.arange(1, STEPS + 1)
    for column, (state, one) in zip(panels.T, intact.items()):
        for part, (colour, dash, marker) in STYLES.items():
            style = {"color": colour, "ls": dash, "marker": marker, "ms": 4, "label": part}
            column[0].plot(steps, _floats(one["norm"][part]), **style)
            column[2].plot(steps, _floats(one["decodability"][part]["accuracy"]), **style)
        mean, sd = _floats(one["cosine_of_x_and_F(x)"]), _floats(one["cosine_sd_over_images"])
        column[1].errorbar(steps, mean, sd, color="#d55e00", marker="^", ms=4, capsize=2)
        column[1].axhline(0, color="grey", lw=1, ls=":")
        column[2].plot(
            steps,
            _floats(without[state]["accuracy"]),
            color="grey",
            lw=2.5,
            alpha=0.6,
            label="state, lateral F silenced",
        )
        column[2].axhline(0.1, color="grey", lw=1, ls=":")
        column[0].set(title=state, yscale="log")
        column[2].set_xlabel("step of arrival (nominal: 25 ms each)", fontsize="small")
        column[2].set_xticks(steps[1::2])
    for row, text in zip(
        panels,
        (
            "norm, mean over images",
            "cosine of x and F(x)\n(mean, SD of images)",
            "decodability of 10 classes\n(dotted: chance)",
        ),
    ):
        row[0].set_ylabel(text)
    handles, names = panels[2, 0].get_legend_handles_labels()
    top.legend(
        handles,
        names,
        loc="outside lower center",
        ncols=len(names),
        frameon=False,
        fontsize="small",
    )
    both = bottom.subplots(1, 2, sharey=True)
    markers = "osv^D<>*"
    words = ("statistics of the intact net", "statistics estimated under each lesion")
    for axes, found, title in zip(both, answers, words, strict=True):
        for k, (name, one) in enumerate(found.items()):
            axes.plot(
                list(map(int, one)),
                list(one.values()),
                color="black" if k == 0 else f"C{k}",
                ls="-" if k == 0 else "--",
                marker=markers[k],
                ms=5,
                label=name,
            )
        axes.axvline(readout, color="grey", ls=":", lw=1)
        axes.axhline(0.1, color="grey", ls=":", lw=1)
        axes.set(xlabel="readout step (dotted: the trained one)", ylim=(0, None), title=title)
    both[0].set_ylabel("accuracy of the readout")
    both[1].legend(frameon=False, fontsize="small", loc="center left", bbox_to_anchor=(1.01, 0.5))
    for one_axes in (*panels.flat, *both):
        one_axes.spines[["top", "right"]].set_visible(False)
    report.figure(figure)


def _floats(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if v is None else v for v in values])


if __name__ == "__main__":
    run(main)
