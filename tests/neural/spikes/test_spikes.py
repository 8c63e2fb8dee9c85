"""Rates, baselines, averages, split halves and reliability: against NumPy, SciPy, pandas, MNE,
closed forms and the real recordings.
"""

import numpy as np
import pytest
import xarray as xr
from trains import rasters, repeats

from cortexsim.errors import AnalysisError
from cortexsim.neural.own.responses import from_responses
from cortexsim.neural.spikes.baseline import BASELINES, baseline
from cortexsim.neural.spikes.spikes import bin_spikes, sliding


@pytest.mark.parametrize(
    ("width", "step", "start", "stop"),
    [
        (10, None, None, None),
        (50, 10, None, None),
        (1, 1, None, None),
        (7, 3, -99, 94),
        (30, None, -90, 60),
        (200, None, None, None),
        (20, 40, None, None),
    ],
)
def test_rates_are_the_counts_of_numpys_histogram(width, step, start, stop):
    data = rasters()
    out = bin_spikes(data, width, step, start_ms=start, stop_ms=stop)
    low, high = (-100 if start is None else start), (100 if stop is None else stop)
    lefts = np.arange(low, high - width + 1, step or width)
    np.testing.assert_allclose(out.time_ms, lefts + width / 2)
    assert out.time_ms.attrs["bin_ms"] == width
    for trial in range(0, 60, 13):
        times = np.repeat(data.time_ms.values, data.spikes.values[trial])
        counts = [np.histogram(times, [left, left + width])[0][0] for left in lefts]
        np.testing.assert_allclose(out.rates.values[trial], 1000 * np.array(counts) / width)


def test_rates_keep_what_is_known_of_trials_and_say_their_unit():
    data = rasters()
    out = bin_spikes(data.assign(block=("trial", np.arange(60))), 10)
    assert out.rates.attrs == {"kind": "responses", "area": "IT", "units": "spikes/s"}
    assert out.time_ms.attrs["units"] == "ms after stimulus onset"
    assert out.session.equals(data.session)
    assert out.attrs == data.attrs
    assert "spikes" not in out
    assert out.block.values.tolist() == list(range(60))


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, bool])
def test_bins_of_any_type_of_count_are_the_same_and_do_not_overflow(dtype):
    full = np.ones((3, 1000), dtype=dtype)
    array = xr.DataArray(full, {"time_ms": np.arange(1000) + 0.5}, ("trial", "time_ms"))
    np.testing.assert_array_equal(bin_spikes(array, 500).rates, 1000)


def test_rows_are_summed_in_any_number_of_chunks(monkeypatch):
    data = rasters()
    whole = bin_spikes(data, 20, 5)
    monkeypatch.setattr("cortexsim.neural.spikes.spikes.CHUNK", 450)
    xr.testing.assert_identical(bin_spikes(data, 20, 5), whole)


def test_time_may_be_any_axis():
    data = rasters()
    xr.testing.assert_identical(bin_spikes(data.transpose(), 20), bin_spikes(data, 20))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (
            {"width_ms": 10.5},
            r"width_ms=10.5 is not on the grid of the data, 1 ms; nearest: 10 or 11 ms",
        ),
        ({"width_ms": 10, "step_ms": 2.5}, "step_ms=2.5 .* nearest: 2 or 3 ms"),
        ({"width_ms": 10, "start_ms": -9.5}, "start_ms=-9.5 .* nearest: -10 or -9 ms"),
        (
            {"width_ms": 30, "start_ms": 0, "stop_ms": 100},
            "do not end at stop_ms=100; nearest: 90 or 120 ms",
        ),
        ({"width_ms": 10, "start_ms": -200}, "not in the data, which go from -100 to 100 ms"),
        ({"width_ms": 10, "stop_ms": 101}, "not in the data"),
        ({"width_ms": 10, "start_ms": 50, "stop_ms": 40}, "not in the data"),
        ({"width_ms": 300}, "window of 300 ms is wider than the 200 ms"),
        ({"width_ms": 0}, "at least one bin"),
        ({"width_ms": -10}, "at least one bin"),
        ({"width_ms": 10, "step_ms": 0}, "at least one bin"),
        ({"width_ms": float("nan")}, "not on the grid"),
        ({"width_ms": "10 ms"}, "'10 ms' is not a number of ms"),
    ],
)
def test_windows_that_are_not_on_the_grid_are_refused(call, match):
    with pytest.raises(AnalysisError, match=match):
        bin_spikes(rasters(), **call)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda d: d.spikes.values, "needs an xarray Dataset or DataArray; found ndarray"),
        (lambda d: d.rename(spikes="counts"), "with one of spikes; it has counts"),
        (lambda d: d.spikes.rename(time_ms="time"), "needs the dimension and coordinate time_ms"),
        (lambda d: d.isel(trial=slice(0)), "empty"),
        (lambda d: d.spikes * 0.5, "counts, whole numbers"),
        (lambda d: (d.spikes * 1.0).where(d.spikes == 0), "counts, whole numbers"),
        (lambda d: d.spikes.astype(int) - 1, "not negative; the smallest value is -1"),
        (lambda d: d.isel(time_ms=[0, 1, 3]), "not evenly spaced"),
        (lambda d: d.isel(time_ms=slice(None, None, 2)), "overlap or leave gaps"),
        (lambda d: d.assign_coords(time_ms=d.time_ms.values / 1000), "look like seconds"),
        (lambda d: d.isel(time_ms=slice(None, None, -1)), "must ascend"),
    ],
)
def test_rasters_that_are_none_are_refused(change, match):
    with pytest.raises(AnalysisError, match=match):
        bin_spikes(change(rasters()), 10)


