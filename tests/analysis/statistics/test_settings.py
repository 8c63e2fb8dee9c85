"""The settings of inference: defaults of a function, what is refused, groups, factors."""

import numpy as np
import pytest

from cortexsim.analysis import ClusterTest, CrossValidation, Inference
from cortexsim.analysis.linear import splits
from cortexsim.analysis.statistics.settings import SPLITS
from cortexsim.errors import AnalysisError


def test_none_takes_the_default_of_the_function_and_what_is_set_stays():
    asked = Inference(n=50, rng=3).completed("f", n=1000, permutations=200, confidence=0.95, rng=0)
    assert (asked.n, asked.permutations, asked.confidence, asked.rng) == (50, 200, 0.95, 3)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("permutations", 10),
        ("permutations", 0),
        ("resample", ()),
        ("correction", "none"),
        ("confidence", 0.9),
        ("samples", True),
        ("groups", {"subject": [0, 1]}),
        ("rng", 1),
        ("rng", np.random.default_rng(0)),
    ],
)
def test_a_function_refuses_what_it_has_no_use_for(field, value):
    with pytest.raises(AnalysisError, match=f"f has no use for {field}"):
        Inference(**{field: value}).completed("f", n=1000)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n": 19}, "n=19 resamples"),
        ({"n": -1}, "n=-1"),
        ({"n": 20.5}, "whole number"),
        ({"n": True}, "whole number"),
        ({"permutations": -1}, "permutations=-1"),
        ({"confidence": 95}, "confidence=95"),
        ({"confidence": None}, "confidence=None"),
        ({"correction": "bonferroni"}, "choose from holm, fdr, max, none"),
        ({"rng": -1}, "rng=-1"),
        ({"rng": None}, "rng=None"),
        ({"groups": ["a"]}, "groups is a list"),
    ],
)
def test_values_out_of_range_are_refused_where_they_are_given(settings, words):
    with pytest.raises(AnalysisError, match=words):
        Inference(**settings)


def test_factors_come_in_a_fixed_order_and_a_single_subject_is_not_resampled():
    assert Inference(resample=["condition", "subject"], n=20).factors() == ("subject", "condition")
    assert Inference(resample=(), n=0).factors() == ()
    with pytest.raises(AnalysisError, match="n=0"):
        Inference(resample="subject", n=0).factors()
    with pytest.raises(AnalysisError, match="one subject"):
        Inference(resample="subject", n=20).factors(subjects=1)
    with pytest.raises(AnalysisError, match="cannot resample 'stimulus'"):
        Inference(resample="stimulus", n=20).factors()


def test_groups_are_numbered_and_those_of_another_factor_refused():
    numbers = Inference(groups={"condition": list("bab")}).group_numbers(subject=2, condition=3)
    assert {k: v.tolist() for k, v in numbers.items()} == {
        "subject": [0, 1],
        "condition": [1, 0, 1],
    }
    with pytest.raises(AnalysisError, match="no groups of 'unit'"):
        Inference(groups={"unit": [0]}).group_numbers(subject=2)


def test_cluster_tests_are_checked_where_they_are_given():
    assert ClusterTest(by="condition", threshold=0.01).threshold == 0.01
    for settings in ({"by": "time"}, {"by": None}, {"by": "subject", "threshold": 1.0}):
        with pytest.raises(AnalysisError):
            ClusterTest(**settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"folds": 1}, "1 folds of the stimuli .*: give at least 2"),
        ({"folds": 2.5}, "folds=2.5 is not a whole number"),
        ({"folds": True}, "folds=True is not a whole number"),
        ({"splits": "random"}, "no splits='random'; choose from folds, shuffle"),
        ({"inner_folds": 1}, "inner_folds=1 of the training stimuli .*: give at least 2"),
        ({"inner_folds": "5"}, "inner_folds='5' is not a whole number"),
    ],
)
def test_cross_validation_is_checked_where_it_is_given(settings, words):
    with pytest.raises(AnalysisError, match=words):
        CrossValidation(**settings)


def test_every_scheme_of_splits_that_may_be_named_is_there():
    assert tuple(splits.SPLITS) == SPLITS
    for scheme in SPLITS:
        assert CrossValidation(splits=scheme).splits == scheme
