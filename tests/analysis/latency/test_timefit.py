"""``fit_time_axis``.

Planted axes come back inside their intervals, and what the data do not say is not said.
"""

import json

import numpy as np
import pytest
import scipy.stats
import xarray as xr
from grouped import grouped

from cortexsim import TimeAxis
from cortexsim.analysis import COMPARATORS, compare, condensed, fit_time_axis, square
from cortexsim.errors import AnalysisError


def quick(*movies, **options):
    """Few resamples; options are flat."""
    few = {"n": 200, "permutations": 20, "splits": 1}
    return fit_time_axis(*movies, **grouped(fit_time_axis, **{**few, **options}))


PARAMETERS = ("onset_ms", "step_ms")


def correlation_distances(patterns):
    return np.stack(
        [
            1 - np.corrcoef(p)[np.triu_indices(len(p), 1)]
            for p in patterns.reshape(-1, *patterns.shape[-2:])
        ]
    )


def movie_of(rdms, first=1):
    """A model's movie; steps before ``first`` are not populated."""
    rdms = np.array(rdms)
    rdms[: first - 1] = np.nan
    return xr.DataArray(rdms, dims=("step", "pair"), coords={"step": np.arange(1, len(rdms) + 1)})


def brain_of(rdms, times, **attributes):
    dims = ("time_ms", "pair") if rdms.ndim == 2 else ("subject", "time_ms", "pair")
    return xr.DataArray(rdms, dims=dims, coords={"time_ms": ("time_ms", times, attributes)})


def active(times, bin_ms, onset, step, steps, first=1):
    """The share of each bin that each step lasts, ``(time, step)``, the last one on.

    By counting moments, apart from the code under test.
    """
    moments = times[:, None] + bin_ms * ((np.arange(50) + 0.5) / 50 - 0.5)
    at = np.floor((moments - onset) / step)
    at = np.where(at < first - 1, -1, np.minimum(at, steps - 1))
    return np.stack([(at == k).mean(1) for k in range(steps)], axis=1)


def planted(
    seed,
    onset=None,
    step=None,
    *,
    conditions=20,
    units=40,
    steps=6,
    noise=2.0,
    subjects=0,
    first=1,
    bin_ms=10.0,
    gap_ms=10.0,
    end=450.0,
):
    """A model whose patterns drift from step to step, and a brain that has them at the planted
    times, with noise on every unit and time.
    """
    rng = np.random.default_rng(seed)
    onset = rng.uniform(40, 110) if onset is None else onset
    step = rng.uniform(18, 50) if step is None else step
    patterns = [rng.normal(size=(conditions, units))]
    for _ in range(steps - 1):
        patterns.append(0.7 * patterns[-1] + 0.7 * rng.normal(size=(conditions, units)))
    times = np.arange(-100 + gap_ms / 2, end, gap_ms)
    clean = np.tensordot(active(times, bin_ms, onset, step, steps, first), patterns, 1)
    brain = [
        correlation_distances(clean + noise * rng.normal(size=clean.shape))
        for _ in range(max(1, subjects))
    ]
    brain = np.array(brain) if subjects else brain[0]
    return (
        movie_of(correlation_distances(np.array(patterns)), first),
        brain_of(brain, times),
        (onset, step),
    )


def noise_only(seed, conditions=14, steps=4):
    rng = np.random.default_rng(seed)
    times = np.arange(-45.0, 250, 10)
    model, brain = (
        correlation_distances(rng.normal(size=(k, conditions, 12))) for k in (steps, len(times))
    )
    return movie_of(model), brain_of(brain, times)


def inside(fit, truth):
    return (fit.interval[:, 0].values <= truth) & (truth <= fit.interval[:, 1].values)


def verdicts(fit):
    return fit.attrs["constrained_onset"], fit.attrs["constrained_step"]


# --- planted axes ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_planted_axis_lies_in_its_interval_in_at_least_90_of_100():
    hits, off, widths, certain = np.zeros(2), [], [], 0
    for seed in range(100):
        model, brain, truth = planted(seed)
        fit = quick(model, brain, rng=seed)
        hits += inside(fit, truth)
        off.append([float(fit.onset_ms) - truth[0], float(fit.step_ms) - truth[1]])
        widths.append(np.ptp(fit.interval.values, axis=1))
        certain += verdicts(fit) == ("yes", "yes")
    assert (hits >= 90).all(), hits
    # Not trivial, and not empty: estimates stray by many ms, intervals are a fraction of the 450 ms
    # and 95 ms that are searched.
    assert (np.std(off, axis=0) > [4, 1]).all(), np.std(off, axis=0)
    assert (np.median(widths, axis=0) < [90, 35]).all(), np.median(widths, axis=0)
    assert certain >= 70


