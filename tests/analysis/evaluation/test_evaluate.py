"""``evaluate``: against scipy and ``compare``.

Coverage of intervals, false alarms of tests, invariances, refusals.
"""

import dataclasses
import functools
import itertools
import warnings

import numpy as np
import pytest
import scipy.stats
import xarray as xr

from cortexsim.analysis import (
    COMPARATORS,
    ClusterTest,
    Inference,
    compare,
    condensed,
    evaluate,
    noise_ceiling,
    square,
)
from cortexsim.analysis.statistics.pvalues import holm
from cortexsim.errors import AnalysisError

# Many a test here fixes the conditions and knows it; tests/analysis/evaluation/test_fixed.py asks
# for the warning.
pytestmark = pytest.mark.filterwarnings("ignore::cortexsim.errors.FixedConditionsWarning")

WHITENED = ("cosine-whitened", "pearson-whitened")
PLAIN = [c for c in COMPARATORS if c not in WHITENED]
SUBJECT, CONDITION, BOTH = ("subject",), ("condition",), ("subject", "condition")
RESAMPLES = [SUBJECT, CONDITION, BOTH]
NAMES = ["subjects", "conditions", "both"]


def vectors(*shape, n=10, seed=0, levels=None):
    """Random RDMs; ``levels`` makes heavy ties."""
    rng = np.random.default_rng(seed)
    shape = (*shape, n * (n - 1) // 2)
    return rng.random(shape) if levels is None else rng.integers(0, levels, shape).astype(float)


def example(models=3, subjects=6, n=10, noise=0.5, levels=None):
    """Models of which the first is what all subjects share."""
    a = vectors(models, n=n, seed=1, levels=levels)
    return a, a[0] + noise * vectors(subjects, n=n, seed=2, levels=levels)


def distances(patterns):
    """Squared distances of ``(..., condition, feature)``."""
    i, j = np.triu_indices(patterns.shape[-2], 1)
    return ((patterns[..., i, :] - patterns[..., j, :]) ** 2).sum(-1)


FIELDS = {field.name for field in dataclasses.fields(Inference)}


def judged(models, data, *, clusters=None, cluster_threshold=0.05, **options):
    """``evaluate`` with all settings in one dictionary, so that tables of cases stay short."""
    inference = {k: options.pop(k) for k in FIELDS & set(options)}
    groups = {k: options.pop(f"{k}_groups", None) for k in ("subject", "condition")}
    inference["groups"] = {k: v for k, v in groups.items() if v is not None}
    test = ClusterTest(by=clusters, threshold=cluster_threshold) if clusters else None
    return evaluate(models, data, inference=Inference(**inference), clusters=test, **options)


quick = functools.partial(judged, n=20, permutations=20, comparator="pearson")
CORRECTED = (
    "p_zero_corrected",
    "p_ceiling_corrected",
    "p_pair_corrected",
    "p_permutation_corrected",
)


def assert_same(ours, theirs, atol=1e-12, without=()):
    assert set(ours.data_vars) == set(theirs.data_vars)
    for name in set(ours.data_vars) - set(without):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=atol, err_msg=name)


