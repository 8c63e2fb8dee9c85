"""RDM movies: one RDM for each state and step of a recording, read state by state and step by step in bounded memory."""

from __future__ import annotations

import itertools
import json
import shutil
import threading
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.lazy import is_lazy
from cortexsim.analysis.pairs import LEAST
from cortexsim.analysis.rdm import rdms
from cortexsim.analysis.streaming import Rows, from_disk, streamed_measure
from cortexsim.analysis.threads import cores, one_blas_thread
from cortexsim.errors import AnalysisError
from cortexsim.provenance import provenance

if TYPE_CHECKING:
    import xarray

FORMAT = "cortexsim rdm movie 1"
MEMORY = 256 << 20  # bytes of activations held at a time, over all threads
PAIRS = 1 << 24  # a chunk of the store
TIMES = ("time_ms", "time_ms_low", "time_ms_high")


def rdm_movie(
    recording: Any,
    measure: str = "correlation",
    *,
    states: Sequence[str] | None = None,
    steps: Sequence[int] | None = None,
    out: str | Path | None = None,
    memory: int = MEMORY,
    overwrite: bool = False,
    progress: bool = True,
) -> xarray.Dataset:
    """One RDM for each state and step of a recording; NaN where a state is not populated.

    recording: its path (read straight from its chunks), or the DataTree that ``open_recording`` gave; opened with ``chunks={}`` the result is lazy
        and computed by dask, on a cluster if there is one. Activations of a step are flattened: all channels and places are features.
    measure: ``correlation``, ``cosine`` or ``sqeuclidean`` (per feature); see ``rdms``. states, steps: default all.
    out: a Zarr store to write instead of holding the movie in memory; it appears when it is whole. memory: bytes of activations held at a time; where
        a step does not fit, it is read in blocks of stimuli, as often as there are blocks.

    Returns a Dataset with rdm ``(state, step, pair)``, pairs in ``squareform`` order, and the coordinates state, step, time_ms (with its declared
    range), populated ``(state, step)``, stimulus_id and label (``stimulus``), first and second (the conditions of each ``pair``).
    Raises AnalysisError for fewer than 4 stimuli, unknown states or steps, stimuli without variance in a state (naming state, step, stimuli).

    >>> import tempfile
    >>> from cortexsim.record import RecordConfig, record
    >>> path = record(RecordConfig(limit=6, keep="mean", figure=False, out=tempfile.mkdtemp() + "/a.zarr"))
    wrote ...
    >>> movie = rdm_movie(path, progress=False)
    >>> dict(movie.rdm.sizes), bool(movie.rdm.sel(state="IT", step=3).isnull().all())
    ({'state': 4, 'step': 8, 'pair': 15}, True)
    """
    from cortexsim.recording.schema import configuration, open_recording

    m = streamed_measure(measure)
    path = Path(recording) if isinstance(recording, (str, Path)) else None
    tree = recording if path is None else open_recording(path)
    known = configuration(tree)
    states, steps = _chosen(tree, known, states, steps)
    first = tree[states[0]].dataset
    n = first.sizes["stimulus"]
    if n < LEAST:
        raise AnalysisError(f"the recording has {n} stimuli; an RDM needs at least {LEAST}")
    template = movie_template(
        measure, m.equation, states, steps, {c: first[c].sel(step=list(steps)).values for c in TIMES},
        np.array([[bool(tree[s].populated.sel(step=t)) for t in steps] for s in states]),
        first.stimulus_id.values, first.label.values, known,
    )  # fmt: skip
    if path is None and is_lazy(tree[states[0]].activation.data):
        if out is not None:
            raise AnalysisError(
                "a lazy movie is written by dask: rdm_movie(recording).to_zarr(...), or give the path of the recording"
            )
        return _lazy(tree, measure, template)
    frames = [(s, t) for s in states for t in steps if bool(template.populated.sel(state=s, step=t))]
    with Target(template, None if out is None else Path(out), overwrite=overwrite) as target:
        places = {int(t): k for k, t in enumerate(first.step.values)}
        _compute(_readers(tree, path, states), frames, places, n, measure, target, memory, progress)
    return target.dataset()


