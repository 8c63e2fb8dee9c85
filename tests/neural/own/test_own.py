"""Bring your own: every way in gives the same data set, round trips through files keep it, and what is wrong is refused by name."""

import builtins
import json

import mne
import numpy as np
import pandas as pd
import pytest
import scipy.io
import xarray as xr

from cortexsim.analysis import evaluate, square
from cortexsim.errors import AnalysisError
from cortexsim.neural.own.rdms import from_brainio, from_mne, from_rdms, from_responses
from cortexsim.neural.spikes.spikes import average, reliability, response_rdms

IDS = ["cat", "dog", "car", "cup", "oak"]
VECTOR = np.arange(1.0, 11)
SUBJECTS, TIMES = ["anna", "ben", "cleo"], [-10.0, 0.0, 10.0, 20.0]
MANY = np.random.default_rng(0).random((3, 4, 10)) + 0.1


def checked(data):
    """The conventions that hold for every data set, and a round trip through netCDF."""
    assert data.stimulus_id.dims == data.label.dims == ("stimulus",)
    assert all(isinstance(s, str) for s in [*data.stimulus_id.values, *data.label.values])
    for key in ("name", "title", "citation", "licence", "source", "provenance"):
        assert data.attrs[key]
    assert "packages" in json.loads(data.attrs["provenance"])
    if "pair" in data.dims:
        np.testing.assert_array_equal(
            [data.first, data.second], np.triu_indices(data.sizes["stimulus"], 1)
        )
        assert (data.first.dtype, data.rdm.dtype, data.rdm.dims[-1]) == (
            np.int32,
            np.float64,
            "pair",
        )
    if "time_ms" in data.coords:
        assert data.time_ms.dtype == np.float64
        assert data.time_ms.attrs["units"] == "ms after stimulus onset"
    return data


def same(a, b):
    """Equal but for where they came from."""
    xr.testing.assert_equal(a, b)
    assert {k: v.attrs for k, v in a.items()} == {k: v.attrs for k, v in b.items()}


@pytest.fixture
def whole():
    return checked(
        from_rdms(
            MANY, stimulus_id=IDS, subject=SUBJECTS, time_ms=TIMES, area="IT", measure="1 - Pearson"
        )
    )


# --- RDMs: ways in ----------------------------------------------------------------------------------------------------


def test_an_array_becomes_rdms_with_named_axes(whole):
    assert whole.rdm.dims == ("subject", "time_ms", "pair")
    assert whole.subject.values.tolist() == SUBJECTS
    assert whole.rdm.attrs == {
        "kind": "rdm",
        "area": "IT",
        "species": "unknown",
        "measure": "1 - Pearson",
        "units": "dissimilarity",
    }
    np.testing.assert_array_equal(whole.rdm, MANY)
    same(
        from_rdms(
            square(MANY),
            stimulus_id=IDS,
            subject=SUBJECTS,
            time_ms=TIMES,
            area="IT",
            measure="1 - Pearson",
        ),
        whole,
    )


@pytest.mark.parametrize("form", [np.asarray, square])
def test_leading_axes_are_subjects_or_times(form):
    x = MANY[:, 0]
    assert checked(from_rdms(form(VECTOR), stimulus_id=IDS)).rdm.dims == ("pair",)
    of_subjects = checked(from_rdms(form(x), stimulus_id=IDS))
    assert of_subjects.rdm.dims == ("subject", "pair")
    assert of_subjects.subject.values.tolist() == ["subject 1", "subject 2", "subject 3"]
    over_time = checked(from_rdms(form(x), stimulus_id=IDS, time_ms=[0, 20, 40], bin_ms=20))
    assert over_time.rdm.dims == ("time_ms", "pair")
    assert over_time.time_ms.attrs["bin_ms"] == 20
    one = checked(from_rdms(form(x), stimulus_id=IDS, time_ms=[0, 20, 40], subject="anna"))
    assert one.rdm.dims == ("subject", "time_ms", "pair")
    assert from_rdms(form(x), stimulus_id=IDS, subject=SUBJECTS).subject.values.tolist() == SUBJECTS


def test_vectors_and_squares_are_told_apart_by_the_number_of_ids():
    # 10 subjects x 10 pairs of 5 stimuli is as square as one RDM of 10 stimuli.
    x = np.random.default_rng(0).random((10, 10))
    assert from_rdms(x, stimulus_id=IDS).rdm.dims == ("subject", "pair")
    with pytest.raises(AnalysisError, match="not symmetric"):
        from_rdms(x, stimulus_id=range(10))


def test_a_dataarray_keeps_its_names_in_any_order(whole):
    again = from_rdms(
        whole.rdm.transpose("pair", "time_ms", "subject"),
        stimulus_id=IDS,
        area="IT",
        measure="1 - Pearson",
    )
    same(again, whole)
    sessions = xr.DataArray(
        square(MANY[:, :2]),
        {"stimulus_id": ("a", IDS), "session": ["one", "two"]},
        ("subject", "session", "a", "b"),
    )
    data = checked(from_rdms(sessions))
    assert data.rdm.dims == ("subject", "session", "pair")
    assert data.session.values.tolist() == ["one", "two"]
    named = xr.DataArray(square(VECTOR), {"stimulus": IDS}, ("stimulus", "other"))
    assert from_rdms(named).stimulus_id.values.tolist() == IDS


