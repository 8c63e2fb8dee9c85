"""Columns that nobody said the meaning of: times do not become repeats, nor blocks units."""

import numpy as np
import pandas as pd
import pytest
from own_data import IDS, TIMES, same

from cortexsim import neural
from cortexsim.errors import AnalysisError

X = np.random.default_rng(9).normal(size=(4, 5, 2))  # time, stimulus, unit
UNITS = ["n1", "n2"]


def wide(column, values=TIMES):
    """A row for each time (or participant) and stimulus."""
    frames = [
        pd.DataFrame(x, columns=UNITS).assign(stimulus_id=IDS, **{column: v})
        for x, v in zip(X, values)
    ]
    return pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize("column", ["time", "t", "Time"])
def test_a_column_of_times_under_another_name_is_asked_about(column):
    with pytest.raises(AnalysisError, match=f"'{column}' .* is time_ms, say time_ms='{column}'"):
        neural.from_responses(wide(column))
    # Also where the units are listed: rows of one stimulus would else be its repeats.
    with pytest.raises(AnalysisError, match=f"say time_ms='{column}'; else drop it"):
        neural.from_responses(wide(column), unit=UNITS)
    want = neural.from_responses(
        X, dims=("time_ms", "stimulus", "unit"), stimulus_id=IDS, time_ms=TIMES, unit=UNITS
    )
    same(neural.from_responses(wide(column), time_ms=column), want)
    same(neural.from_responses(wide(column), time_ms=column, unit=UNITS), want)


def test_participants_are_not_pooled_as_repeats():
    table = wide("participant", [1, 2, 3, 4])
    with pytest.raises(AnalysisError, match="If it is subject, say subject='participant'"):
        neural.from_responses(table)
    data = neural.from_responses(table, subject="participant")
    np.testing.assert_array_equal(data.responses, X)
    assert data.responses.dims == ("subject", "stimulus", "unit")
    long = table.melt(["stimulus_id", "participant"], UNITS, "unit", "response")
    long["trial"] = np.arange(len(long)) % 20  # unique: nothing else would tell
    with pytest.raises(AnalysisError, match="say subject='participant'"):
        neural.from_responses(long)


@pytest.mark.parametrize("column", ["block", "run", "rt", "accuracy", "Order"])
def test_numbers_that_are_rarely_of_units_are_asked_about(column):
    table = wide("x", [0]).drop(columns="x").assign(**{column: range(5)})
    with pytest.raises(AnalysisError, match=f"is the column '{column}' a unit"):
        neural.from_responses(table)
    assert neural.from_responses(table, unit=UNITS).unit.values.tolist() == UNITS
    both = [*UNITS, column]
    assert neural.from_responses(table, unit=both).unit.values.tolist() == both


def test_a_unit_may_be_called_t_if_that_is_said():
    table = wide("t", [0.5])
    assert neural.from_responses(table, unit=["n1", "t"]).unit.values.tolist() == ["n1", "t"]


def test_repetitions_are_renamed():
    with pytest.raises(AnalysisError, match=r"'repetition' .* If it is repeat, rename it repeat"):
        neural.from_responses(wide("repetition", range(4)))
    named = wide("repetition", range(4)).rename(columns={"repetition": "repeat"})
    np.testing.assert_array_equal(neural.from_responses(named).responses, X)
