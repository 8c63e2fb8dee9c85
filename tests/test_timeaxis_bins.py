"""``TimeAxis.bin_weights``: steps of a network averaged into bins of milliseconds."""

import numpy as np
import pytest

from cortexsim import TimeAxis
from cortexsim.errors import CortexsimError
from cortexsim.timeaxis import POLICIES

# Its 18 bins of IT.
BRAIN_SCORE = np.stack([np.arange(70, 250, 10), np.arange(80, 260, 10)], axis=1)


def random_case(seed):
    """An axis, some of its steps, and bins that these steps cover."""
    rng = np.random.default_rng(seed)
    step_ms = rng.uniform(5, 60)
    axis = TimeAxis(step_ms, 0.5 * step_ms, 2 * step_ms, rng.uniform(0, 100))
    first, count = int(rng.integers(1, 5)), int(rng.integers(1, 12))
    steps = list(range(first, first + count))
    start, end = axis.time_ms(first), axis.time_ms(first + count)
    bins = np.sort(rng.uniform(start, end, (20, 2)), axis=1)
    return axis, steps, bins[np.ptp(bins, axis=1) > 1e-3]


def counted(axis, steps, bins, points=20_000):
    """The same by counting.

    The share of evenly spread moments of a bin at which each step is on.
    """
    edges = axis.time_ms([*steps, steps[-1] + 1])
    moments = bins[:, :1] + np.diff(bins, axis=1) * (np.arange(points) + 0.5) / points
    return np.stack([np.histogram(m, edges)[0] / points for m in moments])


