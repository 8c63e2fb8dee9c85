"""What comes into the latencies: ids, dimensions, units, types and scale change no number."""

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

import cortexsim.analysis
from cortexsim.analysis import (
    Inference,
    discrimination_latency,
    fit_time_axis,
    latencies,
    latency_difference,
    population_latency,
    selectivity_latency,
    significance_onset,
    state_courses,
)
from cortexsim.errors import AnalysisError
from cortexsim.labelled.rdms import pair_coords
from cortexsim.pairs import pairs_among

TIMES = np.arange(-100.0, 200, 10)
UNITS = [f"u{k}" for k in range(12)]
FEW = Inference(n=30)


def rates(start=50, seed=0):
    """Whole numbers below 200, which every type of number holds exactly."""
    rng = np.random.default_rng(seed)
    later = start + 10 * (np.arange(12) % 3)[:, None] <= TIMES
    return (rng.integers(20, 40, (12, 30)) + 120 * later).astype(np.float64)


X, Y = rates(), rates(80, 1)


def difference(x, t=None, **more):
    second = x.copy(data=Y) if isinstance(x, xr.DataArray) and x.dims[-1] == "time_ms" else Y
    more = more if t is not None else {"second_times_ms": None if second is not Y else TIMES}
    return latency_difference(x, second, t, inference=FEW, **more)


# Every function that takes courses and times, as a list of its numbers.
CALLS = {
    "onset": lambda x, t=None: [latencies(x, t)],
    "half_maximum": lambda x, t=None: [latencies(x, t, "half_maximum")],
    "peak": lambda x, t=None: [latencies(x, t, "peak", baseline_ms=(-100, -10))],
    "population": lambda x, t=None: [
        population_latency(x, t, "half_maximum", inference=FEW)[k].values
        for k in ("latency_ms", "interval", "each")
    ],
    "difference": lambda x, t=None: [
        difference(x, t)[k].values for k in ("difference_ms", "interval", "p")
    ],
    "significance": lambda x, t=None: [
        significance_onset(x, t, chance=30, inference=FEW)[k].values
        for k in ("t", "p", "onset_ms", "interval")
    ],
}
COVERED = {
    *(latencies, population_latency, latency_difference, significance_onset, fit_time_axis),
    *(discrimination_latency, selectivity_latency, state_courses),
}

FORMS = {
    **{k: (lambda x, k=k: x.astype(k)) for k in ("u1", "i2", "f2", "f4", ">f8", ">i4", ">f4")},
    "strided": lambda x: np.repeat(np.repeat(x, 2, 0), 3, 1)[::2, ::3],
    "fortran": np.asfortranarray,
    "backwards": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "list": lambda x: x.tolist(),
    "torch": lambda x: torch.tensor(x, dtype=torch.float32, requires_grad=True),
    "bfloat16": lambda x: torch.tensor(x, dtype=torch.bfloat16),
    "DataFrame": pd.DataFrame,
    "columns are times": lambda x: pd.DataFrame(x, columns=TIMES, index=UNITS),
    "rows are times": lambda x: pd.DataFrame(
        x.T, index=pd.Index(TIMES, name="time_ms"), columns=UNITS
    ),
    "hides nothing": np.ma.masked_invalid,
    "DataArray": lambda x: named(x),
    "transposed": lambda x: named(x).T,
}


def named(x, dim="unit", times=TIMES, ids=UNITS):
    return xr.DataArray(x, {"time_ms": times, dim: list(ids)}, (dim, "time_ms"))


def equal(ours, theirs, **tolerance):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, **{"rtol": 0, "atol": 0, **tolerance})


def test_every_public_function_of_the_room_is_covered_here():
    public = {
        value
        for value in (getattr(cortexsim.analysis, k) for k in cortexsim.analysis.__all__)
        if getattr(value, "__module__", "").startswith("cortexsim.analysis.latency")
        and callable(value)
        and not isinstance(value, type)
    }
    assert public == COVERED


@pytest.mark.sampled(24)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("call", CALLS)
def test_the_form_of_courses_changes_no_number(call, form):
    assert np.isfinite(CALLS[call](X, TIMES)[0]).any()
    equal(CALLS[call](FORMS[form](X), TIMES), CALLS[call](X, TIMES))


