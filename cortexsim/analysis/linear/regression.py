"""Linear maps from model units to neural responses: ridge with a penalty for each target, and partial least squares.

There are usually fewer stimuli than units, so that everything is computed from K = X X^T, once for each state and step; training folds are centred
on their own means (which K allows exactly), and no held-out stimulus enters anything that is fitted.
"""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cortexsim.analysis.linear.splits import Split
from cortexsim.errors import AnalysisError
from cortexsim.shapes import Float

FEATURES = 2048  # columns of X turned into float64 at a time
SCORED = 16 << 20  # bytes of inner predictions at a time
INVERTED = 8 << 20  # bytes of the matrices from training responses to inner predictions
RANK = 1e-13  # eigenvalues below this share of the largest are rounding errors
_ONE_BACKEND = threading.Lock()  # himalaya's backend is global


@dataclass(frozen=True)
class Settings:
    """What a fit needs to know. alphas: in units of the mean squared length of a centred training pattern."""

    alphas: np.ndarray
    components: int
    keep: int | None  # principal components of the training patterns that are used; None: all


class Fitted(NamedTuple):
    """prediction ``(test stimulus, time, unit)``; alpha ``(time, unit)`` (NaN without); fits that did not converge."""

    prediction: np.ndarray
    alpha: np.ndarray
    stopped: int


class Spectrum(NamedTuple):
    """A training fold, diagonalised: predictions are left (right^T Y / (values + alpha)). kernel: centred and scaled, where it is that which was."""

    left: Float[Tensor, "test component"]
    values: Float[Tensor, " component"]
    right: Float[Tensor, "train component"]
    kernel: Float[Tensor, "train train"] | None


