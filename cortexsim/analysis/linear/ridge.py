"""Ridge regression with a penalty for each target, chosen on inner folds; of two kernels, too."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from cortexsim.analysis.linear.patterns import Fitted, Patterns, Spectrum
from cortexsim.analysis.linear.settings import Settings
from cortexsim.analysis.linear.splits import Split
from cortexsim.shapes import Float

SCORED = 16 << 20  # bytes of inner predictions at a time
INVERTED = 8 << 20  # bytes of the matrices from training responses to inner predictions
_ONE_BACKEND = threading.Lock()  # himalaya's backend is global

Folds = Sequence[tuple[np.ndarray, np.ndarray]]  # (train, validation) positions


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


def _of_size_1(y: Float[Tensor, "train target"]) -> Float[Tensor, "train target"]:
    """Targets whose largest entry is about 1: no choice depends on it, and squares stay in float32.

    By powers of 2, which change no other digit.
    """
    return torch.ldexp(y, -torch.frexp(y.abs().amax(0)).exponent)


def chosen_alphas(
    spectrum: Spectrum,
    y: Float[Tensor, "train target"],
    inner: Folds,
    alphas: Float[np.ndarray, " alpha"],
) -> Float[Tensor, " target"]:
    """The penalty of each target with the least squared error on inner folds, in float32."""
    if spectrum.kernel is not None:
        return banded(spectrum.kernel[None], y, inner, alphas=alphas, mixes=np.ones((1, 1)))[0]
    y = _of_size_1(y)
    # himalaya forms a (validation, train) matrix for each alpha; with few components it is many
    # times cheaper to go through them.
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
    kernels: Float[Tensor, "band train train"],
    y: Float[Tensor, "train target"],
    inner: Folds,
    *,
    alphas: Float[np.ndarray, " alpha"],
    mixes: Float[np.ndarray, "mix band"],
) -> tuple[Float[Tensor, " target"], Float[Tensor, "band target"]]:
    """alpha and weights of kernels (a row of mixes) of each target by its error on inner folds.

    himalaya's search, in float32.
    """
    y = _of_size_1(y)
    with _himalaya(y.device):
        from himalaya.kernel_ridge import solve_multiple_kernel_ridge_random_search

        held = max(len(v) for _, v in inner)
        deltas, _, _, best = solve_multiple_kernel_ridge_random_search(
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
    alpha = grid[(best.double().log()[:, None] - grid.log()).abs().argmin(1)]
    return alpha, torch.exp(deltas.double()) * best.double()  # deltas are log(weight / alpha)


def ridge(patterns: Patterns, split: Split, settings: Settings) -> Callable[[np.ndarray], Fitted]:
    """Ridge regression with intercept on the training stimuli of a split, for any responses.

        w = argmin |Y - X w|^2 + alpha s |w|^2

    for each target, s the mean squared length of the centred training patterns; alpha by inner
    folds.

    Parameters
    ----------
    patterns : Patterns
        Of one state at one step.
    split : Split
        Training and test stimuli.
    settings : Settings
        The penalties that are tried, and principal components to keep.

    Returns
    -------
    callable
        From responses of shape (stimulus, time, unit) to ``Fitted``.
    """
    spectrum = patterns.spectrum(split.train, split.test, settings.keep)
    inner = split.inner()

    def fit(y: np.ndarray) -> Fitted:
        rows = np.ascontiguousarray(y[split.train].reshape(len(split.train), -1))
        flat = torch.from_numpy(rows).to(patterns.device)
        mean = flat.mean(0)
        flat = flat - mean
        alpha = chosen_alphas(spectrum, flat, inner, settings.alphas)
        shrunk = (spectrum.right.T @ flat) / (spectrum.values[:, None] + alpha)
        prediction = (spectrum.left @ shrunk + mean).cpu().numpy()
        shape = y.shape[1:]
        return Fitted(prediction.reshape(-1, *shape), alpha.cpu().numpy().reshape(shape), 0)

    return fit


def two_bands(
    a: Patterns,
    b: Patterns,
    split: Split,
    *,
    alphas: Float[np.ndarray, " alpha"],
    mixes: Float[np.ndarray, "mix two"],
    y: Float[np.ndarray, "stimulus target"],
) -> Float[np.ndarray, "test target"]:
    """Predictions by banded ridge from two sets of patterns.

    The penalty and the mix of kernels of each target are chosen on inner folds. mixes: rows of
    weights of the two kernels, each scaled to a mean squared length of 1. With the single row
    (1, 0) it is ridge on the first.
    """
    pairs = [p.kernels(split.train, split.test) for p in (a, b)]
    flat = torch.from_numpy(np.ascontiguousarray(y[split.train])).to(a.device)
    mean = flat.mean(0)
    flat = flat - mean
    kernels = torch.stack([p[0] for p in pairs])
    alpha, weights = banded(kernels, flat, split.inner(), alphas=alphas, mixes=mixes)
    grid = torch.as_tensor(mixes, dtype=torch.float64, device=a.device)
    nearest = torch.cdist(weights.T, grid, p=1).argmin(1)
    prediction = torch.empty(len(split.test), flat.shape[1], dtype=torch.float64, device=a.device)
    for k in nearest.unique():
        alike = nearest == k
        inside, across = (sum(w * m for w, m in zip(grid[k], ms)) for ms in zip(*pairs))
        values, q = torch.linalg.eigh(inside)
        shrunk = (q.T @ flat[:, alike]) / (values.clamp(min=0)[:, None] + alpha[alike])
        prediction[:, alike] = (across @ q) @ shrunk
    return (prediction + mean).cpu().numpy()
