"""RDM movies: one RDM for each state and step of a recording, read in bounded memory."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.movie.store import TIMES, Target, movie_template, with_pairs
from cortexsim.analysis.movie.streaming import (
    BATCH,
    Rows,
    first_pair,
    from_disk,
    one_block,
    streamed_measure,
)
from cortexsim.analysis.rsa.rdm import rdms
from cortexsim.analysis.statistics.draws import whole_number
from cortexsim.analysis.statistics.sizes import room_for
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.pairs import LEAST
from cortexsim.progress import bar as progress_bar
from cortexsim.recording.reader import AveragedReader, chosen_frames, frame_readers
from cortexsim.refusals import human
from cortexsim.tasks import in_order, on_cluster
from cortexsim.threads import cores, one_blas_thread

if TYPE_CHECKING:
    import xarray

MEMORY = 256 << 20  # bytes held at a time, over all threads


@clear_errors
def rdm_movie(
    recording: Any,
    measure: str = "correlation",
    *,
    states: str | Sequence[str] | None = None,
    steps: int | Sequence[int] | None = None,
    out: str | Path | None = None,
    memory: int = MEMORY,
    device: str | None = None,
    overwrite: bool = False,
    progress: bool = True,
    average: str | None = None,
    client: Any = None,
) -> xarray.Dataset:
    """One RDM for each state and step of a recording; NaN where a state is not populated.

    Parameters
    ----------
    recording : path, sequence of paths or DataTree
        Its path (read straight from its chunks), several of parts of the stimuli, or the DataTree
        that ``open_recording`` gave; opened with ``chunks={}`` the result is lazy and computed by
        dask, on a cluster if there is one. Activations of a step are flattened: all channels and
        places are features.
    measure : {"correlation", "cosine", "sqeuclidean"}
        The last is per feature; see ``rdms``.
    states : str or sequence of str, optional
        Default all.
    steps : int or sequence of int, optional
        Default all.
    out : path, optional
        A Zarr store to write instead of holding the movie in memory; it appears when it is whole.
    memory : int
        Bytes of activations and kernels held at a time, beside the result; where a step does not
        fit, it is read in blocks of stimuli (at least 64), as often as there are blocks.
    device : str, optional
        A torch device (``cuda``) to compute on; a step with all its stimuli must then fit into its
        memory.
    overwrite : bool
        Replace a movie at ``out``.
    progress : bool
        Show a bar.
    average : {"label"}, optional
        One condition a label: RDMs of the mean activations of all stimuli with the same label, for
        recordings of more stimuli than an RDM can have.
    client : distributed.Client, optional
        Of a cluster of dask that sees the recording under the same path: blocks of stimuli are
        its tasks, each of which holds ``memory`` bytes. Default: threads of this process.

    Returns
    -------
    Dataset
        rdm ``(state, step, pair)``, pairs in ``squareform`` order, and the coordinates state, step,
        time_ms (with its declared range), populated ``(state, step)``, stimulus_id and label
        (``stimulus``), first and second (the conditions of each ``pair``).

    Raises
    ------
    AnalysisError
        For fewer than 4 stimuli, unknown states or steps, stimuli without variance in a state
        (naming state, step, stimuli).

    Examples
    --------
    >>> import tempfile
    >>> import cortexsim
    >>> images = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    >>> out = tempfile.mkdtemp() + "/a.zarr"
    >>> _ = cortexsim.record_network(cortexsim.load("cortex4"), images, keep="mean", out=out)
    >>> movie = rdm_movie(out, progress=False)
    >>> dict(movie.rdm.sizes), bool(movie.rdm.sel(state="IT", step=3).isnull().all())
    ({'state': 4, 'step': 8, 'pair': 15}, True)
    """
    from cortexsim.recording.opening import open_recording
    from cortexsim.recording.schema import configuration

    m = streamed_measure(measure)
    if whole_number(memory, "memory") < 1:
        raise AnalysisError(f"memory={memory} is no number of bytes; give e.g. memory=256 << 20")
    path = Path(recording) if isinstance(recording, (str, Path)) else None
    several = isinstance(recording, (list, tuple))
    tree = open_recording(recording) if path is not None or several else recording
    if "configuration" not in getattr(tree, "attrs", {}) or not hasattr(tree, "children"):
        raise AnalysisError(
            "that is no recording; give its path, or the DataTree that cortexsim.open_recording "
            "returns"
        )
    known = configuration(tree)
    states, steps = chosen_frames(tree, known, states=states, steps=steps)
    first = tree[states[0]].dataset
    ids, labels, groups = _conditions(first, average)
    n = len(ids)
    if n < LEAST:
        what = "stimuli" if average is None else f"different {average}s"
        raise AnalysisError(f"the recording has {n} {what}; an RDM needs at least {LEAST}")
    populated = [[bool(tree[s].populated.sel(step=t)) for t in steps] for s in states]
    template = movie_template(
        measure,
        m.equation,
        known,
        states=states,
        steps=steps,
        times={c: first[c].sel(step=list(steps)).values for c in TIMES},
        populated=np.array(populated),
        stimulus_id=ids,
        label=labels,
    )
    if average is not None:
        template.attrs["average"] = average
    if not template.populated.values.any():
        raise AnalysisError(
            f"none of {', '.join(states)} is populated at the steps {', '.join(map(str, steps))}; "
            "there would be no RDM"
        )
    if path is None and tree[states[0]].activation.chunks is not None:
        if out is not None:
            raise AnalysisError(
                "a lazy movie is written by dask: rdm_movie(recording).to_zarr(...), or give the "
                "path of the recording"
            )
        if average is not None or client is not None:
            raise AnalysisError(
                "the recording was opened with chunks, so that dask computes when it is asked to; "
                "for an average or a client give its path, or open it without chunks"
            )
        return _lazy(tree, measure, template)
    frames = [
        (s, t) for s in states for t in steps if bool(template.populated.sel(state=s, step=t))
    ]
    if client is not None and device is not None:
        raise AnalysisError("give a device of this machine or the client of a cluster, not both")
    _refuse_too_many(template, None if out is None else Path(out))
    readers = frame_readers(tree, path, states)
    if groups is not None:
        readers = {state: AveragedReader(reader, groups) for state, reader in readers.items()}
    with Target(template, None if out is None else Path(out), overwrite=overwrite) as target:
        places = {int(t): k for k, t in enumerate(first.step.values)}
        source = Source(readers, frames, places, n, measure)
        if client is not None:
            _compute_among(source, target, client, memory=memory, progress=progress)
        elif device is None:
            _compute(source, target, memory=memory, progress=progress)
        else:
            _compute_on(source, target, device=device, progress=progress)
    return target.dataset()


@dataclass(frozen=True)
class Source:
    """What a movie is computed from.

    Parameters
    ----------
    readers : dict
        State -> reader of its frames.
    frames : list of (state, step)
        Those that are populated.
    places : dict
        Step -> its place in the recording.
    count : int
        Stimuli.
    measure : str
        Of the dissimilarity.
    """

    readers: dict[str, Any]
    frames: list[tuple[str, int]]
    places: dict[int, int]
    count: int
    measure: str


def _compute(source: Source, target: Target, *, memory: int, progress: bool) -> None:
    """All frames, one a thread, so that no core waits for a disk or for another.

    Each reads, centres and multiplies on its own core. One thread more than there are cores: while
    one waits for the disk, the others compute.
    """

    readers, frames, n = source.readers, source.frames, source.count
    size = max(readers[s].dtype.itemsize for s, _ in frames)
    features = max(readers[s].features for s, _ in frames)
    # A row, its part of the kernel and of the pairs; the rows that pass by.
    each, passing = (features + 2 * n) * size, BATCH * features * size
    workers = max(1, min(cores() + 1, len(frames), memory // max(1, n * each)))
    block = n if n * each * workers <= memory else max(BATCH, (memory // workers - passing) // each)

    def compute(frame: tuple[str, int]) -> None:
        state, step = frame
        reader = readers[state]
        rows = Rows(streamed_measure(source.measure), n, reader.features)
        index = source.places[step]
        for start, pairs in from_disk(
            lambda buffer, at: reader.into(buffer, index, at),
            rows,
            dtype=reader.dtype,
            block=block,
            where=f"{state} at step {step}",
        ):
            target.put(state, step, pairs, start=start)

    pool = ThreadPoolExecutor(workers)
    bar = progress_bar(total=len(frames), doing="RDMs", unit="frames", shown=progress)
    try:
        with bar, one_blas_thread():
            for _ in in_order(pool, compute, frames, ahead=workers):
                bar.update()
    finally:
        pool.shutdown(cancel_futures=True)


def _compute_among(
    source: Source, target: Target, client: Any, *, memory: int, progress: bool
) -> None:
    """All frames in blocks of rows, each a task of a cluster, written here in their order."""
    items = []
    for state, step in source.frames:
        reader = source.readers[state]
        size, n = reader.dtype.itemsize, source.count
        each, passing = (reader.features + 2 * n) * size, BATCH * reader.features * size
        block = n if n * each <= memory else max(BATCH, (memory - passing) // each)
        items += [((state, step), start, block) for start in range(0, n, block)]
    bar = progress_bar(total=len(items), doing="RDMs", unit="blocks", shown=progress)
    with bar:
        done = on_cluster(client, _pairs_of_block, source, items)
        for ((state, step), start, _), pairs in zip(items, done, strict=True):
            target.put(state, step, pairs, start=first_pair(start, source.count))
            bar.update()


def _pairs_of_block(source: Source, item: tuple[tuple[str, int], int, int]) -> np.ndarray:
    """The pairs of one block of rows with all later ones, where a worker is."""
    (state, step), start, block = item
    reader = source.readers[state]
    rows = Rows(streamed_measure(source.measure), source.count, reader.features)
    index = source.places[step]
    with one_blas_thread():
        return one_block(
            lambda buffer, at: reader.into(buffer, index, at),
            rows,
            dtype=reader.dtype,
            block=block,
            start=start,
            where=f"{state} at step {step}",
        )


def _refuse_too_many(template: xarray.Dataset, out: Path | None) -> None:
    """AnalysisError for RDMs that neither this memory nor this disk can hold."""
    n = template.sizes["stimulus"]
    pairs, frames = n * (n - 1) // 2, template.sizes["state"] * template.sizes["step"]
    fewer = "one condition a label (`average='label'`), fewer stimuli, or fewer states and steps"
    shape = {"state": template.sizes["state"], "step": template.sizes["step"], "pair": pairs}
    if out is None:
        room_for(shape, "the RDMs", f"give a store to write (out='movie.zarr'), {fewer}", item=4)
        return
    room_for({"pair": pairs}, "which conditions each pair is of", f"give {fewer}", item=8)
    place = next(p for p in (out.absolute().parent, *out.absolute().parents) if p.exists())
    needed, free = 4 * frames * pairs + 8 * pairs, shutil.disk_usage(place).free
    if needed > free:
        raise AnalysisError(
            f"{frames} RDMs of {n:,} stimuli take {human(needed)}, and {human(free)} are free at "
            f"{place}; make room there, or give {fewer}"
        )


def _conditions(
    first: xarray.Dataset, average: str | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Ids and labels of the conditions, and of which one each stimulus is, if that is asked for."""
    ids, labels = first.stimulus_id.values, first.label.values
    if average is None:
        return ids, labels, None
    if average != "label":
        raise AnalysisError(f"average={average!r} is not known; give 'label', or leave it out")
    if not all(map(str, labels)):
        raise AnalysisError(
            "the recording has stimuli without a label, so there is nothing to average by; record "
            "folders of classes, or a .csv with a column label"
        )
    names, groups = np.unique(np.asarray(labels, dtype=object), return_inverse=True)
    return names, names, groups


