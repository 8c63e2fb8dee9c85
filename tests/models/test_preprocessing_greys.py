"""Means and deviations of pixels from 0 to 255, where those from 0 to 1 are meant."""

import pytest

from cortexsim.errors import StimulusError
from cortexsim.models.preprocessing import Preprocessing


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        ((123.7, 116.3, 103.5), (58.4, 57.1, 57.4)),
        ((0.5,) * 3, (58.4,) * 3),
        ((127.0,) * 3, (1,) * 3),
    ],
)
def test_grey_levels_are_refused(mean, std):
    with pytest.raises(StimulusError, match="pixels are from 0 to 1 here"):
        Preprocessing((8, 8), mean, std)


def test_those_of_networks_that_end_at_255_are_taken_in_parts_of_1():
    assert Preprocessing((8, 8), (0.485,) * 3, (1 / 255,) * 3).std[0] == 1 / 255