@pytest.mark.parametrize("form", [np.asarray, square])
def test_npz_and_mat_files_name_their_own_axes(whole, form, tmp_path):
    content = {
        "rdm": form(MANY),
        "stimulus_id": np.array(IDS),
        "subject": np.array(SUBJECTS),
        "time_ms": np.array(TIMES),
    }
    np.savez(tmp_path / "mine.npz", **content, other=np.arange(7))
    scipy.io.savemat(
        tmp_path / "mine.mat",
        {**content, "stimulus_id": np.array(IDS, dtype=object), "note": "hello"},
    )
    for path in (tmp_path / "mine.npz", str(tmp_path / "mine.mat")):
        data = checked(from_rdms(path, area="IT", measure="1 - Pearson"))
        same(data, whole)
        assert data.attrs["source"] in ("mine.npz", "mine.mat")


def test_structs_of_matlab_are_found_by_their_fields(tmp_path):
    path = tmp_path / "structs.mat"
    scipy.io.savemat(
        path,
        {"RDMs": [{"RDM": square(VECTOR), "name": "a"}, {"RDM": square(VECTOR + 1), "name": "b"}]},
    )
    with pytest.raises(
        AnalysisError,
        match=r"2 arrays that could be RDMs: RDMs\[0\].RDM \(5, 5\), RDMs\[1\].RDM \(5, 5\)",
    ):
        from_rdms(path, stimulus_id=IDS)
    np.testing.assert_array_equal(
        from_rdms(path, stimulus_id=IDS, variable="RDMs[1].RDM").rdm, VECTOR + 1
    )


@pytest.fixture
def hdf_mat(tmp_path):
    """A MATLAB file of version 7.3 as MATLAB writes it: HDF5, columns first, text as numbers, cells as references."""
    import h5py

    path = tmp_path / "large.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["rdm"] = square(MANY).T
        file["rdm"].attrs["MATLAB_class"] = np.bytes_("double")
        file["time_ms"] = np.array([TIMES]).T
        cell = file.create_dataset("stimulus_id", (1, 5), dtype=h5py.ref_dtype)
        for k, s in enumerate(IDS):
            text = file.create_dataset(
                f"#refs#/{k}", data=np.array([list(map(ord, s))], dtype=np.uint16).T
            )
            text.attrs["MATLAB_class"] = np.bytes_("char")
            cell[0, k] = text.ref
        cell.attrs["MATLAB_class"] = np.bytes_("cell")
        names = file.create_dataset(
            "subject",
            data=np.array([list(map(ord, s.ljust(4))) for s in SUBJECTS], dtype=np.uint16).T,
        )
        names.attrs["MATLAB_class"] = np.bytes_("char")
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Jan  1 00:00:00 2024 HDF5 schema 1.00 .".ljust(
        124
    )
    with open(path, "r+b") as raw:
        raw.write(header + b"\x00\x02IM")
    return path


def test_matlab_files_of_version_7_3_are_read_too(hdf_mat, whole):
    same(checked(from_rdms(hdf_mat, area="IT", measure="1 - Pearson")), whole)


def test_without_h5py_a_file_of_version_7_3_says_what_to_do(hdf_mat, monkeypatch):
    hide(monkeypatch, "h5py")
    with pytest.raises(
        AnalysisError, match="needs h5py: pip install h5py; or save it in MATLAB with '-v7'"
    ):
        from_rdms(hdf_mat)


def hide(monkeypatch, package):
    real = builtins.__import__

    def absent(name, *arguments, **keywords):
        if name.split(".")[0] == package:
            raise ImportError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", absent)


def long_rows(seed=None):
    i, j = np.triu_indices(5, 1)
    rows = [
        [IDS[i[p]], IDS[j[p]], repr(float(MANY[s, t, p])), SUBJECTS[s], f"{TIMES[t]:g}"]
        for s in range(3) for t in range(4) for p in range(10)
    ]  # fmt: skip
    return rows if seed is None else list(np.random.default_rng(seed).permutation(rows))


def table(path, rows, header="first,second,dissimilarity,subject,time_ms"):
    path.write_text(
        "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8"
    )
    return path


def test_long_tables_are_read_in_the_order_of_the_file_or_of_the_ids(whole, tmp_path):
    same(
        checked(
            from_rdms(table(tmp_path / "a.csv", long_rows()), area="IT", measure="1 - Pearson")
        ),
        whole,
    )
    shuffled = table(tmp_path / "b.csv", long_rows(seed=1))
    data = from_rdms(shuffled, stimulus_id=IDS, area="IT", measure="1 - Pearson")
    xr.testing.assert_equal(data.sel(subject=SUBJECTS), whole)
    fewer = from_rdms(shuffled, stimulus_id=["oak", "car", "cat", "dog"])
    index = [IDS.index(s) for s in ("oak", "car", "cat", "dog")]
    np.testing.assert_array_equal(
        square(fewer.sel(subject="ben").rdm.values), square(MANY[1])[:, index][:, :, index]
    )


def test_wide_tables_are_squares_whose_rows_are_found_by_their_ids(tmp_path):
    m = square(VECTOR)
    order = [3, 0, 4, 1, 2]
    path = table(
        tmp_path / "wide.csv", [[IDS[k], *m[k]] for k in order], header="," + ",".join(IDS)
    )
    np.testing.assert_array_equal(checked(from_rdms(path)).rdm, VECTOR)
    assert from_rdms(path).stimulus_id.values.tolist() == IDS


