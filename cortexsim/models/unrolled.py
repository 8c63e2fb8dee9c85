"""A network unrolled in time: what a run needs, and the one loop over time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from cortexsim.models.cell import Cell, Run
from cortexsim.models.frames import Frames, by_step, check_precision, checked
from cortexsim.models.limits import Limits
from cortexsim.models.liveness import Schedule, schedule
from cortexsim.models.memory import Memory, States, recomputing, segments
from cortexsim.models.spec import Spec


class Unrolled(Cell):
    """A cell that runs through time; how its last state is read out is Network's.

    Its parameters are those of Cell.
    """

    def __init__(self, spec: Spec, *, pre_net: nn.Module | None = None, seed: int = 0) -> None:
        super().__init__(spec, pre_net=pre_net, seed=seed)
        self.card: dict[str, Any] = {}  # of trained weights, see cortexsim.models.weights
        self.checks_images = True
        self._limits = Limits()
        # Gradients from a second run of the steps: less memory, more time.
        self.checkpoint_activations = False
        self._schedules: dict[Any, Schedule] = {}

    def run_steps(
        self,
        images: Frames,
        steps: int,
        readouts: tuple[int, ...] | None,
        *,
        delivered: dict[str, States] | None = None,
    ) -> Iterator[tuple[int, States]]:
        """The one loop over time.

        readouts: simulate live instances only. delivered: filled anew with the drive of each step.
        """
        frames = checked(self.spec, by_step(images, steps, always=self.spec.graph.inhomogeneous))
        check_precision(frames.values(), next(self.parameters(), None))
        if self.checks_images and not self.training:  # augmented images may pass beyond white
            self._limits.check(frames.values(), self.card)
        run = Run(self.plan(steps, frozenset(frames), readouts), frames, delivered)
        memory = Memory()
        again = self.checkpoint_activations and delivered is None and torch.is_grad_enabled()
        for segment in segments(steps, again=again):
            if again and segment[-1] < steps:  # the gradient of the last segment is needed at once
                results, memory = checkpoint(
                    self._segment,
                    run,
                    segment,
                    memory,
                    use_reentrant=False,
                    preserve_rng_state=False,
                    context_fn=lambda: (contextlib.nullcontext(), recomputing(self)),
                )
            else:
                results, memory = self._segment(run, segment, memory)
            yield from ((now, dict(states)) for now, states in results)

    def _segment(
        self, run: Run, segment: range, memory: Memory
    ) -> tuple[list[tuple[int, States]], Memory]:
        """Consecutive steps, from the memory of those before to the memory of those after."""
        memory = memory.copy()
        return [(now, self.step(run, now, memory)) for now in segment], memory

    def plan(
        self, steps: int, inputs: frozenset[int], readouts: tuple[int, ...] | None
    ) -> Schedule:
        """The schedule of a run, restricted to instances that own weights, statistics checked.

        In training the statistics are extended to the steps of the run instead.

        Parameters
        ----------
        steps : int
            Steps 1 to ``steps`` are run.
        inputs : frozenset of int
            The steps at which an image arrives.
        readouts : tuple of int, optional
            Steps that are read out; what they do not need is left out. None runs everything.

        Returns
        -------
        Schedule

        Raises
        ------
        CalibrationError
            In evaluation mode, for statistics that the run needs and that were never estimated.
        """
        plan = self.owned(steps, inputs, readouts)
        if self.training:
            self.extend(steps)
        else:
            self.check_statistics(plan, readouts or ())
        return plan

    def owned(
        self, steps: int, inputs: frozenset[int] | None, readouts: tuple[int, ...] | None
    ) -> Schedule:
        """The schedule of a run, restricted to instances this network owns weights for."""
        key = (steps, inputs, readouts)
        if key not in self._schedules:
            graph = self.spec.graph
            full = schedule(graph, steps, inputs=inputs)
            if not all(self.sharing.owns(t, departed) for t, departed in full.instances()):
                graph = self.sharing.restricted(graph, steps)
            self._schedules[key] = schedule(graph, steps, inputs=inputs, readouts=readouts)
        return self._schedules[key]

    def readable(self, steps: int) -> tuple[int, ...]:
        """The steps up to ``steps`` at which an image can be read out.

        Those at which transitions that own weights populate the last state.

        Parameters
        ----------
        steps : int
            Of the run.

        Returns
        -------
        tuple of int

        Examples
        --------
        >>> import cortexsim
        >>> cortexsim.build("cortex4").readable(8)
        (4, 5, 6, 7, 8)
        """
        populated = self.owned(steps, None, None).populated
        return tuple(
            t for t in range(1, steps + 1) if (self.spec.graph.output_state, t) in populated
        )
