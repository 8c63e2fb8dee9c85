"""Tables as pandas, R and spreadsheets write them: names of rows, missing cells, the mark."""

import numpy as np
import pandas as pd
import pytest
from own_data import IDS, same

from cortexsim import neural
from cortexsim.errors import AnalysisError

X = np.random.default_rng(8).normal(size=(5, 3)).round(4)
UNITS = ["n1", "n2", "n3"]
WANT = neural.from_responses(X, dims=("stimulus", "unit"), stimulus_id=IDS, unit=UNITS)
WIDE = pd.DataFrame(X, columns=UNITS)
WIDE.insert(0, "stimulus_id", IDS)


@pytest.mark.parametrize("kept", ["counted", "one", "filtered"])
def test_the_index_that_pandas_and_r_write_is_no_unit(kept, tmp_path):
    frame = WIDE.copy()
    if kept != "counted":  # R counts from 1
        frame.index = np.arange(1, 6) * (1 if kept == "one" else 3)
    frame.to_csv(tmp_path / "mine.csv")
    same(neural.from_responses(tmp_path / "mine.csv"), WANT)
    long = frame.melt("stimulus_id", var_name="unit", value_name="spikes")
    long.to_csv(tmp_path / "long.csv")
    same(neural.from_responses(tmp_path / "long.csv"), WANT)


def test_names_of_rows_are_the_ids_where_no_column_is(tmp_path):
    frame = pd.DataFrame(X, IDS, UNITS)
    frame.to_csv(tmp_path / "mine.csv")
    same(neural.from_responses(tmp_path / "mine.csv"), WANT)
    same(neural.from_responses(frame), WANT)
    frame.reset_index(drop=True).to_csv(tmp_path / "counted.csv")
    with pytest.raises(
        AnalysisError, match=r"no column stimulus_id; it has column 1, n1, n2, n3\. Say"
    ):
        neural.from_responses(tmp_path / "counted.csv")
    with pytest.raises(AnalysisError, match=r"no column stimulus_id; it has n1, n2, n3\. Say"):
        neural.from_responses(frame.reset_index(drop=True))


def test_rdms_with_the_index_of_pandas(tmp_path):
    i, j = np.triu_indices(5, 1)
    frame = pd.DataFrame({"first": np.array(IDS)[i], "second": np.array(IDS)[j]})
    frame["dissimilarity"] = np.arange(10.0)
    frame.to_csv(tmp_path / "mine.csv")
    data = neural.from_rdms(tmp_path / "mine.csv", stimulus_id=IDS)
    np.testing.assert_array_equal(data.rdm, np.arange(10.0))


@pytest.mark.parametrize("missing", ["", "NA", "<NA>"])
def test_what_is_missing_in_r_and_pandas_is_missing(missing, tmp_path):
    frame = WIDE.copy()
    frame.loc[1, "n2"] = np.nan
    frame.to_csv(tmp_path / "mine.csv", index=False, na_rep=missing)
    holed = X.copy()
    holed[1, 1] = np.nan
    want = neural.from_responses(holed, dims=("stimulus", "unit"), stimulus_id=IDS, unit=UNITS)
    same(neural.from_responses(tmp_path / "mine.csv"), want)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_the_line_that_names_the_mark_of_a_spreadsheet_is_no_header(mark, tmp_path):
    text = f"sep={mark}\r\n" + WIDE.to_csv(index=False, sep=mark)
    (tmp_path / "mine.csv").write_text(text, encoding="utf-8-sig")
    same(neural.from_responses(tmp_path / "mine.csv"), WANT)


def test_columns_without_a_name_are_told(tmp_path):
    lines = WIDE.to_csv(index=False).splitlines()
    (tmp_path / "commas.csv").write_text("\n".join(line + "," for line in lines))
    same(neural.from_responses(tmp_path / "commas.csv"), WANT)  # empty: only a comma too many
    (tmp_path / "full.csv").write_text(
        "\n".join([lines[0] + ",", *(f"{s},{k}" for k, s in enumerate(lines[1:], 7))])
    )
    with pytest.raises(AnalysisError, match="'column 5' is no unit, it holds '7'"):
        neural.from_responses(tmp_path / "full.csv")