def test_ids_that_look_like_numbers_stay_text(tmp_path):
    i, j = np.triu_indices(4, 1)
    path = table(
        tmp_path / "n.csv",
        [[f"00{a}", f"00{b}", 1.5] for a, b in zip(i, j)],
        header="first,second,dissimilarity",
    )
    assert from_rdms(path).stimulus_id.values.tolist() == ["000", "001", "002", "003"]


def test_missing_pairs_are_kept_only_if_asked_for(tmp_path):
    x = VECTOR.copy()
    x[3] = np.nan
    with pytest.raises(AnalysisError, match=r"1 of 10 entries of the RDMs are NaN.*nan='keep'"):
        from_rdms(x, stimulus_id=IDS)
    np.testing.assert_array_equal(from_rdms(square(x), stimulus_id=IDS, nan="keep").rdm, x)
    with pytest.raises(AnalysisError, match="1 of 2 RDMs are NaN throughout"):
        from_rdms([x, x * np.nan], stimulus_id=IDS, nan="keep")
    rows = [
        [IDS[a], IDS[b], "" if np.isnan(v) else v] for a, b, v in zip(*np.triu_indices(5, 1), x)
    ]
    path = table(tmp_path / "gap.csv", rows, header="first,second,dissimilarity")
    np.testing.assert_array_equal(from_rdms(path, nan="keep").rdm, x)


def test_what_came_in_goes_into_the_analysis_and_through_netcdf(whole, tmp_path):
    whole.to_netcdf(tmp_path / "mine.nc")
    with xr.open_dataset(tmp_path / "mine.nc") as again:
        xr.testing.assert_identical(again.load(), whole)
    data = from_rdms(np.random.default_rng(1).random((6, 45)), stimulus_id=range(10))
    result = evaluate(
        data.rdm.mean("subject").expand_dims(model=["mean"]), data.rdm, n=20, permutations=20
    )
    assert result.sizes["subject"] == 6


# --- RDMs: refusals ---------------------------------------------------------------------------------------------------

ASYMMETRIC = square(VECTOR) + np.triu(np.full((5, 5), 0.25), 1)


@pytest.mark.parametrize(
    ("source", "call", "match"),
    [
        (VECTOR, {}, "compared by the ids of their stimuli, and the array has none: give stimulus_id="),
        (ASYMMETRIC, {"stimulus_id": IDS}, r"not symmetric: its triangles differ by up to 0.25 \(largest entry 10"),
        (1 - square(VECTOR) / 20, {"stimulus_id": IDS}, "diagonal of the RDM is not zero .* is this a similarity"),
        (square(VECTOR), {"stimulus_id": IDS[:4]}, r"4 stimuli .* shape \(..., 6\) or \(..., 4, 4\); found \(5, 5\)"),
        (VECTOR[:9], {"stimulus_id": IDS}, r"5 stimuli .* found \(9,\)"),
        (MANY.T, {"stimulus_id": IDS}, "The pairs are its first axis"),
        (np.moveaxis(square(MANY[:, 0]), 0, -1), {"stimulus_id": IDS}, r"MATLAB's order\): give rdms.T, of shape \(3, 5, 5\)"),
        (VECTOR, {"stimulus_id": ["cat", "dog", "cat", "cup", "oak"]}, "1 occur more than once: 'cat'"),
        (VECTOR[:3], {"stimulus_id": IDS[:3]}, "3 stimuli are named by stimulus_id; at least 4"),
        (VECTOR * np.inf, {"stimulus_id": IDS}, "10 of 10 entries of the RDMs are infinite"),
        (["a"] * 10, {"stimulus_id": IDS}, "real numbers are needed"),
        (MANY, {"stimulus_id": IDS}, "has 4 times and no time_ms"),
        (MANY, {"stimulus_id": IDS, "time_ms": [0, 0.1, 0.2, 0.3]}, "look like seconds.*1000"),
        (MANY, {"stimulus_id": IDS, "time_ms": [0, 10, 20]}, "time_ms has 3 entries, the data have 4"),
        (MANY, {"stimulus_id": IDS, "time_ms": [0, 10, 10, 20]}, "must ascend; entry 1 is 10"),
        (MANY, {"stimulus_id": IDS, "time_ms": [0, 10, np.nan, 20]}, "1 of 4 entries of time_ms are NaN"),
        (MANY, {"stimulus_id": IDS, "time_ms": TIMES, "subject": ["a", "b"]}, "subject: 2 are given for 3"),
        (MANY, {"stimulus_id": IDS, "time_ms": TIMES, "bin_ms": 0}, "bin_ms=0: the width of a bin is a positive"),
        (MANY[None], {"stimulus_id": IDS, "time_ms": TIMES}, "3 axes before the pairs"),
        (MANY[:, :3], {"stimulus_id": IDS, "time_ms": TIMES[:3], "subject": SUBJECTS[:2]}, "subject: 2 are given for 3"),
        (MANY[:, 0], {"stimulus_id": IDS, "time_ms": TIMES[:3], "subject": SUBJECTS}, "subjects or times, both are 3"),
        (VECTOR, {"stimulus_id": IDS, "time_ms": [0, 10]}, "no axis of times"),
        (VECTOR, {"stimulus_id": IDS, "bin_ms": 10}, "these data have no times"),
        (VECTOR, {"stimulus_id": IDS, "subject": SUBJECTS}, "subject has 3 entries, .* no axis of subjects"),
        (VECTOR, {"stimulus_id": IDS, "label": ["a"]}, "label: 1 are given for 5 stimuli"),
        (VECTOR, {"stimulus_id": IDS, "variable": "rdm"}, "names an array of a file; the source is a ndarray"),
        (VECTOR, {"stimulus_id": IDS, "nan": "drop"}, "nan='drop' is not known; choose from refuse, keep"),
        (MANY[:0], {"stimulus_id": IDS, "time_ms": TIMES}, "subject: there are none"),
        (xr.Dataset({"rdm": ("pair", VECTOR)}), {"stimulus_id": IDS}, "is a Dataset; give one of its variables: rdm"),
        (xr.DataArray(MANY, dims=("state", "step", "pair")), {"stimulus_id": IDS}, "'state' is not: rename or select it"),
        (xr.DataArray(MANY[0], dims=("time_ms", "pair")), {"stimulus_id": IDS}, "time_ms without coordinate"),
        (xr.DataArray(VECTOR, {"first": ("pair", np.zeros(10))}, ("pair",)), {"stimulus_id": IDS}, "'first' .* squareform"),
        (xr.DataArray(square(VECTOR), {"a": IDS}, ("a", "b")), {"stimulus_id": IDS[::-1]}, "stimulus_id of the two must agree"),
    ],
)  # fmt: skip
def test_rdms_that_are_none_are_refused(source, call, match):
    with pytest.raises(AnalysisError, match=match):
        from_rdms(source, **call)