# --- the numbers without resamples ----------------------------------------------------------------


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("levels", [None, 3])
def test_evaluations_are_the_mean_of_compare_and_ceilings_those_of_noise_ceiling(
    comparator, levels
):
    a, d = example(levels=levels)
    result = quick(a, d, comparator=comparator)
    each = compare(a, d, comparator)
    np.testing.assert_allclose(
        result.by_subject.transpose("model", "subject"), each, rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(result.evaluation, each.mean(1), rtol=0, atol=1e-12)
    np.testing.assert_allclose(result.ceiling, noise_ceiling(d, comparator), rtol=0, atol=1e-12)
    assert result.sizes["model"] == 3
    assert result.attrs["comparator"] == comparator
    assert (result.attrs["conditions"], result.attrs["pairs"], result.attrs["subjects"]) == (
        10,
        45,
        6,
    )


@pytest.mark.parametrize("comparator", WHITENED)
def test_a_covariance_of_conditions_is_used_where_subjects_are_resampled(comparator):
    a, d = example()
    s = np.diag(np.random.default_rng(0).uniform(0.3, 3, 10)) + 0.1
    result = quick(a, d, comparator=comparator, sigma_k=s, resample="subject")
    each = compare(a, d, comparator, sigma_k=s)
    np.testing.assert_allclose(
        result.by_subject.transpose("model", "subject"), each, rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(
        result.ceiling, noise_ceiling(d, comparator, sigma_k=s), rtol=0, atol=1e-12
    )
    with pytest.raises(AnalysisError, match="sigma_k needs all conditions once"):
        quick(a, d, comparator=comparator, sigma_k=s)


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_where_nothing_is_resampled_tests_and_intervals_are_the_t_tests_of_scipy(comparator):
    a, d = example(4, 7)
    result = evaluate(
        a,
        d,
        comparator=comparator,
        inference=Inference(resample=(), permutations=0, correction="none", confidence=0.9),
    )
    x = compare(a, d, comparator).T  # (subject, model)
    one = scipy.stats.ttest_1samp(x, 0, alternative="greater")
    np.testing.assert_allclose(result.p_zero, one.pvalue, rtol=1e-9)
    np.testing.assert_allclose(result.standard_error, scipy.stats.sem(x), rtol=1e-9)
    interval = scipy.stats.ttest_1samp(x, 0).confidence_interval(0.9)
    np.testing.assert_allclose(result.interval, [interval.low, interval.high], rtol=1e-9)
    for i, j in itertools.permutations(range(4), 2):
        expected = scipy.stats.ttest_rel(x[:, i], x[:, j]).pvalue
        assert float(result.p_pair[i, j]) == pytest.approx(expected, rel=1e-8)
    assert np.isnan(np.diagonal(result.p_pair)).all()
    assert result.attrs["degrees_of_freedom"] == 6


@pytest.mark.parametrize("seed", range(3))
def test_resampling_subjects_gives_the_standard_error_of_their_mean(seed):
    a, d = example(3, 9, noise=1)
    x = compare(a, d, "pearson")
    n = 4000
    result = evaluate(
        a,
        d,
        comparator="pearson",
        inference=Inference(resample="subject", n=n, permutations=0, rng=seed),
    )
    # The standard deviation of n normal draws has a relative error of 1 / sqrt(2 n) = 1.1 %.
    np.testing.assert_allclose(
        result.standard_error, scipy.stats.sem(x, axis=1), rtol=4 / np.sqrt(2 * n)
    )
    difference = x[0] - x[1]
    t = scipy.stats.ttest_1samp(difference, 0).statistic
    ours = scipy.stats.t.isf(result.p_pair[0, 1] / 2, 8)
    assert ours == pytest.approx(abs(t), rel=4 / np.sqrt(2 * n))


@pytest.mark.parametrize("resample", RESAMPLES, ids=NAMES)
@pytest.mark.parametrize("n", [20, 256, 257, 600])
def test_as_many_resamples_are_used_as_were_asked_for(resample, n):
    result = evaluate(
        *example(),
        comparator="pearson",
        inference=Inference(resample=resample, n=n, permutations=0, samples=True),
    )
    assert result.attrs["resamples_used"] == n
    assert result.samples.shape == (n, 3)
    assert len(np.unique(result.samples[:, 0])) > n / 4  # of 6 subjects there are 462 resamples


@pytest.mark.parametrize("resample", [*RESAMPLES, ()], ids=[*NAMES, "none"])
def test_an_interval_excludes_zero_exactly_where_the_one_sided_test_does_at_half_the_level(
    resample,
):
    a, d = example(8, 6, noise=2)
    result = evaluate(
        a,
        d,
        comparator="pearson",
        inference=Inference(resample=resample, n=100, permutations=0, confidence=0.8),
    )
    np.testing.assert_array_equal(result.interval[0] > 0, result.p_zero < 0.1)
    np.testing.assert_allclose(result.interval.mean("bound"), result.evaluation, rtol=0, atol=1e-12)
    narrow = evaluate(
        a,
        d,
        comparator="pearson",
        inference=Inference(resample=resample, n=100, permutations=0, confidence=0.5),
    )
    assert (narrow.interval[1] < result.interval[1]).all()


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_evaluations_on_common_pairs_are_those_of_the_pairs_that_exist(comparator):
    a, d = example()
    a[1, [3, 8, 20]] = d[2, [3, 30]] = np.nan
    if comparator in WHITENED:
        with pytest.raises(AnalysisError, match="whitened"):
            quick(a, d, comparator=comparator, nan="common", permutations=0)
        return
    result = quick(a, d, comparator=comparator, nan="common", permutations=0)
    np.testing.assert_allclose(
        result.by_subject.T, compare(a, d, comparator, nan="common"), rtol=0, atol=1e-12
    )
    ceiling = noise_ceiling(np.where(np.isfinite(a[1]), d, np.nan), comparator, nan="common")
    np.testing.assert_allclose(result.ceiling, ceiling, rtol=0, atol=1e-12)
    assert result.attrs["pairs"] == 41


# --- variances and corrections --------------------------------------------------------------------


@pytest.mark.parametrize("correction", ["holm", "fdr", "max", "none"])
def test_corrected_p_values_are_not_smaller_and_none_corrects_nothing(correction):
    a, d = example(5, 8, noise=2)
    result = evaluate(
        a,
        d,
        comparator="pearson",
        inference=Inference(n=200, permutations=50, correction=correction),
    )
    for name in ("p_zero", "p_ceiling", "p_pair", "p_permutation"):
        raw, done = result[name].values, result[f"{name}_corrected"].values
        np.testing.assert_array_equal(np.isnan(raw), np.isnan(done))
        some = np.isfinite(raw)
        assert (raw[some] >= 0).all()
        assert (done[some] <= 1).all()
        if name == "p_permutation" or correction in ("holm", "fdr"):
            assert (done[some] >= raw[some]).all()
        if name != "p_permutation" and correction == "none":
            np.testing.assert_array_equal(raw, done)
        if name == "p_pair":
            np.testing.assert_array_equal(done, done.T)


# --- what intervals cover, and what tests reject by chance ----------------------------------------
#
# Patterns of 20 conditions with 6 features, u ~ N(0, 1); a subject's are u + s e with its own e ~
# N(0, 1) and noise s ~ U(0.5, 1.5). RDMs are squared distances; the model's are those of the first
# 3 features, another model's those of the last 3 (as good). Moments of normal variables give the
# similarity over infinitely many conditions in closed form.

CONDITIONS, SUBJECTS, FEATURES = 20, 10, 6
POPULATION = {
    "pearson": lambda s: 1 / (np.sqrt(2) * (1 + s**2)),
    "cosine": lambda s: (24 + 72 * (1 + s**2)) / np.sqrt((36 + 24) * (144 + 48) * (1 + s**2) ** 2),
}


def two_models(u):
    return np.stack([distances(u[:, :3]), distances(u[:, 3:])])


def noisy_subjects(u, s, rng):
    return distances(u + s[:, None, None] * rng.normal(size=(len(s), *u.shape)))


def limit(rate, repeats):
    """Three standard errors of a rate that was found in so many repeats."""
    return 3 * np.sqrt(rate * (1 - rate) / repeats)


def test_the_similarity_in_the_population_of_conditions_is_that_of_very_many():
    rng = np.random.default_rng(0)
    u, e = rng.normal(size=(2, 2, 200_000, FEATURES))  # the two conditions of each pair
    for s in (0.5, 1.2):
        model = ((u[0] - u[1])[:, :3] ** 2).sum(1)
        subject = ((u[0] - u[1] + s * (e[0] - e[1])) ** 2).sum(1)
        assert POPULATION["pearson"](s) == pytest.approx(
            np.corrcoef(model, subject)[0, 1], abs=0.01
        )
        cosine = model @ subject / np.sqrt(model @ model * (subject @ subject))
        assert POPULATION["cosine"](s) == pytest.approx(cosine, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("comparator", ["pearson", "cosine"])
@pytest.mark.parametrize("resample", RESAMPLES, ids=NAMES)
def test_intervals_cover_the_effect_in_the_population_at_their_nominal_rate(comparator, resample):
    repeats, rng = 400, np.random.default_rng(5)
    similarity = POPULATION[comparator]
    inside, below, variances, errors, p = [], [], [], [], []
    for k in range(repeats):
        s = rng.uniform(0.5, 1.5, SUBJECTS)
        if resample != SUBJECT or k % 50 == 0:  # conditions are new, unless only subjects are
            u = rng.normal(size=(CONDITIONS, FEATURES))
        # The mean over very many subjects, of these conditions.
        if resample == SUBJECT and k % 50 == 0:
            many = np.concatenate(
                [noisy_subjects(u, rng.uniform(0.5, 1.5, 2000), rng) for _ in range(3)]
            )
            effect = compare(two_models(u)[0], many, comparator).mean()
        elif resample == CONDITION:  # of these subjects, for very many conditions
            effect = similarity(s).mean()
        elif resample == BOTH:
            effect = similarity(np.linspace(0.5, 1.5, 1001)).mean()
        result = evaluate(
            two_models(u),
            noisy_subjects(u, s, rng),
            comparator=comparator,
            inference=Inference(resample=resample, n=200, permutations=0, rng=rng),
        )
        low, high = result.interval.values[:, 0]
        inside.append(low <= effect <= high)
        below.append(effect < low)
        variances.append(float(result.standard_error[0]) ** 2)
        errors.append(float(result.evaluation[0]) - effect)
        p.append(float(result.p_pair[0, 1]))
    rate = np.mean(inside)
    assert 0.92 - limit(0.95, repeats) <= rate <= 0.98 + limit(0.95, repeats)
    # A rate cannot tell an interval that is much too wide from one that is right; the variances can
    # (known to 10 %).
    assert 0.7 < np.mean(variances) / np.var(errors) < 1.5
    if resample != SUBJECT:  # over conditions, the two models are as good as each other
        assert np.mean(np.array(p) < 0.05) <= 0.05 + limit(0.05, repeats)


def unrelated(rng, models, shared=True):
    """RDMs of models and of subjects that know nothing of each other.

    The subjects share something, or not.
    """
    u = rng.normal(size=(CONDITIONS, FEATURES)) if shared else 0
    data = distances(u + rng.normal(size=(SUBJECTS, CONDITIONS, FEATURES)))
    return distances(rng.normal(size=(models, CONDITIONS, FEATURES))), data


@pytest.mark.slow
@pytest.mark.parametrize("comparator", ["pearson", "cosine"])
def test_permuted_labels_find_an_unrelated_model_in_5_percent_and_any_of_many_in_5_percent(
    comparator,
):
    repeats, rng = 200, np.random.default_rng(0)
    one, several, anywhere = [], [], []
    for _ in range(repeats):
        models, _ = unrelated(rng, 3)
        data = np.stack([unrelated(rng, 1)[1] for _ in range(2)], axis=1)  # two times
        result = evaluate(
            models,
            data,
            comparator=comparator,
            inference=Inference(resample=(), permutations=199, rng=rng),
        )
        one.append(result.p_permutation.values[0, 0] <= 0.05)
        several.append(result.p_permutation_corrected.values.min() <= 0.05)
        anywhere.append(result.p_permutation.values.min() <= 0.05)
    assert abs(np.mean(one) - 0.05) <= limit(0.05, repeats)
    assert abs(np.mean(several) - 0.05) <= limit(0.05, repeats)
    assert np.mean(anywhere) > 0.12  # uncorrected, six tests reject more often


@pytest.mark.slow
@pytest.mark.parametrize("correction", ["holm", "max"])
@pytest.mark.parametrize("resample", RESAMPLES, ids=NAMES)
def test_corrected_tests_find_any_effect_of_unrelated_models_in_at_most_5_percent(
    correction, resample
):
    # With fixed conditions, a model is unrelated on average over subjects if those share nothing.
    repeats, rng = 200, np.random.default_rng(2)
    zero, pair, raw = [], [], []
    for _ in range(repeats):
        models, data = unrelated(rng, 6, shared=resample != SUBJECT)
        result = evaluate(
            models,
            data,
            comparator="pearson",
            inference=Inference(
                resample=resample, n=200, permutations=0, correction=correction, rng=rng
            ),
        )
        raw.append(result.p_zero.values <= 0.05)
        zero.append(result.p_zero_corrected.values.min() <= 0.05)
        pair.append(np.nanmin(result.p_pair_corrected.values) <= 0.05)
    assert np.mean(raw) <= 0.05 + limit(0.05, repeats)
    assert np.mean(zero) <= 0.05 + limit(0.05, repeats)
    assert np.mean(pair) <= 0.05 + limit(0.05, repeats)


def over_time(rng, model, strength, times=8):
    """Subjects whose patterns drift over time, and hold the model's from the 4th to the 7th."""
    e = rng.normal(size=(times, SUBJECTS, *model.shape))
    for t in range(1, times):
        e[t] = 0.8 * e[t - 1] + 0.6 * e[t]
    e[3:7] += strength * model
    return distances(e).swapaxes(0, 1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["subject", "condition"])
def test_clusters_in_time_are_found_where_they_were_planted_and_by_chance_in_at_most_5_percent(
    kind,
):
    repeats, rng = 200, np.random.default_rng(4)
    by_chance = []
    options = {"comparator": "pearson", "resample": (), "permutations": 99, "clusters": kind}
    for _ in range(repeats):
        model = rng.normal(size=(CONDITIONS, FEATURES))
        result = judged(distances(model), over_time(rng, model, 0), rng=rng, **options)
        by_chance.append(bool((result.p_cluster <= 0.05).any()))
    assert np.mean(by_chance) <= 0.05 + limit(0.05, repeats)
    found = []
    for _ in range(10):
        model = rng.normal(size=(CONDITIONS, FEATURES))
        found.append(
            judged(
                distances(model), over_time(rng, model, 0.8), rng=rng, **options
            ).p_cluster.values[0]
            <= 0.05
        )
    inside, outside = (
        np.mean(found, axis=0)[3:7],
        np.delete(np.mean(found, axis=0), np.arange(3, 7)),
    )
    assert (inside >= 0.8).all()
    assert (outside <= 0.4).all()


# --- p-values that cannot be finer than the data, and tests of few subjects -----------------------


@pytest.mark.sampled(3)
@pytest.mark.parametrize("comparator", COMPARATORS)
def test_p_values_of_four_conditions_count_the_permutations_that_change_nothing(comparator):
    # Of the 24 orders of 4 conditions one is the observed one, so p is at least 1/24 (in 480 draws,
    # 1/24 +- 0.9 %).
    for seed in range(20):
        a = vectors(1, n=4, seed=seed)
        d = a + 1e-3 * vectors(5, n=4, seed=seed + 100)
        p = evaluate(
            a,
            d,
            comparator=comparator,
            inference=Inference(resample=(), permutations=480, rng=seed),
        ).p_permutation.values
        assert p >= 1 / 24 - 3.5 * 0.0091


def test_a_model_with_two_levels_ties_with_the_permutations_within_its_levels():
    # One condition apart from the others: of all orders, 1/8 leave it where it is, and give exactly
    # the observed value.
    model = condensed((np.arange(8)[:, None] == 0) != (np.arange(8)[None] == 0)).astype(float)
    for seed in range(10):
        data = model + 0.3 * vectors(5, n=8, seed=seed)
        p = evaluate(
            model,
            data,
            comparator="pearson",
            inference=Inference(resample=(), permutations=800, rng=seed),
        ).p_permutation.values
        assert p >= 1 / 8 - 3.5 * np.sqrt(1 / 8 * 7 / 8 / 800)


@pytest.mark.parametrize("subjects", [2, 3, 4, 8])
def test_a_model_clearly_below_the_ceiling_of_subjects_who_agree_is_found_to_be_below(subjects):
    # Subjects differ by a millionth, so nothing varies: neither the model's similarity (0.6 or so)
    # nor the ceiling (1).
    a = vectors(2, n=12, seed=1)
    d = a[0] + 1e-6 * vectors(subjects, n=12, seed=2)
    model = a[0] + 0.8 * a[1]
    result = evaluate(
        model,
        d,
        comparator="pearson",
        inference=Inference(resample="subject", n=250, permutations=0),
    )
    assert float(result.evaluation[0]) < 0.9 < float(result.ceiling[0])
    assert float(result.p_ceiling[0]) < 0.01


@pytest.mark.parametrize("subjects", [3, 4, 8])
def test_of_a_single_model_the_maximum_statistic_finds_the_ceiling_as_far_as_the_t_test_does(
    subjects,
):
    # One test: nothing to correct for. With 3 subjects, p = 0.2 of Student's t is p = 0.06 of a
    # normal distribution.
    truth = vectors(1, n=12, seed=1)
    for seed in range(20):
        d = truth + 0.8 * vectors(subjects, n=12, seed=seed + 10)
        result = evaluate(
            truth,
            d,
            comparator="pearson",
            inference=Inference(
                resample="subject", n=200, permutations=0, correction="max", rng=seed
            ),
        )
        if float(result.p_ceiling[0]) > 0.2:
            assert float(result.p_ceiling_corrected[0]) > 0.02


# --- groups ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("resample", [*RESAMPLES, ()], ids=[*NAMES, "none"])
def test_the_same_session_entered_twice_is_no_more_evidence(resample):
    a, d = example(3, 6, noise=1)
    options = {"comparator": "pearson", "resample": resample, "n": 100, "permutations": 20}
    once = judged(a, d, **options)
    twice = judged(
        a, np.repeat(d, 2, axis=0), subject_groups=np.repeat(list("fedcba"), 2)[::-1], **options
    )
    assert twice.attrs["subjects"] == 6
    assert twice.attrs["degrees_of_freedom"] == once.attrs["degrees_of_freedom"]
    assert_same(twice.drop_vars("by_subject"), once.drop_vars("by_subject"))


def test_signs_are_flipped_of_whole_subjects_with_all_their_sessions():
    a, d = example(1, 5, noise=0.3)
    times = np.stack([d, d], axis=1)
    twice = np.repeat(times, 2, axis=0)
    options = {"comparator": "pearson", "resample": (), "permutations": 500, "clusters": "subject"}
    p = judged(a, twice, subject_groups=np.repeat(np.arange(5), 2), **options).p_cluster.values
    assert p.min() >= 1 / 32  # of 5 subjects there are 32 flips


@pytest.mark.parametrize("groups", [5, 10])
def test_degrees_of_freedom_count_the_groups_of_conditions_that_are_drawn(groups):
    a, d = example(2, 30, n=20)
    labels = np.arange(20) % groups
    result = evaluate(
        a,
        d,
        comparator="pearson",
        inference=Inference(
            resample="condition", n=50, permutations=0, samples=True, groups={"condition": labels}
        ),
    )
    assert result.attrs["degrees_of_freedom"] == groups - 1
    expected = result.samples.std("resample", ddof=1) * np.sqrt(groups / (groups - 1))
    np.testing.assert_allclose(result.standard_error, expected, rtol=1e-10)


def test_conditions_that_nobody_saw_are_no_degrees_of_freedom():
    a, d = example(2, 8, n=14)
    full = square(d)
    full[:, 9:] = full[:, :, 9:] = np.nan
    i, j = np.triu_indices(14, 1)
    result = evaluate(
        a,
        full[:, i, j],
        comparator="pearson",
        nan="common",
        inference=Inference(resample="condition", n=50, permutations=0),
    )
    assert result.attrs["degrees_of_freedom"] == 8


def test_conditions_of_a_group_are_drawn_together():
    # Two groups: a resample has both (all conditions once), or one of them twice; so there are
    # three evaluations.
    a, d = example(1, 5, n=12)
    labels = np.repeat(["x", "y"], 6)
    result = evaluate(
        a,
        d,
        comparator="pearson",
        inference=Inference(
            resample="condition", n=60, permutations=0, samples=True, groups={"condition": labels}
        ),
    )
    values = np.unique(result.samples.values.round(10))
    assert len(values) == 3
    assert np.abs(values - float(result.evaluation[0])).min() < 1e-9


def test_session_labels_leave_sessions_out_together_in_the_ceiling():
    a, d = example(2, 4, noise=1)
    d = np.concatenate([d, d])  # a session that is another's copy must not predict it
    apart = quick(a, d, resample=())
    together = quick(a, d, resample=(), subject_groups=list("abcdabcd"))
    assert float(together.ceiling[0]) < float(apart.ceiling[0]) - 0.05
    np.testing.assert_allclose(
        together.ceiling[0], noise_ceiling(d[:4], "pearson")[0], rtol=0, atol=1e-12
    )


# --- what must not matter -------------------------------------------------------------------------


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_seeds_decide_everything_and_a_generator_is_as_good(comparator):
    a, d = example()
    options = {
        "comparator": comparator,
        "n": 20,
        "permutations": 20,
        "clusters": "condition",
        "samples": True,
    }
    first = judged(a, d, rng=3, **options)
    xr.testing.assert_identical(first, judged(a, d, rng=3, **options))
    generator = judged(a, d, rng=np.random.default_rng(3), **options)
    xr.testing.assert_equal(first, generator)
    other = judged(a, d, rng=4, **options)
    xr.testing.assert_equal(first.evaluation, other.evaluation)
    xr.testing.assert_equal(first.ceiling, other.ceiling)
    assert np.abs(first.samples - other.samples).max() > 1e-3
    assert np.abs(first.standard_error - other.standard_error).max() > 1e-5


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("correction", ["holm", "max"])
def test_permuting_models_permutes_the_results(comparator, correction):
    a, d = example(4)
    order = np.array([2, 0, 3, 1])
    options = {"comparator": comparator, "n": 30, "permutations": 30, "correction": correction}
    expected = judged(a, d, **options).isel(model=order, other=order)
    assert_same(judged(a[order], d, **options), expected, atol=1e-11)


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_permuting_conditions_of_both_sides_or_subjects_changes_no_evaluation(comparator):
    a, d = example(levels=3)
    order = np.random.default_rng(0).permutation(10)
    moved = [condensed(square(x)[:, order][:, :, order]) for x in (a, d)]
    expected = quick(a, d, comparator=comparator, resample=())
    unseen = ("p_permutation", "p_permutation_corrected", "null_high")  # which depend on the draw
    assert_same(
        quick(*moved, comparator=comparator, resample=()), expected, atol=1e-9, without=unseen
    )
    subjects = np.array([3, 1, 0, 5, 4, 2])
    shuffled = quick(a, d[subjects], comparator=comparator, resample=())
    assert_same(shuffled, expected.isel(subject=subjects), atol=1e-9, without=())
    assert (
        np.abs(quick(moved[0], d, comparator=comparator).evaluation - expected.evaluation).max()
        > 0.01
    )


def test_permuting_conditions_or_subjects_changes_spreads_only_as_another_draw_would():
    a, d = example(noise=1)
    order = np.random.default_rng(0).permutation(10)
    moved = [condensed(square(x)[:, order][:, :, order]) for x in (a, d[::-1])]
    first, second = (
        evaluate(*x, comparator="pearson", inference=Inference(n=2000, permutations=0))
        for x in ((a, d), moved)
    )
    # Each standard error is known to about 1 / sqrt(2 n) = 1.6 % where one factor is resampled, a
    # few times that where three variances combine.
    np.testing.assert_allclose(second.standard_error, first.standard_error, rtol=0.15)


@pytest.mark.parametrize("comparator", ["pearson", "spearman", "tau-a", "cosine-whitened"])
def test_steps_and_times_cross_and_each_is_as_on_its_own(comparator):
    models, data = vectors(2, 3, seed=1), vectors(5, 4, seed=2) + vectors(5, 1, seed=3)
    options = {"comparator": comparator, "n": 30, "permutations": 30, "rng": 7, "samples": True}
    crossed = judged(models, data, **options)
    assert crossed.evaluation.dims == ("model", "step", "time")
    assert crossed.evaluation.shape == (2, 3, 4)
    for k, t in itertools.product(range(3), range(4)):
        alone = judged(models[:, k], data[:, t], **options)
        assert_same(crossed.isel(step=k, time=t), alone, without=CORRECTED)


def test_corrections_are_over_all_models_steps_and_times():
    models, data = vectors(2, 3, seed=1), vectors(5, 4, seed=2) + 0.3 * vectors(2, 3, seed=1)[0, 0]
    result = evaluate(
        models, data, comparator="pearson", inference=Inference(n=30, permutations=30)
    )
    np.testing.assert_allclose(
        result.p_zero_corrected.values.ravel(), holm(result.p_zero.values.ravel()), atol=1e-15
    )
    np.testing.assert_allclose(
        result.p_pair_corrected.values[0, 1].ravel(),
        holm(result.p_pair.values[0, 1].ravel()),
        atol=1e-15,
    )


@pytest.mark.parametrize("correction", ["holm", "max"])
@pytest.mark.parametrize("clusters", ["subject", "condition"])
def test_a_model_that_does_not_exist_at_a_step_is_nan_there_and_changes_no_other(
    correction, clusters
):
    models, data = vectors(3, 4, seed=1), vectors(6, 2, seed=2) + vectors(6, 1, seed=3)
    options = {
        "comparator": "pearson",
        "n": 30,
        "permutations": 30,
        "correction": correction,
        "samples": True,
    }
    whole = judged(models, data, clusters=clusters, **options)
    holed = models.copy()
    holed[1, 2] = holed[2, 0] = np.nan
    result = judged(holed, data, clusters=clusters, **options)
    gone = np.isnan(holed[..., 0])
    names = ["evaluation", "standard_error", "p_zero", "p_ceiling", "p_permutation", "null_high"]
    for name in (*names, "p_zero_corrected", "p_ceiling_corrected", "p_permutation_corrected"):
        assert np.isnan(result[name].values[gone]).all(), name
        assert np.isfinite(result[name].values[~gone]).all(), name
    for name in names:
        np.testing.assert_allclose(
            result[name].values[~gone], whole[name].values[~gone], rtol=0, atol=1e-12
        )
    np.testing.assert_array_equal(result.ceiling, whole.ceiling)
    either = gone[:, None] | gone[None]
    assert np.isnan(result.p_pair.values[either]).all()
    np.testing.assert_allclose(
        result.p_pair.values[~either], whole.p_pair.values[~either], rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(result.p_cluster[0], whole.p_cluster[0], rtol=0, atol=1e-12)
    assert np.isnan(result.p_cluster.values[gone]).all()
    assert (
        result.p_zero_corrected.values[~gone] <= whole.p_zero_corrected.values[~gone] + 0.05
    ).all()


@pytest.mark.sampled(16)
@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e-160, 1e-100, 1e100, 1e160, 1e200, 1e300])
def test_units_do_not_matter_or_are_refused(comparator, scale):
    a, d = example()
    expected = quick(a, d, comparator=comparator)
    for left, right in ((scale * a, d), (a, scale * d)):
        try:
            ours = quick(left, right, comparator=comparator)
        except AnalysisError:
            continue
        assert_same(ours, expected, atol=1e-9)


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_types_lists_and_arrays_that_cannot_be_written_to_give_the_same_numbers(comparator):
    a, d = example(levels=5)
    expected = quick(a, d, comparator=comparator)
    for x in (a, d):
        x.setflags(write=False)
    kept = a.copy(), d.copy()
    for kind in (np.asarray, list, np.ndarray.tolist, np.asfortranarray):
        assert_same(quick(kind(a), kind(d), comparator=comparator), expected, atol=1e-9)
    assert_same(
        quick(a.astype(int), d.astype("f4"), comparator=comparator),
        quick(a, d.astype("f4"), comparator=comparator),
    )
    np.testing.assert_array_equal(a, kept[0])
    np.testing.assert_array_equal(d, kept[1])


# --- folds and weights ----------------------------------------------------------------------------


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_planted_weights_predict_conditions_that_no_weight_was_fitted_to(comparator):
    components = vectors(3, n=20, seed=1)
    data = np.stack([np.array([2, 0, 1]) @ components] * 3) + 1e-9 * vectors(3, n=20, seed=2)
    result = evaluate(
        components,
        data,
        comparator=comparator,
        folds=2,
        weighted={"sum": components},
        inference=Inference(resample=(), permutations=0),
    )
    assert list(result.model.values) == ["0", "1", "2", "sum"]
    assert float(result.evaluation[3]) == pytest.approx(1, abs=1e-6)
    assert (result.evaluation[:3] < 0.99).all()


@pytest.mark.sampled(3)
@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("resample", [(), BOTH], ids=["none", "both"])
def test_a_mixture_is_better_predicted_by_the_combination_than_by_its_components(
    comparator, resample
):
    components = vectors(4, n=24, seed=1)
    data = components[0] + components[1] + components[2] + 0.5 * vectors(8, n=24, seed=2)
    options = {"resample": resample, "n": 100, "permutations": 0, "folds": 2, "samples": True}
    result = judged(
        components, data, comparator=comparator, weighted={"sum": components}, **options
    )
    best = float(result.evaluation[:4].max())
    assert float(result.evaluation[4]) > best + 0.01
    assert (result.evaluation <= result.ceiling[1] + 1e-9).all()
    if resample:
        assert (result.samples[:, 4] > result.samples[:, :4].max("model")).mean() > 0.8


@pytest.mark.sampled(1)
@pytest.mark.parametrize("resample", RESAMPLES, ids=NAMES)
def test_weights_fitted_to_noise_predict_nothing_also_not_in_resamples(resample):
    # Twenty components that know nothing fit the 66 training pairs well; the pairs of other
    # conditions they must not.
    values, drawn, repeats = [], [], 40
    for seed in range(repeats):
        components = vectors(20, n=24, seed=2 * seed)
        data = vectors(1, n=24, seed=2 * seed + 1) + 0.3 * vectors(5, n=24, seed=seed + 900)
        result = evaluate(
            components[:1],
            data,
            comparator="pearson",
            folds=2,
            weighted={"noise": components},
            inference=Inference(resample=resample, n=20, permutations=0, rng=seed, samples=True),
        )
        values.append(float(result.evaluation[1]))
        drawn.append(float(result.samples[:, 1].mean()))
    for found in (values, drawn):
        assert abs(np.mean(found)) < 3.5 * np.std(found, ddof=1) / np.sqrt(repeats)
        assert abs(np.mean(found)) < 0.05


@pytest.mark.parametrize("comparator", ["pearson", "cosine", "spearman"])
def test_folded_evaluations_are_the_mean_over_disjoint_sets_of_conditions(comparator):
    # Groups of conditions make the two folds known: each fold is one group or the other, with 8
    # conditions.
    a, d = example(2, 5, n=16)
    labels = np.arange(16) // 2  # exemplars of 8 objects stay together
    result = evaluate(
        a,
        d,
        comparator=comparator,
        folds=2,
        inference=Inference(resample=(), permutations=0, groups={"condition": labels}),
    )
    candidates = []
    for half in itertools.combinations(range(8), 4):
        first = np.isin(labels, half)
        parts = [np.flatnonzero(first), np.flatnonzero(~first)]
        each = []
        for kept in parts:
            i, j = np.triu_indices(8, 1)
            each.append(
                compare(
                    square(a)[:, kept[i], kept[j]], square(d)[:, kept[i], kept[j]], comparator
                ).mean(1)
            )
        candidates.append(np.mean(each, axis=0))
    assert np.abs(np.array(candidates) - result.evaluation.values).max(1).min() < 1e-12


def test_a_combination_stands_at_every_step_and_time():
    models, data = vectors(2, 3, n=16, seed=1), vectors(5, 4, n=16, seed=2)
    components = vectors(2, n=16, seed=3)
    data = data + components[0]
    options = {
        "comparator": "pearson",
        "n": 100,
        "permutations": 20,
        "folds": 2,
        "weighted": {"w": components},
    }
    result = judged(models, data, **options)
    assert result.evaluation.shape == (3, 3, 4)
    assert (result.evaluation[2] == result.evaluation[2, 0]).all()
    # A permutation would have to fit the weights again.
    assert np.isnan(result.p_permutation[2]).all()
    assert np.isfinite(result.p_permutation[:2]).all()
    alone = judged(models[:, 0], data[:, 1], **options)
    np.testing.assert_allclose(result.evaluation[:, 0, 1], alone.evaluation, rtol=0, atol=1e-12)


@pytest.mark.parametrize("resample", [(), *RESAMPLES], ids=["none", *NAMES])
@pytest.mark.parametrize("comparator", ["pearson", "cosine", "spearman"])
def test_components_that_no_positive_weight_helps_predict_nothing_and_leave_others_as_they_are(
    comparator, resample
):
    # The only component is the opposite of what the subjects share, so its weight is zero: a
    # prediction of nothing, not of NaN.
    a, d = example(2, 6, n=16, noise=0.3)
    against = -a[:1] if comparator == "cosine" else 1 - a[:1]
    options = {
        "comparator": comparator,
        "resample": resample,
        "n": 60,
        "permutations": 0,
        "folds": 2,
    }
    alone = judged(a, d, **options)
    with_it = judged(a, d, weighted={"w": against}, **options)
    assert float(with_it.evaluation[2]) == 0
    assert with_it.attrs["resamples_used"] == alone.attrs["resamples_used"]
    np.testing.assert_allclose(with_it.standard_error[:2], alone.standard_error, rtol=0, atol=1e-12)


@pytest.mark.parametrize("folds", [2, 5])
@pytest.mark.parametrize("n", [40, 400])
def test_folds_that_few_resamples_fill_are_refused_or_leave_enough_of_them(folds, n):
    a, d = example(2, 6, n=20)
    try:
        result = evaluate(
            a, d, comparator="pearson", folds=folds, inference=Inference(n=n, permutations=0)
        )
    except AnalysisError:
        return
    assert result.attrs["resamples_used"] >= 20
    assert np.isfinite(result.standard_error).all()


@pytest.mark.parametrize("comparator", ["pearson", "spearman", "cosine", "pearson-whitened"])
@pytest.mark.parametrize("resample", [(), BOTH], ids=["none", "both"])
def test_a_model_that_is_the_same_for_all_pairs_of_a_fold_leaves_the_other_models_their_numbers(
    comparator, resample
):
    # One condition apart from all others: in the fold without it, there is nothing to compare.
    step = condensed((np.arange(16)[:, None] == 0) != (np.arange(16)[None] == 0)).astype(float)
    a, d = example(1, 6, n=16)
    options = {
        "comparator": comparator,
        "resample": resample,
        "n": 60,
        "permutations": 0,
        "folds": 2,
    }
    alone = judged(a, d, **options)
    try:
        both = judged(np.concatenate([a, step[None]]), d, **options)
    except AnalysisError:
        return
    assert float(both.evaluation[0]) == pytest.approx(float(alone.evaluation[0]), abs=1e-12)
    assert float(both.standard_error[0]) == pytest.approx(float(alone.standard_error[0]), rel=0.5)


# --- names, coordinates, dask ---------------------------------------------------------------------


def movie(states=("V1", "IT"), steps=3, n=10, **names):
    """Model RDMs as an RDM movie has them."""
    return xr.DataArray(
        vectors(len(states), steps, n=n, seed=1),
        dims=("state", "step", "pair"),
        coords={
            "state": list(states),
            "step": np.arange(steps),
            "time_ms": ("step", 10.0 * np.arange(steps)),
            "populated": (("state", "step"), np.ones((len(states), steps), dtype=bool)),
            "first": ("pair", np.triu_indices(n, 1)[0]),
        },
    ).rename(names)


def brains(subjects=5, times=4, n=10, dims=("participant", "time", "pair")):
    coords = {dims[0]: [f"s{k}" for k in range(subjects)], dims[1]: 5.0 * np.arange(times)}
    return xr.DataArray(vectors(subjects, times, n=n, seed=2), dims=dims, coords=coords)


def test_an_rdm_movie_and_brains_keep_their_names_and_coordinates():
    result = quick(movie(), brains(), samples=True)
    assert result.evaluation.dims == ("model", "step", "time")
    assert result.by_subject.dims == ("subject", "model", "step", "time")
    assert list(result.model.values) == list(result.other.values) == ["V1", "IT"]
    assert list(result.subject.values) == ["s0", "s1", "s2", "s3", "s4"]
    np.testing.assert_array_equal(result.time, 5.0 * np.arange(4))
    np.testing.assert_array_equal(result.time_ms, 10.0 * np.arange(3))
    assert result.time_ms.dims == ("step",)
    assert "pair" not in result.dims
    plain = quick(movie().values, brains().values, samples=True)
    assert_same(result, plain)
    picked = result.sel(model="IT", step=1, time=10.0, bound="upper").interval
    assert float(picked) == float(plain.interval[1, 1, 1, 2])


def test_the_middle_axis_of_an_array_has_the_name_that_the_array_gives_it():
    result = quick(movie(step="depth"), brains(dims=("subject", "lag", "pair")))
    assert result.evaluation.dims == ("model", "depth", "lag")


@pytest.mark.parametrize("name", ["time", "step", "model"])
def test_axes_of_both_sides_with_one_name_are_kept_apart_or_refused(name):
    # An RDM movie over time and brains over time are the most natural of all inputs.
    try:
        result = quick(
            movie(step=name) if name != "model" else movie(), brains(dims=("subject", name, "pair"))
        )
    except AnalysisError:
        return
    assert result.evaluation.shape == (2, 3, 4)
    assert len(set(result.evaluation.dims)) == 3


def test_results_can_be_written_and_read(tmp_path):
    result = quick(movie(), brains(), clusters="condition", samples=True)
    result.to_netcdf(tmp_path / "result.nc")
    with xr.open_dataset(tmp_path / "result.nc") as back:
        xr.testing.assert_equal(back.load(), result)


def lazy(x, chunks=1):
    import dask.array as da  # among the packages of the tests: absent, they must fail and not skip

    return da.from_array(x, chunks=(*(chunks,) * (x.ndim - 1), x.shape[-1] - 7))


@pytest.mark.sampled(6)
@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("which", ["models", "data", "both"])
def test_dask_arrays_give_the_same_numbers_with_threads(comparator, which):
    models, data = vectors(2, 3, seed=1), vectors(5, 4, seed=2)
    models[1, 1] = np.nan
    options = {
        "comparator": comparator,
        "n": 20,
        "permutations": 20,
        "clusters": "condition",
        "samples": True,
    }
    expected = judged(models, data, **options)
    left = lazy(models) if which != "data" else models
    right = lazy(data) if which != "models" else data
    import dask

    with dask.config.set(scheduler="threads", num_workers=2):
        assert_same(judged(left, right, **options), expected, atol=1e-11)


def test_lazy_data_arrays_keep_names_and_numbers():
    import dask

    with dask.config.set(scheduler="synchronous"):
        result = quick(movie().chunk(state=1, pair=20), brains().chunk(time=2, participant=3))
    xr.testing.assert_allclose(result, quick(movie(), brains()), rtol=0, atol=1e-11)


@pytest.mark.slow
def test_two_workers_evaluate_as_one_process_does():
    import distributed

    models, data = vectors(2, 3, seed=1), vectors(5, 4, seed=2)
    with warnings.catch_warnings():
        # What distributed warns about while it starts and stops is not ours to judge.
        warnings.simplefilter("ignore")
        options = {
            "n_workers": 2,
            "threads_per_worker": 1,
            "processes": True,
            "dashboard_address": None,
        }
        with (
            distributed.LocalCluster(**options, silence_logs=50) as cluster,
            distributed.Client(cluster) as client,
        ):
            client.wait_for_workers(2, timeout=600)
            result = quick(lazy(models), lazy(data))
            done = client.run(lambda dask_worker: dask_worker.state.executed_count)
    assert min(done.values()) > 0  # both worked
    assert_same(result, quick(models, data), atol=1e-11)


def test_lazy_arrays_are_checked_as_others_are():
    import dask

    a, d = example()
    holed, empty, constant = a.copy(), a * np.nan, d.copy()
    holed[0, 0] = np.nan  # its first pair only: still one that exists, with a number missing
    constant[2] = 1.0
    with dask.config.set(scheduler="synchronous"):
        for left, right in (
            (holed, d),
            (empty, d),
            (a, constant),
            (a, d[:, :36]),
            (a[:, :44], d),
            (a[None, None], d),
        ):
            with pytest.raises(AnalysisError):
                quick(left, right)
            with pytest.raises(AnalysisError):
                quick(lazy(left), lazy(right))


def test_lazy_square_rdms_are_refused_as_others_are():
    import dask

    # 10 entries are also the pairs of 5 conditions.
    a, d = (
        square(vectors(3, seed=1)),
        square(vectors(6, seed=2)),
    )
    with dask.config.set(scheduler="synchronous"):
        for kind in (np.asarray, lazy):
            with pytest.raises(AnalysisError, match="square"):
                quick(kind(a), kind(d))


def test_lazy_arrays_with_missing_pairs_are_evaluated_on_the_common_ones_or_refused():
    import dask

    a, d = example()
    a[1, 5] = np.nan
    options = {"nan": "common", "permutations": 0}
    with dask.config.set(scheduler="synchronous"):
        try:
            result = quick(lazy(a), lazy(d), **options)
        except AnalysisError as error:
            advice = str(error)
        else:
            advice = ""
            assert_same(result, quick(a, d, **options), atol=1e-11)
    assert "give nan='common'" not in advice  # which was given


# --- odd inputs -----------------------------------------------------------------------------------


ODD = {
    "one model": lambda a, d: (a[0], d, {}),
    "one model, all corrections": lambda a, d: (a[0], d, {"correction": "max"}),
    "one data RDM": lambda a, d: (a, d[0], {"resample": "condition"}),
    "one data RDM, nothing resampled": lambda a, d: (a, d[0], {"resample": ()}),
    "one of each": lambda a, d: (a[0], d[0], {"resample": ["condition"]}),
    "two subjects": lambda a, d: (a, d[:2], {"n": 60}),
    "two subjects, maximum": lambda a, d: (a, d[:2], {"n": 60, "correction": "max"}),
    "four conditions": lambda a, d: (a[:, :6], d[:, :6], {"n": 60}),
    "two identical models": lambda a, d: (np.stack([a[1], a[1]]), d, {}),
    "the model is the data": lambda a, d: (d, d, {}),
    "identical subjects": lambda a, d: (a, np.stack([d[0]] * 4), {}),
    "two levels": lambda a, d: ((a > 0.5).astype(int), (d > 0.7).astype(int), {"n": 60}),
    "two levels, few conditions": lambda a, d: (
        np.eye(6)[:2],
        (d > 0.5)[:, :6] + np.eye(6),
        {"n": 60},
    ),
    "one pair apart": lambda a, d: (np.eye(45)[:3], d, {"n": 60}),
    "a baseline": lambda a, d: (a + 1e6, d + 1e6, {}),
    "negative": lambda a, d: (-a, d - 5, {}),
    "more models than pairs": lambda a, d: (np.concatenate([a] * 30), d, {}),
    "clusters without time": lambda a, d: (a, d, {"clusters": "condition"}),
    "clusters of subjects": lambda a, d: (a, d[:, None], {"clusters": "subject"}),
}


@pytest.mark.sampled(24)
@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("case", ODD)
def test_odd_inputs_give_numbers_in_their_range_or_a_clear_error(comparator, case):
    a, d = example()
    left, right, options = ODD[case](a, d)
    try:
        result = quick(left, right, comparator=comparator, samples=True, **options)
    except AnalysisError:
        # A model that is constant in most resamples, or four conditions of which most resamples
        # hold fewer than three, has no spread.
        assert "levels" in case or case in ("one pair apart", "four conditions")
        return
    each = compare(left, right, comparator)
    np.testing.assert_allclose(
        result.evaluation.values.ravel(),
        np.reshape(each, (result.sizes["model"], -1)).mean(1),
        rtol=0,
        atol=1e-9,
    )
    assert (np.abs(result.by_subject) <= 1 + 1e-12).all()
    if "samples" in result:
        drawn = result.samples.values  # NaN where a model is constant in a resample
        assert np.isfinite(drawn).mean() >= 0.5
        assert (np.abs(drawn[np.isfinite(drawn)]) <= 1 + 1e-9).all()
        assert result.attrs["resamples_used"] >= 2
        assert (result.standard_error >= 0).all()
        assert (result.interval[0] <= result.interval[1]).all()
    for name in result.data_vars:
        if name.startswith("p_"):
            p = result[name].values[np.isfinite(result[name].values)]
            assert ((p >= 0) & (p <= 1)).all(), name
    assert (result.p_permutation > 0).all()


def test_a_model_that_a_resample_makes_constant_leaves_the_other_models_all_their_resamples():
    # Two levels that one condition of six decides: a third of all resamples lack it, and say
    # nothing of this model.
    step = condensed((np.arange(6)[:, None] == 0) != (np.arange(6)[None] == 0)).astype(float)
    a, d = vectors(1, n=6, seed=1), vectors(5, n=6, seed=2) + vectors(1, n=6, seed=1)
    alone = evaluate(a, d, comparator="pearson", inference=Inference(n=200, permutations=0))
    both = evaluate(
        np.concatenate([a, step[None]]),
        d,
        comparator="pearson",
        inference=Inference(n=200, permutations=0),
    )
    assert float(both.standard_error[0]) == pytest.approx(float(alone.standard_error[0]), abs=1e-12)


# --- refusals -------------------------------------------------------------------------------------

A, D = example()
W = vectors(2, seed=9)
BAD = {
    "one subject": (A, D[:1], {}, "one subject, who cannot be resampled"),
    "one subject, subjects": (A, D[0], {"resample": "subject"}, r"resample=\('condition',\)"),
    "one subject in sessions": (A, D, {"subject_groups": ["a"] * 6}, "one subject"),
    "few resamples": (A, D, {"n": 19}, "n=19 resamples"),
    "no resamples": (A, D, {"n": 0}, "n=0"),
    "negative n": (A, D, {"n": -5}, "n=-5"),
    "fraction of resamples": (A, D, {"n": 20.5}, None),
    "negative permutations": (A, D, {"permutations": -1}, None),
    "fraction of permutations": (A, D, {"permutations": 20.5}, None),
    "comparator": (A, D, {"comparator": "kendall"}, "choose from pearson, spearman"),
    "comparator None": (A, D, {"comparator": None}, "choose from"),
    "comparator list": (A, D, {"comparator": ["pearson"]}, "choose from"),
    "correction": (A, D, {"correction": "bonferroni"}, "choose from holm, fdr, max, none"),
    "maximum without resamples": (
        A,
        D,
        {"correction": "max", "resample": ()},
        "needs the joint distribution",
    ),
    "clusters": (A, D, {"clusters": "time"}, "choose from subject, condition"),
    "clusters of permutations without any": (
        A,
        D,
        {"clusters": "condition", "permutations": 0},
        "give permutations",
    ),
    "clusters of few flips": (A, D, {"clusters": "subject", "permutations": 10}, "at least 20"),
    "clusters of few subjects": (A, D[:4], {"clusters": "subject"}, "4 subjects.*at least 5"),
    "clusters of few subjects in many sessions": (
        A,
        D,
        {"clusters": "subject", "subject_groups": list("aabbcc")},
        "at least 5",
    ),
    "cluster threshold 0": (A, D, {"clusters": "condition", "cluster_threshold": 0}, None),
    "cluster threshold above 1": (A, D, {"clusters": "subject", "cluster_threshold": 1.5}, None),
    "cluster threshold NaN": (A, D, {"clusters": "subject", "cluster_threshold": np.nan}, None),
    "resample": (A, D, {"resample": ("subject", "stimulus")}, "cannot resample 'stimulus'"),
    "resample name": (A, D, {"resample": "conditions"}, "cannot resample 'conditions'"),
    "resample number": (A, D, {"resample": 3}, "cannot resample 3"),
    "nan": (A, D, {"nan": "pairwise"}, "choose from refuse, common"),
    "confidence 0": (A, D, {"confidence": 0}, "between 0 and 1"),
    "confidence 1": (A, D, {"confidence": 1.0}, "between 0 and 1"),
    "confidence 95": (A, D, {"confidence": 95}, "confidence=95"),
    "confidence NaN": (A, D, {"confidence": np.nan}, "between 0 and 1"),
    "rng None": (A, D, {"rng": None}, None),
    "rng text": (A, D, {"rng": "seed"}, None),
    "rng fraction": (A, D, {"rng": 0.5}, None),
    "rng negative": (A, D, {"rng": -1}, None),
    "pairs": (
        A,
        D[:, :36],
        {},
        r"model RDMs have 45 pairs \(10 x 10 conditions\), data RDMs have 36 pairs \(9 x 9\)",
    ),
    "no number of pairs": (A[:, :44], D, {}, "44 entries"),
    "square models": (square(A), D, {}, "square"),
    "square data": (A, square(D), {}, "square"),
    "four axes": (A[None, None], D, {}, r"\(model, step, pair\)"),
    "four axes of data": (A, D[None, None], {}, r"\(subject, time, pair\)"),
    "three conditions": (A[:, :3], D[:, :3], {}, "at least 4"),
    "text": ("abc", D, {}, None),
    "None": (None, D, {}, None),
    "data None": (A, None, {}, None),
    "lists of different lengths": ([[1, 2], [1]], D, {}, None),
    "complex": (A * 1j, D, {}, "complex"),
    "no models": (A[:0], D, {}, None),
    "no subjects": (A, D[:0], {}, None),
    "constant model": (np.stack([A[0], np.ones(45)]), D, {}, r"constant \(number 1\)"),
    "constant subject": (A, np.stack([D[0], D[1], np.ones(45)]), {}, r"constant \(number 2\)"),
    "NaN in a model": (
        np.where(np.arange(45) == 3, np.nan, A),
        D,
        {},
        "3 of 135 entries of the model RDMs",
    ),
    "NaN in data": (
        A,
        np.where(np.arange(45) == 3, np.nan, D),
        {},
        "6 of 270 entries of the data RDMs",
    ),
    "infinite": (np.where(np.arange(45) == 3, np.inf, A), D, {}, "infinite"),
    "all models NaN": (A * np.nan, D, {}, "every model RDM is NaN throughout"),
    "a subject NaN": (
        A,
        np.concatenate([D, D[:1] * np.nan]),
        {"nan": "common", "permutations": 0},
        "only 0 of 45",
    ),
    "permutations where pairs are missing": (
        np.where(np.arange(45) == 3, np.nan, A),
        D,
        {"nan": "common"},
        "Give permutations=0",
    ),
    "five common pairs": (
        np.where(np.arange(45) >= 5, np.nan, A),
        D,
        {"nan": "common", "permutations": 0},
        "only 5 of 45 pairs",
    ),
    "folds": (A, D, {"folds": 3}, "3 folds of 10 conditions"),
    "default folds of weights": (A, D, {"weighted": {"w": W}}, "2 folds of 10 conditions"),
    "one fold": (A, D, {"folds": 1}, "2 folds"),
    "no folds": (A, D, {"folds": 0}, None),
    "negative folds": (A, D, {"folds": -2}, "2 folds"),
    "half a fold": (A, D, {"folds": 2.5}, None),
    "folds of groups": (A, D, {"folds": 2, "condition_groups": np.arange(10) // 2}, "5 conditions"),
    "subject labels": (
        A,
        D,
        {"subject_groups": list("abc")},
        r"groups\['subject'\] has shape \(3,\).*6",
    ),
    "condition labels": (
        A,
        D,
        {"condition_groups": np.arange(9)},
        r"groups\['condition'\] has shape \(9,\).*10",
    ),
    "square labels": (A, D, {"condition_groups": np.eye(10)}, r"\(10, 10\)"),
    "one group of conditions": (A, D, {"condition_groups": ["a"] * 10}, None),
    "sigma": (A, D, {"sigma_k": np.eye(10)}, "pearson does not use it"),
    "weights of other pairs": (A, D, {"folds": 2, "weighted": {"w": W[:, :36]}}, "36 pairs"),
    "a constant component": (
        A,
        D,
        {"folds": 2, "weighted": {"w": np.ones((2, 45))}},
        "2 of 2 components of 'w' are constant",
    ),
    "NaN in a component": (A, D, {"folds": 2, "weighted": {"w": W * np.nan}}, "NaN"),
    "one component without axis": (A, D, {"folds": 2, "weighted": {"w": W[0]}}, None),
    "components with steps": (A, D, {"folds": 2, "weighted": {"w": W[:, None]}}, None),
    "components without names": (A, D, {"folds": 2, "weighted": [W]}, None),
    "components of text": (A, D, {"folds": 2, "weighted": {"w": "abc"}}, None),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_evaluated_is_refused_with_what_was_found(case):
    left, right, options, words = BAD[case]
    with pytest.raises(AnalysisError, match=words):
        quick(left, right, **options)
