"""A recording and its netCDF are the same."""

import pytest
import xarray

from cortexsim import open_recording
from cortexsim.errors import AnalysisError
from cortexsim.interop import to_netcdf


def test_a_recording_and_its_netcdf_are_the_same(recorded, sampled, tmp_path):
    for path in (recorded, sampled):
        tree = open_recording(path)
        file = to_netcdf(path, tmp_path / f"{path.stem}.nc")
        with xarray.open_datatree(file) as back:
            assert back.attrs == dict(tree.attrs)
            assert set(back.children) == set(tree.children)
            for name in tree.children:
                xarray.testing.assert_identical(
                    back[name].to_dataset().load(), tree[name].to_dataset().load()
                )
                assert (
                    back[name].activation.dtype == tree[name].activation.dtype
                    if "activation" in tree[name]
                    else True
                )
        with pytest.raises(AnalysisError, match=r"exists; give another name, or overwrite=True"):
            to_netcdf(path, file)
        to_netcdf(path, file, overwrite=True)
    with pytest.raises(AnalysisError, match="that is no recording"):
        to_netcdf(xarray.Dataset(), tmp_path / "b.nc")
    with pytest.raises(AnalysisError, match="cannot be written"):
        to_netcdf(recorded, recorded / "zarr.json" / "b.nc")
    assert [p.name for p in tmp_path.iterdir()] == sorted(
        p.name for p in tmp_path.iterdir() if p.suffix == ".nc"
    )