@pytest.mark.parametrize(
    ("content", "call", "match"),
    [
        (
            {"a": VECTOR, "b": square(VECTOR)},
            {"stimulus_id": IDS},
            r"2 arrays that could be RDMs: a \(10,\), b \(5, 5\).*variable=",
        ),
        (
            {"a": np.arange(7)},
            {"stimulus_id": IDS},
            r"no arrays that could be RDMs: it holds a \(7,\)",
        ),
        ({"a": VECTOR}, {"stimulus_id": IDS, "variable": "b"}, r"no array 'b'; it holds a \(10,\)"),
        ({"a": VECTOR}, {}, "compared by the ids of their stimuli, and bad.npz has none"),
        (
            {"a": VECTOR, "stimulus_id": np.array(IDS)},
            {"stimulus_id": IDS[::-1]},
            "stimulus_id of the two must agree",
        ),
        (
            {"a": VECTOR, "stimulus_id": np.array(IDS, dtype=object)},
            {},
            r"could run code when read; save text as stimulus_id.astype\(str\)",
        ),
    ],
)
def test_files_without_the_one_array_are_refused(content, call, match, tmp_path):
    np.savez(tmp_path / "bad.npz", **content)
    with pytest.raises(AnalysisError, match=match):
        from_rdms(tmp_path / "bad.npz", **call)


@pytest.mark.parametrize("suffix", [".npz", ".mat", ".csv"])
@pytest.mark.parametrize("content", [b"", b"not a file of this kind \xff\x00" * 20, None])
def test_files_that_are_cut_off_or_something_else_are_refused_in_one_line(
    suffix, content, tmp_path
):
    path = tmp_path / f"broken{suffix}"
    if content is None:
        whole = tmp_path / f"whole{suffix}"
        {".npz": lambda: np.savez_compressed(whole, rdm=MANY), ".mat": lambda: scipy.io.savemat(whole, {"rdm": MANY}, do_compression=True),
         ".csv": lambda: table(whole, long_rows())}[suffix]()  # fmt: skip
        path.write_bytes(whole.read_bytes()[:-40])
    else:
        path.write_bytes(content)
    with pytest.raises(AnalysisError, match="broken"):
        from_rdms(path, stimulus_id=IDS)


def test_files_that_are_not_there_or_of_another_kind_are_refused(tmp_path):
    for name in ("a.npz", "a.mat", "a.csv"):
        with pytest.raises(AnalysisError, match="there is no file"):
            from_rdms(tmp_path / name, stimulus_id=IDS)
    np.save(tmp_path / "a.npy", VECTOR)
    with pytest.raises(AnalysisError, match=r"files are read from \.npz, \.mat"):
        from_rdms(tmp_path / "a.npy", stimulus_id=IDS)
    (tmp_path / "b.npz").write_bytes((tmp_path / "a.npy").read_bytes())
    with pytest.raises(AnalysisError, match="one array without a name"):
        from_rdms(tmp_path / "b.npz", stimulus_id=IDS)


LONG = "first,second,dissimilarity"
PAIRS = [[IDS[i], IDS[j], 1.0] for i, j in zip(*np.triu_indices(5, 1))]


