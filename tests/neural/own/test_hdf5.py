"""HDF5 as h5py, rsatoolbox and pandas write it."""

import h5py
import numpy as np
import pandas
import pytest
import rsatoolbox
from own_data import IDS, SUBJECTS, TIMES, checked, hide, same

from cortexsim import neural
from cortexsim.analysis import square
from cortexsim.errors import AnalysisError
from cortexsim.interop import from_rsatoolbox, to_rsatoolbox
from cortexsim.neural.own import hdf5

X = np.random.default_rng(2).normal(size=(7, 3, 4)).astype(np.float32)  # trial, unit, time
OF_TRIAL = ["dog", "cat", "dog", "cup", "cat", "dog", "car"]
DIMS = ("trial", "unit", "time_ms")
MANY = np.random.default_rng(0).random((3, 4, 10)) + 0.1


@pytest.fixture(params=["vlen", "fixed", "group"])
def file(request, tmp_path):
    """Responses with text of either kind, at the top or in a group."""
    path = tmp_path / "mine.h5"
    with h5py.File(path, "w") as raw:
        group = raw.create_group("monkey/day1") if request.param == "group" else raw
        group["rates"] = X
        ids = OF_TRIAL if request.param != "fixed" else np.array(OF_TRIAL, dtype="S")
        group["stimulus_id"] = ids
        group["time_ms"] = np.array(TIMES)
        group.create_dataset("unit", data=["a", "b", "ç"])
        raw.create_dataset("empty", shape=None, dtype="f4")
        raw["note"] = "recorded on a Monday"
    return path


def test_data_sets_are_read_with_the_words_beside_them(file):
    expected = neural.from_responses(
        X, dims=DIMS, stimulus_id=OF_TRIAL, time_ms=TIMES, unit=["a", "b", "ç"]
    )
    data = checked(neural.from_responses(file, dims=DIMS))
    same(data, expected)
    assert data.responses.dtype == np.float32


@pytest.mark.parametrize("suffix", [".h5", ".hdf5", ".H5"])
def test_rdms_of_hdf5(tmp_path, suffix):
    path = tmp_path / f"mine{suffix}"
    with h5py.File(path, "w") as raw:
        raw["rdm"] = square(MANY)
        raw["stimulus_id"], raw["subject"], raw["time_ms"] = IDS, SUBJECTS, TIMES
    data = checked(neural.from_rdms(path))
    same(data, neural.from_rdms(MANY, stimulus_id=IDS, subject=SUBJECTS, time_ms=TIMES))


def test_large_data_sets_are_read_only_if_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5, "LARGE", 20)
    path = tmp_path / "large.h5"
    with h5py.File(path, "w") as raw:
        raw["rates"], raw["stimulus_id"], raw["time_ms"] = X, OF_TRIAL, TIMES
        raw["raw"] = np.zeros((100, 10))
    read = hdf5.read_hdf5(path)
    assert (type(read["raw"]).__name__, read["raw"].shape) == ("Stored", (100, 10))
    same(
        neural.from_responses(path, dims=DIMS),
        neural.from_responses(X, dims=DIMS, stimulus_id=OF_TRIAL, time_ms=TIMES),
    )


def test_other_names_are_listed_with_the_words_that_read_them(tmp_path):
    path = tmp_path / "theirs.h5"
    with h5py.File(path, "w") as raw:
        raw["rates"], raw["stim"], raw["time"] = X, OF_TRIAL, TIMES
    with pytest.raises(
        AnalysisError,
        match=r"no ids: .*theirs.h5 holds rates \(7, 3, 4\), stim \(7,\) of text, time \(4,\): if "
        r"those are its names, say stimulus_id='stim', time_ms='time'",
    ):
        neural.from_responses(path, dims=DIMS)
    with pytest.raises(AnalysisError, match=r"4 times; give time_ms=.*say time_ms='time'"):
        neural.from_responses(path, dims=DIMS, stimulus_id="stim")
    with pytest.raises(AnalysisError, match=r"no array 'image' for stimulus_id; it holds rates"):
        neural.from_responses(path, dims=DIMS, stimulus_id="image", time_ms="time")
    with pytest.raises(AnalysisError, match=r"shape \(7, 3, 4\); give dims="):
        neural.from_responses(path, stimulus_id="stim", time_ms="time")
    same(
        neural.from_responses(path, dims=DIMS, stimulus_id="stim", time_ms="time"),
        neural.from_responses(X, dims=DIMS, stimulus_id=OF_TRIAL, time_ms=TIMES),
    )


