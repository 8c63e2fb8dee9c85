"""RDMs and arrangements that a page shows, compared with scipy and with movies."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr

import cortexsim
from cortexsim.analysis import rdm_movie
from cortexsim.errors import AnalysisError
from cortexsim.experiments.explorer.geometry import Geometry
from cortexsim.experiments.explorer.opened import opened
from cortexsim.experiments.explorer.settings import Settings


@pytest.fixture(scope="module")
def movie(whole, folder):
    path = str(folder / "movie.zarr")
    rdm_movie(whole, "sqeuclidean", states=["V4", "IT"], steps=[3, 4, 5], out=path, progress=False)
    return path


def test_rdms_are_made_of_the_images_that_are_shown(whole, lesioned):
    _, shown = opened([whole, lesioned], Settings(limit=6, steps=(1, 4, 8)))
    values = Geometry(shown).rdms("IT")
    assert np.isnan(values[0]).all()
    maps = cortexsim.open_recording(lesioned)["IT"].activation.values.astype(float)
    for k, step in ((1, 3), (2, 7)):
        expected = pdist(maps[[7, 6, 5, 4, 3, 2], step].reshape(6, -1), "correlation")
        np.testing.assert_allclose(values[k], expected, rtol=1e-4, atol=1e-6)


def test_rdms_of_a_movie_are_those_of_the_images_and_steps_that_are_shown(whole, movie):
    (shown,) = opened([whole], Settings(limit=5, steps=(4, 5, 6)))
    geometry = Geometry(shown, movie)
    told = geometry.described()
    assert (told["measure"], told["states"]) == ("sqeuclidean", ["V4", "IT"])
    values = geometry.rdms("V4")
    maps = cortexsim.open_recording(whole)["V4"].activation.values.astype(float)
    expected = pdist(maps[:5, 3].reshape(5, -1), "sqeuclidean") / (32 * 64)
    np.testing.assert_allclose(values[0], expected, rtol=1e-4)
    assert np.isnan(values[2]).all()  # step 6 is not in the movie


def test_a_movie_of_another_recording_is_refused(lesioned, movie):
    (shown,) = opened([lesioned], Settings())
    with pytest.raises(AnalysisError, match=r"another recording.*it differs in network, stimuli"):
        Geometry(shown, movie)


def test_arrangements_keep_distances_and_follow_the_step_before(whole, lesioned):
    first, second = opened([whole, lesioned], Settings())
    geometry = Geometry(first)
    arranged = geometry.arranged("V1")
    for rdm, positions in zip(geometry.rdms("V1"), arranged.positions, strict=True):
        assert pearsonr(pdist(positions), rdm)[0] > 0.5
    moved = np.linalg.norm(np.diff(arranged.positions, axis=0), axis=-1).mean()
    apart = pdist(arranged.positions[-1]).mean()
    assert moved < apart / 2
    beside = Geometry(second, beside=geometry).arranged("V1").positions
    # The first steps of both are the same: feedback has not arrived.
    np.testing.assert_allclose(beside[0], arranged.positions[0], atol=0.05 * apart)


def test_the_blob_is_the_stress_and_the_positions(whole):
    geometry = Geometry(opened([whole], Settings())[0])
    values = np.frombuffer(geometry.mds_blob("V2"), "<f4")
    arranged = geometry.arranged("V2")
    np.testing.assert_allclose(values[:8], arranged.stress, rtol=1e-6)
    np.testing.assert_allclose(values[8:].reshape(8, 8, 2), arranged.positions, rtol=1e-6)
