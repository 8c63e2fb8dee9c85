"""What comes into spikes and trials: ids, dimensions, units, types and scale change no number."""

import unicodedata

import numpy as np
import pytest
import scipy.stats
import xarray as xr

import cortexsim.neural
from cortexsim.analysis import Inference, rdms
from cortexsim.errors import AnalysisError
from cortexsim.neural import (
    average,
    baseline,
    bin_spikes,
    reliability,
    response_rdms,
    sliding,
    split_halves,
)

IDS = np.array([f"s{k}" for k in range(6)], dtype=object)
UNITS = [f"u{k}" for k in range(5)]
CENTRES = np.arange(-35.0, 60, 10)


def whole_numbers(*shape, high=200, seed=0):
    return np.random.default_rng(seed).integers(1, high, shape).astype(np.float64)


def repeats():
    """``(repeat, time_ms, stimulus, unit)``."""
    signal = 10 * whole_numbers(6, 5, high=15, seed=1)
    return xr.DataArray(
        whole_numbers(8, 10, 6, 5, high=40) + signal,
        {"time_ms": CENTRES, "stimulus_id": ("stimulus", IDS), "unit": UNITS},
        ("repeat", "time_ms", "stimulus", "unit"),
        name="responses",
    )


def singles():
    """``(trial, time_ms)`` of single units."""
    r = np.random.default_rng(2)
    cell = np.repeat([(s, u) for s in range(6) for u in range(5)], 4, 0)[r.permutation(120)]
    coords = {
        "time_ms": CENTRES,
        "stimulus_id": ("trial", IDS[cell[:, 0]]),
        "unit": ("trial", np.array(UNITS, dtype=object)[cell[:, 1]]),
    }
    values = whole_numbers(120, 10, high=40) + 10 * cell.sum(1)[:, None]
    return xr.DataArray(values, coords, ("trial", "time_ms"), name="rates")


def counts():
    spikes = whole_numbers(4, 100, high=4)
    return xr.DataArray(spikes, {"time_ms": np.arange(100) + 0.5}, ("trial", "time_ms"))


def mean():
    return average(repeats()).responses


CALLS = {
    "bin_spikes": (counts, lambda d: bin_spikes(d, 10).rates),
    "sliding": (mean, lambda d: sliding(d, 30).responses),
    "subtract": (mean, lambda d: baseline(d, (-40, 0)).responses),
    "zscore": (mean, lambda d: baseline(d, (-40, 0), "zscore").responses),
    "zscore of trials": (singles, lambda d: baseline(d, (-40, 0), "zscore").rates),
    "zscore of series": (mean, lambda d: baseline(d, (-40, 0), "zscore", per="series").responses),
    "ratio": (mean, lambda d: baseline(d, (-40, 0), "ratio").responses),
    "average": (repeats, lambda d: average(d).responses),
    "average of singles": (singles, lambda d: average(d).responses),
    "split_halves": (repeats, lambda d: split_halves(d).responses),
    "split_halves of singles": (singles, lambda d: split_halves(d).responses),
    "reliability": (repeats, lambda d: reliability(d, splits=5).r),
    "reliability of populations": (repeats, lambda d: reliability(d, "population", splits=5).r),
    "reliability of RDMs": (repeats, lambda d: reliability(d, "rdm", splits=5).r),
    "response_rdms": (mean, lambda d: response_rdms(d).rdm),
}
COVERED = {bin_spikes, sliding, baseline, average, split_halves, reliability, response_rdms}
SCALE_FREE = [k for k in CALLS if "zscore" in k or "reliability" in k or k in ("ratio",)]


def test_every_public_function_of_the_room_is_covered_here():
    public = {
        value
        for value in (getattr(cortexsim.neural, k) for k in cortexsim.neural.__all__)
        if getattr(value, "__module__", "").startswith("cortexsim.neural.spikes")
        and callable(value)
        and not isinstance(value, type)
    }
    assert public == COVERED


@pytest.mark.parametrize("dtype", ["u1", "i2", "f2", "f4", ">f8", ">i4"])
@pytest.mark.parametrize("call", CALLS)
def test_the_type_of_numbers_changes_no_number(call, dtype):
    make, function = CALLS[call]
    data = make().round()  # means are made whole, so that every type holds them
    found, expected = function(data.astype(dtype)), function(data)
    assert found.dtype == np.float64
    assert np.isfinite(expected).any()
    np.testing.assert_array_equal(found.values, expected.values)