@pytest.mark.slow
def test_a_planted_axis_of_a_state_that_is_first_populated_at_step_4():
    hits, later = np.zeros(2), 0
    for seed in range(50):
        model, brain, truth = planted(seed, first=4, steps=8)
        fit = quick(model, brain, rng=seed)
        hits += inside(fit, truth)
        # The onset is that of V1, not of this state.
        later += float(fit.onset_ms) < truth[0] + 2 * truth[1]
        assert np.isnan(fit.similarity[:3]).all()
        assert np.isfinite(fit.similarity[3:]).all()
    assert (hits >= 45).all(), hits
    assert later >= 48


QUICK = ("cosine", "pearson")  # the others rank or whiten in every resample


@pytest.mark.parametrize(
    "comparator",
    [pytest.param(c, marks=[pytest.mark.slow] * (c not in QUICK)) for c in COMPARATORS],
)
def test_every_comparator_finds_the_planted_axis(comparator):
    hits = np.zeros(2)
    for seed in range(5):
        model, brain, truth = planted(seed, conditions=14, steps=4, noise=0.5, end=300)
        fit = quick(model, brain, comparator=comparator, rng=seed, n=40)
        hits += inside(fit, truth)
        assert abs(float(fit.onset_ms) - truth[0]) < 15
        assert abs(float(fit.step_ms) - truth[1]) < 8
        assert verdicts(fit) == ("yes", "yes")
    assert (hits >= 4).all(), hits


@pytest.mark.slow
@pytest.mark.parametrize("subjects", [2, 6])
def test_several_subjects(subjects):
    hits, widths = np.zeros(2), []
    for seed in range(10):
        model, brain, truth = planted(seed, subjects=subjects, end=300)
        fit = quick(model, brain, rng=seed)
        hits += inside(fit, truth)
        assert (fit.attrs["subjects"], fit.attrs["resample"]) == (subjects, "subject, condition")
        widths.append(np.ptp(fit.interval.values, axis=1))
        only = quick(model, brain.isel(subject=0), rng=seed)
        widths[-1] = widths[-1] / np.ptp(only.interval.values, axis=1)
    assert (hits >= 9).all(), hits
    assert np.mean(widths) < 0.95, "more subjects, a narrower interval"


@pytest.mark.slow
def test_bins_that_overlap_widen_the_interval_by_what_they_blur():
    hits, plain = np.zeros(2), np.zeros(2)
    for seed in range(10):
        model, brain, truth = planted(seed, noise=0.1, bin_ms=50.0, end=300)
        stated = brain.assign_coords(time_ms=("time_ms", brain.time_ms.values, {"bin_ms": 50.0}))
        hits += inside(quick(model, stated, rng=seed), truth)
        plain += inside(quick(model, brain, rng=seed), truth)
    assert (hits >= 9).all(), hits
    assert plain[0] <= 5, (
        "without the width of its bins, the brain seems to respond half a bin too early"
    )


def test_the_axis_of_a_window_that_begins_after_the_onset():
    for seed in range(5):
        model, brain, truth = planted(seed, 45.0, 30.0, noise=0.5)
        fit = quick(model, brain, window_ms=(100, 450), rng=seed)
        assert inside(fit, truth).all(), fit.interval.values
        assert fit.time_ms.values[0] == 105


@pytest.mark.parametrize("onset", [70.0, 90.0])
def test_a_planted_axis_in_real_noise(data_folder, onset):
    with np.load(data_folder / "zhang_desimone_it" / "zd_it_binned.npz") as file:
        halves = [condensed(file[f"rdm_half{k}"].astype(float), tolerance=1e-4) for k in (0, 1)]
        times = file["time_ms"].astype(float)
    truth = np.array([onset, 25.0])
    starts = truth[0] + truth[1] * np.arange(8)
    model = movie_of([halves[0][(times >= t) & (times < t + truth[1])].mean(0) for t in starts])
    brain = brain_of(halves[1], times, bin_ms=50.0)
    fit = quick(model, brain, permutations=100, splits=5)
    assert inside(fit, truth).all(), fit.interval.values
    assert float(fit.p_alignment) < 0.05
    assert float(fit.held_out.sel(axis="fitted")) > 0.1
    assert (np.ptp(fit.interval.values, axis=1) < [200, 96]).all()


