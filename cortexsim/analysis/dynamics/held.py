"""The held map of a step, and its Jacobian.

A network with time-specific normalisation is another map at every step, so "its" Jacobian and "its"
fixed point do not exist. What is analysed is the *held* map of a step t: ``f_t`` takes the joint
state h(t) (all populated states, flattened) to h(t + 1) with the statistics of departure step t,
and iterating it means running the network on with these statistics for ever. Biases and a constant
input are part of ``f_t`` but not of its Jacobian.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.dynamics.krylov import spectra
from cortexsim.analysis.dynamics.runs import checked_run, made_with, time_coordinates
from cortexsim.analysis.statistics.draws import generator_of, whole_number
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.timeaxis import TimeAxis

if TYPE_CHECKING:
    import torch
    import xarray

    from cortexsim.models.network import Network

MOST_PRODUCTS = 1000
"""With the Jacobian, each held in memory."""


@dataclass(frozen=True)
class StepMap:
    """The held map of one step: a joint state ``(batch, unit)`` to the one a step later.

    ``join`` and ``split`` go between dictionaries and joint states.

    Parameters
    ----------
    net : Network
        In evaluation mode.
    step : int
        The departure step, whose statistics are held.
    names : tuple of str
        The states in order.
    shapes : tuple of (int, int, int)
        Their (channel, y, x).
    instances : tuple
        Transitions and when they departed.
    constant_input : tensor, optional
        The pre-net's output, where the input is on at every step.
    """

    net: Network
    step: int
    names: tuple[str, ...]
    shapes: tuple[tuple[int, int, int], ...]
    instances: tuple[Any, ...]
    constant_input: torch.Tensor | None

    def __call__(self, joint: torch.Tensor) -> torch.Tensor:
        states = self.split(joint)
        total: dict[str, torch.Tensor] = {}
        if self.constant_input is not None:
            total[self.names[0]] = self.constant_input
        ready: dict[tuple[str, int], torch.Tensor] = {}
        for t, departed in self.instances:
            tau = self.net.spec.graph[t.target].tau_steps
            for part in self.net.deliver(t, departed, states[t.source], ready=ready).values():
                # Forward mode is slow at a division that does nothing.
                term = part if tau == 1 else part / tau
                total[t.target] = total[t.target] + term if t.target in total else term
        for s in self.net.spec.graph.states:
            if s.update == "leaky" and s.name in states:
                total[s.name] = states[s.name] * (1 - 1 / s.tau_steps) + total.get(s.name, 0)
        return self.join(total)

    def join(self, states: dict[str, torch.Tensor]) -> torch.Tensor:
        """The joint state of a dictionary."""
        import torch

        return torch.cat([states[name].reshape(len(states[name]), -1) for name in self.names], 1)

    def split(self, joint: torch.Tensor) -> dict[str, torch.Tensor]:
        """The states of a joint state."""
        sizes = [int(np.prod(s)) for s in self.shapes]
        parts = zip(self.names, joint.split(sizes, 1), self.shapes, strict=True)
        return {name: part.reshape(len(joint), *shape) for name, part, shape in parts}


@clear_errors
def step_map(net: Network, images: torch.Tensor, step: int) -> tuple[StepMap, torch.Tensor]:
    """The held map of a step, and the joint state of the network at that step for these images.

    Parameters
    ----------
    net : Network
        In evaluation mode.
    images : tensor of shape (stimulus, channel, y, x)
        Preprocessed.
    step : int
        The departure step, from 1.

    Returns
    -------
    map : StepMap
        From joint states to joint states.
    state : tensor of shape (stimulus, unit)
        At that step.

    Raises
    ------
    AnalysisError
        For a net in training mode, transitions that take more than one step, or a step after which
        other states are populated than before it: a map between different spaces has no
        eigenvalues.

    Examples
    --------
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
    checked_run(net, images, step + 1)
    if slow := [t.name for t in net.spec.graph.transitions if t.delay > 1]:
        raise AnalysisError(
            f"transitions {', '.join(slow)} take more than one step, so one joint state does not "
            "determine the next"
        )
    shown = range(1, step + 2) if net.spec.graph.inhomogeneous else (1,)
    plan = net.plan(step + 1, frozenset(shown), None)
    before, after = (
        [s.name for s in net.spec.graph.states if (s.name, t) in plan.populated]
        for t in (step, step + 1)
    )
    if before != after:
        raise AnalysisError(
            f"at step {step} the states {', '.join(before) or 'none'} are populated, at step "
            f"{step + 1} {', '.join(after) or 'none'}; the map of a step is analysed where they "
            "are the same"
        )
    with torch.no_grad():
        states = next(s for t, s in net.unroll(images, step) if t == step)
        first = net.spec.graph.states[0]
        constant = net.look(images) / first.tau_steps if net.spec.graph.inhomogeneous else None
    shapes = [(int(c), int(y), int(x)) for c, y, x in (states[n].shape[1:] for n in before)]
    f = StepMap(net, step, tuple(before), tuple(shapes), tuple(plan.arrivals[step]), constant)
    return f, f.join(states)


