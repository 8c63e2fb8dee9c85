"""Which mask of people's trials is meant."""

import pytest

from cortexsim.errors import AnalysisError
from cortexsim.experiments.mask.curves import mask_named


def test_the_only_mask_is_meant_and_one_of_several_is_named():
    assert mask_named(["none", "noise"], None, "the people") == "noise"
    assert mask_named(["noise", "none", "phase"], "phase", "the people") == "phase"


@pytest.mark.parametrize(
    ("names", "mask", "message"),
    [
        (["all"], None, r"which trials were masked; a column .* 'mask' is needed"),
        (["noise"], None, "'none' .* and a mask are needed"),
        (["none"], None, "'none' .* and a mask are needed"),
        (["none", "noise", "phase"], None, "have the masks noise, phase; say which"),
        (["none", "noise"], "phase", "no mask 'phase'; choose from noise"),
    ],
)
def test_what_is_not_said_is_asked_for(names, mask, message):
    with pytest.raises(AnalysisError, match=message):
        mask_named(names, mask, "the people")
