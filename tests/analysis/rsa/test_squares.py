"""Square RDMs whose rows and columns have names: the same on both sides, or refused."""

import numpy as np
import pandas
import pytest
import xarray
from scipy.spatial.distance import squareform

from cortexsim.analysis import compare, condensed
from cortexsim.errors import AnalysisError

PAIRS = np.arange(1.0, 16.0)
NAMES = list("abcdef")


def test_a_data_frame_carries_its_names_to_the_pairs():
    frame = pandas.DataFrame(squareform(PAIRS), NAMES, NAMES)
    vector = condensed(frame)
    np.testing.assert_array_equal(vector, PAIRS)
    assert vector.first_id.values[0] == "a"
    assert vector.second_id.values[-1] == "f"
    other = frame.loc[list("fbdace"), list("fbdace")]
    assert float(compare(condensed(other), vector)) == pytest.approx(1)


def test_axes_with_different_names_are_refused():
    frame = pandas.DataFrame(squareform(PAIRS), NAMES, NAMES[::-1])
    with pytest.raises(AnalysisError, match="row 0 of the square RDM is 'a', column 0 is 'f'"):
        condensed(frame)
    array = xarray.DataArray(squareform(PAIRS), {"x": NAMES, "y": list("abcdeg")}, ("x", "y"))
    with pytest.raises(AnalysisError, match=r"row 5 .* 'f', column 5 is 'g'"):
        condensed(array)


def test_a_data_array_keeps_its_leading_axes():
    both = xarray.DataArray(
        np.stack([squareform(PAIRS), squareform(2 * PAIRS)]),
        {"subject": ["s", "t"], "x": NAMES, "y": NAMES},
        ("subject", "x", "y"),
    )
    vectors = condensed(both)
    assert vectors.dims == ("subject", "pair")
    np.testing.assert_array_equal(vectors.sel(subject="t"), 2 * PAIRS)
    assert list(vectors.second_id.values[:5]) == NAMES[1:]
