"""Solution and reaction times.

Planted times, censoring against brute force and lifelines' definition, thresholds that never see
what they are tested on.
"""

import numpy as np
import pytest
import xarray as xr

from cortexsim.analysis import (
    Inference,
    censored_tau,
    early_late,
    image_dprimes,
    softmax,
    solution_times,
)
from cortexsim.errors import AnalysisError


def rising(rng, stimuli=120, steps=8, classes=3):
    """Evidence for the true class that grows at a rate of the image's own.

    Probabilities, labels, rates.
    """
    y = np.arange(stimuli) % classes
    rate = rng.uniform(0.05, 1.0, stimuli)
    logits = (rate[:, None] * np.arange(steps))[..., None] * np.eye(classes)[y][:, None]
    return softmax(logits), y, rate


def test_solution_times_cross_their_threshold_by_linear_interpolation():
    p, y, _ = rising(np.random.default_rng(3))
    found = solution_times(p, 3.0, y)
    d = np.stack([image_dprimes(p[:, t], y) for t in range(8)], 1)
    np.testing.assert_allclose(found.dprime, d)
    for i in range(len(y)):
        hit = np.flatnonzero(d[i] >= 3.0)
        assert bool(found.solved[i]) == bool(len(hit))
        if len(hit) and hit[0]:
            crossing = np.interp(
                float(found.time[i]), [hit[0], hit[0] + 1], d[i, hit[0] - 1 : hit[0] + 1]
            )
            assert crossing == pytest.approx(3.0)
    assert 0 < float(found.coverage) < 1
    assert (found.time.values[~found.solved.values] == 8).all()


def test_faster_images_are_solved_earlier_and_slow_ones_never_but_not_dropped():
    p, y, rate = rising(np.random.default_rng(4))
    found = solution_times(p, 3.0, y)
    ranked = censored_tau(
        found.time, -rate, first_seen=found.solved, inference=Inference(n=50, permutations=49)
    )
    assert float(ranked.tau) > 0.9
    groups = early_late(found, -rate, inference=Inference(n=50))
    assert groups["count"].sum() == len(y)
    means = groups["mean"].values
    assert means[0] < means[1] < means[2]
    assert float(groups.difference_interval[0]) > 0


def test_thresholds_of_single_images_and_times_in_ms():
    p, y, _ = rising(np.random.default_rng(5))
    array = xr.DataArray(
        p,
        {
            "time_ms": 20.0 * np.arange(8),
            "stimulus_id": ("stimulus", [f"s{k}" for k in range(len(y))]),
        },
        ("stimulus", "time_ms", "class"),
    )
    easy = solution_times(array, np.where(y == 0, -4.0, 3.0), y)
    plain = solution_times(p, 3.0, y)
    assert (easy.time.values[y == 0] == 0).all()
    assert easy.at_first.values[y == 0].all()
    np.testing.assert_allclose(easy.time.values[y > 0], 20 * (plain.time.values[y > 0] - 1))
    assert str(easy.stimulus_id.values[3]) == "s3"
    with pytest.raises(AnalysisError, match="cap"):
        solution_times(array, 6.0, y)
