"""The main numbers of the neural, masking and behaviour figures, over trainings of two nets.

Question: How far do two trainings of the same net differ in what the other figures report, and do
cortex4 and its feed-forward twin differ by more? Each of those figures is of one training of each
net, and its intervals are over images, units, subjects: they say nothing of another training.

How: each number is computed, as its figure does (the cost of a mask to a decoder of IT with other
folds of the images: for seed 0 other by 1.3 points), for all bundled trainings of cortex4 and of
the twin (`cortexsim.load(NAME, seed=K)`; recipe and epochs alike, seeds of weights, order, crops
and flips different). What it is, at which state and step, was written down when of each net one
training was known, of seed 0 by an earlier version of the trainer; that seed has been trained again
since, and because the two trainings begin alike the tests are given without it, too. Spread: mean,
standard deviation, Student's interval of the mean. Architectures are compared by Welch's t test
over trainings, p corrected over all numbers (Holm); a number that the twin cannot but have at zero,
as its states do not change, is tested against zero.

What it does not say: trainings with other recipes, epochs or images. Images, units and subjects are
the same for all trainings, so that an interval here is over trainings alone.

Inputs: CIFAR-10, cowley-v4, kriegeskorte92, cichy92-fmri, grootswagers-eeg, cifar10h,
kumbhar-deadlines in CORTEXSIM_DATA (or downloaded); bundled weights.
Outputs: over_seeds.png, over_seeds.pdf, over_seeds.json.
Run time: see "seconds" in over_seeds.json, no GPU.

    CORTEXSIM_DATA=FOLDER python analyses/over_seeds.py --out figures
    python analyses/over_seeds.py --out figures --reuse      only of weights that are new
    python analyses/over_seeds.py --out figures --retell     tests and sentences again
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from shared.common import Report, as_written, command, retell, source
from shared.measures import NETS
from shared.quantities import QUANTITIES, Quantity, SeedsConfig, Shared
from shared.trainings import LEAST, tested, without_the_first

from cortexsim.cli import option, parse, run
from cortexsim.errors import AnalysisError
from cortexsim.models.weights import bundled_seeds, with_seed
from cortexsim.progress import bar
from cortexsim.provenance import git_commit

CLAIM = (
    "How far trainings of the same net differ in the main numbers of the neural, masking and "
    "behaviour figures, and whether cortex4 and its feed-forward twin differ by more."
)


@dataclass(frozen=True)
class RetellingConfig(SeedsConfig):
    """The command line of this analysis."""

    retell: bool = option(
        False, "test the numbers of OUT/over_seeds.json anew and say it, and run nothing"
    )
    reuse: bool = option(
        False,
        "numbers of weights that are measured in OUT/over_seeds.json already, by the same command "
        "and of the same images, are taken from there",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, test, draw."""
    config = parse(RetellingConfig, arguments, "python analyses/over_seeds.py", __doc__ or "")
    if config.retell:
        retell(Path(config.out) / "over_seeds.json", judged_again)
        return 0
    report, shared = Report("over_seeds", config, CLAIM), Shared(config)
    names = {net: trainings(net, config.seeds) for net in NETS}
    if unknown := set(config.quantities) - set(QUANTITIES):
        raise AnalysisError(
            f"no quantity is called {', '.join(unknown)}; there are {', '.join(QUANTITIES)}"
        )
    cards = {name: card(name) for those in names.values() for name in those}
    if len(recipes := {(one["recipe"], one["epochs"]) for one in cards.values()}) > 1:
        raise AnalysisError(
            f"these trainings are not alike in recipe and epochs: {sorted(recipes)}; their spread "
            "would not be that of seeds. Name those that are with --seeds"
        )
    chosen = {k: QUANTITIES[k] for k in config.quantities or QUANTITIES}
    known, old = earlier(report, shared, cards) if config.reuse else ({}, [])
    found = measured(chosen, names, shared, known=known)
    sources = [shared.source_of_images, *map(source, shared.used)]
    if config.reuse and (others := unlike(sources, old)):
        raise AnalysisError(
            f"{', '.join(others)}: from elsewhere than when the other numbers were measured. Run "
            "without --reuse"
        )
    about = {k: {"what": q.title, "unit": q.unit, "figure": q.figure} for k, q in chosen.items()}
    results = {
        "trainings": {net: list(those) for net, those in names.items()},
        "cards": cards,
        **judged(about, found),
    }
    draw(report, results["quantities"])
    report.numbers(sources, results)
    print(*results["sentences"], sep="\n")
    return 0