@pytest.mark.parametrize(
    ("header", "rows", "call", "match"),
    [
        (LONG, PAIRS[:-1], {}, "1 of 10 pairs are absent, the first is 'cup', 'oak'"),
        (
            LONG,
            [*PAIRS, PAIRS[2]],
            {},
            "1 pairs stand more than once, the first is 'cat', 'cup'; are a subject or a time missing",
        ),
        (LONG, [*PAIRS, ["dog", "cat", 2.0]], {}, "not symmetric: its triangles differ by up to 1"),
        (LONG, [*PAIRS, ["dog", "dog", 1.0]], {}, "diagonal of the RDM is not zero"),
        (
            LONG,
            [*PAIRS[:-1], ["cup", "oak", "high"]],
            {},
            "could not convert string to float: .*'high'",
        ),
        (LONG, [*PAIRS, ["cup", "oak"]], {}, "row 12 has 2 cells, the header 3"),
        (LONG + ",age", [[*row, 7] for row in PAIRS], {}, "columns 'age' are not understood"),
        (LONG + ",first", [[*row, 7] for row in PAIRS], {}, "are not understood"),
        (
            LONG + ",time_ms",
            [[*row, t] for row in PAIRS for t in (0, 0.1)],
            {},
            "look like seconds",
        ),
        (
            "first,second,distance",
            PAIRS,
            {},
            "the columns first, second, dissimilarity are needed; found first, second, distance",
        ),
        (
            "first;second;dissimilarity",
            [],
            {},
            "no table with commas: its first line is 'first;second;dissimilarity'",
        ),
        (
            LONG,
            PAIRS,
            {"stimulus_id": [*IDS[:4], "elm"]},
            "not among the 5 of bad.csv: 'elm'. Only in bad.csv: 'oak'",
        ),
        (LONG, PAIRS, {"variable": "rdm"}, "is one table"),
        ("," + ",".join(IDS), [[s, *row] for s, row in zip(IDS, ASYMMETRIC)], {}, "not symmetric"),
        ("," + ",".join(IDS), [[s, *row] for s, row in zip(IDS, square(VECTOR))][:4], {}, "'oak'"),
        (
            "," + ",".join(IDS),
            [[s.upper(), *row] for s, row in zip(IDS, square(VECTOR))],
            {},
            "differ only in upper and lower case",
        ),
        (
            "," + ",".join(["cat", *IDS[:4]]),
            [[s, *row] for s, row in zip(IDS, square(VECTOR))],
            {},
            "1 occur more than once: 'cat'",
        ),
    ],
)
def test_tables_that_are_not_rdms_are_refused(header, rows, call, match, tmp_path):
    with pytest.raises(AnalysisError, match=match):
        from_rdms(table(tmp_path / "bad.csv", rows, header), **call)


# --- responses --------------------------------------------------------------------------------------------------------

X = np.random.default_rng(2).normal(size=(7, 3, 4)).astype(np.float32)  # trial, unit, time
OF_TRIAL = ["dog", "cat", "dog", "cup", "cat", "dog", "car"]
DIMS = ("trial", "unit", "time_ms")
TRIALS = {"dims": DIMS, "stimulus_id": OF_TRIAL, "time_ms": TIMES}


def test_trials_become_repeats_of_their_stimuli():
    data = checked(
        from_responses(
            X,
            **TRIALS,
            unit=["a", "b", "c"],
            area="V4",
            units="spikes/s",
            label=[s[0] for s in OF_TRIAL],
        )
    )
    assert data.responses.dims == ("repeat", "time_ms", "stimulus", "unit")
    assert data.responses.dtype == np.float32
    assert data.stimulus_id.values.tolist() == ["dog", "cat", "cup", "car"]
    assert data.label.values.tolist() == ["d", "c", "c", "c"]
    assert data.trials.values.tolist() == [3, 2, 1, 1]
    for s, stimulus in enumerate(data.stimulus_id.values):
        rows = [k for k in range(7) if OF_TRIAL[k] == stimulus]
        np.testing.assert_array_equal(data.responses[: len(rows), :, s], X[rows].transpose(0, 2, 1))
        assert np.isnan(data.responses[len(rows) :, :, s]).all()
    np.testing.assert_allclose(average(data).responses[:, 0], X[[0, 2, 5]].mean(0).T, rtol=1e-6)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_axes_may_come_in_any_order_if_they_are_named(order):
    expected = from_responses(X, **TRIALS)
    turned = from_responses(X.transpose(order), **{**TRIALS, "dims": tuple(DIMS[k] for k in order)})
    same(turned, expected)


def test_averages_and_data_without_time_are_welcome(tmp_path):
    flat = checked(from_responses(X[:5, :, 0], dims=("stimulus", "unit"), stimulus_id=IDS))
    assert flat.responses.dims == ("stimulus", "unit")
    assert flat.unit.values.tolist() == ["unit 1", "unit 2", "unit 3"]
    once = from_responses(X[:5], dims=DIMS, stimulus_id=IDS, time_ms=TIMES)
    assert once.responses.dims == ("time_ms", "stimulus", "unit")
    assert response_rdms(once).rdm.shape == (4, 10)
    repeated = from_responses(
        X[:, :, None],
        dims=("repeat", "unit", "stimulus", "time_ms"),
        stimulus_id=["cat"],
        time_ms=TIMES,
    )
    assert repeated.responses.shape == (7, 4, 1, 3)
    assert repeated.trials.values.tolist() == [7]
    repeated.to_netcdf(tmp_path / "mine.nc")
    with xr.open_dataset(tmp_path / "mine.nc") as again:
        xr.testing.assert_identical(again.load(), repeated)


def test_responses_of_files_find_their_axes_there(tmp_path):
    content = {
        "rates": X,
        "stimulus_id": np.array(OF_TRIAL),
        "time_ms": np.array(TIMES),
        "unit": np.array(["a", "b", "c"]),
    }
    np.savez(tmp_path / "mine.npz", **content, flat=X[:, 0, 0])
    scipy.io.savemat(
        tmp_path / "mine.mat", {**content, "stimulus_id": np.array(OF_TRIAL, dtype=object)}
    )
    for name in ("mine.npz", "mine.mat"):
        same(
            from_responses(tmp_path / name, dims=DIMS),
            from_responses(X, **TRIALS, unit=["a", "b", "c"]),
        )
    np.savez(tmp_path / "two.npz", a=X, b=X)
    with pytest.raises(AnalysisError, match=r"2 arrays that could be responses .*a \(7, 3, 4\), b"):
        from_responses(tmp_path / "two.npz", **TRIALS)
    same(from_responses(tmp_path / "two.npz", **TRIALS, variable="b"), from_responses(X, **TRIALS))


