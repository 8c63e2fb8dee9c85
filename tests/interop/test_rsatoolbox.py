"""rsatoolbox, the real package: round trips, and its numbers from our data."""

import numpy as np
import pytest
import rsatoolbox
import xarray
from rsatoolbox.rdm import calc_rdm, calc_rdm_movie

from cortexsim import open_recording
from cortexsim.analysis import compare, rdm_movie
from cortexsim.errors import AnalysisError
from cortexsim.interop import from_rsatoolbox, to_rsatoolbox
from cortexsim.neural import from_rdms, from_responses

IDS = [f"s{k}" for k in range(6)]


def test_a_movie_comes_back_as_it_went(recorded):
    movie = rdm_movie(recorded, progress=False)
    theirs = to_rsatoolbox(movie)
    assert theirs.n_rdm == int(movie.populated.sum())
    assert not np.isnan(theirs.dissimilarities).any()
    ours = from_rsatoolbox(theirs)
    assert ours.rdm.dims == ("state", "step", "pair")
    np.testing.assert_array_equal(ours.rdm.values, movie.rdm.values)
    for name in (
        "state",
        "step",
        "time_ms",
        "time_ms_low",
        "time_ms_high",
        "stimulus_id",
        "label",
        "first",
        "second",
    ):
        assert ours[name].dims == movie[name].dims
        np.testing.assert_array_equal(ours[name].values, movie[name].values)
    assert ours.attrs["measure"] == "correlation"


def test_each_of_their_rdms_is_ours_of_that_state_and_step(recorded):
    movie = rdm_movie(recorded, progress=False)
    theirs = to_rsatoolbox(movie)
    d = theirs.rdm_descriptors
    for k, (state, step, ms) in enumerate(zip(d["state"], d["step"], d["time_ms"], strict=True)):
        np.testing.assert_array_equal(
            theirs.dissimilarities[k], movie.rdm.sel(state=state, step=step).values
        )
        assert ms == float(movie.time_ms.sel(step=step))
    one = theirs.subset("state", "IT").subset("step", 5)
    a, b = (
        theirs.pattern_descriptors["stimulus_id"][1],
        theirs.pattern_descriptors["stimulus_id"][4],
    )
    square = one.get_matrices()[0]
    pair = (movie.stimulus_id.values[movie["first"]] == a) & (
        movie.stimulus_id.values[movie["second"]] == b
    )
    assert square[1, 4] == movie.rdm.sel(state="IT", step=5).values[pair].item()


def test_they_compute_the_rdms_that_we_do_from_the_data_set_of_a_state(recorded):
    movie = rdm_movie(recorded, progress=False)
    data = to_rsatoolbox(recorded, state="IT")
    assert isinstance(data, rsatoolbox.data.TemporalDataset)
    assert data.measurements.shape == (8, 1024, 3)
    assert data.time_descriptors["time"] == movie.time_ms.values[3:].tolist()
    found = calc_rdm_movie(data, method="correlation", descriptor="stimulus_id")
    # They sort the patterns by name.
    order = np.argsort([str(s) for s in movie.stimulus_id.values], kind="stable")
    for k, step in enumerate((4, 5, 6)):
        square = np.zeros((8, 8))
        square[movie["first"], movie["second"]] = movie.rdm.sel(state="IT", step=step)
        square = (square + square.T)[np.ix_(order, order)]
        np.testing.assert_allclose(found.get_matrices()[k], square, atol=2e-6)


def test_a_state_comes_back_as_responses(recorded, sampled):
    for path in (recorded, sampled):
        tree = open_recording(path)
        back = from_rsatoolbox(to_rsatoolbox(tree, state="V4"))
        a = tree["V4"].activation.isel(step=slice(2, None)).values
        expected = np.moveaxis(a.reshape(8, 4, -1), 0, 1)
        assert back.responses.dims == ("time_ms", "stimulus", "unit")
        np.testing.assert_array_equal(back.responses.values, expected)
        assert back.time_ms.values.tolist() == [75.0, 100.0, 125.0, 150.0]
        assert back.stimulus_id.values.tolist() == tree["V4"].stimulus_id.values.tolist()
        assert back.label.values.tolist() == tree["V4"].label.values.tolist()


def test_the_place_of_each_unit_goes_with_it(recorded, sampled):
    for path in (recorded, sampled):
        d = to_rsatoolbox(path, state="V2")
        a = open_recording(path)["V2"].activation
        for k in (0, 7, d.n_channel - 1):
            place = [int(d.channel_descriptors[c][k]) for c in ("channel", "y", "x")]
            full = open_recording(recorded)["V2"].activation.values[(slice(None), 3, *place)]
            np.testing.assert_array_equal(d.measurements[:, k, 2], full)
        assert d.n_channel == int(np.prod(a.shape[2:]))


@pytest.mark.parametrize("time", [False, True])
def test_responses_with_unequal_repeats_come_back(time):
    rng = np.random.default_rng(0)
    of_trial = ["b", "a", "b", "c", "b", "c"]
    values = rng.normal(size=(6, 4, 3))
    dims = ("trial", "unit", "time_ms") if time else ("trial", "unit")
    options = {"time_ms": [10.0, 20, 30]} if time else {}
    data = from_responses(
        values if time else values[..., 0],
        dims=dims,
        stimulus_id=of_trial,
        unit=list("wxyz"),
        **options,
    )
    theirs = to_rsatoolbox(data)
    assert type(theirs).__name__ == ("TemporalDataset" if time else "Dataset")
    assert theirs.n_obs == 6
    back = from_rsatoolbox(theirs)
    xarray.testing.assert_equal(back.responses, data.responses)
    np.testing.assert_array_equal(back.trials, data.trials)