@pytest.mark.parametrize("form", ["f4", ">f8", "i2", "list", "Index", "torch", "coordinate"])
@pytest.mark.parametrize("call", CALLS)
def test_the_form_of_times_changes_no_number(call, form):
    times = {
        "list": lambda: TIMES.tolist(),
        "Index": lambda: pd.Index(TIMES),
        "torch": lambda: torch.tensor(TIMES),
        "coordinate": lambda: named(X).time_ms,
    }.get(form, lambda: TIMES.astype(form))()
    equal(CALLS[call](X, times), CALLS[call](X, TIMES))


@pytest.mark.parametrize("call", CALLS)
def test_the_coordinate_of_courses_is_their_time(call):
    equal(CALLS[call](named(X)), CALLS[call](X, TIMES))
    equal(CALLS[call](named(X).T), CALLS[call](X, TIMES))


@pytest.mark.parametrize("factor", [1e-30, 2.0**-60, 2.0**60, 1e30])
@pytest.mark.parametrize("call", ["onset", "half_maximum", "peak", "population"])
def test_the_scale_of_courses_changes_no_latency(call, factor):
    equal(CALLS[call](X * factor, TIMES), CALLS[call](X, TIMES), rtol=1e-9)


@pytest.mark.parametrize("factor", [1e-30, 1e30])
def test_the_scale_of_effects_changes_no_onset(factor):
    plain, scaled = (
        significance_onset(X * f, TIMES, chance=30 * f, inference=FEW) for f in (1, factor)
    )
    for name in ("t", "p", "onset_ms", "interval"):
        np.testing.assert_allclose(scaled[name], plain[name], rtol=1e-9)


SPOILED = {
    "masked": (lambda x: np.ma.masked_greater(x, 100), "masked array that hides"),
    "complex": (lambda x: x + 0j, "real numbers"),
    "text": (lambda x: x.astype(str), "real numbers"),
    "complex tensor": (lambda x: torch.tensor(x) + 0j, "real numbers"),
    "no coordinate": (lambda x: named(x).drop_vars("time_ms"), "have no times"),
    "unknown dimension": (lambda x: named(x, "cluster"), r"Rename cluster \(.rename\)"),
    "no time": (lambda x: named(x).rename(time_ms="time"), "must be time_ms"),
    "seconds": (lambda x: named(x, times=TIMES / 1000), "look like seconds"),
    "columns of names": (
        lambda x: pd.DataFrame(x.T, columns=UNITS),
        "columns are 'u0'.*rename_axis",
    ),
    "Dataset": (lambda x: named(x).to_dataset(name="rates"), "one of its variables: rates"),
}


@pytest.mark.parametrize("name", SPOILED)
@pytest.mark.parametrize("call", CALLS)
def test_courses_that_cannot_be_taken_are_refused(call, name):
    change, words = SPOILED[name]
    stated = TIMES if name in ("masked", "complex", "text", "complex tensor") else None
    with pytest.raises(AnalysisError, match=words):
        CALLS[call](change(X), stated)


IN_SECONDS = xr.DataArray(TIMES, {"time_ms": TIMES}, ("time_ms",), attrs={"units": "s"})
WRONG_TIMES = {
    "seconds": (TIMES / 1000, "look like seconds. Give milliseconds"),
    "said to be seconds": (IN_SECONDS, "is in s; milliseconds are needed"),
    "places": (np.arange(30), "look like places in an array"),
    "places of a DataArray": (named(X).drop_vars("time_ms").time_ms, "count places"),
    "descending": (-TIMES, "must ascend"),
    "dates": (pd.date_range("2020", periods=30), "not a number"),
    "masked": (np.ma.masked_less(TIMES, 0), "not a number"),
}


@pytest.mark.parametrize("name", WRONG_TIMES)
@pytest.mark.parametrize("call", CALLS)
def test_times_that_are_none_are_refused(call, name):
    times, words = WRONG_TIMES[name]
    with pytest.raises(AnalysisError, match=words):
        CALLS[call](X, times)


