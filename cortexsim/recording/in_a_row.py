"""Lazy arrays in a row, which are read where they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray
from xarray.backends import BackendArray
from xarray.core.indexing import IndexingSupport, explicit_indexing_adapter


class InARow(BackendArray):
    """Variables in a row, the first axis through all of them.

    Parameters
    ----------
    parts : sequence of Variable
        Of the same shape but for the first axis.
    """

    def __init__(self, parts: Sequence[xarray.Variable]) -> None:
        self.parts = tuple(parts)
        self.dtype = parts[0].dtype
        self.ends = np.cumsum([len(part) for part in parts])
        self.shape = (int(self.ends[-1]), *parts[0].shape[1:])

    def __getitem__(self, key: Any) -> Any:
        return explicit_indexing_adapter(key, self.shape, IndexingSupport.OUTER, self.read)

    def read(self, key: tuple[Any, ...]) -> np.ndarray:
        """The numbers at integers, slices and arrays of integers, one for each axis."""
        first, *rest = key
        if isinstance(first, (int, np.integer)):
            which = int(np.searchsorted(self.ends, first, side="right"))
            before = int(self.ends[which]) - len(self.parts[which])
            return self.parts[which][(int(first) - before, *rest)].values
        rows = np.arange(self.shape[0])[first]
        pieces = []
        for part, end in zip(self.parts, self.ends, strict=True):
            own = np.flatnonzero((rows >= end - len(part)) & (rows < end))
            if len(own):
                local = rows[own] - (end - len(part))
                pieces.append((own, part[(_as_slice(local), *rest)].values))
        if len(pieces) == 1:
            return pieces[0][1]
        shape = pieces[0][1].shape[1:] if pieces else self.parts[0][(slice(0), *rest)].shape[1:]
        values = np.empty((len(rows), *shape), self.dtype)
        for own, piece in pieces:
            values[own] = piece
        return values


def _as_slice(places: np.ndarray) -> Any:
    """Places that follow each other as a slice, which is read faster."""
    if len(places) and (np.diff(places) == 1).all():
        return slice(int(places[0]), int(places[-1]) + 1)
    return places
