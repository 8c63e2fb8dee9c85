"""Figures of latencies show the numbers of the result."""

import json

import numpy as np
import pytest
import xarray

from cortexsim.errors import AnalysisError
from cortexsim.plotting import fitted_axis, latency
from cortexsim.timeaxis import TimeAxis

BOUNDS = ["lower", "upper"]


def population(at=60.0, interval=(50.0, 70.0)):
    each = np.array([40.0, 60, 80, np.nan])
    attrs = {"analysis": "population_latency", "method": "onset", "members": 4, "confidence": 0.95}
    return xarray.Dataset(
        {"latency_ms": at, "interval": ("bound", list(interval)), "each": ("member", each)},
        {"bound": BOUNDS},
        attrs,
    )


def words(figure):
    return [" ".join(t.get_text().split()) for t in figure.legends[0].get_texts()]


def test_members_begin_one_by_one_and_the_mean_stands_with_its_interval():
    figure = latency(population())
    (axes,) = figure.axes
    steps = axes.lines[0].get_xydata()
    assert steps.tolist() == [[40, 0], [40, 0.25], [60, 0.5], [80, 0.75]]  # one never begins
    assert axes.lines[1].get_xdata()[0] == 60
    (band,) = axes.patches
    assert (band.get_x(), band.get_x() + band.get_width()) == (50, 70)
    assert words(figure)[1:] == ["mean of members: 60 ms", "95 % interval [50, 70] ms"]


def test_an_open_interval_and_no_latency_are_said():
    assert "95 % interval from 50 ms" in words(latency(population(interval=(50, np.nan))))
    none = population(at=np.nan, interval=(np.nan, np.nan))
    assert "their mean has no latency" in words(latency(none))


def test_two_areas_and_their_difference():
    result = xarray.Dataset(
        {
            "difference_ms": 40.0,
            "interval": ("bound", [25.0, 55.0]),
            "p": 0.004,
            "latency_ms": ("area", [50.0, 90.0]),
        },
        {"bound": BOUNDS, "area": ["first", "second"]},
        {"analysis": "latency_difference", "method": "half_maximum", "members": "30, 30"},
    )
    figure = latency(result)
    left, right = figure.axes
    assert [line.get_xdata()[0] for line in left.lines if line.get_marker() != "None"] == [50, 90]
    assert [25, 55] in [list(line.get_xdata()) for line in right.lines]
    assert right.get_title() == "+40 ms, p = 0.004"


def test_moments_of_each_state():
    values = np.array([[2.0, 1.0], [2.5, np.nan], [3.0, 3.0]])
    variables = {}
    for name, row in zip(("onset", "half_maximum", "peak"), values, strict=True):
        variables[name] = ("state", row)
        variables[f"{name}_interval"] = (("state", "bound"), np.stack([row - 0.5, row + 0.5], 1))
    result = xarray.Dataset(
        {**variables, "chance": 0.5},
        {"state": ["V1", "IT"], "bound": BOUNDS, "step": [1, 2, 3, 4]},
        {"analysis": "discrimination_latency", "estimator": "ridge", "stimuli": 60, "axis": "step"},
    )
    (axes,) = latency(result, width_mm=89).axes
    points = [line for line in axes.lines if line.get_marker() in "oDs" and len(line.get_xdata())]
    shown = [float(line.get_xdata()[0]) for line in points]
    assert shown == [2, 2.5, 3, 1, 3], "the half maximum of IT is none"
    assert [t.get_text() for t in axes.get_yticklabels()] == ["V1", "IT"]


def test_a_fitted_axis_is_a_line_through_the_similarities():
    axis = TimeAxis(step_ms=30.0, onset_ms=50.0, step_ms_low=25.0, step_ms_high=35.0)
    rng = np.random.default_rng(0)
    result = xarray.Dataset(
        {
            "onset_ms": 50.0,
            "step_ms": 30.0,
            "interval": (("parameter", "bound"), [[45.0, 55.0], [28.0, np.nan]]),
            "similarity": (("step", "time_ms"), rng.random((3, 8))),
            "objective": (("onset", "step_duration"), rng.random((5, 4))),
            "held_out": ("axis", [0.5, 0.4, 0.3]),
            "p_alignment": 0.01,
            "p_order": 0.2,
        },
        {
            "parameter": ["onset_ms", "step_ms"],
            "bound": BOUNDS,
            "step": [1, 2, 3],
            "time_ms": np.arange(0.0, 160, 20),
            "onset": np.arange(40.0, 65, 5),
            "step_duration": [20.0, 25, 30, 35],
            "axis": ["fitted", "declared", "static"],
        },
        {
            "analysis": "fit_time_axis",
            "comparator": "pearson",
            "confidence": 0.95,
            "time_axis": json.dumps(axis.as_dict()),
        },
    )
    left, middle, right, *_ = fitted_axis(result).axes
    np.testing.assert_allclose(left.lines[-1].get_xydata(), [[50, 1], [80, 2], [110, 3]])
    np.testing.assert_allclose(left.collections[0].get_array(), result.similarity)
    ends = [list(line.get_xdata()) for line in middle.lines]
    assert [28, 30] in ends, "an end that is not known stays at the point"
    assert [bar.get_height() for bar in right.patches] == [0.5, 0.4, 0.3]


def test_other_data_are_refused():
    with pytest.raises(AnalysisError, match="no latency is in this data set, which has a"):
        latency(xarray.Dataset({"a": 1.0}))
    with pytest.raises(AnalysisError, match="missing"):
        fitted_axis(xarray.Dataset({"a": 1.0}))
