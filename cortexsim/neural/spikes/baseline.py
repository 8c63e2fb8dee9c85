"""Responses relative to a baseline."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.milliseconds import from_to, times_of, within
from cortexsim.neural.spikes.trials import variable_of
from cortexsim.plain import precision

if TYPE_CHECKING:
    import xarray


NARROW = 0.1  # of the gap between bins: nobody asks for a window that is narrower
FLAT = 1e-13  # of the root mean square: a standard deviation (or a mean) below is rounding


BASELINES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "subtract": lambda x, mean, sd: x - mean,
    "zscore": lambda x, mean, sd: (x - mean) / sd,
    "ratio": lambda x, mean, sd: x / mean,
}


UNITS = {"zscore": "standard deviations of the baseline", "ratio": "times the baseline"}


@clear_errors
def baseline(
    data: Any, window_ms: tuple[float, float], mode: str = "subtract", *, per: str = "unit"
) -> xarray.Dataset:
    """Responses relative to those before the stimulus.

    x - m (``subtract``), (x - m) / s (``zscore``) or x / m (``ratio``), with m and s the mean and
    standard deviation (with n in the denominator) of the baseline.

    Parameters
    ----------
    data : xarray.Dataset or xarray.DataArray
        With rates or responses, or such an array.
    window_ms : tuple of two float
        From, to; the bins that lie wholly in it are the baseline.
    mode : {"subtract", "zscore", "ratio"}
        See above.
    per : {"unit", "series"}
        ``"unit"``, m and s are of all baseline values of a unit, over trials, stimuli and bins, so
        that the noise of one trial is not added to its response; ``"series"``, of each time course
        on its own, as is usual for EEG.

    Returns
    -------
    xarray.Dataset
        Of the same layout. Where m or s is zero and divides, the result is NaN;
        ``attrs["undefined"]`` counts the units or series.

    Raises
    ------
    AnalysisError
        For windows without a bin, modes that are not known, and NaN in part of a baseline.

    Examples
    --------
    >>> import xarray
    >>> times = {"time_ms": [-15.0, -5.0, 5.0]}
    >>> rates = xarray.DataArray([[2.0, 4.0, 9.0]], times, ("unit", "time_ms"), name="rates")
    >>> baseline(rates, (-20, 0)).rates.values
    array([[-1.,  1.,  6.]])
    """
    import xarray

    if mode not in BASELINES:
        raise AnalysisError(f"there is no baseline {mode!r}; choose from {', '.join(BASELINES)}")
    if per not in ("unit", "series"):
        raise AnalysisError(f"per={per!r} is not known; choose from unit, series")
    values = variable_of(data, ("responses", "rates"), "baseline", timed=True)
    mean, sd = _baseline_of(values, _in_window(values, window_ms), per)
    if mode == "ratio":
        mean = mean.where(mean != 0)
    out = BASELINES[mode](values.astype(np.float64), mean, sd).transpose(*values.dims)
    out.attrs = {
        **values.attrs,
        "units": UNITS.get(mode, values.attrs.get("units", "unknown")),
        "baseline": f"{mode} per {per}",
        "baseline_ms": [float(ms) for ms in window_ms],
        "undefined": int(np.isnan(sd if mode == "zscore" else mean).sum()),
    }
    name = str(values.name or "responses")
    return (
        data.assign({name: out}) if isinstance(data, xarray.Dataset) else out.to_dataset(name=name)
    )


def _baseline_of(values: Any, inside: np.ndarray, per: str) -> tuple[Any, Any]:
    """Mean and standard deviation (NaN where there is none) of each unit, or series, in the bins of
    the baseline.
    """
    x = values.isel(time_ms=inside).astype(np.float64)
    missing = np.isnan(x)
    single = "unit" in values.coords and values.unit.dims == ("trial",)
    bad = missing.any("time_ms") if single else missing.any("time_ms") & ~missing.all("time_ms")
    if bad.any():
        raise AnalysisError(f"{int(bad.sum())} baselines hold NaN; leave those trials out")
    if per == "unit" and not single and "unit" not in values.dims:
        raise AnalysisError(
            f"the responses {tuple(values.dims)} have no units; give per='series', or a "
            "coordinate unit(trial)"
        )
    largest = float(np.abs(x).max())
    scale = largest if np.isfinite(largest) and largest > 0 else 1.0
    x = x / scale  # squares of 1e-200 are 0
    code = np.unique(values.unit.values.astype(str), return_inverse=True)[1] if single else None

    def averaged(y: Any) -> Any:
        """Over the times and whatever else the baseline is of."""
        y = y.mean("time_ms")
        if per == "unit" and code is not None:
            return y.copy(data=(np.bincount(code, y.values) / np.bincount(code))[code])
        return y.mean([d for d in y.dims if d != "unit"]) if per == "unit" else y

    mean = averaged(x)
    size, sd = np.sqrt(averaged(x**2)), np.sqrt(averaged((x - mean) ** 2))
    rounding = max(FLAT, precision(values)) * size
    mean = mean.where((np.abs(mean) > rounding) | np.isnan(mean), 0.0)
    return mean * scale, (sd * scale).where(sd > rounding)


def _in_window(values: Any, window_ms: Any) -> np.ndarray:
    """Which bins lie wholly in the window."""
    low, high = from_to(window_ms, "window_ms")
    times = times_of(values.time_ms)
    half = float(values.time_ms.attrs.get("bin_ms", 0)) / 2
    inside = within(times, (low, high), half=half)
    gap = float(np.diff(times).min(initial=np.inf))
    if 0 < high - low < NARROW * gap < np.inf:
        raise AnalysisError(
            f"the window from {low:g} to {high:g} ms is a small part of the {gap:g} ms between two "
            f"bins: it looks like seconds. Give milliseconds: ({1000 * low:g}, {1000 * high:g})"
        )
    if not inside.any():
        raise AnalysisError(
            f"no bin lies in the window from {low:g} to {high:g} ms: bins of {2 * half:g} ms have "
            f"their centres from {times[0]:g} to {times[-1]:g} ms"
        )
    return inside
