"""The main numbers of the neural, masking and behaviour figures, over trainings of two nets.

Question: How far do two trainings of the same net differ in what the other figures report, and do
cortex4 and its feed-forward twin differ by more? Each of those figures is of one training of each
net, and its intervals are over images, units, subjects: they say nothing of another training.

How: each number is computed, as its figure does, for all bundled trainings of cortex4 and of the
twin (`cortexsim.load(NAME, seed=K)`; recipe and epochs alike, seeds of weights, order, crops and
flips different). What it is, at which state and step, was written down before any training but the
first was there. Spread: mean, standard deviation, Student's interval of the mean. Architectures are
compared by Welch's t test over trainings, p corrected over all numbers (Holm); a number that the
twin cannot but have at zero, as its states do not change, is tested against zero.

What it does not say: trainings with other recipes, epochs or images. Images, units and subjects are
the same for all trainings, so that an interval here is over trainings alone.

Inputs: CIFAR-10, cowley2023_v4, kriegeskorte92, cichy92-fmri, cifar10h, kumbhar-deadlines in
CORTEXSIM_DATA (or downloaded); bundled weights.
Outputs: over_seeds.png, over_seeds.pdf, over_seeds.json.
Run time: see "seconds" in over_seeds.json, no GPU.

    CORTEXSIM_DATA=FOLDER python analyses/over_seeds.py --out figures
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from shared.common import Report, source
from shared.pictures import ShownConfig
from shared.trainings import LEAST, tested

from cortexsim.cli import option, parse, run
from cortexsim.errors import AnalysisError
from cortexsim.models.weights import bundled_seeds, with_seed
from cortexsim.progress import bar

NETS = ("cortex4", "cortex4-twin")
LEAST_DRAWS = 20
"""Resamples where a function asks for some and only its estimate is used."""
CLAIM = (
    "How far trainings of the same net differ in the main numbers of the neural, masking and "
    "behaviour figures, and whether cortex4 and its feed-forward twin differ by more."
)


@dataclass(frozen=True)
class SeedsConfig(ShownConfig):
    """The command line of this analysis."""

    seeds: tuple[int, ...] = option((), "which trainings; default all that are bundled")
    images: int = option(10000, "test images beside people's answers to them, the first so many")
    shown: int = option(1000, "test images under masks and distortions, the first so many")
    calibration: int = option(500, "training images for the statistics under masks")
    quantities: tuple[str, ...] = option((), "which numbers, by name; default all")


class Quantity(NamedTuple):
    """One number of a training: its name, unit, the figure that reports it, how it is computed.

    of_twin: whether the twin, whose states hold nothing and do not change, can have it but at zero.
    """

    title: str
    unit: str
    figure: str
    measure: Callable[[str, Shared], float]
    of_twin: bool = True


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, test, draw."""
    config = parse(SeedsConfig, arguments, "python analyses/over_seeds.py", __doc__ or "")
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
    found = measured(chosen, names, shared)
    judged = tested(found, *NETS)
    quantities = {
        k: {"what": q.title, "unit": q.unit, "figure": q.figure, **judged[k]}
        for k, q in chosen.items()
    }
    results = {
        "trainings": {net: list(those) for net, those in names.items()},
        "cards": cards,
        "tests": "Welch's t over trainings (against zero: Student's); p_holm over all quantities",
        "quantities": quantities,
        "sentences": [sentence(one) for one in quantities.values()],
    }
    draw(report, quantities)
    report.numbers([shared.source_of_images, *map(source, shared.used)], results)
    print(*results["sentences"], sep="\n")
    return 0


def trainings(net: str, seeds: Sequence[int]) -> list[str]:
    """The names of the trainings of a net."""
    return [with_seed(net, seed) for seed in seeds or bundled_seeds(net)]


def card(name: str) -> dict[str, Any]:
    """Of which weights the numbers are."""
    from cortexsim import load

    card = load(name).card
    return {k: card[k] for k in ("weights_sha256", "test_error", "seconds")} | {
        "seed": card["recipe"]["seed"],
        "epochs": card["recipe"]["epochs"],
        "recipe": card["recipe"]["recipe"],
        "commit": sorted({str(p.get("git_commit")) for p in card["provenance"]}),
    }


def measured(
    chosen: dict[str, Quantity], names: dict[str, list[str]], shared: Shared
) -> dict[str, dict[str, list[float]]]:
    """Quantity -> net -> one number a training."""
    found: dict[str, dict[str, list[float]]] = {k: {} for k in chosen}
    todo = [(net, name) for net, those in names.items() for name in those]
    with bar(total=len(todo) * len(chosen), unit="numbers") as progress:
        for net, name in todo:
            for key, quantity in chosen.items():
                if quantity.of_twin or net == NETS[0]:
                    value = quantity.measure(name, shared)
                    found[key].setdefault(net, []).append(value)
                progress.update(1)
            shared.forget()
    return found