class Patterns:
    """The patterns ``(stimulus, unit)`` of one state at one step on a device: as they are if there are fewer units than stimuli, else as K."""

    def __init__(self, x: np.ndarray, device: torch.device, where: str) -> None:
        self.device, self.where = device, where
        whole = torch.from_numpy(np.ascontiguousarray(x))
        self.wide = x.shape[1] >= x.shape[0]
        self.table = gram(whole.to(device)) if self.wide else whole.to(device, torch.float64)

    def centred(self, train: np.ndarray, test: np.ndarray) -> tuple[Tensor, Tensor, float]:
        """Training and test rows (of K, or of X) about the training mean, and the mean squared length of a training pattern."""
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
                f"{self.where}: all training stimuli have the same pattern, from which nothing can be predicted; leave that state or step out"
            )
        return inside, across, float(size)

    def kernels(self, train: np.ndarray, test: np.ndarray) -> tuple[Tensor, Tensor]:
        """K of training with training and of test with training patterns, centred and scaled to a mean squared length of 1."""
        inside, across, size = self.centred(train, test)
        if self.wide:
            return inside / size, across / size
        return inside @ inside.T / size, across @ inside.T / size

    def spectrum(self, train: np.ndarray, test: np.ndarray, keep: int | None) -> Spectrum:
        """Of patterns scaled to a mean squared length of 1, so that penalties mean the same in every state."""
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
        there = values > RANK * values[-1]
        values, q = values[there], q[:, there]
        return Spectrum((across @ q) / values.sqrt(), values, q * values.sqrt(), None)

    def scores(
        self, train: np.ndarray, test: np.ndarray, keep: int | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Training and test patterns in at most as many dimensions as there are training stimuli: a rotation, so that nothing is lost."""
        if not self.wide and keep is None:
            inside, across, _ = self.centred(train, test)
            return inside.cpu().numpy(), across.cpu().numpy()
        s = self.spectrum(train, test, keep or len(train))
        root = self.centred(train, test)[2] ** 0.5
        return root * s.right.cpu().numpy(), root * s.left.cpu().numpy()


def gram(x: Float[Tensor, "stimulus unit"]) -> Float[Tensor, "stimulus stimulus"]:
    """X X^T in float64, whatever the mean of X: centring afterwards takes away most of it."""
    out = torch.zeros(len(x), len(x), dtype=torch.float64, device=x.device)
    for start in range(0, x.shape[1], FEATURES):
        part = x[:, start : start + FEATURES].double()
        out.addmm_(part, part.T)
    return out


@contextlib.contextmanager
def _himalaya(device: torch.device) -> Iterator[None]:
    """himalaya's global backend for as long as it computes, and what it was afterwards."""
    from himalaya.backend import get_backend, set_backend

    with _ONE_BACKEND:
        before = get_backend().name
        set_backend("torch_cuda" if device.type == "cuda" else "torch")
        try:
            yield
        finally:
            set_backend(before)


def chosen_alphas(
    spectrum: Spectrum, y: Float[Tensor, "train target"], inner: list[tuple[np.ndarray, np.ndarray]], alphas: np.ndarray
) -> Float[Tensor, " target"]:  # fmt: skip
    """The penalty of each target with the least squared error on inner folds, in float32."""
    if spectrum.kernel is not None:
        return banded(spectrum.kernel[None], y, inner, alphas, np.ones((1, 1)))[0]
    # himalaya forms a (validation, train) matrix for each alpha; with few components it is many times cheaper to go through them.
    grid = torch.as_tensor(alphas, dtype=torch.float64, device=y.device)
    loss = torch.zeros(len(grid), y.shape[1], device=y.device)
    for train, held in inner:
        a, b = (torch.from_numpy(i).to(y.device) for i in (train, held))
        mean, target = spectrum.right[a].mean(0), y[a].mean(0)
        inside, across = spectrum.right[a] - mean, spectrum.right[b] - mean
        values, v = torch.linalg.eigh(inside.T @ inside)
        middle = ((inside @ v).T @ (y[a] - target)).float()
        rest, left = (y[b] - target).float(), across @ v
        for k, alpha in enumerate(grid):
            error = torch.addmm(
                rest, (left / (values.clamp(min=0) + alpha)).float(), middle, alpha=-1
            )
            loss[k] += error.square().sum(0) / len(b)
    return grid[loss.argmin(0)]


def banded(
    kernels: Float[Tensor, "band train train"], y: Float[Tensor, "train target"], inner: list[tuple[np.ndarray, np.ndarray]], alphas: np.ndarray,
    mixes: np.ndarray,
) -> tuple[Float[Tensor, " target"], Float[Tensor, "band target"]]:  # fmt: skip
    """alpha and weights of kernels (a row of mixes) of each target with the least squared error on inner folds: himalaya's search, in float32."""
    with _himalaya(y.device):
        from himalaya.kernel_ridge import solve_multiple_kernel_ridge_random_search

        held = max(len(v) for _, v in inner)
        deltas, _, _, found = solve_multiple_kernel_ridge_random_search(
            kernels.float(),
            y.float(),
            n_iter=mixes,
            alphas=torch.as_tensor(alphas, dtype=torch.float32, device=y.device),
            cv=inner,
            return_weights=None,
            return_alphas=True,
            progress_bar=False,
            n_targets_batch=max(1, SCORED // (4 * held * len(alphas))),
            n_alphas_batch=max(1, INVERTED // (4 * held * len(y))),
        )
    grid = torch.as_tensor(alphas, dtype=torch.float64, device=y.device)
    alpha = grid[(found.double().log()[:, None] - grid.log()).abs().argmin(1)]
    return alpha, torch.exp(deltas.double()) * found.double()  # deltas are log(weight / alpha)


def ridge(patterns: Patterns, split: Split, settings: Settings) -> Callable[[np.ndarray], Fitted]:
    """Ridge regression with intercept on the training stimuli of a split, ready for any responses ``(stimulus, time, unit)``.

    w = argmin |Y - X w|^2 + alpha s |w|^2 for each target, s the mean squared length of the centred training patterns; alpha by inner folds.
    """
    spectrum = patterns.spectrum(split.train, split.test, settings.keep)
    inner = split.inner()

    def fit(y: np.ndarray) -> Fitted:
        flat = torch.from_numpy(
            np.ascontiguousarray(y[split.train].reshape(len(split.train), -1))
        ).to(patterns.device)
        mean = flat.mean(0)
        flat = flat - mean
        alpha = chosen_alphas(spectrum, flat, inner, settings.alphas)
        prediction = (
            spectrum.left @ ((spectrum.right.T @ flat) / (spectrum.values[:, None] + alpha)) + mean
        )
        shape = y.shape[1:]
        return Fitted(
            prediction.cpu().numpy().reshape(-1, *shape), alpha.cpu().numpy().reshape(shape), 0
        )

    return fit


def two_bands(
    a: Patterns, b: Patterns, split: Split, alphas: np.ndarray, mixes: np.ndarray, y: np.ndarray
) -> np.ndarray:  # fmt: skip
    """Predictions ``(test, target)`` by banded ridge from two sets of patterns: the penalty and the mix of kernels of each target by inner folds.

    mixes: rows of weights of the two kernels, each scaled to a mean squared length of 1. With the single row (1, 0) it is ridge on the first.
    """
    pairs = [p.kernels(split.train, split.test) for p in (a, b)]
    flat = torch.from_numpy(np.ascontiguousarray(y[split.train])).to(a.device)
    mean = flat.mean(0)
    flat = flat - mean
    alpha, weights = banded(torch.stack([p[0] for p in pairs]), flat, split.inner(), alphas, mixes)
    grid = torch.as_tensor(mixes, dtype=torch.float64, device=a.device)
    nearest = torch.cdist(weights.T, grid, p=1).argmin(1)
    out = torch.empty(len(split.test), flat.shape[1], dtype=torch.float64, device=a.device)
    for k in nearest.unique():
        those = nearest == k
        inside, across = (sum(w * m for w, m in zip(grid[k], ms)) for ms in zip(*pairs))
        values, q = torch.linalg.eigh(inside)
        out[:, those] = (across @ q) @ (
            (q.T @ flat[:, those]) / (values.clamp(min=0)[:, None] + alpha[those])
        )  # fmt: skip
    return (out + mean).cpu().numpy()


def pls(patterns: Patterns, split: Split, settings: Settings) -> Callable[[np.ndarray], Fitted]:
    """Partial least squares of all units together, at each time: scikit-learn's ``PLSRegression(components, scale=False)``, as in Brain-Score.

    PLS does not see rotations of X or of Y, so both are rotated into as many dimensions as there are training stimuli, which is exact. The first
    unit stays an axis of its own, because scikit-learn's iterations begin with it: they are then the same ones.
    """
    train, test = patterns.scores(split.train, split.test, settings.keep)
    if settings.components > min(train.shape):
        raise AnalysisError(
            f"{patterns.where}: {settings.components} PLS components of {train.shape[0]} training stimuli with {train.shape[1]} dimensions; "
            f"give components={min(train.shape)} at most"
        )

    def fit(y: np.ndarray) -> Fitted:
        done = [
            _pls_once(train, test, y[split.train, t], settings.components)
            for t in range(y.shape[1])
        ]
        prediction = np.stack([p for p, _ in done], axis=1)
        return Fitted(prediction, np.full(y.shape[1:], np.nan), sum(s for _, s in done))

    return fit


def _pls_once(
    train: np.ndarray, test: np.ndarray, y: np.ndarray, components: int
) -> tuple[np.ndarray, int]:
    """Predictions ``(test, unit)``, and 1 if the iterations of a component did not end."""
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.exceptions import ConvergenceWarning

    mean = y.mean(0)
    y = y - mean
    back, rotated = None, y
    if y.shape[1] > len(y):
        rest = y[:, 1:]
        values, v = np.linalg.eigh(rest @ rest.T)
        there = values > RANK * values[-1]
        root = np.sqrt(values[there])
        back = (v[:, there] / root).T @ rest
        rotated = np.concatenate([y[:, :1], v[:, there] * root], axis=1)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = PLSRegression(components, scale=False).fit(train, rotated)
    stopped = int(any(issubclass(w.category, ConvergenceWarning) for w in said))
    for w in said:  # the other known one says that all of Y is explained before the last component
        if not issubclass(w.category, ConvergenceWarning) and "y residual is constant" not in str(
            w.message
        ):
            warnings.warn(w.message, stacklevel=2)
    prediction = test @ model.coef_.T
    if back is not None:
        prediction = np.concatenate([prediction[:, :1], prediction[:, 1:] @ back], axis=1)
    return prediction + mean, stopped


METHODS: dict[str, Callable[[Patterns, Split, Settings], Callable[[np.ndarray], Fitted]]] = {
    "ridge": ridge,
    "pls": pls,
}