def test_missing_trials_stay_missing():
    x = X.copy()
    x[2, 1] = np.nan
    data = from_responses(x, **TRIALS)
    assert average(data).trials.sel(unit="unit 2").values.tolist() == [2, 2, 1, 1]
    x[3, 0, 2] = np.nan
    with pytest.raises(
        AnalysisError, match="1 of 21 time courses are NaN at some times and not at others"
    ):
        from_responses(x, **TRIALS)
    with pytest.raises(AnalysisError, match="all responses are NaN"):
        from_responses(X * np.nan, **TRIALS)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        ({"stimulus_id": None}, r"no ids: give stimulus_id=\[...\], one for each trial \(7\)"),
        ({"stimulus_id": OF_TRIAL[:4]}, r"4 entries, the axis 'trial' of the array has 7 .*axis you call 'time_ms' has as many"),
        ({"dims": ("unit", "trial", "time_ms")}, "stimulus_id has 7 entries, the axis 'trial' .* has 3 .*you call 'unit' has as many"),
        ({"dims": ("trial", "unit")}, r"shape \(7, 3, 4\); dims=\('trial', 'unit'\) names 2 axes"),
        ({"dims": ("trial", "unit", "time")}, "'time' is not known; choose from trial, repeat, time_ms, stimulus, unit"),
        ({"dims": ("trial", "unit", "unit")}, "stands twice"),
        ({"dims": ("trial", "stimulus", "unit")}, "either 'trial'"),
        ({"dims": ("repeat", "unit", "time_ms")}, "either 'trial'"),
        ({"dims": ("trial", "repeat", "unit")}, "either 'trial'"),
        ({"dims": ("stimulus", "unit", "time_ms")}, r"for single trials say dims=\('trial', ...\)\): 2 occur more than once"),
        ({"time_ms": None}, "has 4 times; give time_ms"),
        ({"time_ms": [0, 0.01, 0.02, 0.03]}, "look like seconds"),
        ({"time_ms": [0, 10]}, "time_ms has 2 entries, the axis 'time_ms' of the array has 4"),
        ({"unit": ["a", "b"]}, "unit has 2 entries, the axis 'unit' of the array has 3"),
        ({"unit": ["a", "b", "a"]}, "unit: 1 occur more than once: 'a'"),
        ({"label": list("abcdefg")}, "stimulus 'dog' has several labels"),
        ({"bin_ms": -1}, "bin_ms=-1"),
        ({"variable": "x"}, "names an array of a file"),
        ({"responses": X[:0], "stimulus_id": []}, "is empty"),
        ({"responses": np.where(X > 1, np.inf, X)}, "responses are infinite"),
        ({"responses": X.astype(complex)}, "real numbers"),
        ({"responses": xr.DataArray(X, dims=("a", "b", "c"))}, r"dims says .*the DataArray has \('a', 'b', 'c'\)"),
        ({"responses": "nothing.npz"}, "there is no file"),
    ],
)  # fmt: skip
def test_responses_that_do_not_fit_are_refused(call, match):
    with pytest.raises(AnalysisError, match=match):
        from_responses(**{"responses": X, **TRIALS, **call})
    flat = {"dims": ("stimulus", "unit"), "stimulus_id": IDS}
    with pytest.raises(AnalysisError, match="names no axis of times"):
        from_responses(X[:5, :, 0], **flat, time_ms=TIMES)
    with pytest.raises(AnalysisError, match="these data have no times"):
        from_responses(X[:5, :, 0], **flat, bin_ms=10)


# --- BrainIO ----------------------------------------------------------------------------------------------------------


