"""``encode_difference``: by hand and by scipy, what is paired, refusals, planted truths."""

import numpy as np
import pytest
import scipy.stats
import xarray as xr

import cortexsim
from cortexsim import neural
from cortexsim.analysis import (
    CrossValidation,
    Inference,
    Regression,
    encode,
    encode_difference,
    summary,
)
from cortexsim.errors import AnalysisError

QUICK = Inference(n=50)
RIDGE = Regression(alphas=[1e-2, 1e-1, 1, 10])


def sides(seed=0, stimuli=60, units=12, noise=(0.5, 1.5), repeats=None):
    """A latent that drives responses, seen through two noises."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(stimuli, 6))
    y = z @ rng.normal(size=(6, units))
    y = y + 2 * rng.normal(size=y.shape if repeats is None else (repeats, *y.shape))
    ids = [f"s{k}" for k in range(stimuli)]
    dims = ("stimulus", "unit") if repeats is None else ("repeat", "stimulus", "unit")
    y = xr.DataArray(y, {"stimulus_id": ("stimulus", ids)}, dims)
    x = [z + s * rng.normal(size=z.shape) for s in noise]
    return [
        xr.DataArray(f, {"stimulus_id": ("stimulus", ids)}, ("stimulus", "feature")) for f in x
    ], y


def fits(seed=0, inference=QUICK, **options):
    x, y = sides(seed, **options)
    return [encode(f, y, predictions=True, inference=inference, regression=RIDGE) for f in x]


def by_hand(result):
    """r of each unit, the mean over folds, by scipy."""
    folds = [np.flatnonzero(result.fold.values == k) for k in np.unique(result.fold.values)]
    return np.array(
        [
            np.mean([scipy.stats.pearsonr(p[f], y[f]).statistic for f in folds])
            for p, y in zip(result.prediction.values.T, result.measured.values.T, strict=True)
        ]
    )


def test_predictions_are_of_the_fits_that_have_not_seen_the_stimulus():
    a, _ = fits()
    np.testing.assert_allclose(by_hand(a), a.r.values, rtol=1e-10)
    (x, _), y = sides()
    y[7] += 1000.0  # a stimulus changes no prediction of its own fold
    changed = encode(x, y, predictions=True, inference=QUICK, regression=RIDGE)
    own = a.fold.values == a.fold.values[7]
    np.testing.assert_array_equal(changed.prediction.values[own], a.prediction.values[own])
    assert (changed.prediction.values[~own] != a.prediction.values[~own]).all()


def test_the_difference_is_that_of_the_units_and_has_the_other_sign_the_other_way():
    a, b = fits()
    result = encode_difference(a, b)
    each = by_hand(a) - by_hand(b)
    np.testing.assert_allclose(result.difference, each.mean(), rtol=1e-10)
    np.testing.assert_allclose(result.median_difference, np.median(each), rtol=1e-10)
    np.testing.assert_allclose(result.median_r_a, a.median_r, rtol=1e-10)
    back = encode_difference(b, a)
    np.testing.assert_allclose(back.difference, -result.difference, rtol=1e-12)
    np.testing.assert_allclose(back.p, result.p, rtol=1e-10)
    low, high = result.interval.values
    np.testing.assert_allclose((low + high) / 2, result.difference, rtol=1e-12)
    assert low > 0
    assert result.p < 0.05
    assert "r of a less that of b +0." in summary(result).text


def test_over_units_it_is_the_paired_t_test():
    a, b = fits()
    result = encode_difference(a, b, inference=Inference(resample="unit", n=20_000))
    t = scipy.stats.ttest_rel(by_hand(a), by_hand(b))
    np.testing.assert_allclose(
        result.standard_error, t.statistic**-1 * result.difference, rtol=0.03
    )
    np.testing.assert_allclose(np.log(result.p), np.log(t.pvalue), rtol=0.1)


@pytest.mark.slow
def test_over_stimuli_resamples_are_the_same_on_both_sides():
    """Against a bootstrap by hand; sides that share their errors differ by less than two alone."""
    a, b = fits(noise=(0.5, 0.5))
    result = encode_difference(a, b, inference=Inference(resample="stimulus", n=4000))
    rng, draws = np.random.default_rng(1), []
    folds = [np.flatnonzero(a.fold.values == k) for k in np.unique(a.fold.values)]
    p, q, y = a.prediction.values, b.prediction.values, a.measured.values

    def r(x, picked):
        return np.mean(
            [
                np.mean([np.corrcoef(x[f, u], y[f, u])[0, 1] for u in range(y.shape[1])])
                for f in picked
            ]
        )

    for _ in range(300):
        drawn = rng.integers(len(y), size=len(y))
        picked = [drawn[np.isin(drawn, f)] for f in folds]
        draws.append(r(p, picked) - r(q, picked))
    expected = np.std(draws, ddof=1) * np.sqrt(60 / 59)
    np.testing.assert_allclose(result.standard_error, expected, rtol=0.15)


def test_a_frame_with_itself_is_no_difference_and_no_test():
    a, _ = fits()
    result = encode_difference(a, a)
    assert result.difference == 0
    assert np.isnan(result.p)
    assert np.isnan(result.p_corrected)


def test_stimuli_are_joined_by_their_ids():
    a, b = fits()
    mixed = b.isel(stimulus=np.random.default_rng(3).permutation(60))
    xr.testing.assert_identical(encode_difference(a, mixed), encode_difference(a, b))


@pytest.mark.parametrize("correct", [False, True])
def test_folds_and_p_are_of_the_ids_and_the_seed_not_of_the_door_or_the_order(tmp_path, correct):
    features, trials = sides(stimuli=40, repeats=4)
    order = np.random.default_rng(5).permutation(40)
    ids = trials.stimulus_id.values
    flat = trials.values.reshape(-1, trials.sizes["unit"])  # as trials, repeat by repeat
    own = neural.from_responses(flat, dims=("trial", "unit"), stimulus_id=np.tile(ids, 4))
    own.to_netcdf(tmp_path / "own.nc")
    of_file = neural.from_responses(tmp_path / "own.nc")
    mean = trials.mean("repeat")
    doors = {
        "repeats": trials,
        "shuffled": trials.isel(stimulus=order),
        "from_responses": own.responses,
        "netCDF": of_file.responses,
    }
    if not correct:  # a mean has no reliability of its own
        doors["mean"] = mean
    found = {}
    for name, responses in doors.items():
        for turned in (False, True):  # the order of the features, too
            seen = [f.isel(stimulus=order) if turned else f for f in features]
            a, b = (
                encode(f, responses, predictions=True, inference=QUICK, regression=RIDGE)
                for f in seen
            )
            fold = dict(zip(a.stimulus_id.values.tolist(), a.fold.values.tolist(), strict=True))
            p = encode_difference(a, b, noise_corrected=correct, inference=QUICK).p
            found[name, turned] = fold, float(p)
    fold, p = found["repeats", False]
    assert set(fold.values()) == set(range(5))
    for name, (other, other_p) in found.items():
        assert other == fold, name
        assert other_p == pytest.approx(p, rel=1e-4), name


def test_folds_do_not_depend_on_resamples_and_units():
    (x, _), y = sides()
    few, many = (
        encode(x, v, predictions=True, inference=Inference(n=n), regression=RIDGE)
        for v, n in ((y, 50), (y.isel(unit=slice(3)), 60))
    )
    np.testing.assert_array_equal(few.fold, many.fold)


def test_noise_is_corrected_for_over_the_units_that_are_reliable():
    a, b = fits(repeats=4)
    result = encode_difference(a, b, noise_corrected=True)
    each = (a.r_noise_corrected - b.r_noise_corrected).values
    np.testing.assert_allclose(result.difference, each[np.isfinite(each)].mean(), rtol=1e-10)
    assert abs(result.difference) > abs(encode_difference(a, b).difference)


def test_one_frame_against_all_others_and_networks_frame_by_frame():
    """Holm's p of two: the smaller doubled, the larger at least that."""
    (x, z), y = sides()
    grid = {
        "V4": xr.concat([x, z], "step").assign_coords(step=[1, 2]),
        "IT": xr.concat([z * np.nan, x + z], "step").assign_coords(step=[1, 2]),
    }
    result = encode(grid, y, predictions=True, inference=QUICK, regression=RIDGE)
    table = encode_difference(result.sel(state="V4", step=1), result)
    assert table.difference.dims == ("state", "step")
    assert table.difference.sel(state="V4", step=1) == 0
    nothing = table.sel(state="IT", step=1)
    assert np.isnan([nothing.difference, nothing.p, nothing.standard_error]).all()
    tested = np.isfinite(table.p.values)
    assert tested.sum() == 2
    p = table.p.values[tested]
    holm = np.where(p == p.min(), 2 * p, np.maximum(p, 2 * p.min()))
    np.testing.assert_allclose(table.p_corrected.values[tested], holm)
    two = result.isel(step=[1, 0])
    paired = encode_difference(result.isel(step=1), two.isel(step=0))
    assert paired.difference.dims == ("state",)
    assert (paired.difference == 0).all()


