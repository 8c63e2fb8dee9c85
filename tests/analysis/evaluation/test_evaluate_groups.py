"""Labels of members that are resampled together: matched by id where both sides have ids."""

import numpy as np
import pytest
import xarray

from cortexsim.analysis import Inference, evaluate, rdms
from cortexsim.errors import AnalysisError

N = 12
IDS = np.array([f"i{k}" for k in range(N)], dtype=object)
PEOPLE = list("abcde")


@pytest.fixture(scope="module")
def sides():
    rng = np.random.default_rng(0)
    patterns = xarray.DataArray(
        rng.normal(size=(5, N, 8)),
        {"stimulus_id": ("condition", IDS), "subject": PEOPLE},
        ("subject", "condition", "unit"),
    )
    return rdms(patterns.mean("subject")), rdms(patterns)


def of_conditions(ids):
    """Groups of three conditions."""
    coords = {"stimulus_id": ("condition", ids)}
    return xarray.DataArray(np.arange(N) // 3, coords, ("condition",))


def interval(sides, factor, groups):
    inference = Inference(n=50, permutations=0, resample=(factor,), groups={factor: groups})
    return evaluate(*sides, inference=inference).interval.values


def test_groups_of_conditions_go_by_id(sides):
    groups = xarray.DataArray(
        np.arange(N) // 3, {"stimulus_id": ("condition", IDS)}, ("condition",)
    )
    order = np.random.default_rng(1).permutation(N)
    expected = interval(sides, "condition", groups.values)
    for same in (groups, groups[order], groups[order].to_series().set_axis(IDS[order])):
        np.testing.assert_array_equal(interval(sides, "condition", same), expected)
    moved = interval(sides, "condition", groups[order].values)  # no ids: by place
    assert (moved != expected).any()


@pytest.mark.filterwarnings("ignore::cortexsim.errors.FixedConditionsWarning")
def test_groups_of_subjects_go_by_their_names(sides):
    groups = xarray.DataArray(["x", "x", "y", "y", "z"], {"subject": PEOPLE}, ("subject",))
    expected = interval(sides, "subject", groups.values)
    np.testing.assert_array_equal(interval(sides, "subject", groups[::-1]), expected)


def test_groups_of_other_conditions_are_refused(sides):
    other = np.array([*IDS[1:], "other"], dtype=object)
    groups = xarray.DataArray(
        np.arange(N) // 3, {"stimulus_id": ("condition", other)}, ("condition",)
    )
    with pytest.raises(AnalysisError, match="i0"):
        interval(sides, "condition", groups)
