"""Subjects in structs and cells of MATLAB: names, orders and trials of each."""

import mat73
import numpy as np
import pytest
import scipy.io
from own_data import IDS, SUBJECTS, TIMES

from cortexsim import neural
from cortexsim.analysis import square
from cortexsim.errors import AnalysisError

RNG = np.random.default_rng(11)
X = RNG.normal(size=(3, 5, 2, 4))  # subject, stimulus, unit, time
ORDERS = [RNG.permutation(5) for _ in SUBJECTS]
DIMS = ("subject", "stimulus", "unit", "time_ms")


def cell(values):
    """A row of cells, for scipy."""
    array = np.empty((1, len(values)), dtype=object)
    for k, value in enumerate(values):
        array[0, k] = value
    return array


def structs(each):
    """A row of structs, for scipy."""
    array = np.empty((1, len(each)), dtype=[(name, object) for name in each[0]])
    for k, fields in enumerate(each):
        array[0, k] = tuple(cell(v) if isinstance(v, list) else v for v in fields.values())
    return array


def write(path, version, each, **beside):
    if version == "v5":
        beside = {k: cell(v) if isinstance(v, list) else v for k, v in beside.items()}
        scipy.io.savemat(path, {"data": structs(each), **beside})
    else:
        elements = np.empty((1, len(each)), dtype=object)
        elements[0, :] = each
        mat73.save(path, {"data": elements, **beside})
    return path


@pytest.mark.parametrize("version", ["v5", "v7.3"])
@pytest.mark.parametrize("names", [("stimulus_id", "subject"), ("stim", "who")])
def test_each_struct_names_its_subject_and_its_own_order(version, names, tmp_path):
    ids, who = names
    each = [
        {"rates": X[k][o], ids: [IDS[i] for i in o], who: SUBJECTS[k]} for k, o in enumerate(ORDERS)
    ]
    path = write(tmp_path / "mine.mat", version, each, time_ms=np.array(TIMES))
    said = {} if ids == "stimulus_id" else {"stimulus_id": "data.stim", "subject": "data.who"}
    data = neural.from_responses(path, dims=DIMS, **said)
    assert data.subject.values.tolist() == SUBJECTS
    joined = data.responses.transpose(*DIMS)
    place = [IDS.index(s) for s in data.stimulus_id.values]
    np.testing.assert_array_equal(joined, X[:, place])


@pytest.mark.parametrize("version", ["v5", "v7.3"])
def test_structs_with_other_numbers_of_trials_are_read_one_by_one(version, tmp_path):
    each = [
        {"rates": np.repeat(X[k], k + 1, axis=0), "stimulus_id": IDS_OF[k], "subject": SUBJECTS[k]}
        for k in range(3)
    ]
    path = write(tmp_path / "mine.mat", version, each, time_ms=np.array(TIMES))
    dims = ("trial", "unit", "time_ms")
    with pytest.raises(AnalysisError, match=r"one by one, variable='data\[0\]\.rates', .*stack"):
        neural.from_responses(path, dims=("subject", *dims))
    parts = {
        name: neural.from_responses(path, dims=dims, variable=f"data[{k}].rates")
        for k, name in enumerate(SUBJECTS)
    }
    data = neural.average(neural.stack(parts))
    np.testing.assert_allclose(data.responses.transpose(*DIMS), X)


IDS_OF = [[s for s in IDS for _ in range(k + 1)] for k in range(3)]


@pytest.mark.parametrize("version", ["v5", "v7.3"])
def test_a_cell_array_of_arrays_is_subjects(version, tmp_path):
    path, cells = tmp_path / "mine.mat", list(X)
    content = {"rates": cells, "stimulus_id": IDS, "time_ms": np.array(TIMES)}
    rdms = {"rdms": [square(np.arange(10.0) + k) for k in range(3)], "stimulus_id": IDS}
    if version == "v5":
        scipy.io.savemat(
            path, {k: cell(v) if isinstance(v, list) else v for k, v in content.items()}
        )
        scipy.io.savemat(tmp_path / "rdms.mat", {k: cell(v) for k, v in rdms.items()})
    else:
        mat73.save(path, content)
        mat73.save(tmp_path / "rdms.mat", rdms)
    data = neural.from_responses(path, dims=DIMS)
    np.testing.assert_array_equal(data.responses.transpose(*DIMS), X)
    of_rdms = neural.from_rdms(tmp_path / "rdms.mat")
    assert of_rdms.rdm.dims == ("subject", "pair")
    np.testing.assert_array_equal(of_rdms.rdm, np.arange(10.0) + np.arange(3)[:, None])


def test_a_matrix_of_structs_names_subjects_along_rows_and_sessions_along_columns(tmp_path):
    array = np.empty((3, 2), dtype=[(n, object) for n in ("RDM", "subject", "session")])
    for s, d in np.ndindex(3, 2):
        array[s, d] = (square(np.arange(10.0) + 2 * s + d), SUBJECTS[s], f"day {d}")
    scipy.io.savemat(tmp_path / "mine.mat", {"RDMs": array})
    data = neural.from_rdms(tmp_path / "mine.mat", stimulus_id=IDS)
    assert data.subject.values.tolist() == SUBJECTS
    assert data.session.values.tolist() == ["day 0", "day 1"]
    np.testing.assert_array_equal(data.rdm[2, 1], np.arange(10.0) + 5)
    array[2, 1]["subject"] = "dora"
    scipy.io.savemat(tmp_path / "mine.mat", {"RDMs": array})
    with pytest.raises(AnalysisError, match=r"RDMs.subject is not the same in all .* subject=\["):
        neural.from_rdms(tmp_path / "mine.mat", stimulus_id=IDS)


def test_participants_of_meadows_with_other_stimuli_are_read_by_name(tmp_path):
    content = {
        "rdmutv_a": np.arange(10.0),
        "rdmutv_b": np.arange(10.0)[::-1],
        "stimuli_a": np.array(IDS),
        "stimuli_b": np.array([*IDS[:4], "elm"]),
    }
    scipy.io.savemat(tmp_path / "mine.mat", content)
    with pytest.raises(AnalysisError, match=r"2 arrays that could be RDMs: rdmutv_a .*variable="):
        neural.from_rdms(tmp_path / "mine.mat")
    data = neural.from_rdms(tmp_path / "mine.mat", variable="rdmutv_b", stimulus_id="stimuli_b")
    assert data.stimulus_id.values.tolist() == [*IDS[:4], "elm"]
    np.testing.assert_array_equal(np.ravel(data.rdm), np.arange(10.0)[::-1])
