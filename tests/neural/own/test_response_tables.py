"""Tables of responses as pandas writes them: long, wide, with the marks of other locales."""

import numpy as np
import pandas as pd
import pytest
from own_data import IDS, SUBJECTS, TIMES, checked, same

from cortexsim import neural
from cortexsim.analysis import square
from cortexsim.errors import AnalysisError

RNG = np.random.default_rng(5)
UNITS = ["n1", "n2", "n3"]
X = RNG.normal(size=(2, 3, 5, 4, 3)).round(6)  # repeat, subject, stimulus, time, unit
AXES = {
    "repeat": ["1", "2"],
    "subject": SUBJECTS,
    "stimulus_id": IDS,
    "time_ms": TIMES,
    "unit": UNITS,
}


def long(**fixed):
    """A row for each response; fixed: dim -> place, left out as a column."""
    x, names = X, dict(AXES)
    for name, place in fixed.items():
        x = x.take(place, list(names).index(name))
        del names[name]
    index = pd.MultiIndex.from_product(names.values(), names=names.keys())
    return pd.DataFrame({"response": x.ravel()}, index).reset_index()


def expected(**fixed):
    x, dims = X, [("stimulus" if k == "stimulus_id" else k) for k in AXES]
    for name, place in fixed.items():
        axis = dims.index(name)
        x = x.take(place, axis)
        dims.pop(axis)
    words = {"subject": SUBJECTS, "time_ms": TIMES, "unit": UNITS, "stimulus_id": IDS}
    words = {k: v for k, v in words.items() if k not in fixed}
    return neural.from_responses(x, dims=tuple(dims), **words)


CASES = [
    {"repeat": 0, "subject": 0, "time_ms": 1},
    {"subject": 0, "time_ms": 1},
    {"repeat": 1, "subject": 2},
    {"time_ms": 0},
    {},
    {"repeat": 0, "subject": 0, "time_ms": 1, "unit": 2},
    {"repeat": 0, "unit": 1},
]


@pytest.mark.parametrize("fixed", CASES, ids=lambda f: "-".join(f) or "all")
@pytest.mark.parametrize("way", ["csv", "semicolons", "tsv", "frame", "shuffled"])
def test_long_tables_are_read_whatever_their_marks(fixed, way, tmp_path):
    frame = long(**fixed)
    source = tmp_path / ("mine.tsv" if way == "tsv" else "mine.csv")
    if way in ("csv", "shuffled"):
        frame.to_csv(source, index=False)
    elif way == "semicolons":  # as a spreadsheet writes it in half of Europe
        frame.to_csv(source, index=False, sep=";", decimal=",", encoding="utf-8-sig")
    elif way == "tsv":
        frame.to_csv(source, index=False, sep="\t")
    else:
        source = frame
    if way == "shuffled":
        frame.sample(frac=1, random_state=0).to_csv(source, index=False)
    data = checked(neural.from_responses(source))
    want = expected(**fixed)
    if way == "shuffled":
        order = {"unit": UNITS, "subject": SUBJECTS}
        data = neural.select_stimuli(data, IDS)
        data = data.sel({d: v for d, v in order.items() if d in data.dims and d not in fixed})
        np.testing.assert_array_equal(data.responses, want.responses)
    else:
        same(data, want)


def test_wide_tables_have_a_column_for_each_unit(tmp_path):
    x = X[:, 0, :, 0]  # repeat, stimulus, unit
    rows = pd.DataFrame(x.reshape(10, 3), columns=UNITS)
    rows.insert(0, "stimulus_id", IDS * 2)
    rows.insert(1, "label", list("aabbb") * 2)
    rows.to_csv(tmp_path / "wide.csv", index=False)
    want = neural.from_responses(
        x, dims=("repeat", "stimulus", "unit"), stimulus_id=IDS, unit=UNITS, label=list("aabbb")
    )
    same(checked(neural.from_responses(tmp_path / "wide.csv")), want)
    same(neural.from_responses(rows), want)
    rows["depth"] = np.arange(10.0)  # no unit: units are named
    same(neural.from_responses(rows, unit=UNITS), want)
    once = neural.from_responses(rows.iloc[:5][["stimulus_id", *UNITS]])
    assert once.responses.dims == ("stimulus", "unit")
    times = pd.DataFrame(X[0, 0].reshape(20, 3), columns=UNITS)
    times.insert(0, "time_ms", TIMES * 5)
    times.insert(0, "stimulus_id", np.repeat(IDS, 4))
    timed = neural.from_responses(times)
    np.testing.assert_array_equal(timed.responses, X[0, 0].transpose(1, 0, 2))
    turned = neural.from_responses(times, dims=("stimulus", "unit", "time_ms"))
    same(turned, timed)


