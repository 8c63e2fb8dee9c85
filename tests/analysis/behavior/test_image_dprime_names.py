"""Choices that name their classes are matched by names, never by place."""

import numpy as np
import pytest
import xarray

from cortexsim.analysis import image_dprimes, image_rates
from cortexsim.analysis.behavior.answers import class_numbers
from cortexsim.errors import AnalysisError

CHOICES = np.array([[9.0, 1], [5, 5], [1, 9], [2, 8]])
EACH = pytest.mark.parametrize("of", [image_dprimes, image_rates])


def named(classes):
    return xarray.DataArray(CHOICES, {"class": classes}, ("stimulus", "class"))


@EACH
@pytest.mark.parametrize(
    ("classes", "labels"),
    [
        (["cat", "dog"], ["cat", "cat", "dog", "dog"]),
        ([7, 3], [7, 7, 3, 3]),
        ([1, 0], [1, 1, 0, 0]),
    ],
)
def test_labels_are_names(of, classes, labels):
    np.testing.assert_array_equal(of(named(classes), labels), of(CHOICES, [0, 0, 1, 1]))
    turned = named(classes).isel({"class": [1, 0]})
    np.testing.assert_array_equal(of(turned, labels), of(CHOICES, [0, 0, 1, 1]))


@EACH
@pytest.mark.parametrize(
    ("classes", "labels"), [(["cat", "dog"], [0, 0, 1, 1]), ([1, 2], [0, 0, 1, 1])]
)
def test_places_are_no_names(of, classes, labels):
    with pytest.raises(AnalysisError, match=r"labels 0.* are none of the classes"):
        of(named(classes), labels)


@EACH
def test_two_classes_of_one_name(of):
    with pytest.raises(AnalysisError, match="have one name"):
        of(named(["cat", "cat"]), ["cat"] * 4)


def test_numbers_that_are_names_are_not_places():
    assert class_numbers([3, 1], 2, ["1", "2", "3"]).tolist() == [2, 0]
    assert class_numbers([2, 0], 2, ["cat", "dog", "cup"]).tolist() == [2, 0]
    with pytest.raises(AnalysisError, match="labels 0 are none of the classes 1, 2, 3"):
        class_numbers([0, 1], 2, ["1", "2", "3"])