@pytest.mark.parametrize("call", CALLS)
def test_the_order_of_axes_and_the_layout_change_no_number(call):
    make, function = CALLS[call]
    data = make()
    expected = function(data)
    for changed in (data.T, data.transpose(*np.roll(data.dims, 1)), data.chunk()):
        np.testing.assert_allclose(
            function(changed).transpose(*expected.dims).values, expected.values, rtol=1e-12
        )
    twice = xr.concat([data, data], "twice").isel(twice=0, drop=True)
    xr.testing.assert_allclose(function(twice), expected)


@pytest.mark.parametrize("factor", [1e-30, 1e30])
@pytest.mark.parametrize("call", SCALE_FREE)
def test_the_scale_of_responses_changes_no_number_without_scale(call, factor):
    make, function = CALLS[call]
    np.testing.assert_allclose(function(make() * factor), function(make()), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("factor", [1e-30, 1e30])
@pytest.mark.parametrize("call", ["sliding", "subtract", "average", "split_halves"])
def test_the_scale_of_responses_is_that_of_means(call, factor):
    make, function = CALLS[call]
    scaled = function(make() * factor) / factor
    np.testing.assert_allclose(scaled, function(make()), rtol=1e-9, atol=1e-10)


# --- units of time ------------------------------------------------------------------------------

WRONG = {
    "seconds": (lambda d: d.assign_coords(time_ms=d.time_ms.values / 1000), "look like seconds"),
    "said to be seconds": (
        lambda d: d.assign_coords(time_ms=d.time_ms.assign_attrs(units="s")),
        "is in s; milliseconds",
    ),
    "places": (
        lambda d: d.assign_coords(time_ms=np.arange(d.sizes["time_ms"])),
        "look like places",
    ),
    "no times": (lambda d: d.drop_vars("time_ms"), "no coordinate|dimension and coordinate"),
    "complex": (lambda d: d + 0j, "real numbers"),
    "text": (lambda d: d.astype(str), "real numbers"),
    "an array": (lambda d: d.values, "an xarray Dataset or DataArray; found ndarray"),
    "masked": (
        lambda d: np.ma.masked_equal(d.values, 0),
        "an xarray Dataset or DataArray; found MaskedArray",
    ),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("call", CALLS)
def test_what_is_no_data_is_refused(call, name):
    make, function = CALLS[call]
    change, words = WRONG[name]
    with pytest.raises(AnalysisError, match=words):
        function(change(make()))


@pytest.mark.parametrize("call", ["bin_spikes", "sliding", "subtract", "zscore", "ratio"])
def test_what_rounding_does_to_times_moves_no_edge(call):
    make, function = CALLS[call]
    data = make()
    expected = function(data)
    times = data.time_ms.values
    for moved in (times + 1e-11, times - 1e-11, (times / 1000 * 1000), times.astype(np.float32)):
        found = function(data.assign_coords(time_ms=moved))
        np.testing.assert_array_equal(found.values, expected.values)
        np.testing.assert_allclose(found.time_ms, expected.time_ms, atol=1e-9)


# --- narrow types, large offsets ----------------------------------------------------------------


def test_windows_of_narrow_types_do_not_overflow():
    times = {"time_ms": [5.0, 15.0]}
    for dtype, value in (("u1", 200), ("i1", 120), ("f2", 60000), ("f4", 3e38)):
        data = xr.DataArray(np.full((1, 2), value, dtype), {**times}, ("unit", "time_ms"))
        assert sliding(data, 20).responses.item() == float(np.array(value, dtype))


@pytest.mark.parametrize("per", ["unit", "series"])
@pytest.mark.parametrize("offset", [300.0, -3e6, 0.0])
def test_a_z_score_does_not_depend_on_an_offset(per, offset):
    x = 1e-4 * np.random.default_rng(0).normal(size=(3, 40))
    data = xr.DataArray(
        x + offset, {"time_ms": np.arange(-200.0, 200, 10)}, ("unit", "time_ms"), name="rates"
    )
    found = baseline(data, (-200, -10), "zscore", per=per)
    expected = scipy.stats.zmap(x, x[:, :20], axis=1)
    assert found.rates.attrs["undefined"] == 0
    np.testing.assert_allclose(found.rates, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("value", [300.1, 1e-30, 1e30, 0.1, 1 / 3, 0.0])
def test_a_constant_baseline_has_no_standard_deviation(value):
    data = xr.DataArray(
        np.full((3, 40), value), {"time_ms": np.arange(-200.0, 200, 10)}, ("unit", "time_ms")
    )
    found = baseline(data, (-200, 0), "zscore").responses
    assert np.isnan(found).all()
    assert found.attrs["undefined"] == 3


def test_a_baseline_that_is_rounding_divides_nothing():
    x = np.tile([0.1, 0.2, -0.3], (3, 14))[:, :40] * [[1], [1e-20], [1e20]]
    data = xr.DataArray(x, {"time_ms": np.arange(-210.0, 190, 10)}, ("unit", "time_ms"))
    assert abs(x[0, :21].mean()) < 1e-16
    found = baseline(data, (-210, -10), "ratio").responses
    assert np.isnan(found).all()
    assert found.attrs["undefined"] == 3


@pytest.mark.parametrize("value", [1e30, 2.0**40])
def test_counts_that_are_none_are_refused(value):
    data = counts()
    data[2, 3] = value
    with pytest.raises(AnalysisError, match="in one bin, is none"):
        bin_spikes(data, 10)


# --- ids ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_stimuli_and_trials_in_another_order_have_the_same_means(seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(6)
    whole = average(repeats()).set_index(stimulus="stimulus_id")
    moved = average(repeats()[:, :, order]).set_index(stimulus="stimulus_id")
    xr.testing.assert_allclose(moved.sel(stimulus=whole.stimulus), whole)
    again = average(singles()[rng.permutation(120)])
    xr.testing.assert_allclose(again, average(singles()))


@pytest.mark.parametrize("seed", range(3))
def test_rdms_carry_the_ids_of_their_pairs(seed):
    order = np.random.default_rng(seed).permutation(6)

    def by_pair(data):
        r = response_rdms(data).rdm
        pairs = zip(r.first_id.values, r.second_id.values, strict=True)
        return {frozenset(p): v for p, v in zip(pairs, r.values.T.tolist(), strict=True)}

    whole, moved = by_pair(mean()), by_pair(mean()[:, order])
    assert whole.keys() == moved.keys()
    for pair, values in whole.items():
        np.testing.assert_allclose(moved[pair], values, rtol=1e-9)
    np.testing.assert_allclose(response_rdms(mean()).rdm[3], rdms(mean().values[3]), rtol=1e-9)


@pytest.mark.parametrize("call", ["average", "split_halves", "reliability", "response_rdms"])
def test_an_index_of_stimuli_is_as_good_as_a_coordinate(call):
    make, function = CALLS[call]
    indexed = make().set_index(stimulus="stimulus_id")
    assert "stimulus_id" not in indexed.coords
    np.testing.assert_array_equal(function(indexed).values, function(make()).values)
    both = make().assign_coords(stimulus=IDS[::-1])
    with pytest.raises(AnalysisError, match="name their stimuli twice"):
        function(both)


def test_ids_that_look_the_same_are_the_same():
    data = singles()
    composed = unicodedata.normalize("NFC", "é")
    names = np.where(data.stimulus_id.values == "s0", composed, data.stimulus_id.values)
    mixed = names.copy()
    mixed[np.flatnonzero(names == composed)[::2]] = unicodedata.normalize("NFD", "é")
    mixed[0] = f"\ufeff{mixed[0]}\0"
    whole, found = (average(data.assign_coords(stimulus_id=("trial", n))) for n in (names, mixed))
    xr.testing.assert_identical(found, whole)
    assert whole.sizes["stimulus"] == 6
    numbers = np.array([int(s[1:]) for s in data.stimulus_id.values])
    forms = [
        average(data.assign_coords(stimulus_id=("trial", n)))
        for n in (numbers, numbers.astype(float), numbers.astype(str))
    ]
    for other in forms[1:]:
        xr.testing.assert_identical(other, forms[0])
    missing = data.stimulus_id.values.copy()
    missing[3] = None
    with pytest.raises(AnalysisError, match="nan is no name"):
        average(data.assign_coords(stimulus_id=("trial", missing)))


def test_an_rdm_of_stimuli_that_occur_twice_is_refused():
    twice = mean().assign_coords(stimulus_id=("stimulus", ["s1", *IDS[1:]]))
    with pytest.raises(AnalysisError, match="occur more than once: 's1'"):
        response_rdms(twice)


@pytest.mark.parametrize("splits", [0, -3, True, 2**31, 10**6 + 1])
def test_the_number_of_splits_has_a_range(splits):
    with pytest.raises(AnalysisError, match="splits="):
        reliability(repeats(), splits=splits, inference=Inference())
