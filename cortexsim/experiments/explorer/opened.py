"""Recordings that are looked at side by side: the images that all of them saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.experiments.explorer.settings import Settings
from cortexsim.ids import align, unique_texts
from cortexsim.plotting.parts import in_ms
from cortexsim.recording.opening import open_recording
from cortexsim.recording.reader import chosen_frames
from cortexsim.recording.schema import configuration
from cortexsim.timeaxis import TimeAxis

if TYPE_CHECKING:
    import xarray

TIMES = ("time_ms", "time_ms_low", "time_ms_high")


@dataclass(frozen=True)
class Opened:
    """A recording, and what of it is shown.

    Parameters
    ----------
    path : Path
        The store.
    tree : xarray.DataTree
        The recording, lazily.
    known : dict
        Its configuration.
    states : tuple of str
        Its states.
    steps : tuple of int
        Those that are shown.
    index : array of int of shape (image,)
        The places of the images that are shown.
    """

    path: Path
    tree: xarray.DataTree
    known: dict[str, Any]
    states: tuple[str, ...]
    steps: tuple[int, ...]
    index: np.ndarray

    def group(self, name: str) -> xarray.Dataset:
        """The steps that are shown of a state, or of the readout, of all images."""
        return self.tree[name].dataset.sel(step=list(self.steps))

    def populated(self, name: str) -> np.ndarray:
        """Of each step that is shown, whether the state is populated."""
        return np.asarray(self.group(name).populated.values, dtype=bool)

    def text(self, coordinate: str) -> list[str]:
        """An id or a label of each image that is shown."""
        return [str(v) for v in self.group(self.states[0])[coordinate].values[self.index]]

    @property
    def is_declared(self) -> bool:
        """Whether its times are ms that somebody declared."""
        return in_ms(self.tree[self.states[0]].to_dataset())

    def times(self) -> dict[str, Any]:
        """When each step that is shown happens, with the declared range, and how long it lasts."""
        axis, group = TimeAxis.from_dict(self.known["time_axis"]), self.group(self.states[0])
        return {
            "steps": list(self.steps),
            **{name: group[name].values.astype(float).tolist() for name in TIMES},
            "step_ms": axis.step_ms if self.is_declared else 1.0,
            "declared": self.is_declared,
            "source": axis.source,
        }

    def subset(self) -> xarray.DataTree:
        """The recording with the images that are shown, lazily."""
        return self.tree.isel(stimulus=self.index)


def opened(paths: Sequence[str], settings: Settings) -> list[Opened]:
    """Recordings with the images that all of them saw, in the order of the first.

    Parameters
    ----------
    paths : sequence of str
        The stores.
    settings : Settings
        ``limit`` and ``steps``.

    Raises
    ------
    AnalysisError
        For steps that one of them does not hold, and where no image is common to all.
    RecordingError
        For what is no recording.
    """
    trees = [open_recording(path) for path in paths]
    known = [configuration(tree) for tree in trees]
    frames = []
    for path, tree, of in zip(paths, trees, known, strict=True):
        try:
            frames.append(chosen_frames(tree, of, states=None, steps=settings.steps))
        except AnalysisError as error:
            raise AnalysisError(f"{path}: {error}") from None
    ids = [
        unique_texts(tree[states[0]].stimulus_id.values, f"the stimulus ids of {path}")
        for path, tree, (states, _) in zip(paths, trees, frames, strict=True)
    ]
    shared = set(map(str, ids[0])).intersection(*(map(str, others) for others in ids[1:]))
    common = [str(name) for name in ids[0] if str(name) in shared][: settings.limit]
    if not common:
        raise AnalysisError(
            f"{' and '.join(paths)} have no image in common ({ids[0][0]!r} is one of the first, "
            f"{ids[-1][0]!r} of the last); record both with the same --stimuli"
        )
    return [
        Opened(Path(path), tree, of, *chosen, align(mine, common))
        for path, tree, of, chosen, mine in zip(paths, trees, known, frames, ids, strict=True)
    ]
