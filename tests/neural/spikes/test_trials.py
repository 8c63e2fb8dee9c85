"""Averages over trials, against pandas and numpy."""

import numpy as np
import pandas as pd
from trains import rasters, repeats

from cortexsim.neural.align import align
from cortexsim.neural.spikes.spikes import bin_spikes
from cortexsim.neural.spikes.trials import average


def test_averages_are_those_of_pandas_and_know_their_trials():
    rates = bin_spikes(rasters(), 50)
    out = average(rates)
    table = pd.DataFrame(rates.rates.values, index=[rates.stimulus_id.values, rates.unit.values])
    mean, count = table.groupby(level=[0, 1]).mean(), table.groupby(level=[0, 1]).size()
    for (s, u), row in mean.iterrows():
        k = int(np.flatnonzero(out.stimulus_id.values == s)[0])
        np.testing.assert_allclose(out.responses.sel(unit=u).isel(stimulus=k), row)
        assert int(out.trials.sel(unit=u).isel(stimulus=k)) == count[s, u]
    assert out.responses.dims == ("time_ms", "stimulus", "unit")
    assert out.session.dims == ("unit",)
    assert out.session.values.tolist() == [0, 0, 1]
    assert out.responses.attrs == {
        "kind": "responses",
        "area": "IT",
        "units": "spikes/s",
        "cells_without_trials": 0,
    }


def test_a_cell_without_trials_is_nan_and_counted():
    rates = bin_spikes(rasters(), 50)
    kept = ~((rates.unit == "u1") & (rates.stimulus_id == "s2")).values
    out = average(rates.isel(trial=kept))
    assert out.responses.attrs["cells_without_trials"] == 1
    assert np.isnan(out.responses.sel(unit="u1").isel(stimulus=2)).all()
    assert int(np.isnan(out.responses).sum()) == out.sizes["time_ms"]
    assert int(out.trials.sel(unit="u1").isel(stimulus=2)) == 0


def test_labels_and_other_coordinates_of_trials_go_to_stimuli_or_units():
    rates = bin_spikes(rasters(), 50)
    s = rates.stimulus_id.values
    rates = rates.assign_coords(
        label=("trial", np.where(s < "s2", "face", "car")),
        size_deg=("trial", np.array([float(x[1]) for x in s])),
        order=("trial", np.arange(60)),
    )
    out = average(rates)
    assert out.label.values.tolist() == ["face", "face", "car", "car", "car"]
    assert out.size_deg.values.tolist() == [0, 1, 2, 3, 4]
    assert "order" not in out.coords


def test_averages_over_repeats_are_nanmeans():
    data = repeats(np.random.default_rng(1).normal(size=(5, 3)), 1.0, 4, times=2)
    data.responses[1, :, 2, :] = np.nan
    data.responses[:, :, 4, 1] = np.nan
    out = average(data)
    x = np.moveaxis(data.responses.values, 0, -1)
    expected = np.full(x.shape[:-1], np.nan)
    for index in np.ndindex(expected.shape):
        if (there := x[index][~np.isnan(x[index])]).size:
            expected[index] = there.mean()
    np.testing.assert_allclose(out.responses, expected)
    np.testing.assert_array_equal(
        out.trials, [[4, 4, 4], [4, 4, 4], [3, 3, 3], [4, 4, 4], [4, 0, 4]]
    )
    untimed = data.isel(time_ms=0, drop=True)
    np.testing.assert_allclose(average(untimed).responses, expected[0])
    assert average(untimed).responses.dims == ("stimulus", "unit")


def test_psth_of_the_real_rasters_is_the_one_that_others_binned(zhang):
    data, oracle = zhang
    out = average(bin_spikes(data, 10))
    np.testing.assert_allclose(out.time_ms, oracle["time_ms"])
    order = align(out.stimulus_id, oracle["condition"])
    ours = out.responses.isel(stimulus=order).transpose("unit", "stimulus", "time_ms")
    np.testing.assert_allclose(ours, oracle["psth_hz"], rtol=1e-6, atol=1e-5)
    assert out.session.dims == ("unit",)
