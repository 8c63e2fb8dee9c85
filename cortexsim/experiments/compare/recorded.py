"""The network's side of a comparison: its recording, in the order of the brain's stimuli."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.experiments.compare.config import NULLS
from cortexsim.models.foreign.published import PUBLISHED
from cortexsim.recording.network import record_network
from cortexsim.timeaxis import TimeAxis

if TYPE_CHECKING:
    import xarray

    from cortexsim.experiments.networks import Choice
    from cortexsim.recording.settings import Settings
    from cortexsim.stimuli.images import Stimuli


@dataclass(frozen=True)
class Shown:
    """What a network was shown and did.

    Parameters
    ----------
    path : Path
        Of a recording or an RDM movie.
    known : dict
        The configuration of the recording.
    stimulus_id : ndarray
        In the order of the recording.
    is_movie : bool
        Whether it is an RDM movie.
    """

    path: Path
    known: dict[str, Any]
    stimulus_id: np.ndarray
    is_movie: bool

    @property
    def name(self) -> str:
        """Of its network, in the results; never that of a control, which stands beside it."""
        name = str(self.known["model"])
        return f"{name}, as recorded" if name in (*NULLS, *PUBLISHED) else name

    @property
    def axis(self) -> TimeAxis:
        """When each step happens."""
        return TimeAxis.from_dict(self.known["time_axis"])

    def movie(self, measure: str, client: Any = None) -> xarray.Dataset:
        """Its RDMs, all in memory; AnalysisError for a movie of another measure.

        client: of a cluster of dask that computes them.
        """
        from cortexsim.analysis import open_movie, rdm_movie

        if not self.is_movie:
            return rdm_movie(self.path, measure, progress=False, client=client)
        movie = open_movie(self.path)
        if movie.attrs["measure"] != measure:
            raise AnalysisError(
                f"{self.path} is a movie of {movie.attrs['measure']} RDMs, {measure} was asked "
                f"for; give --measure {movie.attrs['measure']}"
            )
        return movie.load()

    def check_stimuli(self, brain: xarray.Dataset) -> None:
        """Whether every stimulus of the brain was shown to the network.

        Raises
        ------
        AnalysisError
            If one was not, and unless the brain's stimuli (each once) and pairs (in squareform
            order) are in order.
        """
        from cortexsim.neural.align import align, select_stimuli

        name = brain.attrs.get("name", "the neural data")
        try:
            select_stimuli(brain, brain.stimulus_id.values if "stimulus_id" in brain.coords else [])
        except AnalysisError as error:
            raise AnalysisError(f"{name}: {error}") from None
        try:
            align(
                self.stimulus_id,
                brain.stimulus_id.values,
                what=(f"the recording {self.path}", str(name)),
            )
        except AnalysisError as error:
            how = (
                f" Record them: cortexsim record --stimuli {name} --out r.zarr"
                if "image" in brain
                else ""
            )
            raise AnalysisError(f"{error}{how}") from None


def record_shown(
    choice: Choice,
    stimuli: Stimuli,
    path: Path,
    *,
    settings: Settings,
    overwrite: bool = False,
) -> Shown:
    """Show images to a network, and what there is to compare then.

    Parameters
    ----------
    choice : Choice
        The network.
    stimuli : Stimuli
        All that the brain saw.
    path : Path
        Where the recording goes.
    settings : Settings
        How to record.
    overwrite : bool
        Replace what is there.

    Returns
    -------
    Shown

    Raises
    ------
    RecordingError
        For a store that exists, and for settings that do not fit the network.
    """
    net, preprocessing = choice.ready(stimuli, settings.steps)
    record_network(
        net,
        stimuli,
        settings=settings,
        preprocessing=preprocessing,
        device="auto",
        out=path,
        overwrite=overwrite,
        progress=True,
    )
    return open_shown(str(path))


def open_shown(path: str) -> Shown:
    """A recording or an RDM movie by its path."""
    from cortexsim.analysis import open_movie
    from cortexsim.recording.opening import open_recording
    from cortexsim.recording.schema import configuration

    root = Path(path)
    file, is_movie = root / "zarr.json", False
    if file.is_file():
        try:
            attributes = json.loads(file.read_text()).get("attributes", {})
        except ValueError as error:
            raise AnalysisError(f"{file} is damaged ({error}); record again") from None
        is_movie = str(attributes.get("format", "")).startswith("cortexsim rdm movie")
    if is_movie:
        movie = open_movie(root)
        return Shown(root, json.loads(movie.attrs["recording"]), movie.stimulus_id.values, True)
    tree = open_recording(root)
    known = configuration(tree)
    return Shown(root, known, tree[known["states"][0]].stimulus_id.values, False)


def aligned(movie: xarray.Dataset, brain: xarray.Dataset) -> xarray.Dataset:
    """The movie of the brain's stimuli in the brain's order."""
    from cortexsim.neural.align import select_stimuli

    return select_stimuli(movie, brain.stimulus_id.values)


def features_of(shown: Shown, brain: xarray.Dataset) -> Any:
    """What ``encode`` and ``decode`` read.

    The recording itself, or its states with the brain's stimuli in the brain's order.
    """
    from cortexsim.neural import align
    from cortexsim.recording.opening import open_recording

    index = align(shown.stimulus_id, brain.stimulus_id.values)
    if np.array_equal(index, np.arange(len(shown.stimulus_id))):
        return shown.path
    return open_recording(shown.path).isel(stimulus=index)  # read when it is used


def one_frame(shown: Shown, brain: xarray.Dataset) -> np.ndarray:
    """The first state, the widest, at the last step ``(stimulus, feature)``.

    To measure times with.
    """
    from cortexsim.neural import align
    from cortexsim.recording.opening import open_recording

    state = open_recording(shown.path)[shown.known["states"][0]]
    index = align(shown.stimulus_id, brain.stimulus_id.values)
    return state.activation.isel(step=-1, stimulus=index).values.reshape(len(index), -1)


def timed(result: xarray.Dataset, axis: TimeAxis) -> xarray.Dataset:
    """The result with the milliseconds of its steps.

    They are time_ms, or model_time_ms where time_ms is that of the brain.
    """
    steps = result.step.values
    prefix = "model_" if "time_ms" in result.dims else ""
    times = {
        "time_ms": axis.time_ms(steps),
        "time_ms_low": axis.low_ms(steps),
        "time_ms_high": axis.high_ms(steps),
    }
    if not prefix:  # the brain has no times: the same numbers are there, as if it had
        result = result.drop_vars([f"model_{k}" for k in times], errors="ignore")
    return result.assign_coords(
        {prefix + k: ("step", v, {"units": axis.units}) for k, v in times.items()}
    )


def held(result: xarray.Dataset) -> xarray.Dataset:
    """The static control: the first step at which the state is populated, at every step."""
    import xarray

    populated = result.evaluation.notnull()
    first = populated.argmax("step")
    out = result.copy()
    for name, v in result.data_vars.items():
        if "step" in v.dims:
            out[name] = xarray.where(
                populated,
                v.isel(step=first).drop_vars(
                    ["step", "time_ms", "time_ms_low", "time_ms_high"], errors="ignore"
                ),
                v,
            )
            out[name] = out[name].transpose(*v.dims)
    return out
