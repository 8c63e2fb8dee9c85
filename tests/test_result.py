"""Results: shown below their summary, otherwise data sets of xarray like others."""

import copy
import pickle

import numpy as np
import pytest
import xarray as xr

from cortexsim.analysis import Inference, evaluate, summary
from cortexsim.interop.netcdf import from_netcdf, to_netcdf
from cortexsim.result import Result, ordinary


@pytest.fixture(scope="module")
def result() -> xr.Dataset:
    rng = np.random.default_rng(0)
    models = xr.DataArray(
        rng.random((2, 3, 45)),
        {"state": ["V4", "IT"], "step": [1, 2, 3]},
        ("state", "step", "pair"),
    )
    data = models.values[1, 2] + 0.3 * rng.random((6, 45))
    return evaluate(models, data, comparator="pearson", inference=Inference(n=20, permutations=20))


def test_the_data_set_is_the_same_but_for_its_picture(result):
    assert isinstance(result, Result)
    plain = ordinary(result)
    assert type(plain) is xr.Dataset
    assert result.identical(plain)
    assert plain.identical(result)
    assert str(result).startswith(summary(result).text)
    assert str(result).endswith(str(plain))


# A part says what the part says, a copy the same.
PARTS = {
    "sel": lambda r: r.sel(model="IT"),
    "isel": lambda r: r.isel(step=[0, 1]),
    "copy": lambda r: r.copy(),
    "deep copy": lambda r: r.copy(deep=True),
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "pickle": lambda r: pickle.loads(pickle.dumps(r)),
    "assign": lambda r: r.assign(more=0 * r.evaluation),
    "assign_attrs": lambda r: r.assign_attrs(more=1),
    "transpose": lambda r: r.transpose(),
}


@pytest.mark.parametrize("way", PARTS)
def test_a_part_is_a_result_and_says_what_the_part_says(result, way):
    part, same = PARTS[way](result), PARTS[way](ordinary(result))
    assert isinstance(part, Result)
    assert part.identical(same)
    assert str(part) == f"{summary(same).text}\n\n{same}"


# What is computed is no longer what the summary speaks of: an ordinary data set.
COMPUTED = {
    "minus": lambda r: r - r,
    "minus, mixed": lambda r: r - ordinary(r),
    "negative": lambda r: -r,
    "mean": lambda r: r.mean("step"),
    "map": lambda r: r.map(np.abs),
    "map by group": lambda r: r.groupby("model").mean(),
    "where": lambda r: r.where(r.evaluation > 0),
    "interpolated": lambda r: r.drop_vars("model").interp(step=[1.5]),
    "concat, mixed": lambda r: xr.concat([ordinary(r), r], "half", data_vars="all"),
    "merge": lambda r: xr.merge([r[["evaluation"]], r[["interval"]]]),
    "apply_ufunc": lambda r: xr.apply_ufunc(np.abs, r),
    "rolling": lambda r: r.rolling(step=2).mean(),
    "dask": lambda r: r.chunk({"step": 1}).compute(),
    "tree": lambda r: xr.DataTree(r).to_dataset(),
    "no variables": lambda r: r[[]],
}


@pytest.mark.parametrize("way", COMPUTED)
def test_what_is_computed_is_an_ordinary_data_set_with_the_same_numbers(result, way):
    made, same = COMPUTED[way](result), COMPUTED[way](ordinary(result))
    assert type(made) is xr.Dataset
    xr.testing.assert_identical(made, same)


def test_results_side_by_side_have_the_numbers_of_both(result):
    both = xr.concat([result, result], "half", data_vars="all")
    assert both.identical(xr.concat([ordinary(result)] * 2, "half", data_vars="all"))
    assert str(both).endswith(str(ordinary(both)))


def test_nothing_that_a_result_was_made_into_is_an_error_to_look_at(result):
    bare = Result.of(xr.Dataset({"a": ("x", [1.0])}, attrs={"analysis": "evaluate"}))
    empty = [Result.of(xr.Dataset()), Result.of(xr.Dataset(attrs={"analysis": 3})), bare]
    changed = result.copy()
    del changed["evaluation"]
    for looked in (*empty, changed, result.isel(step=[]), result.isel(model=0, step=0)):
        assert str(looked).endswith(str(ordinary(looked)))
        assert "<" in looked._repr_html_()


def test_a_file_gives_a_result_back_and_other_data_sets_as_they_are(result, tmp_path):
    again = from_netcdf(to_netcdf(result, tmp_path / "a.nc"))
    assert isinstance(again, Result)
    assert str(again).startswith(summary(result).text)
    other = xr.Dataset({"a": ("x", [1.0])})
    assert type(from_netcdf(to_netcdf(other, tmp_path / "b.nc"))) is xr.Dataset


def test_encoding_and_attributes_are_kept():
    data = xr.Dataset({"a": ("x", [1.0])}, attrs={"k": [1, 2]})
    data.encoding = {"unlimited_dims": {"x"}}
    data.a.encoding["dtype"] = "float32"
    made = Result.of(data)
    assert (made.attrs, made.encoding) == (data.attrs, data.encoding)
    assert made.a.encoding == data.a.encoding
