"""The similarity to a brain, compared with scipy's correlations and with ``compare``."""

import numpy as np
import pytest
import xarray
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

import cortexsim
from cortexsim.errors import AnalysisError
from cortexsim.experiments.compare.brain import load_brain
from cortexsim.experiments.compare.jobs import job_of
from cortexsim.experiments.compare.recorded import open_shown
from cortexsim.experiments.compare.settings import Settings as CompareSettings
from cortexsim.experiments.explorer.opened import opened
from cortexsim.experiments.explorer.settings import Settings
from cortexsim.experiments.explorer.similarity import similarity


def test_values_are_mean_correlations_of_all_images_however_few_are_shown(whole, still_brain):
    (shown,) = opened([whole], Settings(limit=3))
    told = similarity([shown], [None], still_brain, Settings(n=20))
    (target,) = told["targets"]
    (course,) = target["recordings"]
    assert (told["images"], course["subjects"], course["steps"]) == (8, 5, list(range(1, 9)))
    brain = load_brain(still_brain)
    for state in course["states"]:
        maps = cortexsim.open_recording(whole)[state["name"]].activation.values.astype(float)
        for t, value in enumerate(state["value"]):
            if np.isnan(maps[:, t]).any():
                assert (value, state["low"][t], state["high"][t]) == (None, None, None)
                continue
            rdm = pdist(maps[:, t].reshape(8, -1), "correlation")
            expected = np.mean([spearmanr(rdm, subject)[0] for subject in brain.rdm.values])
            assert value == pytest.approx(expected, abs=1e-5)


def test_it_is_what_compare_says_with_ceiling_and_interval(whole, still_brain):
    (shown,) = opened([whole], Settings())
    course = similarity([shown], [None], still_brain, Settings(n=30))["targets"][0]["recordings"][0]
    how = CompareSettings(n=30, permutations=20)
    brain = load_brain(still_brain)
    result = job_of("rsa", open_shown(whole), brain, target=None, settings=how).run()
    it = next(s for s in course["states"] if s["name"] == "IT")
    expected = result.isel(network=0).sel(state="IT", step=8)
    low, high = expected.interval.values
    assert (it["value"][-1], it["low"][-1], it["high"][-1]) == (expected.evaluation, low, high)
    assert course["ceiling"] == [[c] for c in result.ceiling.values]


def test_a_brain_with_time_has_its_own_axis(whole, lesioned, brain):
    recordings = opened([whole, lesioned], Settings())
    (target,) = similarity(recordings, [None, None], brain, Settings(n=20))["targets"]
    for course in target["recordings"]:
        assert course["brain_time"]
        assert course["time"] == [40.0, 80.0, 120.0, 160.0]
        assert [len(c) for c in course["ceiling"]] == [4, 4]
        v1, *_, it = course["states"]
        assert None not in v1["value"][1:]
        assert it["value"][:2] == [None, None]  # not populated before 100 ms


def test_data_without_rdms_are_refused(whole, tmp_path):
    path = tmp_path / "counts.nc"
    values = ("stimulus", np.zeros(8), {"kind": "behavior"})
    xarray.Dataset({"answers": values}, attrs={"name": "counts"}).to_netcdf(path)
    with pytest.raises(AnalysisError, match="holds no RDMs and no responses with repeats"):
        similarity(opened([whole], Settings()), [None], str(path), Settings())