# --- what is not known is not claimed -------------------------------------------------------------


@pytest.mark.slow
def test_noise_has_no_axis_and_its_p_values_are_uniform():
    p, claims, held_out = [], 0, []
    for seed in range(60):
        fit = quick(*noise_only(seed), rng=seed, n=20, permutations=39)
        p.append(float(fit.p_alignment))
        claims += "yes" in verdicts(fit)
        held_out.append(fit.held_out.values)
        if p[-1] > 0.05:
            assert all(v.startswith("no: model and brain are not related") for v in verdicts(fit))
            assert fit.attrs["fit_in_declared"] == "undecided"
    assert claims <= 6, claims
    # The best axis of noise explains something of it, and nothing of conditions that it was not
    # fitted to.
    assert (np.abs(np.mean(held_out, axis=0)) < 3 * scipy.stats.sem(held_out)).all()
    # p takes the values 1/40 to 1; a draw within each makes it continuous.
    continuous = np.array(p) - np.random.default_rng(0).random(len(p)) / 40
    assert scipy.stats.kstest(continuous, "uniform").pvalue > 0.01


def test_a_model_that_does_not_change_has_no_steps():
    model, brain, _ = planted(0, noise=0.5)
    still = model.copy(data=np.repeat(model.values[-1:], model.sizes["step"], axis=0))
    fit = quick(still, brain)
    assert fit.attrs["constrained_step"] == "no: every value explains the data equally well"
    assert fit.attrs["fit_in_declared"] == "undecided"
    assert float(fit.p_order) == 1
    fit = quick(still.where(still.step >= 4), brain)
    assert float(fit.p_alignment) < 0.05
    assert all(v.startswith("no: ") for v in verdicts(fit)), (
        "onset + 3 steps is known, neither of them"
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("step", [30.0, 70.0])
def test_a_window_that_ends_before_step_2_does_not_tell_its_duration(seed, step):
    model, brain, (onset, _) = planted(seed, 60.0, step, noise=0.5)
    fit = quick(model, brain, window_ms=(-100, onset + step - 10), rng=seed)
    assert fit.attrs["constrained_step"].startswith("no: ")
    assert fit.attrs["fit_in_declared"] == "undecided"


def test_a_grid_without_the_truth_is_said_to_be_too_small():
    model, brain, _ = planted(0, 100.0, 30.0, noise=0.5)
    for grid, name in (
        ({"onsets_ms": np.arange(0, 60, 5.0)}, "onset_ms"),
        ({"steps_ms": np.arange(5, 21.0)}, "step_ms"),
    ):
        fit = quick(model, brain, **grid)
        # The other parameter makes up for it, and is no better known.
        assert all(
            v.startswith(f"no: the best {name}") and "end of the range" in v for v in verdicts(fit)
        )
        assert fit.attrs["fit_in_declared"] == "undecided"


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("step", "where"), [(30.0, "inside"), (40.0, "inside"), (80.0, "outside"), (10.0, "outside")]
)
def test_whether_the_fit_lies_in_the_declared_range(step, where):
    for seed in range(3):
        model, brain, truth = planted(seed, 60.0, step, noise=0.3)
        fit = quick(model, brain, rng=seed)
        assert fit.attrs["fit_in_declared"] == where, fit.interval.values
        assert (fit.attrs["declared_step_ms_low"], fit.attrs["declared_step_ms_high"]) == (20, 50)
        assert inside(fit, truth).all()
    other = quick(model, brain, declared=TimeAxis(step, step - 9, step + 15))
    assert other.attrs["fit_in_declared"] == "inside"
    assert (other.attrs["declared_step_ms_low"], other.attrs["declared_step_ms_high"]) == (
        step - 9,
        step + 15,
    )


def test_an_interval_across_the_end_of_the_declared_range_decides_nothing():
    model, brain, _ = planted(0, 60.0, 50.0, noise=0.3)
    assert quick(model, brain).attrs["fit_in_declared"] == "undecided"


# --- scores ---------------------------------------------------------------------------------------


