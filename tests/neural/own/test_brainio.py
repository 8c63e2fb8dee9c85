"""Assemblies of Brain-Score: files and memory, older ones, refusals."""

import numpy as np
import pytest
import xarray as xr
from own_data import checked

from cortexsim.errors import AnalysisError
from cortexsim.neural.layout import About
from cortexsim.neural.own.brainio import from_brainio
from cortexsim.neural.spikes.reliability import reliability
from cortexsim.neural.spikes.trials import average


def assembly(*, ids="stimulus_id", times=True, seed=0):
    """2 presentations of each of 4 stimuli in random order, 3 neuroids, 2 overlapping time bins, as
    Brain-Score has them.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(8)
    coords = {
        ids: ("presentation", np.array(list("abcd") * 2)[order]),
        "repetition": ("presentation", np.repeat([0, 1], 4)[order]),
        "object_name": ("presentation", np.array(["face", "face", "car", "car"] * 2)[order]),
        "neuroid_id": ("neuroid", ["n1", "n2", "n3"]),
        "region": ("neuroid", ["V4", "IT", "IT"]),
        "animal": ("neuroid", ["Chabo", "Tito", "Tito"]),
        "x_mm": ("neuroid", [0.5, 1.0, 1.5]),
    }
    if times:
        coords |= {
            "time_bin_start": ("time_bin", [70, 90]),
            "time_bin_end": ("time_bin", [110, 130]),
        }
    values = rng.normal(size=(8, 3, 2))
    dims = ("presentation", "neuroid", "time_bin")
    return xr.DataArray(values if times else values[..., 0], coords, dims if times else dims[:2])


def indexed(array):
    """With a multi-index on each dimension, as BrainIO has them in memory."""
    levels = {d: [k for k, c in array.coords.items() if c.dims == (d,)] for d in array.dims}
    return array.set_index(levels)


@pytest.fixture(params=["file", "file without compression", "levels", "multi-index", "transposed"])
def brainio(request, tmp_path):
    """(what to load, the assembly it is)."""
    array = assembly()
    path = tmp_path / "assy_lab_Me2024.nc"
    if request.param == "file":
        data = indexed(array).reset_index(array.dims).to_dataset(name="data")
        data.to_netcdf(path, encoding={"data": {"zlib": True}})
        return path, array
    if request.param == "file without compression":
        array.to_netcdf(path)
        return path, array
    return {
        "levels": array,
        "multi-index": indexed(array),
        "transposed": array.transpose("neuroid", "time_bin", "presentation"),
    }[request.param], array


def test_assemblies_from_files_and_memory_are_the_same_data(brainio):
    source, array = brainio
    data = checked(from_brainio(source, about=About(units="spikes/s")))
    assert data.responses.dims == ("repeat", "time_ms", "stimulus", "unit")
    assert data.responses.attrs == {
        "kind": "responses",
        "area": "IT, V4",
        "species": "unknown",
        "units": "spikes/s",
    }
    assert data.time_ms.values.tolist() == [90, 110]
    assert data.time_ms.attrs["bin_ms"] == 40
    for s, name in enumerate(data.stimulus_id.values):
        for repetition in (0, 1):
            row = (array.stimulus_id == name) & (array.repetition == repetition)
            np.testing.assert_array_equal(
                data.responses[repetition, :, s], array.values[row.values][0].T
            )
        assert data.label.values[s] == ("face" if name in "ab" else "car")
    assert data.area.values.tolist() == ["V4", "IT", "IT"]
    assert data.animal.values.tolist() == ["Chabo", "Tito", "Tito"]
    assert data.x_mm.values.tolist() == [0.5, 1.0, 1.5]
    assert data.unit.values.tolist() == ["n1", "n2", "n3"]


def test_assemblies_go_on_through_netcdf_and_into_the_analysis(tmp_path):
    data = from_brainio(assembly())
    data.to_netcdf(tmp_path / "mine.nc")
    with xr.open_dataset(tmp_path / "mine.nc") as again:
        xr.testing.assert_identical(again.load(), data)
    assert reliability(data, splits=5).r.dims == ("time_ms", "unit")


def test_older_ids_averages_and_assemblies_without_time_are_read():
    old = from_brainio(assembly(ids="image_id", times=False))
    assert old.responses.dims == ("repeat", "stimulus", "unit")
    mean = assembly().groupby("stimulus_id").mean().rename(stimulus_id="presentation")
    mean = mean.assign_coords(stimulus_id=("presentation", mean.presentation.values)).drop_vars(
        "presentation"
    )
    assert checked(from_brainio(mean, about=About(area="IT"))).responses.dims == (
        "time_ms",
        "stimulus",
        "unit",
    )
    assert from_brainio(mean, about=About(area="IT")).responses.attrs["area"] == "IT"
    unequal = assembly().assign_coords(time_bin_end=("time_bin", [110, 150]))
    assert "bin_ms" not in from_brainio(unequal).time_ms.attrs


def test_missing_presentations_of_a_neuroid_stay_missing():
    array = assembly()
    array[3, 1] = np.nan
    assert int(average(from_brainio(array)).trials.sum()) == 23


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            lambda a: a.drop_vars("stimulus_id"),
            "no stimulus_id or image_id along presentation; there are repetition, object_name",
        ),
        (lambda a: a.drop_vars("neuroid_id"), "no neuroid_id along neuroid; there are region"),
        (
            lambda a: a.drop_vars("time_bin_end"),
            "no time_bin_end along time_bin; there are time_bin_start",
        ),
        (
            lambda a: a.assign_coords(neuroid_id=("neuroid", ["a", "a", "b"])),
            "unit: 1 occur more than once",
        ),
        (
            lambda a: a.assign_coords(time_bin_end=("time_bin", [60, 130])),
            "time bin 0 ends at 60 ms, before or when it starts .70",
        ),
        (lambda a: a.isel(presentation=0), "'presentation' is not understood or missing"),
        (lambda a: a.rename(neuroid="voxel"), "'voxel' is not understood"),
        (
            lambda a: a.isel(neuroid=0, time_bin=0).rename(presentation="event"),
            "spike times must be counted in bins first",
        ),
        (lambda a: a.to_dataset(name="x").assign(y=1), "holds 2 variables"),
        (lambda a: a.values, "the assembly is a ndarray"),
        (lambda a: a.where(a < 10, np.inf) * np.inf, "infinite|NaN"),
        (lambda a: a.astype(str), "real numbers"),
        (lambda a: "nothing.nc", "there is no file nothing.nc"),
    ],
)
def test_what_is_no_assembly_of_responses_is_refused(change, match):
    with pytest.raises(AnalysisError, match=match):
        from_brainio(change(assembly()))


def test_a_file_that_is_no_netcdf_is_refused(tmp_path):
    for content in (b"", b"nothing" * 100):
        (tmp_path / "bad.nc").write_bytes(content)
        with pytest.raises(AnalysisError, match="cannot be read as netCDF"):
            from_brainio(tmp_path / "bad.nc")


def test_repetitions_may_be_text(tmp_path):
    """In the order of the numbers in it: "run 2" before "run 10"."""
    rows = [("a", "run 10"), ("b", "run 2"), ("a", "run 2"), ("b", "run 10")]
    levels = {
        "stimulus_id": ("presentation", [s for s, _ in rows]),
        "repetition": ("presentation", [r for _, r in rows]),
        "neuroid_id": ("neuroid", ["n1"]),
    }
    array = xr.DataArray([[0.0], [1.0], [2.0], [3.0]], levels, ("presentation", "neuroid"))
    array.to_netcdf(tmp_path / "text.nc")
    for source in (array, tmp_path / "text.nc"):
        data = from_brainio(source)
        assert data.stimulus_id.values.tolist() == ["a", "b"]
        np.testing.assert_array_equal(data.responses[..., 0], [[2, 1], [0, 3]])
    plain = array.assign_coords(repetition=("presentation", ["second", "first", "first", "second"]))
    np.testing.assert_array_equal(from_brainio(plain).responses[..., 0], [[2, 1], [0, 3]])
