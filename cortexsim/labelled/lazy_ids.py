"""The ids of millions of pairs, made when they are read."""

from __future__ import annotations

from typing import Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core.indexing import (
    ExplicitIndexer,
    IndexingSupport,
    LazilyIndexedArray,
    explicit_indexing_adapter,
)

from cortexsim.pairs import conditions_in_pairs


class PairIds(BackendArray):
    """The id of the first (side 0) or second (side 1) condition of each pair."""

    def __init__(self, ids: np.ndarray, side: int) -> None:
        self.ids, self.side = ids, side
        n = len(ids)
        self.shape = (n * (n - 1) // 2,)
        self.dtype = np.dtype(object)

    def __getitem__(self, key: ExplicitIndexer) -> Any:
        return explicit_indexing_adapter(key, self.shape, IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        pairs = key[0]
        if isinstance(pairs, slice):
            pairs = np.arange(*pairs.indices(self.shape[0]))
        return self.ids[conditions_in_pairs(np.asarray(pairs), len(self.ids))[self.side]]


def lazy_pair_ids(ids: np.ndarray) -> dict[str, Any]:
    """``first_id`` and ``second_id`` as coordinates that read nothing yet."""
    import xarray

    return {
        name: xarray.Variable(("pair",), LazilyIndexedArray(PairIds(ids, side)))
        for side, name in enumerate(("first_id", "second_id"))
    }
