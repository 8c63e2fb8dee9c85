"""NumPy's files: an array alone, arrays by name, columns of a record array, other names."""

import numpy as np
import pytest
from own_data import IDS, SUBJECTS, TIMES, checked, same

from cortexsim import neural
from cortexsim.analysis import square
from cortexsim.errors import AnalysisError

X = np.random.default_rng(2).normal(size=(7, 3, 4)).astype(np.float32)  # trial, unit, time
OF_TRIAL = ["dog", "cat", "dog", "cup", "cat", "dog", "car"]
DIMS = ("trial", "unit", "time_ms")
CALL = {"dims": DIMS, "stimulus_id": OF_TRIAL, "time_ms": TIMES}
MANY = np.random.default_rng(0).random((3, 4, 10)) + 0.1


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_alone_is_read_with_what_names_its_axes(order, tmp_path):
    np.save(tmp_path / "rates.npy", np.asarray(X, order=order))
    data = checked(neural.from_responses(tmp_path / "rates.npy", **CALL))
    same(data, neural.from_responses(X, **CALL))
    assert data.attrs["source"] == "rates.npy"


@pytest.mark.parametrize("form", [np.asarray, square])
def test_rdms_alone(form, tmp_path):
    np.save(tmp_path / "rdm.npy", form(MANY))
    words = {"stimulus_id": IDS, "subject": SUBJECTS, "time_ms": TIMES}
    same(neural.from_rdms(str(tmp_path / "rdm.npy"), **words), neural.from_rdms(MANY, **words))
    with pytest.raises(AnalysisError, match=r"compared by the ids .*, and rdm.npy has none"):
        neural.from_rdms(tmp_path / "rdm.npy")


def test_a_single_neuron_needs_no_axis_of_units(tmp_path):
    np.save(tmp_path / "one.npy", X[:, 0])
    data = neural.from_responses(tmp_path / "one.npy", **{**CALL, "dims": ("trial", "time_ms")})
    same(data, neural.from_responses(X[:, :1], **CALL))


def test_arrays_under_other_names_are_listed_and_read_by_them(tmp_path):
    path = tmp_path / "theirs.npz"
    np.savez(
        path, psth=X, stim=np.array(OF_TRIAL), time=np.array(TIMES), cell=np.array(["a", "b", "c"])
    )
    with pytest.raises(
        AnalysisError,
        match=r"theirs.npz holds psth \(7, 3, 4\), stim \(7,\) of text, time \(4,\), cell \(3,\) "
        r"of text: if those are its names, say stimulus_id='stim', time_ms='time'",
    ):
        neural.from_responses(path, dims=DIMS)
    data = neural.from_responses(path, dims=DIMS, stimulus_id="stim", time_ms="time", unit="cell")
    same(data, neural.from_responses(X, **CALL, unit=["a", "b", "c"]))
    np.savez(path, dissimilarity=MANY[:, 0], images=np.array(IDS), people=np.array(SUBJECTS))
    with pytest.raises(AnalysisError, match=r"images \(5,\) of text.*say stimulus_id='images'"):
        neural.from_rdms(path)
    data = neural.from_rdms(path, stimulus_id="images", subject="people")
    same(data, neural.from_rdms(MANY[:, 0], stimulus_id=IDS, subject=SUBJECTS))


def test_a_text_that_names_no_array_is_a_name_where_one_is_possible(tmp_path):
    np.savez(tmp_path / "a.npz", rdm=MANY[0, 0], stimulus_id=np.array(IDS))
    data = neural.from_rdms(tmp_path / "a.npz", subject="anna")
    assert data.subject.values.tolist() == ["anna"]
    with pytest.raises(AnalysisError, match=r"no array 'time' for time_ms; it holds rdm \(10,\)"):
        neural.from_rdms(tmp_path / "a.npz", time_ms="time")


def test_python_objects_are_refused_without_being_loaded(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object))
    with pytest.raises(
        AnalysisError, match=r"Python objects, which could run code when read; save numbers"
    ):
        neural.from_responses(tmp_path / "objects.npy", **CALL)


def test_a_whole_file_under_the_wrong_suffix_is_read_or_refused_in_a_sentence(tmp_path):
    np.savez(tmp_path / "a.npz", rates=X, stimulus_id=np.array(OF_TRIAL), time_ms=np.array(TIMES))
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npz").read_bytes())
    same(neural.from_responses(tmp_path / "a.npy", dims=DIMS), neural.from_responses(X, **CALL))
    (tmp_path / "b.npy").write_bytes(b"not an array at all")
    with pytest.raises(AnalysisError, match=r"b.npy cannot be read"):
        neural.from_responses(tmp_path / "b.npy", **CALL)
    for name, match in (
        ("a.xlsx", "save it as .csv"),
        ("a.json", "Meadows"),
        ("a.fif", "from_mne"),
    ):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(AnalysisError, match=match):
            neural.from_responses(tmp_path / name, **CALL)


def test_a_model_of_one_category_may_have_ones_on_a_part_of_the_diagonal(tmp_path):
    """As the animate model of 118 images: alike only if both are animate."""
    animate = np.array([1, 1, 0, 0, 0])
    model = 1.0 - np.outer(animate, animate)
    np.save(tmp_path / "animate.npy", model)
    data = neural.from_rdms(tmp_path / "animate.npy", stimulus_id=IDS)
    np.testing.assert_array_equal(data.rdm, model[np.triu_indices(5, 1)])
    assert "3 of 5 entries of the diagonal were not zero" in data.attrs["notes"]
    both = neural.from_rdms(np.stack([model, square(MANY[0, 0])]), stimulus_id=IDS)
    np.testing.assert_array_equal(both.rdm, [data.rdm, MANY[0, 0]])


@pytest.mark.parametrize(
    "other",
    [
        1.0 - square(MANY[0, 0]),  # a similarity: ones on all of the diagonal
        1.0 - (1.0 - np.outer([1, 1, 0, 0, 0], [1, 1, 0, 0, 0])) + np.diag([0, 0, 1, 1, 1]),
        square(MANY[0, 0]) + np.diag([0, 0, 1.0, 1.0, 1.0]),  # graded
        np.ones((5, 5)) - np.diag([1.0, 1, 0, 0, 0]),  # no two alike
    ],
)
def test_other_diagonals_that_are_not_zero_are_refused(other):
    with pytest.raises(AnalysisError, match="diagonal of the RDM is not zero"):
        neural.from_rdms(other, stimulus_id=IDS)
