"""Recipes and what is given over them."""

from __future__ import annotations

import pytest

from cortexsim.errors import TrainingError
from cortexsim.experiments.train.config import TrainConfig
from cortexsim.training.config import BELOW
from cortexsim.training.recipes import RECIPES


def test_what_is_given_wins_over_the_recipe():
    config = TrainConfig(recipe="modern", momentum=0.5, cutout=2).resolved()
    modern = RECIPES["modern"]
    assert (config.momentum, config.cutout) == (0.5, 2)
    assert (config.lr, config.schedule, config.ema) == (modern.lr, modern.schedule, modern.ema)
    assert config.resolved() == config


def test_the_modern_rate_is_proportional_to_the_batch_and_the_memos_is_not():
    modern = RECIPES["modern"]
    assert (
        TrainConfig(recipe="modern", batch_size=4 * modern.batch_size).settings().lr
        == 4 * modern.lr
    )
    assert TrainConfig(recipe="modern", batch_size=7, lr=0.3).settings().lr == 0.3
    assert TrainConfig(batch_size=512).settings().lr == 0.01


def test_a_recipe_that_there_is_not_names_those_there_are():
    with pytest.raises(
        TrainingError, match="no recipe is called 'old'; choose from memo, modern, fast"
    ):
        TrainConfig(recipe="old")


@pytest.mark.parametrize("name", BELOW)
def test_shares_of_one_and_more_are_refused(name):
    with pytest.raises(TrainingError, match="it must be below 1"):
        TrainConfig(**{name: 1.0})
