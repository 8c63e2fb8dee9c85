"""Summaries of results that do not name their analysis: recognised, and true to their numbers."""

import numpy as np
import pytest
import xarray as xr

from cortexsim.analysis import (
    Inference,
    compare_reaction_times,
    confusion_consistency,
    cross_entropy,
    early_late,
    error_consistency,
    image_consistency,
    partition,
    reaction_times,
    selectivity_latency,
    solution_times,
    speed_accuracy,
    summary,
    time_helps,
)
from cortexsim.analysis.summaries import SUMMARIES, analysis_of
from cortexsim.analysis.summaries_of_parts import VARIABLES
from cortexsim.errors import AnalysisError

FEW = Inference(n=50)
SHOWN = ("r2_both", "unique_a", "unique_b", "shared")
THREE = np.array(
    [
        [[0.5, 0.5], [0.6, 0.4], [0.9, 0.1]],
        [[0.5, 0.5], [0.4, 0.6], [0.1, 0.9]],
        [[0.5, 0.5], [0.6, 0.4], [0.8, 0.2]],
    ]
)


def people(count=120):
    """What a network and people say of ``count`` images of three classes."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], count // 3)
    p = np.exp(rng.uniform(0, 2, count)[:, None] * np.eye(3)[y])
    p /= p.sum(1, keepdims=True)
    return p[:, None], rng.multinomial(100, p), y


def made_partition():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 60, 3))
    y = a[:, :1] + b[:, :1] + rng.normal(size=(60, 5))
    return partition(a, b, y, inference=FEW)


def made_selectivity():
    rng, y = np.random.default_rng(0), np.repeat([0, 1], 20)
    x = rng.normal(size=(40, 4, 2)) + 3 * y[:, None, None] * (np.arange(4) >= 2)[:, None]
    x = xr.DataArray(x, dims=("stimulus", "step", "unit"))
    return selectivity_latency(x, y, inference=Inference(permutations=99))


def made_compared_times():
    ease = np.random.default_rng(0).uniform(0.2, 3, 60)
    p = 1 / (1 + np.exp(-ease[:, None] * np.arange(1, 9)))
    few = Inference(permutations=20, n=50)
    return compare_reaction_times(np.stack([p, 1 - p], -1), -ease, [0] * 60, inference=few)


def made_time_helps():
    correct = np.array([[True, True]] * 40 + [[False, True]] * 30 + [[False, False]] * 10)
    return time_helps(correct, [0] * 40 + [1] * 40, inference=FEW)


MADE = {
    "partition": made_partition,
    "selectivity_latency": made_selectivity,
    "error_consistency": lambda: error_consistency(
        np.random.default_rng(0).random((3, 40)) < 0.7,
        np.random.default_rng(1).random(40) < 0.7,
        inference=Inference(n=50, permutations=20),
    ),
    "cross_entropy": lambda: cross_entropy(*people(), inference=FEW),
    "time_helps": made_time_helps,
    "confusion_consistency": lambda: confusion_consistency(
        *people(), choice="probability", inference=FEW
    ),
    "image_consistency": lambda: image_consistency(*people(), inference=FEW),
    "compare_reaction_times": made_compared_times,
    "speed_accuracy": lambda: speed_accuracy(
        np.array([[[0.6, 0.4], [0.99, 0.01]], [[0.4, 0.6], [0.9, 0.1]]] * 10),
        [0] * 20,
        thresholds=[0.1, 1.0],
        inference=FEW,
    ),
    "solution_times": lambda: solution_times(THREE, 1.0, [0, 1, 1]),
    "reaction_times": lambda: reaction_times(THREE[:, 1:], 0.6, [0, 1, 1]),
    "early_late": lambda: early_late(solution_times(THREE, 1.0, [0, 1, 1]), [1.0, 2.0, 3.0]),
}


def numbers(result, analysis):
    """What must stand in the summary, taken from the result by other means than the summary's."""
    r = result
    if analysis == "partition":
        return [f"{part}: {float(r.mean_over_units.sel(part=part)):.2f}" for part in SHOWN]
    if analysis == "selectivity_latency":
        return ["100% of 2 units", "median 3, quartiles 3 to 3"]
    if analysis == "error_consistency":
        k = int(np.argmax(r.kappa.values))
        return [f"first {k}: {float(r.kappa[k]):.2f}", f"p {float(r.p[k]):.2g}", "of 3:"]
    if analysis == "cross_entropy":
        return [f"{float(r.cross_entropy.min()):.2f} nats", f"{float(r.floor):.2f}, uniform 1.10"]
    if analysis == "time_helps":
        low, high = r.interaction_interval.values
        return ["easy +0.00 (n = 40)", "hard +0.75 (n = 40)", f"{low:.2f} to {high:.2f}"]
    if analysis in ("confusion_consistency", "image_consistency"):
        value = "rho" if "rho" in r else "value"
        return [f"{float(r[value].max()):.2f}", f"ceiling {float(r.ceiling):.2f}"]
    if analysis == "compare_reaction_times":
        return [f"tau {float(r.tau):.2f}", f"p {float(r.p):.2g}", f"{float(r.coverage):.0%}"]
    if analysis == "speed_accuracy":
        return [f"{float(r.accuracy.max()):.2f}", f"{float(r.fixed_accuracy.max()):.2f} ("]
    if analysis == "early_late":
        return [f"difference {float(r.difference):+.2f}"]
    happened = "solved" if "solved" in r else "answered"
    done = r[happened].values.astype(bool)
    return [f"{happened} {done.sum()} of 3", f"median {np.median(r.time.values[done]):g}"]


