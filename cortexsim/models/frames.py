"""The images of a run: which batch enters at which step, and whether the network can take it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral

import torch
from torch import Tensor

from cortexsim.errors import CortexsimError, GraphError
from cortexsim.models.spec import Spec
from cortexsim.models.states import MOST_STEPS

Frames = Tensor | Sequence[Tensor | None]


def by_step(
    images: Frames, steps: int, *, always: bool, error: type[CortexsimError] = GraphError
) -> dict[int, Tensor]:
    """The batch that is shown at each step; a step without one (a blank) is absent.

    Parameters
    ----------
    images : Tensor or sequence
        One batch, or a sequence of at most ``steps`` batches and None.
    steps : int
        Length of the run.
    always : bool
        Show one batch at every step, not at step 1 only.
    error : type
        Raised for more frames than steps and for blanks only.

    Examples
    --------
    >>> import torch
    >>> image = torch.zeros(1, 3, 4, 4)
    >>> list(by_step(image, 3, always=True)), list(by_step([None, image], 3, always=False))
    ([1, 2, 3], [2])
    """
    if not isinstance(steps, Integral) or isinstance(steps, bool):
        raise error(f"asked for {steps!r} steps; a whole number is needed")
    frames_only = isinstance(images, (list, tuple)) and all(
        frame is None or isinstance(frame, Tensor) for frame in images
    )
    if not isinstance(images, Tensor) and not frames_only:
        raise error(
            f"images are a {type(images).__name__}; a tensor, or a list with a tensor or None a "
            "step, is needed (net.preprocess makes one of pictures)"
        )
    if steps > MOST_STEPS:
        raise error(f"asked for {steps} steps; a run has at most {MOST_STEPS:,}")
    if isinstance(images, Tensor):
        return dict.fromkeys(range(1, steps + 1) if always else (1,), images)
    if len(images) > steps:
        raise error(
            f"the input sequence has {len(images)} frames, the run {steps} steps; "
            "each step takes one frame (or None)"
        )
    frames = {t: frame for t, frame in enumerate(images, start=1) if frame is not None}
    if not frames:
        raise error(
            "the input sequence holds blanks only; at least one frame must be an image batch"
        )
    return frames


def check_precision(frames: Iterable[Tensor], weights: Tensor | None) -> None:
    """GraphError unless images are of the precision of the weights, or autocast sees to that."""
    for frame in frames:
        if weights is None:
            continue
        if frame.device.type != weights.device.type and "meta" in (
            frame.device.type,
            weights.device.type,
        ):
            raise GraphError(
                f"images are on the device {frame.device}, the network is on {weights.device}"
            )
        if frame.dtype == weights.dtype:
            continue
        if not torch.is_autocast_enabled(frame.device.type):
            own = str(weights.dtype).removeprefix("torch.")
            raise GraphError(
                f"images are {frame.dtype}, the weights of the network {weights.dtype}; give "
                f"images.to(torch.{own}), or a network in their precision"
            )


def checked(spec: Spec, frames: dict[int, Tensor]) -> dict[int, Tensor]:
    """These frames, or GraphError if one does not suit the network or they differ in shape."""
    for step, frame in frames.items():
        check_images(spec, frame, step)
    if len(shapes := {tuple(frame.shape) for frame in frames.values()}) > 1:
        raise GraphError(
            f"the frames of an input sequence must share one shape; found {sorted(shapes)}"
        )
    return frames


def check_images(spec: Spec, frame: Tensor, step: int = 1) -> None:
    """GraphError unless a batch has the type, channels and size that a network can take."""
    want = f"float tensor (batch, {spec.channels}, y, x)"
    if not frame.is_floating_point():
        raise GraphError(
            f"images at step {step} are {frame.dtype}, expected a {want}; give pixels and paths "
            "through net.preprocess(pictures), which resizes and normalises them"
        )
    if spec.pre_net == "custom":
        return
    if str(frame.layout) != "torch.strided":
        raise GraphError(
            f"images at step {step} are a sparse tensor; give a dense one: x.to_dense()"
        )
    if frame.dim() != 4 or frame.shape[1] != spec.channels:
        raise GraphError(
            f"images at step {step} have shape {tuple(frame.shape)}, expected a {want}"
        )
    sizes = [s.size for s in spec.graph.states]
    factor = spec.stride * (spec.graph.states[0].size // min(sizes) if min(sizes) else 1)
    if frame.shape[2] % factor or frame.shape[3] % factor:
        raise GraphError(
            f"images at step {step} are {frame.shape[2]} x {frame.shape[3]} pixels; both must be "
            f"multiples of {factor}, the ratio of the image to the smallest state; "
            "resize or pad them"
        )
