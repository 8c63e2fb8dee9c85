"""A network as a subject of Brain-Score: its ``BrainModel`` interface over the one time loop."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from brainscore_core.supported_data_standards.brainio.assemblies import (
    DataAssembly,
    NeuroidAssembly,
)
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.model_interface import BrainModel as Interface
from torch import Tensor

from cortexsim.brainscore.commitment import Commitment, commit, preprocessing_of
from cortexsim.brainscore.table import presentations, stimulus_table
from cortexsim.brainscore.tasks import Label, OddOneOut, Probabilities, Subject, Task
from cortexsim.errors import BrainScoreError
from cortexsim.models.protocol import Unrolls
from cortexsim.models.weights import device_of
from cortexsim.models.zoo import load as load_network
from cortexsim.shapes import Float
from cortexsim.stimuli.images import READ_ERRORS, Preprocessing, read_image

TASKS: dict[str, Callable[[Subject], Task]] = {
    Interface.Task.label: Label,
    Interface.Task.probabilities: Probabilities,
    Interface.Task.odd_one_out: OddOneOut,
}


def load(
    name_or_path: str | Path = "cortex4",
    *,
    identifier: str | None = None,
    batch_size: int = 64,
    device: str = "cpu",
    **options: Any,
) -> BrainModel:
    """A trained network as a subject of Brain-Score.

    Parameters
    ----------
    name_or_path : str or path
        A network of the zoo, or a weights file with its card.
    identifier : str, optional
        Name in Brain-Score; by default that of the network.
    batch_size : int
        Images at a time.
    device : str
        cpu, cuda, cuda:N or auto.
    **options : Any
        Those of :func:`cortexsim.brainscore.commit` (regions, steps, readout_step, time_axis,
        policy, visual_degrees, classes).

    Returns
    -------
    BrainModel
        The subject.

    Examples
    --------
    >>> model = load("cortex4")
    >>> model.start_recording("IT", [(t, t + 10) for t in range(70, 250, 10)])
    >>> model.identifier, model.visual_degrees()
    ('cortex4', 8)
    """
    net = load_network(name_or_path)
    preprocessing = preprocessing_of(net.card, str(name_or_path))
    name = identifier or Path(name_or_path).name.removesuffix(".safetensors")
    return BrainModel(
        net,
        preprocessing,
        commit(net, preprocessing, name, **options),
        batch_size=batch_size,
        device=device,
    )


class BrainModel(Interface):
    """Brain-Score's interface to anything that unrolls (:class:`Unrolls`).

    All steps are made in one pass, bins of milliseconds by overlap. A recording is ``(presentation,
    neuroid, time_bin)``, float32: ``r(b) = sum over steps t of w(b, t) h(t)``, w from
    :meth:`Commitment.weights`. One bin alone comes without the dimension, as from Brain-Score's own
    models. Images are shown as the network was trained (the duration of a presentation is not part
    of the interface); networks are deterministic, so that the average of trials is one trial.
    Behaviour is read from the state that is IT, at the readout step; labels from the network's own
    readout. What was started last is what ``look_at`` returns.

    Memory: the result, and one batch of images.

    Parameters
    ----------
    net : Unrolls
        The network; it is put into evaluation mode.
    preprocessing : Preprocessing
        What turns pixels into its input.
    commitment : Commitment
        See :func:`commit`.
    batch_size : int
        Images at a time.
    device : str
        cpu, cuda, cuda:N or auto.
    """

    def __init__(
        self,
        net: Unrolls,
        preprocessing: Preprocessing,
        commitment: Commitment,
        *,
        batch_size: int = 64,
        device: str = "cpu",
    ) -> None:
        if batch_size < 1:
            raise BrainScoreError(f"batches of {batch_size} images; give at least 1")
        self.net, self.preprocessing, self.commitment = net, preprocessing, commitment
        self.batch_size, self.device = batch_size, device_of(device)
        net.eval().to(self.device)
        self._recording: tuple[str, list[tuple[Any, Any]], np.ndarray] | None = None
        self._task: Task | None = None
        self._passive = False

    @property
    def identifier(self) -> str:
        """Its name in Brain-Score."""
        return self.commitment.identifier

    def visual_degrees(self) -> int:
        """Width of the image in degrees.

        Returns
        -------
        int
            Of the commitment.
        """
        return self.commitment.visual_degrees

    def start_recording(self, recording_target: str, time_bins: Sequence[Any]) -> None:
        """Record a region in bins of milliseconds after image onset.

        Parameters
        ----------
        recording_target : str
            The region.
        time_bins : sequence of pairs
            ``[(start, end), ...]``.

        Raises
        ------
        BrainScoreError
            For bins that the policy refuses.
        """
        region, bins = str(recording_target), [_pair(b) for b in time_bins]
        self._recording = region, bins, self.commitment.weights(region, bins)
        self._task = None

    def start_task(self, task: str, *args: Any, **kwargs: Any) -> None:
        """Ask for behaviour.

        Parameters
        ----------
        task : str
            ``passive``; ``label`` (labels); ``probabilities`` (fitting stimuli with
            ``image_label``); ``odd_one_out``.
        *args : Any
            What the task needs.
        **kwargs : Any
            What the task needs by name.

        Raises
        ------
        BrainScoreError
            For other tasks.
        """
        if task == Interface.Task.passive:
            self._task, self._passive = None, True
            return
        if task not in TASKS:
            raise BrainScoreError(
                f"there is no task {task!r}; choose from passive, {', '.join(TASKS)}"
            )
        started = TASKS[task](self)
        started.start(*args, **kwargs)
        self._task = started

    def look_at(
        self,
        stimuli: StimulusSet | Sequence[str],
        number_of_trials: int = 1,
        require_variance: bool = False,
    ) -> Any:
        """Recordings or behaviour, as started last.

        Parameters
        ----------
        stimuli : StimulusSet or sequence of str
            The images, or their files.
        number_of_trials : int
            Of no effect: networks are deterministic.
        require_variance : bool
            Whether trials must differ, which they do not.

        Returns
        -------
        NeuroidAssembly, BehavioralAssembly or None
            None for a passive subject that nobody records from.

        Raises
        ------
        BrainScoreError
            If trials must differ, and if nothing was started.
        """
        if require_variance:
            raise BrainScoreError(
                f"{self.identifier} is deterministic and this benchmark needs trials that differ "
                "(require_variance); it cannot be run"
            )
        table = stimulus_table(stimuli)
        if self._task is not None:
            return self._task.look_at(table)
        if self._recording is None:
            if self._passive:
                return None
            raise BrainScoreError(
                f"{self.identifier} was shown images with nothing to do; call start_recording or "
                "start_task first"
            )
        region, bins, weights = self._recording
        values = self._responses(table, self.commitment.state(region), weights)
        times = {
            name: ("time_bin", [b[i] for b in bins])
            for i, name in enumerate(("time_bin_start", "time_bin_end"))
        }
        coords = {**presentations(table), **self._neuroids(region, table), **times}
        recording = NeuroidAssembly(
            values, coords=coords, dims=("presentation", "neuroid", "time_bin")
        )
        recording.attrs.update(self._attributes(region))
        return recording.squeeze("time_bin") if len(bins) == 1 else recording

    def features(self, table: StimulusSet) -> NeuroidAssembly:
        """What behaviour is read from: the state that is IT at the readout step.

        Parameters
        ----------
        table : StimulusSet
            The images.

        Returns
        -------
        NeuroidAssembly
            ``(presentation, neuroid)``.

        Raises
        ------
        BrainScoreError
            If the state is not populated at that step.
        """
        c = self.commitment
        state = c.state("IT")
        if c.readout_step not in c.populated[state]:
            steps = ", ".join(map(str, c.populated[state]))
            raise BrainScoreError(
                f"{state} is not populated at the readout step {c.readout_step}; it is at steps "
                f"{steps}"
            )
        weights = np.eye(c.steps)[c.readout_step - 1 : c.readout_step]
        values = self._responses(table, state, weights)[..., 0]
        coords = {**presentations(table), **self._neuroids("IT", table)}
        return NeuroidAssembly(values, coords=coords, dims=("presentation", "neuroid"))

    def logits(self, table: StimulusSet) -> Float[np.ndarray, "presentation class"]:
        """The network's own readout at the readout step.

        Parameters
        ----------
        table : StimulusSet
            The images.

        Returns
        -------
        array of shape (presentation, class)
            The logits.

        Raises
        ------
        BrainScoreError
            If there is no readout at that step.
        """
        step = self.commitment.readout_step
        with torch.inference_mode():
            read = [self._read(images, step) for _, images in self._batches(table)]
        return np.concatenate([logits.cpu().numpy() for logits in read])

    def _read(self, images: Tensor, readout_step: int) -> Tensor:
        for step, states in self.net.unroll(images, readout_step):
            if step == readout_step and (logits := self.net.logits(states, step)) is not None:
                return logits
        raise BrainScoreError(
            f"{self.identifier} has no readout at step {readout_step}, so it names nothing; "
            "choose another readout_step, or use the task 'probabilities', which fits a readout"
        )

    def _responses(
        self, table: StimulusSet, state: str, weights: Float[np.ndarray, "bin step"]
    ) -> Float[np.ndarray, "presentation unit bin"]:
        """``(presentation, unit, bin)`` float32 of a state; weights ``(bin, step)``, NaN rows stay
        NaN.
        """
        units = int(np.prod(self.commitment.shapes[state]))
        out = np.empty((len(table), units, len(weights)), dtype=np.float32)
        for start, images in self._batches(table):
            out[start : start + len(images)] = self._batch(images, state, weights, units=units)
        return out

    def _batch(
        self,
        images: Float[Tensor, "batch channel y x"],
        state: str,
        weights: Float[np.ndarray, "bin step"],
        *,
        units: int,
    ) -> Float[np.ndarray, "batch unit bin"]:
        """One pass through all steps.

        Each is added to the bins it overlaps, so that no more than the bins is held.
        """
        total = torch.zeros(len(weights), len(images), units, device=self.device)
        total[np.isnan(weights).any(1)] = torch.nan
        with torch.inference_mode():
            for step, states in self.net.unroll(images, self.commitment.steps):
                for b in np.flatnonzero(weights[:, step - 1] > 0):
                    total[b].add_(states[state].flatten(1), alpha=float(weights[b, step - 1]))
        return total.permute(1, 2, 0).cpu().numpy()

    def _batches(self, table: StimulusSet) -> Iterator[tuple[int, Tensor]]:
        """(first presentation, images as the network takes them)."""
        paths = [Path(table.get_stimulus(i)) for i in table["stimulus_id"]]
        for start in range(0, len(paths), self.batch_size):
            fitted = self.preprocessing.fit(
                [_pixels(p) for p in paths[start : start + self.batch_size]]
            )
            yield start, self.preprocessing.normalise(fitted.to(self.device))

    def _neuroids(self, region: str, table: StimulusSet) -> dict[str, Any]:
        """Coordinates of the units: their ids are those of the state, whatever is shown. A name
        that the stimuli use is theirs.
        """
        state = self.commitment.state(region)
        shape = self.commitment.shapes[state]
        number = np.arange(int(np.prod(shape)))
        coords: dict[str, Any] = {
            "neuroid_id": [f"{self.identifier}.{state}.{n}" for n in number],
            "neuroid_num": number,
            "model": [self.identifier] * len(number),
            "region": [region] * len(number),
            "layer": [state] * len(number),
        }
        if len(shape) == 3:
            coords |= dict(
                zip(("channel", "channel_y", "channel_x"), np.unravel_index(number, shape))
            )
        return {k: ("neuroid", v) for k, v in coords.items() if k not in table.columns}

    def _attributes(self, region: str) -> dict[str, Any]:
        """How the recording came to be, beside it."""
        c = self.commitment
        axis = json.dumps(c.time_axis.as_dict())
        populated = list(c.populated[c.state(region)])
        return {
            "time_axis": axis,
            "bin_policy": c.policy,
            "steps": c.steps,
            "populated_steps": populated,
        }


def _pair(time_bin: Any) -> tuple[Any, Any]:
    """(start, end) of a bin as benchmarks write it: a tuple, a list, an array of two, or an array
    around a tuple.
    """
    value = time_bin.tolist() if isinstance(time_bin, np.ndarray | DataAssembly) else time_bin
    try:
        start, end = value
    except (TypeError, ValueError):
        raise BrainScoreError(
            f"a time bin is a pair (start, end) in ms, found {time_bin!r}; e.g. [(70, 170)]"
        ) from None
    return start, end


def _pixels(path: Path) -> np.ndarray:
    try:
        return read_image(path)
    except READ_ERRORS as error:
        raise BrainScoreError(
            f"the stimulus {path} cannot be read: {error or type(error).__name__}"
        ) from error
