"""Do the areas of the trained nets settle, and when?

Relative step sizes, the Jacobian of a step, fixed points of the held map.

How: cortex4 (homogeneous: the image at step 1 only), its feed-forward twin (the image at every
step) and cortex4 with fresh weights, on CIFAR-10 test images. Statistics beyond step 12 are
estimated on training images. Relative step |h(t + 1) - h(t)| / |h(t)| by state; effective depth:
the step from which on all moves stay below 1 % (or 10 %). The Jacobian and the fixed points are
those of the held map of a step (cortexsim.analysis.dynamics.held): time-specific normalisation
makes the net another map at every step. The time axis is nominal (25 ms a step; declared range 20
to 50 ms).

Inputs: CIFAR-10 (downloaded by torchvision, or --data FILE.npz --train-count N), the bundled
cortex4 and cortex4-twin.
Outputs: dynamics.png, .pdf and .json.
Run time: 3 min on one core of an AMD EPYC, no GPU.

    python analyses/dynamics.py --out figures
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from shared.common import Report
from shared.pictures import ShownConfig, shown_to, training_shown_to

from cortexsim.cli import option, parse, run

SEED = 0
THRESHOLDS = (0.01, 0.1)
NETS = ("cortex4", "cortex4, fresh weights", "cortex4-twin")
ITERATIONS = 300
FLOOR = 1e-5  # of the logarithmic axes
KRYLOV = 60
CLAIM = (
    "Memo, section 5.3.4: convergence of the representation is not guaranteed as t grows. "
    "Measured: whether the states of the trained nets come to "
    "rest, when, and what the linearised step says of it."
)


@dataclass(frozen=True)
class DynamicsConfig(ShownConfig):
    """The command line of this analysis."""

    images: int = option(200, "test images; spectra and fixed points take a twentieth of them")
    calibration: int = option(
        1000, "training images (cropped) for the statistics of steps that training never saw"
    )
    steps: int = option(40, "steps of the run")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, measure, draw."""
    config = parse(DynamicsConfig, arguments, "python analyses/dynamics.py", __doc__ or "")
    from cortexsim.stimuli.datasets import load_images

    report = Report("dynamics", config, CLAIM)
    images = load_images(config.data, train_count=config.train_count)
    found = {name: measured(name, images, config) for name in NETS}
    draw(report, found, config)
    settings = {
        "images": config.images,
        "images_for_spectra": few(config),
        "calibration_images": config.calibration,
        "steps": config.steps,
        "krylov": KRYLOV,
        "iterations": ITERATIONS,
        "seed": SEED,
        "time_axis": "nominal: 25 ms a step, declared range 20 to 50 ms",
    }
    source = {
        "name": images.name,
        "test_images": f"the first {config.images}",
        "sha256": images.sha256(),
        "notes": "; ".join(images.notes),
    }
    report.numbers(
        [source],
        {"settings": settings, "nets": {name: one["numbers"] for name, one in found.items()}},
    )
    return 0