def open_movie(path: str | Path) -> xarray.Dataset:
    """Open a stored RDM movie (lazily: an RDM is read when it is used); AnalysisError if it is something else."""
    import xarray

    path = Path(path)
    if not (path / "zarr.json").is_file():
        raise AnalysisError(f"there is no RDM movie at {path}")
    attributes = json.loads((path / "zarr.json").read_text()).get("attributes", {})
    if attributes.get("format") != FORMAT:
        raise AnalysisError(
            f"{path} is a Zarr store, but not an RDM movie of this version: format {attributes.get('format')!r}, expected {FORMAT!r}"
        )
    return xarray.open_zarr(path, chunks=None, consolidated=True).set_coords(["first", "second"])


def _chosen(tree: Any, known: dict[str, Any], states: Any, steps: Any) -> tuple[tuple[str, ...], tuple[int, ...]]:
    there = tuple(s for s in known["states"] if s in tree.children)
    if unknown := [s for s in states or () if s not in there]:
        raise AnalysisError(f"the recording holds no state {unknown[0]!r}; it holds {', '.join(there)}")
    kept = tuple(states or there)
    axis = [int(t) for t in tree[kept[0]].step.values]
    if unknown := [t for t in steps or () if t not in axis]:
        raise AnalysisError(f"the recording holds no step {unknown[0]}; it holds {axis[0]} to {axis[-1]}")
    return kept, tuple(int(t) for t in steps or axis)


def movie_template(
    measure: str, equation: str, states: Sequence[str], steps: Sequence[int], times: dict[str, np.ndarray], populated: np.ndarray,
    stimulus_id: np.ndarray, label: np.ndarray, known: dict[str, Any], *, now: bool = False,
) -> xarray.Dataset:  # fmt: skip
    """The coordinates and attributes of a movie, without the RDMs. now: the network runs now, so that its provenance is the movie's."""
    import xarray

    coords: dict[str, Any] = {
        "state": ("state", np.array(states, dtype=object)),
        "step": ("step", np.array(steps)),
        **{c: ("step", v, {"units": "ms after image onset"}) for c, v in times.items()},
        "populated": (("state", "step"), populated),
        "stimulus_id": ("stimulus", np.asarray(stimulus_id, dtype=object)),
        "label": ("stimulus", np.asarray(label, dtype=object)),
    }
    attributes = {
        "format": FORMAT,
        "measure": measure,
        "equation": equation,
        "model": known["model"],
        "recording": json.dumps(known),
        "provenance": json.dumps(known.get("provenance") if now else provenance("xarray", "zarr")),
    }
    return xarray.Dataset(coords=coords, attrs=attributes)


class Target:
    """Where the RDMs of a movie go: an array in memory, or a Zarr store that takes its name when it is whole."""

    def __init__(self, template: xarray.Dataset, path: Path | None, *, overwrite: bool = False) -> None:
        self.template, self.path = template, path
        n = template.sizes["stimulus"]
        self.pairs = n * (n - 1) // 2
        self.shape = (template.sizes["state"], template.sizes["step"], self.pairs)
        self._lock = threading.Lock()
        if path is None:
            self._array: Any = np.full(self.shape, np.nan, np.float32)
            return
        if path.exists() and not overwrite:
            raise AnalysisError(f"{path} exists; give overwrite=True (--overwrite) to replace it, or another name")
        if path.exists():
            open_movie(path)  # refuses to replace what is not a movie
        self._temporary = path.with_name(f".{path.name}.part")

    def __enter__(self) -> Target:
        if self.path is None:
            return self
        import zarr

        self.path.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self._temporary, ignore_errors=True)
        i, j = (np.empty(self.pairs, np.int32) for _ in range(2))
        n, start = self.template.sizes["stimulus"], 0
        for row in range(n - 1):
            i[start : start + n - 1 - row] = row
            j[start : start + n - 1 - row] = np.arange(row + 1, n)
            start += n - 1 - row
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", category=UserWarning
            )  # zarr: strings and consolidated metadata are not in the v3 text yet
            warnings.filterwarnings("ignore", category=FutureWarning)
            dataset = self.template.assign(first=("pair", i), second=("pair", j))
            dataset.to_zarr(self._temporary, mode="w", zarr_format=3, consolidated=False)
            root = zarr.open_group(self._temporary, mode="r+", use_consolidated=False)
            chunks = (1, 1, min(self.pairs, PAIRS))
            names = ("state", "step", "pair")
            self._array = root.create_array(
                "rdm", shape=self.shape, chunks=chunks, dtype="float32", fill_value=np.nan, dimension_names=names, compressors=None,
                config={"write_empty_chunks": True},
            )  # fmt: skip
            self._array.attrs["coordinates"] = " ".join([*TIMES, "populated", "first", "second"])
        return self

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        if self.path is None:
            return
        if kind is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            return
        import zarr

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning)
            zarr.consolidate_metadata(self._temporary)
        replaced = self.path.with_name(f".{self.path.name}.replaced")
        shutil.rmtree(replaced, ignore_errors=True)
        if self.path.exists():
            self.path.rename(replaced)
        self._temporary.rename(self.path)
        shutil.rmtree(replaced, ignore_errors=True)

    def put(self, state: str, step: int, start: int, pairs: np.ndarray) -> None:
        """A piece of the RDM of one state and step."""
        where = (list(self.template.state.values).index(state), list(self.template.step.values).index(step))
        if self.path is None:
            self._array[where][start : start + len(pairs)] = pairs
        else:
            with self._lock:
                self._array[(*where, slice(start, start + len(pairs)))] = pairs

    def dataset(self) -> xarray.Dataset:
        """The movie, once it is whole."""
        if self.path is not None:
            return open_movie(self.path)
        return with_pairs(self.template, self._array)