def _compute_on(source: Source, target: Target, *, device: str, progress: bool) -> None:
    """All frames on a torch device, the next one read while one is computed."""
    import torch

    from cortexsim.models.weights import device_of

    readers, frames = source.readers, source.frames
    where = device_of(device)

    def read(frame: tuple[str, int]) -> torch.Tensor:
        state, step = frame
        buffer = np.empty((source.count, readers[state].features), readers[state].dtype)
        readers[state].into(buffer, source.places[step], 0)
        return torch.from_numpy(buffer)

    pool = ThreadPoolExecutor(1)
    bar = progress_bar(total=len(frames), doing="RDMs", unit="frames", shown=progress)
    try:
        with bar:
            ahead = in_order(pool, read, frames, ahead=2)
            for (state, step), x in zip(frames, ahead, strict=True):
                pairs = _named(x.to(where), source.measure, f"{state} at step {step}")
                target.put(state, step, pairs.cpu().numpy(), start=0)
                bar.update()
    finally:
        pool.shutdown(cancel_futures=True)


def _lazy(tree: Any, measure: str, template: xarray.Dataset) -> xarray.Dataset:
    """The movie of dask-backed activations."""
    import dask.array as da

    rows = []
    for state in template.state.values:
        array = tree[state].activation
        frames = []
        for step in template.step.values:
            if not bool(template.populated.sel(state=state, step=step)):
                n = template.sizes["stimulus"]
                frames.append(da.full(n * (n - 1) // 2, np.nan, dtype=np.float32))
                continue
            patterns = array.sel(step=step).data
            patterns = patterns.reshape(patterns.shape[0], -1).rechunk(-1)
            pairs = patterns.shape[0] * (patterns.shape[0] - 1) // 2
            frames.append(
                patterns.map_blocks(
                    _named,
                    measure,
                    f"{state} at step {step}",
                    dtype=np.float32,
                    chunks=((pairs,),),
                    drop_axis=[0, 1],
                    new_axis=[0],
                )
            )
        rows.append(da.stack(frames))
    return with_pairs(template, da.stack(rows))


def _named(block: Any, measure: str, where: str) -> Any:
    """One RDM; an error says of which state and step."""
    try:
        pairs = rdms(block, measure)
        return pairs.astype(np.float32) if isinstance(pairs, np.ndarray) else pairs.float()
    except AnalysisError as error:
        raise AnalysisError(f"{where}: {error}") from None
