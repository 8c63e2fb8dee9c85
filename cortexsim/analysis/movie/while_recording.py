"""The RDM movie of a network while it runs; its activations are never stored.

They are held only until their products are taken.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cortexsim.analysis.movie.store import TIMES, Target, movie_template
from cortexsim.analysis.movie.streaming import Collector, Rows, streamed_measure
from cortexsim.errors import AnalysisError
from cortexsim.pairs import LEAST
from cortexsim.recording.recorder import Recorder
from cortexsim.recording.workers import Key
from cortexsim.threads import cores, one_blas_thread


@dataclass(frozen=True)
class Passes:
    """How a movie of a running network is made: which states and steps, in blocks of stimuli.

    held: the type that is computed in. bytes_each: of the activations of one stimulus.
    """

    shapes: dict[str, tuple[int, ...]]
    steps: dict[str, list[int]]
    held: str
    bytes_each: int
    count: int
    block: int

    @classmethod
    def of(cls, recorder: Recorder, memory: int) -> Passes:
        """Whole batches a block; all stimuli in one if they fit.

        Else with the kernel of a block with all later stimuli.
        """
        n, size = len(recorder.stimuli), recorder.settings.batch_size
        variables = {v.group: v for v in recorder.variables if v.name == "activation"}
        steps = {
            s: [t for t, exists in enumerate(v.populated, start=1) if exists]
            for s, v in variables.items()
        }
        held = "float64" if recorder.settings.dtype == "float64" else "float32"
        item = np.dtype(held).itemsize
        each = item * sum(int(np.prod(v.shape)) * len(steps[s]) for s, v in variables.items())
        kernel = item * n * sum(map(len, steps.values()))
        block = n if n * each <= memory else max(1, memory // (each + kernel) // size) * size
        return cls({s: v.shape for s, v in variables.items()}, steps, held, each, n, block)

    @property
    def starts(self) -> range:
        """The first stimulus of each block."""
        return range(0, self.count, self.block)

    def describe(self, memory: int) -> str:
        """What does not fit and what that costs; empty if everything fits."""
        if len(self.starts) == 1:
            return ""
        passes = sum(self.count - s for s in self.starts) / self.count
        return (
            f"{self.count:,} stimuli need {self.count * self.bytes_each / 1e6:,.0f} MB, more than "
            f"--memory {memory >> 20}: {len(self.starts)} blocks, as long as "
            f"{passes:.1f} passes over the stimuli"
        )


def movie_while_recording(
    recorder: Recorder,
    measure: str,
    out: Path,
    sha256: str,
    *,
    memory: int,
    overwrite: bool = False,
    progress: bool = True,
) -> None:
    """Write to ``out`` the movie that ``rdm_movie`` would compute, without making the recording.

    A block of stimuli is held, all later ones pass by it; if ``memory`` bytes do not hold all
    stimuli, the network runs over the later ones again for each further block. Kernels of a block
    are taken when its last batch has come, one (state, step) a core.
    """
    m, n = streamed_measure(measure), len(recorder.stimuli)
    if n < LEAST:
        raise AnalysisError(f"there are {n} stimuli; an RDM needs at least {LEAST}")
    passes = Passes.of(recorder, memory)
    plan = recorder.plan(sha256)
    steps = plan.step_coordinates["step"]
    template = movie_template(
        measure,
        m.equation,
        plan.configuration,
        states=list(passes.steps),
        steps=list(steps),
        times={c: plan.step_coordinates[c] for c in TIMES},
        populated=np.array([[t in at_steps for t in steps] for at_steps in passes.steps.values()]),
        stimulus_id=np.array(plan.stimulus_id, dtype=object),
        label=np.array(plan.label, dtype=object),
        now=True,
    )
    rows = {
        s: [Rows(m, n, int(np.prod(passes.shapes[s]))) for _ in t] for s, t in passes.steps.items()
    }
    position = 0
    with Target(template, out, overwrite=overwrite) as target:
        for k, start in enumerate(passes.starts):
            taker = Taker(passes, rows, start, dtype=recorder.settings.dtype)
            doing = (
                "RDMs" if len(passes.starts) == 1 else f"RDMs, pass {k + 1} of {len(passes.starts)}"
            )
            with one_blas_thread():
                starts = range(start, n, recorder.settings.batch_size)
                made = recorder.batches(starts, progress=progress, doing=doing, sink=taker)
                deque(made, maxlen=0)
            position += taker.finish(target, position)


class Taker:
    """Takes the batches of one pass: a collector for each state."""

    def __init__(
        self, passes: Passes, rows: dict[str, list[Rows]], start: int, *, dtype: str
    ) -> None:
        self.passes, self.dtype = passes, dtype
        self.collectors = {
            s: Collector(r, start, block=passes.block, dtype=passes.held) for s, r in rows.items()
        }
        # Half precision is what a recording would have stored: rounded to it first, so that both
        # movies are the same.
        self.direct = passes.held == dtype

    def place(self, start: int, count: int) -> dict[str, np.ndarray]:
        """Into the block itself where that can be."""
        out = {}
        for s, c in self.collectors.items():
            steps, features = len(self.passes.steps[s]), c.rows[0].features
            whole = self.direct and c.inside(start)
            array = (
                c.place(start, count) if whole else np.empty((steps, count, features), self.dtype)
            )
            out[s] = array.reshape(steps, count, *self.passes.shapes[s])
        return out

    def add(self, start: int, batch: dict[Key, np.ndarray]) -> None:
        """One batch of every state."""
        for s, c in self.collectors.items():
            maps = batch[s, "activation"]
            x = maps.reshape(*maps.shape[:2], -1)
            if not self.direct:
                x = x.astype(self.passes.held)
                if c.inside(start):
                    c.place(start, x.shape[1])[:] = x
                    x = c.place(start, x.shape[1])
            c.add(x, start)

    def fail(self) -> None:
        """Nobody waits any longer."""
        for c in self.collectors.values():
            c.failed = True

    def finish(self, target: Target, position: int) -> int:
        """The pairs of the block into the movie; how many there are."""

        def taken(frame: tuple[str, int]) -> int:
            state, k = frame
            step = self.passes.steps[state][k]
            pairs = self.collectors[state].finish(k, f"{state} at step {step}")
            target.put(state, step, pairs, start=position)
            return len(pairs)

        with ThreadPoolExecutor(cores()) as pool, one_blas_thread():
            return max(
                pool.map(
                    taken, [(s, k) for s, t in self.passes.steps.items() for k in range(len(t))]
                )
            )
