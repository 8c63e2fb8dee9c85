"""Every number of a training run has a range: what lies outside is refused when it is given."""

import pytest

from cortexsim.errors import TrainingError
from cortexsim.experiments.train.config import LEAST, TrainConfig
from cortexsim.training.config import BELOW, MOST


@pytest.mark.parametrize("name", MOST)
def test_what_is_above_the_most_is_refused_also_infinity(name):
    words = f"`{name}` is .*; it must be at most"
    for value in (MOST[name] * 2, float("inf")):
        with pytest.raises(TrainingError, match=words):
            TrainConfig(**{name: value})
    TrainConfig(**{name: MOST[name]})


@pytest.mark.parametrize("value", [1000, 1.0, float("inf"), float("nan"), -0.1])
def test_momentum_is_a_share(value):
    with pytest.raises(TrainingError, match="`momentum` is"):
        TrainConfig(momentum=value)


def test_every_number_with_a_least_value_has_an_upper_end():
    assert set(LEAST) == set(BELOW) | set(MOST)