@pytest.mark.sampled(1)
@pytest.mark.parametrize("seed", range(4))
def test_dynamics_beat_a_static_axis_and_a_wrong_one_on_held_out_conditions(seed):
    model, brain, _ = planted(seed, 100.0, 45.0, noise=1.0)
    fit = quick(model, brain, splits=5, permutations=60, rng=seed)
    fitted, declared, static = (
        float(fit.held_out.sel(axis=a)) for a in ("fitted", "declared", "static")
    )
    assert fitted > declared
    assert fitted > static
    assert float(fit.p_order) < 0.05
    assert float(fit.p_alignment) < 0.05
    right = quick(model, brain, splits=5, rng=seed, declared=TimeAxis(45, onset_ms=100))
    assert float(right.held_out.sel(axis="declared")) > fitted - 0.02


@pytest.mark.parametrize("first", [1, 3])
def test_the_objective_is_the_mean_similarity_of_the_step_at_each_moment(first):
    model, brain, _ = planted(1, noise=0.5, subjects=2, first=first, end=250)
    onsets, steps = np.array([0.0, 33, 71, 200]), np.array([7.0, 24, 51])
    fit = quick(model, brain, onsets_ms=onsets, steps_ms=steps)
    r = np.array(
        [[[np.corrcoef(m, d)[0, 1] for d in s] for m in model.values] for s in brain.values]
    ).mean(0)
    np.testing.assert_allclose(fit.similarity, r, atol=1e-12)
    times = brain.time_ms.values
    for i, onset in enumerate(onsets):
        for j, step in enumerate(steps):
            # Whole ms: 50 moments of a bin of 10 ms are exact.
            share = active(times, 10.0, onset, step, 6, first)
            assert float(fit.objective[i, j]) == pytest.approx(
                np.nansum(share.T * r) / len(times), abs=1e-12
            )


def test_p_values_count_the_permutations_that_do_as_well():
    model, brain, _ = planted(0, noise=0.5)
    fit = quick(model, brain, permutations=29)
    assert float(fit.p_alignment) == pytest.approx(1 / 30)
    # With 2 steps, one of the 2 orders is the true one.
    two = quick(model.isel(step=slice(2)), brain, permutations=200)
    assert 0.35 < float(two.p_order) < 0.65


@pytest.mark.sampled(1)
@pytest.mark.parametrize("comparator", ["cosine", "cosine-whitened"])
def test_of_a_cosine_only_what_exceeds_relabelled_conditions_counts(comparator):
    model, brain, _ = planted(2, conditions=10, steps=3, end=150)
    fit = quick(model, brain, comparator=comparator, n=20)
    whole, rng = square(model.values), np.random.default_rng(0)
    orders = [rng.permutation(10) for _ in range(3000)]
    null = np.array(
        [compare(condensed(whole[:, o][:, :, o]), brain.values, comparator) for o in orders]
    )
    expected = compare(model.values, brain.values, comparator) - null.mean(0)
    error = null.std(0) / np.sqrt(len(null))
    assert (np.abs(fit.similarity.values - expected) < 5 * error).all()


# --- what must not matter -------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_result_another_a_similar_one():
    model, brain, _ = planted(3, subjects=3, end=300)
    one, again, other = (quick(model, brain, rng=seed, splits=3) for seed in (1, 1, 2))
    xr.testing.assert_identical(one, again)
    assert not np.array_equal(one.resampled, other.resampled)
    np.testing.assert_allclose(one.interval, other.interval, atol=25)
    np.testing.assert_allclose(one.held_out, other.held_out, atol=0.05)
    generator = quick(model, brain, rng=np.random.default_rng(1), splits=3)
    np.testing.assert_array_equal(one.interval, generator.interval)
    assert (one.attrs["seed"], generator.attrs["seed"]) == (1, "a generator of the caller")


@pytest.mark.sampled(1)
@pytest.mark.parametrize("comparator", ["pearson", "spearman", "cosine"])
def test_neither_the_order_of_conditions_nor_the_scale_of_rdms_matters(comparator):
    model, brain, _ = planted(4, noise=0.5, end=300)
    fit = quick(model, brain, comparator=comparator)
    order = np.random.default_rng(0).permutation(20)
    shuffled = [
        x.copy(data=condensed(square(x.values)[..., order, :][..., order])) for x in (model, brain)
    ]
    scaled = [1e6 * model, 1e-3 * brain]
    if comparator == "spearman":
        scaled = [model**3, np.exp(brain)]
    if comparator == "pearson":
        scaled = [5 - 3 * model, 1 - brain]
    for movies in (shuffled, scaled):
        other = quick(*movies, comparator=comparator)
        np.testing.assert_allclose(other.objective, fit.objective, atol=1e-9)
        assert (float(other.onset_ms), float(other.step_ms)) == (
            float(fit.onset_ms),
            float(fit.step_ms),
        )
        np.testing.assert_allclose(other.interval, fit.interval, atol=10)