@pytest.mark.parametrize("call", CALLS)
def test_two_times_that_contradict_each_other_are_refused(call):
    with pytest.raises(AnalysisError, match="contradict each other: time 0 is -90 and -100 ms"):
        CALLS[call](named(X), TIMES + 10)
    equal(CALLS[call](named(X), TIMES + 1e-9), CALLS[call](X, TIMES))


@pytest.mark.parametrize("zero", [-5.6e-14, 5.6e-14])
def test_a_zero_that_rounding_moved_is_zero(zero):
    late = 100.0 * (TIMES >= 0) + np.random.default_rng(0).normal(size=(12, 30))
    moved = np.where(TIMES == 0, zero, TIMES)
    assert float(significance_onset(late, moved, inference=FEW).onset_ms) == 0
    np.testing.assert_array_equal(latencies(late, moved), 0)
    single = (np.arange(-1, 2, 0.1, dtype=np.float32) * np.float32(100)).astype(np.float32)
    assert 0 not in single
    assert float(significance_onset(late, single, inference=FEW).onset_ms) == 0
    np.testing.assert_array_equal(latencies(late, single), 0)


def test_steps_are_times_of_silent_courses_only():
    course = [np.nan, np.nan, 2.0, 4.0]
    silent = {"baseline_ms": "silent", "bins": 1}
    assert latencies(course, [1, 2, 3, 4], **silent) == 3
    by_step = xr.DataArray([course, course], {"step": [1, 2, 3, 4]}, ("unit", "step"))
    np.testing.assert_array_equal(latencies(by_step, **silent), 3)
    np.testing.assert_array_equal(latencies(by_step, [25.0, 50, 75, 100], **silent), 75)
    with pytest.raises(AnalysisError, match="look like places"):
        latencies(course, [0, 1, 2, 3], **silent)
    with pytest.raises(AnalysisError, match=r"axis.time_ms\(steps\)"):
        latencies(by_step)


# --- members are joined by their ids ------------------------------------------------------------


def shared(seed=0):
    """Two areas of the same subjects, whose latencies go together."""
    rng = np.random.default_rng(seed)
    start = 20 + 10 * rng.integers(0, 8, 12)
    x, y = (rng.normal(size=(12, 30)) + 9 * ((start + d)[:, None] <= TIMES) for d in (0, 20))
    return named(x, "subject"), named(y, "subject")


@pytest.mark.parametrize("seed", range(3))
def test_pairs_are_joined_by_their_ids(seed):
    first, second = shared()
    settings = {"method": "half_maximum", "paired": True, "inference": Inference(n=200)}
    whole = latency_difference(first, second, **settings)
    order = np.random.default_rng(seed).permutation(12)
    again = latency_difference(first, second[order].T, **settings)
    xr.testing.assert_identical(again, whole)
    by_hand = latency_difference(first.values, second.values, TIMES, **settings)
    xr.testing.assert_identical(by_hand.drop_attrs(), whole.drop_attrs())
    by_place = latency_difference(first.values, second.values[order], TIMES, **settings)
    assert not by_place.interval.equals(whole.interval), "this is what the ids are for"
    tables = (x.to_pandas() for x in (first, second[order]))
    xr.testing.assert_allclose(latency_difference(*tables, **settings), whole)


def test_pairs_of_other_members_are_refused():
    first, second = shared()
    with pytest.raises(AnalysisError, match=r"1 of 12 are only in the first .'u0'.*'v'"):
        latency_difference(first, second.assign_coords(subject=["v", *UNITS[1:]]), paired=True)
    twice = second.assign_coords(subject=["u1", *UNITS[1:]])
    with pytest.raises(AnalysisError, match=r"more than once .'u1'"):
        latency_difference(first, twice, paired=True)