def judged(
    about: Mapping[str, Mapping[str, str]], found: Mapping[str, Mapping[str, Sequence[float]]]
) -> dict[str, Any]:
    """Tests of all numbers, and sentences; about: what each number is."""
    tests, later = tested(found, *NETS), without_the_first(found, *NETS)
    for name, one in tests.items():
        one["test"]["without_the_first_seed"] = later[name]
    quantities = {k: {**what, **tests[k]} for k, what in about.items()}
    return {
        "tests": "Welch's t over trainings (against zero: Student's); p_holm over all quantities",
        "quantities": quantities,
        "sentences": [sentence(one) for one in quantities.values()],
    }


def judged_again(results: dict[str, Any]) -> dict[str, Any]:
    """Results with tests and sentences anew, from the numbers of the trainings that they hold."""
    quantities = results["quantities"]
    about = {k: {w: one[w] for w in ("what", "unit", "figure")} for k, one in quantities.items()}
    found = {
        k: {net: one[net]["values"] for net in NETS if net in one} for k, one in quantities.items()
    }
    return results | judged(about, found)


def earlier(
    report: Report, shared: Shared, cards: Mapping[str, dict[str, Any]]
) -> tuple[dict[str, dict[str, float]], list[dict[str, str]]]:
    """Training -> quantity -> its number, of weights that the file of this report has measured.

    Also of which data. The cards of these trainings are given the commit that measured them.
    """
    path = report.folder / f"{report.name}.json"
    if not path.is_file():
        raise AnalysisError(f"there is no {path} to reuse numbers of; run without --reuse")
    old = as_written(path)
    asked = command(report.name, report.config), shared.source_of_images["sha256"]
    if (there := (old["command"], old["data"][0]["sha256"])) != asked:
        raise AnalysisError(
            f"{path} was made by {there[0]} of images {there[1][:12]}; asked for is {asked[0]} of "
            f"images {asked[1][:12]}: its numbers are others. Run without --reuse"
        )
    results, known = old["results"], {}
    for net, those in results["trainings"].items():
        for place, name in enumerate(those):
            was = results["cards"][name]
            if cards.get(name, {}).get("weights_sha256") != was["weights_sha256"]:
                continue
            known[name] = {
                k: one[net]["values"][place]
                for k, one in results["quantities"].items()
                if net in one
            }
            cards[name]["measured_by"] = was.get("measured_by", old["provenance"]["git_commit"])
    if known.keys() == cards.keys():
        raise AnalysisError(f"{path} has the numbers of all {len(known)}; use --retell")
    return known, old["data"]


def unlike(sources: Sequence[Mapping[str, str]], others: Sequence[Mapping[str, str]]) -> list[str]:
    """The names of data sets that are pinned otherwise in one list than in the other."""
    pins = [
        {s["name"]: s.get("source", s.get("sha256")) for s in those} for those in (sources, others)
    ]
    return sorted(k for k in set(pins[0]) | set(pins[1]) if pins[0].get(k) != pins[1].get(k))


def trainings(net: str, seeds: Sequence[int]) -> list[str]:
    """The names of the trainings of a net."""
    return [with_seed(net, seed) for seed in seeds or bundled_seeds(net)]


def card(name: str) -> dict[str, Any]:
    """Of which weights the numbers are."""
    from cortexsim import load

    card = load(name).card
    return {k: card[k] for k in ("weights_sha256", "test_error", "seconds")} | {
        "measured_by": git_commit(),
        "seed": card["recipe"]["seed"],
        "epochs": card["recipe"]["epochs"],
        "recipe": card["recipe"]["recipe"],
        "commit": sorted({str(p.get("git_commit")) for p in card["provenance"]}),
    }