@pytest.mark.parametrize("analysis", MADE)
def test_it_is_recognised_and_says_the_numbers_of_the_result(analysis, tmp_path):
    result = MADE[analysis]()
    assert analysis_of(result) == analysis
    text = summary(result).text
    assert text.startswith(f"{analysis}: ")
    for number in numbers(result, analysis):
        assert number in text
    # After a journey over the disk it is still recognised, and says the same.
    result.reset_index([]).to_netcdf(tmp_path / "a.nc", engine="netcdf4")
    with xr.open_dataset(tmp_path / "a.nc", engine="netcdf4") as again:
        assert summary(again).text == text


def test_every_one_that_is_told_by_its_variables_is_tried():
    assert set(MADE) == set(VARIABLES)
    assert set(VARIABLES) < set(SUMMARIES)


def test_a_comparison_names_the_judged_network_and_not_a_better_control():
    values = np.array([[[0.1, 0.3], [0.9, 0.8]]])
    bounds = np.stack([values - 0.05, values + 0.05], -1)
    result = xr.Dataset(
        {
            "evaluation": (("state", "network", "step"), values),
            "interval": (("state", "network", "step", "bound"), bounds),
            "p_zero_corrected": (("state", "network", "step"), values / 10),
            "ceiling": ("bound", [0.5, 0.6]),
        },
        {"state": ["IT"], "network": ["mine", "static"], "step": [1, 2]},
        {"analysis": "evaluate", "conditions": 24, "quantity": "similarity", "neural_name": "data"},
    )
    assert summary(result).text.splitlines() == [
        "compare: mine with data, 24 stimuli; similarity",
        "largest of 2: state IT, step 2: 0.30, interval 0.25 to 0.35",
        "corrected p against zero 0.03",
        "noise ceiling: 0.50 to 0.60",
        "controls at the same place: static 0.80",
    ]


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("ok", "threshold 50 ms, 95 % interval 30 to 60"),
        ("no effect", "threshold: none (no effect)"),
    ],
)
def test_a_masking_experiment_says_its_largest_effect(status, says):
    accuracy = np.array([[[[[0.9]], [[0.4]]]]])  # network, lesion, mask, soa_ms, readout
    effect = accuracy[:, :, :1] - accuracy
    dims = ("network", "lesion", "mask", "soa_ms", "readout")
    result = xr.Dataset(
        {
            "guess": ((*dims, "stimulus"), np.zeros((*accuracy.shape, 3), int)),
            "accuracy": (dims, accuracy),
            "dprime": (dims, accuracy),
            "effect": (dims, effect),
            "effect_interval": ((*dims, "bound"), np.stack([effect - 0.1, effect + 0.1], -1)),
            "threshold_ms": (("network", "lesion", "mask", "readout"), [[[[50.0], [50.0]]]]),
            "threshold_status": (("network", "lesion", "mask", "readout"), [[[[status]] * 2]]),
            "threshold_interval": (
                ("network", "lesion", "mask", "readout", "bound"),
                [[[[[30.0, 60.0]]] * 2]],
            ),
        },
        {"network": ["mine"], "lesion": ["none"], "mask": ["none", "pink"], "soa_ms": [25.0]},
        {"n": 3, "chance": 0.1},
    ).assign_coords(readout=[4])
    assert summary(result).text.splitlines() == [
        "mask: mine; 3 stimuli, chance 0.1",
        "largest effect of 2: network mine, lesion none, mask pink, soa_ms 25, readout 4: accuracy "
        "0.90 without a mask, 0.40 with it; difference 0.50, 95 % interval 0.40 to 0.60",
        says,
    ]


def test_what_is_nothing_of_ours_is_refused():
    with pytest.raises(AnalysisError, match="no summary of a result of None"):
        summary(xr.Dataset({"a": 1}))