def test_neuroids_are_joined_by_their_coordinate_and_by_all_levels_of_an_index():
    first, second = (x.rename(subject="neuroid") for x in shared())
    settings = {"method": "half_maximum", "paired": True, "inference": FEW}
    whole = latency_difference(first, second, **settings)
    order = np.random.default_rng(3).permutation(12)
    by_id = [
        x.drop_vars("neuroid").assign_coords(neuroid_id=("neuroid", x.neuroid.values))
        for x in (first, second[order])
    ]
    xr.testing.assert_identical(latency_difference(*by_id, **settings), whole)
    levels = [
        x.drop_vars("neuroid")
        .assign_coords(animal=("neuroid", ["m"] * 12), number=("neuroid", x.neuroid.values))
        .set_index(neuroid=["animal", "number"])
        for x in (first, second[order])
    ]
    xr.testing.assert_identical(latency_difference(*levels, **settings), whole)


def test_the_latency_of_each_member_bears_its_id():
    order = np.random.default_rng(0).permutation(12)
    whole, moved = (population_latency(x, inference=FEW) for x in (named(X), named(X)[order]))
    assert moved.member.values.tolist() == [UNITS[k] for k in order]
    xr.testing.assert_equal(moved.each.sel(member=UNITS), whole.each)


# --- chance -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("chance", [1 / 3, 0.1, 0.7])
def test_what_is_chance_in_its_own_type_is_not_significant(dtype, chance):
    effects = np.full((8, 30), chance, dtype)
    effects[:, 15:] += np.random.default_rng(0).uniform(0.1, 0.2, (8, 15)).astype(dtype)
    found = significance_onset(effects, TIMES, chance=chance)
    assert (found.t[:15] == 0).all()
    assert (found.p[:15] == 1).all()
    assert float(found.onset_ms) == 50


# --- movies -------------------------------------------------------------------------------------