def test_times_are_compared_each_with_itself():
    (x, z), y = sides()
    timed = xr.concat(
        [y, y + float(y.std()) * np.random.default_rng(5).normal(size=y.shape)], "time_ms"
    )
    timed = timed.assign_coords(time_ms=[50.0, 100.0])
    a, b = (encode(f, timed, predictions=True, inference=QUICK, regression=RIDGE) for f in (x, z))
    both = encode_difference(a, b)
    assert both.difference.dims == ("time_ms",)
    late = encode_difference(a.sel(time_ms=100), b.sel(time_ms=100))
    np.testing.assert_allclose(both.difference[1], late.difference)
    np.testing.assert_allclose(both.p[1], late.p)
    with pytest.raises(AnalysisError, match="predict different responses"):
        encode_difference(a.sel(time_ms=100), b.sel(time_ms=50))


def test_what_is_not_paired_is_refused():
    a, b = fits()
    (x, z), y = sides()
    plain = encode(x, y, inference=QUICK)
    other = encode(z, y, predictions=True, inference=Inference(n=50, rng=1), regression=RIDGE)
    elsewhere = b.assign_coords(stimulus_id=("stimulus", [f"t{k}" for k in range(60)]))
    grid = [
        encode(dict.fromkeys(names, x), y, predictions=True, inference=QUICK)
        for names in (("V4", "IT"), ("V4", "V2"))
    ]
    for sides_, says in (
        ((a, plain), "b has no prediction, measured, fold, group"),
        ((a, 3), "b has no prediction"),
        ((a, b.isel(stimulus=slice(50))), "a is of 60 stimuli and b of 50"),
        ((a, elsewhere), "60 stimuli of a are not in b"),
        ((a, b.isel(unit=slice(None, None, -1))), "units 0, 1, 2, ... .12. and b of 11, 10, 9"),
        ((a, b.assign(measured=b.measured + 1)), "predict different responses"),
        ((a, other), "hold out different folds"),
        (grid, "different states .V4, IT and V4, V2."),
    ):
        with pytest.raises(AnalysisError, match=says):
            encode_difference(*sides_)
    with pytest.raises(AnalysisError, match="a has no reliability, reliable"):
        encode_difference(a, b, noise_corrected=True)
    with pytest.raises(AnalysisError, match="leaves nothing to test by"):
        encode_difference(a, b, inference=Inference(resample=()))
    with pytest.raises(AnalysisError, match="no use for permutations"):
        encode_difference(a, b, inference=Inference(permutations=10))
    with pytest.raises(AnalysisError, match="1 unit cannot be resampled"):
        encode_difference(*(s.isel(unit=[0]) for s in (a, b)))
    with pytest.raises(AnalysisError, match="hold a stimulus out more than once or never"):
        encode(x, y, predictions=True, cv=CrossValidation(splits="shuffle"))


