"""MATLAB's files: the same content as version 5 (scipy) and 7.3 (HDF5 as MATLAB lays it out)."""

import h5py
import mat73
import numpy as np
import pytest
import scipy.io
import scipy.sparse
import xarray as xr
from own_data import IDS, SUBJECTS, TIMES, checked, same
from rsatoolbox.io.meadows import load_rdms

from cortexsim import neural
from cortexsim.analysis import square
from cortexsim.errors import AnalysisError
from cortexsim.neural.own.files import read_arrays

RNG = np.random.default_rng(3)
MANY = RNG.random((4, 2, 10)) + 0.1  # subject, session, pair
X = RNG.normal(size=(3, 7, 2, 4))  # subject, trial, unit, time
OF_TRIAL = ["dog", "cat", "dog", "cup", "cat", "dog", "car"]
WORDS = {"stimulus_id": OF_TRIAL, "time_ms": np.array(TIMES)}


def structs(shape, fields):
    """An array of structs of MATLAB."""
    array = np.empty(shape, dtype=object)
    for place in np.ndindex(shape):
        array[place] = fields(*place)
    return array


def five(value):
    """What scipy's savemat makes the same variables of."""
    if isinstance(value, dict):
        return {k: five(v) for k, v in value.items()}
    if isinstance(value, list):
        cell = np.empty((1, len(value)), dtype=object)
        cell[0, :] = [five(v) for v in value]
        return cell
    if isinstance(value, np.ndarray) and value.dtype == object:
        names = list(value.ravel()[0])
        array = np.empty(value.shape, dtype=[(n, object) for n in names])
        for place in np.ndindex(value.shape):
            array[place] = tuple(five(value[place][n]) for n in names)
        return array
    return value


@pytest.fixture(params=["v5", "v7.3"])
def save(request, tmp_path):
    """Writes variables as one version or the other; the path."""

    def write(content, name="mine.mat"):
        if request.param == "v7.3":
            return mat73.save(tmp_path / name, content)
        scipy.io.savemat(tmp_path / name, {k: five(v) for k, v in content.items()})
        return tmp_path / name

    return write


def test_arrays_of_structs_are_subjects_and_sessions(save):
    rdms = structs((4, 2), lambda i, j: {"RDM": square(MANY[i, j]), "name": f"s{i} day {j}"})
    data = checked(neural.from_rdms(save({"RDMs": rdms, "stimulus_id": IDS})))
    assert data.rdm.dims == ("subject", "session", "pair")
    np.testing.assert_array_equal(data.rdm, MANY)
    assert "RDMs.RDM: 4 x 2 structs, taken as subject x session" in data.attrs["notes"]


@pytest.mark.parametrize("form", [np.asarray, square])
def test_a_row_of_structs_is_subjects_with_their_names(save, form):
    rdms = structs(
        (1, 4), lambda _, j: {"RDM": np.atleast_2d(form(MANY[j, 0])), "name": f"monkey {j}"}
    )
    path = save({"RDMs": rdms})
    data = neural.from_rdms(path, stimulus_id=IDS)
    assert data.rdm.dims == ("subject", "pair")
    np.testing.assert_array_equal(data.rdm, MANY[:, 0])
    assert data.subject.values.tolist() == [f"monkey {j}" for j in range(4)]
    single = neural.from_rdms(path, stimulus_id=IDS, variable="RDMs[2].RDM")
    np.testing.assert_array_equal(single.rdm.squeeze(), MANY[2, 0])
    with pytest.raises(
        AnalysisError, match=r"no array 'rdms'; it holds RDMs.RDM \(4 structs of \(\d+, \d+\)\)"
    ):
        neural.from_rdms(path, stimulus_id=IDS, variable="rdms")


