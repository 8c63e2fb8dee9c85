"""Sizes of steps and effective depth, against states written out."""

import numpy as np
import pytest
import torch
from plain_net import images, network, states

from cortexsim.analysis import (
    effective_depth,
    relative_steps,
)
from cortexsim.models import State, adjacent, build, calibrate, full
from cortexsim.timeaxis import TimeAxis

TWO = (State("V1", 4, 3), State("IT", 2, 4))


LEAKY = (State("V1", 4, 3, "leaky", 2.0), State("IT", 2, 4, "leaky", 1.5))


GRAPHS = {
    "adjacent": adjacent(TWO),
    "full, input at every step": full(TWO, inhomogeneous=True),
    "leaky": adjacent(LEAKY),
    "leaky, input at every step": adjacent(LEAKY, inhomogeneous=True),
    "leaky without lateral transitions": adjacent(LEAKY, lateral=False),
}


def calibrated(graph, steps=6, seed=0):
    return calibrate(
        network(graph, steps, seed=seed), images(20, size=graph.states[0].size, seed=8), steps + 1
    )


def test_relative_steps_are_those_of_the_states():
    net, x = calibrated(GRAPHS["adjacent"]), images(5, size=4)
    run = {key: h.detach().flatten(1).numpy() for key, h in states(net, x, 6).items()}
    axis = TimeAxis(step_ms=30, onset_ms=60)
    found = relative_steps(net, x, 6, time_axis=axis, batch_size=2)
    assert found.step.values.tolist() == [1, 2, 3, 4, 5]
    assert found.time_ms.values.tolist() == [60, 90, 120, 150, 180]
    for state in ("V1", "IT"):
        for step in range(1, 6):
            here = found.relative_step.sel(state=state, step=step).values
            if (state, step) not in run:
                assert (state, step) == ("IT", 1)
                assert np.isnan(here).all()
                continue
            a, b = run[state, step], run[state, step + 1]
            expected = np.linalg.norm(b - a, axis=1) / np.linalg.norm(a, axis=1)
            np.testing.assert_allclose(here, expected, rtol=1e-9)
            angle = np.arccos(
                (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
            )
            np.testing.assert_allclose(
                found.turn.sel(state=state, step=step), 2 * np.sin(angle / 2), rtol=1e-6
            )
            np.testing.assert_allclose(
                found["mean"].sel(state=state, step=step), expected.mean(), rtol=1e-9
            )
            np.testing.assert_allclose(
                found.percentiles.sel(state=state, step=step),
                np.percentile(expected, [5, 25, 50, 75, 95]),
                rtol=1e-9,
            )


def test_a_twin_is_constant_from_the_moment_its_last_state_is_full():
    net = calibrate(build("cortex4-twin"), images(16, size=32, dtype=torch.float32), 9)
    moved = relative_steps(net, images(4, size=32, dtype=torch.float32), 8).relative_step
    assert effective_depth(moved).tolist() == [[k] * 4 for k in (1, 2, 3, 4)]
    assert (moved.sel(step=slice(4, None)) == 0).all()


DEPTHS = {
    "never small": ([0.5, 0.5], np.nan),
    "small at once": ([0.009, 0.001], 1),
    "only from the last move on": ([0.001, 0.5, 0.009], 3),
    "moves again at the end": ([0.001, 0.001, 0.02], np.nan),
    "not populated at first": ([np.nan, np.nan, 0.5, 0.001], 4),
    "exactly the threshold is not below it": ([0.01, 0.01], np.nan),
    "never populated": ([np.nan, np.nan], np.nan),
}


@pytest.mark.parametrize("name", DEPTHS)
def test_effective_depth_is_the_step_from_which_on_all_moves_are_small(name):
    moves, expected = DEPTHS[name]
    np.testing.assert_array_equal(effective_depth(np.array(moves)[:, None]), [expected])