class Shared:
    """What the quantities share: images, brains, and what the net at hand answered."""

    def __init__(self, config: SeedsConfig) -> None:
        self.config = config
        self.brains: dict[str, Any] = {}
        self.kept: dict[str, Any] = {}

    @cached_property
    def neurons(self) -> Any:
        """Mean responses of V4 and their reliability."""
        import v4_encoding as v4

        from cortexsim.analysis import Inference, split_half_reliability

        trials = self.brain("cowley-v4").responses.transpose("repeat", "stimulus", "unit")
        reliability = split_half_reliability(trials.values, inference=Inference(rng=0))
        return v4.Neurons(trials.mean("repeat"), reliability)

    @cached_property
    def people_at_deadlines(self) -> Any:
        import speed_accuracy as speed

        return speed.people_of(self.brain("kumbhar-deadlines"))

    @cached_property
    def images(self) -> Any:
        from cortexsim.stimuli.datasets import load_images

        return load_images(self.config.data, train_count=self.config.train_count)

    @property
    def source_of_images(self) -> dict[str, str]:
        return {
            "name": self.images.name,
            "sha256": self.images.sha256(),
            "notes": "; ".join(self.images.notes),
        }

    @property
    def used(self) -> list[Any]:
        return list(self.brains.values())

    def brain(self, name: str) -> Any:
        """A benchmark, read once."""
        from cortexsim import neural

        if name not in self.brains:
            self.brains[name] = neural.load(name)
        return self.brains[name]

    def of_net(self, key: str, compute: Callable[[], Any]) -> Any:
        """What two quantities of one net share, computed once."""
        if key not in self.kept:
            self.kept[key] = compute()
        return self.kept[key]

    def forget(self) -> None:
        """The next net."""
        self.kept = {}


# ------------------------------------------------------------------------------------- quantities


def accuracy(name: str, shared: Shared) -> float:
    """Of the card, at the trained readout."""
    from cortexsim import load

    return 100 * (1 - load(name).card["test_error"])


def v4_neurons(name: str, shared: Shared) -> float:
    """Neurons of V4 from V4, one step after its first (twin: at its first)."""
    import v4_encoding as v4

    from cortexsim import load
    from cortexsim.models.preprocessing import preprocessing_of

    brain, net = shared.brain("cowley-v4"), load(name)
    frame = v4.OTHERS["twin"] if name.startswith(NETS[1]) else v4.OURS
    shown = preprocessing_of(net)[0](list(brain.image.values))
    x = np.concatenate(v4.passed(net, shown, [frame])[frame])
    config = v4.EncodingConfig(resamples=LEAST_DRAWS)
    return float(
        v4.fitted(
            v4.as_wide_as_long(x), shared.neurons, config, null=False
        ).median_r_noise_corrected
    )


def human_it(name: str, shared: Shared) -> Any:
    """Similarity of IT to human IT of 15 subjects, by step."""
    import rsa_timecourse as rsa

    import cortexsim
    from cortexsim.analysis import Inference, evaluate, rdm_movie
    from cortexsim.experiments.compare.brain import target
    from cortexsim.experiments.compare.recorded import aligned
    from cortexsim.experiments.stimuli import stimuli_named
    from cortexsim.recording import Settings

    def similarity() -> Any:
        brain, net = shared.brain("cichy92-fmri"), cortexsim.load(name)
        shared.brain("kriegeskorte92")
        stimuli = stimuli_named("kriegeskorte92", limit=None)
        settings = Settings(steps=rsa.STEPS, states=("IT",))
        recording = cortexsim.record_network(net, stimuli, settings=settings)
        movie = aligned(rdm_movie(recording, measure="correlation"), brain)
        return evaluate(
            movie.rdm,
            target(brain, "rdm", "IT"),
            comparator=rsa.COMPARATOR,
            inference=Inference(resample=("condition",), n=LEAST_DRAWS, rng=0, samples=True),
        )

    return shared.of_net("human IT", similarity)


def human_it_at_readout(name: str, shared: Shared) -> float:
    """At the trained readout step."""
    from cortexsim import load

    return float(human_it(name, shared).evaluation.sel(model="IT", step=load(name).readout))


def human_it_slope(name: str, shared: Shared) -> float:
    """The growth of that similarity with time."""
    import rsa_timecourse as rsa

    return float(rsa.slopes(human_it(name, shared))["IT"]["slope"])