def test_structs_of_several_shapes_are_listed_and_refused(save):
    rdms = structs((1, 2), lambda _, j: {"RDM": square(np.arange([10.0, 15.0][j]) + 1)})
    path = save({"RDMs": rdms})
    with pytest.raises(
        AnalysisError, match=r"no arrays that could be RDMs: it holds RDMs.RDM \(2 structs of sev"
    ):
        neural.from_rdms(path, stimulus_id=IDS)
    with pytest.raises(
        AnalysisError, match=r"not of one shape.*variable='RDMs\[0\].RDM'.*cortexsim.neural.stack"
    ):
        neural.from_rdms(path, stimulus_id=IDS, variable="RDMs.RDM")
    assert neural.from_rdms(path, stimulus_id=IDS, variable="RDMs[0].RDM").rdm.size == 10


def test_the_stimuli_may_be_the_first_axes_as_matlab_has_them(save):
    first = np.moveaxis(square(MANY), (-2, -1), (0, 1))  # (5, 5, 4, 2)
    data = neural.from_rdms(
        save({"rdm": first[..., 0], "stimulus_id": IDS}), subject=[*SUBJECTS, "dora"]
    )
    assert data.rdm.dims == ("subject", "pair")
    np.testing.assert_array_equal(data.rdm, MANY[:, 0])
    times = neural.from_rdms(
        save({"rdm": first, "stimulus_id": IDS, "time_ms": np.array([0.0, 10.0])})
    )
    assert times.rdm.dims == ("subject", "time_ms", "pair")
    np.testing.assert_array_equal(times.rdm, MANY)


def test_responses_of_structs_are_read_at_once(save):
    data = structs((1, 3), lambda _, j: {"rates": X[j], "name": SUBJECTS[j], **WORDS})
    path = save({"data": data})
    read = checked(neural.from_responses(path, dims=("subject", "trial", "unit", "time_ms")))
    same(
        read,
        neural.from_responses(
            X, dims=("subject", "trial", "unit", "time_ms"), **WORDS, subject=SUBJECTS
        ),
    )
    with pytest.raises(
        AnalysisError, match=r"data.rates \(3 structs of .*All structs at once.*dims=\('subject'"
    ):
        neural.from_responses(path, dims=("trial", "unit", "time_ms"))
    single = neural.from_responses(
        path, dims=("trial", "unit", "time_ms"), variable="data[1].rates"
    )
    same(single, neural.from_responses(X[1], dims=("trial", "unit", "time_ms"), **WORDS))


def test_subjects_who_saw_the_stimuli_in_other_orders_are_joined_by_ids(save):
    orders = [RNG.permutation(7) for _ in range(3)]
    data = structs(
        (1, 3),
        lambda _, j: {"rates": X[j][orders[j]], "stimulus_id": [OF_TRIAL[k] for k in orders[j]]},
    )
    dims = ("subject", "trial", "unit", "time_ms")
    read = neural.from_responses(save({"data": data, "time_ms": np.array(TIMES)}), dims=dims)
    expected = neural.from_responses(X, dims=dims, **WORDS)
    aligned = neural.select_stimuli(read, expected.stimulus_id.values)
    np.testing.assert_array_equal(aligned.trials, expected.trials)
    np.testing.assert_allclose(aligned.responses.mean("repeat"), expected.responses.mean("repeat"))


def test_sessions_with_orders_of_their_own_are_joined_by_ids_too(save):
    """structs(subject, session), each with its own order of trials."""
    orders = [[RNG.permutation(7) for _ in range(2)] for _ in range(3)]
    data = structs(
        (3, 2),
        lambda i, j: {
            "rates": (X[i] + 10 * j)[orders[i][j]],
            "stimulus_id": [OF_TRIAL[k] for k in orders[i][j]],
        },
    )
    dims = ("subject", "session", "trial", "unit", "time_ms")
    read = neural.from_responses(save({"data": data, "time_ms": np.array(TIMES)}), dims=dims)
    both = np.stack([X, X + 10], axis=1)
    expected = neural.from_responses(both, dims=dims, **WORDS)
    aligned = neural.select_stimuli(read, expected.stimulus_id.values)
    assert aligned.responses.dims[:2] == ("subject", "session")
    np.testing.assert_allclose(
        neural.average(aligned).responses, neural.average(expected).responses
    )


