"""Rates, baselines, averages, split halves and reliability: against NumPy, SciPy, pandas, MNE,
closed forms and the real recordings.
"""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import xarray as xr
from grouped import grouped

from cortexsim.analysis import Inference, compare, condensed, rdms
from cortexsim.analysis.statistics.reliability import spearman_brown
from cortexsim.errors import AnalysisError
from cortexsim.neural.align import align
from cortexsim.neural.layout import About
from cortexsim.neural.own.responses import from_responses
from cortexsim.neural.spikes.reliability import (
    reliability,
    response_rdms,
    split_halves,
)
from cortexsim.neural.spikes.spikes import BASELINES, baseline, bin_spikes, sliding
from cortexsim.neural.spikes.trials import average


def rasters(trials=60, samples=200, units=3, stimuli=5, seed=0, start=-100):
    """Trials of single units in random order; every cell has some."""
    rng = np.random.default_rng(seed)
    cell = rng.permutation(
        np.r_[
            np.arange(units * stimuli), rng.integers(0, units * stimuli, trials - units * stimuli)
        ]
    )
    return xr.Dataset(
        {
            "spikes": (
                ("trial", "time_ms"),
                rng.poisson(0.05, (trials, samples)).astype(np.uint8),
                {"area": "IT"},
            )
        },
        {
            "time_ms": ("time_ms", start + 0.5 + np.arange(samples), {"bin_ms": 1.0}),
            "unit": ("trial", np.array([f"u{k}" for k in cell // stimuli], dtype=object)),
            "stimulus_id": ("trial", np.array([f"s{k}" for k in cell % stimuli], dtype=object)),
            "session": ("trial", cell // stimuli // 2),
        },
        {"name": "synthetic"},
    )


def repeats(signal, noise, n, seed=0, times=1):
    """``(repeat, time_ms, stimulus, unit)``: signal ``(stimulus, unit)`` and independent noise."""
    x = signal + noise * np.random.default_rng(seed).normal(size=(n, times, *signal.shape))
    ids = [f"s{k}" for k in range(len(signal))]
    return from_responses(
        x,
        dims=("repeat", "time_ms", "stimulus", "unit"),
        stimulus_id=ids,
        time_ms=10.0 * np.arange(times),
        bin_ms=10,
    )


# --- bins -----------------------------------------------------------------------------------------


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


# --- baselines ------------------------------------------------------------------------------------


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


# --- averages and halves --------------------------------------------------------------------------


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


@pytest.mark.parametrize("seed", range(5))
def test_halves_share_out_every_trial_and_average_back(seed):
    rates = bin_spikes(rasters(trials=200), 50)
    halves, whole = split_halves(rates, rng=seed), average(rates)
    np.testing.assert_array_equal(halves.trials.sum("half"), whole.trials)
    assert int(np.abs(np.diff(halves.trials, axis=0)).max()) <= 1
    n = halves.trials.values[:, None]
    together = np.where(n > 0, n * halves.responses.values, 0).sum(0) / whole.trials.values
    np.testing.assert_allclose(together, whole.responses)
    assert halves.responses.attrs["seed"] == seed


def test_halves_are_drawn_anew_with_each_seed_and_repeat_with_the_same():
    rates = bin_spikes(rasters(trials=200), 50)
    assert split_halves(rates, rng=1).identical(split_halves(rates, rng=1))
    assert not split_halves(rates, rng=1).responses.equals(split_halves(rates, rng=2).responses)
    generator = np.random.default_rng(3)
    assert not split_halves(rates, rng=generator).responses.equals(
        split_halves(rates, rng=generator).responses
    )


def test_each_trial_goes_to_either_half_equally_often():
    # The value of a trial is its number, so the means tell where each went; 3 trials make halves of
    # 1 and 2, the larger at random.
    data = repeats(np.zeros((4, 1)), 0.0, 3)
    data.responses[:] = (10.0 ** np.arange(3))[:, None, None, None]
    n, first = 400, []
    generator = np.random.default_rng(0)
    for _ in range(n):
        half = split_halves(data, rng=generator)
        first.append((half.responses * half.trials).values[0, 0, :, 0])
    for k in range(3):
        share = np.mean(np.array(first) // 10**k % 10)
        assert abs(share - 0.5) < 4 * 0.5 / np.sqrt(4 * n)


def test_a_half_without_trials_is_nan():
    rates = bin_spikes(rasters(trials=15), 50)  # one trial in each cell
    halves = split_halves(rates)
    assert (np.isnan(halves.responses).all("time_ms") == (halves.trials == 0)).all()
    assert int((halves.trials == 0).sum()) == 15


def simultaneous(sessions=3, units=2, trials=40, stimuli=5, seed=0):
    """Units of one session see the same sequence.

    The value of a trial is the number of its presentation.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for s in range(sessions):
        sequence = rng.permutation(np.arange(trials) % stimuli)
        rows += [
            (float(2**k), f"u{s}{u}", f"s{sequence[k]}", f"day {s}")
            for u in range(units)
            for k in range(trials)
        ]
    value, unit, stimulus, session = zip(*rows, strict=True)
    coords = {
        "unit": ("trial", list(unit)),
        "stimulus_id": ("trial", list(stimulus)),
        "session": ("trial", list(session)),
    }
    return xr.DataArray(np.array(value), coords, ("trial",), name="rates")


@pytest.mark.parametrize("seed", range(3))
def test_units_recorded_together_are_split_by_presentation(seed):
    data = simultaneous()
    split = split_halves(data, rng=seed, together="session")
    assert (split.trials == 4).all()  # of 8, in every session on its own
    halves = split.responses
    apart = split_halves(data, rng=seed).responses
    for s in range(3):
        # Sums of powers of two: equal sets only.
        assert (halves.sel(unit=f"u{s}0") == halves.sel(unit=f"u{s}1")).all()
        assert not (apart.sel(unit=f"u{s}0") == apart.sel(unit=f"u{s}1")).all()
    assert not (halves.sel(unit="u00").values == halves.sel(unit="u10").values).all()


def test_units_of_one_session_that_saw_different_sequences_are_refused():
    data = simultaneous()
    swapped = data.stimulus_id.values.copy()
    swapped[:40] = swapped[:40][::-1]
    with pytest.raises(AnalysisError, match="units of 'day 0' were not shown the same sequence"):
        split_halves(data.assign_coords(stimulus_id=("trial", swapped)), together="session")
    with pytest.raises(
        AnalysisError, match="no coordinate of trials; there are unit, stimulus_id, session"
    ):
        split_halves(data, together="day")
    with pytest.raises(AnalysisError, match="of all units at once already"):
        split_halves(repeats(np.ones((4, 2)), 1.0, 4), together="session")


@pytest.mark.parametrize("function", [average, split_halves, reliability])
def test_what_is_no_set_of_trials_is_refused(function):
    rates = bin_spikes(rasters(), 50)
    for data, match in [
        (rates.drop_vars("unit"), "without unit"),
        (rates.drop_vars(["unit", "stimulus_id"]), "without unit and stimulus_id"),
        (rates.rates.rename(trial="t"), r"needs single trials.*found \('t', 'time_ms'\)"),
        (rates.assign(rates=_holed(rates)), "1 of 60 trials hold NaN"),
        (rates.rates.values, "found ndarray"),
        (repeats(np.ones((4, 2)), 1.0, 4).drop_vars("stimulus_id"), "and stimulus_id"),
        (average(rates), "needs single trials"),
    ]:
        with pytest.raises(AnalysisError, match=match):
            function(data)
    data = repeats(np.ones((4, 2)), 1.0, 4, times=3)
    data.responses[0, 1, 2, 1] = np.nan
    with pytest.raises(AnalysisError, match="NaN at some times only"):
        function(data)


# --- reliability ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("noise", "n"), [(1.0, 10), (2.0, 10), (3.0, 20), (0.0, 4), (2.0, 11)])
def test_reliability_of_units_is_the_share_of_signal_in_the_mean_over_all_trials(noise, n):
    signal = np.random.default_rng(5).normal(size=(300, 40))
    signal = (signal - signal.mean(0)) / signal.std(0)
    out = reliability(repeats(signal, noise, n, seed=1), splits=20)
    expected = 1 / (1 + noise**2 / n)  # signal variance 1, noise variance of the mean over n trials
    ours = out.reliability.values[0]
    assert abs(ours.mean() - expected) < 4 * max(ours.std() / np.sqrt(40), 1e-12) + 0.3 / n**2
    if noise:
        half = 1 / (1 + noise**2 / (n / 2))
        assert abs(out.r.values.mean() - half) < 0.03
    assert (out.splits == 20).all()
    assert out.attrs["n"] == 20


def test_reliability_of_noise_is_zero_on_average():
    found = {by: [] for by in ("unit", "population", "rdm")}
    for seed in range(30):
        data = repeats(np.zeros((12, 10)), 1.0, 6, seed=seed)
        for by, values in found.items():
            values.append(
                float(reliability(data, by, inference=Inference(rng=seed), splits=5).r.mean())
            )
    for by, values in found.items():
        assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(30), by
        assert np.std(values) > 0


def test_reliability_follows_the_signal_in_time():
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(20, 30))
    gain = np.array([0, 0, 0.5, 2.0])
    x = gain[:, None, None] * signal + rng.normal(size=(10, 4, 20, 30))
    data = from_responses(
        x,
        dims=("repeat", "time_ms", "stimulus", "unit"),
        stimulus_id=range(20),
        time_ms=[-15, -5, 5, 15],
    )
    for by in ("unit", "population", "rdm"):
        out = reliability(data, by, centre=True, splits=10)
        r = out.reliability.values if by != "unit" else out.reliability.mean("unit").values
        assert np.abs(r[:2]).max() < 0.3 < r[2] < r[3], by
        assert out.time_ms.equals(data.time_ms)
        assert (out.interval.sel(bound="lower") <= out.interval.sel(bound="upper")).all()
    population = reliability(data, "population", splits=10).reliability.values
    np.testing.assert_allclose(
        population[2:], [1 / (1 + 1 / 10 / g**2) for g in gain[2:]], atol=0.05
    )


def test_reliabilities_are_those_of_the_halves_themselves():
    data = repeats(np.random.default_rng(0).normal(size=(8, 12)), 1.0, 6)
    a, b = split_halves(data, rng=4).responses.values[:, 0]
    ours = reliability(data, "unit", inference=Inference(rng=4), splits=1)
    expected = [scipy.stats.pearsonr(a[:, u], b[:, u])[0] for u in range(12)]
    np.testing.assert_allclose(ours.r[0], expected)
    np.testing.assert_allclose(ours.reliability, spearman_brown(ours.r))
    for measure in ("correlation", "sqeuclidean", "cosine"):
        for centre in (False, True):
            x, y = (h - centre * h.mean(0) for h in (a, b))
            ours = reliability(
                data,
                "rdm",
                measure=measure,
                comparator="pearson",
                centre=centre,
                inference=Inference(rng=4),
                splits=1,
            )
            expected = compare(rdms(x, measure), rdms(y, measure), "pearson")
            assert float(ours.r[0]) == pytest.approx(float(expected), abs=1e-12)
    centred = [(h - h.mean(0)).ravel() for h in (a, b)]
    assert float(
        reliability(data, "population", inference=Inference(rng=4), splits=1).r[0]
    ) == pytest.approx(scipy.stats.pearsonr(*centred)[0])


def test_noise_that_units_share_is_no_reliability_if_they_are_split_together():
    rng = np.random.default_rng(0)
    base = simultaneous(sessions=4, units=8, trials=60, stimuli=6)
    shared = {s: rng.normal(size=60) for s in range(4)}
    values = np.concatenate(
        [shared[s] + 0.3 * rng.normal(size=60) for s in range(4) for _ in range(8)]
    )
    together, apart = [], []
    for seed in range(30):
        # Another assignment of stimuli to presentations.
        order = np.random.default_rng(seed).permutation(60)
        ids = base.stimulus_id.values.reshape(32, 60)[:, order].ravel()
        data = base.copy(data=values).assign_coords(stimulus_id=("trial", ids))
        together.append(
            float(
                reliability(
                    data,
                    "rdm",
                    together="session",
                    measure="sqeuclidean",
                    inference=Inference(rng=seed),
                    splits=4,
                ).r
            )
        )
        apart.append(
            float(
                reliability(
                    data, "rdm", measure="sqeuclidean", inference=Inference(rng=seed), splits=4
                ).r
            )
        )
    assert abs(np.mean(together)) < 4 * np.std(together) / np.sqrt(30)
    assert np.mean(apart) > 0.3


def test_units_without_variance_or_trials_are_counted_not_dropped():
    signal = np.random.default_rng(0).normal(size=(8, 3))
    data = repeats(signal, 0.5, 6)
    data.responses[..., 1] = 7.3  # the same for ever
    data.responses[1:, :, 2, 2] = np.nan  # one trial of a stimulus
    unit = reliability(data, splits=10)
    assert unit.splits.values.tolist() == [[10, 0, 10]]
    assert np.isnan(unit.reliability.values).tolist() == [[False, True, False]]
    # The unit on the stimuli it has.
    only = data.responses.isel(unit=[2], stimulus=[0, 1, 3, 4, 5, 6, 7])
    assert float(unit.r[0, 2]) > 0.8
    assert reliability(only, splits=10).sizes["unit"] == 1
    assert reliability(data, "rdm", measure="sqeuclidean", splits=10).attrs["units_left_out"] == 1
    silent = data.assign(responses=data.responses * 0.0)
    out = reliability(silent.isel(unit=[0, 1]), "rdm", splits=3)
    assert int(out.splits[0]) == 0
    assert np.isnan(out.reliability[0])


def test_reliabilities_that_cannot_be_computed_are_refused():
    data = repeats(np.random.default_rng(0).normal(size=(8, 3)), 0.5, 4)
    for call, match in [
        ({"by": "voxel"}, "no reliability by 'voxel'; choose from unit, population, rdm"),
        ({"splits": 0}, "at least 1 random split"),
        ({"confidence": 95}, "between 0 and 1"),
        ({"by": "rdm", "measure": "crossnobis"}, "crossnobis needs runs"),
        ({"by": "rdm", "measure": "euclid"}, "no measure 'euclid'"),
        ({"by": "rdm", "comparator": "kendall"}, "kendall"),
        ({"rng": -1}, "seed of at least 0"),
    ]:
        with pytest.raises(AnalysisError, match=match):
            reliability(data, **grouped(reliability, **call))
    with pytest.raises(AnalysisError, match="no unit has two trials of any stimulus"):
        reliability(data.isel(repeat=[0]))
    with pytest.raises(AnalysisError, match="3 stimuli: at least 4"):
        reliability(data.isel(stimulus=[0, 1, 2]))


# --- RDMs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", ["correlation", "cosine", "sqeuclidean", "poisson"])
def test_response_rdms_are_those_of_each_time(measure):
    x = np.random.default_rng(0).random((3, 6, 10))
    data = from_responses(
        x,
        dims=("time_ms", "stimulus", "unit"),
        stimulus_id=range(6),
        label=list("aabbcc"),
        time_ms=[0, 10, 20],
        about=About(area="V4", species="macaque"),
    )
    out = response_rdms(data, measure)
    np.testing.assert_allclose(out.rdm, [rdms(frame, measure) for frame in x])
    assert (out.rdm.dims, out.rdm.attrs["area"], out.rdm.attrs["kind"]) == (
        ("time_ms", "pair"),
        "V4",
        "rdm",
    )
    assert out.stimulus_id.equals(data.stimulus_id)
    np.testing.assert_array_equal([out.first, out.second], np.triu_indices(6, 1))
    if measure != "poisson":
        centred = response_rdms(data, measure, centre=True)
        np.testing.assert_allclose(
            centred.rdm, [rdms(f - f.mean(0), measure) for f in x], atol=1e-12
        )


def test_an_rdm_that_is_not_defined_is_nan_and_counted():
    x = np.random.default_rng(0).random((3, 6, 10))
    x[1, 4] = 0.7
    data = from_responses(
        x, dims=("time_ms", "stimulus", "unit"), stimulus_id=range(6), time_ms=[0, 10, 20]
    )
    out = response_rdms(data)
    assert np.isnan(out.rdm).all("pair").values.tolist() == [False, True, False]
    assert out.rdm.attrs["undefined"] == 1
    assert response_rdms(data, "sqeuclidean").rdm.attrs["undefined"] == 0


def test_what_is_no_mean_response_has_no_rdm():
    data = repeats(np.random.default_rng(0).normal(size=(8, 3)), 0.5, 4)
    with pytest.raises(AnalysisError, match="average"):
        response_rdms(data)
    mean = average(data)
    with pytest.raises(AnalysisError, match="mahalanobis needs"):
        response_rdms(mean, "mahalanobis")
    mean.responses[0, 2, 1] = np.nan
    with pytest.raises(AnalysisError, match="1 of 3 units lack a response"):
        response_rdms(mean)
    assert response_rdms(mean.dropna("unit")).sizes["pair"] == 28


# --- the real recordings --------------------------------------------------------------------------


@pytest.fixture(scope="session")
def zhang(data_folder):
    """Zhang, Meyers et al. 2011: rasters in the layout of the benchmarks, and what others computed
    from them.
    """
    with np.load(data_folder / "zhang_desimone_it" / "zd_it_rasters.npz") as file:
        spikes = np.unpackbits(file["spikes_packed"], axis=1)[:, :1000]
        unit = file["trial_unit"].astype(int)
        # The file's own names are cut off and not unique.
        names = np.array([f"{k:03d}" for k in range(132)], dtype=object)
        coords = {
            "time_ms": ("time_ms", file["time_ms"] + 0.5, {"bin_ms": 1.0}),
            "unit": ("trial", names[unit]),
            "stimulus_id": ("trial", file["condition"][file["trial_condition"]].astype(object)),
            "session": ("trial", file["unit_session"][unit]),
        }
    with np.load(data_folder / "zhang_desimone_it" / "zd_it_binned.npz") as file:
        oracle = {k: file[k] for k in file.files}
    return xr.Dataset(
        {"spikes": (("trial", "time_ms"), spikes, {"area": "IT", "species": "macaque"})}, coords
    ), oracle


def test_psth_of_the_real_rasters_is_the_one_that_others_binned(zhang):
    data, oracle = zhang
    out = average(bin_spikes(data, 10))
    np.testing.assert_allclose(out.time_ms, oracle["time_ms"])
    order = align(out.stimulus_id, oracle["condition"])
    ours = out.responses.isel(stimulus=order).transpose("unit", "stimulus", "time_ms")
    np.testing.assert_allclose(ours, oracle["psth_hz"], rtol=1e-6, atol=1e-5)
    assert out.session.dims == ("unit",)


def test_rdm_movie_of_the_real_rasters_is_the_one_that_others_computed(zhang):
    data, oracle = zhang
    mean = average(bin_spikes(data, 50, 10))
    mean = mean.isel(stimulus=align(mean.stimulus_id, oracle["condition"]))
    ours = response_rdms(mean, centre=True)
    np.testing.assert_allclose(ours.time_ms, oracle["time_ms"][2:-2])  # whole windows only
    np.testing.assert_allclose(ours.rdm, condensed(oracle["rdm"], tolerance=1e-5)[2:-2], atol=1e-6)


def test_rdms_of_the_real_rasters_are_at_chance_before_onset_and_reliable_at_105_ms(zhang):
    data, _ = zhang
    rates = bin_spikes(data, 50, 10)
    out = reliability(rates, "rdm", centre=True, together="session", splits=20)
    apart = reliability(rates, "rdm", centre=True, splits=20)
    before = out.r.sel(time_ms=slice(None, -25))
    # Windows of 50 ms every 10 ms: each fifth is independent of the others, so the mean has the
    # error of 9 of them.
    error = float(before.std()) / np.sqrt(len(before) / 5)
    assert abs(float(before.mean())) < 3 * error
    assert float(before.max()) < 0.3
    assert float(out.r.sel(time_ms=105)) > 0.6
    assert float(out.reliability.sel(time_ms=105)) > 0.7
    # Units of a session were recorded at once: splitting each on its own lets the noise they share
    # pass for reliability.
    assert float(apart.r.sel(time_ms=slice(None, -25)).mean()) > float(before.mean()) + 2 * error