def test_the_number_of_resamples_at_a_time_does_not_matter(monkeypatch):
    model, brain, _ = planted(5, subjects=2, conditions=12, steps=3, end=200)
    whole = quick(model, brain)
    monkeypatch.setattr("cortexsim.analysis.latency.timegrid.ROWS", 7)
    np.testing.assert_allclose(quick(model, brain).resampled, whole.resampled, atol=1e-9)


@pytest.mark.parametrize("resample", ["subject", "condition", ("condition", "subject")])
def test_what_is_resampled(resample):
    model, brain, truth = planted(6, subjects=5, end=300)
    fit = quick(model, brain, resample=resample)
    assert set(fit.attrs["resample"].split(", ")) == (
        {resample} if isinstance(resample, str) else set(resample)
    )
    assert inside(fit, truth).all()


# --- the result -----------------------------------------------------------------------------------


def test_the_fitted_axis_says_that_it_is_fitted():
    model, brain, _ = planted(7, noise=0.5)
    fit = quick(model, brain)
    axis = TimeAxis.from_dict(json.loads(fit.attrs["time_axis"]))
    assert axis.source.startswith("fitted, not declared")
    assert (axis.onset_ms, axis.step_ms) == (float(fit.onset_ms), float(fit.step_ms))
    assert (axis.step_ms_low, axis.step_ms_high) == tuple(
        fit.interval.sel(parameter="step_ms").values
    )


def test_the_result_goes_through_netcdf_with_its_settings(tmp_path):
    model, brain, _ = planted(8, subjects=2, first=2, end=300)
    fit = quick(model, brain, rng=5)
    fit.to_netcdf(tmp_path / "fit.nc", engine="netcdf4")
    with xr.open_dataset(tmp_path / "fit.nc", engine="netcdf4") as back:
        xr.testing.assert_identical(back.load(), fit)
    a = fit.attrs
    assert (a["seed"], a["n"], a["splits"], a["permutations"], a["confidence"]) == (
        5,
        200,
        1,
        20,
        0.95,
    )
    assert (a["subjects"], a["conditions"], a["comparator"]) == (2, 20, "pearson")
    assert set(json.loads(a["provenance"])) >= {"cortexsim", "packages", "git_commit"}
    assert fit.resampled.shape == (2, 200)
    assert fit.parameter.values.tolist() == list(PARAMETERS)


def test_a_wider_confidence_gives_a_wider_interval_that_holds_the_estimate():
    model, brain, _ = planted(9)
    widths = []
    for confidence in (0.5, 0.8, 0.99):
        fit = quick(model, brain, confidence=confidence)
        widths.append(np.ptp(fit.interval.values, axis=1))
        assert inside(fit, (float(fit.onset_ms), float(fit.step_ms))).all()
    assert (np.diff(widths, axis=0) > 0).all()


# --- refusals -------------------------------------------------------------------------------------

MODEL, BRAIN, _ = planted(0, conditions=12, steps=3, end=200)


def changed(movie, where, value):
    values = movie.values.copy()
    values[where] = value
    return movie.copy(data=values)


def timed(times):
    return BRAIN.assign_coords(time_ms=times)