@pytest.mark.parametrize("nested", [False, True])
def test_responses_and_their_words_are_found_in_structs(save, nested):
    content = {"rates": X[0], "unit": ["n1", "n2"], **WORDS}
    path = save(
        {"session": content, "settings": {"threshold": np.array([[3.0]])}} if nested else content
    )
    read = checked(neural.from_responses(path, dims=("trial", "unit", "time_ms")))
    same(
        read,
        neural.from_responses(X[0], dims=("trial", "unit", "time_ms"), **WORDS, unit=["n1", "n2"]),
    )


def test_axes_of_one_entry_which_matlab_drops_or_adds_are_understood(save):
    path = save({"rates": X[0, :, 0, :], **WORDS})  # one neuron
    alone = neural.from_responses(path, dims=("trial", "time_ms"))
    assert alone.responses.sizes["unit"] == 1
    same(neural.from_responses(path, dims=("trial", "time_ms", "unit")), alone)
    vector = save({"rates": X[0, :, 0, :1], "stimulus_id": OF_TRIAL}, "v.mat")
    flat = neural.from_responses(vector, dims=("trial",))
    np.testing.assert_array_equal(
        neural.average(flat).responses[0, 0], X[0, [0, 2, 5], 0, 0].mean()
    )


def test_cells_of_arrays_are_one_array(save):
    """A cell for each trial, as peri-stimulus histograms are kept; ragged ones stay cells."""
    path = save({"psth": list(X[0]), "stim": OF_TRIAL, "t": np.array(TIMES)})
    dims = ("trial", "unit", "time_ms")
    data = neural.from_responses(path, dims=dims, stimulus_id="stim", time_ms="t")
    same(data, neural.from_responses(X[0], dims=dims, **WORDS))
    path = save({"rdms": [square(r) for r in MANY[:, 0]], "stimulus_id": IDS})
    np.testing.assert_array_equal(neural.from_rdms(path).rdm, MANY[:, 0])
    path = save({"psth": [X[0, 0], X[0, 0, :, :3]], "stimulus_id": IDS})
    with pytest.raises(AnalysisError, match=r"no arrays .*it holds psth \(1, 2\) of object.*dims"):
        neural.from_responses(path, dims=dims)


def test_vectors_are_no_responses_of_two_axes_unless_they_fit_the_ids(save):
    path = save({"rates": X[0], "time": np.array(TIMES)})
    with pytest.raises(AnalysisError, match=r"no arrays that could be .*rates \(7, 2, 4\)"):
        neural.from_responses(path, dims=("trial", "unit"), stimulus_id=OF_TRIAL)
    column = save({"rates": X[0, :, 0, :1], "time": np.array(TIMES)}, "column.mat")
    data = neural.from_responses(column, dims=("trial", "unit"), stimulus_id=OF_TRIAL)
    assert data.responses.sizes == {"repeat": 3, "stimulus": 4, "unit": 1}


def test_objects_of_matlab_are_named_with_the_way_out(tmp_path):
    path = mat73.save(tmp_path / "strings.mat", {"rates": X[0, :, :, 0]})
    with h5py.File(path, "a") as file:
        node = file.create_dataset("stimulus_id", data=np.arange(6, dtype=np.uint64)[None])
        node.attrs["MATLAB_class"] = np.bytes_("string")
        node.attrs["MATLAB_object_decode"] = np.int32(3)
    with pytest.raises(AnalysisError, match=r"stimulus_id is an object of MATLAB.*cellstr"):
        neural.from_responses(path, dims=("trial", "unit"))


def test_empty_text_booleans_and_integers_of_version_7_3(tmp_path):
    content = {"note": "", "good": np.array([[True, False]]), "n": np.array([[3]], dtype=np.int32)}
    arrays = read_arrays(mat73.save(tmp_path / "mixed.mat", content))
    assert arrays["note"] == ""
    assert arrays["good"].tolist() == [[1, 0]]
    assert arrays["n"].tolist() == [[3]]


