"""``compare --scheduler``: a cluster gives the numbers that one process gives."""

import numpy as np
import pytest
import xarray as xr
from clusters import cluster

from cortexsim.errors import CortexsimError
from cortexsim.rdm import main as rdm


@pytest.fixture
def responses(small, tmp_path):
    """Noisy mixtures of what IT does at step 5, in another order than the recording."""
    import cortexsim

    it = cortexsim.open_recording(small)["IT"].activation.sel(step=5)
    rng = np.random.default_rng(0)
    order = rng.permutation(it.sizes["stimulus"])
    values = it.values @ rng.normal(size=(64, 4)) + rng.normal(size=(it.sizes["stimulus"], 4))
    path = tmp_path / "responses.nc"
    ids = [str(i) for i in it.stimulus_id.values]
    array = xr.DataArray(
        values[order],
        {"stimulus_id": ("stimulus", [ids[k] for k in order])},
        ("stimulus", "unit"),
        "responses",
        {"kind": "responses"},
    )
    array.to_dataset().to_netcdf(path)
    return path


def same(there, here):
    """The numbers of two results; which cluster did it stands in the configuration."""
    for name, variable in here.variables.items():
        if variable.dtype.kind == "f":
            np.testing.assert_allclose(there[name].values, variable.values, atol=1e-6)
        else:
            assert (there[name].values == variable.values).all()
    assert here.attrs.keys() == there.attrs.keys()


@pytest.mark.slow
def test_rsa_and_encoding_on_a_cluster(small, it_like, responses, compared):
    rsa = (small, it_like)
    encoding = (small, responses, "--method", "encoding")
    here = [compared(*rsa, nulls=("static",)), compared(*encoding)]
    with cluster(2) as client:
        at = ("--scheduler", client.scheduler.address)
        there = [compared(*rsa, *at, nulls=("static",)), compared(*encoding, *at)]
    for one, other in zip(here, there, strict=True):
        same(other, one)


def test_an_address_without_a_scheduler_is_one_line(small, it_like, refused, tmp_path, monkeypatch):
    monkeypatch.setattr("cortexsim.tasks.ANSWERS_S", 0.5)
    before = sorted(p.name for p in tmp_path.iterdir())
    text = refused(small, "--neural", it_like, "--scheduler", "tcp://127.0.0.1:9")
    assert "no dask scheduler answers at tcp://127.0.0.1:9" in text
    with pytest.raises(CortexsimError, match="no dask scheduler answers"):
        rdm([str(small), "--out", str(tmp_path / "m.zarr"), "--scheduler", "tcp://127.0.0.1:9"])
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_decoding_has_no_cluster(small, it_like, refused):
    text = refused(
        *(small, "--neural", it_like, "--method", "decoding", "--scheduler", "tcp://127.0.0.1:9")
    )
    assert "--scheduler is for --method rsa or encoding" in text
