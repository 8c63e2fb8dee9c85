"""Bring your own: every way in gives the same data set, round trips through files keep it, and what
is wrong is refused by name.
"""

import numpy as np
import pytest
import scipy.io
import xarray as xr
from own_data import IDS, SUBJECTS, TIMES, checked, hide, same

from cortexsim.analysis import Inference, evaluate, square
from cortexsim.errors import AnalysisError
from cortexsim.neural.layout import About
from cortexsim.neural.own.rdms import from_rdms

VECTOR = np.arange(1.0, 11)


MANY = np.random.default_rng(0).random((3, 4, 10)) + 0.1


@pytest.fixture
def whole():
    return checked(
        from_rdms(
            MANY,
            stimulus_id=IDS,
            subject=SUBJECTS,
            time_ms=TIMES,
            about=About(area="IT", measure="1 - Pearson"),
        )
    )


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
            about=About(area="IT", measure="1 - Pearson"),
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
    of_anna = checked(from_rdms(form(x), stimulus_id=IDS, time_ms=[0, 20, 40], subject="anna"))
    assert of_anna.rdm.dims == ("subject", "time_ms", "pair")
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
        about=About(area="IT", measure="1 - Pearson"),
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
        data = checked(from_rdms(path, about=About(area="IT", measure="1 - Pearson")))
        same(data, whole)
        assert data.attrs["source"] in ("mine.npz", "mine.mat")


def test_structs_of_matlab_are_found_by_their_fields(tmp_path):
    path = tmp_path / "structs.mat"
    scipy.io.savemat(
        path,
        {"RDMs": [{"RDM": square(VECTOR), "name": "a"}, {"RDM": square(VECTOR + 1), "name": "b"}]},
    )
    both = from_rdms(path, stimulus_id=IDS)
    assert both.rdm.dims == ("subject", "pair")
    assert both.subject.values.tolist() == ["a", "b"]
    np.testing.assert_array_equal(both.rdm, [VECTOR, VECTOR + 1])
    np.testing.assert_array_equal(
        from_rdms(path, stimulus_id=IDS, variable="RDMs[1].RDM").rdm, VECTOR + 1
    )


@pytest.fixture
def hdf_mat(tmp_path):
    """A MATLAB file of version 7.3 as MATLAB writes it: HDF5, columns first, text as numbers, cells
    as references.
    """
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
    header = (
        b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Jan  1 00:00:00 2024 "
        b"HDF5 schema 1.00 ."
    ).ljust(124)
    with open(path, "r+b") as raw:
        raw.write(header + b"\x00\x02IM")
    return path


def test_matlab_files_of_version_7_3_are_read_too(hdf_mat, whole):
    same(checked(from_rdms(hdf_mat, about=About(area="IT", measure="1 - Pearson"))), whole)


def test_without_h5py_a_file_of_version_7_3_says_what_to_do(hdf_mat, monkeypatch):
    hide(monkeypatch, "h5py")
    with pytest.raises(
        AnalysisError, match="needs h5py: pip install h5py; or save it in MATLAB with '-v7'"
    ):
        from_rdms(hdf_mat)


def long_rows(seed=None):
    i, j = np.triu_indices(5, 1)
    rows = [
        [IDS[i[p]], IDS[j[p]], repr(float(MANY[s, t, p])), SUBJECTS[s], f"{TIMES[t]:g}"]
        for s in range(3)
        for t in range(4)
        for p in range(10)
    ]
    return rows if seed is None else list(np.random.default_rng(seed).permutation(rows))


def table(path, rows, header="first,second,dissimilarity,subject,time_ms"):
    path.write_text(
        "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8"
    )
    return path


def test_long_tables_are_read_in_the_order_of_the_file_or_of_the_ids(whole, tmp_path):
    same(
        checked(
            from_rdms(
                table(tmp_path / "a.csv", long_rows()),
                about=About(area="IT", measure="1 - Pearson"),
            )
        ),
        whole,
    )
    shuffled = table(tmp_path / "b.csv", long_rows(seed=1))
    data = from_rdms(shuffled, stimulus_id=IDS, about=About(area="IT", measure="1 - Pearson"))
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
        data.rdm.mean("subject").expand_dims(model=["mean"]),
        data.rdm,
        inference=Inference(n=20, permutations=20),
    )
    assert result.sizes["subject"] == 6


ASYMMETRIC = square(VECTOR) + np.triu(np.full((5, 5), 0.25), 1)


