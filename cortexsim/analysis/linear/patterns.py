"""Patterns of model units as the fits see them: centred on their training mean, or as K = X X^T.

There are usually fewer stimuli than units, so that everything is computed from K, once for each
state and step; training folds are centred on their own means (which K allows exactly), and no
held-out stimulus enters anything that is fitted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cortexsim.errors import AnalysisError
from cortexsim.shapes import Float

FEATURES = 2048  # columns of X turned into float64 at a time
RANK = 1e-13  # eigenvalues below this share of the largest are rounding errors


class Fitted(NamedTuple):
    """What one fit gives.

    Parameters
    ----------
    prediction : array of shape (test stimulus, time, unit)
        Of the held-out responses.
    alpha : array of shape (time, unit)
        The penalty that was chosen; NaN without one.
    stopped : int
        Fits whose iterations did not converge.
    rank : array of shape (time,), optional
        The rank of the map that was chosen, where one is.
    """

    prediction: np.ndarray
    alpha: np.ndarray
    stopped: int
    rank: np.ndarray | None = None


class Spectrum(NamedTuple):
    """A training fold, diagonalised: predictions are left (right^T Y / (values + alpha)).

    Parameters
    ----------
    left : tensor of shape (test, component)
        Of the test patterns.
    values : tensor of shape (component,)
        Eigenvalues.
    right : tensor of shape (train, component)
        Of the training patterns.
    kernel : tensor of shape (train, train), optional
        Centred and scaled, where it is what was diagonalised.
    """

    left: Float[Tensor, "test component"]
    values: Float[Tensor, " component"]
    right: Float[Tensor, "train component"]
    kernel: Float[Tensor, "train train"] | None


class Patterns:
    """The patterns of one state at one step on a device: as they are, or as K where units abound.

    Parameters
    ----------
    x : array of shape (stimulus, unit)
        Activations.
    device : torch.device
        Where the fits are computed.
    where : str
        State and step in words, for errors.
    """

    def __init__(
        self, x: Float[np.ndarray, "stimulus unit"], device: torch.device, where: str
    ) -> None:
        self.device, self.where = device, where
        whole = torch.from_numpy(np.ascontiguousarray(x))
        self.wide = x.shape[1] >= x.shape[0]
        self.table = gram(whole.to(device)) if self.wide else whole.to(device, torch.float64)

    def centred(self, train: np.ndarray, test: np.ndarray) -> tuple[Tensor, Tensor, float]:
        """Training and test rows (of K, or of X) about the training mean, and their size.

        The size is the mean squared length of a training pattern.
        """
        a, b = (torch.from_numpy(i).to(self.device) for i in (train, test))
        if self.wide:
            inside, across = self.table[a][:, a], self.table[b][:, a]
            mean, squares = inside.mean(0), inside.diagonal().mean()
            inside = inside - mean - mean[:, None] + mean.mean()
            across = across - mean - across.mean(1, keepdim=True) + mean.mean()
            size = inside.diagonal().mean()
        else:
            inside, across = self.table[a], self.table[b]
            mean, squares = inside.mean(0), inside.square().sum(1).mean()
            inside, across = inside - mean, across - mean
            size = inside.square().sum(1).mean()
        if not size > 1e-14 * squares:
            raise AnalysisError(
                f"{self.where}: all training stimuli have the same pattern, from which nothing "
                "can be predicted; leave that state or step out"
            )
        return inside, across, float(size)

    def kernels(self, train: np.ndarray, test: np.ndarray) -> tuple[Tensor, Tensor]:
        """K of training and of test with training patterns, centred, of mean diagonal 1."""
        inside, across, size = self.centred(train, test)
        if self.wide:
            return inside / size, across / size
        return inside @ inside.T / size, across @ inside.T / size

    def spectrum(self, train: np.ndarray, test: np.ndarray, keep: int | None) -> Spectrum:
        """Of patterns of a mean squared length of 1: penalties mean the same in every state."""
        if not self.wide:
            inside, across, size = self.centred(train, test)
            inside, across = inside / size**0.5, across / size**0.5
            values, v = torch.linalg.eigh(inside.T @ inside)
            part = slice(max(0, len(values) - (keep or len(values))), None)
            return Spectrum(
                (across @ v)[:, part], values[part].clamp(min=0), (inside @ v)[:, part], None
            )
        inside, across = self.kernels(train, test)
        values, q = torch.linalg.eigh(inside)
        if keep is None:
            return Spectrum(across @ q, values.clamp(min=0), q, inside)
        values, q = values[-keep:], q[:, -keep:]
        large = values > RANK * values[-1]
        values, q = values[large], q[:, large]
        return Spectrum((across @ q) / values.sqrt(), values, q * values.sqrt(), None)

    def scores(
        self, train: np.ndarray, test: np.ndarray, keep: int | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Training and test patterns in at most as many dimensions as training stimuli.

        That is a rotation, so that nothing is lost.
        """
        if not self.wide and keep is None:
            inside, across, _ = self.centred(train, test)
            return inside.cpu().numpy(), across.cpu().numpy()
        s = self.spectrum(train, test, keep or len(train))
        root = self.centred(train, test)[2] ** 0.5
        return root * s.right.cpu().numpy(), root * s.left.cpu().numpy()


def gram(x: Float[Tensor, "stimulus unit"]) -> Float[Tensor, "stimulus stimulus"]:
    """X X^T in float64, whatever the mean of X: centring afterwards takes away most of it."""
    kernel = torch.zeros(len(x), len(x), dtype=torch.float64, device=x.device)
    for start in range(0, x.shape[1], FEATURES):
        part = x[:, start : start + FEATURES].double()
        kernel.addmm_(part, part.T)
    return kernel
