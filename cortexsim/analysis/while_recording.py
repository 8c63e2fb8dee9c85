"""The RDM movie of a network while it runs: activations are held only until their products are taken, and never stored."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

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
    frames = [(s, t) for s, v in variables.items() for t, here in enumerate(v.populated, start=1) if here]
    features = {s: int(np.prod(v.shape)) for s, v in variables.items()}
    row = (
        sum(features[s] for s, _ in frames)
        * np.dtype(np.float64 if recorder.settings.dtype == "float64" else np.float32).itemsize
    )
    block = max(recorder.settings.batch_size, min(n, memory // row))
    if block < n:
        blocks = -(-n // block)
        passes = sum(n - k * block for k in range(blocks)) / n
        print(
            f"{n:,} stimuli need {n * row / 1e6:,.0f} MB, more than --memory {memory >> 20}: {blocks} blocks, as long as {passes:.1f} passes "
            "over the stimuli",
            file=sys.stderr,
        )
    plan = recorder.plan(sha256)
    steps = plan.step_coordinates["step"]
    template = movie_template(
        measure, m.equation, list(variables), steps, {c: plan.step_coordinates[c] for c in TIMES},
        np.array([v.populated for v in variables.values()]), np.array(plan.stimulus_id, dtype=object), np.array(plan.label, dtype=object),
        recorder.configuration(sha256),
    )  # fmt: skip
    rows = {f: Rows(m, n, features[f[0]]) for f in frames}
    position = 0
    with Target(template, out, overwrite=overwrite) as target:
        for start in range(0, n, block):
            collector = Collector(measure, n, start, block, rows)
            for first, batch in recorder.batches(start, progress=progress):
                _add(collector, variables, batch, first)
            position += _finish(collector, frames, target, position)


def _add(collector: Collector, variables: dict[str, Any], batch: dict[tuple[str, str], np.ndarray], first: int) -> None:
    for state, v in variables.items():
        steps = [t for t, here in enumerate(v.populated, start=1) if here]
        for step, maps in zip(steps, batch[state, "activation"], strict=True):
            x = maps.reshape(len(maps), -1)
            collector.add((state, step), x if x.dtype.itemsize >= 4 else x.astype(np.float32), first)


def _finish(collector: Collector, frames: list[tuple[str, int]], target: Target, position: int) -> int:
    """The pairs of a block into the movie; how many there are."""

    def one(frame: tuple[str, int]) -> int:
        pairs = collector.finish(frame, f"{frame[0]} at step {frame[1]}")
        target.put(*frame, position, pairs)
        return len(pairs)

    with ThreadPoolExecutor(cores()) as pool, one_blas_thread():
        return max(pool.map(one, frames))
