"""Responses of units: arrays and files with trials, averages, missing trials, refusals."""

import numpy as np
import pytest
import scipy.io
import xarray as xr
from own_data import IDS, TIMES, checked, same

from cortexsim.errors import AnalysisError
from cortexsim.neural.layout import About
from cortexsim.neural.own.responses import from_responses
from cortexsim.neural.spikes.response_rdms import response_rdms
from cortexsim.neural.spikes.trials import average

X = np.random.default_rng(2).normal(size=(7, 3, 4)).astype(np.float32)  # trial, unit, time


OF_TRIAL = ["dog", "cat", "dog", "cup", "cat", "dog", "car"]


DIMS = ("trial", "unit", "time_ms")


TRIALS = {"dims": DIMS, "stimulus_id": OF_TRIAL, "time_ms": TIMES}


def test_trials_become_repeats_of_their_stimuli():
    data = checked(
        from_responses(
            X,
            **TRIALS,
            unit=["a", "b", "c"],
            label=[s[0] for s in OF_TRIAL],
            about=About(area="V4", units="spikes/s"),
        )
    )
    assert data.responses.dims == ("repeat", "time_ms", "stimulus", "unit")
    assert data.responses.dtype == np.float32
    assert data.stimulus_id.values.tolist() == ["dog", "cat", "cup", "car"]
    assert data.label.values.tolist() == ["d", "c", "c", "c"]
    assert data.trials.values.tolist() == [3, 2, 1, 1]
    for s, stimulus in enumerate(data.stimulus_id.values):
        rows = [k for k in range(7) if OF_TRIAL[k] == stimulus]
        np.testing.assert_array_equal(data.responses[: len(rows), :, s], X[rows].transpose(0, 2, 1))
        assert np.isnan(data.responses[len(rows) :, :, s]).all()
    np.testing.assert_allclose(average(data).responses[:, 0], X[[0, 2, 5]].mean(0).T, rtol=1e-6)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_axes_may_come_in_any_order_if_they_are_named(order):
    expected = from_responses(X, **TRIALS)
    turned = from_responses(X.transpose(order), **{**TRIALS, "dims": tuple(DIMS[k] for k in order)})
    same(turned, expected)


def test_averages_and_data_without_time_are_welcome(tmp_path):
    flat = checked(from_responses(X[:5, :, 0], dims=("stimulus", "unit"), stimulus_id=IDS))
    assert flat.responses.dims == ("stimulus", "unit")
    assert flat.unit.values.tolist() == ["unit 1", "unit 2", "unit 3"]
    once = from_responses(X[:5], dims=DIMS, stimulus_id=IDS, time_ms=TIMES)
    assert once.responses.dims == ("time_ms", "stimulus", "unit")
    assert response_rdms(once).rdm.shape == (4, 10)
    repeated = from_responses(
        X[:, :, None],
        dims=("repeat", "unit", "stimulus", "time_ms"),
        stimulus_id=["cat"],
        time_ms=TIMES,
    )
    assert repeated.responses.shape == (7, 4, 1, 3)
    assert repeated.trials.values.tolist() == [7]
    repeated.to_netcdf(tmp_path / "mine.nc")
    with xr.open_dataset(tmp_path / "mine.nc") as again:
        xr.testing.assert_identical(again.load(), repeated)


def test_responses_of_files_find_their_axes_there(tmp_path):
    content = {
        "rates": X,
        "stimulus_id": np.array(OF_TRIAL),
        "time_ms": np.array(TIMES),
        "unit": np.array(["a", "b", "c"]),
    }
    np.savez(tmp_path / "mine.npz", **content, flat=X[:, 0, 0])
    scipy.io.savemat(
        tmp_path / "mine.mat", {**content, "stimulus_id": np.array(OF_TRIAL, dtype=object)}
    )
    for name in ("mine.npz", "mine.mat"):
        same(
            from_responses(tmp_path / name, dims=DIMS),
            from_responses(X, **TRIALS, unit=["a", "b", "c"]),
        )
    np.savez(tmp_path / "two.npz", a=X, b=X)
    with pytest.raises(AnalysisError, match=r"2 arrays that could be responses .*a \(7, 3, 4\), b"):
        from_responses(tmp_path / "two.npz", **TRIALS)
    same(from_responses(tmp_path / "two.npz", **TRIALS, variable="b"), from_responses(X, **TRIALS))


