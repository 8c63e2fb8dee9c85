"""The metric of whitened comparators: V^-1 without V."""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.pairs import (
    numbers,
    pair_indices,
    square,
)
from cortexsim.shapes import Float


class Whitener:
    """V^-1 without V, which is pairs x pairs.

    V y is the squared distances of S L S, where L is the Laplacian with weights y: a distance
    matrix from a Laplacian. Backwards: V^-1 y is the (negative) off-diagonal of S+ G S+, with
    G = -1/2 H Y H the centred Gram matrix of y and S+ the pseudo-inverse of H S H. So
    a^T V^-1 d = trace(G_a S+ G_d S+): three small products instead of a factorisation of V.

    Parameters
    ----------
    sigma_k : array of shape (condition, condition) or (condition,), or None
        S, or its diagonal; None: the identity.
    n : int
        Conditions.

    Raises
    ------
    AnalysisError
        For what is no covariance of so many conditions.
    """

    def __init__(self, sigma_k: Any, n: int) -> None:
        self.n, self.inverse = n, None
        if sigma_k is None:
            return
        s = numbers(sigma_k, "values of sigma_k").astype(np.float64)
        s = np.diag(s) if s.ndim == 1 else s
        if s.shape != (n, n):
            raise AnalysisError(
                f"sigma_k has shape {np.shape(sigma_k)}; the RDMs have {n} conditions: ({n}, {n}) "
                f"or ({n},)"
            )
        finite = bool(np.isfinite(s).all())
        s = s / np.abs(s).max() if finite and s.any() else s
        if (
            not finite
            or not np.allclose(s, s.T, rtol=1e-6, atol=1e-9)
            or np.linalg.eigvalsh(s)[0] <= 0
        ):
            raise AnalysisError(
                "sigma_k is not a covariance: it must be finite, symmetric and positive definite"
            )
        h = np.eye(n) - 1 / n
        self.inverse = np.linalg.pinv(h @ s @ h, rcond=1e-12, hermitian=True)

    def dual(self, y: Float[np.ndarray, "row pair"]) -> tuple[np.ndarray, np.ndarray]:
        """V^-1 y of every row, and y^T V^-1 y."""
        laplacian = self._gram(y)
        if self.inverse is not None:
            laplacian = self.inverse @ laplacian @ self.inverse
        i, j = pair_indices(self.n)
        x = -laplacian[:, i, j]
        return x, np.einsum("ij,ij->i", x, y)

    def norms(
        self,
        y: Float[np.ndarray, "row pair"],
        squares: np.ndarray | None = None,
        mean: np.ndarray | float = 0.0,
    ) -> np.ndarray:
        """y^T V^-1 y of every row less its ``mean``.

        For S = 1 from its sum of squares and the row sums of its square alone.
        """
        if self.inverse is not None:
            return self.dual(y)[1]
        from cortexsim.analysis.rsa.rows import row_sums

        n, pairs = self.n, y.shape[1]
        sums = np.empty((len(y), n))
        row_sums(np.ascontiguousarray(y), sums)
        squares = np.einsum("ij,ij->i", y, y) if squares is None else squares
        squares = squares - pairs * np.square(mean)
        sums -= (n - 1) * np.reshape(mean, (-1, 1))
        return 0.25 * (2 * squares - 2 / n * (sums**2).sum(1) + sums.sum(1) ** 2 / n**2)

    def _gram(self, y: np.ndarray) -> np.ndarray:
        full = -0.5 * square(y)
        full -= full.mean(axis=1, keepdims=True)
        return full - full.mean(axis=2, keepdims=True)
