"""Requests that no machine can fulfil, and names and tensors that no file holds, are refused."""

import numpy as np
import pytest
import torch
import xarray

import cortexsim
from cortexsim.analysis.latency.baseline import MOST_BINS, check_criterion
from cortexsim.errors import AnalysisError, StimulusError
from cortexsim.interop import write_assembly
from cortexsim.plotting import rdms, save
from cortexsim.stimuli import ImageSet, texture_mask


@pytest.mark.parametrize("bins", [0, MOST_BINS + 1, 2**70])
def test_bins_of_a_criterion_have_a_range(bins):
    check_criterion("onset", 2.0, MOST_BINS)
    with pytest.raises(AnalysisError, match="from one bin to 100,000"):
        check_criterion("onset", 2.0, bins)


@pytest.mark.parametrize("iterations", [-1, 2**31])
def test_iterations_of_a_texture_have_a_range(iterations):
    image = np.zeros((32, 32, 3), np.uint8)
    with pytest.raises(StimulusError, match="give 0 to 100,000"):
        texture_mask(cortexsim.load("cortex4"), [image], "V1", iterations=iterations)


def test_sparse_labels_are_refused():
    x, y = torch.zeros((4, 3, 8, 8), dtype=torch.uint8), torch.arange(4) % 2
    ImageSet("own", x, y, x, y, ("a", "b"))
    with pytest.raises(StimulusError, match="dense tensors are needed"):
        ImageSet("own", x, y.to_sparse(), x, y, ("a", "b"))


def test_names_of_an_assembly_are_texts(tmp_path):
    odd = xarray.DataArray(np.zeros((2, 3)), dims=(5, "neuroid"))
    with pytest.raises(AnalysisError, match="5 is the name of an axis"):
        write_assembly(odd, tmp_path / "a.nc")
    assert not list(tmp_path.iterdir())


def test_what_is_no_rdm_and_no_picture_is_refused(tmp_path):
    from matplotlib.figure import Figure

    with pytest.raises(AnalysisError, match="without the dimension pair"):
        rdms("xyzzy")
    with pytest.raises(AnalysisError, match="a picture ends in"):
        save(Figure(), tmp_path / "a")
    assert not list(tmp_path.iterdir())
