"""Times in another unit, at every public function that takes data with times."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray

from cortexsim import TimeAxis, analysis, interop, neural, plotting
from cortexsim.analysis import CrossValidation, Inference
from cortexsim.errors import AnalysisError, CortexsimError
from cortexsim.labelled.rdms import pair_coords
from cortexsim.milliseconds import times_of

N, TIMES = 12, np.arange(-100.0, 200.0, 20.0)
IDS = [f"image {k}" for k in range(N)]
LABELS = np.arange(N) % 2
THREE = CrossValidation(folds=3, inner_folds=3)
FEW = Inference(n=20)
STEPS = xarray.DataArray(
    np.random.default_rng(1).random((4, 66)), {"step": [1, 2, 3, 4], **pair_coords(IDS)},
    ("step", "pair"),
)  # fmt: skip


def timed(times: xarray.DataArray, *before: str) -> xarray.DataArray:
    """Numbers with these times as their last axis."""
    sizes = {"stimulus": N, "unit": 5, "subject": 6, "pair": 66}
    ids = {"stimulus_id": ("stimulus", IDS)} if "stimulus" in before else {}
    pairs = pair_coords(IDS) if "pair" in before else {}
    values = np.random.default_rng(0).random((*(sizes[d] for d in before), times.size))
    return xarray.DataArray(values, {"time_ms": times, **ids, **pairs}, (*before, "time_ms"))


def responses(times: xarray.DataArray) -> xarray.DataArray:
    return timed(times, "stimulus", "unit")


def data(times: xarray.DataArray) -> xarray.Dataset:
    return responses(times).to_dataset(name="responses")


def of_labels(name: str) -> Callable[[xarray.DataArray], Any]:
    function = getattr(analysis, name)
    return lambda t: function(responses(t), LABELS)


def features() -> np.ndarray:
    return np.random.default_rng(2).random((N, 6))


def chances(times: xarray.DataArray) -> xarray.DataArray:
    p = timed(times, "stimulus").expand_dims({"class": ["a", "b"]})
    return xarray.concat([p.isel({"class": 0}), 1 - p.isel({"class": 1})], "class")


DOORS: dict[str, Callable[[xarray.DataArray], Any]] = {
    **{f"analysis.{k}": of_labels(k) for k in ("decode", "read_answers")},
    "analysis.discrimination_latency": of_labels("discrimination_latency"),
    "analysis.selectivity_latency": of_labels("selectivity_latency"),
    "analysis.encode": lambda t: analysis.encode(
        features(), responses(t), cv=THREE, inference=FEW
    ),
    "analysis.partition": lambda t: analysis.partition(
        features(), features()[::-1].copy(), responses(t), cv=THREE,
        inference=Inference(n=20, permutations=0),
    ),
    "analysis.evaluate": lambda t: analysis.evaluate(
        STEPS.mean("step"), timed(t, "subject", "pair"), inference=FEW
    ),
    "analysis.evaluate, models": lambda t: analysis.evaluate(
        timed(t, "pair"), STEPS.rename(step="subject"), inference=FEW
    ),
    "analysis.fit_time_axis": lambda t: analysis.fit_time_axis(STEPS, timed(t, "pair")),
    "analysis.latencies": lambda t: analysis.latencies(timed(t, "unit")),
    "analysis.latency_difference": lambda t: analysis.latency_difference(
        timed(t, "unit"), timed(t, "subject")
    ),
    "analysis.population_latency": lambda t: analysis.population_latency(timed(t, "unit")),
    "analysis.significance_onset": lambda t: analysis.significance_onset(
        timed(t, "subject") - 0.5
    ),
    "analysis.solution_times": lambda t: analysis.solution_times(chances(t), 0.5, LABELS),
    "analysis.reaction_times": lambda t: analysis.reaction_times(chances(t), 0.5, LABELS),
    "analysis.speed_accuracy": lambda t: analysis.speed_accuracy(chances(t), LABELS),
    "analysis.time_helps": lambda t: analysis.time_helps(timed(t, "stimulus") > 0.5, LABELS),
    "neural.from_responses": lambda t: neural.from_responses(responses(t)),
    "neural.from_rdms": lambda t: neural.from_rdms(timed(t, "pair")),
    "neural.baseline": lambda t: neural.baseline(data(t), (float(t[0]), float(t[3]))),
    "neural.sliding": lambda t: neural.sliding(data(t), 2 * float(t[1] - t[0])),
    "neural.response_rdms": lambda t: neural.response_rdms(data(t)),
}  # fmt: skip
# Of these a word says that they take times, and why they are not above.
OTHERS = {
    "analysis": {
        "compare_reaction_times": "as reaction_times",
        "relative_steps": "a TimeAxis",
        "distances": "a TimeAxis",
        "jacobian": "a TimeAxis",
        "fit_weibull": "SOAs: tests/analysis/statistics/test_doors.py",
        "goodness_of_fit": "SOAs: tests/analysis/statistics/test_doors.py",
        "threshold": "SOAs: tests/analysis/statistics/test_doors.py",
    },
    "neural": {
        "from_nwb": "tests/neural/own/test_nwb.py",
        "from_latencies": "a table: tests/neural/own/test_latencies.py",
        "from_trials": "a table: tests/neural/own/test_trials.py",
        "latency_ladder": "what from_latencies gives",
        "bin_spikes": "spikes: tests/neural/spikes/test_doors.py",
    },
    "interop": {"to_neuroid_assembly": "bins: tests/interop/test_assembly.py"},
    "plotting": {
        "timeline": "a TimeAxis",
        "time_by_time": "a result",
        "latency": "a result",
        "latency_ladder": "a result",
        "trajectories": "drawn only",
    },
}
UNITS = {"s": 1e-3, "seconds": 1e-3, "us": 1e3, "min": 1 / 60_000, "samples": 0.5}


def in_unit(unit: str | None, factor: float) -> xarray.DataArray:
    attrs = {} if unit is None else {"units": unit}
    return xarray.DataArray(TIMES * factor, dims="time_ms", attrs=attrs)


def has_a_word_for_time(name: str, function: Any) -> bool:
    words = "_".join([name, *inspect.signature(function).parameters]).split("_")
    return bool({"ms", "time", "times", "latency", "latencies"} & set(words))


def test_every_public_function_with_a_word_for_time_is_here():
    for module in (analysis, neural, interop, plotting):
        room = module.__name__.split(".")[-1]
        asking = {
            name
            for name, function in ((n, getattr(module, n)) for n in dir(module))
            if callable(function)
            and not isinstance(function, type)
            and has_a_word_for_time(name, function)
        }
        tested = {d.split(",")[0].split(".")[1] for d in DOORS if d.startswith(room)}
        assert asking <= tested | set(OTHERS[room])
        assert set(OTHERS[room]) <= asking, "no other than these"


@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize("unit", UNITS)
def test_times_in_another_unit_are_refused_by_the_unit_that_they_state(name, unit):
    with pytest.raises(AnalysisError, match=rf"time_ms (is in|counts) {unit}; milliseconds"):
        DOORS[name](in_unit(unit, UNITS[unit]))


@pytest.mark.parametrize("name", DOORS)
def test_seconds_that_nobody_states_are_refused_by_their_size(name):
    with pytest.raises(AnalysisError, match="these look like seconds"):
        DOORS[name](in_unit(None, 1e-3))


@pytest.mark.parametrize("name", DOORS)
def test_milliseconds_are_never_taken_for_another_unit(name):
    said = ""
    try:
        DOORS[name](in_unit("ms", 1.0))
    except CortexsimError as error:
        said = str(error)
    assert "milliseconds" not in said


def test_of_a_slow_brain_in_seconds_the_unit_counts_not_the_size():
    volumes = xarray.DataArray(np.arange(0, 20, 2.0), dims="time_ms", attrs={"units": "s"})
    with pytest.raises(AnalysisError, match="time_ms is in s"):
        neural.from_responses(responses(volumes))
    with pytest.raises(AnalysisError, match="time_ms is in s"):
        neural.from_rdms(timed(volumes, "pair"))


def test_what_is_said_to_be_ms_is_taken_as_the_advice_says():
    fast = xarray.DataArray(np.arange(5) * 0.6, dims="time_ms", attrs={"units": "ms"})
    assert neural.from_responses(responses(fast)).time_ms.values == pytest.approx(fast.values)
    assert neural.from_rdms(timed(fast, "pair")).time_ms.values == pytest.approx(fast.values)


def test_a_unit_of_its_own_is_named_with_what_to_do():
    with pytest.raises(AnalysisError, match=r"0\.001 \* time_ms"):
        times_of(xarray.DataArray([0.0, 5e4], {"time": [0, 1]}, ("time",), attrs={"units": "us"}))


@pytest.mark.parametrize("own", [None, 20.0])
def test_the_width_of_bins_is_kept_and_no_other_is_taken(own):
    times = in_unit("ms", 1.0).assign_attrs({} if own is None else {"bin_ms": own})
    for make, array in ((neural.from_responses, responses(times)),
                        (neural.from_rdms, timed(times, "pair"))):  # fmt: skip
        assert make(array).time_ms.attrs.get("bin_ms") == own
        assert make(array, bin_ms=20).time_ms.attrs["bin_ms"] == 20
        if own is not None:
            with pytest.raises(AnalysisError, match=r"bin_ms=5 is stated.*bins of 20 ms"):
                make(array, bin_ms=5)


def test_a_baseline_in_seconds_is_no_single_bin():
    with pytest.raises(AnalysisError, match=r"seconds. Give milliseconds: \(-100, 0\)"):
        neural.baseline(data(in_unit("ms", 1.0)), (-0.1, 0))
    assert neural.baseline(data(in_unit("ms", 1.0)), (0, 0)).responses.shape == (N, 5, len(TIMES))


@pytest.mark.parametrize(
    "seconds",
    [{"step_ms": 0.025, "step_ms_low": 0.02, "step_ms_high": 0.05}, {"onset_ms": 0.06}],
)
def test_a_time_axis_in_seconds_is_refused(seconds):
    with pytest.raises(CortexsimError, match="look like seconds"):
        TimeAxis(**seconds)


@pytest.mark.parametrize("name", DOORS)
def test_times_that_do_not_ascend_are_refused(name):
    backwards = in_unit("ms", 1.0)[::-1]
    twice = in_unit("ms", 1.0)[np.repeat(np.arange(8), 2)[: len(TIMES)]]
    for times in (backwards, twice):
        with pytest.raises(AnalysisError, match=r"time_ms must ascend; entry 0"):
            DOORS[name](times)


def test_steps_that_do_not_ascend_are_refused_where_neighbours_or_early_and_late_count():
    correct = timed(in_unit("ms", 1.0), "stimulus")[:, :2] > 0.5
    looks = correct.rename(time_ms="step").assign_coords(step=[2, 1])
    with pytest.raises(AnalysisError, match="step must ascend; entry 0 is 2, entry 1 is 1"):
        analysis.time_helps(looks, LABELS)
    people = timed(in_unit("ms", 1.0), "subject", "pair").mean("time_ms")
    turned = STEPS.isel(step=[2, 0, 1])
    few = Inference(n=20, permutations=20)
    with pytest.raises(AnalysisError, match="step must ascend; entry 0 is 3, entry 1 is 1"):
        analysis.evaluate(turned, people, inference=few, clusters=analysis.ClusterTest())
    found = analysis.evaluate(turned, people, inference=few).evaluation
    expected = analysis.evaluate(STEPS, people, inference=few).evaluation
    xarray.testing.assert_allclose(found.drop_attrs(), expected.sel(step=found.step).drop_attrs())