def measured(
    chosen: dict[str, Quantity],
    names: dict[str, list[str]],
    shared: Shared,
    known: Mapping[str, Mapping[str, float]] | None = None,
) -> dict[str, dict[str, list[float]]]:
    """Quantity -> net -> one number a training; known: numbers by training, measured before."""
    found: dict[str, dict[str, list[float]]] = {k: {} for k in chosen}
    todo = [(net, name) for net, those in names.items() for name in those]
    with bar(total=len(todo) * len(chosen), unit="numbers") as progress:
        for net, name in todo:
            for key, quantity in chosen.items():
                if quantity.of_twin or net == NETS[0]:
                    before = (known or {}).get(name, {})
                    value = before[key] if key in before else quantity.measure(name, shared)
                    found[key].setdefault(net, []).append(value)
                progress.update(1)
            shared.forget()
    return found


# ---------------------------------------------------------------------------------- words, figure


def sentence(one: dict[str, Any]) -> str:
    """What may be said of a quantity.

    >>> one = {"what": "accuracy", "unit": "%", "cortex4": {"n": 1, "mean": 86.6}}
    >>> sentence(one | {"test": {"p_holm": None, "what": "cortex4 - cortex4-twin"}})
    'accuracy (%): cortex4 86.6 (one training): nothing is said of other trainings.'
    """
    means = ", ".join(f"{net} {_mean(one[net])}" for net in NETS if net in one)
    test = one["test"]
    said = f"{one['what']} ({one['unit']}): {means}"
    if test["p_holm"] is None:
        return f"{said}: nothing is said of other trainings."
    differ = "differ" if NETS[1] in one else "differs from zero"
    verdict = f"{differ} over trainings" if test["p_holm"] < 0.05 else "not told apart"
    if NETS[1] not in one and test["p_holm"] >= 0.05:
        verdict = "not told from zero"
    change = ""
    if "difference" in test:
        low, high = test["interval"]
        change = f"difference {_short(test['difference'])} [{_short(low)}, {_short(high)}], "
    later = test["without_the_first_seed"]["p_holm"]
    without = "" if later is None else f" ({later:.2g} without the first seed)"
    return f"{said}; {change}p = {test['p_holm']:.2g}{without}: {verdict}."


def _mean(one: dict[str, Any]) -> str:
    if one["n"] < LEAST:
        return f"{_short(one['mean'])} (one training)"
    return f"{_short(one['mean'])} ± {_short(one['sd'])} (n = {one['n']})"


def _short(value: float) -> str:
    return f"{value:.3g}"


def _p(test: dict[str, Any]) -> str:
    if (p := test["p_holm"]) is None:
        return "one training of a net: no test"
    later = test["without_the_first_seed"]["p_holm"]
    return f"p = {p:.2g}" + ("" if later is None else f", without the first seed {later:.2g}")


def draw(report: Report, quantities: dict[str, dict[str, Any]]) -> None:
    """A panel a quantity: every training, means and their intervals."""
    from matplotlib.figure import Figure

    from cortexsim.plotting.parts import style

    columns = min(3, len(quantities))
    rows = -(-len(quantities) // columns)
    figure = Figure(figsize=(3.7 * columns, 2.9 * rows), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, one in zip(panels, quantities.values()):
        there = [net for net in NETS if net in one]
        for k, net in enumerate(there):
            colour, _, marker = style(k)
            values = one[net]["values"]
            across = k + 0.08 * (np.arange(len(values)) - (len(values) - 1) / 2)
            axes.plot(across, values, marker, color=colour, mfc="none", ms=5)
            axes.plot([k - 0.28, k + 0.28], [one[net]["mean"]] * 2, color=colour, lw=1.5)
            if one[net]["interval"] is not None:
                axes.vlines(k + 0.36, *one[net]["interval"], color=colour, lw=2.5)
        if NETS[1] not in one:
            axes.axhline(0, color="0.5", lw=0.7)
        axes.set_xticks(range(len(there)), [f"{net}\nn = {one[net]['n']}" for net in there])
        axes.set_xlim(-0.6, len(there) - 0.3)
        axes.set_title(f"{one['what']}\n{_p(one['test'])}", fontsize="small")
        axes.set_ylabel(one["unit"], fontsize="small")
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[len(quantities) :]:
        axes.set_visible(False)
    figure.suptitle(
        "One mark a training; line: mean; bar: its 95 % interval over trainings; p corrected (Holm)"
    )
    report.figure(figure)


if __name__ == "__main__":
    run(main)