TIMES = BRAIN.time_ms.values
UNEVEN = np.where(np.arange(30) == 29, TIMES + 3, TIMES)
REFUSED = {
    "arrays": ({"model_movie": MODEL.values}, "ndarray; give a DataArray"),
    "dims of the model": (
        {"model_movie": MODEL.rename(step="layer")},
        r"\('layer', 'pair'\).*the coordinate step",
    ),
    "dims of the brain": (
        {"neural_movie": BRAIN.rename(time_ms="time")},
        "neural_movie has dimensions",
    ),
    "no times": ({"neural_movie": BRAIN.drop_vars("time_ms")}, "coordinate time_ms"),
    "uneven times": ({"neural_movie": timed(UNEVEN)}, "evenly spaced.*10 to 13 ms"),
    "descending times": ({"neural_movie": timed(-TIMES)}, "must ascend"),
    "NaN in times": (
        {"neural_movie": timed(np.where(TIMES == 5, np.nan, TIMES))},
        "1 of 30 entries of time_ms are NaN",
    ),
    "NaN in the first time": (
        {"neural_movie": timed(np.where(np.arange(30) == 0, np.nan, TIMES))},
        "1 of 30 entries of time_ms are NaN",
    ),
    "no brain times": ({"neural_movie": BRAIN.isel(time_ms=slice(0))}, r"time_ms has shape \(0,\)"),
    "width of bins": (
        {"neural_movie": brain_of(BRAIN.values, TIMES, bin_ms="wide")},
        "bin_ms='wide'",
    ),
    "NaN in the brain": (
        {"neural_movie": changed(BRAIN, (3, 4), np.nan)},
        "1 of .* NaN or infinite",
    ),
    "inf in the brain": (
        {"neural_movie": changed(BRAIN, (3, 4), np.inf)},
        "1 of .* NaN or infinite",
    ),
    "NaN in the model": (
        {"model_movie": changed(MODEL, (1, 4), np.nan)},
        "1 of .* NaN or infinite",
    ),
    "a step that is gone": ({"model_movie": changed(MODEL, 1, np.nan)}, "not populated after"),
    "the last step gone": ({"model_movie": changed(MODEL, 2, np.nan)}, "not populated after"),
    "one step": ({"model_movie": changed(MODEL, slice(0, 2), np.nan)}, "populated at 1 of 3"),
    "no step": ({"model_movie": MODEL.isel(step=slice(0))}, "no model_movie"),
    "steps apart": ({"model_movie": MODEL.assign_coords(step=[1, 3, 4])}, r"\[1, 3, 4\]"),
    "step twice": ({"model_movie": MODEL.assign_coords(step=[1, 1, 2])}, "consecutive"),
    "step 0": ({"model_movie": MODEL.assign_coords(step=[0, 1, 2])}, "consecutive whole steps"),
    "half steps": ({"model_movie": MODEL.assign_coords(step=[0.5, 1.5, 2.5])}, "whole steps"),
    "constant frame": ({"neural_movie": changed(BRAIN, 2, 1.0)}, "constant"),
    "other conditions": (
        {"neural_movie": BRAIN.isel(pair=slice(55))},
        r"12 x 12 conditions\), .* \(11 x 11\)",
    ),
    "pairs that are none": ({"neural_movie": BRAIN.isel(pair=slice(56))}, "no number of pairs"),
    "few conditions": (
        {"model_movie": MODEL[:, :36], "neural_movie": BRAIN[:, :36]},
        "9 conditions cannot be halved",
    ),
    "short window": ({"window_ms": (0, 20)}, "holds 2 of 30 times"),
    "window before 0": ({"window_ms": (-100, -5)}, "no onset after 0"),
    "empty window": ({"window_ms": (50, 10)}, "holds 0 of"),
    "no window": ({"window_ms": "x"}, "no window"),
    "NaN window": ({"window_ms": (np.nan, 100)}, "holds 0 of"),
    "comparator": ({"comparator": "euclid"}, "choose from pearson"),
    "onsets": ({"onsets_ms": [50, 40]}, "onsets_ms must be at least two ascending"),
    "one onset": ({"onsets_ms": [50]}, "onsets_ms must be at least two"),
    "text onsets": ({"onsets_ms": ["a", "b"]}, "onsets_ms"),
    "negative onsets": ({"onsets_ms": [-10, 40]}, "begins at -10 ms"),
    "steps of 0": ({"steps_ms": [0, 10]}, "longer than 0 ms"),
    "NaN steps": ({"steps_ms": [10, np.nan]}, "steps_ms must be"),
    "no interval": ({"resample": ()}, "without an interval"),
    "unknown factor": ({"resample": "unit"}, "cannot resample 'unit'"),
    "one subject": ({"resample": "subject"}, "one subject"),
    "few resamples": ({"n": 19}, "n=19"),
    "half a resample": ({"n": 20.5}, "whole number"),
    "no splits": ({"splits": 0}, "splits=0"),
    "few permutations": ({"permutations": 19}, "permutations=19"),
    "confidence": ({"confidence": 95}, "between 0 and 1"),
    "declared": ({"declared": {"step_ms": 25}}, "TimeAxis"),
    "seed": ({"rng": -1}, "seed"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_say_what_was_found(name):
    given, message = REFUSED[name]
    with pytest.raises(AnalysisError, match=message):
        quick(**{"model_movie": MODEL, "neural_movie": BRAIN, **given})


def test_what_is_refused_is_accepted_once_mended():
    assert np.isfinite(quick(MODEL, BRAIN, n=20).interval).all()