def test_the_index_that_pandas_writes_is_no_unit(tmp_path):
    x = X[0, 0, :, 0]
    want = neural.from_responses(x, dims=("stimulus", "unit"), stimulus_id=IDS, unit=UNITS)
    counted = pd.DataFrame(x, columns=UNITS).assign(stimulus_id=IDS)
    counted.to_csv(tmp_path / "counted.csv")
    same(neural.from_responses(tmp_path / "counted.csv"), want)
    ids = pd.DataFrame(x, index=IDS, columns=UNITS)
    ids.to_csv(tmp_path / "ids.csv")
    same(neural.from_responses(tmp_path / "ids.csv"), want)
    same(neural.from_responses(ids), want)
    same(neural.from_responses(ids.rename_axis("picture"), stimulus_id="picture"), want)
    (tmp_path / "blank.csv").write_text("stimulus_id,n1,\ncat,1,7\ndog,2,3\n")
    with pytest.raises(AnalysisError, match="the column 'column 3' is no unit, it holds '7'"):
        neural.from_responses(tmp_path / "blank.csv")


def test_the_types_of_pandas_are_understood():
    x = X[0, 0, :, 0].copy()
    x[1, 2] = np.nan
    frame = (
        pd.DataFrame(x, columns=UNITS)
        .astype("Float64")
        .assign(stimulus_id=pd.Categorical(IDS), label=pd.array(list("aabbb"), dtype="string"))
    )
    data = neural.from_responses(frame)
    np.testing.assert_array_equal(data.responses, x)
    assert data.label.values.tolist() == list("aabbb")
    with pytest.raises(AnalysisError, match="the column 'correct' is no unit, it holds 'True'"):
        neural.from_responses(frame.assign(correct=True))


def test_columns_of_other_names_are_said_in_words(tmp_path):
    frame = long(repeat=0, subject=0).rename(
        columns={"stimulus_id": "image", "time_ms": "t", "unit": "neuron", "response": "sps"}
    )
    frame.to_csv(tmp_path / "theirs.csv", index=False)
    words = {"stimulus_id": "image", "time_ms": "t", "unit": "neuron"}
    want = expected(repeat=0, subject=0)
    same(neural.from_responses(tmp_path / "theirs.csv", **words, variable="sps"), want)
    same(neural.from_responses(tmp_path / "theirs.csv", **words), want)  # the only one left
    with pytest.raises(
        AnalysisError,
        match=r"theirs.csv has no column stimulus_id; it has image, t, neuron, sps. Say which "
        r"names the stimuli: stimulus_id='...' \(and likewise time_ms='...', unit='...'",
    ):
        neural.from_responses(tmp_path / "theirs.csv")
    with pytest.raises(AnalysisError, match=r"no column 'picture' for stimulus_id; it has image"):
        neural.from_responses(tmp_path / "theirs.csv", stimulus_id="picture")
    with pytest.raises(AnalysisError, match=r"no column 'rate'; it has image"):
        neural.from_responses(tmp_path / "theirs.csv", **words, variable="rate")


def test_a_trial_column_makes_repeats_in_the_order_of_the_file():
    rows = [(1, "dog", 0.0), (2, "cat", 1.0), (3, "dog", 2.0)]
    frame = pd.DataFrame(
        [(trial, s, u, v + k) for trial, s, v in rows for k, u in enumerate("ab")],
        columns=["trial", "stimulus_id", "unit", "response"],
    )
    data = neural.from_responses(frame)
    x = [[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]]
    want = neural.from_responses(
        x, dims=("trial", "unit"), stimulus_id=["dog", "cat", "dog"], unit=list("ab")
    )
    same(data, want)
    frame.loc[0, "stimulus_id"] = "cat"
    with pytest.raises(AnalysisError, match="trial '1' has several stimuli; if trials are counted"):
        neural.from_responses(frame)


def test_repeats_are_in_the_order_of_their_numbers():
    frame = pd.DataFrame(
        {"stimulus_id": ["a"] * 3, "repeat": [10, 9, 1], "unit": ["u"] * 3, "rate": [3.0, 2.0, 1.0]}
    )
    assert neural.from_responses(frame).responses.values.ravel().tolist() == [1, 2, 3]


