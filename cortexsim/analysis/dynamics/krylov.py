"""Eigenvalues of the Jacobian of a large map from products with it, for many inputs at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

BREAKDOWN = 100  # rounding errors: a Krylov space that grows by less is complete


def spectra(
    f: Any, h: torch.Tensor, start: torch.Tensor, krylov: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spectral radius, spectral norm and the residual of the radius, of the Jacobian of f at h, for each row of h."""
    import torch

    with torch.no_grad(), warnings.catch_warnings():
        # torch's own first use of forward mode calls a function that torch deprecates.
        warnings.filterwarnings("ignore", "`torch.jit.script`", FutureWarning)
        back = torch.func.vjp(f, h)[1]

        def forward(v: torch.Tensor) -> torch.Tensor:
            return torch.func.jvp(f, (h,), (v,))[1]

        radius, residual = largest_eigenvalue(forward, start, krylov)
        top, _ = largest_eigenvalue(lambda v: back(forward(v))[0], start, krylov)
    # A Ritz value of J'J can only be too small, and the norm is at least the radius.
    return radius, np.maximum(np.sqrt(top), radius), residual


def largest_eigenvalue(
    product: Callable[[torch.Tensor], torch.Tensor], start: torch.Tensor, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """The largest |eigenvalue| of a linear map for each row of ``start`` ``(row, unit)``, and its relative residual, from a Krylov space.

    Arnoldi: ``size`` products at most, each made orthogonal to all before; the eigenvalues of the small projected matrix approximate the largest
    of the map. product: ``(row, unit)`` to ``(row, unit)``, linear in each row by itself. Source: Saad 2011, section 6.

    >>> import torch
    >>> turn = torch.tensor([[0.0, -2.0], [2.0, 0.0]])
    >>> largest_eigenvalue(lambda v: v @ turn, torch.ones(1, 2), 5)[0].round(4).tolist()
    [2.0]
    """
    import torch

    size = min(size, start.shape[1])
    basis = [start / start.norm(dim=1, keepdim=True)]
    projected = torch.zeros(len(start), size + 1, size, dtype=torch.float64, device=start.device)
    scale = torch.zeros(len(start), dtype=start.dtype, device=start.device)
    for k in range(size):
        w = product(basis[k])
        scale = torch.maximum(scale, w.norm(dim=1))
        for _ in range(2):  # twice is enough to stay orthogonal in single precision
            for j, q in enumerate(basis):
                share = (q * w).sum(1)
                projected[:, j, k] += share
                w = w - share[:, None] * q
        left = w.norm(dim=1)
        whole = left <= BREAKDOWN * torch.finfo(w.dtype).eps * scale
        left = torch.where(whole, torch.zeros_like(left), left)
        projected[:, k + 1, k] = left
        basis.append(
            torch.where(
                whole[:, None],
                torch.zeros_like(w),
                w / left.clamp_min(torch.finfo(w.dtype).tiny)[:, None],
            )
        )
    matrices = projected.cpu().numpy()
    values, vectors = np.linalg.eig(matrices[:, :size])
    best = np.abs(values).argmax(1)
    rows = np.arange(len(best))
    radius = np.abs(values[rows, best])
    error = matrices[:, size, size - 1] * np.abs(vectors[rows, -1, best])
    return radius, np.divide(error, radius, out=np.zeros_like(error), where=radius > 0)
