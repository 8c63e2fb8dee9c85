"""netCDF as xarray writes it: variables name their own axes."""

import numpy as np
import pytest
import xarray as xr
from own_data import IDS, SUBJECTS, TIMES, checked, same

from cortexsim import neural
from cortexsim.analysis import square
from cortexsim.errors import AnalysisError

X = np.random.default_rng(2).normal(size=(5, 3, 4))  # stimulus, unit, time
MANY = np.random.default_rng(0).random((3, 4, 10)) + 0.1


@pytest.mark.parametrize("ids", ["stimulus", "stimulus_id"])
def test_responses_name_their_axes(ids, tmp_path):
    coords = {"unit": ["a", "b", "c"], "time_ms": TIMES}
    coords |= {"stimulus": IDS} if ids == "stimulus" else {"stimulus_id": ("stimulus", IDS)}
    array = xr.DataArray(X, coords, ("stimulus", "unit", "time_ms"), name="rates")
    array.to_dataset().assign(depth_mm=("unit", [0.1, 0.2, 0.3])).to_netcdf(tmp_path / "mine.nc")
    data = checked(neural.from_responses(tmp_path / "mine.nc"))
    same(
        data,
        neural.from_responses(
            X, dims=array.dims, stimulus_id=IDS, unit=["a", "b", "c"], time_ms=TIMES
        ),
    )
    same(neural.from_responses(tmp_path / "mine.nc", dims=("time_ms", "unit", "stimulus")), data)


def test_what_we_wrote_is_read_again(tmp_path):
    ours = neural.from_rdms(
        MANY, stimulus_id=IDS, label=list("aabbb"), subject=SUBJECTS, time_ms=TIMES
    )
    ours.to_netcdf(tmp_path / "rdms.nc")
    same(neural.from_rdms(tmp_path / "rdms.nc"), ours)
    trials = np.random.default_rng(1).normal(size=(7, 3))
    ours = neural.from_responses(trials, dims=("trial", "unit"), stimulus_id=[*IDS, "cat", "oak"])
    ours.to_netcdf(tmp_path / "responses.nc")
    same(neural.from_responses(tmp_path / "responses.nc"), ours)


def test_squares_and_pairs_in_another_order_are_put_right(tmp_path):
    coords = {"stimulus": IDS, "other": IDS}
    array = xr.DataArray(square(MANY[0, 0]), coords, ("stimulus", "other"), name="rdm")
    array.to_netcdf(tmp_path / "square.nc")
    np.testing.assert_array_equal(neural.from_rdms(tmp_path / "square.nc").rdm, MANY[0, 0])
    ours = neural.from_rdms(MANY[:, 0], stimulus_id=IDS)
    order = np.random.default_rng(0).permutation(10)
    ours.rdm.drop_vars(["first", "second"]).isel(pair=order).to_dataset().to_netcdf(
        tmp_path / "shuffled.nc"
    )
    data = neural.from_rdms(tmp_path / "shuffled.nc")
    chosen = neural.select_stimuli(data, IDS)
    np.testing.assert_array_equal(chosen.rdm, MANY[:, 0])


def test_what_a_file_holds_is_listed(tmp_path):
    xr.Dataset({"a": (("x", "y"), X[0]), "b": ("x", X[0, :, 0])}).to_netcdf(tmp_path / "odd.nc")
    with pytest.raises(
        AnalysisError, match=r"no variables that could be responses; it holds a \(x, y\), b \(x\)"
    ):
        neural.from_responses(tmp_path / "odd.nc")
    with pytest.raises(AnalysisError, match=r"no variable 'c'; it holds a \(x, y\)"):
        neural.from_responses(tmp_path / "odd.nc", variable="c")
    with pytest.raises(AnalysisError, match=r"dims=\('x', 'y'\): 'x' is not known"):
        neural.from_responses(tmp_path / "odd.nc", variable="a")
    levels = {"stimulus_id": ("presentation", IDS), "neuroid_id": ("neuroid", list("abc"))}
    xr.DataArray(X[..., 0], levels, ("presentation", "neuroid")).to_netcdf(tmp_path / "assy.nc")
    with pytest.raises(
        AnalysisError, match=r"assembly of Brain-Score.*neural.from_brainio\(path\)"
    ):
        neural.from_responses(tmp_path / "assy.nc")
    (tmp_path / "broken.nc").write_bytes(b"x")
    with pytest.raises(AnalysisError, match=r"broken.nc cannot be read as netCDF"):
        neural.from_rdms(tmp_path / "broken.nc")
