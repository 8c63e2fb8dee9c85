"""The noise ceiling from repeats: what a true model reaches, by hand, refusals."""

import numpy as np
import pytest
import xarray as xr
from levels import near

from cortexsim.analysis import Inference, evaluate, rdms, summary
from cortexsim.analysis.evaluation.halves import Repeats, noise_left, repeated_rdms
from cortexsim.errors import AnalysisError

POINT = Inference(resample=(), permutations=0)
DIMS = ("repeat", "stimulus", "unit")


def animal(seed=0, *, repeats=8, noise=3.0, stimuli=24, units=60):
    """What drives the units ``(stimulus, unit)``, in groups of alike stimuli, and their trials."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(stimuli, units)) * np.linspace(0.5, 1.5, stimuli)[:, None]
    signal += 1.5 * rng.normal(size=(-(-stimuli // 4), units)).repeat(4, 0)[:stimuli]
    trials = signal + noise * rng.normal(size=(repeats, *signal.shape))
    return signal, xr.DataArray(trials, dims=DIMS)


@pytest.mark.parametrize(("repeats", "noise"), [(2, 1.0), (5, 2.0), (8, 3.0), (20, 5.0)])
@pytest.mark.parametrize("comparator", ["pearson", "pearson-whitened"])
def test_the_upper_ceiling_is_what_the_true_rdm_reaches(comparator, repeats, noise):
    reached, low, high = [], [], []
    for seed in range(12):
        signal, trials = animal(seed, repeats=repeats, noise=noise)
        result = evaluate(
            [rdms(signal, "sqeuclidean")],
            trials,
            comparator=comparator,
            measure="sqeuclidean",
            inference=POINT,
        )
        reached.append(float(result.evaluation[0]))
        bounds = result.ceiling.values
        low.append(bounds[0])
        high.append(bounds[1])
    assert abs(np.mean(high) - np.mean(reached)) < 0.012
    assert np.mean(low) < np.mean(reached) - 0.05


@pytest.mark.parametrize("comparator", ["spearman", "tau-a"])
def test_with_ranks_of_correlation_distances_the_upper_ceiling_is_a_little_high(comparator):
    """What noise adds to the RDM in every repeat is counted as signal, as is said."""
    reached, high = [], []
    for seed in range(10):
        signal, trials = animal(seed)
        result = evaluate([rdms(signal)], trials, comparator=comparator, inference=POINT)
        reached.append(float(result.evaluation[0]))
        high.append(float(result.ceiling[1]))
    assert -0.01 < np.mean(high) - np.mean(reached) < 0.05


def test_spearman_and_brown_alone_would_be_too_low():
    """Noise times noise falls with the square of the repeats; quarters show how much that is."""
    left = []
    for seed in range(8):
        _, trials = animal(seed, repeats=16, noise=6.0)
        parts, repeats = repeated_rdms(trials, "sqeuclidean", np.random.default_rng(seed))
        r = np.corrcoef(parts.values)
        assert repeats == Repeats(10, 16.0, 8.0, 4.0)
        half = np.mean([r[k, k + 1] for k in range(1, 21, 2)])
        quarter = np.mean([r[k, k + 1] for k in range(21, 41, 2)])
        left.append(noise_left(half, quarter, repeats))
    assert 0.25 < np.mean(left) < 0.45  # Spearman and Brown: 0.5


def test_the_ceiling_by_hand():
    _, trials = animal(repeats=3)  # halves of one repeat each, no quarters
    result = evaluate([rdms(trials[0])], trials, comparator="pearson", inference=POINT)
    parts, repeats = repeated_rdms(trials, "correlation", np.random.default_rng(0))
    np.testing.assert_allclose(parts[0], rdms(trials.mean("repeat")), rtol=1e-12)
    single = rdms(trials)
    for k in range(1, 21):  # each half is one of the three trials
        assert np.abs(single - parts[k]).max("pair").min() < 1e-12
    r = np.mean([np.corrcoef(parts[k], parts[k + 1])[0, 1] for k in range(1, 21, 2)])
    reliability = 3 * r / (1 + 2 * r)  # Spearman and Brown, three times the length
    np.testing.assert_allclose(result.ceiling, np.sqrt([r * reliability, reliability]))
    assert repeats == Repeats(10, 3.0, 1.0, 0.0)


def test_halves_share_no_trial_and_missing_repeats_are_left_out():
    rng = np.random.default_rng(0)
    counts = rng.integers(4, 9, 12)
    marks = 2.0 ** np.arange(8)[:, None, None] * np.ones((1, 12, 5)) + np.arange(5)
    trials = np.where(np.arange(8)[:, None, None] < counts[:, None], marks, np.nan)
    patterns = xr.DataArray(trials + 1e-3 * rng.normal(size=trials.shape), dims=DIMS)
    parts, repeats = repeated_rdms(patterns, "sqeuclidean", rng)
    assert parts.shape[0] == 41
    np.testing.assert_allclose(repeats.whole, 1 / np.mean(1 / counts))
    np.testing.assert_allclose(repeats.half, 1 / np.mean(1 / (counts // 2)))
    np.testing.assert_allclose(parts[0], rdms(patterns.mean("repeat"), "sqeuclidean"))


def test_the_numbers_of_the_models_are_those_of_the_mean_over_repeats():
    signal, trials = animal()
    models = [rdms(signal), rdms(trials[0])]
    few = Inference(resample=("condition",), n=60, permutations=60)
    ours = evaluate(models, trials, inference=few)
    plain = evaluate(models, rdms(trials.mean("repeat")), inference=few)
    for name in ("evaluation", "interval", "p_zero", "p_pair", "p_permutation"):
        np.testing.assert_allclose(ours[name], plain[name], rtol=1e-10)
    assert np.isnan(plain.ceiling).all()
    assert ours.attrs["ceiling_of"] == "halves of the repeats"
    assert np.isfinite(ours.p_ceiling).all()
    assert ours.evaluation[0] > ours.ceiling[0]  # the truth is better than half of the repeats
    assert "noise ceiling: 0." in summary(ours).text
    unless_given = evaluate(models, trials, inference=Inference(n=60, permutations=60))
    xr.testing.assert_identical(unless_given.drop_attrs(), ours.drop_attrs())


def test_times_have_a_ceiling_each_and_stimuli_are_joined_by_their_ids():
    signal, trials = animal()
    ids = ("stimulus", [f"s{k:02d}" for k in range(24)])
    noise = xr.DataArray(np.random.default_rng(5).normal(size=trials.shape), dims=DIMS)
    timed = xr.concat([noise, trials], "time_ms").assign_coords(
        time_ms=[0.0, 100.0], stimulus_id=ids
    )
    model = rdms(xr.DataArray(signal, {"stimulus_id": ids}, DIMS[1:]))
    result = evaluate(model, timed, comparator="pearson", inference=POINT)
    assert result.ceiling.dims == ("bound", "time_ms")
    assert (result.ceiling.sel(time_ms=0) < 0.5).all()
    assert (result.ceiling.sel(time_ms=100) > 0.6).all()
    mixed = timed.isel(stimulus=np.random.default_rng(1).permutation(24))
    again = evaluate(model, mixed, comparator="pearson", inference=POINT)
    np.testing.assert_allclose(again.evaluation, result.evaluation, rtol=1e-10)
    late = {"time_ms": 100.0}
    np.testing.assert_allclose(again.ceiling.sel(late), result.ceiling.sel(late), rtol=1e-10)


def test_halves_that_do_not_agree_give_no_ceiling_above_zero():
    rng = np.random.default_rng(0)
    trials = xr.DataArray(rng.normal(size=(2, 12, 200)), dims=DIMS)
    bounds = [
        evaluate([rdms(trials[0])], t, comparator="pearson", inference=POINT).ceiling.values
        for t in (trials, trials.isel(stimulus=slice(None, None, -1)))
    ]
    assert np.isfinite(bounds).all()
    assert np.min(bounds) >= 0


def test_what_has_no_halves_is_refused():
    signal, trials = animal()
    model = [rdms(signal)]
    once = trials.where((trials.repeat == 0) | (trials.stimulus > 0))
    uneven = trials.where((trials.repeat > 0) | (trials.unit > 0))
    for data, options, says in (
        (once, {}, "1 of 24 stimuli have fewer than 2 repeats"),
        (uneven, {}, "units do not miss the same repeats"),
        (trials.expand_dims(subject=2), {}, "choose|Choose one of each other, e.g. one animal"),
        (trials, {"measure": "crossnobis"}, "crossnobis takes the repeats as runs"),
        (trials, {"measure": "nobody"}, "nobody"),
        (rdms(signal), {"measure": "cosine"}, "is for responses with repeats"),
        (trials, {"inference": Inference(resample="subject")}, "one subject"),
    ):
        with pytest.raises(AnalysisError, match=says):
            evaluate(model, data, **{"inference": POINT, **options})


@pytest.mark.slow
@pytest.mark.parametrize("comparator", ["pearson", "spearman"])
def test_of_one_animal_interval_ceiling_and_level_are_those_of_many_conditions(comparator):
    """Conditions are drawn from a population; the truth is what 300 of them give, as noisy."""
    runs, held, false = 150, np.zeros(2), 0
    ceilings, truths = [], []

    def one(rng, conditions, to_units, to_model):
        """RDMs of a model that is partly right, a perfect one and an unrelated one; trials."""
        latent = rng.normal(size=(conditions, 8))
        signal = latent @ to_units
        trials = signal + 6 * rng.normal(size=(6, *signal.shape))
        shown = (latent @ to_model, signal, rng.normal(size=(conditions, 20)))
        return [rdms(x, "sqeuclidean") for x in shown], xr.DataArray(trials, dims=DIMS)

    for seed in range(runs):
        rng = np.random.default_rng(20000 + seed)
        to_units = rng.normal(size=(8, 60))
        to_model = rng.normal(size=(8, 20)) * np.linspace(0.2, 1.6, 8)[:, None]
        models, trials = one(rng, 300, to_units, to_model)
        many = rdms(trials.mean("repeat"), "sqeuclidean")
        truth = evaluate(models[:2], many, comparator=comparator, inference=POINT).evaluation.values
        models, trials = one(rng, 30, to_units, to_model)
        result = evaluate(
            models,
            trials,
            comparator=comparator,
            measure="sqeuclidean",
            inference=Inference(n=200, permutations=200),
        )
        low, high = result.interval.values[:, :2]
        held += (low <= truth) & (truth <= high)
        false += float(result.p_permutation[2]) <= 0.05
        truths.append(truth[1])
        ceilings.append(result.ceiling.values)
    assert near(held[0] / runs, 0.95, runs), held / runs
    assert near(held[1] / runs, 0.95, runs), held / runs
    assert near(false / runs, 0.05, runs), false / runs
    lower, upper = np.mean(ceilings, axis=0)
    assert abs(upper - np.mean(truths)) < 0.012, (upper, np.mean(truths))
    assert lower < np.mean(truths)