@pytest.mark.slow
def test_of_equal_sides_five_in_a_hundred_differ_and_intervals_hold_what_was_planted():
    """Type I error 5 +- 3 % where both sides are equally good, coverage 95 +- 3 % where not."""
    wrong, inside, differences = [], [], []
    for seed in range(400):
        for noise in ((1.0, 1.0), (1.0, 1.5)):
            a, b = fits(seed, Inference(n=20), noise=noise, stimuli=100, units=30)
            result = encode_difference(a, b, inference=Inference(n=300, rng=seed))
            if noise[0] == noise[1]:
                wrong.append(float(result.p) < 0.05)
            else:
                inside.append(result.interval.values)
                differences.append(float(result.difference))
    low, high = np.transpose(inside)
    truth = np.mean(differences)  # what such experiments give on average
    assert truth > 0.05
    assert 0.02 <= np.mean(wrong) <= 0.08, np.mean(wrong)
    assert 0.92 <= np.mean((low <= truth) & (truth <= high)) <= 0.98


@pytest.mark.slow
def test_of_macaque_v4_the_model_v4_is_better_than_v2_and_hardly_better_than_it(data_folder):
    """An independent bootstrap over units of such a recording gave V4@4 - V2@3 = 0.085
    [0.058, 0.104] and V4@4 - IT@5 = 0.007 [-0.017, 0.027].
    """
    brain = neural.load("cowley-v4")
    recording = cortexsim.record_network(cortexsim.load("cortex4"), brain)
    states = ["V2", "V4", "IT"]
    result = encode(recording, brain.responses, states=states, steps=[3, 4, 5], predictions=True)
    table = encode_difference(result.sel(state="V4", step=4), result, noise_corrected=True)
    v2, it = table.sel(state="V2", step=3), table.sel(state="IT", step=5)
    assert v2.p_corrected < 1e-6
    assert v2.interval[0] < 0.104
    assert v2.interval[1] > 0.058
    assert it.interval[0] > -0.017
    assert it.interval[1] < 0.027
    # That bootstrap was of the difference of the medians over units, which does not pair them.
    sides_ = [
        result.r_noise_corrected.sel(state=s, step=t).values
        for s, t in (("V4", 4), ("IT", 5), ("V2", 3))
    ]
    drawn = np.random.default_rng(1).integers(50, size=(5000, 50))
    medians = [np.median(r[drawn], axis=1) for r in sides_]
    for k, tested, stated in ((1, it, (-0.017, 0.027)), (2, v2, (0.058, 0.104))):
        low, high = np.percentile(medians[0] - medians[k], [2.5, 97.5])
        np.testing.assert_allclose([low, high], stated, atol=0.015)
        assert high - low > 1.5 * float(np.diff(tested.interval.values)[0])