@pytest.mark.parametrize("seed", range(20))
def test_weights_are_the_share_of_each_bin_that_each_step_lasts(seed):
    axis, steps, bins = random_case(seed)
    for policy in POLICIES:  # all mean the same where the steps cover the bins
        weights = axis.bin_weights(steps, bins, policy=policy)
        assert weights.shape == (len(bins), len(steps))
        np.testing.assert_allclose(weights, counted(axis, steps, bins), atol=2e-4)
        np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-12)
        assert (weights >= 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_bin_is_the_mean_of_the_pieces_it_is_cut_into(seed):
    axis, steps, bins = random_case(seed)
    share = np.random.default_rng(seed).uniform(0.1, 0.9, (len(bins), 1))
    middle = bins[:, :1] + share * np.diff(bins, axis=1)
    left, right = (
        axis.bin_weights(steps, np.hstack(b))
        for b in ((bins[:, :1], middle), (middle, bins[:, 1:]))
    )
    np.testing.assert_allclose(
        axis.bin_weights(steps, bins), share * left + (1 - share) * right, atol=1e-9
    )


def test_bins_that_are_the_steps_are_the_steps():
    steps = [2, 3, 4, 5]
    edges = TimeAxis().time_ms([*steps, 6])
    np.testing.assert_allclose(
        TimeAxis().bin_weights(steps, np.stack([edges[:-1], edges[1:]], 1)), np.eye(4)
    )


def test_the_eighteen_bins_of_brain_score():
    axis = TimeAxis(step_ms=25, onset_ms=60)
    weights = axis.bin_weights(range(1, 9), BRAIN_SCORE)
    assert weights.shape == (18, 8)
    np.testing.assert_allclose(weights.sum(1), 1)
    # 25 ms are two and a half bins: 60-85 ms is step 1, so 70-80 is of it alone, 80-90 half of it.
    np.testing.assert_allclose(weights[:3, :3], [[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0]])
    np.testing.assert_allclose(weights.sum(0), [1.5, 2.5, 2.5, 2.5, 2.5, 2.5, 2.5, 1.5])


def test_uncovered_bins_are_refused_by_name():
    axis = TimeAxis(step_ms=25, onset_ms=60)
    with pytest.raises(
        CortexsimError, match=r"2 of 18 bins \(230-240, 240-250 ms\).*steps 1 to 7.*60 to 235 ms"
    ) as e:
        axis.bin_weights(range(1, 8), BRAIN_SCORE)
    assert all(policy in str(e.value) for policy in ("hold", "clip"))
    with pytest.raises(CortexsimError, match=r"9 of 18 bins \(70-80, 80-90, 90-100, ... ms\)"):
        axis.bin_weights([5, 6, 7, 8], BRAIN_SCORE)


def test_an_edge_that_is_off_by_rounding_is_covered():
    edges = 0.1 * np.arange(4)  # 0.30000000000000004
    axis = TimeAxis(0.1, 0.1, 0.1, 0)
    weights = axis.bin_weights([1, 2, 3], np.stack([edges[:-1], edges[1:]], axis=1))
    np.testing.assert_allclose(weights, np.eye(3), atol=1e-9)
    with pytest.raises(CortexsimError, match="not covered"):
        axis.bin_weights([1, 2, 3], [[0, 0.301]])


# Steps 1 to 3 of 25 ms from 25 ms: 25-50, 50-75, 75-100.
@pytest.mark.parametrize(
    ("bin_ms", "hold", "clip"),
    [
        ((90, 110), [0, 0, 1], [0, 0, 1]),
        ((70, 120), [0, 0.1, 0.9], [0, 1 / 6, 5 / 6]),
        ((0, 50), [1, 0, 0], [1, 0, 0]),
        ((15, 65), [0.7, 0.3, 0], [0.625, 0.375, 0]),
        ((0, 125), [0.4, 0.2, 0.4], [1 / 3, 1 / 3, 1 / 3]),
        ((100, 120), [0, 0, 1], [np.nan] * 3),
        ((500, 510), [0, 0, 1], [np.nan] * 3),
        ((0, 25), [1, 0, 0], [np.nan] * 3),
        ((30, 40), [1, 0, 0], [1, 0, 0]),
    ],
)
def test_hold_and_clip_by_hand(bin_ms, hold, clip):
    axis = TimeAxis()
    np.testing.assert_allclose(
        axis.bin_weights([1, 2, 3], [bin_ms], policy="hold"), [hold], atol=1e-12
    )
    np.testing.assert_allclose(
        axis.bin_weights([1, 2, 3], [bin_ms], policy="clip"), [clip], atol=1e-12
    )


def test_a_bin_does_not_change_what_another_gets():
    axis, bins = TimeAxis(), [[30, 60], [-50, 30], [90, 400], [60, 70]]
    for policy in ("hold", "clip"):
        together = axis.bin_weights([1, 2, 3], bins, policy=policy)
        alone = np.concatenate([axis.bin_weights([1, 2, 3], [b], policy=policy) for b in bins])
        np.testing.assert_array_equal(together, alone)


def test_the_bins_of_the_caller_stay_as_they_are():
    bins = np.array([[90.0, 110.0]])
    TimeAxis().bin_weights(np.array([1, 2, 3]), bins, policy="hold")
    np.testing.assert_array_equal(bins, [[90, 110]])


@pytest.mark.parametrize(
    "steps", [[], [1, 3], [2, 1], [1, 1], [1.0, 2.0], [True], [[1, 2]], ["1"], 3, [[1], [2, 3]]]
)
def test_steps_that_are_no_run_of_steps_are_refused(steps):
    with pytest.raises(CortexsimError, match="steps"):
        TimeAxis().bin_weights(steps, [[30, 40]])


@pytest.mark.parametrize(
    "bins",
    [
        [],
        np.empty((0, 2)),
        [30, 40],
        [[30, 40, 50]],
        [[40, 30]],
        [[30, 30]],
        [[np.nan, 40]],
        [[30, np.inf]],
        "x",
        [[1], [2, 3]],
        None,
    ],
)
@pytest.mark.parametrize("policy", POLICIES)
def test_bins_that_are_none_are_refused(bins, policy):
    with pytest.raises(CortexsimError, match="bin, 2"):
        TimeAxis().bin_weights([1, 2, 3], bins, policy=policy)


def test_an_unknown_policy_lists_the_known_ones():
    with pytest.raises(CortexsimError, match=r"stretch.*refuse, hold, clip"):
        TimeAxis().bin_weights([1], [[30, 40]], policy="stretch")
