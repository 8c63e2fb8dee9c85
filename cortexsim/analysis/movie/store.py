"""RDM movies as Zarr stores: layout, opening, and writing such that a movie is whole or absent."""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.statistics.sizes import room_for
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.files import atomic_write
from cortexsim.labelled.rdms import pair_coords, pair_ids
from cortexsim.leftovers import beside
from cortexsim.locks import holding
from cortexsim.provenance import provenance
from cortexsim.recording.checked import (
    DIGEST,
    INTEGRITY,
    NODE,
    Root,
    integrity_of,
    lost_its_root,
    read_root,
    warn_unchecked,
    with_own_digest,
)
from cortexsim.refusals import refusal
from cortexsim.timeaxis import TimeAxis

if TYPE_CHECKING:
    import xarray

FORMAT = "cortexsim rdm movie 1"
MEMBERS = ("rdm", "first", "second", "stimulus_id")
PAIRS = 1 << 24  # a chunk of the store
TIMES = ("time_ms", "time_ms_low", "time_ms_high")


@clear_errors
def open_movie(path: str | Path, *, chunks: Any = None) -> xarray.Dataset:
    """Open a stored RDM movie (lazily: an RDM is read when it is used).

    Parameters
    ----------
    path : path
        Of a Zarr store.
    chunks : mapping, optional
        ``{}`` for dask arrays, of which ``evaluate`` holds a few RDMs at a time; None for
        xarray's lazy ones.

    Returns
    -------
    Dataset
        What ``rdm_movie`` returns: rdm ``(state, step, pair)`` with its coordinates.

    Raises
    ------
    AnalysisError
        If it is something else, or damaged: a file is missing. Damage inside a file is noticed
        when it is read.

    Warns
    -----
    UncheckedWarning
        For movies of before checksums.
    """
    import xarray

    known = isinstance(chunks, (Mapping, Integral, type(None))) and not isinstance(chunks, bool)
    if not known and not (isinstance(chunks, str) and chunks == "auto"):
        raise AnalysisError(
            f"chunks is a {type(chunks).__name__}; give {{}} or a dictionary of sizes for dask "
            "arrays, or None"
        )
    path = Path(path)
    root = movie_root(path)
    if root.is_checked:
        root.refuse_missing("Make the movie anew, with `overwrite=True`")
    else:
        warn_unchecked(path)
    # The type that xarray declares for stores knows no wrapped ones.
    store: Any = root.store()
    movie = xarray.open_zarr(store, chunks=chunks, consolidated=True).set_coords(
        ["first", "second"]
    )
    movie.attrs = {k: v for k, v in movie.attrs.items() if k not in (INTEGRITY, DIGEST)}
    return movie.assign_coords(pair_ids(movie.stimulus_id.values))


def movie_root(path: Path) -> Root:
    """The root of a stored movie, read once; AnalysisError if it is none, or damaged."""
    if not (path / NODE).is_file():
        raise AnalysisError(
            f"there is no RDM movie at {path}" + (" (something else is)" if path.exists() else "")
        )
    root = read_root(path, "an RDM movie", error=AnalysisError)
    if root.attributes.get("format") != FORMAT:
        raise AnalysisError(
            f"{path} is a Zarr store, but not an RDM movie of this version: format "
            f"{root.attributes.get('format')!r}, expected {FORMAT!r}"
        )
    return root


