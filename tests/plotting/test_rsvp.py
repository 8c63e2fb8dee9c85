"""Features in a stream: nothing that is drawn is cut off, and states are told apart in grey."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from cortexsim.plotting.rsvp import NO_ONSET, features_by_time, moments_by_feature
from cortexsim.timeaxis import TimeAxis

STATES = ["V1", "V2", "V4", "IT"]
STEPS = np.arange(-1, 12)


def decoded(lowest, highest):
    """What ``discrimination_latency`` gives of a feature of four levels."""
    accuracy = np.tile(np.linspace(lowest, highest, len(STEPS)), (len(STATES), 1))
    moments = {
        name: ("state", np.arange(4.0) + k) for k, name in enumerate(("onset", "peak"), start=1)
    }
    bounds = {
        f"{name}_interval": (("state", "bound"), np.stack([at - 0.5, at + 1], 1))
        for name, (_, at) in moments.items()
    }
    return xr.Dataset(
        {"accuracy": (("state", "step"), accuracy), "chance": 0.25, "critical": 0.3}
        | moments
        | bounds,
        coords={"state": STATES, "step": STEPS},
    )


def people(lowest, highest):
    """The accuracy of two people ``(subject, time_ms)``."""
    mean = 0.25 + np.array([lowest, 0.0, highest, 0.0])
    return xr.DataArray(
        np.stack([mean - 0.0005, mean + 0.0005]),
        dims=("subject", "time_ms"),
        coords={"time_ms": [0.0, 50.0, 100.0, 200.0]},
    )


# Network: hardly, and far, below chance. People: hardly, and as far below as above.
@pytest.mark.parametrize("network", [(0.24, 0.99), (0.1, 0.3), (0.25, 0.26)])
@pytest.mark.parametrize("eeg", [(-0.002, 0.012), (-0.01, 0.01), (0.0, 0.1)])
def test_both_courses_are_inside_and_chance_is_at_one_height(network, eeg):
    axes = features_by_time(Figure().subplots(), decoded(*network), people(*eeg), axis=TimeAxis())
    left, right = axes.figure.axes
    for side in (left, right):
        low, high = side.get_ylim()
        assert low < side.dataLim.y0
        assert side.dataLim.y1 < high
    heights = [(0.25 - low) / (high - low) for low, high in (a.get_ylim() for a in (left, right))]
    assert heights[0] == pytest.approx(heights[1])


def test_markers_tell_states_and_filling_onset_from_peak():
    seen = {"onset_ms": 80.0, "onset_interval_ms": (70, 90)}
    seen |= {"peak_ms": 110.0, "peak_interval_ms": (100, 120)}
    features = {"colour": decoded(0.2, 0.5)}
    axes = moments_by_feature(Figure().subplots(), features, {"colour": seen}, axis=TimeAxis())
    looks = {
        line.get_label(): (line.get_marker(), same_color(line.get_markerfacecolor(), "white"))
        for line in axes.lines
        if ": " in line.get_label()
    }
    assert len(looks) == len(set(looks.values())) == 2 * (len(STATES) + 1)
    assert {name.split(": ")[1] for name, (_, hollow) in looks.items() if hollow} == {"peak"}


@pytest.mark.parametrize("found", [True, False])
def test_a_state_without_an_onset_is_said_to_have_none(found):
    one = decoded(0.2, 0.5)
    if not found:  # of V4, nor a peak then
        for name in ("onset", "peak"):
            one[name] = one[name].where(one.state != "V4")
    seen = {"onset_ms": 80.0, "onset_interval_ms": (70, 90)}
    seen |= {"peak_ms": 110.0, "peak_interval_ms": (100, 120)}
    axes = moments_by_feature(
        Figure().subplots(), {"colour": one}, {"colour": seen}, axis=TimeAxis()
    )
    assert (NO_ONSET in axes.get_legend_handles_labels()[1]) is not found


def test_the_legend_says_on_which_axis_what_is_drawn():
    axes = features_by_time(Figure().subplots(), decoded(0.2, 0.5), people(0, 0.1), axis=TimeAxis())
    labels = axes.get_legend_handles_labels()[1]
    assert [label.split(", ")[-1] for label in labels if "axis" in label] == [
        "left axis",
        "right axis",
    ]
    assert axes.figure.axes[1].get_ylabel() == "EEG"