def with_pairs(template: xarray.Dataset, values: Any) -> xarray.Dataset:
    """The movie in memory (or lazy), with the two conditions of each pair as coordinates."""
    i, j = np.triu_indices(template.sizes["stimulus"], 1)
    whole = template.assign(rdm=(("state", "step", "pair"), values))
    return whole.assign_coords(first=("pair", i.astype(np.int32)), second=("pair", j.astype(np.int32)))


def _readers(tree: Any, path: Path | None, states: Sequence[str]) -> dict[str, Any]:
    """Of each state: something with ``features``, ``dtype`` and ``into(buffer, step index, start)``."""
    if path is None:
        return {s: _TreeReader(tree[s].activation) for s in states}
    import zarr

    from cortexsim.recording.reader import StepReader

    root = zarr.open_group(path, mode="r")
    return {s: StepReader(root[f"{s}/activation"], path / s / "activation") for s in states}


class _TreeReader:
    """The same of an array that xarray holds or reads."""

    def __init__(self, activation: xarray.DataArray) -> None:
        self.array = activation
        self.features = int(np.prod(activation.shape[2:]))
        self.dtype = np.dtype("float64" if activation.dtype.itemsize == 8 else "float32")

    def into(self, buffer: np.ndarray, step: int, start: int) -> None:
        part = self.array.isel(step=step, stimulus=slice(start, start + len(buffer)))
        buffer[:] = part.values.reshape(buffer.shape)


def _compute(
    readers: dict[str, Any], frames: list[tuple[str, int]], places: dict[int, int], n: int, measure: str, target: Target, memory: int, progress: bool
) -> None:  # fmt: skip
    """All frames, one a thread; each reads, centres and multiplies on its own core, so that no core waits for a disk or for another.

    One thread more than there are cores: while one waits for the disk, the others compute.
    """
    from tqdm import tqdm

    widest = max((readers[s].features * readers[s].dtype.itemsize for s, _ in frames), default=1)
    workers = max(1, min(cores() + 1, len(frames), memory // max(1, n * widest)))
    block = n if n * widest * workers <= memory else max(64, memory // (2 * workers * widest))

    def one(frame: tuple[str, int]) -> None:
        state, step = frame
        reader = readers[state]
        rows = Rows(streamed_measure(measure), n, reader.features)
        index = places[step]
        for start, pairs in from_disk(
            lambda buffer, at: reader.into(buffer, index, at),
            rows,
            reader.dtype,
            block,
            64,
            measure,
            f"{state} at step {step}",
        ):
            target.put(state, step, start, pairs)

    pool = ThreadPoolExecutor(workers)
    bar = tqdm(total=len(frames), desc="RDMs", unit=" frames", disable=not progress, dynamic_ncols=True)
    try:
        with bar, one_blas_thread():
            for _ in _in_order(pool, one, frames, workers):
                bar.update()
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(pool: ThreadPoolExecutor, work: Any, items: Sequence[Any], ahead: int) -> Iterator[Any]:
    """Results in order; after an error nothing new is begun."""
    rest = iter(items)
    waiting = deque(pool.submit(work, item) for item in itertools.islice(rest, ahead))
    while waiting:
        yield waiting.popleft().result()
        waiting.extend(pool.submit(work, item) for item in itertools.islice(rest, 1))


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
            one = array.sel(step=step).data
            frames.append(rdms(one.reshape(one.shape[0], -1), measure).astype(np.float32))
        rows.append(da.stack(frames))
    return with_pairs(template, da.stack(rows))
