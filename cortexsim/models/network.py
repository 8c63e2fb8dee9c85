"""A multi-state recurrent network: pre-net, the one loop over time, post-net.

Everything that runs a network (training, recording, masking, Brain-Score) consumes :meth:`Network.unroll`.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from cortexsim.errors import CalibrationError, GraphError
from cortexsim.models.frames import Frames, by_step, checked
from cortexsim.models.graph import Schedule, Transition, Window, ranges, schedule
from cortexsim.models.memory import Memory, States, recomputing, segments
from cortexsim.models.preprocessing import preprocessing_of
from cortexsim.models.spec import PRE_NETS, PostNet, PreNet, Spec
from cortexsim.models.transitions import (
    Affine,
    Convolution,
    Statistics,
    conv_specs,
    owned_only,
    shortcut_spec,
    sum_of,
    weight_names,
)
from cortexsim.shapes import Float


class Network(nn.Module):
    """States joined by transitions and unrolled in time, trained to classify from the last state at a readout time.

    ``h_j(t) = sum over live (i, j) of F_ij(h_i(t - delay)) [+ h_i(t - delay) with +I] [+ prenet(x) in the first state]``

    Images are float tensors ``(batch, channel, y, x)``; sizes are those of ``spec.graph`` scaled with the image, which
    must be divisible by the ratio of the largest to the smallest state. In training mode normalisation uses the batch; in
    evaluation mode the stored statistics, and a time without statistics is an error (see :func:`calibrate`).

    Source: Liao & Poggio 2016 (CBMM Memo 047), sections 3.1-3.7.

    >>> import torch, cortexsim
    >>> net = cortexsim.build("cortex4", seed=0)
    >>> sum(p.numel() for p in net.parameters())
    209530
    >>> net(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(self, spec: Spec, *, pre_net: nn.Module | None = None, seed: int = 0) -> None:
        super().__init__()
        self.card: dict[str, Any] = {}  # of trained weights, see cortexsim.models.weights
        self.is_lesioned = False
        self.checkpoint_activations = (
            False  # gradients from a second run of the steps: less memory, more time
        )
        if (pre_net is not None) != (spec.pre_net == "custom"):
            spec = dataclasses.replace(spec, pre_net="custom") if pre_net is not None else spec
            if pre_net is None:
                raise GraphError(
                    "this network was built with a pre-net of its own; pass that module as Network(spec, pre_net=module)"
                )
        self.spec = spec
        generator = torch.Generator().manual_seed(seed)
        self.memory_format = torch.channels_last
        self._schedules: dict[Any, Schedule] = {}
        graph, horizon, shared = spec.graph, max(spec.readout), spec.norm == "shared"
        live = schedule(graph, horizon, readouts=spec.readout)
        instances = live.instances()
        self._weight_name = weight_names(instances, spec.tying)
        self._specs = {t.name: conv_specs(graph, t) for t in graph.transitions}
        self.pre_net = pre_net or PreNet(
            PRE_NETS[spec.pre_net], spec.channels, graph[graph.input_state].features, generator
        )
        self.convolutions = nn.ModuleDict()
        self.affines = nn.ModuleDict()
        self.statistics = nn.ModuleDict()
        for t, step in instances:
            self._add_instance(t, step, horizon, shared, generator)
        out = graph[graph.output_state]
        self.post_net = PostNet(
            out.features, spec.classes, horizon, shared=shared, generator=generator
        )
        self.to(memory_format=self.memory_format)

    def _add_instance(
        self, t: Transition, step: int, horizon: int, shared: bool, generator: torch.Generator
    ) -> None:
        """Create what this instance needs and no earlier one has created: weights by tying, statistics by (layer, step)."""
        graph = self.spec.graph
        named = [(self._conv_key(t, step, layer), s) for layer, s in enumerate(self._specs[t.name])]
        if t.shortcut == "projection":
            named.append((self._conv_key(t, step, "projection"), shortcut_spec(graph, t)))
        for key, conv_spec in named:
            if key not in self.convolutions:
                self.convolutions[key] = Convolution(conv_spec, generator)
            elif (theirs := self.convolutions[key].spec) != conv_spec:
                raise GraphError(
                    f"weights {key!r} cannot be tied: {t.name} needs {conv_spec}, the others of the set {theirs}"
                )
        if t.operator == "brc":
            for layer, conv_spec in enumerate(self._specs[t.name]):
                if (norm := self._norm_key(t, layer)) not in self.statistics:
                    if hasattr(nn.ModuleDict, norm):
                        raise GraphError(
                            f"a state cannot be called {norm!r}: torch needs that name for itself; choose another"
                        )
                    self.statistics[norm] = Statistics(
                        conv_spec.in_features, horizon, shared=shared
                    )
                if (
                    self.spec.norm_affine
                    and (name := self._affine_key(t, step, layer)) not in self.affines
                ):
                    self.affines[name] = Affine(conv_spec.in_features)

    def _conv_key(self, t: Transition, step: int, layer: int | str) -> str:
        name = self._weight_name[self._known(t, step)]
        return name if self.spec.tying == "all" and layer != "projection" else f"{name}|{layer}"

    def _affine_key(self, t: Transition, step: int, layer: int) -> str:
        return f"{self._weight_name[self._known(t, step)]}|{layer}"

    @staticmethod
    def _norm_key(t: Transition, layer: int) -> str:
        # Without scale and shift, the first BatchNorm of every transition that leaves a state at t sees the same input and has the same
        # mean and variance: they are kept, and computed, once per (state, t).
        return t.source if layer == 0 else f"{t.name}|{layer}"

    def _known(self, t: Transition, step: int) -> tuple[str, int]:
        """An instance whose weights this one uses: itself, or for weights tied over time any of the same transition."""
        if (t.name, step) in self._weight_name or self.spec.tying not in ("time", "all"):
            return t.name, step
        return next(key for key in self._weight_name if key[0] == t.name)

    def _owns(self, t: Transition, step: int) -> bool:
        """Whether the network has weights for this instance (liveness and tying decide)."""
        if (t.name, step) in self._weight_name:
            return True
        return self.spec.tying in ("time", "all") and any(
            name == t.name for name, _ in self._weight_name
        )

    @property
    def readout(self) -> int:
        """The (last) trained readout time, in steps."""
        return self.spec.readout[-1]

    # What cortexsim.models.protocol.Unrolls asks for.

    thread_safe = True

    @property
    def state_names(self) -> tuple[str, ...]:
        """The states, in the order of the graph."""
        return tuple(s.name for s in self.spec.graph.states)

    @property
    def channels(self) -> int:
        """Channels of the images."""
        return self.spec.channels

    @property
    def classes(self) -> int:
        """How many classes the readout tells apart."""
        return self.spec.classes

    def logits(self, states: States, step: int) -> Tensor | None:
        """Logits ``(batch, class)`` of what ``unroll`` yielded at a step; None where the last state is not populated."""
        last = states.get(self.spec.graph.output_state)
        return None if last is None else self.read(last, step)

    def describe(self) -> dict[str, Any]:
        """The specification as JSON."""
        return self.spec.as_dict()

    def preprocess(self, images: Any) -> Float[Tensor, "batch channel y x"]:
        """What ``unroll`` takes, of paths, PIL images or uint8 arrays ``(n, y, x, 3)``.

        Resized, cropped and normalised as the model card declares. A network without a declaration
        (one that was not trained) gets the default of its size, mean 0.5 and std 0.25, with a
        warning.

        >>> import numpy as np, cortexsim
        >>> net = cortexsim.load("cortex4")
        >>> net.preprocess(np.zeros((2, 48, 64, 3), np.uint8)).shape
        torch.Size([2, 3, 32, 32])
        """
        from cortexsim.models.pictures import pixels_of  # needs Pillow, which models need not

        preprocessing, note = preprocessing_of(self)
        if note:
            warnings.warn(note, stacklevel=2)
        return preprocessing(pixels_of(images))

    def lesioned(
        self, which: str, times: Window | None = None, *, keep_shortcut: bool = False
    ) -> Network:
        """This network with a transition (``"V4->V2"``) or a kind (``"feedback"``) lesioned; weights and statistics are shared.

        times: first and last departure step of the lesion. keep_shortcut: silence F(x) but still deliver x.

        >>> import torch, cortexsim
        >>> net = cortexsim.load("cortex4")
        >>> x = torch.rand(1, 3, 32, 32)
        >>> bool((net(x) == net.lesioned("feedback")(x)).all())
        False
        """
        graph = self.spec.graph.lesion(which, times, keep_shortcut=keep_shortcut)
        twin = copy.copy(self)
        twin.spec = dataclasses.replace(self.spec, graph=graph)
        twin._schedules = {}
        twin.is_lesioned = True
        return twin

    # ------------------------------------------------------------------------------------------------ running

    def forward(self, images: Frames) -> Float[Tensor, "batch class"]:
        """Logits ``(batch, class)`` at the trained readout time (the last one, if there are several)."""
        return self.readouts(images, (self.readout,))[self.readout]

    def readouts(self, images: Frames, at: Iterable[int]) -> dict[int, Tensor]:
        """Logits ``(batch, class)`` at each of the steps ``at``, computing only what these need.

        >>> import torch, cortexsim
        >>> net = cortexsim.load("cortex4")
        >>> sorted(net.readouts(torch.zeros(1, 3, 32, 32), at=(4, 8)))
        [4, 8]
        """
        at = tuple(sorted(set(at)))
        if not at:
            raise GraphError(
                "asked for the readout at no step at all; give at least one, e.g. at=(8,)"
            )
        out = self.spec.graph.output_state
        logits = {}
        for step, states in self._loop(images, at[-1], at):
            if step in at:
                logits[step] = self.read(states[out], step)
        return logits

    def read(
        self, state: Float[Tensor, "batch feature y x"], step: int
    ) -> Float[Tensor, "batch class"]:
        """Logits of the post-net for the last state at a step, with that step's statistics."""
        if not self.training and not self.post_net.statistics.has(step):
            raise CalibrationError(
                f"the readout has no normalisation statistics for step {step}; estimate them on training images with "
                f"cortexsim.calibrate(net, images, steps={step})"
            )
        return self.post_net(state, step, use_batch=self.training)

    def unroll(
        self, images: Frames, steps: int | None = None, *, drive: bool = False
    ) -> Iterator[Any]:
        """Yield ``(step, states)`` for steps 1..``steps``: a dict from state name to ``(batch, channel, y, x)``.

        A state that is not populated at a step is absent. images: one batch, shown at step 1 (homogeneous) or at every step
        (inhomogeneous), or a sequence with one batch or None (a blank: nothing arrives) per step. steps: default, the
        readout time. drive: yield ``(step, states, delivered)``, where ``delivered[state][transition]`` is what each
        transition brought, the shortcut's part apart (``"V1->V1 shortcut"``); they sum to the state.

        >>> import torch, cortexsim
        >>> net = cortexsim.load("cortex4")
        >>> {step: list(states) for step, states in net.unroll(torch.zeros(1, 3, 32, 32), steps=3)}
        {1: ['V1'], 2: ['V1', 'V2'], 3: ['V1', 'V2', 'V4']}
        """
        steps = self.readout if steps is None else steps
        if drive:
            delivered: dict[str, States] = {}
            for step, states in self._loop(images, steps, None, delivered):
                yield step, states, dict(delivered)
        else:
            yield from self._loop(images, steps, None)

    def _loop(
        self,
        images: Frames,
        steps: int,
        readouts: tuple[int, ...] | None,
        delivered: dict[str, States] | None = None,
    ) -> Iterator[tuple[int, States]]:
        """The one loop over time. readouts: simulate live instances only. delivered: filled anew with the drive of each step."""
        frames = checked(self.spec, by_step(images, steps, always=self.spec.graph.inhomogeneous))
        plan = self._plan(steps, frozenset(frames), readouts)
        memory = Memory()
        again = self.checkpoint_activations and delivered is None and torch.is_grad_enabled()
        for segment in segments(steps, again=again):
            if again and segment[-1] < steps:  # the gradient of the last segment is needed at once
                results, memory = checkpoint(
                    self._segment, plan, frames, segment, memory, use_reentrant=False, preserve_rng_state=False,
                    context_fn=lambda: (contextlib.nullcontext(), recomputing(self)),
                )  # fmt: skip
            else:
                results, memory = self._segment(plan, frames, segment, memory, delivered)
            yield from ((now, dict(states)) for now, states in results)

    def _segment(
        self,
        plan: Schedule,
        frames: dict[int, Tensor],
        segment: range,
        memory: Memory,
        delivered: Any = None,
    ) -> tuple[list[tuple[int, States]], Memory]:
        """Consecutive steps, from the memory of those before to the memory of those after."""
        memory, results = memory.copy(), []
        for now in segment:
            results.append((now, self._step(plan, frames, now, memory, delivered)))
        return results, memory

    def _step(
        self,
        plan: Schedule,
        frames: dict[int, Tensor],
        now: int,
        memory: Memory,
        delivered: dict[str, States] | None,
    ) -> States:
        """The states at one step; ``memory`` advances with it."""
        past = memory.past
        arriving: dict[str, States] = {}
        if now in plan.inputs:
            if memory.looked is None or memory.looked[0] is not frames[now]:
                memory.looked = frames[now], self._look(frames[now])
            arriving[self.spec.graph.input_state] = {"input": memory.looked[1]}
        for t, departed in plan.arrivals[now - 1]:
            parts = self._deliver(t, departed, past[departed][t.source], memory.ready)
            arriving.setdefault(t.target, {}).update(parts)
        states: States = {}
        for s in self.spec.graph.states:
            if (s.name, now) not in plan.populated:
                continue
            parts = arriving.get(s.name, {})
            if s.update == "leaky":
                parts = {k: v / s.tau_steps for k, v in parts.items()}
                if (before := past.get(now - 1, {}).get(s.name)) is not None:
                    parts["leak"] = before * (1 - 1 / s.tau_steps)
            terms = list(parts.values())
            states[s.name] = terms[0] if len(terms) == 1 else sum_of(terms)
            if delivered is not None:
                arriving[s.name] = parts
        if delivered is not None:
            delivered.clear()
            delivered.update(arriving)
        memory.advance(
            now, states, longest=max((t.delay for t in self.spec.graph.transitions), default=1)
        )
        return states

    def _deliver(
        self, t: Transition, departed: int, source: Tensor, ready: dict[tuple[str, int], Tensor]
    ) -> States:
        """What one transition brings: F(x), and apart from it the shortcut's x or projection of x."""
        parts: States = {}
        if not t.silent_at(departed):
            parts[t.name] = self._transform(t, departed, source, ready)
        if t.shortcut == "identity":
            parts[f"{t.name} shortcut"] = source
        elif t.shortcut == "projection":
            up = max(0, -self.spec.graph.levels(t))
            x = F.interpolate(source, scale_factor=2.0**up, mode="nearest") if up else source
            parts[f"{t.name} shortcut"] = self.convolutions[
                self._conv_key(t, departed, "projection")
            ](x)
        return parts

    def _transform(
        self, t: Transition, departed: int, source: Tensor, ready: dict[tuple[str, int], Tensor]
    ) -> Tensor:
        """F of one transition: the max-pool, the plain convolution, or the BRC chain."""
        if t.operator == "maxpool":
            return F.max_pool2d(source, 2 ** self.spec.graph.levels(t))
        if t.operator == "conv":
            return self.convolutions[self._conv_key(t, departed, 0)](source)
        affine = self.spec.norm_affine
        x = source
        for layer in range(len(self._specs[t.name])):
            key = (t.source, departed)
            if layer == 0 and key in ready:
                x = ready[key]
            else:
                x = self.statistics[self._norm_key(t, layer)](x, departed, use_batch=self.training)
                x = x if affine else F.relu_(x)
                if layer == 0:
                    ready[key] = x
            if affine:
                x = F.relu_(self.affines[self._affine_key(t, departed, layer)](x))
            x = self.convolutions[self._conv_key(t, departed, layer)](x)
        return x

    def _look(self, frame: Tensor) -> Tensor:
        frame = frame.contiguous(memory_format=self.memory_format) if frame.dim() == 4 else frame
        return (
            self.pre_net(frame, use_batch=self.training)
            if isinstance(self.pre_net, PreNet)
            else self.pre_net(frame)
        )

    def _plan(
        self, steps: int, inputs: frozenset[int], readouts: tuple[int, ...] | None
    ) -> Schedule:
        """The schedule of a run, restricted to instances this network owns weights for, its statistics checked."""
        plan = self._owned(steps, inputs, readouts)
        if self.training:
            self.extend(steps)
        else:
            self._check_statistics(plan, readouts or ())
        return plan

    def _owned(
        self, steps: int, inputs: frozenset[int] | None, readouts: tuple[int, ...] | None
    ) -> Schedule:
        """The schedule of a run, restricted to instances this network owns weights for."""
        key = (steps, inputs, readouts)
        if key not in self._schedules:
            full = schedule(self.spec.graph, steps, inputs=inputs, readouts=None)
            missing = {t.name for t, d in full.instances() if not self._owns(t, d)}
            graph = self.spec.graph
            if missing:
                owned = [
                    owned_only(t, [d for d in range(1, steps + 1) if self._owns(t, d)])
                    for t in graph.transitions
                ]
                graph = dataclasses.replace(graph, transitions=tuple(owned))
            self._schedules[key] = schedule(graph, steps, inputs=inputs, readouts=readouts)
        return self._schedules[key]

    def readable(self, steps: int) -> tuple[int, ...]:
        """The steps up to ``steps`` at which an image can be read out: the last state is populated by transitions that own weights.

        >>> import cortexsim
        >>> cortexsim.build("cortex4").readable(8)
        (4, 5, 6, 7, 8)
        """
        populated = self._owned(steps, None, None).populated
        return tuple(
            t for t in range(1, steps + 1) if (self.spec.graph.output_state, t) in populated
        )

    def extend(self, steps: int) -> None:
        """Make room for the statistics of ``steps`` steps."""
        for module in self.modules():
            if isinstance(module, Statistics):
                module.extend(steps)

    def missing_statistics(
        self, plan: Schedule, readouts: Iterable[int] = ()
    ) -> dict[str, set[int]]:
        """The (layer -> steps) whose normalisation a run with this schedule needs and that were never estimated."""
        missing: dict[str, set[int]] = {}
        for t, step in plan.instances():
            if t.operator == "brc" and not t.silent_at(step):
                for layer in range(len(self._specs[t.name])):
                    if not cast(Statistics, self.statistics[self._norm_key(t, layer)]).has(step):
                        missing.setdefault(self._norm_key(t, layer), set()).add(step)
        for step in readouts:
            if not self.post_net.statistics.has(step):
                missing.setdefault("readout", set()).add(step)
        return missing

    def _check_statistics(self, plan: Schedule, readouts: Iterable[int]) -> None:
        unseen = isinstance(self.pre_net, PreNet) and not all(
            cast(Statistics, n).has(1) for n in self.pre_net.statistics
        )
        if (missing := self.missing_statistics(plan, readouts)) or unseen:
            lines = (
                "; ".join(
                    f"{layer} at step {ranges(sorted(steps))}" for layer, steps in missing.items()
                )
                or "the pre-net"
            )
            raise CalibrationError(
                f"a run of {plan.steps} steps needs normalisation statistics that were never estimated: {lines}. "
                f"Estimate them on training images with cortexsim.calibrate(net, images, steps={plan.steps})"
            )