def few(config: DynamicsConfig) -> int:
    """How many images the costly measures take."""
    return max(2, config.images // 20)


def network(name: str, images: Any, config: DynamicsConfig) -> Any:
    """A net with statistics for every step of the run."""
    from cortexsim import build, calibrate, load

    net = load(name.split(",")[0])
    if "fresh" in name:
        card, net = net.card, build("cortex4", seed=SEED).eval()
        net.card = card
    return calibrate(
        net, training_shown_to(net, images.train_x[: config.calibration]), config.steps
    )


def measured(name: str, images: Any, config: DynamicsConfig) -> dict[str, Any]:
    """Everything about one net."""
    from cortexsim.analysis import distances, effective_depth, jacobian, relative_steps

    net = network(name, images, config)
    x = shown_to(net, images.test_x[: config.images])
    moved = relative_steps(net, x, config.steps)
    full = len(net.spec.graph.states)  # the first step at which all states are populated
    last = config.steps - 1
    at = sorted({t for t in (full, full + 2, 8, 12, 16, 20, 30, last) if full <= t <= last})
    spectra = jacobian(net, x[: few(config)], at, krylov=KRYLOV, rng=SEED)
    held = {
        hold: distances(net, x[: few(config)], hold, iterations=ITERATIONS)
        for hold in {min(net.readout, last), last}
    }
    depth = {share: effective_depth(moved.relative_step.values, share) for share in THRESHOLDS}
    numbers = {
        "readout_step": net.readout,
        "relative_step": by_step(moved, moved["mean"].values),
        "relative_step_percentiles": {
            str(p): by_step(moved, moved.percentiles.sel(percentile=p).values) for p in (5, 95)
        },
        "effective_depth": {f"{share:g}": depths(moved, d) for share, d in depth.items()},
        "turn": by_step(moved, moved.turn.mean("stimulus", skipna=False).values),
        "norm": by_step(moved, moved.norm.mean("stimulus").values),
        "jacobian": {
            "step": at,
            **{
                k: {
                    how: getattr(spectra[k], how)("stimulus").values
                    for how in ("mean", "min", "max")
                }
                for k in spectra
            },
        },
        "held_map": {f"statistics of step {hold}": rest(one) for hold, one in sorted(held.items())},
    }
    return {"numbers": numbers, "moved": moved, "spectra": spectra, "held": held[last]}


def by_step(moved: Any, values: np.ndarray) -> dict[str, np.ndarray]:
    return {str(state): values[k] for k, state in enumerate(moved.state.values)}


def depths(moved: Any, depth: np.ndarray) -> dict[str, Any]:
    """Of each state.

    Share of images that settle, and the median step and nominal time at which those do.
    """
    out = {}
    for k, state in enumerate(map(str, moved.state.values)):
        settled = np.isfinite(depth[k])
        step = float(np.median(depth[k][settled])) if settled.any() else None
        ms = (
            None
            if step is None
            else float(np.interp(step, moved.step.values, moved.time_ms.values))
        )
        out[state] = {
            "share_of_images_that_settle": settled.mean(),
            "median_step": step,
            "median_nominal_ms": ms,
        }
    return out


def rest(one: Any) -> dict[str, Any]:
    """What iterating a held map leads to."""
    residual = one.residual.values
    return {
        "share_converged": one.converged.values.mean(),
        "share_diverged": one.diverged.values.mean(),
        "iterations_run": len(residual),
        "relative_step_at_the_end": {
            "median": np.median(residual[-1]),
            "low": residual[-1].min(),
            "high": residual[-1].max(),
        },
        "distance_to_fixed_point": {
            str(s): one.distance.sel(state=s).mean("stimulus").values for s in one.state.values
        },
    }


def draw(report: Report, found: dict[str, dict[str, Any]], config: DynamicsConfig) -> None:
    """A column for each net: relative steps, spectra, residual of the held map."""
    from matplotlib.figure import Figure

    from cortexsim.plotting import STATE_STYLES

    figure = Figure(figsize=(12, 12.5), layout="constrained")
    panels = figure.subplots(4, len(found), sharey="row")
    for column, (name, one) in zip(panels.T, found.items()):
        moved, spectra = one["moved"], one["spectra"]
        for (colour, dash, marker), state in zip(STATE_STYLES, map(str, moved.state.values)):
            for axes, quantity in zip(column, ("relative_step", "turn")):
                y = np.maximum(
                    moved[quantity].sel(state=state).values, FLOOR
                )  # zeros are drawn at the foot of the axis
                axes.plot(
                    moved.step,
                    y.mean(1),
                    color=colour,
                    ls=dash,
                    marker=marker,
                    ms=4,
                    label=state,
                    clip_on=False,
                )
                axes.fill_between(
                    moved.step, *np.percentile(y, [5, 95], axis=1), color=colour, alpha=0.15, lw=0
                )
                axes.set(yscale="log", ylim=(FLOOR, 10), xlabel="step (nominal: 25 ms each)")
        column[0].axhline(THRESHOLDS[0], color="grey", ls=":", lw=1)
        for key, colour, marker in (
            ("spectral_norm", "#d55e00", "^"),
            ("spectral_radius", "#0072b2", "o"),
        ):
            y = spectra[key].values
            middle = y.mean(1)
            column[2].errorbar(
                spectra.step,
                middle,
                [middle - y.min(1), y.max(1) - middle],
                color=colour,
                marker=marker,
                capsize=3,
                label=key.replace("_", " "),
            )
        column[2].axhline(1, color="grey", ls=":", lw=1)
        column[2].set_xlabel("step at which the map is held")
        residual = np.maximum(one["held"].residual.values, FLOOR)
        column[3].plot(
            np.arange(1, len(residual) + 1),
            residual,
            color="#0072b2",
            lw=0.6,
            alpha=0.7,
            marker="o" if len(residual) == 1 else "",
            clip_on=False,
        )
        column[3].set(
            xlim=(0.8, ITERATIONS),
            xscale="log",
            yscale="log",
            ylim=(FLOOR, 10),
            xlabel=f"iterations of the map held at step {config.steps - 1}",
        )
        column[0].set_title(name)
    panels[0, 0].set_ylabel(
        "relative step $|h(t+1)-h(t)|\\,/\\,|h(t)|$\nmean, 5th–95th percentile of images"
    )
    panels[1, 0].set_ylabel("turn: the same of $h\\,/\\,|h|$\nmean, 5th–95th percentile of images")
    panels[2, 0].set_ylabel("Jacobian of the held map\nmean and range over images")
    panels[3, 0].set_ylabel("relative step of the iteration\n(one line per image)")
    panels[2, 0].set_ylim(0, None)
    panels[0, 0].legend(frameon=False, ncols=2)
    panels[2, 0].legend(frameon=False)
    for axes in panels.flat:
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(
        f"{config.images} CIFAR-10 test images ({few(config)} in the lower two rows); dotted: 1 "
        "% a step, and 1; at the foot: below 0.001 %",
        fontsize="medium",
    )
    report.figure(figure)


if __name__ == "__main__":
    run(main)