def assembly(*, ids="stimulus_id", times=True, seed=0):
    """2 presentations of each of 4 stimuli in random order, 3 neuroids, 2 overlapping time bins, as Brain-Score has them."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(8)
    coords = {
        ids: ("presentation", np.array(list("abcd") * 2)[order]),
        "repetition": ("presentation", np.repeat([0, 1], 4)[order]),
        "object_name": ("presentation", np.array(["face", "face", "car", "car"] * 2)[order]),
        "neuroid_id": ("neuroid", ["n1", "n2", "n3"]),
        "region": ("neuroid", ["V4", "IT", "IT"]),
        "animal": ("neuroid", ["Chabo", "Tito", "Tito"]),
        "x_mm": ("neuroid", [0.5, 1.0, 1.5]),
    }
    if times:
        coords |= {
            "time_bin_start": ("time_bin", [70, 90]),
            "time_bin_end": ("time_bin", [110, 130]),
        }
    values = rng.normal(size=(8, 3, 2))
    dims = ("presentation", "neuroid", "time_bin")
    return xr.DataArray(values if times else values[..., 0], coords, dims if times else dims[:2])


def indexed(array):
    """With a multi-index on each dimension, as BrainIO has them in memory."""
    levels = {d: [k for k, c in array.coords.items() if c.dims == (d,)] for d in array.dims}
    return array.set_index(levels)


@pytest.fixture(params=["file", "file without compression", "levels", "multi-index", "transposed"])
def brainio(request, tmp_path):
    """(what to load, the assembly it is)."""
    array = assembly()
    path = tmp_path / "assy_lab_Me2024.nc"
    if request.param == "file":
        data = indexed(array).reset_index(array.dims).to_dataset(name="data")
        data.to_netcdf(path, encoding={"data": {"zlib": True}})
        return path, array
    if request.param == "file without compression":
        array.to_netcdf(path)
        return path, array
    return {
        "levels": array,
        "multi-index": indexed(array),
        "transposed": array.transpose("neuroid", "time_bin", "presentation"),
    }[request.param], array


def test_assemblies_from_files_and_memory_are_the_same_data(brainio):
    source, array = brainio
    data = checked(from_brainio(source, units="spikes/s"))
    assert data.responses.dims == ("repeat", "time_ms", "stimulus", "unit")
    assert data.responses.attrs == {
        "kind": "responses",
        "area": "IT, V4",
        "species": "unknown",
        "units": "spikes/s",
    }
    assert data.time_ms.values.tolist() == [90, 110]
    assert data.time_ms.attrs["bin_ms"] == 40
    for s, name in enumerate(data.stimulus_id.values):
        for repetition in (0, 1):
            row = (array.stimulus_id == name) & (array.repetition == repetition)
            np.testing.assert_array_equal(
                data.responses[repetition, :, s], array.values[row.values][0].T
            )
        assert data.label.values[s] == ("face" if name in "ab" else "car")
    assert data.area.values.tolist() == ["V4", "IT", "IT"]
    assert data.animal.values.tolist() == ["Chabo", "Tito", "Tito"]
    assert data.x_mm.values.tolist() == [0.5, 1.0, 1.5]
    assert data.unit.values.tolist() == ["n1", "n2", "n3"]


def test_assemblies_go_on_through_netcdf_and_into_the_analysis(tmp_path):
    data = from_brainio(assembly())
    data.to_netcdf(tmp_path / "mine.nc")
    with xr.open_dataset(tmp_path / "mine.nc") as again:
        xr.testing.assert_identical(again.load(), data)
    assert reliability(data, n=5).r.dims == ("time_ms", "unit")


def test_older_ids_averages_and_assemblies_without_time_are_read():
    old = from_brainio(assembly(ids="image_id", times=False))
    assert old.responses.dims == ("repeat", "stimulus", "unit")
    mean = assembly().groupby("stimulus_id").mean().rename(stimulus_id="presentation")
    mean = mean.assign_coords(stimulus_id=("presentation", mean.presentation.values)).drop_vars(
        "presentation"
    )
    assert checked(from_brainio(mean, area="IT")).responses.dims == ("time_ms", "stimulus", "unit")
    assert from_brainio(mean, area="IT").responses.attrs["area"] == "IT"
    unequal = assembly().assign_coords(time_bin_end=("time_bin", [110, 150]))
    assert "bin_ms" not in from_brainio(unequal).time_ms.attrs


def test_missing_presentations_of_a_neuroid_stay_missing():
    array = assembly()
    array[3, 1] = np.nan
    assert int(average(from_brainio(array)).trials.sum()) == 23


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            lambda a: a.drop_vars("stimulus_id"),
            "no stimulus_id or image_id along presentation; there are repetition, object_name",
        ),
        (lambda a: a.drop_vars("neuroid_id"), "no neuroid_id along neuroid; there are region"),
        (
            lambda a: a.drop_vars("time_bin_end"),
            "no time_bin_end along time_bin; there are time_bin_start",
        ),
        (
            lambda a: a.assign_coords(neuroid_id=("neuroid", ["a", "a", "b"])),
            "unit: 1 occur more than once",
        ),
        (
            lambda a: a.assign_coords(time_bin_end=("time_bin", [60, 130])),
            "time bin 0 ends at 60 ms, before or when it starts .70",
        ),
        (lambda a: a.isel(presentation=0), "'presentation' is not understood or missing"),
        (lambda a: a.rename(neuroid="voxel"), "'voxel' is not understood"),
        (
            lambda a: a.isel(neuroid=0, time_bin=0).rename(presentation="event"),
            "spike times must be counted in bins first",
        ),
        (lambda a: a.to_dataset(name="x").assign(y=1), "holds 2 variables"),
        (lambda a: a.values, "the assembly is a ndarray"),
        (lambda a: a.where(a < 10, np.inf) * np.inf, "infinite|NaN"),
        (lambda a: a.astype(str), "real numbers"),
        (lambda a: "nothing.nc", "there is no file nothing.nc"),
    ],
)
def test_what_is_no_assembly_of_responses_is_refused(change, match):
    with pytest.raises(AnalysisError, match=match):
        from_brainio(change(assembly()))


def test_a_file_that_is_no_netcdf_is_refused(tmp_path):
    for content in (b"", b"nothing" * 100):
        (tmp_path / "bad.nc").write_bytes(content)
        with pytest.raises(AnalysisError, match="cannot be read as netCDF"):
            from_brainio(tmp_path / "bad.nc")


# --- MNE --------------------------------------------------------------------------------------------------------------


def recorded(bads=()):
    """8 epochs of 2 EEG, 1 magnetometer and 1 stimulus channel at 250 Hz from -20 ms, 4 stimuli."""
    info = mne.create_info(["Oz", "Pz", "MEG1", "STI"], 250.0, ["eeg", "eeg", "mag", "stim"])
    info["bads"] = list(bads)
    events = np.column_stack([np.arange(8) * 100, np.zeros(8, int), [1, 2, 3, 4, 4, 3, 2, 1]])
    metadata = pd.DataFrame({"image": list("abcdefab"), "trial": range(8)})
    values = np.random.default_rng(0).normal(size=(8, 4, 11))
    ids = {"cat": 1, "dog": 2, "car": 3, "cup": 4}
    return mne.EpochsArray(
        values, info, events, tmin=-0.02, event_id=ids, metadata=metadata, verbose="error"
    ), values


def test_epochs_become_repeats_with_sensors_as_units():
    epochs, values = recorded()
    data = checked(from_mne(epochs))
    assert data.responses.dims == ("repeat", "time_ms", "stimulus", "unit")
    assert data.stimulus_id.values.tolist() == ["cat", "dog", "car", "cup"]
    assert data.unit.values.tolist() == ["Oz", "Pz", "MEG1"]  # data channels only
    assert data.channel_type.values.tolist() == ["eeg", "eeg", "mag"]
    assert data.responses.attrs["units"] == "eeg: V, mag: T"
    np.testing.assert_array_equal(data.time_ms, np.arange(-20.0, 24, 4))
    assert data.time_ms.attrs["bin_ms"] == 4
    np.testing.assert_array_equal(data.responses[:, :, 1], values[[1, 6], :3].transpose(0, 2, 1))
    for name in ("cat", "dog", "car", "cup"):
        theirs = epochs[name].average(picks=["Oz", "Pz", "MEG1"]).get_data()
        ours = average(data).responses[:, data.stimulus_id.values.tolist().index(name)]
        np.testing.assert_allclose(ours, theirs.T, rtol=1e-12)


def test_evokeds_are_averages_that_know_their_trials(tmp_path):
    epochs, _ = recorded()
    evokeds = [epochs[name].average(picks="data") for name in ("cat", "dog", "car", "cup")]
    data = checked(from_mne(evokeds))
    assert data.responses.dims == ("time_ms", "stimulus", "unit")
    assert data.trials.values.tolist() == [2, 2, 2, 2]
    np.testing.assert_allclose(data.responses, average(from_mne(epochs)).responses, rtol=1e-12)
    assert data.stimulus_id.values.tolist() == ["cat", "dog", "car", "cup"]
    assert from_mne(evokeds, stimulus_id=IDS[:4]).stimulus_id.values.tolist() == IDS[:4]
    assert from_mne(evokeds[0]).sizes["stimulus"] == 1
    data.to_netcdf(tmp_path / "mine.nc")
    with xr.open_dataset(tmp_path / "mine.nc") as again:
        xr.testing.assert_identical(again.load(), data)


def test_epochs_saved_by_mne_come_back_the_same(tmp_path):
    epochs, _ = recorded()
    epochs.metadata = None  # which MNE reads with a call that pandas 3 warns about
    epochs.save(tmp_path / "mine-epo.fif", fmt="double", verbose="error")
    for preload in (True, False):
        same(
            from_mne(mne.read_epochs(tmp_path / "mine-epo.fif", preload=preload, verbose="error")),
            from_mne(epochs),
        )


def test_ids_of_epochs_may_come_from_metadata_or_a_list_and_bad_channels_stay_out():
    epochs, values = recorded(bads=["Pz"])
    data = from_mne(epochs, stimulus_id="image")
    assert data.stimulus_id.values.tolist() == list("abcdef")
    assert data.trials.values.tolist() == [2, 2, 1, 1, 1, 1]
    assert data.unit.values.tolist() == ["Oz", "MEG1"]
    assert from_mne(epochs, stimulus_id=list("xxxxyyyy")).sizes["repeat"] == 4
    fewer = epochs.copy().drop([0, 3], verbose="error")
    kept = from_mne(fewer, stimulus_id="trial")
    assert kept.stimulus_id.values.tolist() == ["1", "2", "4", "5", "6", "7"]
    np.testing.assert_array_equal(kept.responses[:, 2], values[4, [0, 2]].T)


def test_mne_objects_that_do_not_fit_are_refused():
    epochs, _ = recorded()
    evokeds = [epochs[name].average(picks="data") for name in ("cat", "dog")]
    for source, call, match in [
        (epochs.get_data(), {}, "takes mne.Epochs or a list of mne.Evoked; found a ndarray"),
        ([], {}, "a list of nothing"),
        ([epochs], {}, "a list of EpochsArray"),
        (epochs, {"stimulus_id": "picture"}, "metadata: its columns are image, trial"),
        (epochs, {"stimulus_id": list("abc")}, "3 entries for 8 epochs"),
        ([evokeds[0], evokeds[0]], {}, "1 occur more than once: 'cat'"),
        (
            [evokeds[0], evokeds[1].copy().drop_channels("Pz")],
            {},
            r"Evoked 1 \('dog'\) has other channels than the first: 'Pz'",
        ),
        (
            [evokeds[0], evokeds[1].copy().crop(0, None)],
            {},
            r"Evoked 1 \('dog'\) has 6 times from 0 to 0.02 s",
        ),
        (epochs.copy().pick(["STI"]), {}, "no data channels that are not bad among 'STI'"),
        (epochs[:0], {}, "epochs are empty"),
    ]:
        with pytest.raises(AnalysisError, match=match):
            from_mne(source, **call)


def test_without_mne_the_error_says_how_to_get_it(monkeypatch):
    epochs, _ = recorded()
    hide(monkeypatch, "mne")
    with pytest.raises(
        AnalysisError,
        match=r"needs MNE-Python, which is not installed: pip install 'cortexsim\[mne\]'",
    ):
        from_mne(epochs)
