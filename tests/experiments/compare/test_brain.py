"""Neural data as the command takes them."""

import numpy as np
import pytest

from cortexsim import interop, neural
from cortexsim.errors import AnalysisError
from cortexsim.experiments.compare.brain import load_brain


def test_responses_in_place_of_rdms_are_told_how_to_become_some(tmp_path):
    path = tmp_path / "mine.npz"
    ids = [f"image {k}" for k in range(12)]
    np.savez(path, responses=np.random.default_rng(0).random((12, 20)), stimulus_id=ids)
    with pytest.raises(AnalysisError, match=r"response_rdms\(neural.from_responses\('mine.npz'"):
        load_brain(str(path))
    made = neural.response_rdms(neural.from_responses(path, dims=("stimulus", "unit")))
    interop.to_netcdf(made, tmp_path / "rdms.nc")
    assert load_brain(str(tmp_path / "rdms.nc")).rdm.sizes == {"pair": 66}
