"""Halves, reliability and RDMs of responses: planted signals, refusals, real rasters."""

import numpy as np
import pytest
import scipy.stats
import xarray as xr
from grouped import grouped
from trains import rasters, repeats

from cortexsim.analysis import Inference, compare, condensed, rdms
from cortexsim.analysis.statistics.reliability import spearman_brown
from cortexsim.errors import AnalysisError
from cortexsim.neural.align import align
from cortexsim.neural.layout import About
from cortexsim.neural.own.responses import from_responses
from cortexsim.neural.spikes.reliability import reliability, split_halves
from cortexsim.neural.spikes.response_rdms import response_rdms
from cortexsim.neural.spikes.spikes import bin_spikes
from cortexsim.neural.spikes.trials import average


def _holed(rates):
    out = rates.rates.copy()
    out[3, 2] = np.nan
    return out


@pytest.mark.parametrize("seed", range(5))
def test_halves_share_out_every_trial_and_average_back(seed):
    rates = bin_spikes(rasters(trials=200), 50)
    halves, whole = split_halves(rates, rng=seed), average(rates)
    np.testing.assert_array_equal(halves.trials.sum("half"), whole.trials)
    assert int(np.abs(np.diff(halves.trials, axis=0)).max()) <= 1
    n = halves.trials.values[:, None]
    together = np.where(n > 0, n * halves.responses.values, 0).sum(0) / whole.trials.values
    np.testing.assert_allclose(together, whole.responses)
    assert halves.responses.attrs["seed"] == seed


def test_halves_are_drawn_anew_with_each_seed_and_repeat_with_the_same():
    rates = bin_spikes(rasters(trials=200), 50)
    assert split_halves(rates, rng=1).identical(split_halves(rates, rng=1))
    assert not split_halves(rates, rng=1).responses.equals(split_halves(rates, rng=2).responses)
    generator = np.random.default_rng(3)
    assert not split_halves(rates, rng=generator).responses.equals(
        split_halves(rates, rng=generator).responses
    )