@pytest.mark.parametrize(("width", "step"), [(5, None), (5, 1), (3, 2), (1, None), (20, 20)])
def test_sliding_means_are_those_of_a_boxcar_and_of_wider_bins(width, step):
    data = rasters()
    fine = bin_spikes(data, 10)
    out = sliding(fine, 10 * width, step and 10 * step)
    boxcar = [
        np.convolve(row, np.ones(width) / width, "valid")[:: step or 1] for row in fine.rates.values
    ]
    np.testing.assert_allclose(out.rates, boxcar)
    direct = bin_spikes(data, 10 * width, 10 * (step or 1))
    xr.testing.assert_allclose(out.rates, direct.rates)
    assert out.time_ms.attrs == direct.time_ms.attrs


def test_sliding_leaves_a_nan_where_it_is_and_keeps_the_axes():
    data = repeats(np.ones((4, 2)), 1.0, 3, times=9)
    data.responses[1, 4, 2, 0] = np.nan
    out = sliding(data, 30)
    assert out.responses.dims == data.responses.dims
    assert int(np.isnan(out.responses).sum()) == 3
    assert out.trials.equals(data.trials)
    with pytest.raises(AnalysisError, match="overlap"):
        sliding(out, 30)


@pytest.mark.parametrize(
    ("mode", "theirs"), [("subtract", "mean"), ("ratio", "ratio"), ("zscore", "zscore")]
)
def test_baselines_of_each_series_are_those_of_mne(mode, theirs):
    from mne.baseline import rescale

    x = np.random.default_rng(0).normal(5, 1, (3, 4, 20))
    times = np.arange(-100.0, 100, 10) + 5
    data = xr.DataArray(
        x,
        {"time_ms": ("time_ms", times, {"bin_ms": 10.0})},
        ("stimulus", "unit", "time_ms"),
        name="responses",
    )
    ours = baseline(data, (-80, -20), mode, per="series")
    expected = rescale(x, times, (-75, -25), mode=theirs, verbose="error")
    np.testing.assert_allclose(ours.responses, expected, rtol=1e-9)
    assert ours.responses.attrs["undefined"] == 0


@pytest.mark.parametrize("mode", BASELINES)
def test_baselines_of_units_pool_their_trials_and_bins_in_both_layouts(mode):
    rates = bin_spikes(rasters(trials=300), 10)
    out = baseline(rates, (-100, 0), mode)
    for u in ("u0", "u2"):
        x = rates.rates.values[rates.unit.values == u]
        m, s = x[:, :10].mean(), x[:, :10].std()
        expected = {"subtract": x - m, "zscore": (x - m) / s, "ratio": x / m}[mode]
        np.testing.assert_allclose(out.rates.values[rates.unit.values == u], expected)
    x = np.random.default_rng(0).random((4, 20, 5, 3)) + 1
    x[1, :, 2] = np.nan  # a missing trial
    data = from_responses(
        x,
        dims=("repeat", "time_ms", "stimulus", "unit"),
        stimulus_id=range(5),
        time_ms=np.arange(-95.0, 100, 10),
        bin_ms=10,
    )
    base = x[:, :10].transpose(3, 0, 1, 2).reshape(3, -1)
    m, s = np.nanmean(base, 1), np.nanstd(base, 1)
    expected = {"subtract": x - m, "zscore": (x - m) / s, "ratio": x / m}[mode]
    np.testing.assert_allclose(baseline(data, (-100, 0), mode).responses, expected)


@pytest.mark.parametrize(("mode", "undefined"), [("subtract", 0), ("zscore", 1), ("ratio", 1)])
def test_a_unit_that_is_silent_before_onset_is_nan_where_that_divides(mode, undefined):
    x = np.random.default_rng(0).random((5, 8, 2))
    x[:, :4, 0] = 0
    data = from_responses(
        x,
        dims=("stimulus", "time_ms", "unit"),
        stimulus_id=range(5),
        time_ms=10.0 * np.arange(8),
        bin_ms=10,
    )
    out = baseline(data, (-5, 35), mode).responses
    assert out.attrs["undefined"] == undefined
    assert bool(np.isnan(out.isel(unit=0)).all()) == bool(undefined)
    assert np.isfinite(out.isel(unit=1)).all()


def test_baselines_that_cannot_be_taken_are_refused():
    rates = bin_spikes(rasters(), 10)
    for arguments, match in [
        (((-99, -92), "subtract"), "no bin lies in the window from -99 to -92 ms: bins of 10 ms"),
        (((-100, 0), "percent"), "no baseline 'percent'; choose from subtract, zscore, ratio"),
        ((-100, "subtract"), "window_ms=-100 is no window"),
    ]:
        with pytest.raises(AnalysisError, match=match):
            baseline(rates, *arguments)
    with pytest.raises(AnalysisError, match="per='trial' is not known"):
        baseline(rates, (-100, 0), per="trial")
    with pytest.raises(AnalysisError, match="have no units"):
        baseline(rates.drop_vars("unit"), (-100, 0))
    with pytest.raises(AnalysisError, match="1 baselines hold NaN"):
        baseline(rates.assign(rates=_holed(rates)), (-100, 0))


def _holed(rates):
    out = rates.rates.copy()
    out[3, 2] = np.nan
    return out
