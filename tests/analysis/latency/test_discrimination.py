"""When a state or a unit tells labels apart.

Planted times inside their intervals, no onsets without a difference, recordings and neural data
alike.
"""

import numpy as np
import pytest
import scipy.stats
import xarray as xr
from grouped import grouped

from cortexsim.analysis import (
    CrossValidation,
    Inference,
    discrimination_latency,
)
from cortexsim.analysis.latency.moments import moments
from cortexsim.errors import AnalysisError

STEPS = np.arange(1, 9)


def responses(rng, course, stimuli=60, units=12, axis="step", times=STEPS):
    """Two labels that differ by ``course`` at every time, in noise."""
    y = np.repeat(["a", "b"], stimuli // 2)
    x = (
        rng.normal(size=(stimuli, len(course), units))
        + np.asarray(course)[None, :, None] * (y == "b")[:, None, None]
    )
    return xr.DataArray(x, {axis: times}, ("stimulus", axis, "unit")), y


@pytest.mark.parametrize("axis", ["step", "time_ms"])
def test_a_planted_onset_comes_back_on_either_axis(axis):
    times = STEPS if axis == "step" else np.arange(-60.0, 100, 20)
    x, y = responses(np.random.default_rng(0), 2.0 * (STEPS >= 4), axis=axis, times=times)
    found = discrimination_latency(x, y, inference=Inference(permutations=40, n=100))
    assert float(found.onset) == times[3]
    assert found.onset_interval.values.tolist() == [times[3], times[3]]
    assert times[2] < float(found.half_maximum) <= times[3]
    assert float(found.peak) >= times[3]
    assert found.attrs["axis"] == axis
    assert (found.p.values[3:] < 0.05).all()
    assert (found.p.values[:3] > 0.05).all()


@pytest.mark.slow
def test_planted_times_lie_in_their_intervals_at_the_stated_rate():
    # The truth for classifiers of this many stimuli: half of the maximum of the mean accuracy over
    # many data sets.
    course, runs = np.array([0, 0, 0, 0.25, 0.5, 1.2, 1.2, 1.2]), 40
    found = []
    for seed in range(runs):
        x, y = responses(np.random.default_rng(100 + seed), course, stimuli=200)
        found.append(
            discrimination_latency(x, y, inference=Inference(permutations=20, n=100, rng=seed))
        )
    mean = np.mean([f.accuracy.values for f in found], 0)
    truth = float(moments(mean, STEPS.astype(float), 0.55, level=0.5, bins=1)["half_maximum"])
    bounds = np.array([f.half_maximum_interval.values for f in found])
    inside = int(((bounds[:, 0] <= truth) & (truth <= bounds[:, 1])).sum())
    assert scipy.stats.binomtest(inside, runs, 0.95).pvalue > 0.001


@pytest.mark.slow
def test_without_a_difference_there_is_seldom_an_onset():
    runs = 40
    false = 0
    for seed in range(runs):
        x, y = responses(
            np.random.default_rng(seed), np.zeros(5), times=STEPS[:5], stimuli=40, units=6
        )
        false += np.isfinite(
            float(
                discrimination_latency(
                    x, y, inference=Inference(permutations=39, n=20, rng=seed)
                ).onset
            )
        )
    assert false <= scipy.stats.binom.ppf(0.999, runs, 0.05)


def test_states_of_a_recording_are_populated_before_they_discriminate(recording):
    from cortexsim import open_recording

    tree = open_recording(recording)
    y = np.arange(tree["V1"].sizes["stimulus"]) % 2  # no label of the photographs
    found = discrimination_latency(
        recording, y, inference=Inference(permutations=20, n=20), cv=CrossValidation(folds=3)
    )
    assert found.first_populated.values.tolist() == [1, 2, 3, 4]
    assert np.isnan(found.accuracy.sel(state="IT", step=3))
    assert found.time_ms.values[0] == 25
    late = found.onset.values[np.isfinite(found.onset.values)]
    assert (late >= 1).all()


@pytest.mark.parametrize(
    "change", [{"permutations": 5}, {"n": 0}, {"alpha": 2}, {"bins": 0}, {"estimator": "svm"}]
)
def test_settings_that_give_no_onset_are_refused(change):
    x, y = responses(np.random.default_rng(0), np.zeros(3), times=STEPS[:3])
    with pytest.raises(AnalysisError):
        discrimination_latency(
            x, y, **grouped(discrimination_latency, **{"permutations": 20, "n": 20, **change})
        )