@clear_errors
def jacobian(
    net: Network,
    images: torch.Tensor,
    steps: Sequence[int],
    *,
    krylov: int = 40,
    time_axis: TimeAxis | None = None,
    batch_size: int = 10,
    rng: int | np.random.Generator = 0,
) -> xarray.Dataset:
    """Spectral radius and spectral norm of the Jacobian of the held map f_t at h(t).

        J = d f_t / d h at h(t), over the joint state

    for every image and every step. spectral_radius: max |eigenvalue|, by Arnoldi's power iteration
    on products J v (torch.func.jvp) kept orthogonal, which resolves complex pairs; where it is
    above 1, neighbours of h(t) part in the long run, as far as the linearisation holds.
    spectral_norm: max |J v| / |v| (Lanczos on J'J), the largest growth in one step, never below the
    radius. A ReLU has derivative 0 at 0. Where J is nilpotent (a feed-forward chain of k states)
    the radius is 0 up to the k-th root of the rounding error, about 0.001 in single precision.

    Parameters
    ----------
    net : Network
        In evaluation mode.
    images : tensor of shape (stimulus, channel, y, x)
        Preprocessed.
    steps : sequence of int
        Departure steps at which all states are populated.
    krylov : int
        Products per image.
    time_axis : TimeAxis, optional
        Of the coordinates in ms.
    batch_size : int
        Images at a time.
    rng : int or numpy.random.Generator
        Seed or generator of the starting vectors.

    Returns
    -------
    Dataset
        By ``(step, stimulus)``: spectral_radius, spectral_norm, residual (|J v - lambda v| /
        |lambda| of the eigenvector found; above 0.1 the radius is a lower estimate only: give a
        larger krylov).

    Raises
    ------
    AnalysisError
        As ``step_map``.

    References
    ----------
    Arnoldi 1951; Saad 2011, section 6.

    Examples
    --------
    >>> import torch, cortexsim
    >>> x = torch.zeros(1, 3, 32, 32)
    >>> result = jacobian(cortexsim.load("cortex4"), x, [8], krylov=10)
    >>> bool(result.spectral_radius[0, 0] <= result.spectral_norm[0, 0])
    True
    """
    import torch
    import xarray

    if not 2 <= whole_number(krylov, "krylov") <= MOST_PRODUCTS:
        raise AnalysisError(f"krylov={krylov} products; give 2 to {MOST_PRODUCTS:,}, e.g. 40")
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
        coords=time_coordinates(steps, time_axis),
        attrs={
            "krylov": krylov,
            "n": len(images),
            "seed": Inference(rng=rng).seed,
            "linearised": "one step over the joint state at h(t), statistics of step t held",
            **made_with(),
        },
    )
