"""Accuracy against parameters, units and multiply-adds: recurrent nets and feed-forward ones of equal depth.

What comes out (budget cpu: 2,000 images of 16 x 16 pixels, 4 epochs, one seed; too little to decide): with T = 2, 3, 5, 10 the recurrent net reaches
26.5, 27.1, 29.3, 28.9 % with 76,426 parameters and 65,536 units at every depth, the feed-forward one 26.5, 27.5, 28.9, 30.5 % with up to 667,274
parameters and 655,360 units, at the same multiply-adds. At equal T the two differ by 1.6 points
at most, where one accuracy has a sampling error of 1.4.

How: the blog post on feedback networks says that a recurrent net reaches depth d with N units and N^2 weights where a feed-forward net needs d N and
d N^2, at some cost in expressivity. ``resnet1`` (weights shared over time) and ``resnet1-unshared`` (each step its own weights, so a feed-forward net
of the same depth) at readout times 2, 3, 5 and 10, i.e. depths of 1, 2, 4 and 9 residual blocks. Units of a recurrent net are those of its states, of
a feed-forward net those of every layer; multiply-adds are counted by torch on one image of 32 x 32 pixels, whatever the budget trains on. Accuracies are with statistics estimated anew on training images.

Inputs: CIFAR-10 (downloaded by torchvision, or --data FILE.npz --train-count N). Outputs: depth_efficiency.png, .pdf and .json; the runs in runs/.
Run time: --budget smoke 25 s on one core of an AMD EPYC; others: measured and said before it begins.

    python analyses/depth_efficiency.py --budget cpu --out figures
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.common import Report
from shared.curves import caption, final_error, source, spread, stated
from shared.runs import Runs, RunsConfig, Trained, Wanted

from cortexsim.cli import parse, run

DEPTHS = (2, 3, 5, 10)
KINDS = {"recurrent": "resnet1", "feed-forward": "resnet1-unshared"}
# The readout that a net has anyway is not asked for, so that other figures share the run.
NETS = {
    (kind, t): Wanted.of(model) if t == 10 else Wanted.of(model, readout=(t,))
    for kind, model in KINDS.items()
    for t in DEPTHS
}
STYLES = {"recurrent": ("#0072b2", "-", "o"), "feed-forward": ("#d55e00", "--", "^")}
QUANTITIES = {
    "parameters": "parameters",
    "units": "units",
    "multiply_adds": "multiply-adds an image",
}
CLAIM = (
    "Blog post on feedback networks: recurrence reaches depth d with N units and N^2 weights where a feed-forward net needs d N and d N^2; "
    "measured: the accuracy that each buys."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, count, draw."""
    config = parse(RunsConfig, arguments, "python analyses/depth_efficiency.py", __doc__ or "")
    runs = Runs(config)
    trained = runs.get(list(NETS.values()))
    report = Report("depth_efficiency", config, CLAIM)
    errors = {key: [final_error(t, runs) for t in trained[w]] for key, w in NETS.items()}
    rows = {
        key: {**cost(trained[w][0], key[0]), "accuracy": spread([1 - e for e in errors[key]])}
        for key, w in NETS.items()
    }
    draw(report, rows, runs)
    results: dict[str, Any] = {**stated(runs), "nets": {}}
    for (kind, t), row in rows.items():
        results["nets"][f"{kind}, T = {t}"] = {
            **row,
            "blocks": t - 1,
            "runs": [one.summary() for one in trained[NETS[kind, t]]],
        }
    pairs = {t: zip(errors["recurrent", t], errors["feed-forward", t], strict=True) for t in DEPTHS}
    results["accuracy_of_feed_forward_less_recurrent"] = {
        f"T = {t}": spread([a - b for a, b in v]) for t, v in pairs.items()
    }
    report.numbers([source(runs)], results)
    return 0


def cost(one: Trained, kind: str) -> dict[str, int]:
    """Parameters, units and multiply-adds of a net on 32 x 32 pixels."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from cortexsim.models import schedule
    from cortexsim.models.weights import load_weights

    net = load_weights(one.weights)
    graph, readouts = net.spec.graph, net.spec.readout
    size = {s.name: s.size**2 * s.features for s in graph.states}
    filled = schedule(graph, net.readout, readouts=readouts).populated
    # Every step is a layer of its own in a feed-forward net; in a recurrent one the same units are used again.
    units = (
        sum(size[name] for name, _ in filled)
        if kind == "feed-forward"
        else sum(size[name] for name in {n for n, _ in filled})
    )
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.zeros(1, 3, graph.states[0].size, graph.states[0].size))
    return {
        "parameters": sum(p.numel() for p in net.parameters()),
        "units": units,
        "multiply_adds": counter.get_total_flops() // 2,
    }


def draw(report: Report, rows: dict[tuple[str, int], dict[str, Any]], runs: Runs) -> None:
    """Accuracy against each cost; points are readout times."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    panels = figure.subplots(1, len(QUANTITIES), sharey=True)
    for axes, (quantity, text) in zip(panels, QUANTITIES.items()):
        for kind, (colour, dash, marker) in STYLES.items():
            x = [rows[kind, t][quantity] for t in DEPTHS]
            y = [rows[kind, t]["accuracy"]["mean"] for t in DEPTHS]
            sd = [rows[kind, t]["accuracy"]["sd"] or 0 for t in DEPTHS]
            axes.errorbar(x, y, sd, color=colour, ls=dash, marker=marker, capsize=2, label=kind)
            for t, a, b in zip(DEPTHS, x, y):
                axes.annotate(
                    f"T={t}",
                    (a, b),
                    xytext=(4, 4),
                    textcoords="offset points",
                    fontsize="x-small",
                    color=colour,
                )
        axes.set(xscale="log", xlabel=text)
        axes.margins(x=0.15, y=0.15)
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("test accuracy")
    panels[0].legend(frameon=False)
    figure.suptitle(caption(runs), fontsize="small")
    report.figure(figure)


if __name__ == "__main__":
    run(main)
