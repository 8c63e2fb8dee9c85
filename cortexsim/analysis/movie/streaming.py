"""RDMs of more stimuli than fit into memory: kernels in blocks of rows, from disk or a network.

A block of rows is held; all later rows pass by it once. Each block yields a contiguous piece of the
vector of pairs, so that nothing of the size n x n is ever whole. Where everything fits there is one
block and one pass.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from cortexsim.analysis.rsa.kernels import MEASURES, Measure, lengths, origin, refuse_flat
from cortexsim.analysis.rsa.near import again, is_single, near
from cortexsim.errors import AnalysisError
from cortexsim.shapes import Float

BATCH = 64  # rows read at a time
CACHE = 1 << 19  # bytes of rows prepared at a time
STREAMED = ("correlation", "cosine", "sqeuclidean")


def streamed_measure(name: str) -> Measure:
    """A measure whose kernel needs one look at each stimulus; AnalysisError for the others."""
    if name in STREAMED:
        return MEASURES[name]
    if name in MEASURES:
        raise AnalysisError(
            f"{name} needs more than one look at the activations (noise, runs or rates); a movie "
            f"is of {', '.join(STREAMED)}. For {name} give cortexsim.analysis.rdms the "
            "activations of a state"
        )
    raise AnalysisError(f"there is no measure {name!r}; a movie is of {', '.join(STREAMED)}")


@dataclass
class Rows:
    """Prepared rows of one state at one step, in place, and what is needed to finish.

    Means of rows, squared lengths, a common origin.
    """

    measure: Measure
    count: int
    features: int
    origin: np.ndarray | None = None

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self.means = np.zeros(self.count)
        self.squares = np.zeros(self.count)
        # Near-duplicates: their rows, columns and values.
        self._near: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def prepare(
        self,
        x: Float[np.ndarray, "stimulus feature"],
        start: int,
        *,
        passing: bool = False,
        rescale: bool = True,
    ) -> None:
        """Centre rows (correlation), or move the origin to the mean of the first rows seen.

        Distances do not change, rounding errors do. rescale: rows whose squares would leave the
        range of the type are divided by their largest entry, where the measure does not see a row's
        scale. Without it ``out_of_range`` tells afterwards, for nothing, whether that was needed.
        passing: rows of which no kernel of their own is computed in this block, so that their
        squared lengths are summed here, in float64.
        """
        few = max(1, CACHE // (x.shape[1] * x.itemsize))
        with np.errstate(all="ignore"):  # what overflows is refused where the kernel shows it
            # So few rows at a time that all passes over them stay in the cache.
            for first in range(0, len(x), few):
                self._prepare(x[first : first + few], start + first, passing, rescale)

    def out_of_range(self, squares: np.ndarray, dtype: np.dtype) -> bool:
        """Whether the squared lengths of prepared rows say that digits were lost.

        Dividing the rows would have kept them.
        """
        small, large = (1e-25, 1e25) if dtype.itemsize == 4 else (1e-200, 1e200)
        return self.measure.scale_free and not ((squares > small) & (squares < large)).all()

    def _prepare(self, x: np.ndarray, start: int, passing: bool, rescale: bool) -> None:
        if (
            rescale
            and self.measure.scale_free
            and self.out_of_range(np.array([row @ row for row in x]), x.dtype)
        ):
            largest = np.abs(x).max(axis=1, keepdims=True)
            x /= np.where((largest > 0) & np.isfinite(largest), largest, 1)
        if self.measure.centre == "rows":
            mean = x.mean(axis=1, keepdims=True)
            x -= mean
            self.means[start : start + len(x)] = mean[:, 0]
        elif self.measure.centre == "columns":
            with self._lock:
                if self.origin is None:
                    self.origin = origin(x)
            x -= self.origin
        if passing:
            self.squares[start : start + len(x)] = np.einsum("ij,ij->i", x, x, dtype=np.float64)

    def segment(self, kernel: Float[np.ndarray, "row later"], start: int, where: str) -> np.ndarray:
        """The pairs of rows ``start ..`` with all later ones.

        ``kernel`` begins with the rows' own columns.
        """
        rows = len(kernel)
        own = kernel.diagonal()
        # Of the same product as the rest: near-duplicates keep their digits.
        self.squares[start : start + rows] = own
        self._check(start, kernel.dtype, where)
        counts = [kernel.shape[1] - 1 - r for r in range(rows)]
        out = np.empty(sum(counts), kernel.dtype)
        d = lengths(self.squares[start:].astype(kernel.dtype), self.measure)
        position = 0
        places = np.cumsum([0, *counts[:-1]])
        for r, count in enumerate(counts):
            out[position : position + count] = self.measure.finish(
                kernel[r, r + 1 :], d[r], d[r + 1 :], self.features
            )
            position += count
        for row, column, values in self._near:
            out[places[row] + column - row - 1] = values
        self._near.clear()
        return out

    def mend(self, own: np.ndarray, part: np.ndarray, kernel: np.ndarray, column: int) -> None:
        """Compute again the pairs of near-duplicates among prepared rows of single precision.

        kernel: own @ part.T, which stands from ``column`` on in that of ``segment``, where the
        values are put.
        """
        if not is_single(own) or not len(own) or not len(part):
            return
        a, b = (
            lengths(np.einsum("ij,ij->i", x, x), self.measure).astype(kernel.dtype)
            for x in (own, part)
        )
        with np.errstate(all="ignore"):
            distance = self.measure.finish(kernel, a[:, None], b[None], self.features)
            small = near(distance, a[:, None], b[None], self.measure, self.features)
        i, j = np.nonzero(small)
        later = j + column > i
        i, j = i[later], j[later]
        if len(i):
            values = again(own, part, i, j, self.measure, self.features)
            self._near.append((i, j + column, values))

    def _check(self, start: int, dtype: np.dtype, where: str) -> None:
        """The same refusal as ``rdms``, saying which state and step."""
        d, means = self.squares[start:].astype(dtype), self.means[start:]
        advice = "leave those stimuli out of the recording"
        try:
            refuse_flat(
                _Diagonal(d), self.measure, lambda: means, self.features, first=start, advice=advice
            )
        except AnalysisError as error:
            raise AnalysisError(f"{where}: {error}") from None


class _Diagonal:
    """As much of a kernel as ``refuse_flat`` looks at."""

    def __init__(self, diagonal: np.ndarray) -> None:
        self._diagonal = diagonal

    def diagonal(self) -> np.ndarray:
        return self._diagonal


def from_disk(
    read: Callable[[np.ndarray, int], None],
    rows: Rows,
    *,
    dtype: np.dtype,
    block: int,
    where: str,
) -> Iterator[tuple[int, np.ndarray]]:
    """(first pair, dissimilarities) for each block of ``block`` rows.

    read(buffer, start) fills ``(stimulus, feature)``.
    """
    n = rows.count
    held = np.empty((min(block, n), rows.features), dtype)
    passing = np.empty((min(BATCH, n), rows.features), dtype) if block < n else held[:0]
    for start in range(0, n, block):
        own = held[: min(block, n - start)]
        yield first_pair(start, n), _block(read, rows, own, passing, start=start, where=where)


def first_pair(row: int, count: int) -> int:
    """The place of the first pair of a row among all pairs of so many stimuli."""
    return row * (2 * count - row - 1) // 2


def one_block(
    read: Callable[[np.ndarray, int], None],
    rows: Rows,
    *,
    dtype: np.dtype,
    block: int,
    start: int,
    where: str,
) -> np.ndarray:
    """The dissimilarities of one block of :func:`from_disk`, by itself.

    start: its first row.
    """
    n = rows.count
    passing = np.empty((min(BATCH, n), rows.features), dtype)
    if start and rows.measure.centre == "columns":  # the origin is that of the first rows of all
        read(passing, 0)
        rows.prepare(passing, 0, rescale=False)
    own = np.empty((min(block, n - start), rows.features), dtype)
    return _block(read, rows, own, passing, start=start, where=where)


def _block(
    read: Callable[[np.ndarray, int], None],
    rows: Rows,
    own: np.ndarray,
    passing: np.ndarray,
    *,
    start: int,
    where: str,
) -> np.ndarray:
    """The dissimilarities of a block of rows with all later ones; own, passing: room for rows."""
    n = rows.count
    for rescale in (False, True):
        for first in range(0, len(own), BATCH):
            part = own[first : first + BATCH]
            read(part, start + first)
            rows.prepare(part, start + first, rescale=rescale)
        with np.errstate(all="ignore"):
            within = own @ own.T
        if not rows.out_of_range(within.diagonal(), own.dtype):
            break
    if start + len(own) == n:
        kernel = within
    else:
        kernel = np.empty((len(own), n - start), own.dtype)
        kernel[:, : len(own)] = within
        for first in range(start + len(own), n, BATCH):
            part = passing[: min(BATCH, n - first)]
            read(part, first)
            rows.prepare(part, first, passing=True, rescale=False)
            if rows.out_of_range(rows.squares[first : first + len(part)], part.dtype):
                read(part, first)
                rows.prepare(part, first, passing=True)
            with np.errstate(all="ignore"):
                kernel[:, first - start : first - start + len(part)] = own @ part.T
            rows.mend(own, part, kernel[:, first - start :][:, : len(part)], first - start)
    rows.mend(own, own, within, 0)
    return rows.segment(kernel, start, where)


class Collector:
    """One state in a run of the network: a block of stimuli at all populated steps.

    And the kernels of that block with all later stimuli. Batches come from several threads; each
    touches only its own rows (of the block) or columns (of the kernels).
    """

    def __init__(self, rows: list[Rows], start: int, *, block: int, dtype: str) -> None:
        self.rows, self.start, self.failed = rows, start, False
        count, features = rows[0].count, rows[0].features
        self.size = min(block, count - start)
        self.held = np.empty((len(rows), self.size, features), dtype)
        self.kernel = (
            np.empty((len(rows), self.size, count - start), dtype)
            if start + self.size < count
            else None
        )
        self._missing, self._full = self.size, threading.Condition()

    def inside(self, first: int) -> bool:
        """Whether a batch that begins at ``first`` is of the block: blocks end with batches."""
        return first < self.start + self.size

    def place(self, first: int, count: int) -> np.ndarray:
        """Where the activations ``(step, stimulus, feature)`` of a batch of the block go."""
        return self.held[:, first - self.start : first - self.start + count]

    def add(self, batch: np.ndarray, first: int) -> None:
        """A batch ``(step, stimulus, feature)``, prepared in place.

        If it is of later stimuli, its products with the whole block.
        """
        inside = self.inside(first)
        for x, rows in zip(batch, self.rows, strict=True):
            rows.prepare(x, first, passing=not inside)
        with self._full:
            if inside:
                self._missing -= batch.shape[1]
                self._full.notify_all()
                return
            # Batches of the block were begun before this one, on other cores; one that fails ends
            # the run, so nobody waits for it for ever.
            while self._missing and not self.failed:
                self._full.wait(0.1)
        assert self.kernel is not None
        column = first - self.start
        with np.errstate(all="ignore"):
            for k, x in enumerate(batch):
                self.kernel[k][:, column : column + len(x)] = self.held[k] @ x.T
                block = self.kernel[k][:, column : column + len(x)]
                self.rows[k].mend(self.held[k], x, block, column)

    def finish(self, k: int, where: str) -> np.ndarray:
        """The pairs of the block with all later stimuli, at the k-th populated step."""
        with np.errstate(all="ignore"):
            own = self.held[k] @ self.held[k].T
            self.rows[k].mend(self.held[k], self.held[k], own, 0)
        if self.kernel is None:
            return self.rows[k].segment(own, self.start, where)
        self.kernel[k][:, : self.size] = own
        return self.rows[k].segment(self.kernel[k], self.start, where)