def test_rdms_that_rsatoolbox_saved_are_read(tmp_path):
    theirs = rsatoolbox.rdm.RDMs(
        MANY[:, 0],
        rdm_descriptors={"subject": SUBJECTS},
        pattern_descriptors={"stimulus_id": IDS},
    )
    theirs.save(str(tmp_path / "theirs.hdf5"), file_type="hdf5")
    data = checked(neural.from_rdms(tmp_path / "theirs.hdf5"))
    same(data, neural.from_rdms(MANY[:, 0], stimulus_id=IDS, subject=SUBJECTS))
    named = rsatoolbox.rdm.RDMs(MANY[:, 0], pattern_descriptors={"conds": IDS})
    named.save(str(tmp_path / "named.hdf5"), file_type="hdf5")
    with pytest.raises(
        AnalysisError, match=r"pattern_descriptors/conds \(5,\) of text.*say stimulus_id='pattern_d"
    ):
        neural.from_rdms(tmp_path / "named.hdf5")
    data = neural.from_rdms(tmp_path / "named.hdf5", stimulus_id="pattern_descriptors/conds")
    np.testing.assert_array_equal(data.rdm, MANY[:, 0])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # left open by them
def test_pickles_of_rsatoolbox_are_refused_and_both_ways_out_work(tmp_path):
    ours = neural.from_rdms(MANY, stimulus_id=IDS, subject=SUBJECTS, time_ms=TIMES)
    theirs = to_rsatoolbox(ours)
    theirs.save(str(tmp_path / "theirs.pkl"), file_type="pkl")
    with pytest.raises(
        AnalysisError,
        match=r"theirs.pkl is a pickle, which can run code.*rdms.save\('x.hdf5', file_type='hdf5'\)"
        r".*from_rsatoolbox\(rsatoolbox.rdm.load_rdm\('theirs.pkl', file_type='pkl'\)",
    ):
        neural.from_rdms(tmp_path / "theirs.pkl")
    loaded = rsatoolbox.rdm.load_rdm(str(tmp_path / "theirs.pkl"), file_type="pkl")
    np.testing.assert_array_equal(from_rsatoolbox(loaded).rdm, MANY)
    loaded.save(str(tmp_path / "x.hdf5"), file_type="hdf5")
    with pytest.raises(
        AnalysisError, match=r"several for each subject.*cortexsim.interop.from_rsatoolbox"
    ):
        neural.from_rdms(tmp_path / "x.hdf5")
    again = from_rsatoolbox(
        rsatoolbox.rdm.load_rdm(str(tmp_path / "x.hdf5")), dims=["subject", "time_ms"]
    )
    np.testing.assert_array_equal(again.rdm, MANY)


def test_what_hdf5_cannot_say_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "odd.h5"
    with h5py.File(path, "w") as raw:
        raw["pair"] = np.zeros(3, dtype=[("a", "f8"), ("b", "i4")])
        raw["lost"] = h5py.SoftLink("/nowhere")
    with pytest.raises(
        AnalysisError, match=r"no arrays.*lost \(a link that leads nowhere\), pair \(\(3,\) of HDF5"
    ):
        neural.from_responses(path, dims=("stimulus", "unit"))
    broken = tmp_path / "broken.h5"
    broken.write_bytes(path.read_bytes()[:300])
    with pytest.raises(AnalysisError, match=r"broken.h5 cannot be read: OSError"):
        neural.from_responses(broken, dims=DIMS)
    with h5py.File(tmp_path / "frame.h5", "w") as raw:  # as pandas' to_hdf marks its tables
        raw.create_group("table").attrs["pandas_type"] = "frame"
    with pytest.raises(AnalysisError, match=r"tables of pandas \(table\).*pandas.read_hdf\('frame"):
        neural.from_responses(tmp_path / "frame.h5", dims=DIMS)
    assert pandas.read_hdf  # what the error names
    hide(monkeypatch, "h5py")
    with pytest.raises(AnalysisError, match=r"is HDF5, which needs h5py: pip install h5py"):
        neural.from_responses(path, dims=DIMS)
