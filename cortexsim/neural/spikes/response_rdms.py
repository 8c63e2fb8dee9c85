"""RDMs of responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.ids import unique_texts
from cortexsim.labelled.item_ids import ids_of
from cortexsim.labelled.rdms import pair_coords
from cortexsim.neural.spikes.trials import variable_of
from cortexsim.shapes import Float

if TYPE_CHECKING:
    import xarray


NEEDS_MORE = ("crossnobis", "mahalanobis")  # runs, or a noise covariance


@clear_errors
def response_rdms(
    data: Any, measure: str = "correlation", *, centre: bool = False
) -> xarray.Dataset:
    """The RDM of mean responses at each time, over units.

    Parameters
    ----------
    data : xarray.Dataset or xarray.DataArray
        With responses ``(..., [time_ms,] stimulus, unit)``, or such an array.
    measure : str
        See ``cortexsim.analysis.rdms``.
    centre : bool
        Take away each unit's mean over stimuli first, so that differences in rate between units,
        common to all stimuli, do not count.

    Returns
    -------
    xarray.Dataset
        With rdm ``(..., [time_ms,] pair)``. Where the measure is not defined (a stimulus to which
        all units respond alike, for correlation) the RDM is NaN throughout;
        ``rdm.attrs["undefined"]`` counts them.

    Raises
    ------
    AnalysisError
        For single trials (average them first), NaN, and measures that need more than patterns.

    Examples
    --------
    >>> from cortexsim.neural.own.responses import from_responses
    >>> patterns = [[1, 2, 3], [3, 2, 1], [1, 2, 4], [0, 5, 0.0]]
    >>> data = from_responses(patterns, dims=("stimulus", "unit"), stimulus_id=list("abcd"))
    >>> response_rdms(data).rdm.values.round(3)
    array([2.   , 0.018, 1.   , 1.982, 1.   , 1.189])
    """
    import xarray

    from cortexsim.analysis.rsa.rdm import MEASURES

    array = variable_of(data, ("responses", "rates"), "response_rdms")
    check_measure(measure)
    ids = ids_of(array, "stimulus", "responses")[0] if "stimulus" in array.dims else None
    if (
        {"trial", "repeat"} & set(array.dims)
        or not {"stimulus", "unit"} <= set(array.dims)
        or ids is None
    ):
        raise AnalysisError(
            "RDMs are of mean responses (..., [time_ms,] stimulus, unit) with stimulus_id; found "
            f"{tuple(array.dims)}: see cortexsim.neural.average"
        )
    ids = unique_texts(ids, "the stimulus ids of the responses")
    array = array.transpose(
        ..., *(["time_ms"] if "time_ms" in array.dims else []), "stimulus", "unit"
    )
    values = array.values.astype(np.float64)
    if (missing := ~np.isfinite(values)).any():
        units = np.flatnonzero(missing.reshape(-1, values.shape[-1]).any(0))
        raise AnalysisError(
            f"{len(units)} of {values.shape[-1]} units lack a response to some stimulus; leave "
            "them out: data.dropna('unit')"
        )
    rdm = rdms_of_responses(values.reshape(-1, *values.shape[-2:]), measure, centre).reshape(
        *values.shape[:-2], -1
    )
    dims = (*array.dims[:-2], "pair")
    attrs = {
        "kind": "rdm",
        **{k: array.attrs[k] for k in ("area", "species") if k in array.attrs},
        "units": "dissimilarity",
        "measure": MEASURES[measure].equation
        + (" of responses less each unit's mean" if centre else ""),
        "undefined": int(np.isnan(rdm).all(-1).sum()),
    }
    coords = {k: c.variable for k, c in array.coords.items() if "unit" not in c.dims}
    return xarray.Dataset(
        {"rdm": (dims, rdm, attrs)},
        coords | {"stimulus_id": ("stimulus", ids)} | pair_coords(ids),
        data.attrs if isinstance(data, xarray.Dataset) else {},
    )


def check_measure(measure: str) -> None:
    from cortexsim.analysis.rsa.kernels import measure_named

    measure_named(measure)
    if measure in NEEDS_MORE:
        raise AnalysisError(
            f"{measure} needs runs or a noise covariance: use cortexsim.analysis.rdms on the "
            "responses"
        )


def rdms_of_responses(
    patterns: Float[np.ndarray, "*stack stimulus unit"], measure: str, centre: bool
) -> Float[np.ndarray, "*stack pair"]:
    """RDMs ``(..., pair)`` of patterns ``(..., stimulus, unit)``.

    NaN where a scale-free measure meets a pattern without variance or length.
    """
    from cortexsim.analysis.rsa.rdm import MEASURES, rdms

    x = patterns - patterns.mean(-2, keepdims=True) if centre else patterns
    n = x.shape[-2]
    size = np.abs(patterns).max(-1)  # what centring leaves of equal responses is rounding of these
    spread = np.ptp(x, axis=-1) if MEASURES[measure].centre == "rows" else np.abs(x).max(-1)
    fine = (spread > 1e-12 * size).all(-1) | (not MEASURES[measure].scale_free)
    out = np.full((*x.shape[:-2], n * (n - 1) // 2), np.nan)
    if fine.any():
        out[fine] = rdms(x[fine], measure)
    return out
