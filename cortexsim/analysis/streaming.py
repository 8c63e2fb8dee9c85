"""RDMs of more stimuli than fit into memory: kernels in blocks of rows, from disk or from the running network.

A block of rows is held; all later rows pass by it once. Each block yields a contiguous piece of the vector of pairs, so that nothing of the size
n x n is ever whole. Where everything fits there is one block and one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cortexsim.analysis.kernels import MEASURES, Measure, origin, refuse_flat
from cortexsim.errors import AnalysisError
from cortexsim.shapes import Float

STREAMED = ("correlation", "cosine", "sqeuclidean")


def streamed_measure(name: str) -> Measure:
    """A measure whose kernel needs one look at each stimulus; AnalysisError for the others."""
    if name in STREAMED:
        return MEASURES[name]
    if name in MEASURES:
        raise AnalysisError(
            f"{name} needs more than one look at the activations (noise, runs or rates); a movie is of {', '.join(STREAMED)}. "
            f"For {name} give cortexsim.analysis.rdms the activations of a state"
        )
    raise AnalysisError(f"there is no measure {name!r}; a movie is of {', '.join(STREAMED)}")


@dataclass
class Rows:
    """Prepared rows of one state at one step, in place, and what is needed to finish: means of rows, squared lengths, a common origin."""

    measure: Measure
    count: int
    features: int
    origin: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.means = np.zeros(self.count)
        self.squares = np.zeros(self.count)

    def prepare(self, x: Float[np.ndarray, "stimulus feature"], start: int, *, passing: bool = False) -> None:
        """Centre rows (correlation), or move the origin to the mean of the first rows seen (distances do not change, rounding errors do).

        passing: rows of which no kernel of their own is computed in this block, so that their squared lengths are summed here, in float64.
        """
        if self.measure.centre == "rows":
            mean = x.mean(axis=1, keepdims=True)
            x -= mean
            self.means[start : start + len(x)] = mean[:, 0]
        elif self.measure.centre == "columns":
            if self.origin is None:
                self.origin = origin(x)
            x -= self.origin
        if passing:
            self.squares[start : start + len(x)] = np.einsum("ij,ij->i", x, x, dtype=np.float64)

    def segment(self, kernel: Float[np.ndarray, "row later"], start: int, name: str, where: str) -> np.ndarray:
        """The pairs of rows ``start ..`` with all later ones; ``kernel`` begins with the rows' own columns."""
        rows = len(kernel)
        own = kernel.diagonal()
        self.squares[start : start + rows] = own  # of the same product as the rest: near-duplicates keep their digits
        self._check(start, name, where)
        lengths = [kernel.shape[1] - 1 - r for r in range(rows)]
        out = np.empty(sum(lengths), kernel.dtype)
        squares = self.squares[start:].astype(kernel.dtype)
        position = 0
        for r, length in enumerate(lengths):
            out[position : position + length] = self.measure.finish(
                kernel[r, r + 1 :], squares[r], squares[r + 1 :], self.features
            )
            position += length
        return out

    def _check(self, start: int, name: str, where: str) -> None:
        """The same refusal as ``rdms``, saying which state and step."""
        d, means = self.squares[start:].astype(np.float32), self.means[start:]
        try:
            refuse_flat(_Diagonal(d), self.measure, lambda: means, self.features, first=start)
        except AnalysisError as error:
            raise AnalysisError(f"{where}: {error}") from None


class _Diagonal:
    """As much of a kernel as ``refuse_flat`` looks at."""

    def __init__(self, diagonal: np.ndarray) -> None:
        self._diagonal = diagonal

    def diagonal(self) -> np.ndarray:
        return self._diagonal


def from_disk(
    read: Callable[[np.ndarray, int], None], rows: Rows, dtype: np.dtype, block: int, batch: int, name: str, where: str
) -> Iterator[tuple[int, np.ndarray]]:
    """(first pair, dissimilarities) for each block of ``block`` rows. read(buffer, start) fills ``(stimulus, feature)``."""
    n = rows.count
    held = np.empty((min(block, n), rows.features), dtype)
    passing = np.empty((min(batch, n), rows.features), dtype) if block < n else held[:0]
    position = 0
    for start in range(0, n, block):
        own = held[: min(block, n - start)]
        for first in range(0, len(own), batch):
            part = own[first : first + batch]
            read(part, start + first)
            rows.prepare(part, start + first)
        if start + len(own) == n:
            kernel = own @ own.T
        else:
            kernel = np.empty((len(own), n - start), dtype)
            kernel[:, : len(own)] = own @ own.T
            for first in range(start + len(own), n, batch):
                part = passing[: min(batch, n - first)]
                read(part, first)
                rows.prepare(part, first, passing=True)
                kernel[:, first - start : first - start + len(part)] = own @ part.T
        pairs = rows.segment(kernel, start, name, where)
        yield position, pairs
        position += len(pairs)


class Collector:
    """All states and steps of a run of the network at once: keeps a block of rows of each, and the kernel of that block with all later rows."""

    def __init__(self, name: str, count: int, start: int, block: int, rows: dict[Any, Rows]) -> None:
        self.name, self.count, self.start, self.rows = name, count, start, rows
        self.size = min(block, count - start)
        self.held: dict[Any, np.ndarray] = {}
        self.kernel: dict[Any, np.ndarray] = {}

    def add(self, key: Any, x: Float[np.ndarray, "stimulus feature"], first: int) -> None:
        """Rows ``first ..`` of one state and step. Batches may come in any order once the block is full."""
        rows = self.rows[key]
        if key not in self.held:
            self.held[key] = np.empty((self.size, rows.features), x.dtype)
            if self.start + self.size < self.count:
                self.kernel[key] = np.empty((self.size, self.count - self.start), x.dtype)
        inside = max(0, min(len(x), self.start + self.size - first))
        if inside:
            part = self.held[key][first - self.start : first - self.start + inside]
            part[:] = x[:inside]
            rows.prepare(part, first)
        if inside < len(x):
            later = np.array(x[inside:])
            rows.prepare(later, first + inside, passing=True)
            column = first + inside - self.start
            self.kernel[key][:, column : column + len(later)] = self.held[key] @ later.T

    def finish(self, key: Any, where: str) -> np.ndarray:
        """The pairs of the block with all later rows, of one state and step."""
        held = self.held.pop(key)
        kernel = self.kernel.pop(key, None)
        if kernel is None:
            kernel = held @ held.T
        else:
            kernel[:, : len(held)] = held @ held.T
        return self.rows[key].segment(kernel, self.start, self.name, where)
