"""Normalisation statistics of times that training never saw."""

from __future__ import annotations

import torch
from torch import Tensor

from cortexsim.errors import CalibrationError
from cortexsim.models.network import Network
from cortexsim.models.transitions import Statistics


@torch.no_grad()
def calibrate(net: Network, images: Tensor, steps: int, *, batch_size: int = 500, redo: bool = False) -> Network:
    """Estimate the statistics of every state at every step up to ``steps``, and of the readout at each of them, on training images.

    Rows that training estimated are kept (unless ``redo``): what the trained readout computes does not change. A missing row is
    the mean, and the variance within plus between batches, of the layer's input over all ``images``, while the rows before it
    are applied as the network will apply them. Returns ``net``, left in evaluation mode.

    images: ``(n, channel, y, x)``, preprocessed as for training; a few hundred or more. Source: Liao & Poggio 2016, sections 3.7 and 5.3.4.

    >>> import torch, cortexsim
    >>> net = cortexsim.build("cortex4").eval()
    >>> net = cortexsim.calibrate(net, torch.rand(64, 3, 32, 32), steps=10)
    >>> [step for step, _ in net.unroll(torch.rand(1, 3, 32, 32), steps=10)][-1]
    10
    """
    if len(images) < 2 or batch_size < 2:
        found = f"got {len(images)} and batches of {batch_size}"
        raise CalibrationError(
            f"calibration needs at least 2 images, better hundreds, and batches of 2 or more; {found}"
        )
    net.extend(steps)
    net.eval()
    batches = [b for b in images.split(batch_size) if len(b) > 1]
    out = net.spec.graph.output_state
    # One step of time at a time and one layer at a time would be exact but needs as many passes as there are layers; within a pass, a row
    # being estimated normalises by its own batch, as in training.
    collectors = [_Collector(norm, redo) for norm in net.modules() if isinstance(norm, Statistics)]
    complete = False
    try:
        for batch in batches:
            for step, states in net.unroll(batch, steps):
                if out in states:
                    net.post_net(states[out], step, use_batch=False)
        complete = True
    finally:
        for collector in collectors:
            collector.finish(keep=complete)
    return net


class _Collector:
    """Stands in for a Statistics' forward during calibration: known rows are applied, missing ones pooled over batches."""

    def __init__(self, norm: Statistics, redo: bool) -> None:
        self.norm = norm
        self.sums: dict[int, list[Tensor]] = {}
        self.before = norm.estimated
        self.missing = [redo or not known for known in norm.estimated]
        norm.estimated = [True] * len(norm.estimated)
        norm.forward = self  # type: ignore[assignment,method-assign]

    def __call__(self, x: Tensor, step: int, *, use_batch: bool) -> Tensor:
        row = self.norm.row(step)
        if not self.missing[row]:
            return Statistics.forward(self.norm, x, step, use_batch=False)
        dims = (0, 2, 3)
        n = x.numel() / x.shape[1]
        # Double: in single precision the difference of squares in finish() can be far off, even negative.
        var, mean = torch.var_mean(x.double(), dims, correction=0)
        count, total, squares = self.sums.get(row, [torch.zeros((), dtype=torch.float64), 0 * mean, 0 * mean])
        self.sums[row] = [count + n, total + n * mean, squares + n * (var + mean**2)]
        return torch.nn.functional.batch_norm(x, None, None, training=True)

    def finish(self, *, keep: bool) -> None:
        """Give the Statistics its forward back, and the pooled rows unless the pass was interrupted."""
        del self.norm.forward
        if not keep:
            self.norm.estimated = self.before
            return
        self.norm.estimated = [not m for m in self.missing]
        for row, (count, total, squares) in self.sums.items():
            mean = total / count
            self.norm.mean[row] = mean
            self.norm.var[row] = squares / count - mean**2
            self.norm.estimated[row] = True
