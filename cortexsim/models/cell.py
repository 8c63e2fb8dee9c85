"""One step of a network: what its transitions deliver, and the states that this adds up to."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cortexsim.errors import CalibrationError, GraphError
from cortexsim.models.layers import make_layers, numbers_needed
from cortexsim.models.liveness import Schedule, schedule
from cortexsim.models.memory import Memory, States
from cortexsim.models.spec import PRE_NETS, PostNet, PreNet, Spec
from cortexsim.models.states import Transition, ranges
from cortexsim.models.transitions import Statistics, conv_specs, sum_of
from cortexsim.models.tying import Sharing, weight_names


def numbers_of(spec: Spec) -> int:
    """How many weights and statistics a network of this specification has; none is made.

    >>> from cortexsim.models.zoo import spec
    >>> numbers_of(spec("rnn2-t2"))
    77194
    """
    instances = schedule(spec.graph, max(spec.readout), readouts=spec.readout).instances()
    return numbers_needed(spec, Sharing(spec.tying, weight_names(instances, spec.tying)), instances)


@dataclass(frozen=True)
class Run:
    """What stays the same during a run: its schedule, its images, and where its drive is put."""

    plan: Schedule
    frames: dict[int, Tensor]
    delivered: dict[str, States] | None = None


class Cell(nn.Module):
    """The modules of a network, and the one step that they do; the loop over time is Unrolled's.

    Parameters
    ----------
    spec : Spec
        The architecture.
    pre_net : torch.nn.Module, optional
        A pre-net of your own.
    seed : int
        Of the fresh weights.
    """

    def __init__(self, spec: Spec, *, pre_net: nn.Module | None = None, seed: int = 0) -> None:
        super().__init__()
        if pre_net is not None:
            spec = dataclasses.replace(spec, pre_net="custom")
        elif spec.pre_net == "custom":
            raise GraphError(
                "this network was built with a pre-net of its own; pass that module as "
                "Network(spec, pre_net=module)"
            )
        self.spec = spec
        generator = torch.Generator().manual_seed(seed)
        self.memory_format = torch.channels_last
        graph, horizon = spec.graph, max(spec.readout)
        instances = schedule(graph, horizon, readouts=spec.readout).instances()
        self.sharing = Sharing(spec.tying, weight_names(instances, spec.tying))
        numbers_needed(spec, self.sharing, instances)  # GraphError for far too many
        self._depth = {t.name: len(conv_specs(graph, t)) for t in graph.transitions}
        self.pre_net = pre_net or PreNet(
            PRE_NETS[spec.pre_net],
            channels=spec.channels,
            features=graph[graph.input_state].features,
            generator=generator,
        )
        layers = make_layers(spec, self.sharing, instances, generator=generator)
        self.convolutions = layers.convolutions
        self.affines = layers.affines
        self.statistics = layers.statistics
        self.post_net = PostNet(
            graph[graph.output_state].features,
            spec.classes,
            horizon,
            shared=spec.norm == "shared",
            generator=generator,
        )
        self.to(memory_format=self.memory_format)

    def step(self, run: Run, now: int, memory: Memory) -> States:
        """The states at one step; ``memory`` advances with it."""
        graph, past = self.spec.graph, memory.past
        arriving: dict[str, States] = {}
        if now in run.plan.inputs:
            if memory.looked is None or memory.looked[0] is not run.frames[now]:
                memory.looked = run.frames[now], self.look(run.frames[now])
            arriving[graph.input_state] = {"input": memory.looked[1]}
        for t, departed in run.plan.arrivals[now - 1]:
            parts = self.deliver(t, departed, past[departed][t.source], ready=memory.ready)
            arriving.setdefault(t.target, {}).update(parts)
        states: States = {}
        for s in graph.states:
            if (s.name, now) not in run.plan.populated:
                continue
            parts = arriving.get(s.name, {})
            if s.update == "leaky":
                parts = {k: v / s.tau_steps for k, v in parts.items()}
                if (before := past.get(now - 1, {}).get(s.name)) is not None:
                    parts["leak"] = before * (1 - 1 / s.tau_steps)
            terms = list(parts.values())
            states[s.name] = terms[0] if len(terms) == 1 else sum_of(terms)
            if run.delivered is not None:
                arriving[s.name] = parts
        if run.delivered is not None:
            run.delivered.clear()
            run.delivered.update(arriving)
        longest = max((t.delay for t in graph.transitions), default=1)
        memory.advance(now, states, longest=longest)
        return states

    def look(self, frame: Tensor) -> Tensor:
        """What the pre-net makes of a batch of images: what arrives in the first state."""
        frame = frame.contiguous(memory_format=self.memory_format) if frame.dim() == 4 else frame
        if isinstance(self.pre_net, PreNet):
            return self.pre_net(frame, use_batch=self.training)
        return self.pre_net(frame)

    def deliver(
        self,
        t: Transition,
        departed: int,
        source: Tensor,
        *,
        ready: dict[tuple[str, int], Tensor],
    ) -> States:
        """What one transition brings: F(x), and apart from it the shortcut's x or projection of x.

        ready: states normalised and rectified, by (state, step), filled as they are needed.
        """
        parts: States = {}
        if not t.silent_at(departed):
            parts[t.name] = self._transform(t, departed, source, ready=ready)
        if t.shortcut == "identity":
            parts[f"{t.name} shortcut"] = source
        elif t.shortcut == "projection":
            up = max(0, -self.spec.graph.levels(t))
            x = F.interpolate(source, scale_factor=2.0**up, mode="nearest") if up else source
            project = self.convolutions[self.sharing.convolution(t, departed, "projection")]
            parts[f"{t.name} shortcut"] = project(x)
        return parts

    def _transform(
        self,
        t: Transition,
        departed: int,
        source: Tensor,
        *,
        ready: dict[tuple[str, int], Tensor],
    ) -> Tensor:
        """F of one transition: the max-pool, the plain convolution, or the BRC chain."""
        if t.operator == "maxpool":
            return F.max_pool2d(source, 2 ** self.spec.graph.levels(t))
        if t.operator == "conv":
            return self.convolutions[self.sharing.convolution(t, departed, 0)](source)
        affine = self.spec.norm_affine
        x = source
        for layer in range(self._depth[t.name]):
            key = (t.source, departed)
            if layer == 0 and key in ready:
                x = ready[key]
            else:
                norm = self.statistics[self.sharing.statistics(t, layer)]
                x = norm(x, departed, use_batch=self.training)
                x = x if affine else F.relu_(x)
                if layer == 0:
                    ready[key] = x
            if affine:
                x = F.relu_(self.affines[self.sharing.affine(t, departed, layer)](x))
            x = self.convolutions[self.sharing.convolution(t, departed, layer)](x)
        return x

    def extend(self, steps: int) -> None:
        """Make room for the statistics of ``steps`` steps."""
        for module in self.modules():
            if isinstance(module, Statistics):
                module.extend(steps)

    def missing_statistics(
        self, plan: Schedule, readouts: Iterable[int] = ()
    ) -> dict[str, set[int]]:
        """The (layer -> steps) whose statistics a schedule needs and that were never estimated."""
        missing: dict[str, set[int]] = {}
        for t, step in plan.instances():
            if t.operator == "brc" and not t.silent_at(step):
                for layer in range(self._depth[t.name]):
                    key = self.sharing.statistics(t, layer)
                    if not cast(Statistics, self.statistics[key]).has(step):
                        missing.setdefault(key, set()).add(step)
        for step in readouts:
            if not self.post_net.statistics.has(step):
                missing.setdefault("readout", set()).add(step)
        return missing

    def check_statistics(self, plan: Schedule, readouts: Iterable[int]) -> None:
        """CalibrationError that names the layers and steps without statistics."""
        unseen = isinstance(self.pre_net, PreNet) and not all(
            cast(Statistics, n).has(1) for n in self.pre_net.statistics
        )
        missing = self.missing_statistics(plan, readouts)
        if not missing and not unseen:
            return
        lines = [f"{layer} at step {ranges(sorted(steps))}" for layer, steps in missing.items()]
        raise CalibrationError(
            f"a run of {plan.steps} steps needs normalisation statistics that were never "
            f"estimated: {'; '.join(lines) or 'the pre-net'}. Estimate them on training images "
            f"with cortexsim.calibrate(net, images, steps={plan.steps})"
        )
