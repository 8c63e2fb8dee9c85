"""Normalisation statistics of times that training never saw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from cortexsim.arguments import clear_errors
from cortexsim.errors import CalibrationError
from cortexsim.models.frames import Frames
from cortexsim.models.memory import States
from cortexsim.models.network import Network
from cortexsim.models.states import MOST_STEPS
from cortexsim.models.transitions import Statistics
from cortexsim.plain import refuse_without_numbers


@clear_errors
@torch.no_grad()
def calibrate(
    net: Network, images: Frames, steps: int, *, batch_size: int = 500, redo: bool = False
) -> Network:
    """Estimate the statistics of every state, and of the readout, at every step up to ``steps``.

    Rows that training estimated are kept (unless ``redo``): what the trained readout computes does
    not change. A missing row is the mean, and the variance within plus between batches, of the
    layer's input over all ``images``, while the rows before it are applied as the network will
    apply them.

    Parameters
    ----------
    net : Network
        Left in evaluation mode.
    images : Tensor or sequence
        Training images ``(n, channel, y, x)``, preprocessed as for training, a few hundred or more;
        or a sequence of such tensors or None, one for each step, if that is what the network will
        see.
    steps : int
        The last step with statistics.
    batch_size : int
        How many images at once, at least 2.
    redo : bool
        Estimate the rows of training anew as well.

    Returns
    -------
    Network
        ``net`` itself.

    Raises
    ------
    CalibrationError
        For fewer than 2 images, for a lesioned network, and for more steps than a run can have.

    References
    ----------
    Liao & Poggio 2016, sections 3.7 and 5.3.4.

    Examples
    --------
    >>> import numpy as np, cortexsim
    >>> net = cortexsim.load("cortex4")
    >>> pixels = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3), dtype=np.uint8)
    >>> images = net.preprocess(pixels)
    >>> net = cortexsim.calibrate(net, images, steps=14)
    >>> [step for step, _ in net.unroll(images, steps=14)][-1]
    14
    """
    for batch in [images] if isinstance(images, Tensor) else images:
        if not isinstance(batch, (Tensor, type(None))):
            raise CalibrationError(
                f"images hold a {type(batch).__name__}; a tensor, or a list with a tensor or None "
                "a step, is needed: net.preprocess(pictures)"
            )
        if batch is not None:
            refuse_without_numbers(batch, "images", error=CalibrationError)
    count = (
        len(images)
        if isinstance(images, Tensor)
        else max((len(f) for f in images if f is not None), default=0)
    )
    if count < 2 or batch_size < 2:
        raise CalibrationError(
            "calibration needs at least 2 images, better hundreds, and batches of 2 or more; "
            f"got {count} and batches of {batch_size}"
        )
    if steps > MOST_STEPS:
        raise CalibrationError(
            f"asked for statistics up to step {steps:,}; a run has at most {MOST_STEPS:,} steps: "
            "give fewer"
        )
    if net.is_lesioned:
        raise CalibrationError(
            "this network is lesioned, and its statistics are those of the intact one; "
            "calibrate that one first"
        )
    net.extend(steps)
    net.eval()
    return estimate(
        net, (net.unroll(batch, steps) for batch in _batches(images, batch_size)), steps, redo=redo
    )


@torch.no_grad()
def estimate(
    net: Network,
    runs: Iterable[Iterator[tuple[int, States]]],
    steps: int,
    *,
    redo: bool = False,
    keep_shared: bool = False,
) -> Network:
    """:func:`calibrate` on runs of the network made elsewhere.

    Parameters
    ----------
    net : Network
        The network that runs.
    runs : iterable of iterators
        What ``unroll`` yields, one run for each batch; a run is not begun before its turn.
    steps : int
        The last step with statistics.
    redo : bool
        Estimate the rows of training anew as well.
    keep_shared : bool
        With ``redo``: only rows that belong to a step. Statistics that all steps share (those of
        the pre-net, say) belong to no presentation, and if what is shown late entered them, an
        early step would change before anything late can have arrived.
    """
    net.eval()
    last = net.spec.graph.output_state
    # One step of time at a time and one layer at a time would be exact but needs as many passes as
    # there are layers; within a pass, a row being estimated normalises by its own batch, as in
    # training.
    collectors = [
        _Collector(norm, steps if redo and not (keep_shared and norm.shared) else 0)
        for norm in net.modules()
        if isinstance(norm, Statistics)
    ]
    complete = False
    try:
        for run in runs:
            for step, states in run:
                if last in states:
                    net.post_net(states[last], step, use_batch=False)
        complete = True
    finally:
        for collector in collectors:
            collector.finish(keep=complete)
    return net


def _batches(images: Frames, batch_size: int) -> Iterator[Frames]:
    """Batches of nearly equal size: none is left with a single image, which has no variance."""
    if isinstance(images, Tensor):
        yield from images.tensor_split(-(-len(images) // batch_size))
        return
    count = max(len(f) for f in images if f is not None)
    parts = -(-count // batch_size)
    split = [[None] * parts if f is None else f.tensor_split(parts) for f in images]
    yield from (list(frames) for frames in zip(*split, strict=True))


class _Collector:
    """Stands in for a Statistics' forward: known rows are applied, missing ones pooled."""

    def __init__(self, norm: Statistics, redo_to: int) -> None:
        self.norm = norm
        self.sums: dict[int, list[Tensor]] = {}
        self.before = norm.estimated
        self.missing = [row < redo_to or not known for row, known in enumerate(norm.estimated)]
        norm.estimated = [True] * len(norm.estimated)
        norm.forward = self  # type: ignore[assignment,method-assign]

    def __call__(self, x: Tensor, step: int, *, use_batch: bool) -> Tensor:
        row = self.norm.row(step)
        if not self.missing[row]:
            return Statistics.forward(self.norm, x, step, use_batch=False)
        dims = (0, 2, 3)
        n = x.numel() / x.shape[1]
        # Double: in single precision the difference of squares in finish() can be far off, even
        # negative.
        var, mean = torch.var_mean(x.double(), dims, correction=0)
        count, total, squares = self.sums.get(
            row, [torch.zeros((), dtype=torch.float64), 0 * mean, 0 * mean]
        )
        self.sums[row] = [count + n, total + n * mean, squares + n * (var + mean**2)]
        return torch.nn.functional.batch_norm(x, None, None, training=True)

    def finish(self, *, keep: bool) -> None:
        """Give the Statistics its forward back, and the pooled rows (``keep``) if all were seen."""
        del self.norm.forward
        self.norm.estimated = self.before
        if not keep:
            return
        for row, (count, total, squares) in self.sums.items():
            mean = total / count
            self.norm.mean[row] = mean
            self.norm.var[row] = squares / count - mean**2
            self.norm.estimated[row] = True
