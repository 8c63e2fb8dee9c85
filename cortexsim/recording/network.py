"""Any network, any images: what every state does at every step, in memory or in a store."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from cortexsim.arguments import clear_errors
from cortexsim.errors import RecordingError
from cortexsim.models.weights import device_of
from cortexsim.processes import ALONE, Processes
from cortexsim.recording.opening import open_recording
from cortexsim.recording.ready import ready
from cortexsim.recording.recorder import Recorder
from cortexsim.recording.schema import STIMULUS, root_attributes
from cortexsim.recording.settings import Settings
from cortexsim.recording.workers import Batch
from cortexsim.stimuli.images import check
from cortexsim.stimuli.tables import stimuli_of

if TYPE_CHECKING:
    import xarray

    from cortexsim.models.protocol import Unrolls
    from cortexsim.recording.store import Plan
    from cortexsim.stimuli.images import Preprocessing


@clear_errors
def record_network(
    net: Unrolls,
    images: Any,
    *,
    steps: int | None = None,
    keep: str | None = None,
    out: str | Path | None = None,
    settings: Settings | None = None,
    preprocessing: Preprocessing | None = None,
    device: str | torch.device | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = False,
    processes: Processes = ALONE,
) -> xarray.DataTree:
    """Show images to a network and keep what every state does at every step.

    Parameters
    ----------
    net : Unrolls
        One of ours (trained, untrained, lesioned), or somebody else's module through
        :func:`cortexsim.wrap`. It is not changed. One that was never trained gets normalisation
        statistics from 500 of the images, and a note in the recording says which.
    images : path, array, sequence or Stimuli
        Paths, PIL images, one array ``(n, y, x, 3)`` uint8, a :class:`Stimuli`, or what
        ``--stimuli`` takes: a folder, a .csv, an .npz, ``"sample"``, ``"cifar10"``; or a
        benchmark with images, ``cortexsim.neural.load("cowley-v4")``.
    steps : int, optional
        Of the run; default the readout time.
    keep : str, optional
        Of each state: ``full`` maps (the default), ``mean`` over space, ``units:N`` at random,
        ``project:K`` for a sparse random projection.
    out : path, optional
        A store to stream to, so that memory holds a batch only; default in memory.
    settings : Settings, optional
        Everything else: states, type, presentation, time axis, seed, batch size, ... ``steps`` and
        ``keep`` replace those of the settings.
    preprocessing : Preprocessing, optional
        Default: what the model card declares, or ``net.preprocess`` for an untrained network.
    device : str or torch.device, optional
        Default: where the network is.
    resume : bool
        Continue the recording that ``out`` holds.
    overwrite : bool
        Replace the recording that ``out`` holds.
    progress : bool
        Whether to show a bar.
    processes : Processes, optional
        Those that call this together, each with the same images and settings, to record one
        store: ``Processes.of_environment()`` under ``torchrun``. They take batches in turn and
        need to share nothing but the folder. The numbers are those of one process.

    Returns
    -------
    xarray.DataTree
        A group for each state, as :func:`cortexsim.open_recording` gives it.

    Raises
    ------
    RecordingError
        For settings that do not fit the network, and for a store that exists.
    StimulusError
        For images that cannot be read.

    Examples
    --------
    >>> import numpy as np, cortexsim
    >>> images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    >>> recording = record_network(cortexsim.load("cortex4"), images, steps=6, keep="mean")
    >>> recording["IT"].activation.dims, recording["IT"].activation.shape
    (('stimulus', 'step', 'unit'), (4, 6, 64))
    """
    settings = settings or Settings()
    if steps is not None:
        settings = dataclasses.replace(settings, steps=steps)
    if keep is not None:
        settings = dataclasses.replace(settings, keep=keep)
    if out is None and processes.several:
        raise RecordingError(
            f"{processes.count} processes record one store together; give out='recording.zarr'"
        )
    if out is None and (resume or overwrite):
        raise RecordingError("resume and overwrite are for a store; give out='recording.zarr'")
    training = isinstance(net, nn.Module) and net.training
    try:
        recorder = recorder_of(
            net, images, settings=settings, preprocessing=preprocessing, device=device
        )
        if out is not None:
            sha256 = recorder.stimuli.sha256
            recorder.run(
                Path(out),
                sha256,
                resume=resume,
                overwrite=overwrite,
                progress=progress,
                processes=processes,
            )
            return open_recording(out)
        plan = recorder.plan(recorder.stimuli.sha256)
        return in_memory(plan, recorder.batches(progress=progress))
    finally:
        if training and isinstance(net, nn.Module):
            net.train()


def recorder_of(
    net: Unrolls,
    images: Any,
    *,
    settings: Settings,
    preprocessing: Preprocessing | None = None,
    device: str | torch.device | None = None,
    planned: bool = False,
) -> Recorder:
    """The recorder of :func:`record_network`, which knows shapes and bytes before it runs.

    planned: for a plan only. A recording needs every image to be read once (for its sha256) and
    the network to run all steps; a plan does not.
    """
    stimuli = stimuli_of(images)
    if not planned and not stimuli.sha256:
        stimuli, _ = check(stimuli)
    net, preprocessing = ready(net, stimuli, preprocessing=preprocessing, steps=settings.steps)
    where = _device(net, device)
    return Recorder(net, stimuli, preprocessing, settings, device=where, planned=planned)


def _device(net: Unrolls, wanted: str | torch.device | None) -> torch.device:
    """The device that was asked for, or where the network is."""
    if wanted is not None:
        if not isinstance(wanted, (str, torch.device)):
            raise RecordingError(f"device is {wanted!r}; a text such as 'cuda' is needed")
        return device_of(wanted) if isinstance(wanted, str) else wanted
    parameters = net.parameters() if isinstance(net, nn.Module) else iter(())
    return next((p.device for p in parameters), torch.device("cpu"))


def in_memory(plan: Plan, batches: Iterable[tuple[int, Batch]]) -> xarray.DataTree:
    """The tree that a store of the same plan opens as, filled from the batches of a recorder."""
    import xarray

    total, steps = len(plan.stimulus_id), len(plan.step_coordinates["step"])
    arrays = {
        (v.group, v.name): np.full((total, steps, *v.shape), np.nan, v.dtype)
        for v in plan.variables
    }
    for start, batch in batches:
        for v in plan.variables:
            values = batch[v.group, v.name]  # (populated step, stimulus, ...)
            rows = slice(start, start + values.shape[1])
            arrays[v.group, v.name][rows, np.flatnonzero(v.populated)] = values.swapaxes(0, 1)
    groups = {}
    for name in dict.fromkeys(v.group for v in plan.variables):
        members = [v for v in plan.variables if v.group == name]
        variables = {v.name: ((STIMULUS, "step", *v.dims), arrays[name, v.name]) for v in members}
        stored = plan.coordinates_of(name).items()
        coordinates = {k: _as_stored(*c) for k, c in sorted(stored)}
        groups[f"/{name}"] = xarray.Dataset(variables, coordinates)
    root = xarray.Dataset(attrs=root_attributes(plan.configuration, total, total))
    return xarray.DataTree.from_dict({"/": root, **groups})


def _as_stored(dim: str, values: np.ndarray, attributes: dict[str, Any] | None = None) -> Any:
    """A coordinate with the type that Zarr gives back for text."""
    text = values.dtype == object
    return dim, values.astype(np.dtypes.StringDType()) if text else values, attributes or {}
