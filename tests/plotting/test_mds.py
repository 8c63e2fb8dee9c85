"""Multidimensional scaling: planes are found, stress is stated, steps follow each other."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from cortexsim import plotting
from cortexsim.errors import AnalysisError
from cortexsim.plotting.mds import stress_1

RNG = np.random.default_rng(0)


N = 8


def rdm(n=N, seed=0):
    return np.random.default_rng(seed).random(n * (n - 1) // 2)


def test_mds_recovers_a_planar_configuration_up_to_a_rigid_motion():
    points = RNG.normal(size=(12, 2))
    found = plotting.mds(pdist(points))
    np.testing.assert_allclose(pdist(found.positions), pdist(points), atol=5e-3)
    assert found.stress < 2e-3
    assert found.stress == pytest.approx(stress_1(squareform(pdist(points)), found.positions))


def test_mds_states_the_stress_of_what_does_not_fit_the_plane():
    simplex = np.ones(10 * 9 // 2)
    found = plotting.mds(simplex)
    distances = pdist(found.positions)
    assert found.stress == pytest.approx(
        np.sqrt(((distances - 1) ** 2).sum() / (distances**2).sum())
    )
    assert found.stress > 0.2


def test_mds_follows_a_stack_of_rotated_and_slowly_moving_points():
    points = RNG.normal(size=(12, 2))
    angle = np.linspace(0, 2, 5)
    turned = [
        points @ np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) + a for a in angle
    ]
    turned[2] = points * [-1, 1]
    positions, stress = plotting.mds(np.stack([pdist(p) for p in turned]))
    assert positions.shape == (5, 12, 2)
    assert (stress < 2e-3).all()
    np.testing.assert_allclose(positions[1:], np.broadcast_to(positions[0], (4, 12, 2)), atol=0.02)
    grown = plotting.mds(np.stack([pdist(points), pdist(1.5 * points)])).positions
    centred = grown - grown.mean(1, keepdims=True)
    np.testing.assert_allclose(centred[1], 1.5 * centred[0], atol=0.02)  # aligned, but not scaled


def test_mds_skips_steps_without_numbers_and_starts_from_what_it_is_given():
    points = RNG.normal(size=(10, 2))
    stack = np.stack([np.full(45, np.nan), pdist(points), np.full(45, np.nan), pdist(points)])
    positions, stress = plotting.mds(stack, previous=points)
    np.testing.assert_array_equal(np.isnan(stress), [True, False, True, False])
    assert np.isnan(positions[[0, 2]]).all()
    np.testing.assert_allclose(positions[[1, 3]], np.stack([points, points]), atol=1e-6)


def test_mds_is_the_same_for_the_same_seed():
    values = rdm(12)
    np.testing.assert_array_equal(
        plotting.mds(values, seed=3).positions, plotting.mds(values, seed=3).positions
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.r_[np.nan, np.ones(5)], "1 of 6 pairs of the RDM are NaN"),
        (np.r_[-1.0, np.ones(5)], "negative"),
        (np.zeros(6), "zero throughout"),
        (np.ones((2, 2, 6)), "Select a state"),
    ],
)
def test_mds_refuses(values, message):
    with pytest.raises(AnalysisError, match=message):
        plotting.mds(values)


def test_mds_refuses_a_start_of_another_shape():
    with pytest.raises(AnalysisError, match=r"\(4, 2\)"):
        plotting.mds(np.ones(6), previous=np.zeros((5, 2)))
    for flat in (3, np.zeros(8)):
        with pytest.raises(AnalysisError, match=r"one position for each condition.*is needed"):
            plotting.mds(np.ones(6), previous=flat)
