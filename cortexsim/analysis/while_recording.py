"""The RDM movie of a network while it runs: activations are held only until their products are taken, and never stored."""

from __future__ import annotations

import sys
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from cortexsim.analysis.movie import TIMES, Target, movie_template
from cortexsim.analysis.pairs import LEAST
from cortexsim.analysis.streaming import Collector, Rows, streamed_measure
from cortexsim.analysis.threads import cores, one_blas_thread
from cortexsim.errors import AnalysisError
from cortexsim.recording.recorder import Recorder


def movie_while_recording(
    recorder: Recorder, measure: str, out: Path, sha256: str, *, memory: int, overwrite: bool = False, progress: bool = True
) -> None:  # fmt: skip
    """Write to ``out`` the movie that ``rdm_movie`` would compute of the recording, without making the recording.

    A block of stimuli is held, all later ones pass by it; if ``memory`` bytes do not hold all stimuli, the network runs over the later ones
    again for each further block. Kernels of a block are taken when its last batch has come, one (state, step) a core.
    """
    m, n = streamed_measure(measure), len(recorder.stimuli)
    if n < LEAST:
        raise AnalysisError(f"there are {n} stimuli; an RDM needs at least {LEAST}")
    variables = {v.group: v for v in recorder.variables if v.name == "activation"}
    steps = {s: [t for t, here in enumerate(v.populated, start=1) if here] for s, v in variables.items()}
    features = {s: int(np.prod(v.shape)) for s, v in variables.items()}
    dtype, size = recorder.settings.dtype, recorder.settings.batch_size
    held = "float64" if dtype == "float64" else "float32"
    # Half precision is what a recording would have stored: rounded to it first, so that both movies are the same.
    direct = held == dtype
    bytes_each = sum(features[s] * len(t) for s, t in steps.items()) * np.dtype(held).itemsize
    block = max(size, min(-(-n // size) * size, memory // bytes_each // size * size))  # whole batches
    if block < n:
        blocks = -(-n // block)
        passes = sum(n - k * block for k in range(blocks)) / n
        print(
            f"{n:,} stimuli need {n * bytes_each / 1e6:,.0f} MB, more than --memory {memory >> 20}: {blocks} blocks, as long as {passes:.1f} passes "
            "over the stimuli",
            file=sys.stderr,
        )
    plan = recorder.plan(sha256)
    template = movie_template(
        measure, m.equation, list(variables), list(plan.step_coordinates["step"]), {c: plan.step_coordinates[c] for c in TIMES},
        np.array([v.populated for v in variables.values()]), np.array(plan.stimulus_id, dtype=object), np.array(plan.label, dtype=object),
        plan.configuration, now=True,
    )  # fmt: skip
    rows = {s: [Rows(m, n, features[s]) for _ in t] for s, t in steps.items()}
    position = 0
    with Target(template, out, overwrite=overwrite) as target:
        for start in range(0, n, block):
            collectors = {s: Collector(r, start, block, held) for s, r in rows.items()}

            def into(first: int, count: int, collectors: dict[str, Collector] = collectors) -> dict[str, np.ndarray]:
                return {
                    s: (
                        c.place(first, count)
                        if direct and c.inside(first)
                        else np.empty((len(steps[s]), count, features[s]), dtype)
                    ).reshape(len(steps[s]), count, *variables[s].shape)
                    for s, c in collectors.items()
                }

            def then(
                first: int, batch: dict[tuple[str, str], np.ndarray], collectors: dict[str, Collector] = collectors
            ) -> None:
                for s, c in collectors.items():
                    x = batch[s, "activation"].reshape(len(steps[s]), -1, features[s])
                    if not direct:
                        x = x.astype(held)
                        if c.inside(first):
                            c.place(first, x.shape[1])[:] = x
                            x = c.place(first, x.shape[1])
                    c.add(x, first)

            with one_blas_thread():
                try:
                    deque(recorder.batches(start, progress=progress, into=into, then=then), maxlen=0)
                except BaseException:
                    for c in collectors.values():
                        c.failed = True
                    raise
            position += _finish(collectors, steps, measure, target, position)


def _finish(
    collectors: dict[str, Collector], steps: dict[str, list[int]], measure: str, target: Target, position: int
) -> int:
    """The pairs of a block into the movie; how many there are."""

    def one(frame: tuple[str, int]) -> int:
        state, k = frame
        step = steps[state][k]
        pairs = collectors[state].finish(k, measure, f"{state} at step {step}")
        target.put(state, step, position, pairs)
        return len(pairs)

    with ThreadPoolExecutor(cores()) as pool, one_blas_thread():
        return max(pool.map(one, [(s, k) for s, t in steps.items() for k in range(len(t))]))
