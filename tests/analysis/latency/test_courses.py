"""Courses of recorded states: when they begin, their size, their baseline."""

import numpy as np
import pytest
import xarray as xr

from cortexsim.analysis import (
    Inference,
    latencies,
    latency_difference,
    state_courses,
)
from cortexsim.errors import AnalysisError


@pytest.mark.parametrize("per", ["unit", "stimulus"])
def test_a_state_begins_when_it_is_first_populated(recording, per):
    for first, state in enumerate(["V1", "V2", "V4", "IT"], start=1):
        courses, steps = state_courses(recording, state, per=per)
        onset = latencies(courses, steps, baseline_ms="silent", bins=1)
        alive = np.nan_to_num(courses).any(1)
        assert (onset[alive] == first).mean() > 0.9
        assert np.isnan(courses[:, : first - 1]).all()
    found = latency_difference(
        state_courses(recording, "V1", per=per)[0],
        courses,
        steps,
        method="onset",
        baseline_ms="silent",
        bins=1,
        inference=Inference(n=50),
    )
    assert float(found.difference_ms) == 3


def test_size_and_selectivity_by_hand():
    x = np.array([[[3.0, 4.0]], [[1.0, 0.0]]])
    array = xr.DataArray(x, dims=("stimulus", "step", "unit"))
    np.testing.assert_allclose(
        state_courses(array, "h", "size", per="stimulus")[0][:, 0], [np.sqrt(12.5), np.sqrt(0.5)]
    )
    np.testing.assert_allclose(
        state_courses(array, "h", "size", per="unit")[0][:, 0], [np.sqrt(5), np.sqrt(8)]
    )
    np.testing.assert_allclose(
        state_courses(array, "h", "selectivity", per="unit")[0][:, 0], x[:, 0].std(0)
    )
    with pytest.raises(AnalysisError, match="quantity"):
        state_courses(array, "h", "loudness")


def test_silence_before_a_state_is_its_baseline():
    course = np.array([np.nan, np.nan, 1.0, 3.0, 4.0])
    times = np.array([25.0, 50, 75, 100, 125])
    assert latencies(course, times, baseline_ms="silent", bins=1) == 75
    assert latencies(course, times, "half_maximum", baseline_ms="silent", bins=1) == 87.5
    assert latencies(course, times, "peak", baseline_ms="silent", bins=1) == 125
    # Half is crossed on the way to the first time, which is the onset: not before it.
    assert latencies([2.0, 2.0], [1, 2], "half_maximum", baseline_ms="silent", bins=1) == 1
    assert np.isnan(latencies(np.full(5, np.nan), times, baseline_ms="silent"))
    with pytest.raises(AnalysisError, match="NaN"):
        latencies([1.0, np.nan, 1.0], [1, 2, 3], baseline_ms="silent")
    with pytest.raises(AnalysisError, match="window"):
        latencies(np.nan_to_num(course), times, baseline_ms="quiet")


def test_latencies_of_steps_are_in_steps_and_say_so(recording):
    import cortexsim
    from cortexsim.analysis import population_latency, summary

    courses, steps = state_courses(recording, "V2")
    assert steps.dtype.kind == "i"
    how = {"baseline_ms": "silent", "method": "onset", "bins": 1}
    quick = Inference(n=50)
    in_steps = population_latency(courses, steps, inference=quick, **how)
    axis = cortexsim.TimeAxis(25.0, 20.0, 50.0)
    in_ms = population_latency(courses, axis.time_ms(steps), inference=quick, **how)
    assert (in_steps.attrs["axis"], in_ms.attrs["axis"]) == ("step", "time_ms")
    assert (float(in_steps.latency_ms), float(in_ms.latency_ms)) == (2, 50)
    assert "2 steps (no ms declared)" in summary(in_steps).text
    assert " ms" not in summary(in_steps).text.replace("no ms declared", "")
    assert "50 ms" in summary(in_ms).text
    for result, said in ((in_steps, "step of the network"), (in_ms, "ms after stimulus onset")):
        assert said in {axes.get_xlabel() for axes in result.cortexsim.plot().axes}
    array = xr.DataArray(courses, {"step": steps}, ("unit", "step"))
    assert population_latency(array, inference=quick, **how).attrs["axis"] == "step"
    both = latency_difference(courses, courses, steps, inference=quick, **how)
    assert "steps (no ms declared)" in summary(both).text
    labels = {axes.get_xlabel() for axes in both.cortexsim.plot().axes}
    assert not any("ms" in text for text in labels)
    with pytest.raises(AnalysisError, match="by time in ms and the second by step"):
        latency_difference(
            courses, courses, axis.time_ms(steps), second_times_ms=steps, inference=quick, **how
        )
