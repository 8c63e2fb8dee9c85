"""Where conditions are fixed an evaluation says so; by default they are not."""

import warnings

import numpy as np
import pytest
import xarray as xr

from cortexsim.analysis import ClusterTest, Inference, evaluate, summary
from cortexsim.errors import FixedConditionsWarning

PAIRS, SUBJECTS, TIMES = 190, 10, 8
TESTS = "interval, p_zero, p_ceiling, p_pair"


def unrelated(seed, *, noise=1.0, times=TIMES):
    """A model RDM, and those of subjects who share one that has nothing to do with it."""
    rng = np.random.default_rng(seed)

    def rdm():
        x = rng.normal(size=(20, 6))
        d = ((x[:, None] - x[None]) ** 2).sum(-1)[np.triu_indices(20, 1)]
        return (d - d.mean()) / d.std()

    shared = rdm()
    return rdm()[None], shared + noise * rng.normal(size=(SUBJECTS, times, PAIRS))


def judged(models, data, *, clusters=None, **inference):
    asked = Inference(**{"n": 50, "permutations": 40} | inference)
    return evaluate(models, data, comparator="pearson", inference=asked, clusters=clusters)


def test_unless_asked_otherwise_conditions_and_subjects_are_drawn_and_clusters_are_by_condition():
    assert ClusterTest().by == "condition"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = judged(*unrelated(0), clusters=ClusterTest())
    assert found.attrs["resample"] == "subject, condition"
    assert found.attrs["clusters"] == "condition"
    assert found.attrs["conditions_fixed_in"] == "nothing"
    assert "fixed" not in str(summary(found))


@pytest.mark.parametrize(
    ("resample", "clusters", "fixed", "remedies"),
    [
        ("subject", None, TESTS, ["resample=('subject', 'condition')"]),
        ((), None, TESTS, ["resample=('subject', 'condition')"]),
        (("subject", "condition"), "subject", "p_cluster", ["by='condition'"]),
        ("condition", "subject", "p_cluster", ["by='condition'"]),
        ("subject", "subject", f"{TESTS}, p_cluster", ["resample=('subject'", "by='condition'"]),
        ("subject", "condition", TESTS, ["resample=('subject', 'condition')"]),
    ],
)
def test_what_holds_conditions_fixed_warns_and_is_named(
    resample, clusters, fixed, remedies, tmp_path
):
    test = ClusterTest(by=clusters) if clusters else None
    with pytest.warns(FixedConditionsWarning) as caught:
        found = judged(*unrelated(0), resample=resample, clusters=test)
    (message,) = [str(w.message) for w in caught]
    assert message.startswith(f"{fixed}: the conditions are held fixed")
    assert all(r in message for r in remedies)
    assert ("by='condition'" in message) == (clusters == "subject")
    assert caught[0].filename == __file__.replace(".pyc", ".py"), "it points at the caller"
    assert found.attrs["conditions_fixed_in"] == fixed
    assert f"speak of no other conditions: {fixed}" in str(summary(found))
    found.to_netcdf(tmp_path / "x.nc")
    with xr.open_dataset(tmp_path / "x.nc") as back:
        assert back.attrs["conditions_fixed_in"] == fixed


def test_one_subject_without_resamples_has_no_test_to_warn_of():
    models, data = unrelated(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = judged(models, data[0, 0], resample=())
    assert found.attrs["conditions_fixed_in"] == "nothing"
    assert np.isnan(found.p_zero).all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::cortexsim.errors.FixedConditionsWarning")
def test_an_unrelated_model_passes_by_subject_and_not_by_condition():
    runs = 150
    false = dict.fromkeys(("cluster by subject", "cluster by condition", "subject", "both"), 0)
    for seed in range(runs):
        models, data = unrelated(seed)
        for by in ("subject", "condition"):
            found = judged(
                models, data, resample=(), permutations=199, clusters=ClusterTest(by=by), rng=seed
            )
            false[f"cluster by {by}"] += bool((found.p_cluster <= 0.05).any())
        for name, factors in (("subject", "subject"), ("both", ("subject", "condition"))):
            found = judged(models, data[:, 0], resample=factors, n=200, permutations=0, rng=seed)
            false[name] += float(found.p_zero[0]) <= 0.05
    share = {k: v / runs for k, v in false.items()}
    slack = 0.03 + 2 * np.sqrt(0.05 * 0.95 / runs)
    assert abs(share["cluster by condition"] - 0.05) <= slack, share
    assert share["both"] <= 0.05 + slack, share  # 1 %: the bootstrap of conditions is cautious
    assert share["cluster by subject"] > 0.2, share  # what the warning is about
    assert share["subject"] > 0.2, share