def test_sparse_arrays_are_filled_or_refused(tmp_path):
    spikes = (X[0, :, :, 0] > 1).astype(float)
    content = {"counts": scipy.sparse.csc_matrix(spikes), "stimulus_id": five(OF_TRIAL)}
    scipy.io.savemat(tmp_path / "five.mat", content)
    data = neural.from_responses(tmp_path / "five.mat", dims=("trial", "unit"))
    want = neural.from_responses(spikes, dims=("trial", "unit"), stimulus_id=OF_TRIAL)
    np.testing.assert_array_equal(data.responses, want.responses)
    path = mat73.save(tmp_path / "seven.mat", {"stimulus_id": OF_TRIAL})
    with h5py.File(path, "a") as file:
        group = file.create_group("counts")
        group.attrs["MATLAB_class"] = np.bytes_("double")
        group.attrs["MATLAB_sparse"] = np.uint64(7)
        group["data"] = np.ones(3)
    with pytest.raises(AnalysisError, match=r"counts \(a sparse matrix: save full\(...\)\)"):
        neural.from_responses(path, dims=("trial", "unit"))


def test_version_7_3_under_the_suffix_of_hdf5_is_turned_round_too(tmp_path):
    mat73.save(tmp_path / "mine.h5", {"rates": X[0], **WORDS})
    dims = ("trial", "unit", "time_ms")
    same(
        neural.from_responses(tmp_path / "mine.h5", dims=dims),
        neural.from_responses(X[0], dims=dims, **WORDS),
    )


def test_rdms_of_meadows_carry_their_stimuli(tmp_path):
    utv, names = RNG.random((1, 10)), [f"{s}.png" for s in IDS]
    path = tmp_path / "Meadows_myExperiment_v_v1_cuddly-bunny_3_1D.mat"
    scipy.io.savemat(path, {"rdmutv": utv, "stimuli": np.array(names)})
    theirs = load_rdms(str(path), sort=False)
    data = checked(neural.from_rdms(path))
    np.testing.assert_array_equal(data.rdm, theirs.dissimilarities[0])
    assert data.stimulus_id.values.tolist() == names
    assert [s.split(".")[0] for s in names] == theirs.pattern_descriptors["conds"]


def test_rdms_of_several_participants_of_meadows_are_subjects(tmp_path):
    path = tmp_path / "Meadows_myExperiment_v_v1_arrangement_1D.mat"
    names = np.array([f"{s}.png" for s in IDS])
    people = {"cuddly_bunny": RNG.random((1, 10)), "brave_fox": RNG.random((1, 10))}
    content = {f"rdmutv_{k}": v for k, v in people.items()}
    content |= {f"stimuli_{k}": names for k in people}
    scipy.io.savemat(path, content)
    theirs = load_rdms(str(path), sort=False)
    data = checked(neural.from_rdms(path))
    np.testing.assert_array_equal(data.rdm, theirs.dissimilarities)
    assert data.subject.values.tolist() == theirs.rdm_descriptors["participant"]
    content["stimuli_brave_fox"] = names[::-1].copy()
    scipy.io.savemat(path, content)
    other = neural.from_rdms(path)
    assert other.stimulus_id.values.tolist() == names.tolist()
    turned = square(people["brave_fox"][0])[::-1, ::-1]
    row = other.sel(subject="brave-fox").rdm
    np.testing.assert_array_equal(square(row.values), turned)
    np.testing.assert_array_equal(other.sel(subject="cuddly-bunny").rdm, people["cuddly_bunny"][0])


def test_both_versions_give_identical_data(tmp_path):
    content = {
        "RDMs": structs((4, 2), lambda i, j: {"RDM": square(MANY[i, j])}),
        "stimulus_id": IDS,
    }
    mat73.save(tmp_path / "mine.mat", content)
    seven = neural.from_rdms(tmp_path / "mine.mat")
    scipy.io.savemat(tmp_path / "mine.mat", {k: five(v) for k, v in content.items()})
    xr.testing.assert_identical(neural.from_rdms(tmp_path / "mine.mat"), seven)