def movie_template(
    measure: str,
    equation: str,
    known: dict[str, Any],
    *,
    states: Sequence[str],
    steps: Sequence[int],
    times: dict[str, np.ndarray],
    populated: np.ndarray,
    stimulus_id: np.ndarray,
    label: np.ndarray,
    now: bool = False,
) -> xarray.Dataset:
    """The coordinates and attributes of a movie, without the RDMs.

    known: the configuration of the recording. now: the network runs now, so that its provenance is
    the movie's.
    """
    import xarray

    axis = known.get("time_axis")
    units = (TimeAxis() if axis is None else TimeAxis.from_dict(axis)).units
    coords: dict[str, Any] = {
        "state": ("state", np.array(states, dtype=object)),
        "step": ("step", np.array(steps)),
        **{c: ("step", v, {"units": units}) for c, v in times.items()},
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
    """Where the RDMs of a movie go: an array in memory, or a Zarr store.

    The store takes its name when it is whole.
    """

    def __init__(
        self, template: xarray.Dataset, path: Path | None, *, overwrite: bool = False
    ) -> None:
        self.template, self.path = template, path
        self._hold = contextlib.ExitStack()
        n = template.sizes["stimulus"]
        self.pairs = n * (n - 1) // 2
        self.shape = (template.sizes["state"], template.sizes["step"], self.pairs)
        self._lock = threading.Lock()
        fewer = "make the RDMs of fewer stimuli, or of parts of them (`limit`), one after the other"
        room_for({"array": 2, "pair": self.pairs}, "which stimuli make each pair", fewer, item=4)
        if path is None:
            axes = {"state": self.shape[0], "step": self.shape[1], "pair": self.pairs}
            room_for(axes, "the RDMs", "give `out`, which they are streamed to", item=4)
            self._array: Any = np.full(self.shape, np.nan, np.float32)
            return
        self._hold.enter_context(holding(path, error=AnalysisError))
        try:
            self._begin(path, overwrite=overwrite)
        except BaseException:
            self._hold.close()
            raise

    def _begin(self, path: Path, *, overwrite: bool) -> None:
        """Everything that can be refused; nobody else writes this movie."""
        self._temporary = beside(path, ".part")
        self._replaced = path.with_name(f".{path.name}.replaced")
        # A run was killed between its two renames.
        if self._replaced.exists() and not path.exists():
            self._replaced.rename(path)
        if not path.exists():
            return
        if not overwrite:
            raise AnalysisError(
                f"{path} exists; give overwrite=True (--overwrite) to replace it, or another name"
            )
        try:
            movie_root(path)
        except AnalysisError as error:
            if lost_its_root(path, MEMBERS):
                return
            raise AnalysisError(
                f"{path} exists and is not an RDM movie, so it is not replaced: {error}"
            ) from None

    def __enter__(self) -> Target:
        if self.path is not None:
            try:
                with self._clean_on_error():
                    self._create()
            except BaseException:
                self._hold.close()
                raise
        return self

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        if self.path is None:
            return
        with self._hold:
            if kind is None:
                with self._clean_on_error():
                    self._finish()
                return
            shutil.rmtree(self._temporary, ignore_errors=True)
            if isinstance(value, OSError):
                raise AnalysisError(refusal(self.path, value)) from value

    @contextlib.contextmanager
    def _clean_on_error(self) -> Iterator[None]:
        """Nothing half-made is left; what the system refuses is an error that says where."""
        try:
            yield
        except BaseException as error:
            shutil.rmtree(self._temporary, ignore_errors=True)
            if isinstance(error, OSError):
                raise AnalysisError(refusal(self.path or self._temporary, error)) from error
            raise

    def _create(self) -> None:
        import zarr
        from zarr.codecs import Crc32cCodec, ZstdCodec

        assert self.path is not None
        self.path.parent.mkdir(parents=True, exist_ok=True)
        i, j = (np.empty(self.pairs, np.int32) for _ in range(2))
        n, start = self.template.sizes["stimulus"], 0
        for row in range(n - 1):
            i[start : start + n - 1 - row] = row
            j[start : start + n - 1 - row] = np.arange(row + 1, n)
            start += n - 1 - row
        with warnings.catch_warnings():
            # zarr: strings and consolidated metadata are not in the text of version 3 yet
            warnings.filterwarnings("ignore", category=UserWarning)
            warnings.filterwarnings("ignore", category=FutureWarning)
            dataset = self.template.assign(first=("pair", i), second=("pair", j))
            checked = {"compressors": (ZstdCodec(level=0), Crc32cCodec())}
            dataset.to_zarr(
                self._temporary,
                mode="w",
                zarr_format=3,
                consolidated=False,
                encoding={str(name): checked for name in dataset.variables},
            )
            root = zarr.open_group(self._temporary, mode="r+", use_consolidated=False)
            self._array = root.create_array(
                "rdm",
                shape=self.shape,
                chunks=(1, 1, min(self.pairs, PAIRS)),
                dtype="float32",
                fill_value=np.nan,
                dimension_names=("state", "step", "pair"),
                compressors=(Crc32cCodec(),),
                config={"write_empty_chunks": True},
            )
            self._array.attrs["coordinates"] = " ".join([*TIMES, "populated", "first", "second"])

    def _finish(self) -> None:
        import zarr

        assert self.path is not None
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning)
            zarr.consolidate_metadata(self._temporary)
        self._declare()
        shutil.rmtree(self._replaced, ignore_errors=True)
        if self.path.exists():
            self.path.rename(self._replaced)
        try:
            self._temporary.rename(self.path)
        except OSError:
            if self._replaced.exists():
                self._replaced.rename(self.path)
            raise
        shutil.rmtree(self._replaced, ignore_errors=True)

    def _declare(self) -> None:
        """The root says what was written, so that damage is noticed."""
        populated = self.template.populated.values
        absent = {"rdm": np.argwhere(~populated).tolist()}
        node = read_root(self._temporary, "an RDM movie", error=AnalysisError).node
        node["attributes"][INTEGRITY] = integrity_of(self._temporary, absent)
        atomic_write(self._temporary / NODE, json.dumps(with_own_digest(node)).encode())

    def put(self, state: str, step: int, pairs: np.ndarray, *, start: int) -> None:
        """A piece of the RDM of one state and step."""
        where = (
            list(self.template.state.values).index(state),
            list(self.template.step.values).index(step),
        )
        if self.path is None:
            self._array[where][start : start + len(pairs)] = pairs
            return
        try:
            with self._lock:
                self._array[(*where, slice(start, start + len(pairs)))] = pairs
        except OSError as error:
            raise AnalysisError(refusal(self.path, error)) from error

    def dataset(self) -> xarray.Dataset:
        """The movie, once it is whole."""
        if self.path is not None:
            return open_movie(self.path)
        return with_pairs(self.template, self._array)


def with_pairs(template: xarray.Dataset, values: Any) -> xarray.Dataset:
    """The movie in memory (or lazy), with the two conditions of each pair as coordinates."""
    whole = template.assign(rdm=(("state", "step", "pair"), values))
    return whole.assign_coords(pair_coords(template.stimulus_id.values))
