"""Square RDMs whose rows and columns have names."""

import numpy as np
import pytest
import xarray

from cortexsim.errors import AnalysisError
from cortexsim.neural.own.rdms import from_rdms

IDS = ["cat", "dog", "car", "cup"]
SQUARE = np.array([[0.0, 1, 2, 3], [1, 0, 4, 5], [2, 4, 0, 6], [3, 5, 6, 0]])


def square(rows, columns, **more):
    return xarray.DataArray(SQUARE, {"row": rows, "column": columns, **more}, ("row", "column"))


def test_rows_and_columns_of_other_ids_are_refused():
    with pytest.raises(AnalysisError, match=r"row 0 .* is 'cat', column 0 is 'cup'"):
        from_rdms(square(IDS, IDS[::-1]))
    with pytest.raises(AnalysisError, match=r"row 0 .* is 'cat', column 0 is 'cup'"):
        from_rdms(square(range(4), IDS[::-1], stimulus_id=("row", IDS)))


def test_the_same_ids_on_both_or_on_one_are_taken():
    for array in (
        square(IDS, IDS),
        square(IDS, range(4)),
        square(range(4), IDS),
        square(range(4), range(4), stimulus_id=("row", IDS)),
    ):
        assert from_rdms(array).stimulus_id.values.tolist() == IDS
