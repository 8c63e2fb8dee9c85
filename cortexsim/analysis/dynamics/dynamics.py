"""How a network moves: relative step sizes, the Jacobian of one step, distance to a fixed point, effective depth.

A network with time-specific normalisation is another map at every step, so "its" Jacobian and "its" fixed point do not exist. What is analysed is the
*held* map of a step t: ``f_t`` takes the joint state h(t) (all populated states, flattened) to h(t + 1) with the statistics of departure step t, and
iterating it means running the network on with these statistics for ever. Biases and a constant input are part of ``f_t`` but not of its Jacobian.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.dynamics.krylov import spectra
from cortexsim.analysis.statistics.draws import generator_of, whole_number
from cortexsim.errors import AnalysisError
from cortexsim.provenance import provenance
from cortexsim.timeaxis import TimeAxis

if TYPE_CHECKING:
    import torch
    import xarray

    from cortexsim.models import Network

PERCENTILES = (5, 25, 50, 75, 95)
DIVERGED = 1e12


def relative_steps(
    net: Network, images: torch.Tensor, steps: int | None = None, *, time_axis: TimeAxis | None = None, batch_size: int = 100
) -> xarray.Dataset:  # fmt: skip
    """How far each state moves in a step, relative to its size: ``|h(t + 1) - h(t)| / |h(t)|``, Euclidean norm over all units; and how far it turns.

    A state that only grows along its own direction moves without turning: ``turn = |u(t + 1) - u(t)|`` with ``u = h / |h|``.

    images: ``(stimulus, channel, y, x)``, preprocessed. steps: of the run; default the readout time. time_axis: of the coordinates in ms.

    Returns a Dataset: relative_step ``(state, step, stimulus)``, the move that begins at ``step``; turn and norm |h(t)|, alike;
    mean ``(state, step)`` and percentiles ``(percentile, state, step)`` of relative_step over stimuli. NaN where a state is not populated at both
    t and t + 1.
    Raises AnalysisError for a net in training mode, no images, images that are not finite, or fewer than 2 steps.

    >>> import torch, cortexsim
    >>> moved = relative_steps(cortexsim.load("cortex4"), torch.zeros(2, 3, 32, 32))
    >>> dict(moved.relative_step.sizes), bool(moved.relative_step.sel(state="IT", step=3).isnull().all())
    ({'state': 4, 'step': 7, 'stimulus': 2}, True)
    """
    import torch
    import xarray

    steps = _checked(net, images, steps)
    names = list(net.state_names)
    norm = np.full((len(names), steps, len(images)), np.nan)
    moved, inner = (np.full((len(names), steps - 1, len(images)), np.nan) for _ in range(2))
    with torch.no_grad():
        for first in range(0, len(images), batch_size):
            part = slice(first, first + batch_size)
            before: dict[str, torch.Tensor] = {}
            for step, states in net.unroll(images[part], steps):
                for k, name in enumerate(names):
                    if name not in states:
                        continue
                    norm[k, step - 1, part] = _norm(states[name])
                    if name in before:
                        moved[k, step - 2, part] = _norm(states[name] - before[name])
                        inner[k, step - 2, part] = _inner(states[name], before[name])
                before = states
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(norm[:, :-1] > 0, moved / norm[:, :-1], np.nan)
        turn = np.sqrt(np.maximum(2 - 2 * inner / (norm[:, 1:] * norm[:, :-1]), 0))
    dims = ("state", "step", "stimulus")
    found = xarray.Dataset(
        {"relative_step": (dims, relative), "turn": (dims, turn), "norm": (dims, norm[:, :-1])},
        coords={"state": names, **_time(range(1, steps), time_axis)},
        attrs={
            "steps": steps,
            "n": len(images),
            "equation": "|h(t+1) - h(t)| / |h(t)|",
            **_provenance(),
        },
    )
    found["mean"] = found.relative_step.mean("stimulus", skipna=False)
    quantiles = found.relative_step.quantile(np.array(PERCENTILES) / 100, "stimulus", skipna=False)
    return found.assign(
        percentiles=quantiles.rename(quantile="percentile").assign_coords(
            percentile=list(PERCENTILES)
        )
    )


def effective_depth(relative_step: Any, threshold: float = 0.01) -> np.ndarray:
    """The step from which on every further move is smaller than ``threshold``: what lies deeper adds less than that.

    relative_step: ``(..., step, stimulus)``, as ``relative_steps`` returns, its steps from 1. Returns ``(..., stimulus)``: the first step t such that
    the moves at t, t + 1, ... are all below ``threshold``; NaN where the last move is not, or the state is never populated at two steps.

    >>> effective_depth(np.array([[0.5], [0.008], [0.2], [0.001]])).tolist(), effective_depth(np.array([[0.5]])).tolist()
    ([4.0], [nan])
    """
    values = np.asarray(relative_step, dtype=float)
    if values.ndim < 2 or not values.shape[-2]:
        raise AnalysisError(
            f"relative steps have shape {values.shape}; give (..., step, stimulus) with at least one step"
        )
    if not (isinstance(threshold, (int, float)) and threshold > 0):
        raise AnalysisError(f"threshold {threshold!r}: give a positive share, e.g. 0.01 for 1 %")
    small = values < threshold  # NaN is not
    from_here_on = np.flip(np.logical_and.accumulate(np.flip(small, -2), axis=-2), -2)
    return np.where(from_here_on.any(-2), from_here_on.argmax(-2) + 1.0, np.nan)


@dataclass(frozen=True)
class StepMap:
    """The held map of one step: joint state ``(batch, unit)`` at departure step ``step`` to the joint state one step later.

    names, shapes: the states in order and their ``(channel, y, x)``; ``join`` and ``split`` go between dictionaries and joint states.
    """

    net: Network
    step: int
    names: tuple[str, ...]
    shapes: tuple[tuple[int, int, int], ...]
    instances: tuple[Any, ...]
    given: torch.Tensor | None  # the pre-net's output, where the input is on at every step

    def __call__(self, joint: torch.Tensor) -> torch.Tensor:
        states = self.split(joint)
        total: dict[str, torch.Tensor] = {} if self.given is None else {self.names[0]: self.given}
        ready: dict[tuple[str, int], torch.Tensor] = {}
        for t, departed in self.instances:
            tau = self.net.spec.graph[t.target].tau_steps
            for part in self.net._deliver(t, departed, states[t.source], ready).values():
                term = (
                    part if tau == 1 else part / tau
                )  # forward mode is slow at a division that does nothing
                total[t.target] = total[t.target] + term if t.target in total else term
        for s in self.net.spec.graph.states:
            if s.update == "leaky" and s.name in states:
                total[s.name] = states[s.name] * (1 - 1 / s.tau_steps) + total.get(s.name, 0)
        return self.join(total)

    def join(self, states: dict[str, torch.Tensor]) -> torch.Tensor:
        import torch

        return torch.cat([states[name].reshape(len(states[name]), -1) for name in self.names], 1)

    def split(self, joint: torch.Tensor) -> dict[str, torch.Tensor]:
        sizes = [int(np.prod(s)) for s in self.shapes]
        parts = zip(self.names, joint.split(sizes, 1), self.shapes, strict=True)
        return {name: part.reshape(len(joint), *shape) for name, part, shape in parts}


def step_map(net: Network, images: torch.Tensor, step: int) -> tuple[StepMap, torch.Tensor]:
    """The held map of a step, and the joint state ``(stimulus, unit)`` of the network at that step for these images.

    Raises AnalysisError for a net in training mode, transitions that take more than one step, or a step after which other states are populated than
    before it: a map between different spaces has no eigenvalues.

    >>> import torch, cortexsim
    >>> net, x = cortexsim.load("cortex4"), torch.zeros(1, 3, 32, 32)
    >>> f, h = step_map(net, x, 8)
    >>> after = dict(net.unroll(x, 9))[9]
    >>> h.shape, bool((f(h) == f.join(after)).all())
    (torch.Size([1, 15360]), True)
    """
    import torch

    if whole_number(step, "step") < 1:
        raise AnalysisError(f"step {step}: the first step is 1")
    _checked(net, images, step + 1)
    if slow := [t.name for t in net.spec.graph.transitions if t.delay > 1]:
        raise AnalysisError(
            f"transitions {', '.join(slow)} take more than one step, so one joint state does not determine the next"
        )
    shown = range(1, step + 2) if net.spec.graph.inhomogeneous else (1,)
    plan = net._plan(step + 1, frozenset(shown), None)
    here, there = (
        [s.name for s in net.spec.graph.states if (s.name, t) in plan.populated]
        for t in (step, step + 1)
    )
    if here != there:
        raise AnalysisError(
            f"at step {step} the states {', '.join(here) or 'none'} are populated, at step {step + 1} {', '.join(there) or 'none'}; "
            "the map of a step is analysed where they are the same"
        )
    with torch.no_grad():
        states = next(s for t, s in net.unroll(images, step) if t == step)
        first = net.spec.graph.states[0]
        given = net._look(images) / first.tau_steps if net.spec.graph.inhomogeneous else None
    shapes = [(int(c), int(y), int(x)) for c, y, x in (states[n].shape[1:] for n in here)]
    f = StepMap(net, step, tuple(here), tuple(shapes), tuple(plan.arrivals[step]), given)
    return f, f.join(states)


def jacobian(
    net: Network, images: torch.Tensor, steps: Sequence[int], *, krylov: int = 40, time_axis: TimeAxis | None = None,
    batch_size: int = 10, rng: int | np.random.Generator = 0,
) -> xarray.Dataset:  # fmt: skip
    """Spectral radius and spectral norm of the Jacobian of the held map f_t at h(t), for every image and every step of ``steps``.

    ``J = d f_t / d h`` at h(t), over the joint state. spectral_radius: max |eigenvalue|, by Arnoldi's power iteration on products J v
    (torch.func.jvp) kept orthogonal, which resolves complex pairs; where it is above 1, neighbours of h(t) part in the long run, as far as the
    linearisation holds. spectral_norm: max |J v| / |v| (Lanczos on J'J), the largest growth in one step, never below the radius. A ReLU has
    derivative 0 at 0. Where J is nilpotent (a feed-forward chain of k states) the radius is 0 up to the k-th root of the rounding error, about
    0.001 in single precision.

    images: ``(stimulus, channel, y, x)``. steps: departure steps at which all states are populated. krylov: products per image.

    Returns a Dataset by ``(step, stimulus)``: spectral_radius, spectral_norm, residual (|J v - lambda v| / |lambda| of the eigenvector found; above
    0.1 the radius is a lower estimate only: give a larger krylov). Raises as ``step_map``. Sources: Arnoldi 1951; Saad 2011, section 6.

    >>> import torch, cortexsim
    >>> found = jacobian(cortexsim.load("cortex4"), torch.zeros(1, 3, 32, 32), [8], krylov=10)
    >>> bool(found.spectral_radius[0, 0] <= found.spectral_norm[0, 0])
    True
    """
    import torch
    import xarray

    if whole_number(krylov, "krylov") < 2:
        raise AnalysisError(f"krylov={krylov}; give at least 2 products")
    seeds = generator_of(rng).integers(2**31, size=len(steps))
    names = ("spectral_radius", "spectral_norm", "residual")
    out = np.full((3, len(steps), len(images)), np.nan)
    for k, step in enumerate(steps):
        generator = torch.Generator().manual_seed(int(seeds[k]))
        for first in range(0, len(images), batch_size):
            f, h = step_map(net, images[first : first + batch_size], step)
            start = torch.randn(h.shape, generator=generator, dtype=torch.float64).to(h)
            out[:, k, first : first + batch_size] = spectra(f, h, start, krylov)
    return xarray.Dataset(
        {name: (("step", "stimulus"), values) for name, values in zip(names, out, strict=True)},
        coords=_time(steps, time_axis),
        attrs={
            "krylov": krylov, "n": len(images), "seed": "a generator of the caller" if isinstance(rng, np.random.Generator) else int(rng),
            "linearised": "one step over the joint state at h(t), statistics of step t held", **_provenance(),
        },
    )  # fmt: skip


def fixed_point(
    f: Callable[[torch.Tensor], torch.Tensor],
    start: torch.Tensor,
    *,
    iterations: int = 200,
    tolerance: float = 1e-5,
) -> FixedPoint:
    """Where the held map comes to rest when it is iterated: h <- f(h) from ``start`` until ``|f(h) - h| <= tolerance |h|`` for every image.

    f: a map of joint states, as ``step_map`` gives. start: ``(stimulus, unit)``. Iteration finds attracting points only; an image whose orbit has not
    come to rest (it may circle, wander or grow) has ``converged`` False, and its point is where it was last.

    >>> import torch
    >>> found = fixed_point(lambda h: 0.5 * h + 1, torch.zeros(1, 3))
    >>> found.point.round(decimals=3).tolist(), found.converged.tolist()
    ([[2.0, 2.0, 2.0]], [True])
    """
    import torch

    if whole_number(iterations, "iterations") < 1 or not tolerance > 0:
        raise AnalysisError(
            f"iterations={iterations} and tolerance={tolerance} must be at least 1 and above 0"
        )
    h, sizes = start, []
    with torch.no_grad():
        for _ in range(iterations):
            after = f(h)
            size = (after - h).norm(dim=1) / h.norm(dim=1).clamp_min(torch.finfo(h.dtype).tiny)
            sizes.append(size.cpu().double().numpy())
            # What has left all bounds stays where it is, so that the others can go on without infinities.
            gone = ~(after.norm(dim=1) < DIVERGED * start.norm(dim=1).clamp_min(1.0))
            h = torch.where(gone[:, None], h, after)
            if bool(((size <= tolerance) | gone).all()):
                break
    residual = np.stack(sizes)
    gone_last = gone.cpu().numpy()
    return FixedPoint(h, (residual[-1] <= tolerance) & ~gone_last, gone_last, residual)


@dataclass(frozen=True)
class FixedPoint:
    """point ``(stimulus, unit)``; converged, diverged ``(stimulus,)`` bool; residual ``(iteration, stimulus)``: |f(h) - h| / |h| on the way."""

    point: torch.Tensor
    converged: np.ndarray
    diverged: np.ndarray
    residual: np.ndarray


def distances(
    net: Network, images: torch.Tensor, hold: int, *, iterations: int = 200, tolerance: float = 1e-5, time_axis: TimeAxis | None = None
) -> xarray.Dataset:  # fmt: skip
    """How far each state is, at every step of the run, from the fixed point of the map held at step ``hold``: ``|h(t) - h*| / |h*|``.

    Returns a Dataset: distance ``(state, step, stimulus)`` for steps 1 to hold (NaN where a state is not populated or the iteration from h(hold)
    does not come to rest); converged and diverged ``(stimulus)``; residual ``(iteration, stimulus)``. Raises as ``step_map``.
    """
    import torch
    import xarray

    f, h = step_map(net, images, hold)
    rest = fixed_point(f, h, iterations=iterations, tolerance=tolerance)
    target = f.split(rest.point)
    out = np.full((len(f.names), hold, len(images)), np.nan)
    with torch.no_grad():
        for step, states in net.unroll(images, hold):
            for k, name in enumerate(f.names):
                if name in states:
                    size = _norm(target[name])
                    out[k, step - 1] = _norm(states[name] - target[name]) / np.where(
                        size > 0, size, np.nan
                    )
    out[..., ~rest.converged] = np.nan
    return xarray.Dataset(
        {
            "distance": (("state", "step", "stimulus"), out),
            "converged": ("stimulus", rest.converged),
            "diverged": ("stimulus", rest.diverged),
            "residual": (("iteration", "stimulus"), rest.residual),
        },
        coords={"state": list(f.names), **_time(range(1, hold + 1), time_axis)},
        attrs={
            "hold": hold,
            "iterations": iterations,
            "tolerance": tolerance,
            "n": len(images),
            **_provenance(),
        },
    )


# ---------------------------------------------------------------------------------------------------- inside


def _norm(x: torch.Tensor) -> np.ndarray:
    return x.double().flatten(1).norm(dim=1).cpu().numpy()


def _inner(a: torch.Tensor, b: torch.Tensor) -> np.ndarray:
    return (a.double().flatten(1) * b.double().flatten(1)).sum(1).cpu().numpy()


def _checked(net: Network, images: torch.Tensor, steps: int | None) -> int:
    """The number of steps; AnalysisError for what cannot be run."""
    if net.training:
        raise AnalysisError(
            "the network is in training mode, where a batch's images influence each other; call net.eval() first"
        )
    if images.dim() != 4 or not len(images) or not bool(images.isfinite().all()):
        raise AnalysisError(
            f"images have shape {tuple(images.shape)}; give at least one, (stimulus, channel, y, x), all values finite"
        )
    steps = net.readout if steps is None else whole_number(steps, "steps")
    if steps < 2:
        raise AnalysisError(f"{steps} steps hold no move from one to the next; give at least 2")
    return steps


def _time(steps: Sequence[int], axis: TimeAxis | None) -> dict[str, Any]:
    axis = axis or TimeAxis()
    steps = list(steps)
    return {
        "step": steps,
        "time_ms": ("step", axis.time_ms(steps), {"units": "ms after image onset, nominal"}),
        "time_ms_low": ("step", axis.low_ms(steps)),
        "time_ms_high": ("step", axis.high_ms(steps)),
    }


def _provenance() -> dict[str, str]:
    return {"provenance": json.dumps(provenance("xarray"))}
