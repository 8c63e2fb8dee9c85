"""Appendix B of the memo: where a linear net with a constant input settles.

Claim: at (I - K')^-1 x if the spectral radius of K' is below 1.

How: a net of one state with K' = I + K as the memo has it, K a 3 x 3 convolution (operator
``conv``, no normalisation, bias 0) beside an identity shortcut, through the package's own time loop
in double precision. K' is a random convolution (seed below) scaled to the spectral radius by
numpy's eigenvalues of its matrix.

Inputs: none (random kernels and images).
Outputs: appendix_b_fixed_point.png, .pdf and .json.
Run time: see "seconds" in appendix_b_fixed_point.json, no GPU.

    python analyses/appendix_b_fixed_point.py --out figures
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from shared.common import Config, Report

from cortexsim.cli import parse, run

RADII = (0.5, 0.9, 0.99, 1.0, 1.1)
SEED = 0
SIZE, FEATURES, IMAGES = 8, 3, 8
STEPS = 200
LATE = 50  # steps at most, and a third of those above the noise, over which the rate is measured
NOISE = 1e-12  # distances below are rounding errors
CLAIM = (
    "Memo, appendix B: a linear inhomogeneous net converges to (I - K')^-1 x for spectral "
    "radius below 1 (equations 7-10), and what happens from 1 on."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the nets, measure, draw."""
    config = parse(Config, arguments, "python analyses/appendix_b_fixed_point.py", __doc__ or "")
    report = Report("appendix_b_fixed_point", config, CLAIM)
    found = {radius: settle(radius) for radius in RADII}
    draw(report, found)
    results = {
        "settings": {
            "state": f"{SIZE} x {SIZE} x {FEATURES}",
            "images": IMAGES,
            "steps": STEPS,
            "seed": SEED,
            "precision": "float64",
            "late_steps": LATE,
        },
        "by_spectral_radius": {
            str(r): {k: v for k, v in one.items() if k != "mean"} for r, one in found.items()
        },
    }
    report.numbers([], results)
    return 0


def settle(radius: float) -> dict[str, Any]:
    """Distances to the solution at every step, for one spectral radius."""
    import torch

    inhomogeneous, k = linear_net(radius, inhomogeneous=True)
    homogeneous, _ = linear_net(radius, inhomogeneous=False)
    x = torch.randn(
        IMAGES, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(SEED), dtype=torch.float64
    )
    with torch.no_grad():
        states = run_states(inhomogeneous, x)
        sums = np.cumsum(run_states(homogeneous, x), axis=0)
        given = inhomogeneous.pre_net(x, use_batch=False).flatten(1).numpy()
    system = np.eye(len(k)) - k
    goal = np.linalg.solve(system, given.T).T
    distance = np.linalg.norm(states - goal, axis=2) / np.linalg.norm(goal, axis=1)
    mean = np.exp(np.log(distance).mean(1))  # (step,)
    usable = np.flatnonzero(mean > NOISE)
    usable = usable[-min(LATE, len(usable) // 3) :]
    values = np.linalg.eigvals(k)
    top = values[np.abs(values).argmax()]
    return {
        "largest_eigenvalue": {"real": top.real, "imaginary": top.imag},
        "condition_number_of_I_minus_K": np.linalg.cond(system),
        "rate_predicted": radius,
        "rate_measured": float(np.exp(np.polyfit(usable, np.log(mean[usable]), 1)[0])),
        "rate_measured_at_steps": [int(usable[0]) + 1, int(usable[-1]) + 1],
        "distance_at_step": {t: mean[t - 1] for t in (1, 2, 5, 10, 20, 50, 100, 200)},
        "largest_distance": {"step": int(mean.argmax()) + 1, "distance": mean.max()},
        "sum_of_homogeneous_states_less_inhomogeneous_state": float(
            np.abs(sums - states).max() / np.abs(states).max()
        ),
        "mean": mean,
    }


def linear_net(radius: float, *, inhomogeneous: bool) -> tuple[Any, np.ndarray]:
    """A net whose step is h -> K'h (+ x), K' = I + K with the given spectral radius, and the matrix
    of K'.
    """
    import torch

    from cortexsim.models import Graph, Network, Spec, State, Transition

    itself = Transition("h", "h", "conv", shortcut="identity")
    net = (
        Network(
            Spec(Graph((State("h", SIZE, FEATURES),), (itself,), inhomogeneous), (STEPS,)),
            seed=SEED,
        )
        .double()
        .eval()
    )
    with torch.no_grad():
        kernel = net.convolutions["h->h|0"].weight
        whole = kernel.clone()
        whole *= radius / np.abs(np.linalg.eigvals(matrix(whole))).max()
        kernel.copy_(whole)
        kernel[range(FEATURES), range(FEATURES), 1, 1] -= (
            1.0  # K = K' - I: the shortcut adds I again
        )
        return net, matrix(whole)


def matrix(kernel: Any) -> np.ndarray:
    """A 3 x 3 convolution with zero padding as a matrix ``(unit, unit)``."""
    import torch

    units = FEATURES * SIZE**2
    basis = torch.eye(units, dtype=kernel.dtype).reshape(units, FEATURES, SIZE, SIZE)
    return torch.nn.functional.conv2d(basis, kernel, padding=1).reshape(units, units).T.numpy()


def run_states(net: Any, x: Any) -> np.ndarray:
    """The state at every step, ``(step, image, unit)``."""
    return np.stack([states["h"].flatten(1).numpy() for _, states in net.unroll(x, STEPS)])


def draw(report: Report, found: dict[float, dict[str, Any]]) -> None:
    """Distance by step, with the prediction r^t."""
    from matplotlib.figure import Figure

    from cortexsim.plotting import STATE_STYLES

    figure = Figure(figsize=(7.5, 5), layout="constrained")
    axes = figure.subplots()
    steps = np.arange(1, STEPS + 1)
    for (colour, dash, marker), (radius, one) in zip(STATE_STYLES, found.items()):
        mean = np.where(one["mean"] > NOISE, one["mean"], np.nan)
        axes.plot(
            steps,
            mean,
            color=colour,
            ls=dash,
            marker=marker,
            markevery=20,
            ms=5,
            label=f"{radius:g}  ({one['rate_measured']:.4f})",
        )
        last = int(np.flatnonzero(np.isfinite(mean))[-1])
        axes.plot(
            steps[: last + 1],
            mean[last] * radius ** (steps[: last + 1] - steps[last]),
            color="grey",
            lw=0.8,
            zorder=0,
        )
    axes.set(
        yscale="log",
        xlabel="step t",
        ylabel="distance to the fixed point\n$|h(t)-h^*|\\,/\\,|h^*|$,  $h^*=(I-K')^{-1}x$",
    )
    axes.set_title(
        f"A linear net with constant input, one state of {SIZE} × {SIZE} × "
        f"{FEATURES}\n(geometric mean over {IMAGES} images; grey: slope $r^t$)",
        fontsize="medium",
    )
    axes.legend(
        title="spectral radius r of K'\n(rate measured late)",
        frameon=False,
        fontsize="small",
        title_fontsize="small",
    )
    axes.spines[["top", "right"]].set_visible(False)
    report.figure(figure)


if __name__ == "__main__":
    run(main)
