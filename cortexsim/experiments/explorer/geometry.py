"""RDMs of the images that are shown, at every step, and their arrangement in the plane."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis import open_movie, rdm_movie
from cortexsim.errors import AnalysisError
from cortexsim.experiments.explorer.opened import Opened
from cortexsim.ids import align
from cortexsim.pairs import pairs_among
from cortexsim.plotting.mds import mds
from cortexsim.shapes import Float

if TYPE_CHECKING:
    import xarray

MOST = 128  # images of an RDM: a cell is two pixels, an arrangement takes seconds
SAME = ("model", "weights_sha256", "network", "stimuli", "preprocessing", "presentation", "keep")


class NoGeometry(AnalysisError):
    """These images have no RDM in a state, or no arrangement; the rest can be shown."""


class Geometry:
    """The RDMs of one recording.

    Parameters
    ----------
    opened : Opened
        The recording.
    movie : path, optional
        Its RDM movie; without one the RDMs are made.
    measure : str
        Of the RDMs that are made.
    beside : Geometry, optional
        That of another recording, onto whose arrangements these are turned.

    Raises
    ------
    AnalysisError
        If the movie is of another recording.
    """

    def __init__(
        self,
        opened: Opened,
        movie: str | Path | None = None,
        *,
        measure: str = "correlation",
        beside: Geometry | None = None,
    ) -> None:
        self.opened, self.asked, self.beside = opened, measure, beside
        self.stored = None if movie is None else _of(opened, Path(movie))
        self.count = min(len(opened.index), MOST)
        self._made: dict[str, np.ndarray] = {}
        self._arranged: dict[str, Any] = {}

    @property
    def measure(self) -> str:
        """Of the RDMs."""
        return self.asked if self.stored is None else str(self.stored.attrs["measure"])

    def described(self) -> dict[str, Any]:
        """What the page is told."""
        states = self.opened.states if self.stored is None else self.stored.state.values
        return {
            "measure": self.measure,
            "count": self.count,
            "states": [s for s in self.opened.states if s in set(map(str, states))],
        }

    def rdms(self, state: str) -> Float[np.ndarray, "step pair"]:
        """Of one state, float32; NaN where it is not populated.

        Raises
        ------
        NoGeometry
            For fewer than 4 images, and for images without variance in the state.
        RecordingError, AnalysisError
            Where the recording, or the movie, is damaged.
        """
        if self.stored is None:
            if state not in self._made:
                tree = self.opened.subset().isel(stimulus=slice(self.count))
                how: dict[str, Any] = {"states": [state], "steps": self.opened.steps}
                try:
                    movie = rdm_movie(tree, self.measure, progress=False, **how)
                except AnalysisError as error:
                    raise NoGeometry(str(error)) from error
                self._made[state] = np.asarray(movie.rdm.values[0], dtype=np.float32)
            return self._made[state]
        movie = self.stored
        index = align(movie.stimulus_id.values, self.opened.text("stimulus_id")[: self.count])
        pairs = pairs_among(index, movie.sizes["stimulus"])
        values = np.full((len(self.opened.steps), len(pairs)), np.nan, np.float32)
        stored_steps = movie.step.values.tolist()
        for k, step in enumerate(self.opened.steps):
            if step in stored_steps:
                values[k] = movie.rdm.sel(state=state, step=step).values[pairs]
        return values

    def arranged(self, state: str) -> Any:
        """Positions ``(step, image, 2)`` and the stress of each step."""
        if state not in self._arranged:
            previous = None
            if self.beside is not None and state in self.beside.described()["states"]:
                theirs = self.beside.arranged(state).positions
                seen = np.isfinite(theirs).all((1, 2))
                previous = theirs[np.argmax(seen)] if seen.any() else None
            values = self.rdms(state)
            try:
                self._arranged[state] = mds(values, previous=previous)
            except AnalysisError as error:
                raise NoGeometry(str(error)) from error
        return self._arranged[state]

    def rdm_blob(self, state: str) -> bytes:
        """The RDMs of one state: float32 ``(step, pair)``."""
        return self.rdms(state).astype("<f4").tobytes()

    def mds_blob(self, state: str) -> bytes:
        """Float32: the stress of each step, then the positions ``(step, image, 2)``."""
        arranged = self.arranged(state)
        parts = (arranged.stress, arranged.positions)
        return b"".join(np.asarray(a).astype("<f4").tobytes() for a in parts)


def _of(opened: Opened, path: Path) -> xarray.Dataset:
    """A movie, which must be of the recording."""
    movie = open_movie(path)
    theirs = json.loads(movie.attrs["recording"])
    different = [k for k in SAME if theirs.get(k) != opened.known.get(k)]
    if different:
        raise AnalysisError(
            f"the RDM movie {path} is of another recording than {opened.path}: it differs in "
            f"{', '.join(different)}. Make one with 'cortexsim rdm {opened.path} --out "
            "movie.zarr', or leave --rdm out, and the RDMs are made"
        )
    return movie
