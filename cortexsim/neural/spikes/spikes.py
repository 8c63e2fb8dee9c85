"""From spike rasters to rates: bins, sliding windows, baselines.

And on from there (see ``trials`` and ``halves``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.milliseconds import SLACK, times_of
from cortexsim.neural.layout import time_coord
from cortexsim.neural.spikes.trials import variable_of

if TYPE_CHECKING:
    import xarray

CHUNK = 1 << 22  # samples that are summed at a time: bounds the memory beside input and output
NEAR = 1e-6  # of a bin: times that differ by less are the same
MOST_SPIKES = 1 << 31  # in a bin


@clear_errors
def bin_spikes(
    data: Any,
    width_ms: float,
    step_ms: float | None = None,
    *,
    start_ms: float | None = None,
    stop_ms: float | None = None,
) -> xarray.Dataset:
    """Firing rates in bins of ``width_ms``: the number of spikes over the width, in spikes/s.

    Parameters
    ----------
    data : xarray.Dataset or xarray.DataArray
        With spikes ``(..., time_ms)``, or such an array: counts in bins (of 1 ms, say) whose
        centres are time_ms.
    width_ms : float
        Width of the bins.
    step_ms : float, optional
        From one bin to the next; the width by default (bins do not overlap), less slides.
    start_ms : float, optional
        First edge, in ms after onset; by default that of the data. Where it is no multiple of the
        step before onset, a bin holds time from before and after it: choose start_ms then.
    stop_ms : float, optional
        Last edge; by default that of the data (a last bin that would not be whole is left out).

    Returns
    -------
    xarray.Dataset
        With rates in place of spikes, and all other coordinates; time_ms is the centre of each bin.

    Raises
    ------
    AnalysisError
        For widths, steps and edges that are not on the grid of the data (with the nearest that
        are), for uneven times and for what are not counts.

    Examples
    --------
    >>> import xarray
    >>> counts = np.eye(2, 6, 2, dtype=np.uint8)
    >>> spikes = xarray.DataArray(counts, {"time_ms": np.arange(6) + 0.5}, ("trial", "time_ms"))
    >>> rates = bin_spikes(spikes, 2)
    >>> rates.time_ms.values, rates.rates.values
    (array([1., 3., 5.]), array([[  0., 500.,   0.],
           [  0., 500.,   0.]]))
    """
    spikes = variable_of(data, ("spikes",), "bin_spikes", timed=True)
    counts = spikes.transpose(..., "time_ms").values
    _refuse_no_counts(counts)
    edge, grid = _grid(spikes)
    first, width, step, bins = _windows(
        counts.shape[-1],
        edge,
        grid,
        width_ms=width_ms,
        step_ms=width_ms if step_ms is None else step_ms,
        start_ms=start_ms,
        stop_ms=stop_ms,
    )
    rates = _window_sums(counts, first, width, step=step, bins=bins) * (1000 / (width * grid))
    attrs = {k: v for k, v in spikes.attrs.items() if k not in ("units", "kind")}
    times = edge + grid * (first + step * np.arange(bins) + width / 2)
    return _in_place(
        data,
        spikes,
        "rates",
        values=rates,
        times=times,
        width=width * grid,
        attrs={"kind": "responses", **attrs, "units": "spikes/s"},
    )


@clear_errors
def sliding(data: Any, width_ms: float, step_ms: float | None = None) -> xarray.Dataset:
    """The mean of responses in windows of ``width_ms`` that slide over bins which do not overlap.

    Parameters
    ----------
    data : xarray.Dataset or xarray.DataArray
        With responses or rates ``(..., time_ms, ...)``, or such an array.
    width_ms : float
        Width of the windows.
    step_ms : float, optional
        From one window to the next; one bin by default.

    Returns
    -------
    xarray.Dataset
        The same with fewer times, each the centre of its window; a window with a NaN is NaN.

    Raises
    ------
    AnalysisError
        For widths and steps that are not whole bins (with the nearest that are) and for bins that
        overlap.

    Examples
    --------
    >>> import xarray
    >>> times = {"time_ms": [5.0, 15.0, 25.0]}
    >>> rates = xarray.DataArray([0.0, 10.0, 20.0], times, ("time_ms",), name="rates")
    >>> sliding(rates, 20).rates.values
    array([ 5., 15.])
    """
    values = variable_of(data, ("responses", "rates"), "sliding", timed=True)
    edge, grid = _grid(values)
    ordered = values.transpose(..., "time_ms").values.astype(np.float64)
    _, width, step, bins = _windows(
        ordered.shape[-1],
        edge,
        grid,
        width_ms=width_ms,
        step_ms=grid if step_ms is None else step_ms,
        start_ms=None,
        stop_ms=None,
    )
    stop = step * (bins - 1) + 1
    # Not cumulative: a NaN stays where it is.
    mean = sum(ordered[..., k : k + stop : step] for k in range(width)) / width
    times = edge + grid * (step * np.arange(bins) + width / 2)
    out = _in_place(
        data,
        values,
        str(values.name or "responses"),
        values=mean,
        times=times,
        width=width * grid,
        attrs=values.attrs,
    )
    return out.transpose(*[d for d in values.dims if d in out.dims], ...)


def _refuse_no_counts(counts: np.ndarray) -> None:
    if counts.dtype.kind not in "uib" and not (
        counts.dtype.kind == "f" and np.isfinite(counts).all() and (counts % 1 == 0).all()
    ):
        raise AnalysisError(
            f"spikes are counts, whole numbers that are not NaN; found {counts.dtype} with "
            "others. For rates see cortexsim.neural.sliding"
        )
    if counts.dtype.kind != "u" and counts.size and counts.min() < 0:
        raise AnalysisError(
            f"spikes are counts, which are not negative; the smallest value is {counts.min():g}"
        )
    if counts.size and float(counts.max()) > MOST_SPIKES:
        raise AnalysisError(
            f"spikes are counts; the largest value, {counts.max():g} in one bin, is none"
        )


def _grid(values: Any) -> tuple[float, float]:
    """First edge and width of the bins of the data, which follow each other without gaps."""
    times = times_of(values.time_ms)
    stated = values.time_ms.attrs.get("bin_ms")
    if len(times) == 1 and stated is None:
        raise AnalysisError(
            "there is one time, and the width of its bin is not known: time_ms.attrs['bin_ms'] = "
            "..."
        )
    grid = float(stated) if len(times) == 1 else float((times[-1] - times[0]) / (len(times) - 1))
    off = np.abs(times - times[0] - grid * np.arange(len(times))).max()
    if off > max(SLACK, NEAR * len(times)) * grid:
        raise AnalysisError(
            f"the times are not evenly spaced: they are up to {off:g} ms off a grid of {grid:g} ms"
        )
    if stated is not None and abs(float(stated) - grid) > max(SLACK, NEAR * len(times)) * grid:
        raise AnalysisError(
            f"bins of {float(stated):g} ms follow each other every {grid:g} ms; bins that overlap "
            "or leave gaps cannot be joined: bin the spikes again with the width you want"
        )
    return float(times[0]) - grid / 2, grid


def _windows(
    samples: int,
    edge: float,
    grid: float,
    *,
    width_ms: float,
    step_ms: float,
    start_ms: float | None,
    stop_ms: float | None,
) -> tuple[int, int, int, int]:
    """The first sample, samples in a window, samples from one to the next, and the number of
    windows.
    """
    width, step = (
        _whole(width_ms, 0, grid, what="width_ms"),
        _whole(step_ms, 0, grid, what="step_ms"),
    )
    if min(width, step) < 1:
        raise AnalysisError(
            f"width_ms={width_ms!r}, step_ms={step_ms!r}: both must be at least one bin of the "
            f"data, {grid:g} ms"
        )
    start = 0 if start_ms is None else _whole(start_ms, edge, grid, what="start_ms")
    stop = samples if stop_ms is None else _whole(stop_ms, edge, grid, what="stop_ms")
    last = edge + grid * samples
    if not 0 <= start < stop <= samples:
        raise AnalysisError(
            f"from {start_ms} to {stop_ms} ms is not in the data, which go from {edge:g} to "
            f"{last:g} ms"
        )
    if stop - start < width:
        raise AnalysisError(
            f"a window of {width_ms:g} ms is wider than the {grid * (stop - start):g} ms of the "
            "data"
        )
    over = (stop - start - width) % step
    if stop_ms is not None and over:
        low = edge + grid * (stop - over)
        raise AnalysisError(
            f"windows of {width_ms:g} ms every {step_ms:g} ms do not end at stop_ms={stop_ms:g}; "
            f"nearest: {low:g} or {low + grid * step:g} ms"
        )
    return start, width, step, (stop - start - width) // step + 1


def _whole(ms: float, origin: float, grid: float, *, what: str) -> int:
    """How many samples a time is from the origin.

    AnalysisError that names the nearest choices if it is none.
    """
    try:
        count = (float(ms) - origin) / grid
    except (TypeError, ValueError):
        raise AnalysisError(f"{what}={ms!r} is not a number of ms") from None
    if not np.isfinite(count) or abs(count - round(count)) > NEAR * max(1, abs(count)):
        near = (
            ""
            if not np.isfinite(count)
            else f"; nearest: {origin + grid * np.floor(count):g} or "
            f"{origin + grid * np.ceil(count):g} ms"
        )
        raise AnalysisError(f"{what}={ms!r} is not on the grid of the data, {grid:g} ms{near}")
    return round(count)


def _window_sums(counts: np.ndarray, first: int, width: int, *, step: int, bins: int) -> np.ndarray:
    """Sums ``(..., bin)`` of counts ``(..., sample)`` as differences of cumulative sums, some rows
    at a time.
    """
    flat = counts.reshape(-1, counts.shape[-1])[:, first : first + step * (bins - 1) + width]
    out = np.empty((len(flat), bins))
    left = step * np.arange(bins)
    rows = max(1, CHUNK // flat.shape[1])
    for k in range(0, len(flat), rows):
        total = np.zeros((len(flat[k : k + rows]), flat.shape[1] + 1), dtype=np.int64)
        np.cumsum(flat[k : k + rows], axis=1, dtype=np.int64, out=total[:, 1:])
        out[k : k + rows] = total[:, left + width] - total[:, left]
    return out.reshape(*counts.shape[:-1], bins)


def _in_place(
    data: Any,
    old: Any,
    name: str,
    *,
    values: np.ndarray,
    times: np.ndarray,
    width: float,
    attrs: Any,
) -> xarray.Dataset:
    """New values at new times, with every coordinate that has no time; time is the last axis."""
    import xarray

    dims = (*(d for d in old.dims if d != "time_ms"), "time_ms")
    coords = {k: c.variable for k, c in old.coords.items() if "time_ms" not in c.dims}
    out = xarray.Dataset(
        {name: (dims, values, attrs)},
        coords | {"time_ms": time_coord(times, width)},
        data.attrs if isinstance(data, xarray.Dataset) else {},
    )
    if isinstance(data, xarray.Dataset):  # what has no time, e.g. the number of trials, stays
        out = out.assign(
            {
                k: v
                for k, v in data.data_vars.items()
                if "time_ms" not in v.dims and set(v.dims) <= set(out.dims)
            }
        )
        out = out.assign_coords(
            {
                k: c
                for k, c in data.coords.items()
                if k not in out.coords and "time_ms" not in c.dims
            }
        )
    return out
