"""Stimuli are matched by their ids, never by their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.ids import align as align
from cortexsim.ids import texts
from cortexsim.labelled.rdms import FIRST, SECOND
from cortexsim.neural.layout import pair_coords
from cortexsim.pairs import LEAST, pair_indices, pairs_among

if TYPE_CHECKING:
    import xarray


@clear_errors
def select_stimuli(dataset: xarray.Dataset, stimulus_id: Any) -> xarray.Dataset:
    """The stimuli with these ids, in this order.

    Every variable along ``stimulus`` is selected, and the pairs of every RDM.

    Parameters
    ----------
    dataset : xarray.Dataset
        With ``stimulus_id(stimulus)`` and, if it holds RDMs, ``pair`` in the order of
        ``scipy.spatial.distance.squareform``.
    stimulus_id : array_like of shape (selected,)
        The ids, each once.

    Returns
    -------
    xarray.Dataset
        Of the same layout; ``first`` and ``second`` number the stimuli of the result.

    Raises
    ------
    AnalysisError
        For ids that are absent or asked for twice, and for pairs that are not those of the stimuli.

    Examples
    --------
    >>> from cortexsim.neural.own.rdms import from_rdms
    >>> data = from_rdms([1, 2, 3, 4, 5, 6], stimulus_id=list("abcd"))
    >>> select_stimuli(data, list("dcba")).rdm.values
    array([6., 5., 3., 4., 2., 1.])
    """
    if "stimulus_id" not in dataset.coords or dataset.stimulus_id.dims != ("stimulus",):
        dims = dataset.stimulus_id.dims if "stimulus_id" in dataset.coords else "no such coordinate"
        raise AnalysisError(
            f"a data set of stimuli has the coordinate stimulus_id(stimulus); found {dims}. "
            "Single trials become responses to stimuli with cortexsim.neural.average"
        )
    index = align(
        dataset.stimulus_id.values, stimulus_id, what=("the data set", "the ids that are asked for")
    )
    out = dataset.isel(stimulus=index)
    if "pair" not in dataset.dims:
        return out
    _check_pairs(dataset)
    if len(index) < LEAST:
        raise AnalysisError(f"{len(index)} stimuli are asked for; RDMs need at least {LEAST}")
    chosen = pairs_among(index, dataset.sizes["stimulus"])
    return out.isel(pair=chosen).assign_coords(pair_coords(out.stimulus_id.values))


def _check_pairs(dataset: xarray.Dataset) -> None:
    """The pairs are those of the stimuli, in squareform order, by number and by id."""
    n, pairs = dataset.sizes["stimulus"], dataset.sizes["pair"]
    if pairs != n * (n - 1) // 2:
        raise AnalysisError(f"{n} stimuli have {n * (n - 1) // 2} pairs; the data set has {pairs}")
    indices = pair_indices(n)
    for name, expected in zip(("first", "second"), indices, strict=True):
        if name in dataset.coords and not np.array_equal(dataset[name].values, expected):
            raise AnalysisError(
                f"the coordinate {name}(pair) is not that of scipy's squareform order: pairs were "
                "selected or reordered. Select stimuli of the whole data set instead"
            )
    ids = texts(dataset.stimulus_id.values, "the stimulus ids of the data set")
    for name, index in zip((FIRST, SECOND), indices, strict=True):
        if name not in dataset.coords:
            continue
        found = dataset[name]
        if found.dims != ("pair",):
            raise AnalysisError(
                f"{name} of the data set is along {found.dims}, so that its RDMs are of pairs in "
                "different orders; join the data set of each subject with cortexsim.neural.stack"
            )
        if (
            not (found.values == ids[index]).all()
            and (texts(found.values, name) != ids[index]).any()
        ):
            raise AnalysisError(
                f"the pairs of the RDMs ({name}) are not in the order of stimulus_id: one of the "
                "two was reordered without the other (.sortby, .isel), or several data sets were "
                "joined by place. Bring the whole data set into another order with "
                "cortexsim.neural.select_stimuli(data, ids), and join with cortexsim.neural.stack"
            )