IDS = np.array([f"s{k}" for k in range(12)], dtype=object)
RNG = np.random.default_rng(0)
MODEL = xr.DataArray(RNG.random((3, 66)), {"step": [1, 2, 3], **pair_coords(IDS)}, ("step", "pair"))
CENTRES = np.arange(5.0, 200, 10)
STEP = np.clip((CENTRES - 40) // 30, -1, 2).astype(int)
BRAIN = xr.DataArray(
    np.where(STEP[:, None] < 0, 0.5, MODEL.values[STEP]) + RNG.normal(0, 0.1, (2, 20, 66)),
    {"time_ms": CENTRES, "subject": ["a", "b"], **pair_coords(IDS)},
    ("subject", "time_ms", "pair"),
)


def fit(model, brain, **more):
    return fit_time_axis(model, brain, inference=Inference(n=20, permutations=20), splits=1, **more)


@pytest.fixture(scope="module")
def whole():
    result = fit(MODEL, BRAIN)
    assert float(result.onset_ms), float(result.step_ms) == (40, 30)
    return result


def reordered(movie, seed):
    order = np.random.default_rng(seed).permutation(12)
    values = movie.values[..., pairs_among(order, 12)]
    return movie.copy(data=values).assign_coords(pair_coords(IDS[order]))


MOVIES = {
    "permuted brain": lambda m, b: (m, reordered(b, 1)),
    "subjects in other orders": lambda m, b: (
        m,
        xr.concat(
            [reordered(b[k], k) for k in range(2)], "subject", coords="different", compat="equals"
        ),
    ),
    "transposed": lambda m, b: (m.T, b.T),
    "subject in the middle": lambda m, b: (m, b.transpose("time_ms", "subject", "pair")),
    "one state": lambda m, b: (m.expand_dims(state=["IT"]), b),
    "one state chosen": lambda m, b: (m.expand_dims(state=["IT"]).sel(state="IT"), b),
    "one state of a list": lambda m, b: (m.expand_dims(state=["IT", "V1"]).sel(state=["IT"]), b),
    "Datasets": lambda m, b: (m.to_dataset(name="rdm"), b.to_dataset(name="rdm")),
    "big-endian": lambda m, b: (m.astype(">f8"), b.astype(">f8")),
    "scaled": lambda m, b: (m * 2.0**-90, b * 2.0**90),
    "lazy": lambda m, b: (m.chunk(step=1), b.chunk(time_ms=3)),
}


@pytest.mark.parametrize("change", MOVIES)
def test_movies_of_the_same_conditions_give_the_same_axis(change, whole):
    result = fit(*MOVIES[change](MODEL, BRAIN))
    for name in ("onset_ms", "step_ms", "interval", "similarity", "held_out", "p_alignment"):
        np.testing.assert_allclose(result[name].values, whole[name].values, rtol=1e-9, atol=1e-12)


REFUSED = {
    "other conditions": (
        lambda m, b: (m, b.assign_coords(pair_coords([*IDS[:-1], "zz"]))),
        "'s11'",
    ),
    "seconds": (lambda m, b: (m, b.assign_coords(time_ms=CENTRES / 1000)), "look like seconds"),
    "places": (lambda m, b: (m, b.assign_coords(time_ms=np.arange(20))), "look like places"),
    "two states": (
        lambda m, b: (xr.concat([m, m], "state").assign_coords(state=["V1", "IT"]), b),
        r"of one state: .sel\(state=...\), e.g. .sel\(state='IT'\)",
    ),
    "unknown": (lambda m, b: (m, b.rename(subject="monkey")), "'monkey'"),
    "complex": (lambda m, b: (m + 0j, b), "real numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_movies_that_cannot_be_compared_are_refused(name):
    change, words = REFUSED[name]
    with pytest.raises(AnalysisError, match=words):
        fit(*change(MODEL, BRAIN))


@pytest.mark.parametrize("grid", ["onsets_ms", "steps_ms"])
def test_grids_in_seconds_and_of_no_size_are_refused(grid):
    with pytest.raises(AnalysisError, match=f"{grid} goes from 0.02 to 0.05: these look like sec"):
        fit(MODEL, BRAIN, **{grid: [0.02, 0.05]})
    fine = np.linspace(1, 100, 200_000)
    with pytest.raises(AnalysisError, match=r"TiB.*give a coarser grid"):
        fit(MODEL, BRAIN, onsets_ms=fine, steps_ms=fine)


# --- frames by time -----------------------------------------------------------------------------


@pytest.mark.parametrize("find", [discrimination_latency, selectivity_latency])
@pytest.mark.parametrize(
    ("times", "words"),
    [(np.arange(5) / 100, "look like seconds"), ([0, 1, 2, 3, 4], "look like places")],
)
def test_frames_with_times_that_are_none_are_refused(find, times, words):
    y = np.repeat([0, 1], 12)
    x = np.random.default_rng(0).normal(size=(24, 5, 3))
    array = xr.DataArray(x, {"time_ms": times}, ("stimulus", "time_ms", "unit"))
    with pytest.raises(AnalysisError, match=words):
        find(array, y, inference=Inference(permutations=20))


@pytest.mark.parametrize("dtype", ["u1", "f2", "f4", ">f4"])
@pytest.mark.parametrize("quantity", ["size", "selectivity"])
def test_states_in_any_order_of_axes_and_type_have_the_same_course(quantity, dtype):
    x = np.random.default_rng(0).integers(0, 200, (6, 4, 5))
    array = xr.DataArray(x.astype("f8"), dims=("stimulus", "step", "unit"))
    whole, steps = state_courses(array, "V4", quantity)
    assert whole.dtype == np.float64
    course, again = state_courses(
        array.astype(dtype).transpose("unit", "stimulus", "step"), "V4", quantity
    )
    equal((course, again), (whole, steps), rtol=1e-12)


@pytest.mark.parametrize("call", ["discrimination", "selectivity", "movies"])
def test_requests_that_no_machine_holds_are_refused_first(call, monkeypatch):
    monkeypatch.setattr("cortexsim.analysis.statistics.sizes.memory", lambda: 1 << 16)
    x = np.random.default_rng(0).normal(size=(24, 5, 3))
    array = xr.DataArray(x, dims=("stimulus", "step", "unit"))
    many, y = Inference(permutations=10**6), np.repeat([0, 1], 12)
    with pytest.raises(AnalysisError, match=r"would take .* more than half of this machine's mem"):
        {
            "discrimination": lambda: discrimination_latency(array, y, inference=many),
            "selectivity": lambda: selectivity_latency(array, y, inference=many),
            "movies": lambda: fit_time_axis(
                MODEL, BRAIN, inference=many, onsets_ms=[10, 20], steps_ms=[20, 30]
            ),
        }[call]()