@pytest.mark.parametrize(
    ("source", "call", "match"),
    [
        (
            VECTOR,
            {},
            "compared by the ids of their stimuli, and the array has none: give stimulus_id=",
        ),
        (
            ASYMMETRIC,
            {"stimulus_id": IDS},
            r"not symmetric: its triangles differ by up to 0.25 \(largest entry 10",
        ),
        (
            1 - square(VECTOR) / 20,
            {"stimulus_id": IDS},
            "diagonal of the RDM is not zero .* is this a similarity",
        ),
        (
            square(VECTOR),
            {"stimulus_id": IDS[:4]},
            r"4 stimuli .* shape \(..., 6\) or \(..., 4, 4\); found \(5, 5\)",
        ),
        (VECTOR[:9], {"stimulus_id": IDS}, r"5 stimuli .* found \(9,\)"),
        (MANY.T, {"stimulus_id": IDS}, "The pairs are its first axis"),
        (
            np.moveaxis(square(MANY[:, 0]), 0, -1),
            {"stimulus_id": IDS},
            r"MATLAB's order\): give rdms.T, of shape \(3, 5, 5\)",
        ),
        (
            VECTOR,
            {"stimulus_id": ["cat", "dog", "cat", "cup", "oak"]},
            "1 occur more than once: 'cat'",
        ),
        (VECTOR[:3], {"stimulus_id": IDS[:3]}, "3 stimuli are named by stimulus_id; at least 4"),
        (VECTOR * np.inf, {"stimulus_id": IDS}, "10 of 10 entries of the RDMs are infinite"),
        (["a"] * 10, {"stimulus_id": IDS}, "real numbers are needed"),
        (MANY, {"stimulus_id": IDS}, "has 4 times and no time_ms"),
        (MANY, {"stimulus_id": IDS, "time_ms": [0, 0.1, 0.2, 0.3]}, "look like seconds.*1000"),
        (
            MANY,
            {"stimulus_id": IDS, "time_ms": [0, 10, 20]},
            "time_ms has 3 entries, the data have 4",
        ),
        (MANY, {"stimulus_id": IDS, "time_ms": [0, 10, 10, 20]}, "must ascend; entry 1 is 10"),
        (
            MANY,
            {"stimulus_id": IDS, "time_ms": [0, 10, np.nan, 20]},
            "1 of 4 entries of time_ms are NaN",
        ),
        (
            MANY,
            {"stimulus_id": IDS, "time_ms": TIMES, "subject": ["a", "b"]},
            "subject: 2 are given for 3",
        ),
        (
            MANY,
            {"stimulus_id": IDS, "time_ms": TIMES, "bin_ms": 0},
            "bin_ms=0: the width of a bin is a positive",
        ),
        (MANY[None], {"stimulus_id": IDS, "time_ms": TIMES}, "3 axes before the pairs"),
        (
            MANY[:, :3],
            {"stimulus_id": IDS, "time_ms": TIMES[:3], "subject": SUBJECTS[:2]},
            "subject: 2 are given for 3",
        ),
        (
            MANY[:, 0],
            {"stimulus_id": IDS, "time_ms": TIMES[:3], "subject": SUBJECTS},
            "subjects or times, both are 3",
        ),
        (VECTOR, {"stimulus_id": IDS, "time_ms": [0, 10]}, "no axis of times"),
        (VECTOR, {"stimulus_id": IDS, "bin_ms": 10}, "these data have no times"),
        (
            VECTOR,
            {"stimulus_id": IDS, "subject": SUBJECTS},
            "subject has 3 entries, .* no axis of subjects",
        ),
        (VECTOR, {"stimulus_id": IDS, "label": ["a"]}, "label: 1 are given for 5 stimuli"),
        (
            VECTOR,
            {"stimulus_id": IDS, "variable": "rdm"},
            "names an array of a file; the source is a ndarray",
        ),
        (
            VECTOR,
            {"stimulus_id": IDS, "nan": "drop"},
            "nan='drop' is not known; choose from refuse, keep",
        ),
        (MANY[:0], {"stimulus_id": IDS, "time_ms": TIMES}, "subject: there are none"),
        (
            xr.Dataset({"rdm": ("pair", VECTOR)}),
            {"stimulus_id": IDS},
            "is a Dataset; give one of its variables: rdm",
        ),
        (
            xr.DataArray(MANY, dims=("state", "step", "pair")),
            {"stimulus_id": IDS},
            "'state' is not: rename or select it",
        ),
        (
            xr.DataArray(MANY[0], dims=("time_ms", "pair")),
            {"stimulus_id": IDS},
            "time_ms without coordinate",
        ),
        (
            xr.DataArray(VECTOR, {"first": ("pair", np.zeros(10))}, ("pair",)),
            {"stimulus_id": IDS},
            "'first' .* squareform",
        ),
        (
            xr.DataArray(square(VECTOR), {"a": IDS}, ("a", "b")),
            {"stimulus_id": IDS[::-1]},
            "stimulus_id of the two must agree",
        ),
    ],
)
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
        {
            ".npz": lambda: np.savez_compressed(whole, rdm=MANY),
            ".mat": lambda: scipy.io.savemat(whole, {"rdm": MANY}, do_compression=True),
            ".csv": lambda: table(whole, long_rows()),
        }[suffix]()
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
    (tmp_path / "a.bin").write_bytes((tmp_path / "a.npy").read_bytes())
    with pytest.raises(AnalysisError, match=r"files are read from \.npy, \.npz, \.mat"):
        from_rdms(tmp_path / "a.bin", stimulus_id=IDS)
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
            "1 pairs stand more than once, the first is 'cat', 'cup'; are a subject or a time "
            "missing",
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
