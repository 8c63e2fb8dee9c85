"""Settings of regressions that contradict each other."""

import pytest

from cortexsim.analysis import Regression
from cortexsim.errors import AnalysisError


@pytest.mark.parametrize(
    ("method", "settings", "of"),
    [
        ("ridge", {"components": 7}, "pls"),
        ("reduced-rank", {"components": 7}, "pls"),
        ("ridge", {"ranks": (1, 2)}, "reduced-rank"),
        ("pls", {"ranks": (1, 2)}, "reduced-rank"),
    ],
)
def test_what_another_method_needs_is_no_silent_nothing(method, settings, of):
    with pytest.raises(AnalysisError, match=f"is for method='{of}'.*leave it out"):
        Regression(method=method, **settings)


def test_what_a_method_needs_and_the_defaults_are_taken():
    assert Regression(method="pls", components=7).components == 7
    assert Regression(method="reduced-rank", ranks=(1, 2)).ranks == (1, 2)
    assert Regression(components=25).method == "ridge"