@pytest.mark.parametrize("written", ["", "NA", "NaN"])
def test_missing_rows_and_empty_cells_are_missing_trials(written, tmp_path):
    frame = long(subject=0, time_ms=0)
    frame = frame.drop(index=[3])
    frame.loc[5, "response"] = np.nan
    frame.to_csv(tmp_path / "gaps.csv", index=False, na_rep=written)
    data = neural.from_responses(tmp_path / "gaps.csv")
    want = X[:, 0, :, 0].copy()
    want[0].ravel()[[3, 5]] = np.nan
    np.testing.assert_array_equal(data.responses, want)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            lambda f: pd.concat([f, f.iloc[:1]]),
            r"1 responses stand more than once, the first with stimulus_id=cat, .*A column trial d",
        ),
        (lambda f: f.drop(columns="unit"), r"stand more than once.*column trial or unit"),
        (
            lambda f: f.rename(columns={"response": "a"}).assign(b=1.0),
            r"2 columns that could be.*'a', 'b'",
        ),
        (lambda f: f.assign(time_ms=f.time_ms / 1000), "look like seconds"),
        (lambda f: f.assign(response="high"), "could not convert string to float: 'high'"),
        (lambda f: f.assign(label=np.arange(len(f))), "has several labels"),
        (lambda f: f.iloc[:0], "no rows"),
        (
            lambda f: f[~((f.subject == "ben") & (f.stimulus_id == "oak"))],
            "subject ben has no response to stimulus 'oak'",
        ),
        (
            lambda f: f[~((f.subject == "ben") & (f.unit == "n2"))],
            r"subject ben has no response of unit 'n2'; units of different subjects are not the",
        ),
        (lambda f: f.assign(stimulus_id=""), "is no name"),
    ],
)
def test_tables_that_are_no_responses_are_refused(change, match):
    with pytest.raises(AnalysisError, match=match):
        neural.from_responses(change(long(repeat=0)))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("stimulus_id,n1\ncat,1\ndog", "row 3 has 1 cells, the header 2"),
        ("stimulus_id,n1,n1\ncat,1,2\n", "1 columns stand twice in the header: 'n1'"),
        (
            "stimulus_id;n1;n2\ncat;1,5;2.5\n",
            r"comma and with a point, '1,5', '2.5'; which separates",
        ),
        ("stimulus_id,n1\n", "no table with commas"),
        ("", "it is empty"),
        ("stimulus_id,who,n1\ncat,anna,1\n", "column 'who' is no unit, it holds 'anna'. Say which"),
        ("stimulus_id,label\ncat,anna\n", "no column of responses; it has stimulus_id, label"),
    ],
)
def test_files_that_are_no_tables_are_refused(text, match, tmp_path):
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(AnalysisError, match=match):
        neural.from_responses(tmp_path / "bad.csv")


def test_dims_that_contradict_the_table_are_refused(tmp_path):
    long(repeat=0).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(
        AnalysisError, match=r"dims says \('trial', 'unit'\), a.csv has \('subject'"
    ):
        neural.from_responses(tmp_path / "a.csv", dims=("trial", "unit"))


def test_rdms_of_data_frames(tmp_path):
    i, j = np.triu_indices(5, 1)
    x = RNG.random(10)
    frame = pd.DataFrame(square(x), index=IDS, columns=IDS)
    np.testing.assert_array_equal(neural.from_rdms(frame).rdm, x)
    turned = frame.loc[IDS[::-1]]  # rows are found by their ids
    same(neural.from_rdms(turned), neural.from_rdms(frame))
    rows = pd.DataFrame({"first": np.take(IDS, i), "second": np.take(IDS, j), "dissimilarity": x})
    same(neural.from_rdms(rows), neural.from_rdms(frame))
    bare = pd.DataFrame(square(x))
    np.testing.assert_array_equal(neural.from_rdms(bare, stimulus_id=IDS).rdm, x)
    with pytest.raises(AnalysisError, match="and the DataFrame has none: give stimulus_id"):
        neural.from_rdms(bare)


def test_rdms_with_semicolons_and_decimal_commas_and_sessions(tmp_path):
    i, j = np.triu_indices(5, 1)
    many = RNG.random((3, 2, 10)).round(5)
    rows = [
        (IDS[a], IDS[b], many[s, d, p], SUBJECTS[s], f"day {d}")
        for s in range(3)
        for d in range(2)
        for p, (a, b) in enumerate(zip(i, j))
    ]
    frame = pd.DataFrame(rows, columns=["first", "second", "dissimilarity", "subject", "session"])
    frame.to_csv(tmp_path / "a.csv", index=False, sep=";", decimal=",", encoding="utf-8-sig")
    data = checked(neural.from_rdms(tmp_path / "a.csv"))
    assert data.rdm.dims == ("subject", "session", "pair")
    assert data.session.values.tolist() == ["day 0", "day 1"]
    np.testing.assert_array_equal(data.rdm, many)
