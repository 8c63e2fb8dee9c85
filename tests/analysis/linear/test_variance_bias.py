"""The bias of unique parts: seen beside them, of sets that tell nothing by construction."""

import numpy as np
import pytest

from cortexsim.analysis import CrossValidation, Inference, partition
from cortexsim.analysis.summaries_of_parts import summary_of_partition

QUICK = CrossValidation(folds=3, inner_folds=3)


def with_noise(seed, *, stimuli=60, features=200, units=20, noise=0.7):
    """A set that predicts, of a steep spectrum, one that does not, and the responses."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, stimuli, features))
    a = a * np.linspace(1, 0, features) ** 3
    y = a @ rng.normal(size=(features, units))
    return a, b, y / y.std(0) + noise * rng.normal(size=y.shape)


def parts_of(a, b, y, **options):
    return partition(a, b, y, cv=QUICK, inference=Inference(resample=(), **options))


def test_permutations_leave_the_parts_as_they_are_and_can_be_left_out():
    data = with_noise(0)
    with_bias, without = parts_of(*data, permutations=3), parts_of(*data, permutations=0)
    np.testing.assert_array_equal(with_bias.mean_over_units, without.mean_over_units)
    assert "bias_unique_a" in with_bias
    assert "bias_unique_a" not in without
    assert (with_bias.attrs["permutations"], without.attrs["permutations"]) == (3, 0)
    lines = summary_of_partition(with_bias)
    assert "; bias " in lines[2]
    assert "bias" not in lines[1]
    assert "bias" not in " ".join(summary_of_partition(without))


def test_the_bias_is_that_of_sets_permuted_by_hand():
    a, b, y = with_noise(1)
    result = parts_of(a, b, y, permutations=3, rng=4)
    # The permutation is drawn last: units, stimuli and folds come first.
    shuffled = []
    for seed in range(6):
        order = np.random.default_rng(seed).permutation(len(a))
        shuffled.append(parts_of(a, b[order], y, permutations=0, rng=4).mean_over_units)
    by_hand = [float(s.sel(part="unique_a") - s.sel(part="r2_a")) for s in shuffled]
    spread = np.std(by_hand, ddof=1)
    assert abs(float(result.bias_unique_a) - np.mean(by_hand)) < 3.5 * spread


def test_the_same_settings_give_the_same_bias():
    data = with_noise(2)
    first, again = (parts_of(*data, permutations=3, rng=7) for _ in range(2))
    assert float(first.bias_unique_b) == float(again.bias_unique_b)


@pytest.mark.slow
def test_a_noise_set_inflates_the_unique_part_by_the_bias_that_is_shown():
    """The set a explains all there is, so that its unique part should be its R2."""
    inflated, shown, r2 = [], [], []
    for seed in range(8):
        result = parts_of(*with_noise(seed), permutations=3, rng=seed)
        parts = result.mean_over_units
        inflated.append(float(parts.sel(part="unique_a") - parts.sel(part="r2_a")))
        shown.append(float(result.bias_unique_a))
        r2.append(float(parts.sel(part="r2_a")))
    assert np.mean(inflated) > 0.015  # about a sixth of what there is
    error = np.std(np.subtract(inflated, shown), ddof=1) / np.sqrt(len(shown))
    assert abs(np.mean(inflated) - np.mean(shown)) < max(0.01, 3 * error)
    assert 0.1 < np.mean(r2) < 0.25