@pytest.mark.slow
def test_each_trial_goes_to_either_half_equally_often():
    # The value of a trial is its number, so the means tell where each went; 3 trials make halves of
    # 1 and 2, the larger at random.
    data = repeats(np.zeros((4, 1)), 0.0, 3)
    data.responses[:] = (10.0 ** np.arange(3))[:, None, None, None]
    n, first = 400, []
    generator = np.random.default_rng(0)
    for _ in range(n):
        half = split_halves(data, rng=generator)
        first.append((half.responses * half.trials).values[0, 0, :, 0])
    for k in range(3):
        share = np.mean(np.array(first) // 10**k % 10)
        assert abs(share - 0.5) < 4 * 0.5 / np.sqrt(4 * n)


def test_a_half_without_trials_is_nan():
    rates = bin_spikes(rasters(trials=15), 50)  # one trial in each cell
    halves = split_halves(rates)
    assert (np.isnan(halves.responses).all("time_ms") == (halves.trials == 0)).all()
    assert int((halves.trials == 0).sum()) == 15


def simultaneous(sessions=3, units=2, trials=40, stimuli=5, seed=0):
    """Units of one session see the same sequence.

    The value of a trial is the number of its presentation.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for s in range(sessions):
        sequence = rng.permutation(np.arange(trials) % stimuli)
        rows += [
            (float(2**k), f"u{s}{u}", f"s{sequence[k]}", f"day {s}")
            for u in range(units)
            for k in range(trials)
        ]
    value, unit, stimulus, session = zip(*rows, strict=True)
    coords = {
        "unit": ("trial", list(unit)),
        "stimulus_id": ("trial", list(stimulus)),
        "session": ("trial", list(session)),
    }
    return xr.DataArray(np.array(value), coords, ("trial",), name="rates")


@pytest.mark.parametrize("seed", range(3))
def test_units_recorded_together_are_split_by_presentation(seed):
    data = simultaneous()
    split = split_halves(data, rng=seed, together="session")
    assert (split.trials == 4).all()  # of 8, in every session on its own
    halves = split.responses
    apart = split_halves(data, rng=seed).responses
    for s in range(3):
        # Sums of powers of two: equal sets only.
        assert (halves.sel(unit=f"u{s}0") == halves.sel(unit=f"u{s}1")).all()
        assert not (apart.sel(unit=f"u{s}0") == apart.sel(unit=f"u{s}1")).all()
    assert not (halves.sel(unit="u00").values == halves.sel(unit="u10").values).all()


def test_units_of_one_session_that_saw_different_sequences_are_refused():
    data = simultaneous()
    swapped = data.stimulus_id.values.copy()
    swapped[:40] = swapped[:40][::-1]
    with pytest.raises(AnalysisError, match="units of 'day 0' were not shown the same sequence"):
        split_halves(data.assign_coords(stimulus_id=("trial", swapped)), together="session")
    with pytest.raises(
        AnalysisError, match="no coordinate of trials; there are unit, stimulus_id, session"
    ):
        split_halves(data, together="day")
    with pytest.raises(AnalysisError, match="of all units at once already"):
        split_halves(repeats(np.ones((4, 2)), 1.0, 4), together="session")


@pytest.mark.parametrize("function", [average, split_halves, reliability])
def test_what_is_no_set_of_trials_is_refused(function):
    rates = bin_spikes(rasters(), 50)
    for data, match in [
        (rates.drop_vars("unit"), "without unit"),
        (rates.drop_vars(["unit", "stimulus_id"]), "without unit and stimulus_id"),
        (rates.rates.rename(trial="t"), r"needs single trials.*found \('t', 'time_ms'\)"),
        (rates.assign(rates=_holed(rates)), "1 of 60 trials hold NaN"),
        (rates.rates.values, "found ndarray"),
        (repeats(np.ones((4, 2)), 1.0, 4).drop_vars("stimulus_id"), "trials carry no stimulus_id"),
        (average(rates), "needs single trials"),
    ]:
        if function is average and match == "needs single trials":
            assert average(data) is data  # means already
            continue
        with pytest.raises(AnalysisError, match=match):
            function(data)
    data = repeats(np.ones((4, 2)), 1.0, 4, times=3)
    data.responses[0, 1, 2, 1] = np.nan
    with pytest.raises(AnalysisError, match="NaN at some times only"):
        function(data)


@pytest.mark.parametrize(("noise", "n"), [(1.0, 10), (2.0, 10), (3.0, 20), (0.0, 4), (2.0, 11)])
def test_reliability_of_units_is_the_share_of_signal_in_the_mean_over_all_trials(noise, n):
    signal = np.random.default_rng(5).normal(size=(300, 40))
    signal = (signal - signal.mean(0)) / signal.std(0)
    out = reliability(repeats(signal, noise, n, seed=1), splits=20)
    expected = 1 / (1 + noise**2 / n)  # signal variance 1, noise variance of the mean over n trials
    ours = out.reliability.values[0]
    assert abs(ours.mean() - expected) < 4 * max(ours.std() / np.sqrt(40), 1e-12) + 0.3 / n**2
    if noise:
        half = 1 / (1 + noise**2 / (n / 2))
        assert abs(out.r.values.mean() - half) < 0.03
    assert (out.splits == 20).all()
    assert out.attrs["n"] == 20


@pytest.mark.slow
def test_reliability_of_noise_is_zero_on_average():
    found = {by: [] for by in ("unit", "population", "rdm")}
    for seed in range(30):
        data = repeats(np.zeros((12, 10)), 1.0, 6, seed=seed)
        for by, values in found.items():
            values.append(
                float(reliability(data, by, inference=Inference(rng=seed), splits=5).r.mean())
            )
    for by, values in found.items():
        assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(30), by
        assert np.std(values) > 0


def test_reliability_follows_the_signal_in_time():
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(20, 30))
    gain = np.array([0, 0, 0.5, 2.0])
    x = gain[:, None, None] * signal + rng.normal(size=(10, 4, 20, 30))
    data = from_responses(
        x,
        dims=("repeat", "time_ms", "stimulus", "unit"),
        stimulus_id=range(20),
        time_ms=[-15, -5, 5, 15],
    )
    for by in ("unit", "population", "rdm"):
        out = reliability(data, by, centre=True, splits=10)
        r = out.reliability.values if by != "unit" else out.reliability.mean("unit").values
        assert np.abs(r[:2]).max() < 0.3 < r[2] < r[3], by
        assert out.time_ms.equals(data.time_ms)
        assert (out.interval.sel(bound="lower") <= out.interval.sel(bound="upper")).all()
    population = reliability(data, "population", splits=10).reliability.values
    np.testing.assert_allclose(
        population[2:], [1 / (1 + 1 / 10 / g**2) for g in gain[2:]], atol=0.05
    )


def test_reliabilities_are_those_of_the_halves_themselves():
    data = repeats(np.random.default_rng(0).normal(size=(8, 12)), 1.0, 6)
    a, b = split_halves(data, rng=4).responses.values[:, 0]
    ours = reliability(data, "unit", inference=Inference(rng=4), splits=1)
    expected = [scipy.stats.pearsonr(a[:, u], b[:, u])[0] for u in range(12)]
    np.testing.assert_allclose(ours.r[0], expected)
    np.testing.assert_allclose(ours.reliability, spearman_brown(ours.r))
    for measure in ("correlation", "sqeuclidean", "cosine"):
        for centre in (False, True):
            x, y = (h - centre * h.mean(0) for h in (a, b))
            ours = reliability(
                data,
                "rdm",
                measure=measure,
                comparator="pearson",
                centre=centre,
                inference=Inference(rng=4),
                splits=1,
            )
            expected = compare(rdms(x, measure), rdms(y, measure), "pearson")
            assert float(ours.r[0]) == pytest.approx(float(expected), abs=1e-12)
    centred = [(h - h.mean(0)).ravel() for h in (a, b)]
    assert float(
        reliability(data, "population", inference=Inference(rng=4), splits=1).r[0]
    ) == pytest.approx(scipy.stats.pearsonr(*centred)[0])


def test_noise_that_units_share_is_no_reliability_if_they_are_split_together():
    rng = np.random.default_rng(0)
    base = simultaneous(sessions=4, units=8, trials=60, stimuli=6)
    shared = {s: rng.normal(size=60) for s in range(4)}
    values = np.concatenate(
        [shared[s] + 0.3 * rng.normal(size=60) for s in range(4) for _ in range(8)]
    )
    together, apart = [], []
    for seed in range(30):
        # Another assignment of stimuli to presentations.
        order = np.random.default_rng(seed).permutation(60)
        ids = base.stimulus_id.values.reshape(32, 60)[:, order].ravel()
        data = base.copy(data=values).assign_coords(stimulus_id=("trial", ids))
        together.append(
            float(
                reliability(
                    data,
                    "rdm",
                    together="session",
                    measure="sqeuclidean",
                    inference=Inference(rng=seed),
                    splits=4,
                ).r
            )
        )
        apart.append(
            float(
                reliability(
                    data, "rdm", measure="sqeuclidean", inference=Inference(rng=seed), splits=4
                ).r
            )
        )
    assert abs(np.mean(together)) < 4 * np.std(together) / np.sqrt(30)
    assert np.mean(apart) > 0.3


def test_units_without_variance_or_trials_are_counted_not_dropped():
    signal = np.random.default_rng(0).normal(size=(8, 3))
    data = repeats(signal, 0.5, 6)
    data.responses[..., 1] = 7.3  # the same for ever
    data.responses[1:, :, 2, 2] = np.nan  # one trial of a stimulus
    unit = reliability(data, splits=10)
    assert unit.splits.values.tolist() == [[10, 0, 10]]
    assert np.isnan(unit.reliability.values).tolist() == [[False, True, False]]
    # The unit on the stimuli it has.
    only = data.responses.isel(unit=[2], stimulus=[0, 1, 3, 4, 5, 6, 7])
    assert float(unit.r[0, 2]) > 0.8
    assert reliability(only, splits=10).sizes["unit"] == 1
    assert reliability(data, "rdm", measure="sqeuclidean", splits=10).attrs["units_left_out"] == 1
    silent = data.assign(responses=data.responses * 0.0)
    out = reliability(silent.isel(unit=[0, 1]), "rdm", splits=3)
    assert int(out.splits[0]) == 0
    assert np.isnan(out.reliability[0])


def test_reliabilities_that_cannot_be_computed_are_refused():
    data = repeats(np.random.default_rng(0).normal(size=(8, 3)), 0.5, 4)
    for call, match in [
        ({"by": "voxel"}, "no reliability by 'voxel'; choose from unit, population, rdm"),
        ({"splits": 0}, "at least 1 random split"),
        ({"confidence": 95}, "between 0 and 1"),
        ({"by": "rdm", "measure": "crossnobis"}, "crossnobis needs runs"),
        ({"by": "rdm", "measure": "euclid"}, "no measure 'euclid'"),
        ({"by": "rdm", "comparator": "kendall"}, "kendall"),
        ({"rng": -1}, "seed of at least 0"),
    ]:
        with pytest.raises(AnalysisError, match=match):
            reliability(data, **grouped(reliability, **call))
    with pytest.raises(AnalysisError, match="no unit has two trials of any stimulus"):
        reliability(data.isel(repeat=[0]))
    with pytest.raises(AnalysisError, match="3 stimuli: at least 4"):
        reliability(data.isel(stimulus=[0, 1, 2]))


@pytest.mark.parametrize("measure", ["correlation", "cosine", "sqeuclidean", "poisson"])
def test_response_rdms_are_those_of_each_time(measure):
    x = np.random.default_rng(0).random((3, 6, 10))
    data = from_responses(
        x,
        dims=("time_ms", "stimulus", "unit"),
        stimulus_id=range(6),
        label=list("aabbcc"),
        time_ms=[0, 10, 20],
        about=About(area="V4", species="macaque"),
    )
    out = response_rdms(data, measure)
    np.testing.assert_allclose(out.rdm, [rdms(frame, measure) for frame in x])
    assert (out.rdm.dims, out.rdm.attrs["area"], out.rdm.attrs["kind"]) == (
        ("time_ms", "pair"),
        "V4",
        "rdm",
    )
    assert out.stimulus_id.equals(data.stimulus_id)
    np.testing.assert_array_equal([out.first, out.second], np.triu_indices(6, 1))
    if measure != "poisson":
        centred = response_rdms(data, measure, centre=True)
        np.testing.assert_allclose(
            centred.rdm, [rdms(f - f.mean(0), measure) for f in x], atol=1e-12
        )


def test_an_rdm_that_is_not_defined_is_nan_and_counted():
    x = np.random.default_rng(0).random((3, 6, 10))
    x[1, 4] = 0.7
    data = from_responses(
        x, dims=("time_ms", "stimulus", "unit"), stimulus_id=range(6), time_ms=[0, 10, 20]
    )
    out = response_rdms(data)
    assert np.isnan(out.rdm).all("pair").values.tolist() == [False, True, False]
    assert out.rdm.attrs["undefined"] == 1
    assert response_rdms(data, "sqeuclidean").rdm.attrs["undefined"] == 0


def test_what_is_no_mean_response_has_no_rdm():
    data = repeats(np.random.default_rng(0).normal(size=(8, 3)), 0.5, 4)
    with pytest.raises(AnalysisError, match="average"):
        response_rdms(data)
    mean = average(data)
    with pytest.raises(AnalysisError, match="mahalanobis needs"):
        response_rdms(mean, "mahalanobis")
    mean.responses[0, 2, 1] = np.nan
    with pytest.raises(AnalysisError, match="1 of 3 units lack a response"):
        response_rdms(mean)
    assert response_rdms(mean.dropna("unit")).sizes["pair"] == 28


def test_rdm_movie_of_the_real_rasters_is_the_one_that_others_computed(zhang):
    data, oracle = zhang
    mean = average(bin_spikes(data, 50, 10))
    mean = mean.isel(stimulus=align(mean.stimulus_id, oracle["condition"]))
    ours = response_rdms(mean, centre=True)
    np.testing.assert_allclose(ours.time_ms, oracle["time_ms"][2:-2])  # whole windows only
    np.testing.assert_allclose(ours.rdm, condensed(oracle["rdm"], tolerance=1e-5)[2:-2], atol=1e-6)


@pytest.mark.slow
def test_rdms_of_the_real_rasters_are_at_chance_before_onset_and_reliable_at_105_ms(zhang):
    data, _ = zhang
    rates = bin_spikes(data, 50, 10)
    out = reliability(rates, "rdm", centre=True, together="session", splits=20)
    apart = reliability(rates, "rdm", centre=True, splits=20)
    before = out.r.sel(time_ms=slice(None, -25))
    # Windows of 50 ms every 10 ms: each fifth is independent of the others, so the mean has the
    # error of 9 of them.
    error = float(before.std()) / np.sqrt(len(before) / 5)
    assert abs(float(before.mean())) < 3 * error
    assert float(before.max()) < 0.3
    assert float(out.r.sel(time_ms=105)) > 0.6
    assert float(out.reliability.sel(time_ms=105)) > 0.7
    # Units of a session were recorded at once: splitting each on its own lets the noise they share
    # pass for reliability.
    assert float(apart.r.sel(time_ms=slice(None, -25)).mean()) > float(before.mean()) + 2 * error
