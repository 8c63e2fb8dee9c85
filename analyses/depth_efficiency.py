"""Accuracy against parameters, units and multiply-adds, of recurrent and feed-forward nets.

How: the blog post on feedback networks says that a recurrent net reaches depth d with N units and
N^2 weights where a feed-forward net needs d N and d N^2, at some cost in expressivity. ``resnet1``
(weights shared over time) and ``resnet1-unshared`` (each step its own weights, so a feed-forward
net of the same depth) at readout times 2, 3, 5 and 10, i.e. depths of 1, 2, 4 and 9 residual
blocks. Units of a recurrent net are those of its states, of a feed-forward net those of every
layer; multiply-adds are those of an image of the size the net was made for, whatever the budget
trains on. Accuracies are with statistics estimated anew on training images.

Inputs: CIFAR-10 (downloaded by torchvision, or --data FILE.npz --train-count N). Outputs:
depth_efficiency.png, .pdf and .json; the runs in runs/.
Run time: --budget smoke 25 s on one core of an AMD EPYC; others: measured and said before it
begins.

    python analyses/depth_efficiency.py --budget cpu --out figures
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.claims import costs_little
from shared.claims_figure import draw_claims
from shared.common import Report
from shared.curves import caption, final_error, judged, source, spread, stated
from shared.runs import Runs, RunsConfig, Trained, Wanted

from cortexsim.cli import parse, run
from cortexsim.models import Spec, schedule
from cortexsim.models.scaling import multiply_adds

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
CLAIMS = tuple(
    costs_little(
        f"At depth {t - 1}, sharing weights over time costs little.",
        f"recurrent, T = {t}",
        f"feed-forward, T = {t}",
    )
    for t in DEPTHS
    if t > 2  # at T = 2 the two are one net
)
CLAIM = (
    "Blog post on feedback networks: recurrence reaches depth d with N units and N^2 weights "
    "where a feed-forward net needs d N and d N^2; "
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
    results: dict[str, Any] = {**stated(runs), "nets": {}}
    for (kind, t), row in rows.items():
        results["nets"][f"{kind}, T = {t}"] = {
            **row,
            "blocks": t - 1,
            "runs": [one.summary() for one in trained[NETS[kind, t]]],
        }
    by_label = {f"{kind}, T = {t}": trained[w] for (kind, t), w in NETS.items()}
    results["claims"] = judged(CLAIMS, by_label, runs)
    pairs = {t: zip(errors["recurrent", t], errors["feed-forward", t], strict=True) for t in DEPTHS}
    results["accuracy_of_feed_forward_less_recurrent"] = {
        f"T = {t}": spread([a - b for a, b in v]) for t, v in pairs.items()
    }
    draw(report, rows, results["claims"], runs)
    report.numbers([source(runs)], results)
    return 0


def cost(one: Trained, kind: str) -> dict[str, int]:
    """Parameters, units and multiply-adds of a net, for images of the size it was made for."""
    spec = Spec.from_dict(one.card["network"])
    graph = spec.graph
    size = {s.name: s.size**2 * s.features for s in graph.states}
    filled = schedule(graph, max(spec.readout), readouts=spec.readout).populated
    # Each step is a layer of its own in a feed-forward net, in a recurrent one the same units.
    layers = [name for name, _ in filled]
    units = sum(size[name] for name in (layers if kind == "feed-forward" else set(layers)))
    return {
        "parameters": one.card["parameters"],
        "units": units,
        "multiply_adds": multiply_adds(spec),
    }


def draw(
    report: Report,
    rows: dict[tuple[str, int], dict[str, Any]],
    claims: list[dict[str, Any]],
    runs: Runs,
) -> None:
    """Accuracy against each cost; points are readout times; below what becomes of the claims."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    figure = Figure(figsize=(11, 6.2), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[4.2, 2])
    draw_claims(below.subplots(), claims, unit="difference of errors, points")
    panels = above.subplots(1, len(QUANTITIES), sharey=True)
    for axes, (quantity, text) in zip(panels, QUANTITIES.items()):
        for kind, (colour, dash, marker) in STYLES.items():
            x = [rows[kind, t][quantity] for t in DEPTHS]
            y = [rows[kind, t]["accuracy"]["mean"] for t in DEPTHS]
            sd = [rows[kind, t]["accuracy"]["sd"] or 0 for t in DEPTHS]
            axes.errorbar(x, y, sd, color=colour, ls=dash, marker=marker, capsize=2, label=kind)
            beside = kind == "recurrent"  # its points may stand above each other
            for t, a, b in zip(DEPTHS, x, y):
                axes.annotate(
                    f"T={t}",
                    (a, b),
                    xytext=(6, -6) if beside else (-6, 4),
                    textcoords="offset points",
                    ha="left" if beside else "right",
                    fontsize="x-small",
                    color=colour,
                )
        axes.set(xscale="log", xlabel=text)
        axes.margins(x=0.15, y=0.15)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("test accuracy (bars: SD over seeds)")
    panels[0].legend(frameon=False)
    figure.suptitle(caption(runs, claims), fontsize="small")
    report.figure(figure)


if __name__ == "__main__":
    run(main)