def test_missing_trials_stay_missing():
    x = X.copy()
    x[2, 1] = np.nan
    data = from_responses(x, **TRIALS)
    assert average(data).trials.sel(unit="unit 2").values.tolist() == [2, 2, 1, 1]
    x[3, 0, 2] = np.nan
    with pytest.raises(
        AnalysisError, match="1 of 21 time courses are NaN at some times and not at others"
    ):
        from_responses(x, **TRIALS)
    with pytest.raises(AnalysisError, match="all responses are NaN"):
        from_responses(X * np.nan, **TRIALS)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        ({"stimulus_id": None}, r"no ids: give stimulus_id=\[...\], one for each trial \(7\)"),
        (
            {"stimulus_id": OF_TRIAL[:4]},
            r"4 entries, the axis 'trial' of the array has 7 .*axis you call 'time_ms' has as many",
        ),
        (
            {"dims": ("unit", "trial", "time_ms")},
            "stimulus_id has 7 entries, the axis 'trial' .* has 3 .*you call 'unit' has as many",
        ),
        ({"dims": ("trial", "unit")}, r"shape \(7, 3, 4\); dims=\('trial', 'unit'\) names 2 axes"),
        (
            {"dims": ("trial", "unit", "time")},
            "'time' is not known; choose from trial, repeat, time_ms, stimulus, unit",
        ),
        ({"dims": ("trial", "unit", "unit")}, "stands twice"),
        ({"dims": ("trial", "stimulus", "unit")}, "either 'trial'"),
        ({"dims": ("repeat", "unit", "time_ms")}, "either 'trial'"),
        ({"dims": ("trial", "repeat", "unit")}, "either 'trial'"),
        (
            {"dims": ("stimulus", "unit", "time_ms")},
            r"for single trials say dims=\('trial', ...\)\): 2 occur more than once",
        ),
        ({"time_ms": None}, "has 4 times; give time_ms"),
        ({"time_ms": [0, 0.01, 0.02, 0.03]}, "look like seconds"),
        ({"time_ms": [0, 10]}, "time_ms has 2 entries, the axis 'time_ms' of the array has 4"),
        ({"unit": ["a", "b"]}, "unit has 2 entries, the axis 'unit' of the array has 3"),
        ({"unit": ["a", "b", "a"]}, "unit: 1 occur more than once: 'a'"),
        ({"label": list("abcdefg")}, "stimulus 'dog' has several labels"),
        ({"bin_ms": -1}, "bin_ms=-1"),
        ({"variable": "x"}, "names an array of a file"),
        ({"responses": X[:0], "stimulus_id": []}, "is empty"),
        ({"responses": np.where(X > 1, np.inf, X)}, "responses are infinite"),
        ({"responses": X.astype(complex)}, "real numbers"),
        (
            {"responses": xr.DataArray(X, dims=("a", "b", "c"))},
            r"dims says .*the DataArray has \('a', 'b', 'c'\)",
        ),
        ({"responses": "nothing.npz"}, "there is no file"),
    ],
)
def test_responses_that_do_not_fit_are_refused(call, match):
    with pytest.raises(AnalysisError, match=match):
        from_responses(**{"responses": X, **TRIALS, **call})
    flat = {"dims": ("stimulus", "unit"), "stimulus_id": IDS}
    with pytest.raises(AnalysisError, match="names no axis of times"):
        from_responses(X[:5, :, 0], **flat, time_ms=TIMES)
    with pytest.raises(AnalysisError, match="these data have no times"):
        from_responses(X[:5, :, 0], **flat, bin_ms=10)
