"""Ones on a part of the diagonal: a model of one category is taken, its similarity is not."""

import numpy as np
import pytest
from own_data import IDS

from cortexsim import neural
from cortexsim.errors import AnalysisError

ANIMATE = np.array([1.0, 1, 0, 0, 0])
MODEL = 1 - np.outer(ANIMATE, ANIMATE)  # 0 between two animate ones, else 1


def test_a_model_of_one_category_keeps_its_pairs():
    data = neural.from_rdms(MODEL, stimulus_id=IDS)
    np.testing.assert_array_equal(data.rdm, MODEL[np.triu_indices(5, 1)])
    assert "3 of 5 entries of the diagonal" in data.attrs["notes"]


@pytest.mark.parametrize(
    "similarity",
    [
        np.outer(ANIMATE, ANIMATE),  # of one category
        np.outer(ANIMATE, ANIMATE) + np.outer(1 - ANIMATE, 1 - ANIMATE),
        np.eye(5),
        np.diag(ANIMATE),
    ],
)
def test_similarities_are_refused(similarity):
    with pytest.raises(AnalysisError, match="is this a similarity"):
        neural.from_rdms(similarity, stimulus_id=IDS)
