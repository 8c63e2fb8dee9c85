"""A .mat file that h5py wrote, without MATLAB's header, is read as its version 7.3 is."""

import h5py
import numpy as np
import pytest

from cortexsim.errors import AnalysisError
from cortexsim.neural import from_responses


def test_hdf5_without_the_header_of_matlab_is_read(tmp_path):
    rates = np.random.default_rng(0).random((5, 3))
    with h5py.File(tmp_path / "plain.mat", "w") as file:
        file["rates"] = rates
        file["stimulus_id"] = [f"s{k}" for k in range(5)]
    data = from_responses(tmp_path / "plain.mat", dims=("stimulus", "unit"), variable="rates")
    np.testing.assert_array_equal(data.responses.values, rates)
    assert data.stimulus_id.values.tolist() == [f"s{k}" for k in range(5)]


def test_what_is_neither_is_refused(tmp_path):
    (tmp_path / "no.mat").write_bytes(b"\0" * 200)
    with pytest.raises(AnalysisError, match=r"no\.mat cannot be read"):
        from_responses(tmp_path / "no.mat", dims=("stimulus", "unit"))