def test_their_averaged_rdm_is_that_of_our_averages():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(18, 5))
    of_trial = [IDS[k % 6] for k in range(18)]
    data = from_responses(values, dims=("trial", "unit"), stimulus_id=of_trial)
    found = calc_rdm(
        to_rsatoolbox(data), method="euclidean", descriptor="stimulus_id"
    ).dissimilarities[0]
    means = values.reshape(3, 6, 5).mean(0)
    from scipy.spatial.distance import pdist

    np.testing.assert_allclose(found, pdist(means, "sqeuclidean") / 5)


def test_subjects_and_sessions_and_a_single_rdm_come_back():
    rng = np.random.default_rng(2)
    several = from_rdms(
        rng.random((3, 2, 15)),
        stimulus_id=IDS,
        subject=list("xyz"),
        time_ms=[0.0, 10.0],
        label=list("aabbcc"),
    )
    back = from_rsatoolbox(to_rsatoolbox(several))
    xarray.testing.assert_equal(back.rdm, several.rdm)
    assert back.label.values.tolist() == several.label.values.tolist()
    single = several.isel(subject=0, time_ms=1)
    again = from_rsatoolbox(to_rsatoolbox(single))
    assert again.rdm.dims == ("pair",)
    np.testing.assert_array_equal(again.rdm, single.rdm)
    assert again.subject.item() == "x"


def test_rdms_that_others_made_and_saved(tmp_path):
    """Through their files, with descriptors of their own, as they compute them."""
    rng = np.random.default_rng(3)
    data = [
        rsatoolbox.data.Dataset(rng.normal(size=(6, 9)), {"participant": p}, {"picture": IDS})
        for p in ("p1", "p2", "p3")
    ]
    theirs = calc_rdm(data, method="euclidean", descriptor="picture")
    theirs.save(tmp_path / "rdms.hdf5", file_type="hdf5")
    loaded = rsatoolbox.rdm.load_rdm(str(tmp_path / "rdms.hdf5"))
    ours = from_rsatoolbox(loaded, stimulus_id="picture", dims=("participant",))
    assert ours.rdm.dims == ("participant", "pair")
    assert ours.participant.values.tolist() == ["p1", "p2", "p3"]
    np.testing.assert_array_equal(ours.rdm, theirs.dissimilarities)
    with pytest.raises(
        AnalysisError, match=r"no 'stimulus_id' among the pattern_descriptors; there are .*picture"
    ):
        from_rsatoolbox(loaded)
    with pytest.raises(AnalysisError, match=r"no 'session' among the rdm_descriptors"):
        from_rsatoolbox(loaded, stimulus_id="picture", dims=("session",))
    # Theirs and ours agree on what is compared.
    expected = rsatoolbox.rdm.compare(theirs, theirs, method="corr")
    np.testing.assert_allclose(compare(ours.rdm, ours.rdm, "pearson"), expected)


def test_ours_survive_their_files(recorded, tmp_path):
    movie = rdm_movie(recorded, progress=False)
    theirs = to_rsatoolbox(movie)
    theirs.save(tmp_path / "movie.hdf5", file_type="hdf5")
    back = from_rsatoolbox(rsatoolbox.rdm.load_rdm(str(tmp_path / "movie.hdf5")))
    np.testing.assert_array_equal(back.rdm.values, movie.rdm.values)
    assert back.stimulus_id.values.tolist() == movie.stimulus_id.values.tolist()


def test_rdms_without_any_name_of_ours():
    theirs = rsatoolbox.rdm.RDMs(
        np.random.default_rng(0).random((4, 15)), pattern_descriptors={"stimulus_id": IDS}
    )
    ours = from_rsatoolbox(theirs)
    assert ours.rdm.dims == ("model", "pair")
    assert ours.model.values.tolist() == [0, 1, 2, 3]
    theirs.rdm_descriptors["subject"] = ["a", "b", "a", "b"]
    with pytest.raises(
        AnalysisError, match=r"several of the 4 RDMs stand at one place of \(subject\)"
    ):
        from_rsatoolbox(theirs)


def test_what_cannot_go_is_refused(recorded):
    movie = rdm_movie(recorded, progress=False)
    with pytest.raises(AnalysisError, match="without stimulus_id"):
        to_rsatoolbox(movie.rdm.to_dataset())
    with pytest.raises(AnalysisError, match="which state\\? Give state= one of V1, V2, V4, IT"):
        to_rsatoolbox(recorded)
    with pytest.raises(AnalysisError, match="no state 'V3'"):
        to_rsatoolbox(recorded, state="V3")
    with pytest.raises(AnalysisError, match="state='IT' names a state of a recording"):
        to_rsatoolbox(movie.drop_vars("rdm"), state="IT")
    with pytest.raises(AnalysisError, match="no recording, and no Dataset with responses"):
        to_rsatoolbox(np.zeros(3))
    with pytest.raises(AnalysisError, match="give rsatoolbox's RDMs"):
        from_rsatoolbox(np.zeros(3))