def mask_at(readout: int) -> Callable[[str, Shared], float]:
    """What a phase-scrambled mask after one step costs at a readout step."""

    def measure(name: str, shared: Shared) -> float:
        from shared.masking_losses import losses
        from shared.masking_runs import (
            MASKS,
            SEED,
            Budget,
            experiment,
            test_images,
            training_images,
        )

        def under_mask() -> Any:
            budget = Budget(shared.config.shown, 0, 0, (1,), LEAST_DRAWS, shared.config.calibration)
            return experiment(
                name,
                test_images(shared.images, budget.images),
                budget,
                masks=MASKS[:1],
                calibration=training_images(shared.images, budget),
                compared=0,
                decoded=0,
            )

        found = losses(shared.of_net("mask", under_mask), MASKS[0], n=LEAST_DRAWS, seed=SEED)
        return 100 * float(found["loss"][list(found["readout_steps"]).index(readout)])

    return measure


def answers(name: str, shared: Shared) -> Any:
    """Probabilities by readout step, with people's counts and the labels."""
    import behavior

    from cortexsim import load

    def computed() -> Any:
        count = shared.config.images
        x, y = shared.images.test_x[:count], shared.images.test_y[:count].numpy()
        said = behavior.own_readout(load(name), x).sel(step=[load(name).readout])
        return said, behavior.aligned(shared.brain("cifar10h"), y), y

    return shared.of_net("answers", computed)


def cross_entropy_with_people(name: str, shared: Shared) -> float:
    """At the trained readout step."""
    from cortexsim.analysis import Inference, cross_entropy

    inference = Inference(n=LEAST_DRAWS, rng=0)
    found = cross_entropy(*answers(name, shared), inference=inference)
    return float(found.cross_entropy.squeeze())


def difficulty_with_people(name: str, shared: Shared) -> float:
    """Which images of a class are hard, on the scale of probabilities."""
    from cortexsim.analysis import Inference, image_consistency

    inference = Inference(n=LEAST_DRAWS, rng=0)
    found = image_consistency(*answers(name, shared), metric="i1n", inference=inference)
    return float(found.rate_value.squeeze())


def distance_from_deadlines(name: str, shared: Shared) -> float:
    """Of accuracy by step from people's by deadline, at the best mapping."""
    import speed_accuracy as speed

    people = shared.people_at_deadlines
    config = speed.SpeedConfig(images=shared.config.shown)
    classes = speed.classes_of(shared.images, people)
    one = speed.answers_of(name, shared.images, classes, config)[name]
    return 100 * float(speed.fit(people.accuracy(), one, people, None).rmse)


QUANTITIES = {
    "accuracy": Quantity("accuracy, readout step 8", "%", "cards", accuracy),
    "v4": Quantity(
        "neurons of V4 from V4@4 (twin: V4@3)", "r / √reliability", "v4_encoding", v4_neurons
    ),
    "human_it": Quantity(
        "IT at step 8 with human IT", "Spearman's ρ of RDMs", "rsa_timecourse", human_it_at_readout
    ),
    "human_it_slope": Quantity(
        "growth of that with time", "ρ per 100 ms", "rsa_timecourse", human_it_slope, False
    ),
    "mask_8": Quantity(
        "cost of a phase mask, readout step 8", "points", "masking", mask_at(8), False
    ),
    "mask_12": Quantity(
        "cost of a phase mask, readout step 12", "points", "masking", mask_at(12), False
    ),
    "cross_entropy": Quantity(
        "cross-entropy with people", "nats", "behavior", cross_entropy_with_people
    ),
    "difficulty": Quantity(
        "difficulty of images with people's", "r", "behavior", difficulty_with_people
    ),
    "deadlines": Quantity(
        "accuracy by step from people's by deadline",
        "points, r.m.s.",
        "speed_accuracy",
        distance_from_deadlines,
    ),
}


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
    return f"{said}; {change}p = {test['p_holm']:.2g}: {verdict}."


def _mean(one: dict[str, Any]) -> str:
    if one["n"] < LEAST:
        return f"{_short(one['mean'])} (one training)"
    return f"{_short(one['mean'])} ± {_short(one['sd'])} (n = {one['n']})"


def _short(value: float) -> str:
    return f"{value:.3g}"


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
        p = one["test"]["p_holm"]
        said = "one training of a net: no test" if p is None else f"p = {p:.2g} (Holm)"
        axes.set_title(f"{one['what']}\n{said}", fontsize="small")
        axes.set_ylabel(one["unit"], fontsize="small")
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[len(quantities) :]:
        axes.set_visible(False)
    figure.suptitle("One mark a training; line: mean; bar: its 95 % interval over trainings")
    report.figure(figure)


if __name__ == "__main__":
    run(main)
